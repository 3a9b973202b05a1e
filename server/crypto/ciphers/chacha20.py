"""ChaCha20 alone and with Poly1305, as KMIP uses them.

The library's ChaCha20 takes 16 bytes: the counter of the first block, little-endian, and the nonce.
KMIP's IV/Counter/Nonce is the nonce alone (OASIS CS-BC-M-CHACHA20-1 has 8 bytes and a counter that
begins at 0); Initial Counter Value begins elsewhere.

ChaCha20-Poly1305 is RFC 8439's. KMIP 2.0 and 2.1 let a client verify a tag cut to 12 bytes (OASIS
CS-BC-M-CHACHA20POLY1305-1), which the library's AEAD does not, so `open_sealed` computes the tag by
section 2.8 of the RFC where it is cut.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import constant_time, poly1305
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from kmip.errors import CryptographicFailure
from server.crypto.ciphers.engines import Engine, Setting, Streamed
from server.crypto.ciphers.padding import DECRYPTION_FAILED

TAGS = frozenset({12, 13, 14, 15, 16})
"""Bytes of tag."""

BLOCK = 64
"""Bytes of key stream for one value of the counter."""


def stream(_: object, setting: Setting) -> Engine:
    """ChaCha20, both ways.

    The nonce in `setting.iv` is 8 bytes (64-bit counter), 12 (32-bit counter) or 16 (the counter
    comes first); the counter begins at Initial Counter Value, default 0.
    """
    width = 16 - len(setting.iv)
    first = (setting.parameters.initial_counter_value or 0) % (1 << 8 * width) if width else 0
    start = first.to_bytes(width, "little") + setting.iv
    context = Cipher(algorithms.ChaCha20(setting.key, start), None).encryptor()
    return Streamed(context, limit=BLOCK * ((1 << 8 * width) - first) if width else None)


def seal(setting: Setting, data: bytes) -> tuple[bytes, bytes]:
    """Cipher text and tag (RFC 8439 section 2.8); a shorter tag is the beginning of the whole."""
    sealed = ChaCha20Poly1305(setting.key).encrypt(setting.iv, data, setting.additional_data)
    return sealed[: len(data)], sealed[len(data) :][: setting.tag_length]


def open_sealed(setting: Setting, data: bytes) -> tuple[bytes, bytes]:
    """The plain text; raises CryptographicFailure where the tag does not hold."""
    cipher_text, tag = setting.split(data)
    if len(tag) == 16:
        try:
            opened = ChaCha20Poly1305(setting.key).decrypt(
                setting.iv, cipher_text + tag, setting.additional_data
            )
        except InvalidTag:
            raise CryptographicFailure(DECRYPTION_FAILED) from None
        return opened, b""
    whole = compute_tag(setting.key, setting.iv, setting.additional_data, cipher_text)
    if not constant_time.bytes_eq(whole[: len(tag)], tag):
        raise CryptographicFailure(DECRYPTION_FAILED)
    return _key_stream(setting.key, setting.iv, 1, cipher_text), b""


def compute_tag(key: bytes, nonce: bytes, additional_data: bytes, cipher_text: bytes) -> bytes:
    """The 16-byte tag of RFC 8439 section 2.8."""
    one_time_key = _key_stream(key, nonce, 0, bytes(32))
    mac = poly1305.Poly1305(one_time_key)
    for part in (additional_data, cipher_text):
        mac.update(part + bytes(-len(part) % 16))
    mac.update(len(additional_data).to_bytes(8, "little") + len(cipher_text).to_bytes(8, "little"))
    return mac.finalize()


def _key_stream(key: bytes, nonce: bytes, counter: int, data: bytes) -> bytes:
    """`data` under the key stream that begins at `counter`; the nonce is 12 bytes."""
    algorithm = algorithms.ChaCha20(key, counter.to_bytes(4, "little") + nonce)
    return Cipher(algorithm, None).encryptor().update(data)
