"""A client that knows what it talks to, and those who would have it talk to something else."""

from base64 import urlsafe_b64decode
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from hashlib import sha256

import pytest
import trio

from enclave import report_data
from enclave.claims import MAX_LIFE, Role, encode
from enclave.client import Expectation, challenge, connect, judge, judge_answer
from enclave.collateral_file import read_collateral, write_collateral
from enclave.errors import (
    AttesterBusy,
    EnclaveError,
    InvalidEvidence,
    Refused,
    VerificationFailed,
)
from enclave.evidence_formats import (
    BARE_OIDS,
    TAGGED_EVIDENCE_OID,
    Form,
    TaggedEvidence,
    write_bare,
    write_tagged,
)
from enclave.insecure import MEASUREMENT, SoftwareGuest, SoftwareTee
from enclave.keys import Purpose, tls_key
from enclave.pinned import Pinned
from enclave.policy import read_policy
from enclave.quote_request import HTTPAsk
from enclave.ratls import (
    Attester,
    NoStore,
    attest,
    issue_certificate,
    server_context,
    use_certificate,
)
from enclave.sgx import SGX
from enclave.snp import SEV_SNP
from enclave.snp.abi import GuestPolicy
from enclave.snp.collateral import SNPCollateral
from enclave.tdx import TDX
from enclave.tdx.abi import TDAttributes
from tests.enclave.attested import KEY, NOW, OTHER_KEY, claims_for, vector, with_extensions
from tests.enclave.forging import DCAP
from tests.enclave.forging import NOW as FORGED_AT
from tests.enclave.guest_machine import other_chip, software_chip
from tests.enclave.shared_vectors import VECTORS, needs_vectors

SNP_POLICY = f"""
[sev-snp]
measurements = ["{MEASUREMENT.hex()}"]
min_tcb = {{ Genoa = {{ boot_loader = 9, snp = 23, microcode = 72 }} }}
"""
TDX_POLICY = f"""
[tdx]
mrtd = ["{MEASUREMENT.hex()}"]
allow_any = ["rtmr0", "rtmr1", "rtmr2", "rtmr3"]
"""


def collateral() -> dict:
    chip = software_chip()
    return {
        SEV_SNP: SNPCollateral((chip.amd.revocation_list(chip.made),)),
        TDX: chip.intel.collateral(chip.made),
    }


def expecting(**changes) -> Expectation:
    expectation = Expectation(
        policy=read_policy(SNP_POLICY + TDX_POLICY),
        role=Role.BOOTSTRAP,
        collateral=collateral(),
        roots=software_chip().roots,
        allow_insecure_simulated=True,
    )
    return replace(expectation, **changes)


def chip_of(kind=SEV_SNP, chip=None, **guest) -> SoftwareTee:
    return SoftwareTee(SoftwareGuest(chip or software_chip(), **guest), kind=kind)


async def certificate_of(tee=None, key=KEY, **claims) -> bytes:
    tee = tee or chip_of()
    return await issue_certificate(tee, key, claims_for(tee, key, **claims))


class Server:
    """A TLS server on the loopback that notes what it received and answers with `answer`."""

    def __init__(self, certificate: bytes, key=KEY, answer=None) -> None:
        self.context = server_context()
        use_certificate(self.context, key, certificate)
        self.received = bytearray()
        self.connections = 0
        self.answer = answer

    async def handle(self, stream) -> None:
        self.connections += 1
        with suppress(trio.BrokenResourceError):
            while data := await stream.receive_some():
                self.received += data
                if self.answer:
                    await stream.send_all(await self.answer(bytes(data)))

    @asynccontextmanager
    async def listening(self):
        async with trio.open_nursery() as nursery:
            serve = partial(trio.serve_ssl_over_tcp, self.handle, 0, self.context)
            listeners = await nursery.start(partial(serve, host="127.0.0.1"))
            yield listeners[0].transport_listener.socket.getsockname()[1]
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def tcp_server(handler):
    """A TCP server on the loopback; gives its port."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, handler, 0, host="127.0.0.1"))
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def clock(at=NOW):
    return lambda: at


@pytest.mark.parametrize("kind", [SEV_SNP, TDX])
async def test_a_connection_to_what_was_expected(kind):
    async def echo(data):
        return data

    tee = chip_of(kind)
    server = Server(await certificate_of(tee, store=b"epoch 7"), answer=echo)
    async with server.listening() as port:
        expectation = expecting(deployment="eu-1")
        async with await connect("127.0.0.1", port, expectation, now=clock()) as connection:
            await connection.stream.send_all(b"secret")
            assert await connection.stream.receive_some() == b"secret"
            attested = connection.attested
    assert server.connections == 1
    assert server.received == b"secret"
    assert attested.simulated
    assert attested.appraised.warnings[0].startswith("simulated")
    assert attested.claims.store == b"epoch 7"
    assert attested.claims.sk is tee.sk
    assert attested.until == NOW + MAX_LIFE
    assert len(attested.pin) == 32


async def refused(certificate, expectation, key=KEY, at=NOW):
    """The error that connecting gives, once it is sure that the peer received nothing."""
    server = Server(certificate, key)
    async with server.listening() as port:
        with pytest.raises(EnclaveError) as error:
            await connect("127.0.0.1", port, expectation, now=clock(at))
    assert server.received == b""
    return error.value


async def test_a_simulated_chip_is_refused_unless_it_was_asked_for():
    error = await refused(await certificate_of(), expecting(allow_insecure_simulated=False))
    assert "simulated" in str(error)
    assert isinstance(error, Refused)


async def test_a_simulated_chip_does_not_pass_under_the_vendors_roots():
    strict = expecting(roots=None, allow_insecure_simulated=False)
    error = await refused(await certificate_of(), strict)
    assert isinstance(error, Refused)
    assert str(error).startswith("simulated"), "and not with a word about its issuer"


async def test_a_simulated_chip_that_was_asked_for_may_bring_its_own_root():
    attested = judge(await certificate_of(), expecting(roots=None), NOW)
    assert attested.simulated


async def test_asking_for_simulated_evidence_adds_no_root_to_the_vendors():
    """Evidence that brings no root along is verified under the vendors', whatever was allowed."""
    tee = chip_of()
    evidence = await attest(tee, claims_for(tee))
    leaf_only = replace(evidence.evidence, certificates=evidence.evidence.certificates[:1])
    tagged = write_tagged(evidence._replace(evidence=leaf_only))
    with pytest.raises(VerificationFailed, match="certificate chain"):
        judge(with_extensions({TAGGED_EVIDENCE_OID: tagged}, KEY), expecting(roots=None), NOW)


async def test_a_foreign_root():
    """The attacker's own chip: all of it in order, under another root than the expected."""
    foreign = chip_of(chip=other_chip())
    error = await refused(await certificate_of(foreign), expecting())
    assert isinstance(error, VerificationFailed)


async def test_another_measurement():
    other = chip_of(measurement=bytes(range(48)))
    error = await refused(await certificate_of(other), expecting())
    assert "measurement" in str(error)


@pytest.mark.parametrize(
    "tee",
    [
        {"policy": int(GuestPolicy.RESERVED_ONE | GuestPolicy.SMT | GuestPolicy.DEBUG)},
        {"kind": TDX, "tdattributes": int(TDAttributes.SEPT_VE_DISABLE | TDAttributes.DEBUG)},
    ],
)
async def test_a_debug_launch_of_the_same_image(tee):
    error = await refused(await certificate_of(chip_of(**tee)), expecting())
    assert isinstance(error, Refused)
    assert "debug" in str(error).lower()


SGX_POLICY = """
[sgx]
mrenclave = ["%s"]
attributes_required = ["INIT", "MODE64BIT"]
xfrm_allowed = 0x3
"""


@pytest.mark.parametrize(
    "policy, why",
    [
        (SGX_POLICY % ("4e" * 32), None),
        (SGX_POLICY % ("4f" * 32), "MRENCLAVE 4e4e"),
        (SGX_POLICY.replace("MODE64BIT", "KSS") % ("4e" * 32), "ATTRIBUTES lack 0x80"),
        (SNP_POLICY, "no evidence of sgx"),
    ],
)
def test_an_enclave_is_judged_by_its_own_table(policy, why):
    """An SGX quote in a certificate, as a policy file and a file of collateral have it."""
    enclave = DCAP(tee=SGX, version=3)
    dates = {"not_before": FORGED_AT, "not_after": FORGED_AT + MAX_LIFE}
    claims = encode(claims_for(chip_of(), **dates))
    quote = replace(enclave, body_changes={"report_data": report_data.of_claims(claims)}).evidence
    tagged = write_tagged(TaggedEvidence(quote, claims))
    certificate = with_extensions({TAGGED_EVIDENCE_OID: tagged}, key=KEY)
    published = read_collateral(write_collateral({SGX: enclave.collateral}))
    expectation = replace(
        expecting(), policy=read_policy(policy), roots=enclave.roots, collateral=published
    )
    if why is None:
        attested = judge(certificate, expectation, FORGED_AT)
        assert attested.appraised.verified.measurement == b"\x4e" * 32
        return
    with pytest.raises(Refused, match=why):
        judge(certificate, expectation, FORGED_AT)


async def test_a_key_is_of_the_tcb_that_the_report_shows():
    """A key that an older TCB gave is known to whoever broke that TCB."""
    tee = chip_of()
    committed = software_chip().tcb.build()
    attested = judge(await certificate_of(tee, key_tcb=committed), expecting(), NOW)
    assert attested.claims is not None
    assert attested.claims.key_tcb == committed
    for other in (bytes(8), bytes([committed[0] + 1]) + committed[1:]):
        with pytest.raises(Refused, match="its key was made at another TCB"):
            judge(await certificate_of(tee, key_tcb=other), expecting(), NOW)
    assert judge(await certificate_of(tee, key_tcb=None), expecting(), NOW)


async def test_a_server_that_made_claims_goes_on_making_them():
    """Evidence without claims says nothing of what was kept of the server."""
    first = judge(await certificate_of(), expecting(), NOW)
    assert first.claims is not None
    kept = Pinned.of(first.claims)
    bare = expecting(forms=frozenset({Form.BARE}))
    day = await bare_certificate(MAX_LIFE)
    assert judge(day, bare, NOW)
    with pytest.raises(Refused, match="it makes no claims, and did so when it was verified"):
        judge(day, replace(bare, pinned=kept), NOW)


async def test_a_certificate_alone_need_not_continue_the_store_that_was_seen():
    """Only a server that was shown that state, with a challenge, can say whether it does."""
    certificate = await certificate_of(store=b"epoch 7")
    first = judge(certificate, expecting(), NOW)
    assert first.claims is not None
    assert judge(certificate, expecting(pinned=Pinned.of(first.claims)), NOW)


async def test_another_tee_than_the_policy_names():
    only_tdx = expecting(policy=read_policy(TDX_POLICY))
    error = await refused(await certificate_of(chip_of(SEV_SNP)), only_tdx)
    assert "no evidence of sev-snp" in str(error)


async def test_an_empty_policy_accepts_nothing():
    error = await refused(await certificate_of(), expecting(policy=read_policy("")))
    assert isinstance(error, Refused)


@pytest.mark.parametrize(
    "at, why", [(NOW + MAX_LIFE, "ended"), (NOW - timedelta(hours=1), "begin")]
)
async def test_a_stale_certificate_and_one_from_the_future(at, why):
    error = await refused(await certificate_of(), expecting(), at=at)
    assert why in str(error)


@pytest.mark.parametrize(
    "claims, expectation, why",
    [
        ({"role": Role.API}, {}, "its key is for api, not for bootstrap (it is up"),
        ({}, {"deployment": "us-1"}, "deployment 'eu-1'"),
        ({"operator_sha256": bytes(32)}, {"operator_sha256": b"o" * 32}, "another operator"),
        ({}, {"operator_sha256": b"o" * 32}, "another operator"),
        ({}, {"pin": bytes(32)}, "not the pinned one"),
        ({"channel": bytes(32)}, {}, "channel binding"),
    ],
)
async def test_genuine_servers_that_are_not_the_expected_one(claims, expectation, why):
    error = await refused(await certificate_of(**claims), expecting(**expectation))
    assert isinstance(error, Refused)
    assert why in str(error)


async def test_a_pinned_key_and_operator_are_found_again():
    certificate = await certificate_of(operator_sha256=b"o" * 32)
    pin = judge(certificate, expecting(), NOW).pin
    assert judge(certificate, expecting(pin=pin, operator_sha256=b"o" * 32), NOW).pin == pin


async def test_replayed_evidence_under_the_attackers_key():
    """They have a genuine certificate from an earlier connection, and not its key."""
    tee = chip_of()
    tagged = write_tagged(await attest(tee, claims_for(tee)))
    error = await refused(with_extensions({TAGGED_EVIDENCE_OID: tagged}), expecting(), OTHER_KEY)
    assert "another key" in str(error)


async def test_replayed_bare_evidence_under_the_attackers_key():
    tee = chip_of()
    evidence = await tee.evidence(report_data.of_bare_key(KEY.public_key()))
    certificate = with_extensions({BARE_OIDS[SEV_SNP]: write_bare(evidence)})
    error = await refused(certificate, expecting(forms=frozenset(Form)), OTHER_KEY)
    assert isinstance(error, VerificationFailed)


async def test_a_certificate_without_evidence():
    error = await refused(with_extensions({}), expecting(forms=frozenset(Form)), OTHER_KEY)
    assert isinstance(error, InvalidEvidence)


async def bare_certificate(life, signer=None) -> bytes:
    evidence = await chip_of().evidence(report_data.of_bare_key(KEY.public_key()))
    return with_extensions({BARE_OIDS[SEV_SNP]: write_bare(evidence)}, KEY, life, signer)


async def test_forms_without_claims_are_read_only_when_asked_for_and_must_be_fresh():
    year = await bare_certificate(timedelta(days=365))
    bare = expecting(forms=frozenset({Form.BARE}))
    for expectation, why in ((expecting(), "no evidence in the form"), (bare, "no freshness")):
        with pytest.raises(EnclaveError, match=why):
            judge(year, expectation, NOW)
    attested = judge(year, replace(bare, max_life=timedelta(days=366)), NOW)
    assert attested.claims is None
    day = await bare_certificate(MAX_LIFE)
    assert judge(day, bare, NOW).until == NOW + MAX_LIFE
    with pytest.raises(Refused, match="ended"):
        judge(day, bare, NOW + MAX_LIFE)


async def test_dates_that_somebody_else_signed_are_not_believed():
    other = await bare_certificate(MAX_LIFE, signer=OTHER_KEY)
    with pytest.raises(Refused, match="not signed by its own key"):
        judge(other, expecting(forms=frozenset({Form.BARE})), NOW)


async def test_a_man_in_the_middle_after_verification_sees_nothing_and_gets_no_connection():
    """They relay the verification to the genuine server and wait for the secrets to follow on
    another connection, which they would answer themselves. There is none."""
    arrived = trio.Event()

    async def receipt(data):
        arrived.set()
        return b"thanks"

    genuine = Server(await certificate_of(), answer=receipt)
    connections, overheard = [], bytearray()

    async def pump(source, sink):
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await source.receive_some():
                overheard.extend(data)
                await sink.send_all(data)
        await trio.aclose_forcefully(sink)

    async def relay(client):
        connections.append(client)
        upstream = await trio.open_tcp_stream("127.0.0.1", port)
        async with trio.open_nursery() as both:
            both.start_soon(pump, client, upstream)
            both.start_soon(pump, upstream, client)

    async with (
        genuine.listening() as port,
        tcp_server(relay) as middle,
        await connect("127.0.0.1", middle, expecting(), now=clock()) as connection,
    ):
        await connection.stream.send_all(b"master password")
        await arrived.wait()
    assert genuine.received == b"master password"
    assert len(connections) == 1
    assert b"master password" not in overheard


async def test_a_man_in_the_middle_with_another_chip():
    """They answer in place of the server, from the same product, with their own software in it."""
    theirs = chip_of(measurement=b"\x66" * 48)
    error = await refused(await certificate_of(theirs, OTHER_KEY), expecting(), OTHER_KEY)
    assert isinstance(error, Refused)


async def test_a_server_that_speaks_something_else():
    async def garbage(stream):
        await stream.send_all(b"SSH-2.0-OpenSSH_9.2\r\n")
        await stream.receive_some()

    async with tcp_server(garbage) as port:
        with pytest.raises(trio.BrokenResourceError):
            await connect("127.0.0.1", port, expecting(), now=clock())


async def test_a_server_that_says_nothing(autojump_clock):
    async def silence(stream):
        await trio.sleep_forever()

    async with tcp_server(silence) as port:
        with pytest.raises(trio.TooSlowError):
            await connect("127.0.0.1", port, expecting(), now=clock())


def http(body: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status.encode(), len(body)) + body


def nonce_in(request: bytes) -> bytes:
    target = request.split(b" ")[1]
    assert target.startswith(b"/quote?nonce=")
    return urlsafe_b64decode(target.removeprefix(b"/quote?nonce=") + b"=")


async def answering(request: bytes, tee=None, key=KEY, **claims) -> bytes:
    tee = tee or chip_of()
    claims = {"nonce": nonce_in(request)} | claims
    return http(write_tagged(await attest(tee, claims_for(tee, key, **claims))))


async def challenged(answer):
    """What comes of challenging a server that answers so: its attested self, or our error."""
    server = Server(await certificate_of(), answer=answer)
    async with (
        server.listening() as port,
        await connect("127.0.0.1", port, expecting(), now=clock()) as connection,
    ):
        try:
            fresh = await challenge(connection, HTTPAsk("kms"), expecting(), now=clock())
        except EnclaveError as error:
            with pytest.raises(trio.ClosedResourceError):
                await connection.stream.send_all(b"secret")
            return error
        assert fresh.stream is connection.stream
        return fresh.attested


async def test_a_challenge_is_answered_over_its_nonce_on_the_same_connection():
    seen = []

    async def answer(request):
        seen.append(nonce_in(request))
        return await answering(request)

    attested = await challenged(answer)
    assert attested.claims.nonce == seen[0]
    assert len(seen[0]) == 32


@pytest.mark.parametrize(
    "claims, why",
    [
        ({"nonce": b"o" * 32}, "another nonce"),
        ({"nonce": None}, "another nonce"),
        ({"key": OTHER_KEY}, "another key"),
        ({"role": Role.PEER}, "for peer"),
        ({"tee": "other"}, "measurement"),
    ],
)
async def test_answers_to_a_challenge_that_are_not_this_peers(claims, why):
    if "tee" in claims:
        claims["tee"] = chip_of(measurement=bytes(48))

    async def answer(request):
        return await answering(request, **claims)

    error = await challenged(answer)
    assert isinstance(error, EnclaveError)
    assert why in str(error)


async def test_an_answer_that_was_recorded_earlier():
    tee = chip_of()
    recorded = write_tagged(await attest(tee, claims_for(tee, nonce=b"r" * 32)))
    attested = judge(await certificate_of(), expecting(), NOW)
    assert judge_answer(recorded, b"r" * 32, attested, expecting(), NOW)
    with pytest.raises(Refused, match="another nonce"):
        judge_answer(recorded, b"n" * 32, attested, expecting(), NOW)
    with pytest.raises(Refused, match="ended"):
        judge_answer(recorded, b"r" * 32, attested, expecting(), NOW + MAX_LIFE)


async def test_a_server_that_does_not_answer_a_challenge_is_left():
    async def answer(request):
        return http(b"no", "503 Service Unavailable")

    assert isinstance(await challenged(answer), AttesterBusy)


async def test_a_server_that_attests_itself_is_found_in_order():
    """The whole of both sides: certificate sent, challenge answered, store accounted for."""

    class Counting(NoStore):
        present: bytes | None = None

        def written(self):
            return self.present

        def continues(self, seen):
            return seen == b"epoch 0"

    state = Counting()
    attester = Attester(
        tee=chip_of(),
        key=await tls_key(chip_of(), Purpose.BOOTSTRAP_TLS),
        role=Role.BOOTSTRAP,
        deployment="eu-1",
        instance=b"i" * 16,
        configuration_sha256=b"c" * 32,
        operator_sha256=b"o" * 32,
        store=state,
        now=lambda: NOW + timedelta(microseconds=5),
    )

    async def answer(request):
        state.present = b"epoch 1"
        return http(await attester.quote(nonce_in(request), b"epoch 0"))

    server = Server((await attester.certificate()).certificate, attester.key, answer)
    expectation = expecting(deployment="eu-1", operator_sha256=b"o" * 32)
    async with (
        server.listening() as port,
        await connect("127.0.0.1", port, expectation, now=clock()) as connection,
    ):
        assert connection.attested.claims.store is None
        fresh = await challenge(connection, HTTPAsk("kms"), expectation, now=clock())
    assert fresh.attested.claims.store == b"epoch 1"
    assert fresh.attested.claims.store_since == sha256(b"epoch 0").digest()
    assert attester.claims(b"n" * 32, b"epoch 2").store_since is None, "it does not continue that"
    assert fresh.attested.pin == connection.attested.pin
    with pytest.raises(InvalidEvidence):
        await attester.quote(b"short")


@needs_vectors
@pytest.mark.parametrize("form", list(Form))
def test_real_certificates_of_other_makes_are_all_refused(form):
    """However much is accepted: each is old, and none has a measurement that anybody listed."""
    sgx = read_policy('[sgx]\nmrenclave = ["' + "00" * 32 + '"]\n')
    expectation = expecting(policy=sgx, roots=None, forms=frozenset({form}))
    names = sorted(path.name for path in (VECTORS / "ratls").glob("*.pem"))
    assert names
    for name in names:
        with pytest.raises(EnclaveError):
            judge(vector(name), expectation, NOW)
