"""Read the catalogue's data files once and make models of them. The format is described in README.md beside this file.

`load()` returns the one immutable `Catalogue` of this installation. A data file that names an unknown key, condition,
law, code list, part or role stops the loading with `CatalogueBroken`: silence in a safety file is a fault, not a
default.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

import yaml

from messages.catalogue import kinds, values
from messages.catalogue.conditions import CONDITIONS
from messages.catalogue.datatype import GENERALISE, PURPOSES, DataType, Field, RoleSource
from messages.catalogue.kinds import MessageKind
from messages.catalogue.laws import LAWS
from messages.errors import ContentRefused
from messages.labels import Flag, HCode, Kind, PartyClass, Role, Tlp

TYPE_IDS: Final = tuple(f"A{number:02d}" for number in range(1, 29))
RELEASES: Final = frozenset({"full", "redacted", "coded", "referral"})

_FIELD_KEYS: Final = frozenset(
    {
        "type",
        "required",
        "part",
        "flags",
        "flags_if",
        "pattern",
        "min",
        "max",
        "at_least",
        "identifies",
        "key",
        "never_leaves",
        "generalise",
        "note",
        "fields",
    }
)
_TYPE_KEYS: Final = frozenset(
    {
        "id",
        "name",
        "title",
        "version",
        "carries",
        "source",
        "basis",
        "defaults",
        "receivers",
        "receivers_note",
        "media",
        "role",
        "parts",
        "fields",
        "refused",
        "laws",
        "require",
    }
)


class CatalogueBroken(Exception):
    """A data file of the catalogue is wrong: a fault of this program, never of a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeList:
    """A closed list of codes, where it comes from, and what each code means in words."""

    name: str
    source: str
    codes: Mapping[str, str]
    open: str | None = None  # a regular expression for locally defined codes

    def __contains__(self, code: object) -> bool:
        return code in self.codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All data types, code lists and message kinds of this installation; `digest` covers every data file."""

    version: str
    types: Mapping[str, DataType]
    codes: Mapping[str, CodeList]
    kinds: Mapping[Kind, MessageKind]
    digest: str

    def type(self, identifier: object) -> DataType:
        """The data type with this id, or `ContentRefused`: anything that is not a listed type is refused."""
        found = self.types.get(identifier) if isinstance(identifier, str) else None
        if found is None:
            known = ", ".join(self.types)
            raise ContentRefused(f"This is not a data type of the catalogue; it has {known}.")
        return found


@cache
def load() -> Catalogue:
    """The catalogue, read from the packaged data files on the first call."""
    return build(_packaged())


def catalogue_texts() -> dict[str, str]:
    """The packaged data files by name, as officers sign them."""
    return {name: data.decode() for name, data in sorted(_packaged().items())}


def _packaged() -> dict[str, bytes]:
    folder = files("messages.catalogue")
    return {item.name: item.read_bytes() for item in folder.iterdir() if item.name.endswith(".yaml")}


def build(raw: Mapping[str, bytes]) -> Catalogue:
    """Make a catalogue from the bytes of its files by name; raise `CatalogueBroken` for any fault in them."""
    try:
        return _build(raw)
    except (KeyError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise CatalogueBroken(f"The catalogue's data files do not load: {error}") from error


def _build(raw: Mapping[str, bytes]) -> Catalogue:
    texts = {name: _yaml(data) for name, data in raw.items()}
    codes = _codes(texts["codes.yaml"])
    common = texts["common.yaml"]
    structures: dict[str, Mapping[str, Field]] = {}
    for name, spec in common["structures"].items():
        structures[name] = _fields(spec["fields"], codes, structures, ())
    shared = _fields(common["fields"], codes, structures, ())
    type_files = sorted(name for name in texts if name[:-5] in TYPE_IDS)
    drafts = [_type(texts[name], shared, codes, structures) for name in type_files]
    vocabulary = frozenset(_names(shared.values())) | {
        word for draft in drafts for word in (*_names(draft.own.values()), *draft.refused)
    }
    types = {draft.id: replace(draft, vocabulary=vocabulary) for draft in drafts}
    if [f"{identifier}.yaml" for identifier in types] != type_files:
        raise CatalogueBroken("A data type's file is not named for its id.")
    digest = hashlib.sha256()
    for name in sorted(raw):
        digest.update(b"%d %b %d %b" % (len(name.encode()), name.encode(), len(raw[name]), raw[name]))
    return Catalogue(
        version=common["version"],
        types=MappingProxyType(types),
        codes=MappingProxyType(codes),
        kinds=MappingProxyType(kinds.read(texts["kinds.yaml"], texts["cover.yaml"], TYPE_IDS)),
        digest=digest.hexdigest(),
    )


_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # five times faster where it exists


class _Unique(_Loader):  # type: ignore[valid-type,misc]
    """A key written twice is a fault: the second would silently replace the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(set(keys)) != len(keys):
            raise CatalogueBroken(f"A key is written twice near line {node.start_mark.line + 1}.")
        return dict(super().construct_mapping(node, deep=deep))


def _yaml(data: bytes) -> Any:
    return yaml.load(data, Loader=_Unique)  # noqa: S506  a SafeLoader that also refuses repeated keys


def _codes(text: Mapping[str, Any]) -> dict[str, CodeList]:
    found = {}
    for name, spec in text.items():
        codes = spec["codes"]
        if isinstance(codes, str):  # words separated by space that need no explanation
            codes = dict.fromkeys(codes.split(), "")
        if not codes or not all(isinstance(code, str) and isinstance(says, str) for code, says in codes.items()):
            raise CatalogueBroken(f"The code list {name} holds something that is not a string.")
        found[name] = CodeList(
            name=name, source=spec["source"], codes=MappingProxyType(dict(codes)), open=spec.get("open")
        )
    return found


def _fields(
    text: Mapping[str, Any],
    codes: Mapping[str, CodeList],
    structures: Mapping[str, Mapping[str, Field]],
    parts: tuple[str, ...],
) -> Mapping[str, Field]:
    return MappingProxyType({name: _field(name, spec, codes, structures, parts) for name, spec in text.items()})


def _field(
    name: str,
    spec: Mapping[str, Any],
    codes: Mapping[str, CodeList],
    structures: Mapping[str, Mapping[str, Field]],
    parts: tuple[str, ...],
) -> Field:
    if unknown := set(spec) - _FIELD_KEYS:
        raise CatalogueBroken(f"{name}: unknown keys {sorted(unknown)}.")
    kind = spec["type"]
    many = kind.endswith("[]")
    kind = kind.removesuffix("[]")
    kind, _, argument = kind.partition("(")
    argument = argument.removesuffix(")")
    nested: Mapping[str, Field] = {}
    if kind == "object":
        nested = _fields(spec["fields"], codes, structures, parts)
    elif kind in structures:
        nested = structures[kind]
    elif kind not in values.SCALARS:
        raise CatalogueBroken(f"{name}: unknown type of value {kind}.")
    here = spec.get("part", ())
    here = tuple(parts) if here == "all" else ((here,) if isinstance(here, str) else tuple(here))
    if not set(here) <= set(parts):
        raise CatalogueBroken(f"{name}: unknown part.")
    pattern = spec.get("pattern")
    rule = spec.get("generalise", "default")
    conditions = spec.get("flags_if", {})
    if (
        (pattern is not None and pattern not in values.PATTERNS)
        or rule not in GENERALISE
        or not set(conditions) <= set(CONDITIONS)
    ):
        raise CatalogueBroken(f"{name}: unknown pattern, rule of generalising or condition.")
    listed = codes[argument] if kind == "code" else None
    return Field(
        name=name,
        kind=kind,
        many=many,
        required=bool(spec.get("required", False)),
        parts=here,
        flags=_flags(spec.get("flags", "")),
        flags_if=tuple((condition, _flags(flags)) for condition, flags in conditions.items()),
        code_list=argument if listed else "",
        codes=frozenset(listed.codes) if listed else frozenset(),
        open_codes=listed.open if listed else None,
        pattern=pattern,
        refers=_references(argument) if kind == "ref" else (),
        fields=nested,
        low=spec.get("min", 0),
        high=spec.get("max", values.INT_MAX),
        at_least=spec.get("at_least", 0),
        identifies=bool(spec.get("identifies", False)),
        key=bool(spec.get("key", False)),
        never_leaves=bool(spec.get("never_leaves", False)),
        generalise=rule,
        note=spec.get("note", ""),
    )


def _flags(text: str) -> frozenset[Flag]:
    """Flags as they are written in the catalogue: one string of letters, like "D L"."""
    return frozenset(Flag(letter) for letter in text.split())


def _references(argument: str) -> tuple[str, ...]:
    """The types a reference may point at: "A02", "A02 A03", or a range "A02..A16"."""
    if ".." in argument:
        first, last = argument.split("..")
        return TYPE_IDS[TYPE_IDS.index(first) : TYPE_IDS.index(last) + 1]
    found = tuple(argument.split())
    if not set(found) <= set(TYPE_IDS):
        raise CatalogueBroken(f"A reference names a type that does not exist: {argument}.")
    return found


def _type(
    text: Mapping[str, Any],
    shared: Mapping[str, Field],
    codes: Mapping[str, CodeList],
    structures: Mapping[str, Mapping[str, Field]],
) -> DataType:
    identifier = text["id"]
    if unknown := set(text) - _TYPE_KEYS:
        raise CatalogueBroken(f"{identifier}: unknown keys {sorted(unknown)}.")
    parts = tuple(text["parts"])
    purposes = dict(text["parts"])
    if not set(purposes.values()) <= PURPOSES:
        raise CatalogueBroken(f"{identifier}: unknown purpose of a part.")
    own = _fields(text["fields"], codes, structures, parts)
    for field in own.values():
        if bool(field.parts) == field.never_leaves:
            raise CatalogueBroken(f"{identifier}.{field.name}: needs a part, or never_leaves, and not both.")
    role = _role(text["role"])
    for name in (*role.fields, *role.born):
        if name not in own or (name in role.fields and own[name].parts != parts):
            raise CatalogueBroken(f"{identifier}.{name} decides roles, so it must stand in every part.")
    laws = tuple((law, tuple([needs] if isinstance(needs, str) else needs)) for law, needs in text["laws"].items())
    for law, needs in laws:
        if law not in LAWS or not set(needs) <= set(parts):
            raise CatalogueBroken(f"{identifier}: unknown law or part: {law}.")
    common = dict(shared)
    common["type"] = replace(
        shared["type"], kind="code", codes=frozenset({identifier}), code_list="data types", pattern=None
    )
    common["version"] = replace(
        shared["version"], kind="code", codes=frozenset({text["version"]}), code_list="versions", pattern=None
    )
    for name in text.get("require", ()):
        common[name] = replace(shared[name], required=True)
    if clash := set(common) & set(own):
        raise CatalogueBroken(f"{identifier}: {sorted(clash)} are common fields already.")
    receivers = {PartyClass(party): how for party, how in text["receivers"].items()}
    if not set(receivers.values()) <= RELEASES:
        raise CatalogueBroken(f"{identifier}: unknown way of release.")
    return DataType(
        id=identifier,
        name=text["name"],
        title=text["title"],
        version=text["version"],
        carries=text["carries"],
        source=tuple(text["source"]),
        basis=tuple(text["basis"]),
        tlp=Tlp(text["defaults"]["tlp"]),
        h=HCode(text["defaults"]["h"]),
        receivers=MappingProxyType(receivers),
        receivers_note=text.get("receivers_note", ""),
        media=tuple(text.get("media", ("application/json",))),
        role=role,
        parts=parts,
        purposes=MappingProxyType(purposes),
        common=MappingProxyType(common),
        own=own,
        refused=MappingProxyType(dict(text.get("refused", {}))),
        laws=laws,
        vocabulary=frozenset(),
    )


def _role(text: Any) -> RoleSource:
    if text == "none":
        return RoleSource(none=True)
    if set(text) - {"field", "fixed", "add", "born"} or ("field" in text) == ("fixed" in text):
        raise CatalogueBroken("A role is none, or comes from a field, or is fixed.")
    add = tuple(
        (Role(role), name, tuple(triggers))
        for role, fields in text.get("add", {}).items()
        for name, triggers in fields.items()
    )
    return RoleSource(
        field=text.get("field", ""),
        fixed=Role(text["fixed"]) if "fixed" in text else None,
        add=add,
        born=tuple(text.get("born", ())),
    )


def _names(fields: Iterable[Field]) -> Iterable[str]:
    for field in fields:
        yield field.name
        yield from _names(field.fields.values())
