"""A `DataType` is one entry of the catalogue: what may be said, in which part, and what each field can do to a person.

Promised: `validate` and `validate_part` return a fresh, JSON-ready copy or raise `ContentRefused`, whose sentence names
the type, the path and what was expected, never what was found. A field outside the catalogue is refused, never dropped.
The other operations take what `validate` or `validate_part` returned; given anything else they refuse or count it as
the more dangerous reading.

Parts. An object is cut into parts that are sealed separately. Each part carries the common fields and the fields that
decide whose data it is (`Field.parts` holds every part a field stands in), so that each section can be judged alone.

Flags. They count only while a role of the object is protected (`Role.protected`), or where the type says nothing of
roles at all. Items of a list may be about other people than the object (`Field.whose`): their flags count while one of
their own roles is protected too. Whatever the roles, a free-form string adds D until somebody searched it
(`text_cleared`).

No object embeds a picture, a sound or a film: a string that holds one as text is refused (R-24).

Not checked here: who may receive what (policies), whether a text names somebody (the guard), what must hold between
several objects (`across`), and whether the bytes of a file are what they claim to be (`media`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainValidator, Strict, ValidationError, create_model
from pydantic import Field as ModelField

from messages.catalogue import values
from messages.catalogue.conditions import CONDITIONS
from messages.catalogue.law import Broken
from messages.catalogue.laws import LAWS
from messages.errors import ContentRefused
from messages.labels import Flag, HCode, PartyClass, Role, Tlp

PURPOSES: Final = frozenset({"facts", "text", "identity", "sealed"})
GENERALISE: Final = frozenset(
    {"default", "keep", "drop", "month", "region", "small-count", "unspecified", "age-band", "name", "day"}
)
SPECIAL: Final = frozenset(
    {
        "racial-or-ethnic-origin",
        "political-opinions",
        "religion-or-belief",
        "trade-union",
        "genetic",
        "biometric",
        "health",
        "sex-life-or-orientation",
    }
)
"""Special categories of personal data (GDPR art. 9, LED art. 10), by which R-20 lists the fields that hold them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSource:
    """Where an object, or an item of a list, says whose data it is: in a field, fixed, by what it adds, or nowhere."""

    none: bool = False
    field: str = ""
    means: tuple[tuple[str, Role], ...] = ()  # codes of that field that are no role by their own name
    fixed: Role | None = None
    add: tuple[tuple[Role, str, tuple[object, ...]], ...] = ()  # (role, field, values that add it; None: absent)
    born: tuple[str, ...] = ()  # dates of birth: under 18 at `created` adds `child`

    @property
    def fields(self) -> frozenset[str]:
        """Fields that decide roles and therefore stand in every part (dates of birth stay where they are)."""
        return frozenset({self.field} - {""}) | {name for _, name, _ in self.add}

    @property
    def may_be_nobody(self) -> bool:
        """Whether an object may say that it is about nobody: a body, a number, a place where nobody is."""
        return self.none or not (self.field or self.fixed)

    def roles(self, obj: Mapping[str, Any]) -> frozenset[Role]:
        """The roles that `obj` itself tells; anything unclear is `unknown`."""
        if self.none:
            return frozenset()
        found: set[Role] = set() if self.fixed is None else {self.fixed}
        if self.field:
            found.add(self._told(obj.get(self.field, Role.UNKNOWN)))
        for role, name, triggers in self.add:
            value = obj.get(name)
            if any(value is trigger or (isinstance(value, str) and value == trigger) for trigger in triggers):
                found.add(role)
        if any(values.may_be_minor(obj[name], obj.get("created")) for name in self.born if name in obj):
            found.add(Role.CHILD)
        return frozenset(found)

    def _told(self, value: object) -> Role:
        for code, role in self.means:
            if value == code:
                return role
        try:
            return Role(value)  # type: ignore[arg-type]
        except ValueError:
            return Role.UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field. `kind` is the type of value without `[]`; `fields` are those of an object kind.

    `whose`: the items are about other people than the object, and say so themselves. `special`: the special category of
    personal data that it holds (R-20).
    """

    name: str
    kind: str
    many: bool = False
    required: bool = False
    parts: tuple[str, ...] = ()
    flags: frozenset[Flag] = frozenset()
    flags_if: tuple[tuple[str, frozenset[Flag]], ...] = ()
    code_list: str = ""
    codes: frozenset[str] = frozenset()
    open_codes: str | None = None
    pattern: str | None = None
    refers: tuple[str, ...] = ()
    fields: Mapping[str, "Field"] = field(default_factory=dict)
    low: int = 0
    high: int = values.INT_MAX
    at_least: int = 0
    identifies: bool = False
    key: bool = False
    never_leaves: bool = False
    whose: RoleSource | None = None
    special: str = ""
    generalise: str = "default"
    says: str = ""
    note: str = ""

    @property
    def free(self) -> bool:
        """Whether the value is a free-form string: nothing bounds what a person may write into it."""
        return self.kind in ("str", "text") and self.pattern is None

    @property
    def expects(self) -> str:
        """What an error says was expected."""
        if self.kind == "code":
            few = len(self.codes) <= 20
            one = f"one of {', '.join(sorted(self.codes))}" if few else f"a code of the list {self.code_list}"
            one = one if len(self.codes) > 1 else next(iter(self.codes))
        elif self.fields:
            one = f"an object with the fields {', '.join(sorted(self.fields))}"
        else:
            one = values.expects(self.kind, self.pattern, self.low, self.high)
        if not self.many:
            return one
        return f"a list of {max(self.at_least, int(self.required))} to {values.LIST_LENGTH} entries, each {one}"

    def items(self, value: object) -> list[object]:
        """The values to look at one by one: those of a list, or the value itself."""
        return list(value) if self.many and isinstance(value, list | tuple) else [value]

    def flags_of(self, value: object) -> frozenset[Flag]:
        """Flags of the field itself for this value, conditions judged, nested fields not included."""
        found = set(self.flags)
        for condition, extra in self.flags_if:
            if any(CONDITIONS[condition](item) for item in self.items(value)):
                found |= extra
        return frozenset(found)

    @cached_property
    def may_hold_text(self) -> bool:
        return self.free or any(inner.may_hold_text for inner in self.fields.values())

    @cached_property
    def may_embed(self) -> bool:
        """Whether there is room for a file written as text."""
        return self.kind == "text" or any(inner.may_embed for inner in self.fields.values())


@dataclass(frozen=True, kw_only=True)
class DataType:
    """One data type of the catalogue; see the module's docstring for what its methods promise."""

    id: str
    name: str
    title: str
    version: str
    carries: str
    source: tuple[str, ...]
    basis: tuple[str, ...]
    tlp: Tlp
    h: HCode
    receivers: Mapping[PartyClass, str]
    receivers_note: str
    only: Mapping[PartyClass, tuple[str, ...]]
    media_limits: Mapping[str, int]
    role: RoleSource
    parts: tuple[str, ...]
    purposes: Mapping[str, str]
    common: Mapping[str, Field]
    own: Mapping[str, Field]
    refused: Mapping[str, str]
    laws: tuple[tuple[str, tuple[str, ...]], ...]
    vocabulary: frozenset[str]

    @property
    def defaults(self) -> tuple[Tlp, HCode]:
        """Default handling: (TLP, H-code)."""
        return self.tlp, self.h

    @property
    def media(self) -> tuple[str, ...]:
        """The media types that content of this type may have; `media_limits` says how many bytes of each."""
        return tuple(self.media_limits)

    def parts_for(self, party_class: PartyClass) -> tuple[str, ...]:
        """The parts that a class may receive at all: none if it is no receiver, all unless `only` says so."""
        if party_class not in self.receivers:
            return ()
        return self.only.get(party_class, self.parts)

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """Common fields and own fields by name."""
        return MappingProxyType({**self.common, **self.own})

    @cached_property
    def model(self) -> type[BaseModel]:
        """The pydantic model of a whole object, made from the data file: strict, nothing extra."""
        return _model(self.id, self.fields)

    @cached_property
    def part_models(self) -> Mapping[str, type[BaseModel]]:
        """The pydantic model of each part."""
        return MappingProxyType({part: _model(f"{self.id}_{part}", self.part_fields(part)) for part in self.parts})

    def part_fields(self, part: str) -> Mapping[str, Field]:
        """The fields that may stand in a section of this part: common ones and the part's, nested ones cut to it."""
        self._known(part)
        return self._cut_fields[part]

    @cached_property
    def _cut_fields(self) -> Mapping[str, Mapping[str, Field]]:
        return {
            part: MappingProxyType(
                {**self.common, **{n: _cut(spec, part) for n, spec in self.own.items() if part in spec.parts}}
            )
            for part in self.parts
        }

    def has_free_text(self, part: str) -> bool:
        """Whether a section of this part may hold a free-form string at all."""
        return any(spec.may_hold_text for spec in self.part_fields(part).values())

    def identity_part(self, part: str) -> bool:
        """Whether the part exists to hold identity or sealed data, so that it is what must not appear elsewhere."""
        self._known(part)
        return self.purposes[part] in ("identity", "sealed")

    # -- checking ------------------------------------------------------------------------------------------------

    def validate(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Return the whole object, checked and copied, or raise `ContentRefused`."""
        checked = self._check(self.model, self.fields, obj)
        self._obey(checked, self.parts)
        return checked

    def validate_part(self, part: str, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Return the object as it stands in one section, checked and copied, or raise `ContentRefused`."""
        allowed = self.part_fields(part)
        checked = self._check(self.part_models[part], allowed, obj)
        self._obey(checked, (part,))
        return checked

    def split(self, obj: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Cut a validated object into its sections; a part with nothing of its own is left out, except the first.

        A field marked `never_leaves` stands in no section; `withheld_by_originator` names those that were there.
        """
        sections: dict[str, dict[str, Any]] = {}
        for part in self.parts:
            allowed = self.part_fields(part)
            section: dict[str, Any] = {}
            holds_own = part == self.parts[0]
            for name, value in obj.items():
                spec = allowed.get(name)
                if spec is None:
                    continue
                kept, own = _cut_value(self.fields[name], spec, value, part)
                if kept is not None:
                    section[name] = kept
                    holds_own = holds_own or own
            if holds_own:
                sections[part] = section
        return sections

    def join(self, sections: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Put sections of one object together again, in the order of the parts; the later one fills, never replaces."""
        whole: dict[str, Any] = {}
        for part in self.parts:
            for name, value in sections.get(part, {}).items():
                whole[name] = _merge(whole[name], value) if name in whole else _copy(value)
        return whole

    def withheld_by_originator(self, obj: Mapping[str, Any]) -> tuple[str, ...]:
        """Fields of this object that never leave their originator: what a composer has to say that it dropped."""
        return tuple(name for name in obj if name in self.own and self.own[name].never_leaves)

    # -- roles and flags -----------------------------------------------------------------------------------------

    def roles(self, obj: Mapping[str, Any]) -> frozenset[Role]:
        """Whose data it is, the people of its lists included. A type that says nothing of persons has none."""
        return self.subject(obj) | frozenset(
            role
            for name, value in obj.items()
            if name in self.own
            for item in self.own[name].items(value)
            for role in whose(self.own[name], item)
        )

    def subject(self, obj: Mapping[str, Any]) -> frozenset[Role]:
        """Whose data the object itself is, without the people of its lists; anything unclear is `unknown`."""
        return self.role.roles(obj)

    def flags(
        self,
        part: str,
        obj: Mapping[str, Any],
        roles: frozenset[Role] | None = None,
        *,
        text_cleared: bool = False,
    ) -> frozenset[Flag]:
        """Flags of what really stands in this part of `obj` (a whole object or one section).

        `roles` may be passed in where the caller knows more than this section; they add to what the section says
        itself. With `text_cleared` (somebody searched every string and says so) a free-form string counts only for
        what its field means: a name stays D, a narrative does not.
        """
        allowed = self.part_fields(part)
        known = self.subject(obj) | (roles or frozenset())
        active = self.role.none or any(role.protected for role in known)
        found: set[Flag] = set()
        for name, value in obj.items():
            spec = allowed.get(name)
            if spec is not None:
                kept, _ = _cut_value(self.fields[name], spec, value, part)
                if kept is not None:
                    found |= _flags(spec, kept, active=active, text_cleared=text_cleared)
            elif name not in self.fields:
                raise ContentRefused(f"{self.id}: {self._unknown(name, '')}")
        return frozenset(found)

    # -- strings -------------------------------------------------------------------------------------------------

    def strings(self, obj: Mapping[str, Any]) -> Iterator[tuple[str, Field, str]]:
        """Every string anywhere in the object, codes and ids included: (path, field, string)."""
        for name, value in obj.items():
            spec = self.fields.get(name)
            if spec is None:
                raise ContentRefused(f"{self.id}: {self._unknown(name, '')}")
            yield from _strings(self.id, name, spec, value)

    def free_strings(self, obj: Mapping[str, Any]) -> Iterator[tuple[str, Field, str]]:
        """Every free-form string: what a text pass reads and may replace."""
        return ((path, spec, text) for path, spec, text in self.strings(obj) if spec.free)

    def map_text(self, obj: Mapping[str, Any], fn: Callable[[str], str]) -> dict[str, Any]:
        """A copy of the object with `fn` applied to each free-form string; check it again before it is sealed."""
        return {
            name: _map(self.fields[name], value, fn) if name in self.fields else _copy(value)
            for name, value in obj.items()
        }

    # -- inside --------------------------------------------------------------------------------------------------

    def _known(self, part: str) -> None:
        if part not in self.parts:
            raise ContentRefused(f"{self.id} has no such part; its parts are {', '.join(self.parts)}.")

    def _check(self, model: type[BaseModel], allowed: Mapping[str, Field], obj: Mapping[str, Any]) -> dict[str, Any]:
        if not isinstance(obj, Mapping):
            raise ContentRefused(f"{self.id}: expected an object with the fields of {self.name}.")
        try:
            checked = model.model_validate(dict(obj))
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            raise ContentRefused(f"{self.id}{self._sentence(allowed, first['loc'], first['type'])}") from None
        except (ValueError, TypeError, RecursionError):
            raise ContentRefused(f"{self.id}: expected an object with the fields of {self.name}.") from None
        dumped: dict[str, Any] = checked.model_dump(exclude_unset=True)
        for name, value in dumped.items():
            if allowed[name].may_embed:
                self._refuse_embedded(_strings(self.id, name, allowed[name], value))
        return dumped

    def _refuse_embedded(self, strings: Iterator[tuple[str, Field, str]]) -> None:
        for path, spec, text in strings:
            if spec.kind == "text" and values.embeds(text):
                raise ContentRefused(
                    f"{self.id}.{path}: pictures, sound and films are never embedded in text (R-24); name the exhibit "
                    "and its hash."
                )

    def _sentence(self, allowed: Mapping[str, Field], loc: tuple[int | str, ...], kind: str) -> str:
        path = ""
        level = allowed
        spec: Field | None = None
        for step in loc:
            if isinstance(step, int):
                path += f"[{step}]"
                if spec is not None and spec.many:
                    spec = _single(spec)
            elif step in level:
                spec = level[step]
                path += f".{step}"
                level = spec.fields
            else:
                return f"{path}: {self._unknown(step, path)}"
        if spec is None:
            return f": expected an object with the fields of {self.name}."
        if kind == "missing":
            return f"{path} is required: {spec.expects}."
        return f"{path}: expected {spec.expects}."

    def _unknown(self, name: object, path: str) -> str:
        """A field outside the catalogue. Its name is shown only if it is a word of ours: names can hold names."""
        if not path and isinstance(name, str) and name in self.refused:
            return f"the field {name} is not permitted here. {self.refused[name]}"
        if isinstance(name, str) and name in self.vocabulary:
            return f"the field {name} is not permitted here; a field outside the catalogue is refused, never dropped."
        return "there is a field that is not in the catalogue; it is refused, never dropped."

    def _obey(self, checked: Mapping[str, Any], present: tuple[str, ...]) -> None:
        for law, needs in self.laws:
            if set(needs) <= set(present):
                try:
                    LAWS[law].check(checked)
                except Broken as broken:
                    raise ContentRefused(f"{self.id}: {broken}") from None


def whose(spec: Field, item: object) -> frozenset[Role]:
    """The roles of one item of a list of other people; none for a field that is not such a list."""
    if spec.whose is None:
        return frozenset()
    return spec.whose.roles(item) if isinstance(item, Mapping) else frozenset({Role.UNKNOWN})


def _single(spec: Field) -> Field:
    return replace(spec, many=False)


def _cut(spec: Field, part: str) -> Field:
    """The field as it stands in this part: nested fields that belong to another part are gone."""
    if not any(inner.parts for inner in spec.fields.values()):
        return spec
    kept = {n: inner for n, inner in spec.fields.items() if inner.key or part in (inner.parts or spec.parts[:1])}
    return replace(spec, fields=MappingProxyType(kept))


def _cut_value(whole: Field, cut: Field, value: Any, part: str) -> tuple[Any, bool]:
    """The value cut to a part, and whether it is a reason to have that section; None if nothing is left."""
    if len(cut.fields) == len(whole.fields):
        return _copy(value), whole.parts == (part,)
    kept = [
        {name: _copy(inner) for name, inner in item.items() if name in cut.fields}
        for item in whole.items(value)
        if isinstance(item, Mapping)
    ]
    if part != whole.parts[0] and not any(not cut.fields[name].key for item in kept for name in item):
        return None, False
    return (kept if whole.many else kept[0]), True


def _merge(first: Any, second: Any) -> Any:
    if isinstance(first, dict) and isinstance(second, Mapping):
        return {**first, **{name: _copy(value) for name, value in second.items() if name not in first}}
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        return [_merge(one, other) for one, other in zip(first, second, strict=True)]
    return first


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _copy(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(inner) for inner in value]
    return value


def _flags(spec: Field, value: Any, *, active: bool, text_cleared: bool) -> set[Flag]:
    if spec.whose is not None:
        return {
            flag
            for item in spec.items(value)
            for flag in _flags(
                replace(spec, whose=None, many=False),
                item,
                active=active or any(role.protected for role in whose(spec, item)),
                text_cleared=text_cleared,
            )
        }
    found: set[Flag] = set()
    if active:
        found |= spec.flags_of(value)
        if text_cleared and spec.kind == "text" and not spec.identifies:
            found.discard(Flag.DIRECT)
    if spec.free and not text_cleared and any(True for _ in spec.items(value)):
        found.add(Flag.DIRECT)
    for item in spec.items(value):
        if isinstance(item, Mapping):
            for name, inner in item.items():
                if name in spec.fields:
                    found |= _flags(spec.fields[name], inner, active=active, text_cleared=text_cleared)
    return found


def _strings(type_id: str, path: str, spec: Field, value: Any) -> Iterator[tuple[str, Field, str]]:
    if isinstance(value, str):
        yield path, spec, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in spec.fields:
                raise ContentRefused(f"{type_id}.{path}: there is a field that is not in the catalogue.")
            yield from _strings(type_id, f"{path}.{name}", spec.fields[name], inner)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _strings(type_id, f"{path}[{index}]", spec, inner)


def _map(spec: Field, value: Any, fn: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return fn(value) if spec.free else value
    if isinstance(value, Mapping):
        return {
            name: _map(spec.fields[name], inner, fn) if name in spec.fields else _copy(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_map(spec, inner, fn) for inner in value]
    return value


def _model(name: str, fields: Mapping[str, Field]) -> type[BaseModel]:
    definitions: dict[str, Any] = {
        spec.name: (_annotation(name, spec), ... if spec.required else None) for spec in fields.values()
    }
    return create_model(
        name,
        __config__=ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True),
        **definitions,
    )


def _annotation(owner: str, spec: Field) -> Any:
    one: Any
    if spec.fields:
        one = _model(f"{owner}_{spec.name}", spec.fields)
    elif spec.kind == "code":
        one = Annotated[str, Strict(), AfterValidator(values.check_code(spec.codes, spec.open_codes))]
    elif spec.kind in ("str", "text"):
        check = values.check_shape(spec.pattern) if spec.pattern else getattr(values, f"check_{spec.kind}")
        one = Annotated[str, Strict(), AfterValidator(check)]
    elif spec.kind == "int":
        one = Annotated[int, Strict(), AfterValidator(values.check_range(spec.low, spec.high))]
    elif spec.kind == "number":
        one = Annotated[float, Strict(), AfterValidator(values.check_range(spec.low, spec.high))]
    elif spec.kind == "bool":
        one = Annotated[bool, Strict()]
    elif spec.kind == "tri":
        one = Annotated[Any, PlainValidator(values.check_tri)]
    elif spec.kind == "period":
        one = Annotated[Any, PlainValidator(values.check_period)]
    else:
        one = Annotated[str, Strict(), AfterValidator(values.check_shape(spec.kind))]
    if not spec.many:
        return one
    least = max(spec.at_least, int(spec.required))
    return Annotated[list[one], Strict(), ModelField(min_length=least, max_length=values.LIST_LENGTH)]
