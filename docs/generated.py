"""What the scripts beside this module have in common: they write files, or check them.

Each script makes tables in pages, or whole modules, from declarations. `python SCRIPT` writes what
is not current; `python SCRIPT --check` writes nothing, names it, and exits with 1.

On a page a table stands between two comments, which name it and the script:

    <!-- TITLE: made by docs/SCRIPT -->
    <!-- end -->
"""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

Tables = Mapping[str, Callable[[], str]]
"""What makes each table, by its title."""


def with_tables(page: str, script: str, tables: Tables) -> str:
    """A page with its tables as the code has them.

    Args:
        page: its text.
        script: the file name of the script that makes them.
        tables: all that it makes on the page.

    Raises:
        ValueError: a table has no place on the page, or a place no table.
    """
    place = re.compile(
        rf"(<!-- ([\w-]+): made by docs/{re.escape(script)} -->\n).*?(<!-- end -->\n)", re.DOTALL
    )
    titles = [title for _, title, _ in place.findall(page)]
    if sorted(titles) != sorted(tables):
        raise ValueError(f"the page has places for {titles}, and there is {list(tables)}")
    return place.sub(lambda found: found[1] + tables[found[2]]() + found[3], page)


def write_or_check(files: Mapping[Path, str], script: str) -> int:
    """Bring files up to date, or name those that are not; the exit status.

    Args:
        files: what each is to say.
        script: the path of the script that makes them, for the message.
    """
    stale = [
        path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        if stale:
            names = ", ".join(path.name for path in stale)
            print(f"not current, run python {script}: {names}")
        return 1 if stale else 0
    for path in stale:
        path.write_text(files[path], "utf-8")
    return 0
