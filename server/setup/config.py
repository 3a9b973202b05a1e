"""Every setting of Strongroom: what it is, its default and the reason for that default.

`Config` is the table; `server.setup.settings` reads it from the command line, the environment and a
file. `docs/configuration.md` is made from it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from kmip.messages import MAX_BATCH_ITEMS
from server.setup import addresses, backends, redis_store
from server.setup.failure import Failure
from server.setup.jwt_settings import JWT_ALGORITHMS, MAX_SKEW, JWTSettings, all_issuers
from server.setup.settings import setting
from storage.durability import Durability
from storage.ledger import Anchor

CHALLENGES: Final = frozenset({"tls-alpn-01", "http-01"})
DNS_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
    re.ASCII | re.IGNORECASE,
)
ATTESTED_NAME: Final = re.compile(r"[A-Za-z0-9._@+-]{1,64}", re.ASCII)
MAX_ATTESTED_CLIENTS: Final = 64
"""Their policies are tried one after the other, in microseconds each."""
EMAIL: Final = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,253}", re.ASCII)


class TLSVersion(StrEnum):
    """The TLS versions that can be set; older ones are deprecated (RFC 8996)."""

    V1_2 = "1.2"
    V1_3 = "1.3"


class LegacyAlgorithms(StrEnum):
    """What may be done with algorithms that new data should not be entrusted to.

    `server.crypto` says which these are (DES, RC2, RC4, Blowfish, CAST5, IDEA, SEED, Camellia, MD5,
    CBC-MAC, and new RSA, DSA and DH keys that are too short).
    """

    REFUSE = "refuse"
    READ = "read"  # decrypt and verify only
    ALLOW = "allow"


class DatabaseType(StrEnum):
    """The kinds of databases, by the names that Cosmian's key server has for them."""

    SQLITE = "sqlite"
    REDIS_FINDEX = "redis-findex"


class LogLevel(StrEnum):
    """How much is written to the log: this severity and higher."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """The form of the log's lines."""

    LOGFMT = "logfmt"
    JSON = "json"


class AuditLines(StrEnum):
    """The form of lines in an audit file."""

    READABLE = "readable"
    SEALED = "sealed"


RESERVED_BYTES: Final = 4096
"""Of a message, beside data: its header with credentials, an identifier, parameters."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """The settings of one server, complete and checked."""

    # Where things are
    data: Path = setting(
        Path(".strongroom"),
        "directory of everything the server keeps: store, key file, certificates, users",
        "easy to find for a first try; a service names its own, such as /var/lib/strongroom",
        unit="directory",
    )
    store: str = setting(
        "",
        f"where the sealed store is: {backends.meanings()}",
        "one file beside the rest of the state, which needs no other program",
        unit="scheme:place",
        written_default=backends.default(Path("DATA")),
    )
    anchor: str = setting(
        "",
        "the least state of the store to accept, as `strongroom store anchor` printed it: an older "
        "one that was put back is refused; not used by a server that its operator provisions",
        "a server on an untouched disk has nothing to compare with; whoever keeps an anchor where "
        "the store's host cannot reach it gives it here",
        unit="number:32 digits",
    )
    store_key_file: Path | None = setting(
        None,
        "file with the key that opens the store; made at first start, readable by its owner only",
        "the server starts unattended; keep a copy elsewhere, without it the store is lost",
        unit="file",
        written_default="DATA/store.key",
    )
    store_password_file: Path | None = setting(
        None,
        "open the store by the password in this file (- is standard input) and not by a key file",
        "a password is never on a command line or in the environment, where others can read it",
        unit="file",
    )
    store_password_prompt: bool = setting(
        False,
        "open the store by a password that is asked for on the terminal",
        "a service has nobody to ask",
    )
    database_type: DatabaseType = setting(
        DatabaseType.SQLITE,
        "redis-findex: the store must be in Redis or Valkey, as `store` or `database_url` names it",
        "the name that Cosmian's key server has for it; what `store` names counts",
    )
    database_url: str = setting(
        "",
        "the same as `store`, where that is not given",
        "the name that Cosmian's key server has for it",
        unit="URL",
    )
    redis_findex_label: str = setting(
        redis_store.DEFAULT_LABEL,
        "which store in the Redis: 1 to 64 letters, digits, dots, dashes and underscores; the "
        "store's keys are bound to it",
        "several deployments may share one Redis",
        unit="name",
    )
    redis_master_password_file: Path | None = setting(
        None,
        "the same as store_password_file",
        "the name that Cosmian's key server has for it; Redis itself is never given this password",
        unit="file",
    )
    redis_password_file: Path | None = setting(
        None,
        "file with the password of the Redis user that the URL names, or of the default user",
        "a password in a URL can be read by others",
        unit="file",
    )
    redis_tls_ca: Path | None = setting(
        None,
        "certificates of the authorities that vouch for Redis, PEM",
        "an authority of one's own is named; a public one is known to the system",
        unit="file",
        written_default="the system's",
    )
    redis_tls_certificate: Path | None = setting(
        None,
        "certificate that Redis is shown, PEM",
        "Redis asks for one only where it is set up to",
        unit="file",
    )
    redis_tls_private_key: Path | None = setting(
        None,
        "private key of redis_tls_certificate, PEM, not encrypted",
        "may be in the same file",
        unit="file",
    )
    redis_durability: Durability = setting(
        Durability.FSYNC,
        "what an acknowledged change survives: fsync, the loss of power (appendfsync always); "
        "replicas, the loss of the machine too (WAITAOF); everysec, the end of a process, and "
        "not the last two seconds before the power fails; none, nothing",
        "a key that was given out must not be lost; Redis is asked whether it keeps the promise, "
        "and refused where it does not",
    )
    redis_replicas: int = setting(
        1,
        "how many replicas must have each change, for redis_durability replicas",
        "one, of one that may take over; give as many as may",
        unit="replicas",
        minimum=1,
        maximum=16,
    )

    # Who is admitted
    kmip_host: str = setting(
        "127.0.0.1",
        "addresses on which KMIP is served, separated by commas; 0.0.0.0 is all of IPv4, :: all of "
        "both families, localhost both of this machine's own",
        "only this machine until the operator decides otherwise: the first start makes its own "
        "certificate authority, whose key is beside the server",
        unit="addresses",
    )
    kmip_port: int = setting(
        5696,
        "TCP port on which KMIP is served; 0 takes a free one and prints it",
        "the port registered for KMIP",
        unit="port",
        minimum=0,
        maximum=65535,
    )
    server_names: tuple[str, ...] = setting(
        (),
        "more names and addresses by which clients reach the server, for its own certificate",
        "localhost, 127.0.0.1, ::1, this machine's name and the address served are always in it",
        unit="names",
    )
    tls_minimum_version: TLSVersion = setting(
        TLSVersion.V1_2,
        "oldest TLS version spoken",
        "many KMIP clients in use know no newer one; 1.3 is used by those that do",
    )
    tls_certificate: Path | None = setting(
        None,
        "the server's certificate chain, PEM; without it the server makes and renews its own",
        "a first start needs no certificate authority",
        unit="file",
        written_default="DATA/tls/server.pem",
    )
    tls_private_key: Path | None = setting(
        None,
        "the certificate's private key, PEM, not encrypted",
        "as for the certificate; both or neither are given",
        unit="file",
        written_default="DATA/tls/server.key",
    )
    tls_client_ca: Path | None = setting(
        None,
        "certificates of the authorities whose client certificates are accepted, PEM; an issuing "
        "authority may stand alone, without the root above it; read again when it changes",
        "the authority that the first start makes",
        unit="file",
        written_default="DATA/tls/ca.pem",
    )
    tls_client_revocation_lists: Path | None = setting(
        None,
        "certificate revocation lists of the client authorities, PEM or DER: a file, or a "
        "directory of files; read again when they change; not in a server that its operator "
        "provisions",
        "an authority that publishes lists is asked for them; the one that the first start makes "
        "publishes none",
        unit="file or directory",
    )
    insecure_allow_no_client_certificate: bool = setting(
        False,
        "admit clients without a certificate; a user name and password must then identify them",
        "passwords can be guessed and certificates cannot",
    )
    allow_credentials_over_https: bool = setting(
        False,
        "admit clients without a certificate to KMIP over HTTPS; a credential in the message must "
        "then identify them",
        "passwords can be guessed and certificates cannot; API tokens, which cannot either, need "
        "no setting",
    )
    jwt_issuer_uri: str = setting(
        "",
        "issuer of the JWTs that are taken as bearer tokens at the HTTPS port, exactly as they "
        "name it; needs jwks_uri and jwt_audience",
        "nobody's tokens are taken until the operator names whose",
        unit="URI",
    )
    jwks_uri: str = setting(
        "",
        "where the issuer's public keys are, a JWK set: https://…, read again and again, or "
        "file:PATH",
        "keys that are fetched in the clear could be anybody's",
        unit="URL or file:PATH",
    )
    jwks_ca: Path | None = setting(
        None,
        "certificates of the authorities that vouch for the address of jwks_uri, PEM",
        "public issuers have public certificates",
        unit="file",
        written_default="the system's",
    )
    jwt_audience: tuple[str, ...] = setting(
        (),
        "names of this server, of which a JWT must have one as its audience",
        "a token that was given to another service must not open this one",
        unit="names",
    )
    jwt_algorithms: tuple[str, ...] = setting(
        ("RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"),
        f"by what JWTs may be signed, of {', '.join(JWT_ALGORITHMS)}",
        "those that issuers use; none and HMAC cannot be set",
        unit="names",
    )
    jwt_client_claim: str = setting(
        "sub",
        "the claim of a JWT that names the client",
        "the one that an issuer never gives to another (RFC 7519 section 4.1.2); names and mail "
        "addresses may be given anew",
        unit="name",
    )
    jwt_skew_seconds: float = setting(
        60.0,
        "by how much the issuer's clock may differ from this server's",
        "clocks that are kept differ by less than a second, others by some",
        unit="seconds",
        minimum=0,
        maximum=MAX_SKEW,
    )
    jwt_issuers: tuple[str, ...] = setting(
        (),
        "more issuers of JWTs, each a text of words: issuer=URI jwks=URL, and audience= and "
        "algorithm= (either more than once), claim=, skew= and ca=; what is left out is as above",
        "as for jwt_issuer_uri",
        unit="texts",
    )
    attested_clients: tuple[str, ...] = setting(
        (),
        "clients that come in by evidence of the TEE in which they run: NAME=FILE each, where the "
        "file is a policy that says what their evidence must be",
        "nobody comes in by what the operator has not named",
        unit="NAME=FILE",
    )
    attested_clients_collateral: Path | None = setting(
        None,
        "what vendors publish about the chips of attested_clients, as `strongroom collateral` "
        "writes it; read for each client",
        "TDX cannot be verified without it, and SEV-SNP without revocation lists by the policy",
        unit="file",
    )
    insecure_allow_simulated_clients: bool = setting(
        False,
        "take evidence of a simulated TEE from attested_clients",
        "anybody can make it; for trying it out",
    )
    administrators: tuple[str, ...] = setting(
        ("administrator",),
        "clients (names in certificates, or of users) that may make users, groups and credentials "
        "through KMIP 3.0, and set defaults and constraints for everybody",
        "nobody has this name until a user or a certificate of it is made; an administrator has "
        "no right to other clients' objects",
        unit="clients",
    )
    locate_granted: bool = setting(
        True,
        "let Locate find objects of others on which the client has been granted something, after "
        "its own; without it they are used by their identifiers only",
        "what is shared is to be found; turn it off where clients that do not trust each other "
        "take the first key of some name: another could grant them one",
    )
    issuer: str = setting(
        "none:",
        "who signs the certificates of Certify and Re-certify: none: nobody; own: an authority "
        "made in the store at its first use; file:PATH a PEM file of a private key and its "
        "certificate; object:ID a certificate in the store, linked to its private key",
        "a certificate of this authority says only that some client requested it: never admit "
        "clients by its certificates",
        unit="scheme:place",
    )
    issued_days: int = setting(
        365,
        "how long certificates from Certify and Re-certify are valid",
        "a year, after which most authorities renew",
        unit="days",
        minimum=1,
        maximum=36500,
    )

    # What is proved
    https_port: int = setting(
        9998,
        "TCP port of HTTPS: KMIP over HTTPS; with a TEE, real or simulated, the server attests "
        "itself there; and it takes its secrets there in bootstrap mode; 0 takes a free one",
        "the port that Cosmian's key server uses for it",
        unit="port",
        minimum=0,
        maximum=65535,
    )
    https_host: str = setting(
        "",
        "addresses of the HTTPS port",
        "clients that reach KMIP may also use HTTPS, and verify what answers",
        unit="addresses",
        written_default="as kmip_host",
    )
    measured_launch: bool = setting(
        False,
        "on SEV-SNP: the launch measurement covers kernel, initrd and command line, so that the "
        "key which the chip derives from it is this image's alone, and may seal and be a TLS key",
        "where a provider's firmware alone is measured, another's VM on the same chip derives the "
        "same key",
    )
    vmpl: int = setting(
        0,
        "on SEV-SNP: the privilege level of this VM's own software, for which reports and keys are "
        "requested; a report of another is refused",
        "without a service module (SVSM) or paravisor below it, a VM's kernel runs at 0",
        unit="level",
        minimum=0,
        maximum=3,
    )
    endorsements: Path | None = setting(
        None,
        "on SEV-SNP: certificates of the chip's key (VCEK or VLEK; PEM, or one in DER), which are "
        "sent along with the evidence where the host's table has none for the chip and its TCB; "
        "`strongroom collateral fetch --endorsements-out` writes the file",
        "most hosts have them; verifiers may have them in their own collateral as well",
        unit="file",
    )
    allow_sealed_tcb: str = setting(
        "",
        "on SEV-SNP: the oldest TCB version under which files sealed for a restart are opened; it "
        "is in the claims as long as it is set",
        "who broke the firmware of an older version can seal anything under it, so a firmware "
        "update needs the operator once",
        unit="16 digits",
        written_default="the chip's committed version",
    )
    insecure_software_chip: bool = setting(
        False,
        "simulate a TEE where there is none: evidence then proves nothing and says *simulated*",
        "evidence that proves nothing must not be mistaken for evidence",
    )
    insecure_allow_ckms_verify: bool = setting(
        False,
        "answer GET /tee/attestation_report?nonce= with evidence in the form that `ckms verify` "
        "4.10 reads, and carry evidence in the certificate in the form that `ckms` expects",
        "half of what the chip then signs is chosen by the caller, and neither role nor time is in "
        "it",
    )
    deployment: str = setting(
        "strongroom",
        "name of this deployment in the claims, which verifiers may expect",
        "one deployment needs no name of its own",
        unit="1 to 64 bytes",
    )

    # How it gets its secrets
    use_bootstrap_server: bool = setting(
        False,
        "start unprovisioned: attest first, and take store, secrets and identity from an operator "
        "over HTTPS",
        "outside a confidential machine there is nothing to prove to the operator",
    )
    bootstrap_server_port: int = setting(
        9998,
        "TCP port of bootstrap mode; the same as https_port: the sockets are handed over",
        "the port that Cosmian's key server uses for it",
        unit="port",
        minimum=0,
        maximum=65535,
    )
    bootstrap_operator_certificate: Path | None = setting(
        None,
        "certificate (PEM) of the operator who may provision the server; the digest of its key is "
        "in the claims",
        "the first to connect must not own the server: without a certificate or a token it does "
        "not start in bootstrap mode",
        unit="file",
    )
    bootstrap_operator_token_sha256: str = setting(
        "",
        "SHA-256, in hexadecimal, of a one-time token by which the operator may authenticate in "
        "place of a certificate; it is in the claims",
        "the token itself must not be where the machine's host can read it",
        unit="64 digits",
    )
    bootstrap_seconds: float = setting(
        900.0,
        "how long received secrets are kept while the operator sends nothing more and does not "
        "start the server",
        "secrets must not stay in memory half an afternoon; entering them by hand takes minutes",
        unit="seconds",
        minimum=1,
        maximum=86400,
    )

    # Its peers
    peer_address: str = setting(
        "",
        "HOST:PORT at which the other servers of the deployment reach this one, over connections "
        "on which both attest themselves; it listens at that port, and hands its provisioning "
        "over there where the operator's policy allows it",
        "a server without others needs no such port",
        unit="host:port",
    )
    handover_from: tuple[str, ...] = setting(
        (),
        "HOST:PORT of servers from which this one, while it is unprovisioned, takes what it needs; "
        "they are asked in this order until one hands it over, or the operator provisions this one",
        "an unprovisioned server waits for its operator",
        unit="addresses",
    )
    peer_collateral: Path | None = setting(
        None,
        "what the vendors publish, as `strongroom collateral fetch` writes it, by which peers' "
        "evidence is verified; read anew each time",
        "a peer's evidence is refused where collateral is needed and none is given",
        unit="file",
    )
    insecure_allow_simulated_peers: bool = setting(
        False,
        "where this machine's TEE is simulated: accept peers whose TEE is simulated too, and hand "
        "secrets over to them",
        "anybody can simulate a TEE",
    )

    # How its name is certified
    use_certbot: bool = setting(
        False,
        "get the certificate of the HTTPS port, and of KMIP in a server provisioned by its "
        "operator, from an ACME directory, and renew it; the server makes its key and keeps it "
        "sealed",
        "without a public name there is nothing to certify; evidence needs no authority",
    )
    certbot_hostname: str = setting(
        "",
        "the name that is certified; its port 443, or 80, must lead here",
        "only its owner knows it",
        unit="DNS name",
    )
    certbot_email: str = setting(
        "",
        "where the directory may write to about the certificate",
        "most directories need none",
        unit="address",
    )
    acme_directory: str = setting(
        "https://acme-v02.api.letsencrypt.org/directory",
        "the ACME directory (RFC 8555) that is used; its terms are agreed to by use_certbot",
        "Let's Encrypt, as in Cosmian's key server",
        unit="URL",
    )
    acme_directory_ca: Path | None = setting(
        None,
        "certificates of the authorities that vouch for the directory's own address, PEM",
        "public directories have public certificates",
        unit="file",
        written_default="the system's",
    )
    acme_challenges: tuple[str, ...] = setting(
        ("tls-alpn-01", "http-01"),
        "the challenges that prove control of the name, in the order in which they are tried: "
        "tls-alpn-01 on the HTTPS port, http-01 on a plain port that is open meanwhile",
        "the first needs no further port; the second works where another server has port 443",
        unit="names",
    )
    acme_http_port: int = setting(
        80,
        "TCP port of http-01, on the address of the HTTPS port",
        "the port at which directories look; another one only where port 80 is forwarded to it",
        unit="port",
        minimum=1,
        maximum=65535,
    )

    # What a client can cost
    max_message_bytes: int = setting(
        1024 * 1024,
        "longest request, and longest response; a longer request is refused by its first 8 bytes. "
        "What is decrypted as a whole (authenticated modes) is given in one response, so it may be "
        "no longer, in parts either, and when it is encrypted neither",
        "keys and certificates are thousands of bytes, and longer data can be streamed in parts; "
        "a connection holds at most one request in memory",
        unit="bytes",
        minimum=1024,
        maximum=256 * 1024 * 1024,
    )
    max_connections: int = setting(
        900,
        "connections at once, those still in their handshake included",
        "systems commonly allow a process 1024 open files, and the store needs some",
        unit="connections",
        minimum=1,
        maximum=100_000,
    )
    max_connections_per_address: int = setting(
        300,
        "connections at once from one address",
        "one address cannot take all; large clients pool fewer than a hundred",
        unit="connections",
        minimum=1,
        maximum=100_000,
    )
    handshake_seconds: float = setting(
        10.0,
        "longest time for a TLS handshake",
        "two round trips across the world and a slow device take two; a peer without a verified "
        "certificate gets little time",
        unit="seconds",
        minimum=0.1,
        maximum=600,
    )
    read_seconds: float = setting(
        30.0,
        "longest time from a request's first byte to its last",
        "1 MiB at 0.3 Mbit/s; PyKMIP itself waits 30 s for an answer",
        unit="seconds",
        minimum=0.1,
        maximum=3600,
    )
    write_seconds: float = setting(
        30.0,
        "longest time for a client to take its response",
        "as for reading",
        unit="seconds",
        minimum=0.1,
        maximum=3600,
    )
    idle_seconds: float = setting(
        4 * 3600.0,
        "longest time between two requests on a connection",
        "storage systems keep one connection open for hours between requests, and some do not "
        "recover when it is closed",
        unit="seconds",
        minimum=1,
        maximum=30 * 86400,
    )
    max_batch_items: int = setting(
        MAX_BATCH_ITEMS,
        "requests in one message",
        "a page of Locate results fetched at once is hundreds; each item may cost a commit",
        unit="items",
        minimum=1,
        maximum=MAX_BATCH_ITEMS,
    )
    stop_seconds: float = setting(
        8.0,
        "at the end, how long requests in flight are waited for; a second later the process ends "
        "whatever is running",
        "container engines kill after 10",
        unit="seconds",
        minimum=0,
        maximum=3600,
    )
    worker_threads: int = setting(
        8,
        "threads for slow cryptography (key generation, signatures, password checks)",
        "enough to keep the cores of a common machine busy while the event loop stays free",
        unit="threads",
        minimum=1,
        maximum=512,
    )
    store_cache_bytes: int = setting(
        32 * 1024 * 1024,
        "memory for the attributes of objects, opened and most recently used",
        "those of some ten thousand objects; a busy client's keys are read again and again",
        unit="bytes",
        minimum=0,
        maximum=1 << 36,
    )
    object_cache_bytes: int = setting(
        64 * 1024 * 1024,
        "memory for objects that are decoded, with their material once it has been used, most "
        "recently used; one client's objects take half of it at most",
        "some six thousand keys, 10 KiB each; a busy client's keys are used again and again",
        unit="bytes",
        minimum=0,
        maximum=1 << 36,
    )

    # What is answered
    legacy_algorithms: LegacyAlgorithms = setting(
        LegacyAlgorithms.ALLOW,
        "what may be done with algorithms that are no longer advised: refuse; read (decrypt and "
        "verify only); allow",
        "clients in use still need them, and their keys move here before they are replaced",
    )
    omit_unreadable_attributes: tuple[str, ...] = setting(
        (),
        "clients (names in their certificates) to which Get Attributes without names does not "
        "send the attributes that PyKMIP cannot decode; * is all clients",
        "the specification asks for every attribute",
        unit="clients",
    )
    wrapped_key_in_structure: tuple[str, ...] = setting(
        (),
        "clients (names in their certificates) that get a key wrapped with No Encoding within a "
        "Key Value structure, where PyKMIP looks for it; * is all clients",
        "the specification has a byte string in the structure's place",
        unit="clients",
    )

    # What is written down
    metrics_address: str = setting(
        "",
        "HOST:PORT at which GET /metrics, /ready and /health are answered over HTTP without TLS; "
        "an address of this machine alone, unless insecure_allow_metrics_anywhere",
        "known clients find the same at the HTTPS port; a collector without a certificate needs an "
        "address of its own",
        unit="host:port",
    )
    insecure_allow_metrics_anywhere: bool = setting(
        False,
        "let metrics_address be an address that other machines reach",
        "whoever reaches it learns what the server is used for, and how much",
    )
    log_level: LogLevel = setting(
        LogLevel.INFO,
        "lowest severity of messages that are logged, on standard error",
        "starts, stops and refusals, not each connection",
    )
    log_format: LogFormat = setting(
        LogFormat.LOGFMT,
        "form of the log's lines: logfmt; or json, one object a line, as audit lines are always",
        "read by people without a tool; json is for collectors that index fields",
    )
    audit: str = setting(
        "stderr",
        "where one line for each operation goes: stderr, none, or a file, which is appended to; "
        "what nobody takes in time is dropped and counted",
        "containers and systemd collect standard error",
        unit="place",
    )
    audit_lines: AuditLines = setting(
        AuditLines.READABLE,
        "form of the lines in an audit file: readable; or sealed, which strongroom audit read "
        "reads; either is authenticated, and verified by strongroom audit verify",
        "collectors index readable ones; the disk's owner sees who uses which object",
    )

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other.

        Raises:
            Failure: some do.
        """
        if not 1 <= len(self.deployment.encode()) <= 64:
            raise Failure("deployment is a name of 1 to 64 bytes.")
        token = self.bootstrap_operator_token_sha256
        if token and not re.fullmatch(r"[0-9a-fA-F]{64}", token):
            raise Failure("bootstrap_operator_token_sha256 is 64 hexadecimal digits.")
        if not re.fullmatch(r"([0-9a-fA-F]{16})?", self.allow_sealed_tcb):
            raise Failure("allow_sealed_tcb is 16 hexadecimal digits.")
        if not re.fullmatch(r"none:|own:|file:.+|object:.+", self.issuer):
            raise Failure("issuer must be none:, own:, file:PATH or object:ID.")
        self._check_anchor()
        self._check_certbot()
        self._check_jwt()
        if self.use_bootstrap_server and self.tls_client_revocation_lists is not None:
            raise Failure(
                "tls_client_revocation_lists is on a disk that is the host's; a server that its "
                "operator provisions does not read it."
            )
        self._check_attested_clients()
        self._check_peers()
        self._check_metrics()
        if (self.tls_certificate is None) != (self.tls_private_key is None):
            raise Failure("Give both tls_certificate and tls_private_key, or neither.")
        if self.store_password_prompt and self.password_file is not None:
            raise Failure("Give store_password_file or store_password_prompt, not both.")
        if self.store_password_file is not None and self.redis_master_password_file is not None:
            raise Failure("Give store_password_file or redis_master_password_file, not both.")
        if self.store and self.database_url:
            raise Failure("Give store or database_url, not both.")
        if self.redis_tls_private_key is not None and self.redis_tls_certificate is None:
            raise Failure("Give redis_tls_certificate with redis_tls_private_key.")

    def _check_peers(self) -> None:
        named = (
            ("peer_address", self.peer_address),
            *(("handover_from", each) for each in self.handover_from),
        )
        for name, text in named:
            try:
                addresses.place(text) if text else None
            except ValueError as error:
                raise Failure(f"{name} is HOST:PORT, not {text!r}: {error}.") from None
            if text and not self.use_bootstrap_server:
                raise Failure(f"{name} is for servers that an operator provisions.")

    def _check_attested_clients(self) -> None:
        pairs = [each.partition("=") for each in self.attested_clients]
        if not all(ATTESTED_NAME.fullmatch(name) and place for name, _, place in pairs):
            raise Failure(
                "attested_clients is NAME=FILE each: a name of 1 to 64 letters, digits and . _ @ + "
                "-, and a policy."
            )
        names = [name for name, _, _ in pairs]
        if len(set(names)) != len(names) or len(names) > MAX_ATTESTED_CLIENTS:
            raise Failure(
                f"attested_clients are {MAX_ATTESTED_CLIENTS} at most, each of another name."
            )
        if names and self.use_bootstrap_server:
            raise Failure(
                "The policies of attested_clients are on a disk that is the host's; a server that "
                "its operator provisions does not read them."
            )

    def _check_metrics(self) -> None:
        if not self.metrics_address:
            return
        try:
            host, _ = addresses.place(self.metrics_address)
        except ValueError as error:
            raise Failure(
                f"metrics_address is HOST:PORT, not {self.metrics_address!r}: {error}."
            ) from None
        if not addresses.is_own(host) and not self.insecure_allow_metrics_anywhere:
            raise Failure(
                f"Other machines reach {host}, and metrics_address has no TLS: give 127.0.0.1, or "
                "insecure_allow_metrics_anywhere."
            )

    def _check_anchor(self) -> None:
        try:
            if self.anchor:
                Anchor.parse(self.anchor)
        except ValueError:
            raise Failure(
                "anchor is a number, a colon and 32 hexadecimal digits, as printed by "
                "`strongroom store anchor`."
            ) from None

    def _check_certbot(self) -> None:
        if unknown := set(self.acme_challenges) - CHALLENGES:
            raise Failure(f"acme_challenges has an unknown name: {', '.join(sorted(unknown))}.")
        if not self.use_certbot:
            return
        if not DNS_NAME.fullmatch(self.certbot_hostname):
            raise Failure("use_certbot needs certbot_hostname, a DNS name such as kms.example.com.")
        if self.certbot_email and not EMAIL.fullmatch(self.certbot_email):
            raise Failure("certbot_email is one address, such as admin@example.com.")
        if not self.acme_directory.startswith("https://"):
            raise Failure("acme_directory begins with https://.")
        if not self.acme_challenges:
            raise Failure("use_certbot needs one of the acme_challenges.")

    def _check_jwt(self) -> None:
        for each in self.jwt_settings:
            each.check(disk_is_hostile=self.use_bootstrap_server)

    @property
    def jwt_settings(self) -> tuple[JWTSettings, ...]:
        """What is set for each issuer of JWTs."""
        first = JWTSettings(
            issuer=self.jwt_issuer_uri,
            jwks_uri=self.jwks_uri,
            jwks_ca=self.jwks_ca,
            audiences=self.jwt_audience,
            algorithms=self.jwt_algorithms,
            client_claim=self.jwt_client_claim,
            skew=self.jwt_skew_seconds,
        )
        return all_issuers(first, self.jwt_issuers)

    @property
    def minimum_tcb(self) -> bytes | None:
        """The least TCB version of sealed files, 8 bytes; None: that of the chip."""
        return bytes.fromhex(self.allow_sealed_tcb) or None

    @property
    def max_whole_bytes(self) -> int:
        """Bytes of a plain text that fits into one response, whatever else is in that."""
        return max(self.max_message_bytes - RESERVED_BYTES, self.max_message_bytes // 2)

    @property
    def tls_directory(self) -> Path:
        """The directory of the certificates that Strongroom makes."""
        return self.data / "tls"

    @property
    def makes_own_certificate(self) -> bool:
        """Whether the server's certificate is made and renewed here."""
        return self.tls_certificate is None and self.tls_private_key is None

    @property
    def certificate_file(self) -> Path:
        """The server's certificate chain, PEM."""
        return self.tls_certificate or self.tls_directory / "server.pem"

    @property
    def private_key_file(self) -> Path:
        """The key of the server's certificate, PEM."""
        return self.tls_private_key or self.tls_directory / "server.key"

    @property
    def client_ca_file(self) -> Path:
        """The certificates that client certificates must lead to, PEM."""
        return self.tls_client_ca or self.tls_directory / "ca.pem"

    @property
    def refused_certificates_file(self) -> Path:
        """Client certificates that are refused; may be absent."""
        return self.data / "refused-certificates"

    @property
    def users_file(self) -> Path:
        """Verifiers of the passwords in KMIP headers; may be absent."""
        return self.data / "users.json"

    @property
    def api_tokens_file(self) -> Path:
        """Hashes of API tokens; may be absent."""
        return self.data / "tokens.json"

    @property
    def ended_tickets_file(self) -> Path:
        """Clients whose tickets an operator has ended; may be absent."""
        return self.data / "tickets.json"

    @property
    def password_file(self) -> Path | None:
        """The file with the password that opens the store, where one does."""
        return self.store_password_file or self.redis_master_password_file

    @property
    def key_file(self) -> Path:
        """The key that opens the store, where no password does."""
        return self.store_key_file or self.data / "store.key"
