"""The version that undecodable bytes state, and what is gone over to find it."""

import json

import pytest

from kmip.encodings.stated_version import MAX_BEGINNING, stated_version
from kmip.versions import ProtocolVersion

HEAD = {
    "JSON": b'{"tag":"RequestMessage", "value":[{"tag":"RequestHeader", "value":['
    b'{"tag":"ProtocolVersion", "value":[{"tag":"ProtocolVersionMajor", "type":"Integer", '
    b'"value" : 2}, {"tag":"ProtocolVersionMinor", "name":"x", "type":"Integer", "value":1}]}',
    "XML": b"<RequestMessage><RequestHeader><ProtocolVersion>\n<ProtocolVersionMajor "
    b'type="Integer" value="2"/>\n <ProtocolVersionMinor type="Integer" value=\'1\'/>',
}


@pytest.mark.parametrize("encoding", HEAD)
def test_what_a_message_states_is_read_before_its_end_is_looked_at(encoding):
    assert stated_version(HEAD[encoding] + b"<>{}nonsense") == ProtocolVersion(2, 1)


@pytest.mark.parametrize(
    "twice",
    [
        HEAD["JSON"].replace(b'"value" : 2', b'"value":"x","value":2'),
        HEAD["XML"].replace(b'value="2"', b'value="x" value="2"'),
    ],
)
def test_the_first_value_counts_or_none_so_that_nothing_is_gone_over_again(twice):
    assert stated_version(twice) is None


@pytest.mark.parametrize("values", [5, 20, 40])
def test_words_of_a_version_again_and_again_state_none(values):
    words = b'"ProtocolVersionMajor"' * 10 + b'"value":1' * values + b"},{"
    words = (words + b'"ProtocolVersionMinor"' * 12 + b'"value":' * 100)[:MAX_BEGINNING]
    assert stated_version(words) is None
    assert stated_version(json.dumps([1]).encode()) is None
