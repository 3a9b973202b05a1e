"""What docs/overview.md says of adding a thing is true: it is added to a copy, and used.

Each test copies the packages, touches the files that the table "To add a thing" names and no other,
and asks the copy in a process of its own.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
COPIED = (
    "kmip",
    "server",
    "enclave",
    "storage",
    "docs/spec",
    "docs/generated.py",
    "tests/server/conftest.py",
)

OPERATION = '''
from kmip.enums import Operation
from kmip.payloads.reprovision import ReProvisionRequest, ReProvisionResponse
from server.context import Context
from server.registry import operation


@operation(Operation.REPROVISION)
async def reprovision(context: Context, request: ReProvisionRequest) -> ReProvisionResponse:
    """Answer with a name."""
    return ReProvisionResponse(unique_identifier="done by " + context.client.name)
'''

ASKED_FOR_THE_OPERATION = """
    answer = await ask(Operation.REPROVISION)
    assert answer.unique_identifier == "done by alice"
    offered = await ask(Operation.QUERY, query_function=(QueryFunction.QUERY_OPERATIONS,))
    assert Operation.REPROVISION in offered.operation
"""

ASKED_FOR_THE_ATTRIBUTE = """
    def centre(name):
        return Attributes([(Tag.COST_CENTRE, name)])

    async def make(name):
        attributes = centre(name)
        attributes.set(Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES)
        attributes.set(Tag.CRYPTOGRAPHIC_LENGTH, 128)
        attributes.set(Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask.ENCRYPT)
        kind = ObjectType.SYMMETRIC_KEY
        made = await ask(Operation.CREATE, object_type=kind, attributes=attributes)
        return made.unique_identifier

    north, south = await make("north"), await make("south")
    found = await ask(Operation.LOCATE, attributes=centre("north"))
    assert found.unique_identifier == (north,)
    got = await ask(Operation.GET_ATTRIBUTES, unique_identifier=south)
    assert got.attributes.get(Tag.COST_CENTRE) == "south"
    new = AttributeInstance(Tag.COST_CENTRE, "west")
    await ask(Operation.SET_ATTRIBUTE, unique_identifier=south, new_attribute=new)
    assert (await ask(Operation.LOCATE, attributes=centre("west"))).unique_identifier == (south,)
"""

PROGRAM = """
import tempfile
from pathlib import Path

import trio

import kmip
from kmip.attributes import Attributes, AttributeInstance
from kmip.enums import CryptographicAlgorithm, ObjectType, Operation, QueryFunction
from kmip.masks import CryptographicUsageMask
from kmip.tags import Tag
from server.access.client import Client
from server.access.users import Users
from server.setup.config import Config
from server.state import Server
from storage import KeyFile, MemoryBackend, open_store
from tests.server.conftest import NOW, InProcessClient

assert Path(kmip.__file__).is_relative_to(Path.cwd()), kmip.__file__


async def main(data):
    config = Config(data=data, audit="none")
    async with open_store(MemoryBackend(), KeyFile(bytes(32)), create=True) as store:
        server = Server(
            config=config, store=store, users=Users(config.users_file), clock=lambda: NOW
        )
        await use(InProcessClient(server, Client("alice")))


async def use(ask):
"""

END = """

with tempfile.TemporaryDirectory() as directory:
    trio.run(main, Path(directory))
print("used")
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout with the packages alone, and without one operation that there is."""
    for name in COPIED:
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    (tmp_path / "server" / "operations" / "reprovision.py").unlink()
    return tmp_path


def insert(file: Path, before: str, text: str) -> None:
    """Put a row before the first line that begins with `before`."""
    content = file.read_text("utf-8")
    place = re.search(rf"^{re.escape(before)}", content, re.MULTILINE)
    assert place is not None
    file.write_text(content[: place.start()] + text + content[place.start() :], "utf-8")


def run(copy: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def use(copy: Path, questions: str) -> None:
    assert run(copy, "-c", PROGRAM + questions + END) == "used\n"


def test_an_operation_is_one_file(copy: Path) -> None:
    (copy / "server" / "operations" / "reprovision.py").write_text(OPERATION, "utf-8")
    use(copy, ASKED_FOR_THE_OPERATION)


def test_an_attribute_is_three_rows(copy: Path) -> None:
    spec = copy / "docs" / "spec"
    with (spec / "vocabulary.csv").open("a", encoding="utf-8") as file:
        file.write("tag,,CostCentre,Cost Centre,0x4201f0,1.0,\n")
    insert(copy / "kmip" / "attribute_table.py", "    Tag.COMMENT: ", "    Tag.COST_CENTRE: str,\n")
    rules = "    Tag.COST_CENTRE: R(NONE, EITHER, ALWAYS, ALWAYS, ALWAYS, NO, ALL),\n"
    insert(copy / "kmip" / "attribute_rules.py", "    Tag.COMMENT: ", rules)
    run(copy, str(spec / "generate.py"))
    use(copy, ASKED_FOR_THE_ATTRIBUTE)


def test_what_was_not_added_is_not_there(copy: Path) -> None:
    with pytest.raises(AssertionError, match="OPERATION_NOT_SUPPORTED"):
        use(copy, ASKED_FOR_THE_OPERATION)
