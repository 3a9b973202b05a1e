"""Fixed layouts of vendors' tables, declared once and read strictly.

A layout is a class with one line per field: offset, wire form, name, as in the vendor's table.

    class Header(Layout, size=48):
        version: int = at(0, Int16ul)
        attestation_key_type: int = at(2, Int16ul)

From it comes a `construct.Struct` (`Header.struct`) that reads into and builds from frozen
instances. What no field covers is reserved: it must be zero, is written as zero, and anything
else there is refused, so that one meaning has one encoding. Offsets are checked when the class
is made: overlapping or wrongly sized fields are a TypeError.

Two layouts nest by `Header.struct` as a field's wire form. Variable-length parts are plain
`Struct`s beside their layouts, each bounded by the `Prefixed` that holds it.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar, Self, dataclass_transform

from construct import Adapter, Const, Construct, ConstructError, Struct, Terminated

from enclave.errors import InvalidEvidence

if TYPE_CHECKING:
    _Adapter = Adapter[Any, Any, Any, Any]
    AnyConstruct = Construct[Any, Any]
else:
    _Adapter = Adapter
    AnyConstruct = Construct


def at(offset: int, subcon: AnyConstruct) -> Any:
    """A field of a `Layout`.

    Args:
        offset: bytes from the start of the layout.
        subcon: the wire form; its size must be fixed.
    """
    return dataclasses.field(metadata={"offset": offset, "subcon": subcon})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(at,))
class Layout:
    """Base of the layouts. Subclass with `size=` bytes and fields made by `at`."""

    size: ClassVar[int]
    struct: ClassVar[AnyConstruct]

    def __init_subclass__(cls, *, size: int) -> None:
        """Turn the annotated fields into a frozen dataclass and a construct.

        Raises:
            TypeError: fields overlap, or do not fit into `size`.
        """
        super().__init_subclass__()
        dataclasses.dataclass(frozen=True, kw_only=True)(cls)
        cls.size = size
        cls.struct = _Record(cls, Struct(*_pieces(cls, size)))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The layout that `data` holds, all of it.

        Raises:
            InvalidEvidence: another length than `size`, or reserved bytes that are not zero.
        """
        if len(data) != cls.size:
            raise InvalidEvidence(cls.__name__, f"{len(data)} bytes, not {cls.size}")
        return parse(cls.struct, data, cls.__name__)  # type: ignore[no-any-return]  # construct gives Any

    def build(self) -> bytes:
        """The `size` bytes of this layout."""
        built: bytes = type(self).struct.build(self)
        return built


class _Record(_Adapter):
    """A construct whose parsed form is a layout class instead of a `Container`."""

    def __init__(self, cls: type[Layout], struct: AnyConstruct) -> None:
        super().__init__(struct)
        self.cls = cls
        self.names = tuple(field.name for field in dataclasses.fields(cls))  # type: ignore[arg-type]  # subclasses are dataclasses

    def _decode(self, obj: Any, context: Any, path: Any) -> Any:
        return self.cls(**{name: obj[name] for name in self.names})

    def _encode(self, obj: Any, context: Any, path: Any) -> Any:
        return {name: getattr(obj, name) for name in self.names}


def _pieces(cls: type[Layout], size: int) -> list[AnyConstruct]:
    """The fields of `cls` in order of offset, with zeros wherever no field is."""
    fields = sorted(dataclasses.fields(cls), key=lambda field: field.metadata["offset"])  # type: ignore[arg-type]  # as above
    pieces: list[AnyConstruct] = []
    end = 0
    for field in fields:
        offset, subcon = field.metadata["offset"], field.metadata["subcon"]
        if offset < end:
            raise TypeError(f"{cls.__name__}.{field.name} overlaps the field before it")
        pieces += _reserved(end, offset)
        pieces.append(field.name / subcon)
        end = offset + subcon.sizeof()
    if end > size:
        raise TypeError(f"{cls.__name__} ends at {end}, after its size {size}")
    return pieces + _reserved(end, size)


def _reserved(start: int, stop: int) -> list[AnyConstruct]:
    return [f"reserved_{start:03x}" / Const(bytes(stop - start))] if stop > start else []


def parse(construct: AnyConstruct, data: bytes, what: str) -> Any:
    """What `construct` makes of `data`, all of it.

    The one place where construct's errors become ours: their path is kept, their text, which
    may quote the data, is not.

    Args:
        construct: a construct without GreedyRange, Optional, Select or Padding.
        data: the bytes; their number is bounded by the caller.
        what: the name of the structure, for the error.

    Raises:
        InvalidEvidence: too short, too long, or not as declared.
    """
    try:
        return Struct("value" / construct, Terminated).parse(data)["value"]
    except ConstructError as error:
        raise InvalidEvidence(what, f"malformed{_place(error)}") from None


def _place(error: ConstructError) -> str:
    path = str(getattr(error, "path", None) or "")
    names = [name for name in path.removeprefix("(parsing)").split(" -> ") if name.strip()]
    places = [name for name in names if name != "value"]
    return f" at {'.'.join(places)}" if places else ""
