"""Write the table of settings into docs/configuration.md, from `server.setup.config`.

python docs/settings_table.py           write it
python docs/settings_table.py --check   fail if it is not as it would be written
"""

import sys
from pathlib import Path

from generated import with_tables, write_or_check

from server.setup.config import Config
from server.setup.settings import Setting, rows, written

PAGE = Path(__file__).with_name("configuration.md")
HEAD = """\
| setting | form and unit | default | what it does, and why this default |
| --- | --- | --- | --- |
"""


def form(row: Setting) -> str:
    """What may be given, with its unit and bounds."""
    if row.choices:
        return " or ".join(f"`{word}`" for word in row.choices)
    if row.type is bool:
        return "true or false"
    if row.minimum is None:
        return row.unit
    return f"{row.unit}, {row.minimum:,g} to {row.maximum:,.0f}"


def section(row: Setting) -> str:
    """One setting as a row of the table."""
    default = row.written_default or written(row.default) or "(none)"
    cells = (f"`{row.name}`", form(row), f"`{default}`", f"{row.meaning}. *Why:* {row.why}.")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def table() -> str:
    """All settings."""
    return HEAD + "".join(section(row) for row in rows(Config))


def page(current: str) -> str:
    """The page with its table as the declarations have it."""
    return with_tables(current, "settings_table.py", {"settings": table})


if __name__ == "__main__":
    made = {PAGE: page(PAGE.read_text("utf-8"))}
    sys.exit(write_or_check(made, "docs/settings_table.py"))
