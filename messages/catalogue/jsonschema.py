"""JSON Schema (draft 2020-12) of every data type and of every part, made from the data files as our own validator is.

One document a type: its root describes a whole object, `#/$defs/part-NAME` a section. Promised: the root accepts
exactly the objects whose shape our validator accepts, and a part likewise, but for what a schema cannot say; that is
listed under `x-laws` (the content laws) and `x-beyond` (bounds). Patterns are anchored at both ends in a way that every
dialect reads alike, and use no classes whose meaning differs between dialects.

`x-` words carry what a validator of another language may want besides: part, flags, roles, sources.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from messages.catalogue import values
from messages.catalogue.across import ACROSS
from messages.catalogue.datatype import DataType, Field, RoleSource
from messages.catalogue.laws import LAWS
from messages.catalogue.loader import Catalogue

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
BEYOND: Final = (
    "A text has at most 100,000 bytes of UTF-8; the schema counts characters.",
    "A whole number is written without a decimal point.",
    "A period ends no earlier than it begins.",
    "A text embeds no picture, sound or film (R-24).",
    "No string holds half of a surrogate pair, and no object names a field twice.",
)

_END: Final = r"(?![\s\S])"  # nothing follows: `$` would let a line feed pass in some dialects
_SPACES: Final = r"\t\n\u000b\f\r\u001c-\u001f \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_STR: Final = rf"^(?=[\s\S]*[^{_SPACES}])[^\u0000-\u001f\u007f\u0085\u2028\u2029]+{_END}"
_TEXT: Final = rf"^(?=[\s\S]*[^{_SPACES}])[^\u0000-\u0008\u000b\f\u000e-\u001f\u007f]+{_END}"
_YEAR: Final = r"(?!0000)[0-9]{4}"
_LEAP: Final = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DAY: Final = (
    rf"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    rf"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP}-02-29)"
)
_DATE: Final = rf"{_YEAR}(?:-(?:0[1-9]|1[0-2]))?|{_DAY}"
_CLOCK: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
_TIME: Final = rf"{_DAY}T{_CLOCK}(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_EXACT: Final[Mapping[str, str]] = {"date": _DATE, "time": _TIME}
_SHARED: Final = 12  # a code list longer than this stands once, under $defs


def schema(data_type: DataType, catalogue: Catalogue) -> dict[str, Any]:
    """The schema document of one data type, JSON-ready."""
    shared: dict[str, Any] = {}
    whole = _object(data_type.fields, shared, catalogue)
    parts = {f"part-{part}": _part(data_type, part, shared, catalogue) for part in data_type.parts}
    return {
        "$schema": DIALECT,
        "$id": f"urn:safeconduct:catalogue:{data_type.id}:{data_type.version}",
        "$comment": "Made from the catalogue's data files; what a schema cannot say is listed in x-laws and x-beyond.",
        "title": f"{data_type.id} {data_type.name}",
        "description": data_type.carries,
        **whole,
        "x-source": list(data_type.source),
        "x-basis": list(data_type.basis),
        "x-handling": {"tlp": data_type.tlp.value, "h": data_type.h.value},
        "x-receivers": {party.value: how for party, how in data_type.receivers.items()},
        "x-role": _role(data_type.role),
        "x-media": dict(data_type.media_limits),
        "x-refused": dict(data_type.refused),
        "x-laws": _laws(data_type, data_type.parts),
        "x-between-objects": {name: law.says for name, law in ACROSS.items()},
        "x-beyond": list(BEYOND),
        "$defs": {**parts, **dict(sorted(shared.items()))},
    }


def _part(data_type: DataType, part: str, shared: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    return {
        "title": f"{data_type.id}/{part}",
        **_object(data_type.part_fields(part), shared, catalogue),
        "x-purpose": data_type.purposes[part],
        "x-laws": _laws(data_type, (part,)),
    }


def _laws(data_type: DataType, present: tuple[str, ...]) -> dict[str, str]:
    return {law: LAWS[law].says for law, needs in data_type.laws if set(needs) <= set(present)}


def _role(role: RoleSource) -> dict[str, Any]:
    """Whose data it is, in words of the data file."""
    found: dict[str, Any] = {"none": True} if role.none else {}
    if role.field:
        found["field"] = role.field
    if role.means:
        found["means"] = {code: meant.value for code, meant in role.means}
    if role.fixed:
        found["fixed"] = role.fixed.value
    if role.add:
        found["add"] = [{"role": added.value, "where": name, "is": list(them)} for added, name, them in role.add]
    if role.born:
        found["born"] = list(role.born)
    return found


def _object(fields: Mapping[str, Field], shared: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: _field(spec, shared, catalogue) for name, spec in fields.items()},
        "required": [name for name, spec in fields.items() if spec.required],
        "additionalProperties": False,
    }


def _field(spec: Field, shared: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    one = _one(spec, shared, catalogue)
    if spec.many:
        least = max(spec.at_least, int(spec.required))
        one = {"type": "array", "items": one, "maxItems": values.LIST_LENGTH, **({"minItems": least} if least else {})}
    about: dict[str, Any] = {}
    if spec.note:
        about["description"] = spec.note
    if spec.parts:
        about["x-parts"] = list(spec.parts)
    if spec.flags:
        about["x-flags"] = sorted(spec.flags)
    if spec.flags_if:
        about["x-flags-if"] = {condition: sorted(flags) for condition, flags in spec.flags_if}
    if spec.refers:
        about["x-refers"] = list(spec.refers)
    if spec.whose is not None:
        about["x-whose"] = _role(spec.whose)
    if spec.special:
        about["x-special-category"] = spec.special
    if spec.never_leaves:
        about["x-never-leaves"] = True
    return {**one, **about}


def _one(spec: Field, shared: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    if spec.fields:
        return _object(spec.fields, shared, catalogue)
    if spec.kind == "code":
        return _code(spec, shared, catalogue)
    if spec.kind in ("str", "text") and spec.pattern is None:
        longest = values.STR_LENGTH if spec.kind == "str" else values.TEXT_BYTES
        return {"type": "string", "maxLength": longest, "pattern": _STR if spec.kind == "str" else _TEXT}
    if spec.kind == "int":
        return {"type": "integer", "minimum": spec.low, "maximum": spec.high}
    if spec.kind == "number":
        return {"type": "number", "minimum": spec.low, "maximum": spec.high}
    if spec.kind == "bool":
        return {"type": "boolean"}
    if spec.kind == "tri":
        return {"enum": [True, False, "unknown"]}
    if spec.kind == "period":
        time = _shape("time", shared)
        return {"type": "array", "prefixItems": [time, time], "items": False, "minItems": 2}
    return _shape(spec.pattern or spec.kind, shared)


def _shape(name: str, shared: dict[str, Any]) -> dict[str, Any]:
    """A string of a named shape; each shape stands once, under $defs."""
    key = f"shape-{name}"
    shared[key] = {
        "type": "string",
        "description": values.expects("str", name, 0, 0),
        "pattern": f"^(?:{_EXACT.get(name) or _portable(values.shape(name))}){_END}",
    }
    return {"$ref": f"#/$defs/{key}"}


def _portable(shape: str) -> str:
    """The same regular expression with escapes that every dialect knows."""
    return re.sub(r"\\x([0-9a-f]{2})", r"\\u00\1", shape)


def _code(spec: Field, shared: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    listed = catalogue.codes.get(spec.code_list)
    codes = [code for code in listed.codes if code in spec.codes] if listed else sorted(spec.codes)
    if len(codes) == 1 and not spec.open_codes:
        return {"const": codes[0]}
    one: dict[str, Any] = {"enum": codes}
    if spec.open_codes:
        one = {"anyOf": [one, {"type": "string", "pattern": f"^(?:{spec.open_codes}){_END}"}]}
    if listed and len(codes) > _SHARED:
        key = f"codes-{spec.code_list}"
        shared[key] = {"description": listed.source, **one}
        return {"$ref": f"#/$defs/{key}"}
    return one
