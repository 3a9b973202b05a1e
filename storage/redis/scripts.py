"""The keys of a store, and the scripts that Redis runs on them.

    strongroom:{LABEL}:place       hash: format, header, head
    strongroom:{LABEL}:log         stream: commit number-0 to the sealed entry, in field e
    strongroom:{LABEL}:queue       hash: the servers that ask for precedence, while several write
    strongroom:{LABEL}:queue:ID    list: woken one of them that comes to the front
    strongroom:{LABEL}:meta:HH     256 hashes: handle 16 | tag 16 to the sealed blob
    strongroom:{LABEL}:body:HH     HH is the first byte of the handle
    strongroom:{LABEL}:index       hash: what was saved of the index, by name
    strongroom:{LABEL}:index:names hash: the names alone, since blobs are too large to be scanned

The braces make the label the hash tag: in a Cluster all these keys of a store are in one slot, so
that a script may touch them together. A blob's field has its tag in it, so no blob is ever
overwritten: a commit puts the new ones beside the old, sets head and log entry, and drops what is
superseded, in one script, which Redis runs whole and alone. The AOF and the replicas get it whole
too. Where the blobs are spread over a Cluster they are elsewhere (`buckets`), and the script does
the rest.

Redis does not undo what a script has done when a later command of it fails. So what can fail comes
first: memory that is full refuses the first write of a script, which is the log entry, and so does
a log that somebody else has written to.

Source: Redis documentation, "Scripting with Lua" (atomicity, effects replication), "Redis cluster
specification" (hash tags).
"""

import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from storage.backend import LEASE_S, BlobName, Commit, Kind, tag
from storage.errors import Damaged, Unsuitable

BUCKETS: Final = 256
LABEL: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Layout(Enum):
    """Where the blobs of a store are, as its format says."""

    ONE_SLOT = b"1"
    """With all else, in the hash slot of the label."""
    SPREAD = b"2"
    """In buckets, each in a hash slot of its own, see `buckets`."""

    @classmethod
    def of(cls, form: object, *, is_begun: bool, is_spread: bool) -> "Layout":
        """The layout of a place.

        Args:
            form: what is written there as its format, if anything is.
            is_begun: whether there is anything else.
            is_spread: whether a new store is spread.

        Raises:
            Unsuitable: it is of no format that there is.
        """
        if form is None:
            return cls.SPREAD if is_spread and not is_begun else cls.ONE_SLOT
        try:
            return cls(form)
        except ValueError:
            raise Unsuitable(
                "what lies under this label was not written in a format of this version"
            ) from None


class Script:
    """A script, named by its SHA-1 as Redis names it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha1 = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Call:
    """A script with its keys and arguments.

    Attributes:
        script: what is run.
        keys: all that it touches.
        arguments: the rest.
    """

    script: Script
    keys: tuple[str, ...]
    arguments: tuple[bytes, ...]

    @property
    def short(self) -> tuple[bytes | str | int, ...]:
        """The command that names the script."""
        return ("EVALSHA", self.script.sha1, len(self.keys), *self.keys, *self.arguments)

    @property
    def whole(self) -> tuple[bytes | str | int, ...]:
        """The command that has all of it."""
        return ("EVAL", self.script.text, len(self.keys), *self.keys, *self.arguments)


_TAIL: Final = Script(
    """
local head = redis.call('HGET', KEYS[1], 'head')
if not head then return false end
return {head, redis.call('XRANGE', KEYS[2], ARGV[1], '+')}
"""
)

# Who asks for precedence: the identifiers in their order, and when the first one's lease ends, in
# milliseconds of Redis's clock. A clock that was set back makes no lease longer than it may be.
_QUEUE: Final = f"""
local lease = {round(1000 * LEASE_S)}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function queued(key)
  local fields = redis.call('HMGET', key, 'writers', 'until')
  local writers = {{}}
  for one in string.gmatch(fields[1] or '', '%x+') do writers[#writers + 1] = one end
  return writers, math.min(tonumber(fields[2] or 0) or 0, now + lease)
end
"""

# Arguments: the writer, whether it leaves the queue first, whether it then joins it, start of tail,
# how a key begins that a writer waits at. Who comes to one of the first two places is woken there.
_ASK: Final = Script(
    _QUEUE
    + """
local writers, ending = queued(KEYS[3])
local before, was = table.concat(writers, ' '), {writers[1], writers[2]}
if writers[1] and now >= ending then table.remove(writers, 1) end
local function find()
  for at, one in ipairs(writers) do
    if one == ARGV[1] then return at end
  end
end
if ARGV[2] == '1' and find() then table.remove(writers, find()) end
if ARGV[3] == '1' and not find() then writers[#writers + 1] = ARGV[1] end
local after = table.concat(writers, ' ')
if after == '' and before ~= '' then
  redis.call('DEL', KEYS[3])
elseif after ~= before or now >= ending and after ~= '' then
  if writers[1] ~= was[1] or now >= ending then ending = now + lease end
  redis.call('HSET', KEYS[3], 'writers', after, 'until', ending)
  for at = 1, 2 do
    local one = writers[at]
    if one and one ~= was[at] and one ~= ARGV[1] then
      redis.call('LPUSH', ARGV[5] .. one, '1')
      redis.call('PEXPIRE', ARGV[5] .. one, 10 * lease)
    end
  end
end
if ARGV[3] == '' then return 1 end
local head = redis.call('HGET', KEYS[1], 'head')
if not head then return false end
return {find() - 1, head, redis.call('XRANGE', KEYS[2], ARGV[4], '+')}
"""
)

# Arguments: expected head, number-0, start of what was missed, entry, oldest-0, new head, header,
# the writer, format, number of puts; for each put the number of its key, field and blob; for each
# drop key and field.
_COMMIT: Final = Script(
    _QUEUE
    + """
local place, log = KEYS[1], KEYS[2]
local head = redis.call('HGET', place, 'head') or ''
local writers, ending = queued(KEYS[3])
if head ~= ARGV[1] or (writers[1] and writers[1] ~= ARGV[8] and now < ending) then
  return {head, redis.call('XRANGE', log, ARGV[3], '+')}
end
if ARGV[2] ~= '' then
  redis.call('XADD', log, 'MINID', '=', ARGV[5], ARGV[2], 'e', ARGV[4])
end
local at = 11
for _ = 1, tonumber(ARGV[10]) do
  redis.call('HSET', KEYS[tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2])
  at = at + 3
end
redis.call('HSET', place, 'head', ARGV[6])
if ARGV[7] ~= '' then redis.call('HSET', place, 'header', ARGV[7]) end
if ARGV[9] ~= '' then redis.call('HSET', place, 'format', ARGV[9]) end
while ARGV[at] do
  redis.call('HDEL', KEYS[tonumber(ARGV[at])], ARGV[at + 1])
  at = at + 2
end
return 1
"""
)


def trial(commands: str) -> Script:
    """A script of calls of `try`, as `redis.call` takes them; gives what was refused."""
    return Script(f"""
local refused = {{}}
local function try(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then refused[#refused + 1] = reply.err end
end
{commands}
return refused
""")


_TRIAL: Final = trial(
    """
try('TIME')
try('LPUSH', KEYS[2], '1')
try('PEXPIRE', KEYS[2], 1000)
try('DEL', KEYS[2])
try('HMGET', KEYS[1], 'trial')
try('HSET', KEYS[1], 'trial', '1')
try('HGET', KEYS[1], 'trial')
try('HDEL', KEYS[1], 'trial')
try('XADD', KEYS[2], 'MINID', '=', '1-0', '1-0', 'e', '1')
try('XRANGE', KEYS[2], '-', '+')
try('DEL', KEYS[1], KEYS[2])
"""
)


class Keys:
    """The keys of the store of one label, for one server among those who write.

    Args:
        label: 1 to 64 letters, digits, dots, dashes and underscores.

    Attributes:
        layout: where blobs are.
    """

    def __init__(self, label: str) -> None:
        self.layout = Layout.ONE_SLOT
        prefix = f"strongroom:{{{label}}}:"
        self.place, self.log = f"{prefix}place", f"{prefix}log"
        self._index, self._index_names = f"{prefix}index", f"{prefix}index:names"
        self._queue, self._waiting = f"{prefix}queue", f"{prefix}queue:"
        self._writer = secrets.token_hex(8).encode()
        self._trial = (f"{prefix}trial", f"{prefix}trial:log")
        self.buckets = {
            kind: tuple(f"{prefix}{kind}:{number:02x}" for number in range(BUCKETS))
            for kind in Kind
        }

    def get(self, kind: Kind, name: BlobName) -> tuple[str, str, bytes]:
        """The command that reads a blob."""
        return ("HGET", self._bucket(kind, name.handle), name.handle + name.tag)

    def tail(self, after: int) -> Call:
        """The head and the log entries after a number; nothing without a head."""
        return Call(_TAIL, (self.place, self.log), (_after(after),))

    def trial(self) -> Call:
        """Everything that a commit does, on keys of no meaning; gives what was refused."""
        return Call(_TRIAL, self._trial, ())

    def trial_of_waiting(self) -> tuple[tuple[bytes | str | int, ...], ...]:
        """What a script may not do on every Redis; nobody waits, as something is there."""
        key = f"{self._trial[1]}:queue"
        return ("LPUSH", key, "1"), ("BLPOP", key, "0.1")

    def precedence(self, after: int, *, again: bool) -> Call:
        """Queue up. Gives how many are ahead, the head and the entries; nothing without a head."""
        return self._ask(b"1" if again else b"", b"1", _after(after))

    def cede(self) -> Call:
        """Leave the queue."""
        return self._ask(b"1", b"", b"")

    def place_moves(self) -> tuple[bytes | str | int, ...]:
        """The command that waits until this server's place in the queue has changed."""
        return ("BLPOP", self._waiting + self._writer.decode(), str(LEASE_S))

    def _ask(self, again: bytes, joins: bytes, after: bytes) -> Call:
        keys = self.place, self.log, self._queue
        return Call(_ASK, keys, (self._writer, again, joins, after, self._waiting.encode()))

    def commit(self, commit: Commit) -> Call:
        """A commit. Gives 1, or the head that is there and the entries that were missed."""
        numbers = {self.place: 1, self.log: 2, self._queue: 3}

        def number(kind: Kind, handle: bytes) -> bytes:
            return b"%d" % numbers.setdefault(self._bucket(kind, handle), len(numbers) + 1)

        puts: list[bytes] = []
        drops: list[bytes] = []
        for kind in Kind:
            for handle, blob in commit.blobs(kind).items():
                if blob is not None:
                    puts += (number(kind, handle), handle + tag(blob), blob)
            for handle, old in commit.superseded.get(kind, {}).items():
                drops += (number(kind, handle), handle + old)
        arguments = (
            commit.expected or b"",
            b"%d-0" % commit.number if commit.number else b"",
            _after(commit.number - 1),
            commit.entry,
            b"%d-0" % commit.oldest,
            commit.head,
            commit.header or b"",
            self._writer,
            self.layout.value if commit.header or commit.expected is None else b"",
            b"%d" % (len(puts) // 3),
            *puts,
            *drops,
        )
        return Call(_COMMIT, tuple(numbers), arguments)

    def read_index(self, names: Sequence[bytes]) -> tuple[str | bytes, ...]:
        """The command that reads blobs of the saved index."""
        return ("HMGET", self._index, *names)

    def scan_index(self, cursor: int) -> tuple[str | int, ...]:
        """The command that gives some of the names of the saved index."""
        return ("HSCAN", self._index_names, cursor)

    def write_index(self, blobs: Mapping[bytes, bytes | None]) -> list[tuple[str | bytes, ...]]:
        """The commands that keep and drop blobs: no blob is there whose name is not."""
        commands: list[tuple[str | bytes, ...]] = []
        for name, blob in blobs.items():
            if blob is None:
                commands += (("HDEL", self._index, name), ("HDEL", self._index_names, name))
            else:
                commands += (
                    ("HSET", self._index_names, name, b""),
                    ("HSET", self._index, name, blob),
                )
        return commands

    def _bucket(self, kind: Kind, handle: bytes) -> str:
        return self.buckets[kind][handle[0]]


def _after(number: int) -> bytes:
    return b"(%d-0" % number if number > 0 else b"-"


def entries(reply: Any) -> Iterator[tuple[int, bytes]]:
    """The log entries in a reply: number and sealed entry.

    Raises:
        Damaged: it holds something else.
    """
    try:
        for identifier, (name, entry) in reply:
            number, _, _ = identifier.partition(b"-")
            if name != b"e" or not isinstance(entry, bytes) or not number.isdigit():
                raise Damaged
            yield int(number), entry
    except (AttributeError, TypeError, ValueError):
        raise Damaged from None
