import hashlib
import hmac

import pytest

from storage.backend import tag
from storage.keyring import OVERHEAD_BYTES, Epoch, Keyring, Sealed, expand, extract
from storage.xaes import XAES

STORE = bytes(range(16))
FIRST, SECOND = Epoch(1, b"r" * 32, STORE), Epoch(2, b"s" * 32, STORE)
RING = Keyring(STORE, 2, {1: FIRST, 2: SECOND})


def test_blob_layout():
    blob = FIRST.seal(Sealed.META, b"place", b"plain")
    assert blob[:2] == b"\1\1"
    assert len(blob) == 5 + OVERHEAD_BYTES
    assert tag(blob) == blob[-16:]


def test_opens_only_as_what_and_where_it_was_sealed():
    blob = FIRST.seal(Sealed.META, b"place", b"plain")
    assert RING.open(Sealed.META, b"place", blob) == b"plain"
    assert RING.open(Sealed.META, b"other", blob) is None
    for kind in set(Sealed) - {Sealed.META}:
        assert RING.open(kind, b"place", blob) is None


def test_epoch_and_format_are_authenticated():
    blob = FIRST.seal(Sealed.META, b"", b"plain")
    for first, second in ((1, 2), (1, 3), (2, 1)):
        assert RING.open(Sealed.META, b"", bytes((first, second)) + blob[2:]) is None
    same_root = Epoch(2, b"r" * 32, STORE)
    moved = b"\1\2" + blob[2:]
    assert Keyring(STORE, 2, {2: same_root}).open(Sealed.META, b"", moved) is None


def test_another_store_has_other_keys():
    other = Epoch(1, b"r" * 32, b"x" * 16)
    assert other.handle(b"name") != FIRST.handle(b"name")
    blob = FIRST.seal(Sealed.META, b"", b"plain")
    assert Keyring(b"x" * 16, 1, {1: other}).open(Sealed.META, b"", blob) is None


@pytest.mark.parametrize("blob", [b"", b"\1", b"\1\1", bytes(41), b"\1\1" + bytes(40)])
def test_short_and_empty_blobs_do_not_open(blob):
    assert RING.open(Sealed.META, b"", blob) is None


def test_a_blob_of_nothing_opens():
    """The shortest one that there can be: all that is added, and no content."""
    blob = FIRST.seal(Sealed.HEAD, b"", b"")
    assert len(blob) == OVERHEAD_BYTES
    assert RING.open(Sealed.HEAD, b"", blob) == b""
    assert RING.open(Sealed.HEAD, b"", blob[:-1]) is None


def test_handles_and_leaves():
    assert len(FIRST.handle(b"name")) == 16
    assert FIRST.handle(b"name") == FIRST.handle(b"name") != FIRST.handle(b"other")
    assert FIRST.handle(b"name") != SECOND.handle(b"name")
    assert RING.leaf(1, b"name", b"t" * 16) == FIRST.leaf(FIRST.handle(b"name"), b"t" * 16)


def test_hkdf_is_rfc_5869s():
    """Test case 1 of RFC 5869, whose info we cannot choose freely, but for the extraction."""
    key = extract(bytes(range(13)), b"\x0b" * 22)
    assert key.hex() == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"
    assert expand(key, b"one") != expand(key, b"two")


def test_labels_are_frozen():
    """Format 1: these keys open stores that exist. One block of HKDF, written out by hand."""

    def mac(key, data):
        return hmac.new(key, data, hashlib.sha256).digest()

    root_key = mac(STORE, b"r" * 32)
    handle_key = mac(root_key, b"strongroom/store/1/handle" + b"\1")
    meta_key = mac(root_key, b"strongroom/store/1/seal-meta" + b"\1")
    assert FIRST.handle(b"name") == mac(handle_key, b"name")[:16]
    assert FIRST.chain == mac(root_key, b"strongroom/store/1/chain" + b"\1")
    blob = FIRST.seal(Sealed.META, b"place", b"plain")
    associated = b"strongroom/store/1/" + b"\1" + b"\1" + STORE + b"place"
    assert XAES(meta_key).open(blob[2:], associated) == b"plain"
