from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclave import cbor
from enclave.claims import (
    MAX_LIFE,
    MAX_SKEW,
    Claims,
    KeyOrigin,
    Role,
    SkProvider,
    check_validity,
    decode,
    encode,
)
from enclave.errors import InvalidEvidence, Refused

NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
CLAIMS = Claims(
    role=Role.BOOTSTRAP,
    public_key_sha256=sha256(b"key").digest(),
    deployment="eu-1",
    instance=bytes(range(16)),
    not_before=NOON,
    not_after=NOON + timedelta(hours=24),
    configuration_sha256=sha256(b"configuration").digest(),
    sk=SkProvider.SNP_DERIVED_KEY,
    key_origin=KeyOrigin.CHIP,
)
FULL = replace(
    CLAIMS,
    key_tcb=bytes(8),
    insecure_settings=("allow_this", "insecure_that"),
    store=b"epoch 7",
    store_since=b"s" * 32,
    operator_sha256=bytes(32),
    alarm="rolled back",
    nonce=b"n" * 32,
    channel=b"c" * 32,
)

claims_of_any_kind = st.builds(
    Claims,
    role=st.sampled_from(Role),
    public_key_sha256=st.binary(min_size=32, max_size=32),
    deployment=st.text(min_size=1, max_size=16),
    instance=st.binary(min_size=16, max_size=16),
    not_before=st.just(NOON),
    not_after=st.integers(1, 86400).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    configuration_sha256=st.binary(min_size=32, max_size=32),
    sk=st.sampled_from(SkProvider),
    key_origin=st.sampled_from(KeyOrigin),
    key_tcb=st.none() | st.binary(min_size=8, max_size=8),
    insecure_settings=st.sets(st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)).map(
        lambda names: tuple(sorted(names))
    ),
    store_since=st.none() | st.binary(min_size=32, max_size=32),
    store=st.none() | st.binary(min_size=1, max_size=64),
    operator_sha256=st.none() | st.binary(min_size=32, max_size=32),
    nonce=st.none() | st.binary(min_size=32, max_size=64),
    channel=st.none() | st.binary(min_size=32, max_size=32),
    alarm=st.from_regex(r"[a-z ]{0,32}", fullmatch=True),
)


@pytest.mark.parametrize("alarm", ["Forked", "a\n", "forked!", "a" * 33])
def test_an_alarm_is_a_word_or_two(alarm):
    with pytest.raises(InvalidEvidence, match="an alarm"):
        replace(CLAIMS, alarm=alarm)


@given(claims_of_any_kind)
def test_claims_are_read_back_as_written(claims):
    assert decode(encode(claims)) == claims


@given(claims_of_any_kind, claims_of_any_kind)
def test_different_claims_are_different_bytes(one, other):
    assert (encode(one) == encode(other)) == (one == other)


@given(st.binary(max_size=80))
def test_garbage_is_invalid_evidence(data):
    with pytest.raises(InvalidEvidence):
        decode(data)


@given(st.data())
def test_a_damaged_byte_is_refused_or_says_something_else(data):
    """No two writings of the same claims: nothing in the bytes is without meaning."""
    good = encode(FULL)
    at = data.draw(st.integers(0, len(good) - 1))
    bad = good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :]
    with suppress(InvalidEvidence):
        assert decode(bad) != FULL


def test_the_key_claim_is_that_of_interoperable_ra_tls():
    """CCC: the value is a byte string that holds CBOR [1, SHA-256]."""
    entries = cbor.decode(encode(CLAIMS))
    assert entries["pubkey-hash"] == bytes.fromhex("82015820") + CLAIMS.public_key_sha256
    assert all(type(value) is bytes for value in entries.values())
    assert "nonce" not in entries


@pytest.mark.parametrize(
    "change",
    [
        {"strongroom-profile": b"1"},
        {"strongroom-role": b"root"},
        {"strongroom-sk": b"trust-me"},
        {"strongroom-extra": b""},
        {"strongroom-instance": bytes(15)},
        {"strongroom-not-after": bytes(8)},
        {"strongroom-not-before": b"\xff" * 8},
        {"strongroom-not-after": b"\x01" + bytes(7)},
        {"strongroom-deployment": b""},
        {"strongroom-deployment": b"\xff"},
        {"strongroom-operator": bytes(33)},
        {"strongroom-store": b""},
        {"strongroom-store-since": bytes(31)},
        {"strongroom-key-origin": b"elsewhere"},
        {"strongroom-key-tcb": bytes(7)},
        {"strongroom-settings": b""},
        {"strongroom-settings": b"b,a"},
        {"strongroom-settings": b"a,a"},
        {"strongroom-settings": b"with space"},
        {"strongroom-settings": b",".join(b"a%03d" % number for number in range(300))},
        {"strongroom-channel": 5},
        {"pubkey-hash": cbor.encode([7, bytes(32)])},
        {"pubkey-hash": cbor.encode([1, bytes(32), 0])},
        {"pubkey-hash": b"\x00"},
        {"nonce": bytes(31)},
    ],
)
def test_other_profiles_labels_and_sizes_are_refused(change):
    entries = cbor.decode(encode(CLAIMS))
    with pytest.raises(InvalidEvidence):
        decode(cbor.encode(entries | change))


LABELS: Any = cbor.decode(encode(CLAIMS))


@pytest.mark.parametrize("label", sorted(LABELS))
def test_a_missing_claim_is_refused(label):
    entries = dict(cbor.decode(encode(CLAIMS)))
    del entries[label]
    with pytest.raises(InvalidEvidence):
        decode(cbor.encode(entries))


@pytest.mark.parametrize(
    "change",
    [
        {"not_after": NOON + MAX_LIFE + timedelta(seconds=1)},
        {"not_after": NOON},
        {"not_before": NOON.replace(microsecond=1)},
        {"not_before": NOON.replace(tzinfo=None)},
        {"nonce": bytes(16)},
        {"nonce": bytes(65)},
        {"deployment": "x" * 65},
    ],
)
def test_claims_that_may_not_be_made(change):
    with pytest.raises(InvalidEvidence):
        replace(CLAIMS, **change)


@pytest.mark.parametrize(
    "now, holds",
    [
        (NOON - MAX_SKEW - timedelta(seconds=1), False),
        (NOON - MAX_SKEW, True),
        (NOON + timedelta(hours=23, minutes=59), True),
        (NOON + timedelta(hours=24), False),
    ],
)
def test_claims_hold_for_their_time_on_the_verifiers_clock(now, holds):
    if holds:
        check_validity(CLAIMS, now)
    else:
        with pytest.raises(Refused):
            check_validity(CLAIMS, now)
