"""The kinds of back ends that the setting `store` can name: one row each.

To add one, write its module in `storage` and its row here; everything else follows: the forms that
the setting takes, its documentation, the key file, and the sentences about it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from server.setup import files, redis_store
from server.setup.failure import Failure
from storage.backend import Backend
from storage.durability import Durability
from storage.memory import MemoryBackend
from storage.sqlite import SQLiteBackend


def _no_size(rest: str) -> int | None:
    return None


def _no_durability(settings: Any) -> str:
    return "none"


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """One kind of back end.

    Attributes:
        name: what the setting `store` has before its colon.
        rest: what it has after it, in capitals, such as PATH; empty: nothing.
        meaning: a phrase for the documentation: where the store then is.
        make: gives the back end, not yet open, for what stands after the colon. It is called with
            the values of `settings` by their names too.
        settings: the names of other settings that it needs.
        is_kept: whether the store outlives the process. Where it does not, its key does not either.
        is_url: whether it is on another machine, and named by a URL.
        size: bytes of what is at the place, as far as it is on this machine's disk; else None.
        durability: a phrase: what an acknowledged change survives, by the settings.
    """

    name: str
    rest: str
    meaning: str
    make: Callable[..., Backend]
    settings: tuple[str, ...] = ()
    is_kept: bool = True
    is_url: bool = False
    size: Callable[[str], int | None] = _no_size
    durability: Callable[[Any], str] = _no_durability

    @property
    def form(self) -> str:
        """How the setting `store` names it, such as sqlite:PATH."""
        return f"{self.name}:{self.rest}"


def _sqlite(path: str) -> Backend:
    files.make_directory(Path(path).absolute().parent)
    return SQLiteBackend(path)


def _size_of_files(path: str) -> int | None:
    """Of the file and SQLite's log beside it."""
    files_there = (Path(path + end) for end in ("", "-wal"))
    return sum(file.stat().st_size for file in files_there if file.is_file())


def _redis_durability(settings: Any) -> str:
    durability = settings.redis_durability
    if durability is Durability.REPLICAS:
        return f"{durability}, {settings.redis_replicas} of them; Redis was asked"
    return f"{durability}; Redis was asked"


def _memory(rest: str) -> Backend:
    return MemoryBackend()


def _redis(
    name: str, rest: str, access: redis_store.RedisAccess | None = None, **settings: Any
) -> Backend:
    named = redis_store.RedisSettings(**settings)
    return redis_store.backend(f"{name}:{rest}", named, access)


SCHEMES: Final = {
    scheme.name: scheme
    for scheme in (
        Scheme(
            name="sqlite",
            rest="PATH",
            meaning="a file",
            make=_sqlite,
            size=_size_of_files,
            durability=lambda settings: "fsync of each commit",
        ),
        Scheme(
            name="memory",
            rest="",
            meaning="forgotten at the end",
            make=_memory,
            is_kept=False,
        ),
        *(
            Scheme(
                name=name,
                rest=rest,
                meaning=meaning,
                make=partial(_redis, name),
                settings=redis_store.SETTINGS,
                is_url=True,
                durability=_redis_durability,
            )
            for name, (rest, meaning) in redis_store.FORMS.items()
        ),
    )
}


@dataclass(frozen=True)
class Place:
    """Where a store is.

    Attributes:
        scheme: the kind of its back end.
        rest: what stands after the colon, such as a path.
    """

    scheme: Scheme
    rest: str

    def __str__(self) -> str:
        if self.scheme.is_url:
            return f"{self.scheme.name}:{self.rest}"
        return self.rest or f"in {self.scheme.name}"

    def backend(self, settings: object, access: redis_store.RedisAccess | None = None) -> Backend:
        """The back end, not yet open.

        Args:
            settings: has the settings that the scheme needs as attributes.
            access: what holds in place of some of them, where the scheme is a URL's.

        Raises:
            Failure: it cannot be made there.
        """
        needed = {name: getattr(settings, name) for name in self.scheme.settings}
        if access is not None and self.scheme.is_url:
            needed["access"] = access
        return self.scheme.make(self.rest, **needed)


def parse(text: str) -> Place:
    """The place that a value of the setting `store` names.

    Raises:
        Failure: it has none of the forms.
    """
    name, colon, rest = text.partition(":")
    scheme = SCHEMES.get(name)
    if redis_store.has_password(text):
        raise Failure(
            "The place of the store has a password in it, which others can read: put it into a "
            "file, and name that (redis_password_file)."
        )
    if scheme is None or not colon or bool(scheme.rest) != bool(rest):
        forms = " or ".join(each.form for each in SCHEMES.values())
        raise Failure(f"store must be {forms}, not {text!r}.")
    return Place(scheme, rest)


def default(data: Path) -> str:
    """The value of the setting `store` where none is given.

    Args:
        data: the directory of everything the server keeps.
    """
    return f"sqlite:{data / 'store.db'}"


def meanings() -> str:
    """All forms of the setting `store` with what they mean, for its documentation."""
    return " or ".join(f"{scheme.form} ({scheme.meaning})" for scheme in SCHEMES.values())
