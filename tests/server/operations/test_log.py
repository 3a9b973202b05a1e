"""Log."""

import logging

from kmip.enums import Operation
from server.operations.log import LONGEST
from tests.server.conftest import InProcessClient


async def test_a_message_is_one_line_of_the_clients(ask: InProcessClient, caplog):
    caplog.set_level(logging.INFO)
    await ask(Operation.LOG, log_message="begin\nroot says: all is well\x1b[2J" + "x" * LONGEST)
    (record,) = [one for one in caplog.records if one.name == "strongroom.clients"]
    line = record.getMessage()
    assert line.startswith("alice says: 'begin\\nroot")
    assert line.isprintable()
    assert len(line) < LONGEST + 50
