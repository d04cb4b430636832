"""A small reader of JSON Schema: the words that our schemas use, and an error for any other.

What a real validator says of them is looked at in `tests/interop`; this one needs nothing installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
_WORDS = frozenset(
    {
        *("$defs", "$ref", "$schema", "title", "description", "default", "examples"),
        *("type", "enum", "anyOf", "items", "properties", "additionalProperties", "required"),
        *("minimum", "maximum", "exclusiveMinimum", "maxLength"),
    }
)


def complaints(schema: Mapping[str, Any], document: Any) -> list[str]:
    """Everything in a document that the schema refuses, each under its path."""
    return list(_refused(schema, document, "$", schema))


def _refused(schema: Mapping[str, Any], value: Any, path: str, root: Mapping[str, Any]) -> Iterator[str]:
    if unknown := schema.keys() - _WORDS:
        raise AssertionError(f"{path}: this reader does not know {sorted(unknown)}")
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        yield from _refused(root["$defs"][name], value, path, root)
    if "anyOf" in schema and all(list(_refused(one, value, path, root)) for one in schema["anyOf"]):
        yield f"{path}: none of the forms fits"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: not one of {schema['enum']}"
    if "type" in schema and not _is(value, schema["type"]):
        yield f"{path}: not {schema['type']}"
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield from _bounded(schema, value, path)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _refused(schema.get("items", {}), entry, f"{path}[{index}]", root)
    elif isinstance(value, dict):
        yield from _table(schema, value, path, root)


def _is(value: Any, wanted: str | list[str]) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, _TYPES[name]) for name in names)


def _bounded(schema: Mapping[str, Any], value: float | str, path: str) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) > schema.get("maxLength", len(value)):
            yield f"{path}: longer than {schema['maxLength']}"
        return
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{path}: less than {schema['minimum']}"
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        yield f"{path}: not more than {schema['exclusiveMinimum']}"
    if "maximum" in schema and value > schema["maximum"]:
        yield f"{path}: more than {schema['maximum']}"


def _table(
    schema: Mapping[str, Any], value: dict[str, Any], path: str, root: Mapping[str, Any]
) -> Iterator[str]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for key in schema.get("required", ()):
        if key not in value:
            yield f"{path}: {key} is missing"
    for key, entry in value.items():
        if key in known:
            yield from _refused(known[key], entry, f"{path}.{key}", root)
        elif others is False:
            yield f"{path}: {key} is unknown"
        elif isinstance(others, dict):
            yield from _refused(others, entry, f"{path}.{key}", root)
