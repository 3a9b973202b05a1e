"""Write the tables of docs/limits.md: each attack, the limits that answer it, and their numbers.

The numbers are those of the code and of the settings' defaults; this table says only which of them
answers what.

python docs/limits_table.py           write them
python docs/limits_table.py --check   fail if they are not as they would be written
"""

import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from generated import with_tables, write_or_check

from server.setup.config import Config
from server.setup.settings import rows

PAGE = Path(__file__).with_name("limits.md")
SETTINGS = {row.name: row.default for row in rows(Config)}


class Attack(NamedTuple):
    """One row: an attack, and what answers it.

    Attributes:
        what: the attacker does.
        limits: names of settings or, with their module, of constants; after a space, the unit.
        answer: what happens at the limit.
    """

    what: str
    limits: tuple[str, ...]
    answer: str


TABLES = {
    "connections": (
        Attack(
            "opens connections without end",
            ("max_connections", "max_connections_per_address"),
            "the next one is closed at once; those that are open go on",
        ),
        Attack(
            "opens connections to the HTTPS port, which needs no client certificate",
            (
                "server.service.HTTP_SHARE (one connection in so many)",
                "server.transport.connection_limits.SHARE (one in so many of these, from one "
                "address)",
            ),
            "the same; two thirds are left to KMIP; where all are taken, the oldest of the address "
            "that has most gives way to one that has fewer",
        ),
        Attack(
            "connects to the port for peers, where it has nothing to show",
            (
                "server.peers.port.MAX_CONNECTIONS",
                "server.peers.port.BURST at once from one address",
                "server.peers.port.PER_SECOND a second after that",
                "enclave.mutual.SECONDS s until both sides are attested",
            ),
            "the connection is closed; the chip is asked for none that does not show evidence that "
            "is accepted",
        ),
        Attack(
            "is a peer, and says nothing or too much",
            (
                "server.peers.heads.IDLE_SECONDS s",
                "server.peers.heads.MAX_MESSAGE_BYTES bytes",
                "server.peers.opened.GIVE_SECONDS s for a hand-over",
            ),
            "the connection is closed",
        ),
        Attack(
            "connects to a port without TLS: that of metrics, or of ACME's http-01",
            ("server.transport.plain_http.MAX_CONNECTIONS",),
            "the next one is closed",
        ),
        Attack(
            "begins a handshake and does not end it",
            ("handshake_seconds s",),
            "the connection is closed; one handshake has its step in each round of the event loop, "
            "and addresses take turns; where all are taken, the oldest handshake of the address "
            "that has most gives way, strangers' before those of addresses that a client came from",
        ),
        Attack(
            "sends a request byte by byte",
            ("read_seconds s",),
            "the connection is closed; nobody waits for it",
        ),
        Attack(
            "does not take its response",
            ("write_seconds s",),
            "the connection is closed; the requested change is made",
        ),
        Attack(
            "keeps an idle connection",
            ("idle_seconds s", "server.service.HTTP_IDLE_SECONDS s"),
            "the connection is closed",
        ),
        Attack(
            "does not leave when the server stops",
            ("stop_seconds s",),
            "connections without a request end at once, the others after this time; a second later "
            "(`server.commands.signals`) the process ends, whatever is still running",
        ),
        Attack(
            "leaves while its request is answered",
            ("server.transport.departures.LOOK_SECONDS s",),
            "its batch ends between two items, what waits for a thread is dropped, the result of "
            "what runs in one too; who only stops sending has the answer",
        ),
    ),
    "messages": (
        Attack(
            "announces a huge message",
            ("max_message_bytes bytes",),
            "refused by its first 8 bytes, before anything is kept",
        ),
        Attack(
            "sends a huge message over HTTPS",
            ("max_message_bytes bytes", "server.transport.kmip_https.TEXT_BYTES times, as text"),
            "413, once more bytes than that have come",
        ),
        Attack(
            "asks for a huge response",
            ("max_message_bytes bytes",),
            "Response Too Large; the client's Maximum Response Size can lower it",
        ),
        Attack(
            "nests structures",
            ("kmip.encodings.ttlv.MAX_DEPTH",),
            "Invalid Message",
        ),
        Attack(
            "sends very many small items",
            ("kmip.encodings.ttlv.MAX_ITEMS",),
            "Invalid Message",
        ),
        Attack(
            "sends a long batch",
            ("max_batch_items",),
            "Invalid Message; nothing of it is performed",
        ),
        Attack(
            "sends many attributes, or names many templates",
            ("kmip.attribute_encoding.MAX_INSTANCES", "kmip.attribute_encoding.MAX_TEMPLATES"),
            "the item fails",
        ),
        Attack(
            "asks for the same attribute, or the same function, again and again",
            (),
            "Get Attributes: Invalid Message, as specified; elsewhere it is taken once",
        ),
        Attack(
            "has long texts of its own quoted in errors, in the audit log and in the log",
            (
                "kmip.errors.MAX_TEXT characters of an error",
                "server.requests.audit.MAX_IDENTIFIER characters of an identifier",
            ),
            "they are cut; what is told of a failed item never takes the room of a completed one",
        ),
        Attack(
            "sends many credentials",
            ("server.requests.authentication.MAX_CREDENTIALS",),
            "the message fails",
        ),
        Attack(
            "sends long HTTP headers or queries",
            (
                "server.transport.http.MAX_HEAD_BYTES bytes",
                "server.transport.http.MAX_QUERY_FIELDS fields",
            ),
            "an HTTP error, and the connection is closed",
        ),
        Attack(
            "sends long files to a server in bootstrap mode",
            ("server.bootstrap.routes.MAX_BODY_BYTES bytes",),
            "an HTTP error; what anyone but the operator sends is not kept at all",
        ),
    ),
    "passwords": (
        Attack(
            "guesses passwords",
            ("server.sessions.lockout.MAX_FAILURES a minute, at all servers on the store",),
            "this client is refused for this name until the minute is over; others are not. "
            "Clients without certificate and token count by address",
        ),
        Attack(
            "guesses passwords at many names, or tokens, without a certificate",
            (
                "server.sessions.address_guesses.BURST at once, from an address",
                "server.sessions.address_guesses.SECONDS seconds for each after that",
            ),
            "its address is refused, without its credentials being looked at; over HTTPS, 429",
        ),
        Attack(
            "presents JWTs by keys that there are not",
            (
                "server.access.jwk_set.LEAST_SECONDS seconds between two readings",
                "server.access.jwk_set.WAIT_SECONDS seconds that the token waits for one",
            ),
            "401; tokens by known keys do not wait",
        ),
        Attack(
            "presents long or strange JWTs",
            (
                "server.access.jwt.MAX_TOKEN_CHARACTERS characters",
                "server.access.jwt.MAX_HEADER_BYTES bytes of its header",
                "server.access.jwt.MAX_NAME_CHARACTERS characters of the client's name",
            ),
            "401",
        ),
        Attack(
            "replaces its certificate again and again",
            ("server.access.replaced_certificates.MAX_OF_CLIENT of one client",),
            "Permission Denied; a record ends with its certificate",
        ),
        Attack(
            "takes nonces for attestation, and shows none or all",
            (
                "server.access.attested_clients.MAX_OF_SENDER of one sender",
                "server.access.attested_clients.MAX_NONCES in all",
                "server.access.attested_clients.NONCE_SECONDS seconds",
            ),
            "its oldest nonce is forgotten; evidence is verified in the sender's share of threads",
        ),
        Attack(
            "publishes a large, slow or hostile set of keys",
            (
                "server.access.jwk_set.MAX_BYTES bytes",
                "server.access.jwk_set.MAX_KEYS keys",
                "server.access.jwk_set.MAX_RSA_BITS bits of an RSA key",
                "server.transport.issuer_keys.FETCH_SECONDS seconds for all of it",
                "server.access.jwk_set.STALE_SECONDS seconds that older keys are used",
            ),
            "the keys that there were stay for that long",
        ),
        Attack(
            "makes many API tokens",
            (
                "server.access.api_tokens.MAX_TOKENS tokens",
                "server.access.api_tokens.MAX_TOKEN_CHARACTERS characters that are looked at",
            ),
            "`strongroom token` refuses; a longer token is nobody's",
        ),
        Attack(
            "guesses one-time passwords, or shows them and proofs of a password again",
            (
                "server.access.one_time_passwords.HOTP_AHEAD counters ahead",
                "server.access.one_time_passwords.TOTP_AROUND step before and after",
                "server.access.hashed_passwords.SKEW_SECONDS seconds for a proof's time",
                "server.access.one_time_passwords.MIN_DIGITS digits at least",
            ),
            "Authentication Not Successful, counted as a wrong password; each is good once, for "
            "all servers on the store",
        ),
        Attack(
            "guesses passwords to have the server write",
            (
                "server.sessions.guesses.BURST at once of one client",
                "server.sessions.guesses.PER_SECOND a second then",
                "server.sessions.guesses.MAX_RECORDS pairs of client and name in all",
            ),
            "a guess that is not written is judged if it is the first of its minute at this server "
            "for the client and the name; a password that was right before is no guess",
        ),
        Attack(
            "sends passwords to keep processors and memory busy",
            (
                "server.access.users.MAX_DERIVATIONS at once",
                "server.access.users.MAX_WAITING waiting",
                "server.access.password_file.MAX_PASSWORD_BYTES bytes",
            ),
            "Authentication Not Successful; a password that was right before costs a hash only",
        ),
        Attack(
            "operator's: adds users to the store without end",
            ("server.access.kept_users.MAX_USERS",),
            "the next one is refused",
        ),
        Attack(
            "logs in without end",
            (
                "server.sessions.tickets.MAX_TICKETS",
                "server.sessions.tickets.MAX_TICKETS_PER_CLIENT for a client",
                "server.sessions.tickets.MAX_BYTES bytes with their rights",
                "server.sessions.tickets.MAX_BYTES_PER_CLIENT bytes for a client",
                "server.sessions.tickets.MAX_MEMORY bytes in memory",
            ),
            "the client's own oldest ticket ends; where all are issued, the next login is refused; "
            "these are kept in the store, for all servers on it, and what was not used for longest "
            "leaves the memory",
        ),
        Attack(
            "comes with certificates without end",
            ("server.transport.admission.REMEMBERED clients whose chain is remembered",),
            "who came longest ago is refused where it resumes a session, and does a full handshake",
        ),
        Attack(
            "operator's: refuses certificates, and gives revocation lists, without end",
            (
                "server.access.kept_rules.MAX_REFUSED certificates",
                "server.access.kept_rules.MAX_LISTS lists",
                "server.access.kept_rules.MAX_LIST_BYTES bytes of lists",
                "server.operator_routes.MAX_BODY_BYTES bytes at a time",
            ),
            "422, and what was kept before stays",
        ),
        Attack(
            "asks for fresh evidence without end",
            (
                "server.attestation.routes.QUOTE_BURST at once",
                "server.attestation.routes.QUOTES_PER_SECOND a second from one address",
                "enclave.tee.PER_SECOND a second from the chip",
                "enclave.tee.MAX_WAITING waiting",
            ),
            "an HTTP error; the certificate carries evidence for everyone and costs nothing",
        ),
    ),
    "work": (
        Attack(
            "sends requests over many connections",
            (
                "server.sessions.client_turns.MAX_REQUEST_BYTES bytes decoded",
                "server.sessions.client_turns.MAX_RESPONSE_BYTES bytes of responses",
            ),
            "its items take turns with each other, and a client's turn is one however many "
            "connections it has; a message waits undecoded until there is room",
        ),
        Attack(
            "has more slow requests wait than are ever answered",
            (
                "server.sessions.thread_shares.MAX_WAITING_PER_CLIENT",
                "server.sessions.thread_shares.MAX_WAITING_BYTES_PER_CLIENT bytes",
            ),
            "Server Limit Exceeded",
        ),
        Attack(
            "has more requests wait for an answer later than are ever run, or polled",
            (
                "server.sessions.jobs.MAX_PER_CLIENT requests of a client",
                "server.sessions.jobs.MAX_BYTES_PER_CLIENT bytes of them and their answers",
                "server.sessions.jobs.MAX_KEPT requests of all",
                "server.sessions.jobs.MAX_BYTES bytes of them",
                "server.sessions.jobs.MAX_REQUEST_BYTES bytes of one",
                "server.sessions.jobs.MAX_ANSWER_BYTES bytes of its answer",
                "server.sessions.jobs.ANSWER_SECONDS s for which that is kept",
                "server.sessions.jobs.WAIT_SECONDS s for which Process waits",
                "server.requests.asynchronous.MAX_RUNNING at a time, of different clients",
            ),
            "Server Limit Exceeded, and what waits goes on",
        ),
        Attack(
            "goes on asking when its response is full",
            (
                "server.context.IN_VAIN_BYTES bytes",
                "server.context.IN_VAIN_BYTES_AT_LEAST bytes for each",
            ),
            "after as many bytes made in vain as the response may have, at least this, items fail "
            "before they are performed",
        ),
        Attack(
            "asks for slow cryptography: key pairs, signatures, derivations",
            ("worker_threads threads",),
            "further calls wait for one, and a client has half of them; the event loop goes on",
        ),
        Attack(
            "asks for PBKDF2 with huge counts",
            ("server.crypto.derivation.methods.MAX_ITERATIONS iterations",),
            "Server Limit Exceeded",
        ),
        Attack(
            "registers a huge modulus and computes with it",
            (
                "server.crypto.keys.transparent_keys.MAX_MODULUS bits",
                "server.crypto.keys.diffie_hellman.MAX_BITS bits",
            ),
            "nothing is computed with it, and the item fails",
        ),
        Attack(
            "requests keys of excessive length",
            ("server.crypto.keys.symmetric_keys.MAX_LENGTH bits",),
            "the item fails",
        ),
        Attack(
            "splits a long key into many parts",
            (
                "server.crypto.secret_sharing.split_keys.MAX_PARTS parts",
                "server.crypto.secret_sharing.split_keys.MAX_SECRET bytes",
                "server.crypto.secret_sharing.split_keys.MAX_WORK bytes x parts x threshold",
                "server.crypto.secret_sharing.split_keys.MAX_PRIME_BITS bits of a prime",
            ),
            "the item fails",
        ),
        Attack(
            "registers certificates and keys of excessive size",
            (
                "server.crypto.certificates.certificate_facts.MAX_CERTIFICATE bytes",
                "server.crypto.keys.der_keys.MAX_ENCODING bytes",
            ),
            "they are not parsed",
        ),
        Attack(
            "has long chains validated",
            ("server.pki.path_validation.MAX_CERTIFICATES certificates",),
            "Invalid Field",
        ),
        Attack(
            "registers keys that wrap each other, in a row or in a ring, and uses one",
            ("server.keys.key_use.MAX_WRAPPINGS keys, one above the other",),
            "Invalid Field",
        ),
        Attack(
            "registers a PKCS#12 container that takes long to open",
            (
                "server.crypto.certificates.pkcs12.MAX_CONTAINER bytes",
                "server.crypto.certificates.pkcs12.MAX_ITERATIONS iterations of its password",
                "server.crypto.certificates.pkcs12_outline.MAX_FIELDS fields",
                "server.keys.pkcs12_output.MAX_CHAIN certificates above the key's own",
            ),
            "Server Limit Exceeded or Invalid Field; numbers in an encrypted part are not seen",
        ),
        Attack(
            "links certificates to a long or endless chain, and asks for it in PKCS#12",
            ("server.keys.pkcs12_output.MAX_CHAIN certificates above the key's own",),
            "Invalid Field",
        ),
        Attack(
            "searches by very many values, or joins or derives from very many objects",
            (
                "server.objects.index_terms.MAX_FILTERS values of a search",
                "server.operations.derive_key.MAX_BASES objects to derive from",
                "server.crypto.secret_sharing.split_keys.MAX_PARTS parts to join",
            ),
            "Invalid Field",
        ),
        Attack(
            "sends or reads objects and lists that take long to read and write",
            (
                "server.long_steps.LOOP_VALUES values on the event loop",
                "server.long_steps.LOOP_BYTES bytes of a message on the event loop",
                "server.long_steps.THREADS threads",
                "server.commands.serve.TURN_SECONDS s until they let the event loop go on",
            ),
            "longer steps run in a thread, in turns; others go on meanwhile",
        ),
        Attack(
            "changes an object that others change too",
            ("server.requests.dispatch.MAX_ATTEMPTS attempts",),
            "Server Limit Exceeded, and the client may try again",
        ),
        Attack(
            "has very many objects rotated, or very often, or such as cannot be",
            (
                "server.rotation.MAX_AT_ONCE of an owner for each look",
                "server.rotation.LOOK_SECONDS s between two looks",
                "server.rotation.MAX_OWNERS owners at the same time",
                "server.rotation.FIRST_PAUSE s after a failure, doubled each time",
                "server.rotation.LONGEST_PAUSE s at most",
                "server.rotation.MAX_FAILURES objects whose failures are remembered",
            ),
            "they are rotated later than they are due; other owners' are not",
        ),
    ),
    "lines": (
        Attack(
            "does not read the log or the audit log (whoever collects them)",
            ("server.setup.line_writer.QUEUE_BYTES bytes",),
            "lines are dropped, and the next one tells how many; requests go on",
        ),
        Attack(
            "sends long names and texts",
            (
                "server.setup.logs.MAX_TEXT characters of a message",
                "server.setup.logs.MAX_NAME of a name",
                "server.requests.audit.MAX_IDENTIFIER of an identifier",
            ),
            "they are cut, with their length",
        ),
        Attack(
            "fails to authenticate without end",
            (
                "server.sessions.refusals.BURST lines about an address",
                "server.sessions.refusals.PER_SECOND a second then",
            ),
            "the others have no line of their own, the next line tells how many they were",
        ),
    ),
    "memory": (
        Attack(
            "begins streams and does not end them",
            (
                "server.sessions.streams.MAX_STREAMS_PER_CLIENT for a client",
                "server.sessions.streams.MAX_STREAMS",
                "server.sessions.streams.SECONDS s between two parts",
            ),
            "the oldest stream of whoever has most ends; who would have most is refused",
        ),
        Attack(
            "streams data that must be held until it is whole",
            (
                "max_message_bytes",
                "server.crypto.signatures.signing.MAX_MESSAGE bytes that are signed as a whole",
                "server.sessions.streams.MAX_GATHERED_PER_CLIENT bytes for a client",
                "server.sessions.streams.MAX_GATHERED bytes in all",
            ),
            "counted are parts, additional data, MACs and signatures; a stream of whoever keeps "
            "most ends, and who would keep most gets Server Limit Exceeded",
        ),
        Attack(
            "sends a MAC or a signature of excessive length to be verified",
            (
                "server.keys.multipart.MAX_MAC bytes",
                "server.keys.multipart.MAX_SIGNATURE bytes",
            ),
            "Invalid Field",
        ),
        Attack(
            "adds attributes to one object without end",
            (
                "server.objects.transaction.MAX_META_BYTES bytes",
                "server.objects.transaction.MAX_TERMS terms to find it by",
            ),
            "Server Limit Exceeded",
        ),
        Attack(
            "changes objects without end in one undoable batch",
            ("server.objects.transaction.MAX_CHANGES objects",),
            "Server Limit Exceeded, and the batch is undone",
        ),
        Attack(
            "registers objects that are longer than a record of the store",
            ("server.objects.transaction.MAX_BODY_BYTES bytes",),
            "Server Limit Exceeded; with the usual max_message_bytes none can be sent",
        ),
        Attack(
            "uses many objects, or long ones, to fill the caches",
            (
                "object_cache_bytes bytes",
                "server.objects.opened.CLIENT_SHARE (one part in so many is a client's at most)",
                "store_cache_bytes bytes",
            ),
            "the least recently used are dropped, a client's own first",
        ),
        Attack(
            "queries the server in ever new ways, each answer to which is kept",
            (
                "server.requests.kept_answers.MAX_KEPT",
                "server.requests.kept_answers.MAX_REQUESTED (functions, or versions, in one)",
            ),
            "the oldest answer is dropped; one to a longer request is made each time",
        ),
        Attack(
            "uses very many objects, each of which has counters (3.0)",
            (
                "server.objects.uses.MAX_NOTED objects",
                "server.objects.uses.WRITE_SECONDS s until they are written",
            ),
            "the uses of further objects are not counted until then",
        ),
        Attack(
            "grants without end, or has many groups to look through",
            (
                "server.objects.grants.MAX_GRANTEES of an object",
                "server.objects.grants.MAX_BYTES bytes of them",
                "server.objects.grants.MAX_GROUP_GRANTS of an owner's groups",
                "server.objects.grants.MAX_GROUP_BYTES bytes of them",
                "server.objects.grants.MAX_NAME characters of a name",
                "server.access.granted.MAX_MEMBERSHIPS groups of a user",
                "server.access.granted.MAX_OBJECT_GROUPS groups of an object",
                "server.access.granted.MAX_GRANTORS owners whose groups one search looks through",
                "server.objects.opened.MAX_GROUP_GRANTS owners whose grants on groups are cached",
                "server.requests.access_rights.MAX_LISTED objects in one list",
                "server.requests.access_rights.MAX_LISTED_BYTES bytes of names in it",
                "server.transport.access_rights.MAX_BODY_BYTES bytes of a request",
            ),
            "Server Limit Exceeded, or Invalid Field; what is beyond is not looked at",
        ),
        Attack(
            "sets defaults and constraints without end (an administrator)",
            ("server.attributes.rules_store.MAX_RULES",),
            "Server Limit Exceeded",
        ),
    ),
}


def limit(entry: str) -> str:
    """A limit's name, value and unit."""
    name, _, unit = entry.partition(" ")
    module, dot, constant = name.rpartition(".")
    value = getattr(import_module(module), constant) if dot else SETTINGS[name]
    number = format(value, ",g" if isinstance(value, float) else ",")
    return f"`{name}`: {number} {unit}".rstrip()


def table(attacks: tuple[Attack, ...]) -> str:
    """A table of Markdown."""
    lines = ["| who | limit | what happens |", "| --- | --- | --- |"]
    for attack in attacks:
        limits = "<br>".join(map(limit, attack.limits))
        lines.append(f"| {attack.what} | {limits} | {attack.answer} |")
    return "\n".join(lines) + "\n"


def page(current: str) -> str:
    """The page with its tables as the declarations have them."""
    tables = {title: partial(table, attacks) for title, attacks in TABLES.items()}
    return with_tables(current, "limits_table.py", tables)


if __name__ == "__main__":
    made = {PAGE: page(PAGE.read_text("utf-8"))}
    sys.exit(write_or_check(made, "docs/limits_table.py"))
