"""The schema as others read it: JSON Schema for editors, and one line for each field for the reference page.

Both come from the types that load a file, so they cannot say anything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from nrdot.config.schema.expectations import Expectations
from nrdot.config.schema.profiles import Profile
from nrdot.config.schema.settings import Settings
from nrdot.config.schema.shapes import Shape, fields_of, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterator

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Field:
    """One setting, for people."""

    path: str  # `export[].otlp.timeout`; `*` stands for a name of the user's own
    kind: str  # what to write
    default: Any  # None where there is none
    required: bool
    description: str
    example: str


def configuration_schema() -> dict[str, Any]:
    """JSON Schema of a configuration: its own keys, and those of a profile beside them."""
    definitions: dict[str, Any] = {}
    schema = _struct(Settings, definitions)
    over = _struct(Profile, definitions)["properties"]
    over.pop("extends")
    schema["properties"] = {**over, **schema["properties"]}
    return {"$schema": DIALECT, "title": "NRDOT configuration", **schema, "$defs": definitions}


def profile_schema() -> dict[str, Any]:
    """JSON Schema of a profile in a file of its own."""
    definitions: dict[str, Any] = {}
    schema = _struct(Profile, definitions)
    return {"$schema": DIALECT, "title": "NRDOT profile", **schema, "$defs": definitions}


def expectations_schema() -> dict[str, Any]:
    """JSON Schema of a file of profile tests."""
    definitions: dict[str, Any] = {}
    schema = _struct(Expectations, definitions)
    return {"$schema": DIALECT, "title": "NRDOT profile tests", **schema, "$defs": definitions}


DOCUMENTS: dict[str, Any] = {"configuration": Settings, "profile": Profile, "tests": Expectations}


def fields(struct: Any = Settings, path: str = "") -> Iterator[Field]:
    """Every setting below a structure, depth first; a profile's fields are those of `fields(Profile)`."""
    for field in msgspec.structs.fields(struct):
        shape = shape_of(field.type)
        rest = getattr(struct, "rest", None) == field.name
        here = path if rest else f"{path}.{field.encode_name}".lstrip(".")
        yield Field(
            path=here + _steps(shape),
            kind=_kind(shape),
            default=_default(field),
            required=field.required,
            description=shape.description,
            example=shape.example,
        )
        inner = _innermost(shape)
        if _is_struct(inner) and inner.base is not Profile:
            yield from fields(inner.base, here + _steps(shape))


def _struct(struct: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    rest = getattr(struct, "rest", None)
    properties: dict[str, Any] = {}
    others: Any = False
    for field in msgspec.structs.fields(struct):
        schema = _described(field, _value(shape_of(field.type), definitions))
        if field.name == rest:
            others = schema["additionalProperties"]
        else:
            properties[field.encode_name] = schema
    for spelling, key in getattr(struct, "synonyms", {}).items():
        properties[spelling] = {**properties[key], "description": f"The same as `{key}`."}
    required = [key for key, (_, _, needed) in fields_of(struct).items() if needed]
    schema = {"type": "object", "properties": properties, "additionalProperties": others}
    if required:
        schema["required"] = required
    if struct.__doc__:
        schema["description"] = " ".join(struct.__doc__.split())
    return schema


def _described(field: Any, schema: dict[str, Any]) -> dict[str, Any]:
    described = {**schema, "description": shape_of(field.type).description}
    default = _default(field)
    if isinstance(default, (bool, int, float, str)) and not shape_of(field.type).reader:
        described["default"] = default
    return described


def _value(shape: Shape, definitions: dict[str, Any]) -> dict[str, Any]:
    if _is_struct(shape):
        return _referred(shape.base, definitions)
    if shape.base is dict:
        schema: dict[str, Any] = {
            "type": "object",
            "additionalProperties": _value(shape.inner[1], definitions),
        }
    elif shape.base is tuple:
        schema = {"type": "array", "items": _value(shape.inner[0], definitions)}
    elif shape.choices:
        schema = {"enum": list(shape.choices)}
    elif shape.reader is not None:
        schema = {"type": ["string", "number"], "examples": [shape.example]}
    else:
        schema = {"type": {bool: "boolean", int: "integer", float: "number"}.get(shape.base, "string")}
        limits = {
            "minimum": shape.at_least,
            "exclusiveMinimum": shape.above,
            "maximum": shape.at_most,
            "maxLength": shape.longest,
        }
        schema.update({key: limit for key, limit in limits.items() if limit is not None})
    return {"anyOf": [schema, {"type": "null"}]} if shape.optional else schema


def _referred(struct: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    name = struct.__name__
    if name not in definitions:
        definitions[name] = {}  # holds the place, should a structure contain itself
        definitions[name] = _struct(struct, definitions)
    forms: list[dict[str, Any]] = [{"$ref": f"#/$defs/{name}"}]
    if hasattr(struct, "from_text"):
        forms.append({"type": "string"})
    if getattr(struct, "listed", False):
        forms.append({"type": "array", "items": {"type": ["string", "object"]}})
    return {"anyOf": forms} if len(forms) > 1 else {**forms[0]}


def _is_struct(shape: Shape) -> bool:
    return isinstance(shape.base, type) and issubclass(shape.base, msgspec.Struct)


def _innermost(shape: Shape) -> Shape:
    while shape.base in {dict, tuple}:
        shape = shape.inner[-1]
    return shape


def _steps(shape: Shape) -> str:
    steps = ""
    while shape.base in {dict, tuple}:
        steps += ".*" if shape.base is dict else "[]"
        shape = shape.inner[-1]
    return steps


def _kind(shape: Shape) -> str:
    inner = _innermost(shape)
    if inner.choices:
        return " | ".join(inner.choices)
    if inner.unit:
        return inner.unit
    if _is_struct(inner):
        return "table"
    return {bool: "true or false", int: "whole number", float: "number"}.get(inner.base, "text")


def _default(field: Any) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else None
