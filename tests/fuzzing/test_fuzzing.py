"""What the fuzzer looks for, on its seeds and on some changes of them that are the same every time.

With STRONGROOM_SHARED the published cases are among the seeds.
"""

import logging
import random

import pytest

from kmip.encodings import ttlv
from kmip.encodings.codec import CODECS
from kmip.enums import ResultStatus
from kmip.messages import ResponseMessage, version_of
from kmip.structures import from_item
from server.requests.answer import answer
from tests.fuzzing import examined, seeds, spoiling
from tests.fuzzing.examined import CLIENT, Wrong, examine_http, examine_reading, no_errors
from tests.fuzzing.host import examine
from tests.server.conftest import InProcessClient

INPUTS = 120
"""Of each target; a fuzzer tries some hundreds a second."""


@pytest.mark.slow
@pytest.mark.parametrize("target", seeds.SEEDS)
async def test_some_inputs_give_nothing_but_answers(server, target):
    await seeds.import_objects(InProcessClient(server, CLIENT))
    chance = random.Random(target)
    typed = list(seeds.typed())
    good = (
        seeds.SEEDS[target]() if target not in CODECS else list(map(CODECS[target].encode, typed))
    )
    change = spoiling.changes(target, typed)
    for number in range(INPUTS):
        data = chance.choice(good)
        if number % 3:
            data = change(data, chance)
        if number % 3 == 2:
            data = spoiling.bytewise(data, chance)
        await examine(target, server, data)


async def test_the_seeds_find_what_they_name(server):
    """Else a fuzzer would look at refusals alone."""
    await seeds.import_objects(InProcessClient(server, CLIENT))
    statuses = []
    for item in seeds.typed():
        reply = ttlv.decode(await answer(server, ttlv.encode(item), CLIENT))
        response = from_item(reply, ResponseMessage, version_of(reply))
        statuses += [each.result_status for each in response.batch_item]
    assert statuses.count(ResultStatus.SUCCESS) > len(statuses) * 0.6


def test_an_error_that_is_logged_is_found():
    with pytest.raises(Wrong, match="it failed"), no_errors():
        logging.getLogger("server.requests").error("it failed")


def test_a_codec_that_changes_what_it_reads_is_found():
    class Forgetful(ttlv.TTLV):
        def decode(self, data):
            item = super().decode(data)
            return item._replace(value=item.value[:-1])

    message = ttlv.encode(next(seeds.typed()))
    examine_reading(ttlv.MESSAGE, message)
    with pytest.raises(Wrong):
        examine_reading(Forgetful(), message)


async def test_a_response_that_is_cut_is_found(server):
    await examine_http(server, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    with pytest.raises(Wrong, match="not whole"):
        examined._examine_responses(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nno")
    with pytest.raises(Wrong, match="no response"):
        examined._examine_responses(b"garbage")
