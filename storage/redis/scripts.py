"""The keys of a store, and the scripts that Redis runs on them.

    strongroom:{LABEL}:place       hash: format, header, head
    strongroom:{LABEL}:log         stream: commit number-0 to the sealed entry, in field e
    strongroom:{LABEL}:meta:HH     256 hashes: handle 16 | tag 16 to the sealed blob
    strongroom:{LABEL}:body:HH     HH is the first byte of the handle

The braces make the label the hash tag: in a Cluster all keys of a store are in one slot, so that a
script may touch them together. A blob's field has its tag in it, so no blob is ever overwritten: a
commit puts the new ones beside the old, sets head and log entry, and drops what is superseded, in
one script, which Redis runs whole and alone. The AOF and the replicas get it whole too.

Redis does not undo what a script has done when a later command of it fails. So what can fail comes
first: memory that is full refuses the first write of a script, which is the log entry, and so does
a log that somebody else has written to.

Source: Redis documentation, "Scripting with Lua" (atomicity, effects replication), "Redis cluster
specification" (hash tags).
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from storage.backend import BlobName, Commit, Kind, tag
from storage.errors import Damaged

FORMAT: Final = b"1"
BUCKETS: Final = 256
LABEL: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


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

# Arguments: expected head, number-0, start of what was missed, entry, oldest-0, new head, header,
# number of puts; for each put the number of its key, field and blob; for each drop key and field.
_COMMIT: Final = Script(
    """
local place, log = KEYS[1], KEYS[2]
local head = redis.call('HGET', place, 'head') or ''
if head ~= ARGV[1] then
  return {head, redis.call('XRANGE', log, ARGV[3], '+')}
end
if ARGV[2] ~= '' then
  redis.call('XADD', log, 'MINID', '=', ARGV[5], ARGV[2], 'e', ARGV[4])
end
local at = 9
for _ = 1, tonumber(ARGV[8]) do
  redis.call('HSET', KEYS[tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2])
  at = at + 3
end
redis.call('HSET', place, 'head', ARGV[6])
if ARGV[7] ~= '' then
  redis.call('HSET', place, 'format', '1', 'header', ARGV[7])
end
while ARGV[at] do
  redis.call('HDEL', KEYS[tonumber(ARGV[at])], ARGV[at + 1])
  at = at + 2
end
return 1
"""
)

_TRIAL: Final = Script(
    """
local refused = {}
local function try(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then refused[#refused + 1] = reply.err end
end
try('HSET', KEYS[1], 'trial', '1')
try('HGET', KEYS[1], 'trial')
try('HDEL', KEYS[1], 'trial')
try('XADD', KEYS[2], 'MINID', '=', '1-0', '1-0', 'e', '1')
try('XRANGE', KEYS[2], '-', '+')
try('DEL', KEYS[1], KEYS[2])
return refused
"""
)


class Keys:
    """The keys of the store of one label.

    Args:
        label: 1 to 64 letters, digits, dots, dashes and underscores.
    """

    def __init__(self, label: str) -> None:
        prefix = f"strongroom:{{{label}}}:"
        self.place, self.log = f"{prefix}place", f"{prefix}log"
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

    def commit(self, commit: Commit) -> Call:
        """A commit. Gives 1, or the head that is there and the entries that were missed."""
        numbers = {self.place: 1, self.log: 2}

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
            b"%d" % (len(puts) // 3),
            *puts,
            *drops,
        )
        return Call(_COMMIT, tuple(numbers), arguments)

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
