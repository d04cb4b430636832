"""Types of the schema, taken apart once: what the checker and the reference both read."""

from __future__ import annotations

import types
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Shape:
    """A type, taken apart once."""

    base: Any
    inner: tuple[Shape, ...] = ()
    optional: bool = False
    choices: tuple[str, ...] = ()
    reader: Callable[[str], Any] | None = None
    secret: bool = False
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    longest: int | None = None  # characters
    example: str = ""
    unit: str = ""  # what kind of value a reader takes, for people
    description: str = ""


@cache
def shape_of(hint: Any) -> Shape:
    metas: list[msgspec.Meta] = []
    optional = False
    while True:
        if get_origin(hint) is Annotated:
            hint, *further = get_args(hint)
            metas = [meta for meta in further if isinstance(meta, msgspec.Meta)] + metas
            continue
        if get_origin(hint) in {Union, types.UnionType}:
            (hint,) = (arm for arm in get_args(hint) if arm is not type(None))
            optional = True
            continue
        break
    origin = get_origin(hint)
    extra = {key: value for meta in metas for key, value in (meta.extra or {}).items()}
    return Shape(
        base=str if origin is Literal else origin or hint,
        inner=()
        if origin is Literal
        else tuple(shape_of(arm) for arm in get_args(hint) if arm is not Ellipsis),
        optional=optional,
        choices=get_args(hint) if origin is Literal else (),
        reader=extra.get("read"),
        secret=extra.get("secret", False),
        at_least=next((meta.ge for meta in metas if meta.ge is not None), None),
        above=next((meta.gt for meta in metas if meta.gt is not None), None),
        unit=extra.get("unit", ""),
        description=next((meta.description for meta in reversed(metas) if meta.description), ""),
        example=next((str(meta.examples[0]) for meta in metas if meta.examples), ""),
        at_most=next((meta.le for meta in metas if meta.le is not None), None),
        longest=next((meta.max_length for meta in metas if meta.max_length is not None), None),
    )


@cache
def fields_of(struct: type[msgspec.Struct]) -> dict[str, tuple[str, Shape, bool]]:
    """Key as written: (attribute, shape, whether it must be there)."""
    return {
        field.encode_name: (field.name, shape_of(field.type), field.required)
        for field in msgspec.structs.fields(struct)
    }
