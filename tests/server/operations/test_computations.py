"""Which computations of a request leave the event loop: long ones do, and short ones stay.

Nothing is timed: the fixture counts what asks for a thread, and the lengths follow from the rates.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from kmip.attribute_values import Link
from kmip.attributes import AttributeInstance
from kmip.cryptographic_parameters import CryptographicDomainParameters, CryptographicParameters
from kmip.enums import BlockCipherMode as M
from kmip.enums import (
    CertificateRequestType,
    CertificateType,
    KeyFormatType,
    KeyWrapType,
    LinkType,
    ObjectType,
    RecommendedCurve,
    WrappingMethod,
)
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import DerivationMethod as D
from kmip.enums import HashingAlgorithm as H
from kmip.enums import Operation as Op
from kmip.enums import SplitKeyMethod as S
from kmip.key_block import (
    EncryptionKeyInformation,
    KeyBlock,
    KeyValue,
    KeyWrappingSpecification,
)
from kmip.objects import Certificate, PrivateKey
from kmip.payloads.derivation import DerivationParameters
from kmip.tags import Tag
from server.crypto import costs, macs
from server.crypto.ciphers.suites import CIPHERS
from server.crypto.costs import LOOP_MICROSECONDS, Rate
from server.crypto.hashes import HASHES
from server.crypto.keys.key_formats import dump_private
from server.crypto.keys.key_pairs import generate_key_pair
from server.sessions.thread_shares import ThreadShares
from server.setup.config import Config, LegacyAlgorithms
from server.state import Server
from tests.server.conftest import InProcessClient
from tests.server.operations.certified_keys import certificate_request, certified
from tests.server.samples import ACTIVE, aes, attributes, create, register, secret, symmetric_key

P = CryptographicParameters
SHORT = bytes(range(64))


Threads = Callable[..., Awaitable[tuple[Any, int]]]


class CountedShares(ThreadShares):
    """Counts what goes to a thread."""

    def __init__(self) -> None:
        super().__init__(2)
        self.count = 0

    async def run(  # type: ignore[override] # any call and its arguments
        self, client: str, length: int, call: Any, *arguments: Any
    ) -> Any:
        self.count += 1
        return await super().run(client, length, call, *arguments)


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, legacy_algorithms=LegacyAlgorithms.ALLOW, issuer="own:")


@pytest.fixture
def shares(server: Server) -> CountedShares:
    server.thread_shares = CountedShares()
    return server.thread_shares


@pytest.fixture
def threads(ask: InProcessClient, shares: CountedShares) -> Threads:
    """Ask, and give the answer and how many threads it took."""

    async def perform(operation: Op, **fields: Any) -> tuple[Any, int]:
        before = shares.count
        answer = await ask(operation, **fields)
        return answer, shares.count - before

    return perform


def long(rate: Rate) -> bytes:
    """Data of whole blocks that cost more than the loop is held for."""
    kib = int((LOOP_MICROSECONDS - rate.call) / rate.kib) + 1
    return bytes(range(256)) * 4 * kib


LENGTHS = {A.AES: 32, A.CHACHA20: 32, A.CHACHA20POLY1305: 32, A.DES: 8, A.DES3: 24}
SUITES: Sequence[tuple[A, M | None]] = [
    (algorithm, mode)
    for algorithm, row in CIPHERS.items()
    for mode in [*sorted(row.modes), *([None] if row.alone else [])]
]


async def raw_key(ask: InProcessClient, algorithm: A, length: int) -> str:
    material = bytes(range(256)) * (length // 256 + 1)
    key = symmetric_key(material[:length], cryptographic_algorithm=algorithm)
    return await register(ask, key, ACTIVE)


@pytest.mark.parametrize("algorithm, mode", SUITES)
async def test_long_texts_are_encrypted_in_a_thread(
    ask: InProcessClient, threads: Threads, algorithm: A, mode
):
    data = long(costs.of_cipher(algorithm, mode))
    length = 64 if mode == M.XTS else LENGTHS.get(algorithm, 16)
    length = len(data) if algorithm == A.ONE_TIME_PAD else length
    key = await raw_key(ask, algorithm, length)
    fields = {"unique_identifier": key, "cryptographic_parameters": P(block_cipher_mode=mode)}
    for text, expected in ((SHORT, 0), (data, 1)):
        sealed, count = await threads(Op.ENCRYPT, data=text, **fields)
        assert count == expected
        opened, count = await threads(
            Op.DECRYPT,
            data=sealed.data,
            iv_counter_nonce=sealed.iv_counter_nonce,
            authenticated_encryption_tag=sealed.authenticated_encryption_tag,
            **fields,
        )
        assert (opened.data, count) == (text, expected)


async def in_parts(
    threads: Threads, operation: Op, data: bytes, named: dict[str, str], **fields: Any
) -> tuple[Any, list[int]]:
    """The last answer, and the threads of three parts: an empty one, the data, and the end."""
    first, begun = await threads(operation, data=b"", init_indicator=True, **named, **fields)
    value = fields | {"correlation_value": first.correlation_value}
    _, middle = await threads(operation, data=data, **value)
    last, end = await threads(operation, data=b"", final_indicator=True, **value)
    return last, [begun, middle, end]


async def test_parts_compute_where_their_bytes_are_gone_through(
    ask: InProcessClient, threads: Threads
):
    key = await create(ask, ACTIVE)
    for parameters, operation, expected in (
        (P(block_cipher_mode=M.CTR), Op.ENCRYPT, [0, 1, 0]),
        (P(block_cipher_mode=M.CCM), Op.ENCRYPT, [0, 0, 1]),  # which keeps them for the end
        (P(cryptographic_algorithm=A.HMAC_SHA256), Op.MAC, [0, 1, 0]),
        (P(hashing_algorithm=H.SHA_256), Op.HASH, [0, 1, 0]),
    ):
        fields = {"cryptographic_parameters": parameters}
        named = {} if operation == Op.HASH else {"unique_identifier": key}
        _, counts = await in_parts(threads, operation, bytes(500_000), named, **fields)
        assert counts == expected
        _, counts = await in_parts(threads, operation, SHORT, named, **fields)
        assert counts == [0, 0, 0]


@pytest.mark.parametrize("algorithm", [one for one, row in HASHES.items() if row])
async def test_long_texts_are_hashed_in_a_thread(threads: Threads, algorithm: H):
    parameters = P(hashing_algorithm=algorithm)
    for data, expected in ((SHORT, 0), (long(costs.of_hash(algorithm)), 1)):
        _, count = await threads(Op.HASH, cryptographic_parameters=parameters, data=data)
        assert count == expected


@pytest.mark.parametrize(
    "algorithm, mode",
    [(one, None) for one in [*macs.HMACS, A.POLY1305]]
    + [(one, mode) for one in sorted(macs.MAC_CIPHERS) for mode in (M.CMAC, M.CBC_MAC)],
)
async def test_long_texts_are_authenticated_in_a_thread(
    ask: InProcessClient, threads: Threads, algorithm: A, mode
):
    key = await raw_key(ask, algorithm, LENGTHS.get(algorithm, 32))
    parameters = P(block_cipher_mode=mode)
    fields = {"unique_identifier": key, "cryptographic_parameters": parameters}
    for data, expected in ((SHORT, 0), (long(macs.rate_of(algorithm, parameters)), 1)):
        made, count = await threads(Op.MAC, data=data, **fields)
        assert count == expected
        _, count = await threads(Op.MAC_VERIFY, data=data, mac_data=made.mac_data, **fields)
        assert count == expected


async def pair(
    ask: InProcessClient, algorithm: A, length: int | None, curve=None
) -> tuple[str, str]:
    common = attributes(ACTIVE, (Tag.CRYPTOGRAPHIC_ALGORITHM, algorithm))
    if length is not None:
        common.set(Tag.CRYPTOGRAPHIC_LENGTH, length)
    if curve is not None:
        domain = CryptographicDomainParameters(recommended_curve=curve)
        common.set(Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS, domain)
    made = await ask(Op.CREATE_KEY_PAIR, common_attributes=common)
    return made.private_key_unique_identifier, made.public_key_unique_identifier


@pytest.mark.parametrize(
    "algorithm, length, curve, signs, verifies",
    [
        (A.RSA, 1024, None, 0, 0),
        (A.RSA, 2048, None, 1, 0),
        (A.DSA, 1024, None, 0, 0),
        (A.EC, None, RecommendedCurve.P_256, 0, 0),
        (A.EC, None, RecommendedCurve.P_521, 1, 1),
        (A.ED25519, None, None, 0, 0),
        (A.ED448, None, None, 0, 0),
        (A.ML_DSA_44, None, None, 1, 0),
        (A.ML_DSA_87, None, None, 1, 1),
    ],
)
async def test_signatures_go_by_the_key_and_the_text(
    ask: InProcessClient, threads: Threads, algorithm: A, length, curve, signs: int, verifies: int
):
    private, public = await pair(ask, algorithm, length, curve)
    parameters = {"cryptographic_parameters": P(hashing_algorithm=H.SHA_256)}
    mine = parameters | {"unique_identifier": private}
    theirs = parameters | {"unique_identifier": public}
    await ask(Op.SIGN, data=SHORT, **mine)  # which loads the keys
    made = await ask(Op.SIGN, data=SHORT, **mine)
    await ask(Op.SIGNATURE_VERIFY, data=SHORT, signature_data=made.signature_data, **theirs)
    for data, long_text in ((SHORT, 0), (bytes(800_000), 1)):
        made, count = await threads(Op.SIGN, data=data, **mine)
        assert count == (signs or long_text)
        signature = {"signature_data": made.signature_data}
        _, count = await threads(Op.SIGNATURE_VERIFY, data=data, **signature, **theirs)
        assert count == (verifies or long_text)


async def test_digests_are_signed_where_their_key_computes(ask: InProcessClient, threads: Threads):
    parameters = {"cryptographic_parameters": P(hashing_algorithm=H.SHA_256)}
    for algorithm, length, curve, expected in (
        (A.RSA, 2048, None, (1, 0)),
        (A.EC, None, RecommendedCurve.P_256, (0, 0)),
        (A.EC, None, RecommendedCurve.P_384, (1, 1)),
    ):
        private, public = await pair(ask, algorithm, length, curve)
        counts: tuple[int, ...] = ()
        for _ in range(2):  # the first time loads the keys
            made, signed = await threads(
                Op.SIGN, unique_identifier=private, digested_data=bytes(32), **parameters
            )
            _, verified = await threads(
                Op.SIGNATURE_VERIFY,
                unique_identifier=public,
                digested_data=bytes(32),
                signature_data=made.signature_data,
                **parameters,
            )
            counts = signed, verified
        assert counts == expected


@pytest.mark.parametrize(
    "algorithm, length, curve, expected",
    [
        (A.RSA, 1024, None, 1),
        (A.DSA, 1024, None, 1),
        (A.DH, 2048, None, 1),
        (A.EC, None, RecommendedCurve.P_256, 0),
        (A.EC, None, RecommendedCurve.BRAINPOOLP512R1, 1),
        (A.ECDH, None, RecommendedCurve.CURVE25519, 0),
        (A.ED25519, None, None, 0),
        (A.ML_KEM_768, None, None, 0),
        (A.ML_DSA_87, None, None, 1),
    ],
)
async def test_pairs_are_made_where_their_algorithm_takes_long(
    ask: InProcessClient, shares: CountedShares, algorithm: A, length, curve, expected: int
):
    await pair(ask, algorithm, length, curve)
    assert shares.count == expected


async def test_keys_are_loaded_by_their_length(ask: InProcessClient, shares: CountedShares):
    for algorithm, length, expected in ((A.EC, 256, 0), (A.RSA, 1024, 1)):
        before = shares.count
        key = generate_key_pair(algorithm, length, allow_legacy=True)
        block = KeyBlock(
            key_format_type=KeyFormatType.PKCS_8,
            key_value=KeyValue(key_material=dump_private(key, KeyFormatType.PKCS_8)),
            cryptographic_algorithm=algorithm,
            cryptographic_length=length,
        )
        await register(ask, PrivateKey(key_block=block))
        assert shares.count - before == expected


async def test_keys_are_converted_by_their_length(ask: InProcessClient, threads: Threads):
    for algorithm, length, curve, expected in (
        (A.EC, None, RecommendedCurve.P_256, 0),
        (A.RSA, 1024, None, 1),
    ):
        private, _ = await pair(ask, algorithm, length, curve)
        wanted = {"key_format_type": KeyFormatType.PKCS_8}
        _, count = await threads(Op.GET, unique_identifier=private, **wanted)
        assert count == expected


async def test_random_bytes_stay_on_the_loop(ask: InProcessClient, threads: Threads):
    _, count = await threads(Op.RNG_RETRIEVE, data_length=64 * 1024)
    assert count == 0
    length = attributes((Tag.CRYPTOGRAPHIC_LENGTH, 8 * 64 * 1024))
    _, count = await threads(Op.CREATE, object_type=ObjectType.SECRET_DATA, attributes=length)
    assert count == 0


@pytest.mark.parametrize(
    "method, small, big",
    [
        (D.PBKDF2, {"iteration_count": 1}, {"iteration_count": 10_000}),
        (D.HMAC, {}, {"derivation_data": (bytes(500_000),)}),
        (D.HKDF, {}, {"length": 8 * 4096}),
        (D.ENCRYPT, {}, {"derivation_data": (bytes(500_000),)}),
        (D.NIST800_108_C, {}, {"length": 8 * 4096}),
        (D.NIST800_108_F, {}, {"length": 8 * 4096}),
        (D.NIST800_108_DPI, {}, {"length": 8 * 4096}),
    ],
)
async def test_derivations_go_by_what_they_go_through(
    ask: InProcessClient, threads: Threads, method: D, small, big
):
    base = await create(ask, ACTIVE)
    usual = {"derivation_data": (bytes(32),), "salt": b"salt" if method == D.PBKDF2 else None}
    for fields_of_size, expected in ((small, 0), (big, 1)):
        fields = usual | fields_of_size
        length = fields.pop("length", 256)
        hashing = None if method == D.ENCRYPT else H.SHA_256
        mode = M.CBC if method == D.ENCRYPT else None
        parameters = P(hashing_algorithm=hashing, block_cipher_mode=mode)
        _, count = await threads(
            Op.DERIVE_KEY,
            object_type=ObjectType.SECRET_DATA,
            unique_identifier=(base,),
            derivation_method=method,
            derivation_parameters=DerivationParameters(
                cryptographic_parameters=parameters, **fields
            ),
            attributes=attributes((Tag.CRYPTOGRAPHIC_LENGTH, length)),
        )
        assert count == expected


async def test_agreements_go_by_their_key(ask: InProcessClient, threads: Threads):
    for curve, expected in ((RecommendedCurve.P_256, 0), (RecommendedCurve.P_521, 1)):
        private, public = await pair(ask, A.EC, None, curve)
        fields = {
            "object_type": ObjectType.SECRET_DATA,
            "unique_identifier": (private, public),
            "derivation_method": D.ASYMMETRIC_KEY,
            "derivation_parameters": DerivationParameters(),
            "attributes": attributes((Tag.CRYPTOGRAPHIC_LENGTH, 256)),
        }
        await ask(Op.DERIVE_KEY, **fields)  # which loads the keys
        _, count = await threads(Op.DERIVE_KEY, **fields)
        assert count == expected


@pytest.mark.parametrize(
    "method, parts, expected",
    [(S.XOR, 5, 0), (S.POLYNOMIAL_SHARING_GF_2_8, 5, 1), (S.POLYNOMIAL_SHARING_GF_2_16, 5, 1)],
)
async def test_secrets_are_shared_where_their_method_takes_long(
    ask: InProcessClient, threads, method: S, parts: int, expected: int
):
    key = await create(ask, ACTIVE)
    made, count = await threads(
        Op.CREATE_SPLIT_KEY,
        object_type=ObjectType.SPLIT_KEY,
        unique_identifier=key,
        split_key_parts=parts,
        split_key_threshold=parts,
        split_key_method=method,
        attributes=aes(),
    )
    assert count == expected
    joined = {"object_type": ObjectType.SYMMETRIC_KEY, "attributes": aes()}
    _, count = await threads(Op.JOIN_SPLIT_KEY, unique_identifier=made.unique_identifier, **joined)
    assert count == expected


async def test_keys_are_wrapped_by_their_length(ask: InProcessClient, threads: Threads):
    kek = await create(ask, ACTIVE)
    mode = P(block_cipher_mode=M.NISTKEYWRAP)
    wrapped = {
        "key_wrapping_specification": KeyWrappingSpecification(
            wrapping_method=WrappingMethod.ENCRYPT,
            encryption_key_information=EncryptionKeyInformation(
                unique_identifier=kek, cryptographic_parameters=mode
            ),
        )
    }
    for length, expected in ((32, 0), (16 * 1024, 1)):
        key = await register(ask, secret(bytes(length)))
        got, count = await threads(Op.GET, unique_identifier=key, **wrapped)
        assert count == expected
        back, count = await threads(
            Op.IMPORT,
            unique_identifier=f"back-{length}",
            object_type=ObjectType.SECRET_DATA,
            key_wrap_type=KeyWrapType.NOT_WRAPPED,
            attributes=attributes(),
            object=got.object,
        )
        assert (back.unique_identifier, count) == (f"back-{length}", expected)


async def test_a_container_is_sealed_in_a_thread(ask: InProcessClient, threads: Threads):
    password = await register(ask, secret(), ACTIVE)
    private, _ = await pair(ask, A.EC, None, RecommendedCurve.P_256)
    link = Link(link_type=LinkType.PKCS_12_PASSWORD_LINK, linked_object_identifier=password)
    await ask(
        Op.ADD_ATTRIBUTE, unique_identifier=private, new_attribute=AttributeInstance(Tag.LINK, link)
    )
    wanted = {"key_format_type": KeyFormatType.PKCS_12}
    _, count = await threads(Op.GET, unique_identifier=private, **wanted)
    assert count == 1


async def test_certificates_are_signed_and_validated_in_threads(
    ask: InProcessClient, threads: Threads
):
    _, public = await pair(ask, A.EC, None, RecommendedCurve.P_256)
    made, count = await threads(Op.CERTIFY, unique_identifier=public)
    assert count >= 1
    _, count = await threads(Op.VALIDATE, unique_identifier=(made.unique_identifier,))
    assert count >= 1
    request = certificate_request("alice", ec.generate_private_key(ec.SECP256R1()))
    _, count = await threads(
        Op.CERTIFY,
        certificate_request_type=CertificateRequestType.PKCS_10,
        certificate_request_value=request,
    )
    assert count >= 2


async def test_certificates_of_many_names_are_read_in_a_thread(
    ask: InProcessClient, shares: CountedShares
):
    for count, expected in ((1, 0), (1000, 1)):
        before = shares.count
        names = [x509.DNSName(f"host-{number}.example") for number in range(count)]
        certified_key = certified("many", extension=x509.SubjectAlternativeName(names))
        content = Certificate(
            certificate_type=CertificateType.X_509, certificate_value=certified_key.der
        )
        await register(ask, content)
        assert shares.count - before == expected
