"""What it takes to add a TEE: its folder and its row, and nothing else."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from enclave.errors import InvalidPolicy, VerificationFailed
from enclave.evidence import TEE, Evidence
from enclave.policy import Policy, read_policy
from enclave.roots import vendor_roots
from enclave.sgx import SGX
from enclave.snp import SEV_SNP
from enclave.snp.policy import SNPPolicy
from enclave.supported import TEES
from enclave.tdx import TDX
from enclave.verify import verify
from tests.enclave.forging import NOW

ROOT = Path(__file__).parents[2]
TOY = Path(__file__).with_name("toy")


@pytest.fixture
def tree_with_a_toy(tmp_path: Path) -> Path:
    """The program as it would be with one TEE more."""
    tree = tmp_path / "tree"
    shutil.copytree(
        ROOT / "enclave", tree / "enclave", ignore=shutil.ignore_patterns("__pycache__")
    )
    for package in ("kmip", "server", "storage"):
        (tree / package).symlink_to(ROOT / package)
    folder = tree / "enclave/toy"
    folder.mkdir()
    (folder / "__init__.py").touch()
    shutil.copy(TOY / "variant.py", folder)
    rows = tree / "enclave/supported.py"
    before = "from enclave.variant import Variant\n", "    SGX_VARIANT,\n"
    after = "from enclave.toy.variant import TOY_VARIANT\n", "    TOY_VARIANT,\n"
    text = rows.read_text()
    for line, added in zip(before, after, strict=True):
        assert text.count(line) == 1
        text = text.replace(line, line + added)
    rows.write_text(text)
    return tree


def test_a_tee_is_added_by_a_folder_and_a_row(tree_with_a_toy: Path, tmp_path: Path):
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, TOY / "proof.py", work],
        env=os.environ | {"PYTHONPATH": str(tree_with_a_toy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "toys.example is SIMULATED" in done.stdout
    assert "  chip         toy, level 3\n" in done.stdout
    assert f"  measurement  {'70' * 32}\n" in done.stdout
    assert "  note         nobody makes such a chip\n" in done.stdout
    assert done.stdout.splitlines()[-6:] == [
        "bare: bare",
        'fetched: {"broken": [1]}',
        "collateral: TCB: this level is broken",
        "root: signature: it does not verify",
        "simulated: simulated: its root is not the vendor's",
        f"policy: measurement {'70' * 32} is not accepted; level 3 is below the minimum",
    ]


def test_the_rows_are_of_the_tees_that_are_promised():
    assert set(TEES) == {SEV_SNP, TDX, SGX}
    assert all(variant.tee == tee for tee, variant in TEES.items())
    assert {tee for tee, variant in TEES.items() if variant.guest is not None} == {SEV_SNP, TDX}


def test_what_has_no_row_is_neither_read_verified_nor_accepted():
    toy = TEE("toy")
    with pytest.raises(InvalidPolicy, match="no table 'toy'; there are sev-snp, tdx, sgx"):
        read_policy("[toy]")
    with pytest.raises(InvalidPolicy):
        Policy({toy: SNPPolicy()})
    with pytest.raises(VerificationFailed, match="no evidence of toy"):
        verify(Evidence(toy, b"TOY\0" + bytes(97)), None, vendor_roots(), NOW)


def test_no_encoding_takes_an_extension_of_another():
    oids = [variant.encoding.bare_oid for variant in TEES.values()]
    oids += [oid for variant in TEES.values() if (oid := variant.encoding.gramine_oid)]
    assert len(set(oids)) == len(oids)


# --- that nothing but the rows knows which TEEs there are

FOLDERS = [f"enclave/{folder}" for folder in ("sgx", "snp", "tdx")]
WORDS = {"sev", "snp", "tdx", "sgx", "dcap"}
EXCEPTIONS = {
    "enclave/supported.py": "the rows",
    "enclave/roots/__init__.py": "whom one trusts is pinned by vendor, in one place to audit",
    "enclave/claims.py": "values of strongroom-sk go over the wire and are never reused",
    "enclave/errors.py": "the steps of verification, in the order in which they are taken",
    "enclave/insecure/amd.py": "simulates AMD's certificates",
    "enclave/insecure/chip.py": "simulates the chips of AMD and Intel, byte for byte",
    "enclave/insecure/intel.py": "simulates Intel's certificates and collateral",
    "enclave/insecure/tee.py": "the table of what is simulated",
    "server/setup/config.py": "tells operators on which machines a setting matters",
}


def words(text: str) -> set[str]:
    """The words of an identifier or a text, in lower case: `TDXQuote` has `tdx` and `quote`."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+", text)}


def texts(source: str) -> Iterator[str]:
    """Every name and every string of a module, but not its docstrings."""
    tree = ast.parse(source)
    statements = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=module, names=names):
                yield module or ""
                yield from (alias.name for alias in names)
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case ast.keyword(arg=str(name)):
                yield name
            case ast.Constant(value=str(text)) if node not in statements:
                yield text


def naming_a_tee() -> set[str]:
    """The modules, outside the TEEs' own folders, that name one."""
    modules = (path for package in ("enclave", "server") for path in (ROOT / package).rglob("*.py"))
    outside = {path for path in modules if path.parent not in {ROOT / f for f in FOLDERS}}
    return {
        str(path.relative_to(ROOT))
        for path in outside
        if any(WORDS & words(text) for text in texts(path.read_text()))
    }


@pytest.mark.parametrize(
    "line",
    [
        "from enclave.snp import abi",
        "import enclave.tdx.quote",
        "if tee == SEV_SNP: pass",
        "isinstance(verified, VerifiedTDX)",
        "x = {'sgx': 1}",
        "def verify_sgx(): pass",
        "f(tdx=1)",
    ],
)
def test_a_tee_that_is_named_is_noticed(line: str):
    assert any(WORDS & words(text) for text in texts(line))
    assert not any(WORDS & words(text) for text in texts(f'"""{line}"""'))


def test_no_module_but_the_rows_names_a_tee():
    assert naming_a_tee() == set(EXCEPTIONS)
