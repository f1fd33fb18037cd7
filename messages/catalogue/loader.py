"""Read the catalogue's data files once and make models of them. The format is described in README.md beside this file.

`load()` returns the one immutable `Catalogue` of this installation. A data file that names an unknown key, condition,
law, code list, part or role stops the loading with `CatalogueBroken`: silence in a safety file is a fault, not a
default.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

import yaml

from messages.catalogue import kinds, values
from messages.catalogue.conditions import CONDITIONS
from messages.catalogue.datatype import GENERALISE, PURPOSES, SPECIAL, DataType, Field, RoleSource
from messages.catalogue.kinds import MessageKind
from messages.catalogue.laws import LAWS
from messages.catalogue.media import MEDIA
from messages.errors import ContentRefused
from messages.labels import Flag, HCode, Kind, PartyClass, Role, Tlp
from messages.limits import SECTION_BYTES

TYPE_IDS: Final = tuple(f"A{number:02d}" for number in range(1, 29))
RELEASES: Final = frozenset({"full", "redacted", "coded", "referral"})
STATES: Final[Mapping[str, str]] = MappingProxyType(
    {"V": "read in its source", "R": "recalled, to be checked against the source", "P": "our own proposal"}
)
"""How sure each code list is; a code may have a state of its own."""
ATTRIBUTES: Final = frozenset(
    {"says", "state", "source", "limit", "stix", "stix-tlp1", "effect", "mark", "class", "admiralty", "4x4"}
)
"""What a code may say of itself beside its meaning."""

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
        "whose",
        "special",
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
        "only",
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
    """A closed list of codes, where it comes from and how sure that is (`STATES`), and what each code means in words.

    `attributes` has what a code says beside its meaning: a legal time limit, a STIX id, a state or source of its own.
    """

    name: str
    source: str
    state: str
    codes: Mapping[str, str]
    attributes: Mapping[str, Mapping[str, str]]
    note: str = ""
    open: str | None = None  # a regular expression for locally defined codes

    def __contains__(self, code: object) -> bool:
        return code in self.codes

    def state_of(self, code: str) -> str:
        """How sure this code is: its own state, or that of its list."""
        return self.attributes.get(code, {}).get("state", self.state)


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
    codes = _code_files(texts)
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
        kinds=MappingProxyType(
            kinds.read(
                texts["kinds.yaml"], texts["cover.yaml"], TYPE_IDS, {name: found.codes for name, found in codes.items()}
            )
        ),
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


def _code_files(texts: Mapping[str, Any]) -> dict[str, CodeList]:
    found: dict[str, CodeList] = {}
    for name in sorted(texts):
        if name.startswith("codes"):
            lists = _codes(texts[name])
            if twice := sorted(set(lists) & set(found)):
                raise CatalogueBroken(f"The code list {twice[0]} is written twice.")
            found |= lists
    return found


def _codes(text: Mapping[str, Any]) -> dict[str, CodeList]:
    found = {}
    for name, spec in text.items():
        if unknown := set(spec) - {"source", "state", "note", "open", "codes"}:
            raise CatalogueBroken(f"The code list {name} has unknown keys {sorted(unknown)}.")
        codes = spec["codes"]
        if isinstance(codes, str):  # words separated by space that need no explanation
            codes = dict.fromkeys(codes.split(), "")
        attributes = {code: dict(says) for code, says in codes.items() if isinstance(says, dict)}
        says = {
            code: attributes[code].get("says", "") if code in attributes else words for code, words in codes.items()
        }
        words = [*says, *says.values(), *(w for own in attributes.values() for w in (*own, *own.values()))]
        if not codes or not all(isinstance(word, str) for word in words):
            raise CatalogueBroken(f"The code list {name} holds something that is not a string.")
        if any(set(own) - ATTRIBUTES for own in attributes.values()):
            raise CatalogueBroken(f"A code of the list {name} says something of itself that is not known.")
        found[name] = CodeList(
            name=name,
            source=spec["source"],
            state=spec["state"],
            codes=MappingProxyType(says),
            attributes=MappingProxyType({code: MappingProxyType(own) for code, own in attributes.items()}),
            note=spec.get("note", ""),
            open=spec.get("open"),
        )
        if not {found[name].state_of(code) for code in codes} <= set(STATES):
            raise CatalogueBroken(f"The code list {name} has an unknown state.")
        re.compile(found[name].open or "")
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
    special = spec.get("special", "")
    if (
        (pattern is not None and pattern not in values.PATTERNS)
        or rule not in GENERALISE
        or not set(conditions) <= set(CONDITIONS)
        or special not in SPECIAL | {""}
    ):
        raise CatalogueBroken(f"{name}: unknown pattern, rule of generalising, condition or special category.")
    if special and "S" not in f"{spec.get('flags', '')} {' '.join(conditions.values())}":
        raise CatalogueBroken(f"{name}: what holds a special category of personal data has the flag S.")
    listed = codes[argument] if kind == "code" else None
    whose = _role(spec["whose"]) if "whose" in spec else None
    if whose is not None:
        _decides(name, whose, nested)
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
        whose=whose,
        special=special,
        generalise=rule,
        note=spec.get("note", ""),
    )


_CLOSED: Final[Mapping[str, frozenset[object]]] = {
    "tri": frozenset({True, False, "unknown"}),
    "bool": frozenset({True, False}),
}


def _decides(name: str, role: RoleSource, fields: Mapping[str, Field]) -> None:
    """R-01: whoever is spoken of has one category, and it is said: a required field with one code."""
    for decider in (*role.fields, *role.born):
        if decider not in fields:
            raise CatalogueBroken(f"{name}: {decider} decides roles, and there is no such field.")
    triggers = {(role.field, code) for code, _ in role.means} | {(n, t) for _, n, them in role.add for t in them}
    closed: dict[str, frozenset[object]] = {
        "tri": frozenset({True, False, "unknown"}),
        "bool": frozenset({True, False}),
    }
    for decider, value in triggers:
        if value is not None and value not in closed.get(fields[decider].kind, fields[decider].codes):
            raise CatalogueBroken(f"{name}.{decider}: {value} is no value it can have, so it would decide nothing.")
    if role.field and (fields[role.field].many or not fields[role.field].required or fields[role.field].kind != "code"):
        raise CatalogueBroken(f"{name}.{role.field} says whose data it is, so it is required and one code (R-01).")


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
    _decides(identifier, role, own)
    for name in role.fields:
        if own[name].parts != parts:
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
    only = {PartyClass(party): tuple(named) for party, named in text.get("only", {}).items()}
    if not set(only) <= set(receivers) or not all(set(named) <= set(parts) for named in only.values()):
        raise CatalogueBroken(f"{identifier}: only names a class that is no receiver, or an unknown part.")
    media = {"application/json": SECTION_BYTES, **text.get("media", {})}
    if not set(media) <= set(MEDIA) or not all(isinstance(limit, int) and limit > 0 for limit in media.values()):
        raise CatalogueBroken(f"{identifier}: a media type that cannot be checked, or no size.")
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
        only=MappingProxyType(only),
        media_limits=MappingProxyType(media),
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
    if set(text) - {"field", "means", "fixed", "add", "born"} or not {"field", "fixed", "add"} & set(text):
        raise CatalogueBroken("A role is none, or comes from a field, or is fixed, or is what something adds.")
    if ("field" in text and "fixed" in text) or ("means" in text and "field" not in text):
        raise CatalogueBroken("A role comes from a field or is fixed, and only a field needs meanings.")
    add = tuple(
        (Role(role), name, tuple(triggers))
        for role, fields in text.get("add", {}).items()
        for name, triggers in fields.items()
    )
    return RoleSource(
        field=text.get("field", ""),
        means=tuple((code, Role(role)) for code, role in text.get("means", {}).items()),
        fixed=Role(text["fixed"]) if "fixed" in text else None,
        add=add,
        born=tuple(text.get("born", ())),
    )


def _names(fields: Iterable[Field]) -> Iterable[str]:
    for field in fields:
        yield field.name
        yield from _names(field.fields.values())
