"""A store made from docs/storage-format.md alone: nothing of `storage` is imported here."""

import hashlib
import hmac
import sqlite3
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

L = b"strongroom/store/1/"
STORE = bytes(range(16))
KEY_FILE = bytes(range(32))
MASTER = b"m" * 32
ROOT = b"r" * 32
TOKEN_KEY = b"t" * 32
EPOCH = 1
META, BODY, LOG, HEAD, SEGMENT, MANIFEST = range(1, 7)
LABELS = {META: "meta", BODY: "body", LOG: "log", HEAD: "head", SEGMENT: "segment"}
LABELS[MANIFEST] = "manifest"
COUNT = 70
"""Records: some terms have more than 64, and others fewer."""


def mac(key, data):
    return hmac.digest(key, data, "sha256")


def expand(key, label):
    return mac(key, L + label + b"\x01")


def xaes(key, nonce, plaintext, associated):
    """XAES-256-GCM, as C2SP has it."""
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update
    subkey = int.from_bytes(block(bytes(16))) << 1
    if subkey >> 128:
        subkey = (subkey & ((1 << 128) - 1)) ^ 0x87
    derived = b""
    for counter in (1, 2):
        message = counter.to_bytes(2) + b"X\0" + nonce[:12]
        derived += block((int.from_bytes(message) ^ subkey).to_bytes(16))
    return AESGCM(derived).encrypt(nonce[12:], plaintext, associated)


class Nonces:
    """24 bytes each, the same in every run."""

    def __init__(self):
        self.made = 0

    def next(self):
        self.made += 1
        return hashlib.sha256(b"nonce %d" % self.made).digest()[:24]


NONCES = Nonces()


def wrapped(key, plaintext, associated):
    nonce = NONCES.next()
    return nonce + xaes(key, nonce, plaintext, associated)


EPOCH_KEY = mac(STORE, ROOT)


def sealed(kind, place, plaintext):
    key = expand(EPOCH_KEY, b"seal-" + LABELS[kind].encode())
    associated = L + bytes((kind, EPOCH)) + STORE + place
    return bytes((1, EPOCH)) + wrapped(key, plaintext, associated)


def size_class(length):
    if length <= 4096:
        return next(1 << power for power in range(8, 13) if length <= 1 << power)
    power = 1
    while power * 2 < length:
        power *= 2
    return -(-length // (power // 8)) * (power // 8)


def padded(data):
    return data + bytes(size_class(len(data)) - len(data))


def header():
    salt = b"s" * 32
    slot_key = mac(salt, KEY_FILE)
    bare = bytes((1, 2)) + bytes(12) + salt + expand(slot_key, b"slot-check")
    wrap = expand(slot_key, b"slot-wrap")
    slot = bare + wrapped(wrap, MASTER, L + b"slot/" + STORE + bare + bytes(72))
    root = wrapped(expand(MASTER, b"root-wrap"), ROOT, L + b"root/" + STORE + bytes((EPOCH,)))
    whole = b"SRSTORE\x01" + STORE + bytes((EPOCH, 1)) + slot + bytes((1, EPOCH)) + root
    whole += mac(expand(MASTER, b"header-mac"), whole)
    return whole + hashlib.sha256(whole).digest()


def name(n):
    return b"record %d" % n


def exact(n):
    return sorted({b"all", b"of seven %d" % (n % 7), b"only %d" % n})


def dated(n):
    return n % 2 == 0


def value(n):
    return 1000 - 3 * n


def meta(n, body_tag):
    terms = exact(n)
    data = struct.pack(">QQB16sH", 1, n, EPOCH, body_tag, len(name(n))) + name(n)
    data += struct.pack(">I", 4) + b"meta"
    data += struct.pack(f">H{len(terms)}H", len(terms), *map(len, terms)) + b"".join(terms)
    data += struct.pack(">H", dated(n))
    if dated(n):
        data += struct.pack(">H4sq", 4, b"date", value(n))
    return padded(data)


def store():
    """Header, head, log, meta, body, index: as a back end has them."""
    head = header()
    metas, bodies, tags = {}, {}, []
    entry = expand(EPOCH_KEY, b"chain")
    chain, digest = entry, 0
    for n in range(COUNT):
        handle = mac(expand(EPOCH_KEY, b"handle"), name(n))[:16]
        body = sealed(BODY, handle, padded(struct.pack(">I", 6) + b"body%02d" % n))
        blob = sealed(META, handle, meta(n, body[-16:]))
        metas[handle], bodies[handle] = blob, body
        tags.append((blob[-16:], body[-16:]))
        digest += int.from_bytes(mac(expand(EPOCH_KEY, b"leaf"), handle + blob[-16:]))
        entry += struct.pack(">B16sI", 1, handle, len(blob)) + blob
    entry = sealed(LOG, (1).to_bytes(8), entry)
    chain, digest = mac(chain, entry), (digest % (1 << 256)).to_bytes(32)
    state = struct.pack(
        ">Q32s32sQQQ32s", 1, chain, digest, COUNT, COUNT, 1, hashlib.sha256(head).digest()
    )
    return {
        "header": head,
        "head": sealed(HEAD, b"", state),
        "log": {1: entry},
        "meta": metas,
        "body": bodies,
        "index": index(chain, digest, tags),
    }


def token(data):
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, key=TOKEN_KEY).digest())


def roaring(numbers):
    """A set of few numbers under 65536, in the portable format: one array container."""
    numbers = sorted(numbers)
    head = struct.pack("<IIHHI", 12346, 1, 0, len(numbers) - 1, 16)
    return head + struct.pack(f"<{len(numbers)}H", *numbers)


def part(data):
    return data + bytes(-len(data) % 8)


def integers(form, numbers):
    return part(struct.pack(f"<{len(numbers)}{form}", *numbers))


def segment(tags):
    rows = range(COUNT)
    having = {}
    for n in rows:
        for term in exact(n):
            having.setdefault(token(term), []).append(n)
    few = sorted((one, n) for one, numbers in having.items() if len(numbers) <= 64 for n in numbers)
    many = sorted(one for one, numbers in having.items() if len(numbers) > 64)
    bitmaps = [roaring(having[one]) for one in many]
    names = [name(n) for n in rows]
    hashes = sorted((token(name(n)) >> 32, n) for n in rows)
    values = sorted((value(n), n) for n in rows if dated(n))
    places = {n: at for at, (_, n) in enumerate(values)}
    dates = roaring(places)
    whole = struct.pack(
        "<IIQQQQQQ",
        1, 1, 0, COUNT, sum(map(len, names)), len(few), len(many), sum(map(len, bitmaps)),
    )  # fmt: skip
    whole += struct.pack("<IIQ", 4, len(dates), len(values)) + part(b"date")
    whole += integers("I", rows)
    whole += part(
        b"".join(struct.pack("<QB16sB16s", 1, EPOCH, one, EPOCH, body) for one, body in tags)
    )
    whole += integers("I", [sum(map(len, names[: n + 1])) for n in rows]) + part(b"".join(names))
    whole += integers("I", [one for one, _ in hashes]) + integers("I", [n for _, n in hashes])
    whole += integers("Q", [one for one, _ in few]) + integers("I", [n for _, n in few])
    whole += integers("Q", many)
    whole += integers("Q", [sum(map(len, bitmaps[: at + 1])) for at in range(len(many))])
    whole += part(b"".join(bitmaps))
    whole += part(dates) + integers("q", [one for one, _ in values])
    return whole + integers("I", [n for _, n in values]) + integers("I", [
        places[n] for n in sorted(places)
    ])  # fmt: skip


def index(chain, digest, tags):
    """The saved index: a manifest, and a segment of one piece."""
    identifier, data = b"i" * 16, segment(tags)
    piece = sealed(SEGMENT, identifier + bytes(4), padded(data))
    manifest = struct.pack(">BQ32s32sQ32sI", 1, 1, chain, digest, COUNT, TOKEN_KEY, 1)
    manifest += struct.pack(">16sQQI", identifier, 0, len(data), 1) + piece[-16:] + bytes(4)
    return {bytes(16): sealed(MANIFEST, b"", padded(manifest)), piece[-16:]: piece}


def write_sqlite(path, made, *, with_index):
    """The store as an SQLite file; without the saved index it is one of the earlier format."""
    connection = sqlite3.connect(path)
    execute = connection.execute
    execute(f"PRAGMA application_id = {0x53524F4D}")
    execute("CREATE TABLE place (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
    execute("CREATE TABLE log (number INTEGER PRIMARY KEY, entry BLOB NOT NULL)")
    for kind in ("meta", "body"):
        execute(f"CREATE TABLE {kind} (handle BLOB NOT NULL UNIQUE, blob BLOB NOT NULL)")
        connection.executemany(f"INSERT INTO {kind} VALUES (?, ?)", made[kind].items())
    connection.executemany("INSERT INTO log VALUES (?, ?)", made["log"].items())
    for place in ("header", "head"):
        execute("INSERT INTO place VALUES (?, ?)", (place, made[place]))
    if with_index:
        execute("CREATE TABLE segment (name BLOB NOT NULL UNIQUE, blob BLOB NOT NULL)")
        connection.executemany("INSERT INTO segment VALUES (?, ?)", made["index"].items())
    connection.commit()
    connection.close()
