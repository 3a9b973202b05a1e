"""Who is in by which certificate: resumed sessions, open connections, rules that change."""

import ssl
from datetime import datetime
from pathlib import Path

import pytest
import trio
import trio.testing
from cryptography.hazmat.primitives.serialization import Encoding

from server.access import refused_certificates
from server.access.client_certificates import NotAccepted, Rules, end_of
from server.setup.config import Config
from server.setup.failure import Failure
from server.transport import tls
from server.transport.admission import (
    Admission,
    Judge,
    OptionalBeside,
    OptionalOfFiles,
    Reading,
)
from server.transport.handshake import shake_hands
from tests.server.access.authorities import DAY, NOW, Issuer

VERSIONS = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda each: each.name
)


class House:
    """A server's files, its admission, and a clock that can be set."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = NOW
        self.root = Issuer.root("root")
        self.issuing = self.root.issuing("issuing")
        self.client = self.issuing.client("client")
        (path / "lists").mkdir()
        self.revoke()
        (path / "authorities.pem").write_bytes(self.root.pem)
        (path / "server.pem").write_bytes(self.root.client("localhost").pair)
        (path / "client.pem").write_bytes(self.client.pair + self.issuing.pem)
        self.config = Config(
            data=path,
            tls_certificate=path / "server.pem",
            tls_private_key=path / "server.pem",
            tls_client_ca=path / "authorities.pem",
            tls_client_revocation_lists=path / "lists",
        )
        self.admission = Admission(
            lambda: tls.reading_of_files(self.config, self.now),
            lambda: self.now,
            lambda: tls.stamp_of_files(self.config),
        )

    def revoke(self, *revoked: Issuer, start: datetime = NOW - DAY) -> None:
        """Publish a list, put in place as a whole."""
        new = self.path / "lists" / ".new"
        listed = self.issuing.revocations(revoked, start=start, end=NOW + 90 * DAY)
        new.write_bytes(listed.public_bytes(Encoding.DER))
        new.replace(self.path / "lists" / "issuing.crl")

    def trust(self, *authorities: Issuer) -> None:
        """Replace the authorities."""
        (self.path / "new.pem").write_bytes(b"".join(each.pem for each in authorities))
        (self.path / "new.pem").replace(self.path / "authorities.pem")

    def refuse(self, issuer: Issuer) -> None:
        """As `strongroom refuse-certificate`."""
        entry = refused_certificates.entry_of(issuer.certificate)
        refused_certificates.add(self.config.refused_certificates_file, entry)

    def client_context(self, version: ssl.TLSVersion) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        context.load_cert_chain(self.path / "client.pem")
        return context


class Visit:
    """One connection; its session, and whether the server was resuming one."""

    def __init__(self, house: House, client: ssl.SSLContext, judge: Judge | None = None) -> None:
        self.judge = judge or house.admission
        self.client = client
        self.session: ssl.SSLSession | None = None
        self.resumed = False

    async def come(self, session: ssl.SSLSession | None = None) -> "Visit":
        """Do a handshake and let the server judge.

        Raises:
            NotAccepted: it does not accept the client.
        """
        mine, its = trio.testing.memory_stream_pair()
        context = self.judge.context
        theirs = trio.SSLStream(its, context, server_side=True)
        ours = trio.SSLStream(mine, self.client, server_hostname="localhost")
        if session is not None:
            ours.session = session

        async def ask() -> None:
            await ours.do_handshake()
            assert await ours.receive_some(1) == b"x"
            self.session = ours.session

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await shake_hands(theirs)  # type: ignore[arg-type]
            self.resumed = bool(theirs.session_reused)
            await theirs.send_all(b"x")
        self.chain = self.judge.accepted(theirs, context)  # type: ignore[arg-type]
        return self


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def refused(visit: Visit, session: ssl.SSLSession | None, cause: str) -> None:
    with pytest.raises(NotAccepted, match=cause):
        await visit.come(session)


@VERSIONS
async def test_a_session_brings_back_the_chain_and_nothing_that_has_ended(house: House, version):
    context = house.client_context(version)
    first = await Visit(house, context).come()
    again = await Visit(house, context).come(first.session)
    assert (first.resumed, again.resumed) == (False, True)
    assert again.chain == first.chain
    assert first.chain == tuple(
        each.certificate for each in (house.client, house.issuing, house.root)
    )
    house.now = house.client.certificate.not_valid_after_utc
    for session in (None, first.session, again.session):
        visit = Visit(house, context)
        await refused(visit, session, "certificate has expired")
        assert visit.resumed == (session is not None)


@VERSIONS
async def test_a_session_does_not_bring_in_whose_issuing_authority_has_ended(house, version):
    house.client = house.issuing.client("client", end=NOW + 400 * DAY)
    (house.path / "client.pem").write_bytes(house.client.pair + house.issuing.pem)
    context = house.client_context(version)
    first = await Visit(house, context).come()
    house.now = house.issuing.certificate.not_valid_after_utc
    await refused(Visit(house, context), first.session, "certificate has expired")


@VERSIONS
@pytest.mark.parametrize("how", ["revoked", "refused", "authority refused", "authority taken back"])
async def test_what_changes_holds_for_full_and_resumed_handshakes(house: House, version, how):
    context = house.client_context(version)
    first = await Visit(house, context).come()
    if how == "revoked":
        house.revoke(house.client, start=NOW)
        cause = "certificate revoked"
    elif how == "authority taken back":
        house.trust(Issuer.root("another"))
        await house.admission.look()
        with pytest.raises(ExceptionGroup):
            await Visit(house, context).come(first.session)
        return
    else:
        house.refuse(house.client if how == "refused" else house.issuing)
        cause = "by the operator's list"
    await house.admission.look()
    await refused(Visit(house, context), None, cause)
    await refused(Visit(house, context), first.session, cause)


@pytest.mark.parametrize("how", ["revoked", "refused", "authority taken back", "ended"])
async def test_an_open_connection_ends_when_its_certificate_is_not_accepted(house, how, caplog):
    caplog.set_level("INFO")
    visit = await Visit(house, house.client_context(ssl.TLSVersion.TLSv1_3)).come()
    assert visit.chain is not None
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:

            async def look() -> None:
                await house.admission.look()
                await trio.testing.wait_all_tasks_blocked()
                assert nursery.child_tasks  # nothing has changed: it goes on
                if how == "revoked":
                    house.revoke(house.client, start=NOW)
                elif how == "refused":
                    house.refuse(house.client)
                elif how == "ended":  # a clock that jumps
                    house.now = house.client.certificate.not_valid_after_utc
                else:
                    house.trust(Issuer.root("another"))
                await house.admission.look()

            nursery.start_soon(look)
            with house.admission.open_while_accepted(visit.chain, "192.0.2.1"):
                await trio.sleep_forever()
    assert "the connection of client from 192.0.2.1 ends: " in caplog.text


async def test_a_renewed_authority_keeps_its_clients(house: House):
    visit = await Visit(house, house.client_context(ssl.TLSVersion.TLSv1_3)).come()
    assert visit.chain is not None
    house.trust(Issuer.root("another"), house.issuing)
    goes_on = False
    with trio.fail_after(20), house.admission.open_while_accepted(visit.chain, "a"):
        await house.admission.look()
        await trio.lowlevel.checkpoint()
        goes_on = True
    assert goes_on


async def test_an_open_connection_ends_in_the_moment_when_its_certificate_does(
    house: House, autojump_clock, caplog
):
    caplog.set_level("INFO")
    chain = (house.client.certificate, house.issuing.certificate)
    house.now = end_of(chain) - 5 * DAY
    before = trio.current_time()
    with house.admission.open_while_accepted(chain, "192.0.2.1"):
        await trio.sleep_forever()
    assert trio.current_time() - before == pytest.approx((5 * DAY).total_seconds())
    assert "the connection of client from 192.0.2.1 ends: certificate has expired" in caplog.text


@pytest.mark.parametrize("how", ["no lists", "half a list", "older list", "no authorities"])
async def test_a_reading_that_fails_lets_nobody_in(house: House, how, caplog):
    house.revoke(house.client, start=NOW)
    house.refuse(house.root.client("other"))
    await house.admission.look()
    caplog.clear()
    before = house.admission.context
    file = house.path / "lists" / "issuing.crl"
    if how == "no lists":
        file.unlink()
    elif how == "half a list":
        file.write_bytes(file.read_bytes()[:99])
    elif how == "older list":
        house.revoke(start=NOW - 2 * DAY)
    else:
        (house.path / "authorities.pem").write_bytes(b"")
    for _ in range(3):
        await house.admission.look()
    assert house.admission.context is before
    assert caplog.text.count("has changed and is not taken") == 1
    context = house.client_context(ssl.TLSVersion.TLSv1_3)
    await refused(Visit(house, context), None, "certificate revoked")
    house.trust(house.root)
    house.revoke(start=NOW + DAY / 1000)
    house.now = NOW + DAY
    await house.admission.look()
    await Visit(house, context).come()


async def test_the_servers_own_certificate_is_read_again(house: House):
    renewed = house.root.client("renewed")
    (house.path / "server.pem").write_bytes(renewed.pair)
    await house.admission.look()
    near, far = trio.testing.memory_stream_pair()
    client = trio.SSLStream(near, house.client_context(ssl.TLSVersion.TLSv1_3))
    server = trio.SSLStream(far, house.admission.context, server_side=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.do_handshake)
        await server.do_handshake()
        await server.send_all(b"x")
    presented = client.getpeercert(True)
    assert presented == renewed.certificate.public_bytes(Encoding.DER)


async def test_an_issuing_authority_alone_lets_its_clients_in(house: House):
    house.trust(house.issuing)
    await house.admission.look()
    visit = await Visit(house, house.client_context(ssl.TLSVersion.TLSv1_3)).come()
    assert visit.chain == (house.client.certificate, house.issuing.certificate)


def test_a_start_with_lists_that_are_not_there_fails(house: House):
    (house.path / "lists" / "issuing.crl").unlink()
    with pytest.raises(Failure, match="no certificate revocation list"):
        tls.reading_of_files(house.config, NOW)


async def test_what_does_not_come_from_files_is_judged_by_time_too(house: House):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    rules = Rules([house.root.certificate])
    admission = Admission(lambda: Reading(context, rules), lambda: house.now)
    chain = (house.client.certificate, house.root.certificate)
    with trio.fail_after(20), admission.open_while_accepted(chain, "a"):
        house.now = house.client.certificate.not_valid_after_utc
        await admission.look()
        await trio.sleep_forever()


# The HTTPS port


def of_files(house: House) -> Judge:
    return OptionalOfFiles(house.admission)


def beside(house: House) -> Judge:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(house.path / "server.pem")
    return OptionalBeside(house.admission, context)


optional = pytest.mark.parametrize("judge_of", [of_files, beside])


def stranger_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@optional
async def test_https_lets_in_whoever_shows_no_certificate_and_knows_who_does(house, judge_of):
    judge = judge_of(house)
    assert (await Visit(house, stranger_context(), judge).come()).chain is None
    client = house.client_context(ssl.TLSVersion.TLSv1_3)
    visit = await Visit(house, client, judge).come()
    assert visit.chain is not None
    assert visit.chain[0] == house.client.certificate


@optional
async def test_https_does_not_let_in_whose_certificate_is_another_authority_s(house, judge_of):
    judge = judge_of(house)
    other = Issuer.root("another").client("client")
    (house.path / "other.pem").write_bytes(other.pair)
    context = stranger_context()
    context.load_cert_chain(house.path / "other.pem")
    with pytest.raises(ExceptionGroup):
        await Visit(house, context, judge).come()


@VERSIONS
@optional
@pytest.mark.parametrize("how", ["revoked", "refused", "authority refused", "ended"])
async def test_https_judges_by_the_same_rules_as_they_change(house, judge_of, version, how):
    judge = judge_of(house)
    context = house.client_context(version)
    first = await Visit(house, context, judge).come()
    again = await Visit(house, context, judge).come(first.session)
    assert (again.resumed, again.chain) == (True, first.chain)
    if how == "revoked":
        house.revoke(house.client, start=NOW)
    elif how == "ended":
        house.now = house.client.certificate.not_valid_after_utc
    else:
        house.refuse(house.client if how == "refused" else house.issuing)
    await house.admission.look()
    for session in (None, first.session):
        with pytest.raises(NotAccepted):
            await Visit(house, context, judge).come(session)


@optional
async def test_https_follows_the_authorities(house: House, judge_of):
    judge = judge_of(house)
    context = house.client_context(ssl.TLSVersion.TLSv1_3)
    first = await Visit(house, context, judge).come()
    another = Issuer.root("another")
    house.trust(another)
    await house.admission.look()
    for session in (None, first.session):
        with pytest.raises((NotAccepted, ExceptionGroup)):
            await Visit(house, context, judge).come(session)
    (house.path / "client.pem").write_bytes(another.client("client").pair)
    newcomer = house.client_context(ssl.TLSVersion.TLSv1_3)
    assert (await Visit(house, newcomer, judge).come()).chain is not None


@optional
async def test_an_open_connection_of_https_ends_with_its_certificate(house: House, judge_of):
    judge = judge_of(house)
    visit = await Visit(house, house.client_context(ssl.TLSVersion.TLSv1_3), judge).come()
    assert visit.chain is not None
    house.refuse(house.client)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(house.admission.look)
            with judge.open_while_accepted(visit.chain, "192.0.2.1"):
                await trio.sleep_forever()
