import pytest

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.errors import CryptographicFailure
from server.crypto.ciphers.engines import Buffered, Pad, Setting


def test_a_setting_hides_its_key():
    assert "secret" not in repr(Setting(b"secret", CryptographicParameters()))


def test_a_tag_given_apart_leaves_the_data_alone():
    setting = Setting(b"", CryptographicParameters(), tag=b"tag", tag_length=3)
    assert setting.split(b"data") == (b"data", b"tag")


def test_a_tag_behind_the_data_is_cut_off():
    setting = Setting(b"", CryptographicParameters(), tag_length=3)
    assert setting.split(b"datatag") == (b"data", b"tag")
    with pytest.raises(CryptographicFailure):
        setting.split(b"ta")


def test_a_buffered_engine_computes_at_the_end():
    engine = Buffered(lambda data: (data[::-1], b"tag"))
    assert engine.update(b"ab") == engine.update(b"c") == b""
    assert engine.finalize() == (b"cba", b"tag")


def test_a_pad_is_used_up():
    """OASIS TC-OTP-1: 010203040506 becomes fd912d102dbb."""
    pad = Pad(bytes.fromhex("fc932e1428bd"))
    assert pad.update(bytes.fromhex("0102")).hex() == "fd91"
    assert pad.update(bytes.fromhex("03040506")).hex() == "2d102dbb"
    assert pad.update(b"") == b""
    assert pad.finalize() == (b"", b"")
    with pytest.raises(CryptographicFailure):
        pad.update(b"x")
