"""pip, told by the machine's settings how to fetch, and by its caller everything else.

An index, a certificate or a proxy in the environment or in a configuration file serves here as
everywhere. What would change the files that are chosen, or where they go (`user`, `target`,
`constraint`, `no-binary` and so on), does not.
"""

import ast
import os
import subprocess
import sys

PIP = [sys.executable, "-I", "-m", "pip"]
FETCHING = {
    "cache-dir",
    "cert",
    "client-cert",
    "default-timeout",
    "extra-index-url",
    "find-links",
    "index-url",
    "keyring-provider",
    "no-cache-dir",
    "no-index",
    "proxy",
    "retries",
    "timeout",
    "trusted-host",
}


def settings(environment: dict[str, str]) -> dict[str, str]:
    """What files and variables say about fetching, the stronger over the weaker as pip has it."""
    listing = subprocess.run(
        [*PIP, "config", "list"], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    lines = [line.partition("=") for line in listing.stdout.splitlines()]
    found = {}
    for section in ("global", "install", ":env:"):
        for setting, _, value in lines:
            name = setting.removeprefix(f"{section}.")
            if name != setting and name in FETCHING:
                found[name] = ast.literal_eval(value)
    return found


def main() -> None:
    """Become pip."""
    said = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    rest = {name: value for name, value in said.items() if not name.startswith("PIP_")}
    said.pop("PIP_QUIET", None)  # or it would not list anything
    for name, value in settings(said).items():
        rest["PIP_" + name.upper().replace("-", "_")] = value
    os.execve(PIP[0], [*PIP, *sys.argv[1:]], rest | {"PIP_CONFIG_FILE": os.devnull})


main()
