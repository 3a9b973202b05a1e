"""The buckets of a store whose blobs are spread over a Cluster, and the scripts that run on one.

    strongroom:{LABEL:HH}:meta      hash: handle 16 | tag 16 to the sealed blob
    strongroom:{LABEL:HH}:body      the same; HH is the first byte of the handle
    strongroom:{LABEL:HH}:attempts  hash: NUMBER-ID to the blobs that an attempt at a commit has put
                                    here and would supersede; "settled" to a number

Each of the 256 buckets has a hash tag of its own, and so a slot: a Cluster of any number of nodes
has about as many of them on each. That number belongs to the format, and is no setting.

A commit touches several slots, which no script can do at once. So its blobs are put first, with a
mark in each bucket that says what the attempt has put there and what it would supersede: bucket by
bucket, whole or not at all. Then the script in the slot of the label compares and sets the head,
which is the commit. Then what is superseded is dropped, together with the mark. What an attempt
has left that was not to be, or whose server has ended, is told from the rest by its mark
(`storage.sweep`).

A put may be sent twice, and arrive late. Whoever settles an attempt therefore leaves the number of
the last commit that is known to have happened, and a put of an attempt at it, or at an earlier one,
is refused: it can not happen any more.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.crc import key_slot

from storage.backend import HANDLE_BYTES, Attempt, BlobName, Commit, Kind, Wanted, blob_of, tag
from storage.errors import Damaged
from storage.redis.scripts import BUCKETS, Call, Script, trial

_SETTLED: Final = b"settled"
_MAX_MARK: Final = 1 << 20  # bytes: 30 000 blobs of one commit in one bucket
_ROLES: Final = {(Kind.META, True): 0, (Kind.BODY, True): 1, (Kind.META, False): 2,
                 (Kind.BODY, False): 3}  # fmt: skip
_MEANINGS: Final = {role: meaning for meaning, role in _ROLES.items()}

# Keys: meta, body, attempts. Arguments: number, name of the mark or nothing, mark, how many metas;
# for each blob field and blob. Gives 0 where the attempt can not happen any more.
_PUT: Final = Script(
    """
local number = tonumber(ARGV[1])
local settled = tonumber(redis.call('HGET', KEYS[3], 'settled') or 0)
if number > 0 and number <= settled then return 0 end
if ARGV[2] ~= '' then redis.call('HSET', KEYS[3], ARGV[2], ARGV[3]) end
local metas = 5 + 2 * tonumber(ARGV[4])
for at = 5, #ARGV, 2 do
  redis.call('HSET', at < metas and KEYS[1] or KEYS[2], ARGV[at], ARGV[at + 1])
end
return 1
"""
)

# Keys: the same. Arguments: number, how many marks and metas; the marks, fields of metas and of
# bodies. What frees memory comes first, as a full memory refuses the first write that takes some.
_SETTLE: Final = Script(
    """
local marks = 3 + tonumber(ARGV[2])
local metas = marks + tonumber(ARGV[3])
for at = 4, #ARGV do
  local key = at <= marks and KEYS[3] or at <= metas and KEYS[1] or KEYS[2]
  redis.call('HDEL', key, ARGV[at])
end
local settled = tonumber(redis.call('HGET', KEYS[3], 'settled') or 0)
if tonumber(ARGV[1]) > settled then redis.call('HSET', KEYS[3], 'settled', ARGV[1]) end
return 1
"""
)

# Keys: meta, attempts. Arguments: cursor, count. Gives a page and the marks, of one instant.
_SCAN: Final = Script(
    """
local page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
return {page[1], page[2], redis.call('HGETALL', KEYS[2])}
"""
)

_TRIAL: Final = trial(
    """
try('HSET', KEYS[1], 'trial', '1')
try('HGET', KEYS[1], 'trial')
try('HGETALL', KEYS[1])
try('HSCAN', KEYS[1], '0')
try('HDEL', KEYS[1], 'trial')
"""
)


@dataclass(frozen=True, slots=True)
class Share:
    """What a commit has to do in one bucket.

    Attributes:
        metas, bodies: field to blob: what is put.
        superseded: fields of each kind.
    """

    metas: dict[bytes, bytes]
    bodies: dict[bytes, bytes]
    superseded: Mapping[Kind, list[bytes]]

    @property
    def mark(self) -> bytes:
        """What an attempt leaves in the bucket, beside its blobs."""
        put = {Kind.META: self.metas, Kind.BODY: self.bodies}
        parts = [(_ROLES[kind, True], one) for kind in Kind for one in put[kind]]
        parts += [(_ROLES[kind, False], one) for kind in Kind for one in self.superseded[kind]]
        return b"".join(bytes((role, len(one))) + one for role, one in parts)


@dataclass(frozen=True, slots=True)
class Attempted:
    """A commit that is attempted.

    Attributes:
        number: of the commit; 0: a part of a copy, which leaves no marks.
        name: of its marks.
        shares: by bucket.
    """

    number: int
    name: bytes
    shares: Mapping[int, Share]

    @classmethod
    def of(cls, commit: Commit) -> "Attempted":
        """What a commit does to blobs, under a new name."""
        shares: dict[int, Share] = {}

        def share(handle: bytes) -> Share:
            fresh = Share({}, {}, {kind: [] for kind in Kind})
            return shares.setdefault(handle[0], fresh)

        for handle, blob in commit.meta.items():
            if blob is not None:
                share(handle).metas[handle + tag(blob)] = blob
        for handle, blob in commit.body.items():
            if blob is not None:
                share(handle).bodies[handle + tag(blob)] = blob
        for kind in Kind:
            for handle, old in commit.superseded.get(kind, {}).items():
                share(handle).superseded[kind].append(handle + old)
        name = b"%d-%s" % (commit.number, secrets.token_hex(8).encode())
        return cls(commit.number, name, shares)


class Buckets:
    """The keys of all buckets of a store.

    Args:
        label: of the store.
    """

    def __init__(self, label: str) -> None:
        prefixes = [f"strongroom:{{{label}:{number:02x}}}:" for number in range(BUCKETS)]
        self._keys = [
            (f"{prefix}meta", f"{prefix}body", f"{prefix}attempts") for prefix in prefixes
        ]
        self._trials = [f"{prefix}trial" for prefix in prefixes]
        self.slots = [key_slot(prefix.encode()) for prefix in prefixes]

    def get(self, kind: Kind, name: BlobName) -> tuple[str | bytes, ...]:
        """The command that reads a blob."""
        keys = self._keys[name.handle[0]]
        return ("HGET", keys[0 if kind is Kind.META else 1], name.handle + name.tag)

    def trial(self, bucket: int) -> Call:
        """All that is done to a bucket, on a key of no meaning; gives what was refused."""
        return Call(_TRIAL, (self._trials[bucket],), ())

    def put(self, attempted: Attempted) -> dict[int, Call]:
        """The blobs of an attempt, and its marks, by bucket. Each gives 1, or 0 where it is over.

        A part of a copy leaves no marks, and nothing where it puts nothing.
        """
        calls: dict[int, Call] = {}
        is_marked = attempted.number > 0
        for bucket, share in attempted.shares.items():
            blobs = [*share.metas.items(), *share.bodies.items()]
            if not blobs and not is_marked:
                continue
            arguments = (
                b"%d" % attempted.number,
                attempted.name if is_marked else b"",
                share.mark if is_marked else b"",
                b"%d" % len(share.metas),
                *(each for pair in blobs for each in pair),
            )
            calls[bucket] = Call(_PUT, self._keys[bucket], arguments)
        return calls

    def happened(self, attempted: Attempted) -> dict[int, Call]:
        """Settle an attempt that was the commit: drop what it has superseded."""
        return {
            bucket: self._settle(
                bucket, attempted.number, [attempted.name], share.superseded
            )
            for bucket, share in attempted.shares.items()
        }  # fmt: skip

    def failed(self, attempted: Attempted) -> dict[int, Call]:
        """Settle an attempt that was not the commit: drop what it has put.

        No number is left: the commit of this one may still be somebody else's, and the one before
        may not be confirmed. What is a part of a copy stays: another copy may have put the same.
        """
        if not attempted.number:
            return {}
        return {
            bucket: self._settle(
                bucket,
                0,
                [attempted.name],
                {Kind.META: list(share.metas), Kind.BODY: list(share.bodies)},
            )
            for bucket, share in attempted.shares.items()
        }

    def settle(
        self, number: int, attempts: Iterable[Attempt], dead: Iterable[Wanted]
    ) -> dict[int, Call]:
        """Drop blobs and marks of attempts, by bucket."""
        marks: dict[int, list[bytes]] = {}
        for attempt in attempts:
            marks.setdefault(attempt.bucket, []).append(attempt.name)
        fields: dict[int, dict[Kind, list[bytes]]] = {}
        for kind, name in dead:
            of_bucket = fields.setdefault(name.handle[0], {one: [] for one in Kind})
            of_bucket[kind].append(name.handle + name.tag)
        none: dict[Kind, list[bytes]] = {kind: [] for kind in Kind}
        return {
            bucket: self._settle(bucket, number, names, fields.get(bucket, none))
            for bucket, names in marks.items()
        }

    def _settle(
        self,
        bucket: int,
        number: int,
        names: Sequence[bytes],
        dropped: Mapping[Kind, Sequence[bytes]],
    ) -> Call:
        arguments = (
            b"%d" % number,
            b"%d" % len(names),
            b"%d" % len(dropped[Kind.META]),
            *names,
            *dropped[Kind.META],
            *dropped[Kind.BODY],
        )
        return Call(_SETTLE, self._keys[bucket], arguments)

    def attempts(self, bucket: int) -> tuple[str, str]:
        """The command that gives the marks in a bucket, for `marks`."""
        return ("HGETALL", self._keys[bucket][2])

    def scan(self, bucket: int, cursor: int, count: int) -> Call:
        """A page of a bucket's metas, for `page`."""
        keys = self._keys[bucket]
        return Call(_SCAN, (keys[0], keys[2]), (b"%d" % cursor, b"%d" % count))


def marks(bucket: int, reply: Any) -> Iterator[Attempt]:
    """The attempts in a reply to `Buckets.attempts`; what is of another bucket is left out.

    Raises:
        Damaged: it is none.
    """
    try:
        pairs = list(zip(reply[::2], reply[1::2], strict=True))
        for name, mark in pairs:
            if blob_of(name) == _SETTLED:
                continue
            number, _, rest = name.partition(b"-")
            if not number.isdigit() or len(number) > 20 or not rest:
                raise Damaged
            if len(blob_of(mark)) > _MAX_MARK:
                raise Damaged
            yield _attempt(bucket, int(number), name, mark)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
        raise Damaged from None


def _attempt(bucket: int, number: int, name: bytes, mark: bytes) -> Attempt:
    """What a mark tells: of each blob role 1, length of the field 1, and field."""
    puts: list[Wanted] = []
    superseded: list[Wanted] = []
    at = 0
    while at < len(mark):
        kind, is_put = _MEANINGS[mark[at]]
        field = mark[at + 2 : at + 2 + mark[at + 1]]
        if len(field) < max(mark[at + 1], HANDLE_BYTES) or field[0] != bucket:
            raise Damaged
        wanted = kind, BlobName(field[:HANDLE_BYTES], field[HANDLE_BYTES:])
        (puts if is_put else superseded).append(wanted)
        at += 2 + len(field)
    return Attempt(number, name, bucket, tuple(puts), tuple(superseded))


def page(bucket: int, reply: Any) -> tuple[int, list[tuple[bytes, bytes]]]:
    """Redis's next cursor in a bucket (0: none), and handle and blob of what is no mere attempt's.

    Raises:
        Damaged: it is not the reply of a scan.
    """
    try:
        at, flat, marked = reply
        doubtful = {
            name.handle + name.tag
            for attempt in marks(bucket, marked)
            for kind, name in attempt.puts
            if kind is Kind.META
        }
        number = int(at)
        pairs = list(zip(flat[::2], flat[1::2], strict=True))
    except (TypeError, ValueError):
        raise Damaged from None
    if not 0 <= number < 1 << 64:
        raise Damaged
    blobs: list[tuple[bytes, bytes]] = []
    for field, blob in pairs:
        if len(blob_of(field)) < HANDLE_BYTES:
            raise Damaged
        if field not in doubtful:
            blobs.append((field[:HANDLE_BYTES], blob_of(blob)))
    return number, blobs
