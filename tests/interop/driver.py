"""The half of the suite that runs where PyKMIP is installed: performs scenarios on demand.

It reads one JSON object a line (which scenario, in which version, where the server is, whose
certificates to show) and writes one a line: `{"failure": null}`, or the traceback. PyKMIP's import
package has the name of one of ours, which is why this is a process of its own and imports nothing
of Strongroom.
"""

import importlib
import json
import logging
import sys
import traceback
import warnings

from scenarios import Door


def described(error):
    """The traceback, with the scenario's own variables, as plain `assert` says little."""
    found = traceback.TracebackException.from_exception(error, capture_locals=True)
    for frame in found.stack:
        if "/scenarios/" not in frame.filename:
            frame.locals = None
    return "".join(found.format())


def perform(task):
    """Run one scenario; what is said about it."""
    module, name = task["scenario"].split(".")
    door = Door(task)
    try:
        getattr(importlib.import_module(f"scenarios.{module}"), name)(door)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is told
        return described(error)
    finally:
        door.close()
    return None


def main():
    """Perform until standard input ends."""
    answers = sys.stdout
    sys.stdout = sys.stderr
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        answers.write(json.dumps({"failure": perform(json.loads(line))}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
