"""Bootstrap mode: what the operator gives, tried when it is given; who may give it; how it ends."""

import base64
import json
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enclave.claims import KeyOrigin
from enclave.errors import DeviceError
from enclave.keys import OwnKey
from server.bootstrap import routes as module
from server.bootstrap.operator import operator_access
from server.bootstrap.routes import Bootstrap
from server.setup.backends import SCHEMES, Scheme
from server.setup.config import Config
from server.setup.failure import Failure
from server.setup.provisioning import Provisioning
from server.transport.http import Request
from storage import KeyFile, MemoryBackend, MemorySpace, open_store
from tests.server.unprovisioned_server import (
    MINE,
    PASSWORD,
    PEER,
    certificate,
    configured,
    exchange,
    issue,
    make_store,
    p12,
    pem,
    request,
)

POSTS = (
    "/sqlite", "/redis-findex", "/key-file", "/client-ca", "/pkcs12", "/pkcs12-password",
    "/certificate", "/policy", "/start",
)  # fmt: skip
KEY = bytes(range(32))
OCTETS = {**MINE, "Content-Type": "application/octet-stream"}


class Launches:
    """What the service would be started with."""

    def __init__(self) -> None:
        self.provisioning: list[Provisioning] = []
        self.error: Exception | None = None
        self.seconds = 0.0

    async def __call__(self, provisioning: Provisioning) -> None:
        self.provisioning.append(provisioning)
        await trio.sleep(self.seconds)
        if self.error is not None:
            raise self.error


OWN = OwnKey(ec.generate_private_key(ec.SECP256R1()), KeyOrigin.CHIP)


async def own_key() -> OwnKey:
    await trio.lowlevel.checkpoint()
    return OWN


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configured(tmp_path)


@pytest.fixture
def launches() -> Launches:
    return Launches()


@pytest.fixture
def one(config: Config, launches: Launches) -> Bootstrap:
    return Bootstrap(config, operator_access(config), launches, own_key)


@pytest.fixture
def ask(one: Bootstrap) -> Callable[..., Any]:
    """Sends the operator's requests to it."""

    async def ask(path: str, body: bytes | dict[str, Any] = b"", **more: Any) -> tuple[int, str]:
        status, said = await request(one.routes, "POST", path, body, **more)
        assert set(said) == ({"success"} if status == 200 else {"error"})
        return status, said.get("success") or said["error"]

    return ask


def authority() -> bytes:
    return pem(certificate(name="authority")[1])


async def ready(one: Bootstrap) -> None:
    one.provisioning = Provisioning(password=PASSWORD, client_ca=authority().decode())
    one._touched = trio.current_time()


# Who may give


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("header", ["", "Bearer", "Bearer guess", "Basic x", f"bearer {'f' * 32}"])
async def test_nobody_but_the_operator_gives_anything(one, ask, launches, path, header):
    headers = {"Authorization": header} if header else {}
    status, said = await ask(path, {"password": PASSWORD}, headers=headers)
    assert (status, said) == (401, "only the operator may do this")
    assert one.provisioning == Provisioning()
    assert launches.provisioning == []
    (line,) = one.refused
    assert line["from"] == PEER.address
    assert line["who"] == "nobody"
    assert path in line["what"]


async def test_nobody_but_the_operator_reads_the_log(one):
    assert (await request(one.routes, "GET", "/log", headers={}))[0] == 401
    assert (await request(one.routes, "GET", "/log"))[0] == 200


async def test_strangers_do_not_crowd_out_the_operator(one, ask):
    await ask("/client-ca", authority())
    for number in range(module.MAX_REFUSED_LINES + 5):
        peer = PEER._replace(address=f"198.51.100.{number}")
        await ask("/start", headers={"Authorization": "Bearer no"}, peer=peer)
    lines = (await request(one.routes, "GET", "/log"))[1]["log"]
    assert len(lines) == module.MAX_REFUSED_LINES + 1
    assert [line["what"] for line in lines if line["who"] == "token"] == [
        "POST /client-ca: Client authority received"
    ]
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)


# What is given


@pytest.mark.parametrize(
    "path,body,status,why",
    [
        ("/sqlite", b"{", 400, "not JSON"),
        ("/sqlite", b"[]", 400, "not a JSON object"),
        ("/sqlite", {"url": "x"}, 422, "'url' is not expected"),
        ("/sqlite", {"path": 1}, 422, "path is of another type"),
        ("/sqlite", {"password": ["x"]}, 422, "password is of another type"),
        ("/sqlite", {"path": "a\0b"}, 422, "path has a character"),
        ("/sqlite", {"password": "\ud800 secret"}, 422, "password has a character"),
        ("/sqlite", {"password": ""}, 422, "1 to 1024 bytes"),
        ("/sqlite", {"password": "x" * 1025}, 422, "1 to 1024 bytes"),
        ("/sqlite", {"path": "x" * 5000, "password": PASSWORD}, 422, "File name too long"),
        ("/sqlite", {"path": "/dev/null/x", "password": PASSWORD}, 422, "cannot be made"),
        ("/redis-findex", {}, 422, "url is missing"),
        ("/redis-findex", {"url": "x", "master_password": "y"}, 422, "a Redis URL begins with"),
        ("/redis-findex", {"url": "redis://h"}, 422, "give master_password, or the store's key"),
        ("/redis-findex", {"url": "redis://h", "master_password": ""}, 422, "1 to 1024 bytes"),
        (
            "/redis-findex",
            {"url": "redis://h", "master_password": "y", "findex_label": "{"},
            422,
            "a label has 1 to 64",
        ),
        (
            "/redis-findex",
            {"url": "rediss://h", "master_password": "y", "certificate": "x"},
            422,
            "The certificates for Redis cannot be used",
        ),
        ("/redis-findex", {"url": "redis://h", "key": "x"}, 422, "'key' is not expected"),
        ("/key-file", b"short", 422, "32 bytes"),
        ("/key-file", b"", 422, "32 bytes"),
        ("/client-ca", b"", 422, "not one or more certificates"),
        ("/client-ca", b"\xff", 400, "not UTF-8"),
        ("/client-ca", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", 422, "PEM"),
        ("/pkcs12", b"", 422, "no file"),
        ("/pkcs12-password", {}, 422, "password is missing"),
        ("/pkcs12-password", {"password": 5}, 422, "another type"),
        ("/certificate", b"", 422, "not one or more certificates in PEM"),
        ("/certificate", b"\xff", 400, "not UTF-8"),
        ("/policy", b"\xff", 400, "not UTF-8"),
        ("/policy", b"[sev-snp]\nmeasurement = []", 422, "cannot be used"),
        ("/policy", b"[moon]", 422, "cannot be used"),
        ("/start", {"restart": "yes"}, 422, "another type"),
        ("/start", {"clear_database": True}, 422, "not cleared"),
        ("/start", {}, 422, "password or key file first"),
    ],
)
async def test_what_is_wrong_is_refused_when_it_is_given(one, ask, caplog, path, body, status, why):
    got, said = await ask(path, body)
    assert (got, why in said) == (status, True), said
    assert one.provisioning == Provisioning()
    assert said in one.lines[-1]["what"]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("path", POSTS[:-1])
async def test_a_body_that_is_too_long_is_refused(one, ask, path):
    assert (await ask(path, bytes(module.MAX_BODY_BYTES + 1)))[0] == 413
    assert one.provisioning == Provisioning()


@pytest.mark.parametrize("path", POSTS)
@given(
    body=st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ).map(lambda value: json.dumps(value).encode()),
        st.fixed_dictionaries(
            {"path": st.sampled_from(["x.db", "x/y.db", "\0", "", None, 1])},
            optional={
                name: st.text() | st.none() | st.integers()
                for name in ("password", "restart", "clear_database")
            },
        ).map(lambda value: json.dumps(value).encode()),
    ),
    kind=st.sampled_from(
        ["application/json", "multipart/form-data", "multipart/form-data; boundary=b", "x", ""]
    ),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_any_body_gets_a_proper_answer(config, launches, monkeypatch, path, body, kind):
    monkeypatch.chdir(config.data)
    one = Bootstrap(replace(config, store="memory:"), operator_access(config), launches, own_key)
    headers = {**MINE, "Content-Type": kind}
    status, said = await request(one.routes, "POST", path, body, headers=headers)
    assert status in (200, 400, 422)
    assert set(said) <= {"success", "error"}


# The store


async def test_a_store_is_opened_when_it_is_given(one, ask, tmp_path):
    path = str(tmp_path / "theirs.db")
    await make_store(Path(path))
    status, said = await ask("/sqlite", {"path": path, "password": "wrong"})
    assert (status, said) == (422, f"The store {path} does not open with the password given.")
    assert one.provisioning == Provisioning()
    assert (await ask("/sqlite", {"path": path, "password": PASSWORD}))[0] == 200
    assert one.provisioning == Provisioning(store=f"sqlite:{path}", password=PASSWORD)
    status, said = await ask("/key-file", KEY)
    assert (status, said) == (422, f"The store {path} does not open with the key file given.")
    assert one.provisioning.password == PASSWORD


async def test_a_key_file_opens_it_too(one, ask, tmp_path):
    await make_store(tmp_path / "store.db", KeyFile(KEY))
    assert (await ask("/key-file", KEY))[0] == 200
    assert one.provisioning == Provisioning(key_file=KEY)
    assert (await ask("/sqlite", {"password": PASSWORD}))[0] == 422
    assert one.provisioning.key_file == KEY


async def test_the_secret_is_tried_on_a_store_of_any_scheme(config, launches, monkeypatch):
    space = MemorySpace()
    row = Scheme(name="x", rest="", meaning="a test", make=lambda rest: MemoryBackend(space))
    monkeypatch.setitem(SCHEMES, row.name, row)
    config = replace(config, store="x:")
    routes = Bootstrap(config, operator_access(config), launches, own_key).routes
    assert (await request(routes, "POST", "/key-file", KEY))[0] == 200, "new"
    assert space.head is None, "and not made yet"
    async with open_store(MemoryBackend(space), KeyFile(KEY), create=True):
        pass
    status, said = await request(routes, "POST", "/key-file", bytes(32))
    assert (status, said["error"]) == (
        422,
        "The store in x does not open with the key file given.",
    )
    assert (await request(routes, "POST", "/key-file", KEY))[0] == 200


async def test_a_new_store_is_not_made_yet(one, ask, tmp_path):
    assert (await ask("/sqlite", {"password": PASSWORD}))[0] == 200
    assert not (tmp_path / "store.db").exists()
    assert (await ask("/key-file", KEY))[0] == 200
    assert one.provisioning == Provisioning(key_file=KEY)


async def test_a_damaged_store_is_refused(one, ask, tmp_path):
    await make_store(tmp_path / "store.db")
    with (tmp_path / "store.db").open("r+b") as file:
        file.write(bytes(200))
    status, said = await ask("/sqlite", {"password": PASSWORD})
    assert status == 422
    assert "is damaged or was tampered with" in said


async def test_the_place_alone_is_kept_for_what_opens_it(one, ask, tmp_path):
    await make_store(tmp_path / "theirs.db")
    await ask("/sqlite", {"path": str(tmp_path / "theirs.db")})
    assert (await ask("/key-file", KEY))[0] == 422
    assert (await ask("/sqlite", {"password": PASSWORD}))[0] == 200, "the setting's place: new"


# The identity


@pytest.mark.parametrize("password", ["hunter2", ""])
@pytest.mark.parametrize("first", ["file", "password"])
@pytest.mark.parametrize("kind", [ec.SECP256R1, ec.SECP384R1, None])
async def test_file_and_password_come_in_any_order(one, ask, launches, password, first, kind):
    key = ec.generate_private_key(kind()) if kind else rsa.generate_private_key(65537, 2048)
    data = p12(*certificate(key), password)
    steps = {"file": ("/pkcs12", data), "password": ("/pkcs12-password", {"password": password})}
    for name in (first, *(steps.keys() - {first})):
        path, body = steps[name]
        assert (await ask(path, body))[0] == 200
    one.provisioning = replace(one.provisioning, password=PASSWORD, client_ca=authority().decode())
    assert (await ask("/start"))[0] == 200
    assert launches.provisioning[0].pkcs12 == data
    assert launches.provisioning[0].pkcs12_password == password


async def test_a_wrong_password_is_refused_and_can_be_mended(one, ask):
    data = p12(*certificate(), "right")
    await ask("/pkcs12", data)
    status, said = await ask("/pkcs12-password", {"password": "wrong"})
    assert (status, said) == (422, "The PKCS#12 does not open with this password.")
    assert (await ask("/pkcs12-password", {"password": "right"}))[0] == 200
    one.provisioning = Provisioning(pkcs12_password="wrong")
    assert (await ask("/pkcs12", data))[0] == 422
    await ask("/pkcs12-password", {"password": "right"})
    assert (await ask("/pkcs12", data))[0] == 200


async def test_both_can_be_replaced(one, ask):
    for password in ("one", "two"):
        data = p12(*certificate(), password)
        assert (await ask("/pkcs12", data))[0] == 200
        assert (await ask("/pkcs12-password", {"password": password}))[0] == 200
    assert one.provisioning == Provisioning(pkcs12=data, pkcs12_password="two")


async def test_an_identity_that_cannot_be_used_is_refused_before_the_start(one, ask, launches):
    key = ec.generate_private_key(ec.SECP256R1())
    own = ed25519.Ed25519PrivateKey.generate()
    for data, why in (
        (b"nonsense", "does not open"),
        (p12(key, None, ""), "no certificate"),
        (p12(own, None, ""), "no certificate"),
    ):
        await ready(one)
        await ask("/pkcs12", data)
        status, said = await ask("/start")
        assert (status, why in said) == (422, True), said
    assert launches.provisioning == []


# Forms


def form(*parts: tuple[bytes, bytes], boundary: bytes = b"xyz") -> bytes:
    inner = b"".join(b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary, *part) for part in parts)
    return inner + b"--%s--\r\n" % boundary


FILE = b'Content-Disposition: form-data; name="file"; filename="bootstrap.p12"\r\nContent-Type: '
FORM = {**MINE, "Content-Type": "multipart/form-data; boundary=xyz"}


@given(content=st.binary(min_size=1, max_size=300))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_form_s_file_arrives_byte_for_byte(config, launches, content):
    one = Bootstrap(config, operator_access(config), launches, own_key)
    note = b'Content-Disposition: form-data; name="note"'
    for content_type in (b"application/octet-stream", b"application/x-pkcs12"):
        body = form((note, b"hello"), (FILE + content_type, content))
        status, said = await request(one.routes, "POST", "/pkcs12", body, headers=FORM)
        assert (status, said) == (200, {"success": f"PKCS#12 of {len(content)} bytes received"})
        assert one.provisioning.pkcs12 == content


async def test_a_form_may_be_encoded(one, ask):
    head = FILE + b"application/octet-stream\r\nContent-Transfer-Encoding: base64"
    await ask("/pkcs12", form((head, base64.b64encode(KEY))), headers=FORM)
    assert one.provisioning.pkcs12 == KEY


NESTED = b"".join(
    b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (at, at) for at in range(5000)
)


@pytest.mark.parametrize(
    "body,kind",
    [
        (b"", "multipart/form-data; boundary=xyz"),
        (form((b"Content-Type: text/plain", b"x")), "multipart/form-data; boundary=xyz"),
        (form((FILE + b"application/octet-stream", b"")), "multipart/form-data; boundary=xyz"),
        (form((FILE + b"application/octet-stream", b"x")), "multipart/form-data; boundary=abc"),
        (form((FILE + b"application/octet-stream", b"x")), "multipart/form-data"),
        (b"--xyz\r\n" + NESTED, "multipart/form-data; boundary=xyz"),
    ],
    ids=["empty", "no file", "empty file", "other boundary", "no boundary", "nested"],
)
async def test_a_bad_form_is_refused(one, ask, body, kind, caplog):
    status, said = await ask("/pkcs12", body, headers={**MINE, "Content-Type": kind})
    assert (status, "no file" in said) == (422, True)
    assert one.provisioning == Provisioning()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


# The start


async def test_a_start_needs_the_store_s_secret_and_the_clients_authority(one, ask, launches):
    assert (await ask("/start"))[0] == 422
    await ask("/sqlite", {"password": PASSWORD})
    status, said = await ask("/start")
    assert (status, "authority of the KMIP clients" in said) == (422, True)
    assert launches.provisioning == []
    await ask("/client-ca", b"# Autorit\xc3\xa9\n" + authority())
    assert await ask("/start", {"restart": True}) == (200, "Starting the KMS server")
    assert launches.provisioning[0].restart


@pytest.mark.parametrize(
    "off,why", [(301, "301 s behind"), (-301, "301 s ahead of"), (300, None), (-300, None)]
)
async def test_a_start_by_another_clock_than_the_operator_s_is_refused(
    one, ask, launches, off, why
):
    one.now = lambda: datetime(2030, 5, 1, 12, tzinfo=UTC)
    await ask("/client-ca", authority())
    one.provisioning = replace(one.provisioning, password=PASSWORD)
    theirs = int(one.now().timestamp()) + off
    status, said = await ask("/start", {"restart": True, "time": theirs})
    if why is None:
        assert status == 200
        assert launches.provisioning[0].time == theirs
    else:
        assert (status, why in said, launches.provisioning) == (422, True, [])


async def test_after_the_start_nothing_is_kept_and_nothing_is_taken(one, ask, launches):
    await ready(one)
    await ask("/start")
    assert one.done.is_set()
    assert one.provisioning == Provisioning()
    assert await ask("/start") == (200, "The KMS server is up")
    assert len(launches.provisioning) == 1
    assert not launches.provisioning[0].restart
    for path in POSTS[:-1]:
        assert (await ask(path, {"password": PASSWORD}))[0] == 409
    assert one.provisioning == Provisioning()


@pytest.mark.parametrize(
    "error,why",
    [
        (Failure("127.0.0.1 port 1 cannot be had."), "127.0.0.1 port 1 cannot be had."),
        (ExceptionGroup("", [Failure("That will not do.")]), "That will not do."),
        (PermissionError(13, "Permission denied"), "may not be opened by this user"),
        (RuntimeError("the secret is hunter2"), "its log says more"),
    ],
    ids=["failure", "group", "system", "fault"],
)
async def test_a_start_that_fails_says_why_and_leaves_what_was_given(
    one, ask, launches, error, why, caplog
):
    await ready(one)
    before = one.provisioning
    launches.error = error
    status, said = await ask("/start")
    assert (status, why in said) == (422, True), said
    assert not one.done.is_set()
    assert one.provisioning == before
    assert "hunter2" not in said
    launches.error = None
    assert (await ask("/start"))[0] == 200


async def test_that_a_chip_cannot_seal_is_told_to_who_wants_it(config, launches):
    for restart, warned in ((True, True), (False, False)):
        one = Bootstrap(config, operator_access(config), launches, own_key, can_seal=False)
        await ready(one)
        said = (await request(one.routes, "POST", "/start", {"restart": restart}))[1]["success"]
        assert ("a restart needs the operator" in said) is warned


async def test_two_starts_at_once_start_once(one, ask, launches, autojump_clock):
    await ready(one)
    launches.seconds = 5
    said = []

    async def start() -> None:
        said.append((await ask("/start"))[1])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(start)
        nursery.start_soon(start)
    assert said == ["Starting the KMS server", "The KMS server is up"]
    assert len(launches.provisioning) == 1


async def test_what_two_requests_give_at_once_is_both_kept(one, ask, tmp_path):
    await make_store(tmp_path / "store.db")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "/sqlite", {"password": PASSWORD})
        nursery.start_soon(ask, "/client-ca", authority())
        nursery.start_soon(ask, "/pkcs12", KEY)
    assert one.provisioning.password == PASSWORD
    assert one.provisioning.client_ca
    assert one.provisioning.pkcs12 == KEY


# Time


async def test_half_finished_provisioning_is_dropped(one, ask, config, nursery, autojump_clock):
    nursery.start_soon(one.keep_expiring)
    await ask("/client-ca", authority())
    await trio.sleep(config.bootstrap_seconds * 0.9)
    await ask("/pkcs12-password", {"password": "hunter2"})  # the time starts anew
    await trio.sleep(config.bootstrap_seconds * 0.9)
    assert one.provisioning != Provisioning()
    await trio.sleep(config.bootstrap_seconds)
    assert one.provisioning == Provisioning()
    assert (await ask("/start"))[0] == 422
    nursery.cancel_scope.cancel()


async def test_it_is_dropped_at_the_next_request_too(one, ask, config, autojump_clock):
    await ask("/client-ca", authority())
    await trio.sleep(config.bootstrap_seconds + 1)
    await ask("/pkcs12-password", {"password": "hunter2"})
    assert one.provisioning == Provisioning(pkcs12_password="hunter2")


async def test_strangers_do_not_prolong_it(one, ask, config, nursery, autojump_clock):
    nursery.start_soon(one.keep_expiring)
    await ask("/client-ca", authority())
    for _ in range(10):
        await trio.sleep(config.bootstrap_seconds / 5)
        await ask("/start", headers={})
    assert one.provisioning == Provisioning()
    nursery.cancel_scope.cancel()


async def test_nothing_is_dropped_while_it_is_started_with(
    one, ask, config, launches, nursery, autojump_clock
):
    nursery.start_soon(one.keep_expiring)
    await ask("/client-ca", authority())
    one.provisioning = replace(one.provisioning, password=PASSWORD)
    launches.seconds = config.bootstrap_seconds * 2
    launches.error = Failure("It takes too long.")
    assert (await ask("/start"))[0] == 422
    launches.seconds, launches.error = 0, None
    assert (await ask("/start"))[0] == 200
    nursery.cancel_scope.cancel()


# Secrets


async def test_secrets_are_in_no_log_and_no_repr(one, ask, launches, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    password, other = secrets.token_hex(8), secrets.token_hex(8)
    await make_store(tmp_path / "store.db")
    await ask("/sqlite", {"password": password})
    await ask("/sqlite", {"password": PASSWORD})
    await ask("/pkcs12", p12(*certificate(), other))
    await ask("/pkcs12-password", {"password": password})
    await ask("/pkcs12-password", {"password": other})
    await ask("/client-ca", authority())
    launches.error = RuntimeError("fault")
    await ask("/start")
    log = json.dumps((await request(one.routes, "GET", "/log"))[1])
    texts = (repr(one), repr(one.provisioning), log, caplog.text, str(one.lines))
    token = MINE["Authorization"].split()[1]
    for secret in (PASSWORD, password, other, token):
        assert not any(secret in text for text in texts)
    assert "POST /start" in log


def test_a_line_of_the_log_is_one_line(caplog):
    caplog.set_level(logging.INFO)
    line_request = Request("POST", "/sqlite", {}, {}, b"", PEER)
    assert module._line(line_request, "token", "a\nb")["what"] == "POST /sqlite: a\nb"


# A certificate for the server's own key


async def csr(one: Bootstrap, headers: Mapping[str, str] = MINE) -> tuple[int, bytes]:
    return await exchange(one.routes, "GET", "/csr", headers=headers)


async def test_a_signing_request_is_for_the_key_that_the_service_will_have(one):
    status, body = await csr(one)
    assert status == 200
    made = x509.load_pem_x509_csr(body)
    assert made.public_key() == OWN.key.public_key()
    assert made.is_signature_valid
    assert (await csr(one, {}))[0] == 401


async def test_what_an_authority_issues_for_it_is_kept_for_the_start(one, ask, launches):
    await ready(one)
    request_ = x509.load_pem_x509_csr((await csr(one))[1])
    chain = issued(request_)
    for _ in range(2):
        assert await ask("/certificate", chain) == (200, f"{UNTIL} received")
    assert (await ask("/start"))[0] == 200
    assert launches.provisioning[0].certificate.encode() == chain


async def test_without_its_authority_no_renewal_can_follow_and_that_is_told(one, ask):
    leaf, _ = x509.load_pem_x509_certificates(issued(x509.load_pem_x509_csr((await csr(one))[1])))
    status, said = await ask("/certificate", pem(leaf))
    assert (status, said.startswith(f"{UNTIL} received, without its authority")) == (200, True)


async def test_it_takes_the_place_of_a_pkcs12_and_the_reverse(one, ask):
    await ask("/pkcs12", p12(*certificate(), "x"), headers=OCTETS)
    await ask("/pkcs12-password", {"password": "x"})
    await ask("/certificate", issued(x509.load_pem_x509_csr((await csr(one))[1])))
    assert (one.provisioning.pkcs12, one.provisioning.pkcs12_password) == (None, "")
    assert one.provisioning.certificate
    await ask("/pkcs12", p12(*certificate(), "x"), headers=OCTETS)
    assert one.provisioning.certificate == ""


async def test_a_certificate_for_another_key_is_refused(one, ask):
    status, said = await ask("/certificate", pem(certificate()[1]))
    assert (status, "for another key than this server's" in said) == (422, True)
    assert one.provisioning == Provisioning()


async def test_a_server_with_a_directory_takes_none(config, launches):
    settings_ = replace(config, use_certbot=True, certbot_hostname="kms.example")
    one = Bootstrap(settings_, operator_access(config), launches, own_key)
    assert (await csr(one))[0] == 422
    assert (await request(one.routes, "POST", "/certificate", b"x"))[0] == 422


async def test_a_chip_that_gives_no_key_is_told(config, launches):
    async def no_key() -> OwnKey:
        raise DeviceError("no answer")

    one = Bootstrap(config, operator_access(config), launches, no_key)
    assert (await csr(one))[0] == 503


UNTIL = "Certificate until 2036-01-01 00:00 UTC"


def issued(request_: x509.CertificateSigningRequest) -> bytes:
    """What an authority issues for a request, and its own certificate."""
    key, above = certificate(name="authority")
    return issue(request_, key, above, end=datetime(2036, 1, 1, tzinfo=UTC)) + pem(above)
