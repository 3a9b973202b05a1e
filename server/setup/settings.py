"""The engine under `server.setup.config`: settings declared as a table, read from four places.

Theory of operation: a settings class is a frozen dataclass, each of whose fields is made by
`setting(...)`, so one line holds its name, type, default, unit, meaning and reason. From the name
come, mechanically, the command line flag (`--kmip-port`), the environment variable
(`STRONGROOM_KMIP_PORT`) and the key in the TOML file (`kmip_port`). A value on the command line
wins over one in the environment, that over one in the file, that over the default. `KINDS` says
how each type is read from text and from TOML; nothing else knows about types.

Mistakes are refused, not passed over: an unknown key in the file, an unknown flag, a value of the
wrong type or out of range, and an environment variable that is nearly the name of a setting.
Other unknown STRONGROOM_ variables are left alone, because container platforms set such variables
for a service of that name (`STRONGROOM_SERVICE_HOST`).
"""

import argparse
import dataclasses
import difflib
import tomllib
import types
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol, TypeVar, get_args, get_type_hints

from server.setup.failure import Failure

PREFIX: Final = "STRONGROOM_"
NOT_GIVEN: Final = argparse.SUPPRESS

T = TypeVar("T")


class Settings(Protocol):
    """A dataclass, all of whose fields were made with `setting`."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


S = TypeVar("S", bound=Settings)


def setting(
    default: T,
    meaning: str,
    why: str,
    *,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    written_default: str = "",
) -> T:
    """A dataclass field that is a setting.

    Args:
        default: its value where nothing else is given.
        meaning: what it does; a phrase that completes the setting's name.
        why: the reason for the default.
        unit: of a number, such as "bytes"; for other types the form of the value.
        minimum: smallest number taken.
        maximum: largest number taken.
        written_default: how the documentation writes the default, where `str` would mislead.
    """
    row = {
        "meaning": meaning,
        "why": why,
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
        "written_default": written_default,
    }
    return dataclasses.field(default=default, metadata=row)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """One row of the table, as the flag parser, the readers and the documentation see it."""

    name: str
    type: Any
    default: Any
    meaning: str
    why: str
    unit: str
    minimum: float | None
    maximum: float | None
    written_default: str

    @property
    def flag(self) -> str:
        """The command line flag, such as `--kmip-port`."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable, such as `STRONGROOM_KMIP_PORT`."""
        return PREFIX + self.name.upper()

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that may be given, or nothing where any may."""
        if isinstance(self.type, type) and issubclass(self.type, StrEnum):
            return tuple(self.type)
        return ()


@dataclasses.dataclass(frozen=True)
class Sourced:
    """A value and its source, such as `--kmip-port` or `the default`."""

    value: Any
    source: str


def rows(settings: type[Settings]) -> tuple[Setting, ...]:
    """The settings of a class, in the order in which they are declared."""
    hints = get_type_hints(settings)
    return tuple(
        Setting(
            name=field.name, type=hints[field.name], default=field.default, **dict(field.metadata)
        )
        for field in dataclasses.fields(settings)
    )


def _truth(text: str) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in words:
        raise ValueError
    return words[text.lower()]


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in text.split(",")) if word)


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError
    return Path(text)


def _word_list(value: list[Any]) -> tuple[str, ...]:
    if not all(isinstance(word, str) for word in value):
        raise ValueError
    return tuple(value)


@dataclasses.dataclass(frozen=True)
class Kind:
    """How values of one type are written: in text, and in TOML."""

    words: str
    from_text: Callable[[str], Any]
    toml: type | types.UnionType
    from_toml: Callable[[Any], Any]


KINDS: Final[dict[Any, Kind]] = {
    str: Kind("a text", str, str, str),
    int: Kind("a whole number", int, int, int),
    float: Kind("a number", float, int | float, float),
    bool: Kind("true or false", _truth, bool, bool),
    Path: Kind("a path", _path, str, _path),
    tuple[str, ...]: Kind("names separated by commas", _words, list, _word_list),
}


def kind_of(row: Setting) -> Kind:
    """How this setting's values are written; `Path | None` is written like `Path`."""
    if row.choices:
        return Kind("one of " + ", ".join(row.choices), row.type, str, row.type)
    bare = [part for part in get_args(row.type) if part is not type(None)]
    return KINDS[bare[0] if isinstance(row.type, types.UnionType) else row.type]


def _checked(row: Setting, value: Any, source: str) -> Sourced:
    low, high = row.minimum, row.maximum
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        bounds = f"at least {low:g}" if high is None else f"from {low or 0:g} to {high:g}"
        raise Failure(f"{source} must be {bounds}, not {value}.")
    return Sourced(value, source)


def from_text(row: Setting, text: str, source: str) -> Sourced:
    """A value from a flag or a variable.

    Raises:
        Failure: the text is not of the setting's type, or out of range.
    """
    kind = kind_of(row)
    try:
        value = kind.from_text(text)
    except ValueError:
        raise Failure(f"{source} must be {kind.words}, not {text!r}.") from None
    return _checked(row, value, source)


def from_toml(row: Setting, value: object, source: str) -> Sourced:
    """A value from a TOML file.

    Raises:
        Failure: the value is not of the setting's type, or out of range.
    """
    kind = kind_of(row)
    # In Python a bool is an int; in a file `true` for a number is a mistake.
    if not isinstance(value, kind.toml) or (isinstance(value, bool) and kind.toml is not bool):
        raise Failure(f"{source} must be {kind.words}, not {value!r}.")
    try:
        return _checked(row, kind.from_toml(value), source)
    except ValueError:
        raise Failure(f"{source} must be {kind.words}, not {value!r}.") from None


def _close(name: str, known: list[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.75)), None)


def _file(settings: type[Settings], path: Path) -> dict[str, Sourced]:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Failure(f"The configuration file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Failure(f"The configuration file {path} is not TOML: {error}.") from None
    known = {row.name: row for row in rows(settings)}
    for key in document:
        if key not in known:
            near = _close(key, list(known))
            hint = f"; did you mean {near}?" if near else "; `strongroom config` lists them."
            raise Failure(f"{key!r} in {path} is not a setting{hint}")
    return {
        key: from_toml(known[key], value, f"{key} in {path}") for key, value in document.items()
    }


def _environment(settings: type[Settings], variables: Mapping[str, str]) -> dict[str, Sourced]:
    known = {row.variable: row for row in rows(settings)}
    suffixes = [name.removeprefix(PREFIX) for name in known]
    sourced = {}
    for name, text in variables.items():
        if name in known:
            sourced[known[name].name] = from_text(known[name], text, name)
        elif name.startswith(PREFIX) and (near := _close(name.removeprefix(PREFIX), suffixes)):
            raise Failure(f"{name} is not a setting; did you mean {PREFIX}{near}?")
    return sourced


def gather(
    settings: type[Settings],
    flags: Mapping[str, str],
    variables: Mapping[str, str],
    file: Path | None,
) -> dict[str, Sourced]:
    """Every setting with its value and who gave it.

    Args:
        settings: the class that declares them.
        flags: what the command line gave, by setting name, still text.
        variables: the environment; only names that begin with STRONGROOM_ are looked at.
        file: a TOML file, or None.

    Raises:
        Failure: something is unknown, of the wrong type or out of range.
    """
    sourced = {row.name: Sourced(row.default, "the default") for row in rows(settings)}
    if file is not None:
        sourced |= _file(settings, file)
    sourced |= _environment(settings, variables)
    sourced |= {
        row.name: from_text(row, flags[row.name], row.flag)
        for row in rows(settings)
        if row.name in flags
    }
    return sourced


def build(settings: type[S], sourced: Mapping[str, Sourced]) -> S:
    """The settings object of what was gathered."""
    return settings(**{name: one.value for name, one in sourced.items()})


def add_flags(
    parser: argparse._ActionsContainer,
    settings: type[Settings],
    names: frozenset[str] | None = None,
) -> None:
    """Give `parser` a flag for each setting, or for those named; what is not given stays absent."""
    for row in rows(settings):
        if names is not None and row.name not in names:
            continue
        default = row.written_default or written(row.default) or "none"
        text = f"{row.meaning} (default: {default})".replace("%", "%%")
        if row.type is bool:
            parser.add_argument(
                row.flag, dest=row.name, action="store_const", const="true", default=NOT_GIVEN,
                help=text,
            )  # fmt: skip
        else:
            word = "|".join(row.choices) or row.unit.upper() or "VALUE"
            parser.add_argument(row.flag, dest=row.name, metavar=word, default=NOT_GIVEN, help=text)


def written(value: Any) -> str:
    """A value as a person would write it on the command line; nothing for an absent one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)
