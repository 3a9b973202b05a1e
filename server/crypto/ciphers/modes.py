"""The modes of operation: KMIP's Block Cipher Mode to engines, as one table.

A row of `MODES` says which vector the mode takes, whether it works on whole blocks (and so takes
padding), which tag lengths it has, and how its engines are made. A cipher without a mode (ChaCha20,
RC4) is the row None.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.decrepit.ciphers import modes as decrepit
from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.ciphers import (
    AEADCipherContext,
    Cipher,
    CipherAlgorithm,
    modes,
)
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from kmip.enums import BlockCipherMode as M
from kmip.errors import CryptographicFailure
from server.crypto.ciphers import chacha20
from server.crypto.ciphers.engines import Buffered, Engine, Pad, Setting, Streamed
from server.crypto.ciphers.initialization_vectors import (
    CCM_NONCE,
    CHACHA20_NONCE,
    COUNTER_BLOCK,
    GCM_NONCE,
    NONE,
    VectorRule,
    exactly,
)
from server.crypto.ciphers.padding import DECRYPTION_FAILED
from server.crypto.errors import InvalidTagLength

MakeCipher = Callable[[bytes], CipherAlgorithm]
"""A key to the library's algorithm."""

PlainMode = (
    modes.ModeWithInitializationVector | modes.ModeWithNonce | modes.ModeWithTweak | modes.ECB
)

GCM_TAGS = frozenset({12, 13, 14, 15, 16})
"""Bytes. SP 800-38D section 5.2.1.2 has 4 and 8 too, for uses that the server cannot judge."""
CCM_TAGS = frozenset({8, 10, 12, 14, 16})
"""Bytes. SP 800-38C appendix B.2 advises against less than 8."""


class Mode(NamedTuple):
    """How a mode is computed.

    Attributes:
        vector: (block size in bytes) to the vectors the mode takes.
        encrypt: makes the engine that encrypts.
        decrypt: makes the engine that decrypts.
        padded: works on whole blocks, so that the padding method applies.
        tags: the tag lengths in bytes; empty where nothing is authenticated.
    """

    vector: Callable[[int], VectorRule]
    encrypt: Callable[[MakeCipher, Setting], Engine]
    decrypt: Callable[[MakeCipher, Setting], Engine]
    padded: bool = False
    tags: frozenset[int] = frozenset()

    def tag_length(self, requested: int | None, tag: bytes | None = None) -> int:
        """Bytes of tag: as requested, else as long as `tag` is, else 16; 0 where there is none.

        Raises:
            InvalidTagLength: the mode has no such tag, or `tag` is of another length.
        """
        if not self.tags:
            return 0
        length = requested if requested is not None else 16 if tag is None else len(tag)
        if length not in self.tags or (tag is not None and len(tag) != length):
            raise InvalidTagLength("the mode has no tag of this length")
        return length


def plain(
    make_mode: Callable[[bytes], PlainMode], *, padded: bool = False, vector: bool = True
) -> Mode:
    """A mode that the library computes from a key and a vector of one block."""

    def cipher(make: MakeCipher, setting: Setting) -> Cipher[PlainMode | None]:
        return Cipher(make(setting.key), make_mode(setting.iv))

    return Mode(
        vector=exactly if vector else lambda block: NONE,
        encrypt=lambda make, setting: Streamed(cipher(make, setting).encryptor()),
        decrypt=lambda make, setting: Streamed(cipher(make, setting).decryptor()),
        padded=padded,
    )


def counter(make: MakeCipher, setting: Setting) -> Engine:
    """CTR, both ways: the vector, then Initial Counter Value (default 0) in the bytes left.

    RFC 3686 has 4 bytes of nonce, 8 of IV and a counter that begins at 1: a vector of 12 bytes and
    Initial Counter Value 1.
    """
    bits = 8 * (16 - len(setting.iv))
    first = (setting.parameters.initial_counter_value or 0) % (1 << bits) if bits else 0
    block = setting.iv + first.to_bytes(bits // 8, "big")
    context = Cipher(make(setting.key), modes.CTR(block)).encryptor()
    return Streamed(context, limit=16 * ((1 << bits) - first) if bits else None)


def encrypt_gcm(make: MakeCipher, setting: Setting) -> Engine:
    """GCM (SP 800-38D); a shorter tag is the beginning of the whole one."""
    context = Cipher(make(setting.key), modes.GCM(setting.iv)).encryptor()
    context.authenticate_additional_data(setting.additional_data)

    def tag() -> bytes:
        return context.tag[: setting.tag_length]

    return Streamed(context, tag)


def decrypt_gcm(make: MakeCipher, setting: Setting) -> Engine:
    """GCM, the tag checked before anything is given."""

    def compute(data: bytes) -> tuple[bytes, bytes]:
        cipher_text, tag = setting.split(data)
        mode = modes.GCM(setting.iv, tag, min_tag_length=min(GCM_TAGS))
        context = Cipher(make(setting.key), mode).decryptor()
        return authenticated(context, setting.additional_data, cipher_text), b""

    return Buffered(compute)


def authenticated(context: AEADCipherContext, additional_data: bytes, cipher_text: bytes) -> bytes:
    """The plain text, once the tag holds; raises CryptographicFailure."""
    context.authenticate_additional_data(additional_data)
    try:
        return context.update(cipher_text) + context.finalize()
    except InvalidTag:
        raise CryptographicFailure(DECRYPTION_FAILED) from None


def ccm_limit(nonce: bytes) -> int:
    """Bytes of the longest message: its length goes into what 15 bytes leave beside the nonce."""
    return (1 << 8 * (15 - len(nonce))) - 1


def encrypt_ccm(_: MakeCipher, setting: Setting) -> Engine:
    """CCM (SP 800-38C), AES only."""

    def compute(data: bytes) -> tuple[bytes, bytes]:
        if len(data) > ccm_limit(setting.iv):
            raise CryptographicFailure("the message is too long for this nonce")
        cipher = AESCCM(setting.key, setting.tag_length)
        sealed = cipher.encrypt(setting.iv, data, setting.additional_data)
        return sealed[: len(data)], sealed[len(data) :]

    return Buffered(compute)


def decrypt_ccm(_: MakeCipher, setting: Setting) -> Engine:
    """CCM, the tag checked before anything is given."""

    def compute(data: bytes) -> tuple[bytes, bytes]:
        cipher_text, tag = setting.split(data)
        if len(cipher_text) > ccm_limit(setting.iv):
            raise CryptographicFailure(DECRYPTION_FAILED)
        cipher = AESCCM(setting.key, setting.tag_length)
        try:
            return cipher.decrypt(setting.iv, cipher_text + tag, setting.additional_data), b""
        except InvalidTag:
            raise CryptographicFailure(DECRYPTION_FAILED) from None

    return Buffered(compute)


def xts(make: MakeCipher, setting: Setting, *, encrypt: bool) -> Engine:
    """XTS (SP 800-38E): the vector is the tweak, the whole message one data unit."""

    def compute(data: bytes) -> tuple[bytes, bytes]:
        if len(data) < 16:  # ciphertext stealing needs one whole block
            raise CryptographicFailure("a data unit of XTS is 16 bytes or longer")
        cipher = Cipher(make(setting.key), modes.XTS(setting.iv))
        context = cipher.encryptor() if encrypt else cipher.decryptor()
        return context.update(data) + context.finalize(), b""

    return Buffered(compute)


def key_wrap(wrap: Callable[[bytes, bytes], bytes]) -> Callable[[MakeCipher, Setting], Engine]:
    """An engine maker for one direction of AES key wrap (RFC 3394, RFC 5649; SP 800-38F)."""

    def make_engine(_: MakeCipher, setting: Setting) -> Engine:
        def compute(data: bytes) -> tuple[bytes, bytes]:
            try:
                return wrap(setting.key, data), b""
            except (ValueError, keywrap.InvalidUnwrap):
                raise CryptographicFailure("the key cannot be wrapped or unwrapped") from None

        return Buffered(compute)

    return make_engine


def unsalted(make: MakeCipher, setting: Setting) -> Engine:
    """A stream cipher that takes a key only (RC4), both ways."""
    return Streamed(Cipher(make(setting.key), None).encryptor())


MODES: dict[M, Mode | None] = {
    M.CBC: plain(modes.CBC, padded=True),
    M.ECB: plain(lambda _: modes.ECB(), padded=True, vector=False),  # noqa: S305 (KMIP has it)
    M.PCBC: None,
    M.CFB: plain(decrepit.CFB),
    M.OFB: plain(decrepit.OFB),
    M.CTR: Mode(lambda block: COUNTER_BLOCK, counter, counter),
    M.CMAC: None,  # a MAC: server.crypto.macs
    M.CCM: Mode(lambda block: CCM_NONCE, encrypt_ccm, decrypt_ccm, tags=CCM_TAGS),
    M.GCM: Mode(lambda block: GCM_NONCE, encrypt_gcm, decrypt_gcm, tags=GCM_TAGS),
    M.CBC_MAC: None,  # a MAC
    M.XTS: Mode(exactly, partial(xts, encrypt=True), partial(xts, encrypt=False)),
    M.AESKEYWRAPPADDING: Mode(
        lambda block: NONE,
        key_wrap(keywrap.aes_key_wrap_with_padding),
        key_wrap(keywrap.aes_key_unwrap_with_padding),
    ),
    M.NISTKEYWRAP: Mode(
        lambda block: NONE, key_wrap(keywrap.aes_key_wrap), key_wrap(keywrap.aes_key_unwrap)
    ),
    M.X9_102_AESKW: None,
    M.X9_102_TDKW: None,
    M.X9_102_AKW1: None,
    M.X9_102_AKW2: None,
    M.AEAD: Mode(  # "the authenticated mode of this algorithm": ChaCha20-Poly1305
        lambda block: exactly(12),
        lambda make, setting: Buffered(partial(chacha20.seal, setting)),
        lambda make, setting: Buffered(partial(chacha20.open_sealed, setting)),
        tags=chacha20.TAGS,
    ),
}
"""A row for every Block Cipher Mode; None where nothing is encrypted or the library lacks it."""

CHACHA20_STREAM = Mode(lambda block: CHACHA20_NONCE, chacha20.stream, chacha20.stream)
RC4_STREAM = Mode(lambda block: NONE, unsalted, unsalted)
ONE_TIME_PAD = Mode(
    lambda block: NONE, lambda _, setting: Pad(setting.key), lambda _, setting: Pad(setting.key)
)
