"""What a person running Strongroom can mend, told in one sentence."""


class Failure(Exception):
    """Something outside the program is not as it must be.

    Commands print the sentence on standard error and exit with status 1; nobody sees a traceback.
    The sentence names the thing (a path, a port, a setting) and what to do about it. It never
    holds a secret.
    """
