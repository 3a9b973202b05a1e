import runpy
from pathlib import Path

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_the_page_has_the_tables_of_the_code(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)  # as a script finds the module beside it
    script = runpy.run_path(str(DOCS / "cryptography_tables.py"))
    current = script["PAGE"].read_text("utf-8")
    assert script["page"](current) == current


def test_every_module_says_what_it_is():
    modules = sorted((DOCS.parent / "server" / "crypto").rglob("*.py"))
    assert len(modules) > 30
    assert all(module.read_text("utf-8").startswith('"""') for module in modules)
