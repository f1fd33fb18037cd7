"""Message kinds (CATALOGUE C.2): what each may carry, what its cover must say, when it is due, and what answers it.

`read` makes them of kinds.yaml and cover.yaml, or raises `ValueError` for any fault: an unknown word in a safety file
is a fault, not a default. `MessageKind.check` returns a cover, checked and copied, or raises `ContentRefused`, whose
sentence names kind and field and never what was written. Sender, guard and recipient check with it alike.

Not checked here: what the words say. Whoever may not know the people gets them after a search (the guard).
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from messages.catalogue import values
from messages.errors import ContentRefused, Malformed
from messages.ids import message_from_text
from messages.labels import Kind

ALWAYS: Final = ("operation", "reason", "conditions", "legal_reference", "case_reference", "in_reply_to")
"""Fields that every cover may have, but those of kinds that carry no narrative."""
DRIVERS: Final = frozenset({"intelligence", "rfi", "referral", "evidence", "permission", "none"})
SOURCES: Final = frozenset({"manifest", "objects", "urgency", "thread"})
TEXT: Final = 2_000
TEXTS: Final = 50

_SCALARS: Final = frozenset({"text", "texts", "date", "message", "messages", "agency", "digests", "number", "language"})
_LISTS: Final = frozenset({"texts", "codes", "messages", "digests"})
_SEARCHED: Final = frozenset({"text", "texts", "date"})
_KEYS: Final = frozenset(
    {
        "number", "title", "also", "types", "cover", "may", "when", "computed", "evaluated", "deadline", "reply",
        "answers", "driven_by", "identity", "alone", "plain", "fixed",
    }
)  # fmt: skip
_SAYS: Final = {
    "text": f"text of 1 to {TEXT:,} characters",
    "texts": f"a list of 1 to {TEXTS} texts of at most {TEXT:,} characters each",
    "date": "a day as YYYY-MM-DD",
    "message": "a message's id",
    "messages": f"a list of 1 to {TEXTS} ids of messages",
    "agency": "an agency's handle",
    "digests": f"a list of 1 to {TEXTS} digests in hexadecimal small letters",
    "number": "a whole number in digits",
    "language": "a language code of ISO 639, like en or ron",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """When an answer is due, as a code: `limit` in milliseconds, or None where something else says when."""

    code: str
    says: str
    limit: int | None = None
    working: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverField:
    """One field of a cover. `searched` tells what is written freely and could name somebody."""

    name: str
    type: str
    says: str
    code_list: str = ""
    codes: Mapping[str, str]

    @property
    def searched(self) -> bool:
        return self.type in _SEARCHED

    @property
    def expects(self) -> str:
        """What an error says was expected."""
        if self.code_list:
            one = f"one of {', '.join(self.codes)}"
            return one if self.type == "code" else f"a list of codes, each {one}"
        return _SAYS[self.type]

    def check(self, value: object) -> Any:
        """The value, or `ValueError` without words."""
        if self.type not in _LISTS:
            return self._one(value)
        if not isinstance(value, list | tuple) or not 1 <= len(value) <= TEXTS:
            raise ValueError
        return [self._one(item) for item in value]

    def _one(self, value: object) -> str:
        if not isinstance(value, str):
            raise ValueError  # noqa: TRY004  one promised error, whatever was written
        match self.type:
            case "code" | "codes":
                if value not in self.codes:
                    raise ValueError
            case "text" | "texts":
                if len(value) > TEXT:
                    raise ValueError
                values.check_text(value)
            case "date":
                if len(value) != 10:
                    raise ValueError
                values.check_shape("date")(value)
            case "message" | "messages":
                try:
                    message_from_text(value)
                except Malformed:
                    raise ValueError from None
            case "digests":
                values.check_shape("hash-value")(value)
            case "number":
                if not (value.isascii() and value.isdecimal() and len(value) <= 9):
                    raise ValueError
            case shape:
                values.check_shape(shape)(value)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageKind:
    """One kind of message (CATALOGUE C.2): what it may carry and what its cover must say."""

    kind: Kind
    number: str
    title: str
    types: frozenset[str]  # permitted payload types, those not shipped yet included
    fields: Mapping[str, CoverField]  # all that its cover may have
    cover: tuple[str, ...]  # those that it must have
    when: Mapping[str, Mapping[str, tuple[str, ...]]]  # field: code: further fields that it then must have
    computed: Mapping[str, str]  # what nobody types, and where it stands instead
    evaluated: frozenset[str]  # types whose objects must carry an evaluation
    deadline: Deadline
    reply: tuple[Kind, ...]
    answers: str  # what an answer says, in words
    driven_by: str  # the workflow that knows its states, or none
    identity: bool  # whether A02 may travel in clear (CATALOGUE C.3); elsewhere pseudonymous
    alone: bool  # whether the cover may go alone
    plain: bool  # whether it carries no narrative
    fixed: Mapping[str, str]  # fields that say one thing and nothing else
    also: tuple[str, ...] = ()  # other names under which the catalogue lists this kind

    @property
    def validate_only(self) -> bool:
        """Whether no workflow drives it: it is validated, routed and audited, and that is all."""
        return self.driven_by == "none"

    @property
    def wordless(self) -> bool:
        """Whether nothing in its cover is written freely, so that it can name nobody."""
        return not any(f.searched for name, f in self.fields.items() if name not in self.fixed)

    def check(self, cover: object, *, filled_in: Collection[str] = ()) -> dict[str, Any]:
        """The cover, checked and copied, or raise `ContentRefused`. `filled_in` names what may still be lacking."""
        if not isinstance(cover, Mapping):
            raise ContentRefused(f"The cover of {self.kind.value} is not a list of names and words.")
        checked: dict[str, Any] = {}
        for name, value in cover.items():
            field = self.fields.get(name)
            if field is None:
                known = ", ".join(self.fields)
                raise ContentRefused(
                    f"The cover of {self.kind.value} has a field that is not permitted; it has {known}."
                )
            try:
                checked[name] = field.check(value)
            except ValueError:
                raise ContentRefused(f"In the cover of {self.kind.value}, {name} must be {field.expects}.") from None
        for name, words in self.fixed.items():
            if checked.get(name, words) != words:
                raise ContentRefused(f'In the cover of {self.kind.value}, {name} is always "{words}".')
        for name in self.demands(checked):
            if name not in checked and name not in filled_in:
                field = self.fields[name]
                raise ContentRefused(f"The cover of {self.kind.value} needs {name} ({field.says}): {field.expects}.")
        return checked

    def demands(self, cover: Mapping[str, Any]) -> tuple[str, ...]:
        """The fields that this cover must have, those included that a code in it demands."""
        more = [n for name, codes in self.when.items() for n in codes.get(str(cover.get(name)), ())]
        return (*self.cover, *more)

    def words(self, cover: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Everything in a checked cover that could name somebody: (field, words)."""
        for name, value in cover.items():
            if self.fields[name].searched:
                for text in value if isinstance(value, list) else [value]:
                    yield name, text

    def map_words(self, cover: Mapping[str, Any], fn: Callable[[str], str]) -> dict[str, Any]:
        """A copy of a checked cover with `fn` applied to all that could name somebody; check it again."""
        return {
            name: ([fn(v) for v in value] if isinstance(value, list) else fn(value))
            if self.fields[name].searched
            else value
            for name, value in cover.items()
        }


def read(
    kinds: Mapping[str, Any],
    cover: Mapping[str, Any],
    type_ids: tuple[str, ...],
    shared: Mapping[str, Mapping[str, str]],
) -> dict[Kind, MessageKind]:
    """All kinds, or raise `ValueError` or `KeyError` for a fault in the files. `shared` are the catalogue's lists."""
    own = {name: _codes(name, spec) for name, spec in cover["codes"].items()}
    if clash := set(own) & set(shared):
        raise ValueError(f"cover.yaml writes lists again that are there: {sorted(clash)}.")
    codes = {**shared, **own}
    fields = {name: _field(name, spec, codes) for name, spec in cover["fields"].items()}
    deadlines = {code: Deadline(code=code, **spec) for code, spec in cover["deadlines"].items()}
    found = {Kind(name): _kind(Kind(name), spec, fields, deadlines, type_ids) for name, spec in kinds.items()}
    if missing := set(Kind) - set(found):
        raise ValueError(f"kinds.yaml lacks {sorted(missing)}.")
    used = {f for k in found.values() for f in k.fields} | set(ALWAYS)
    if unused := set(fields) - used:
        raise ValueError(f"cover.yaml has fields that no kind uses: {sorted(unused)}.")
    if unused := set(own) - {f.code_list for f in fields.values()}:
        raise ValueError(f"cover.yaml has lists that no field uses: {sorted(unused)}.")
    return found


def _codes(name: str, spec: Mapping[str, Any]) -> Mapping[str, str]:
    if set(spec) != {"source", "codes"} or not spec["source"]:
        raise ValueError(f"The list {name} needs a source and codes.")
    codes = spec["codes"]
    if isinstance(codes, str):
        codes = dict.fromkeys(codes.split(), "")
    if not codes or not all(isinstance(c, str) and isinstance(s, str) for c, s in codes.items()):
        raise ValueError(f"The list {name} holds something that is not a string.")
    return MappingProxyType(dict(codes))


def _field(name: str, spec: Mapping[str, Any], codes: Mapping[str, Mapping[str, str]]) -> CoverField:
    if set(spec) != {"type", "says"} or not spec["says"]:
        raise ValueError(f"The field {name} needs a type and what it says.")
    kind, _, argument = spec["type"].partition("(")
    listed = argument.removesuffix(")")
    if (kind in ("code", "codes")) != bool(listed) or (not listed and kind not in _SCALARS):
        raise ValueError(f"The field {name} has an unknown type.")
    known = codes[listed] if listed else MappingProxyType({})
    return CoverField(name=name, type=kind, says=spec["says"], code_list=listed, codes=known)


def _kind(
    kind: Kind,
    spec: Mapping[str, Any],
    fields: Mapping[str, CoverField],
    deadlines: Mapping[str, Deadline],
    type_ids: tuple[str, ...],
) -> MessageKind:
    if unknown := set(spec) - _KEYS:
        raise ValueError(f"{kind.value}: unknown keys {sorted(unknown)}.")
    types = spec["types"]
    permitted = type_ids if types == "any" else tuple(t for item in types for t in _range(item, type_ids))
    plain = bool(spec.get("plain", False))
    when = {
        name: MappingProxyType({code: tuple(names) for code, names in codes.items()})
        for name, codes in spec.get("when", {}).items()
    }
    further = [n for codes in when.values() for names in codes.values() for n in names]
    names = (*spec["cover"], *spec.get("may", ()), *further, *(() if plain else ALWAYS))
    for name, demanded in when.items():
        if name not in spec["cover"] or not set(demanded) <= set(fields[name].codes):
            raise ValueError(f"{kind.value}: `when` names a field that is not required, or a code that does not exist.")
    computed = dict(spec.get("computed", {}))
    if not set(computed.values()) <= SOURCES or set(computed) & set(spec["cover"]):
        raise ValueError(f"{kind.value}: what is computed is typed too, or stands nowhere.")
    if spec["driven_by"] not in DRIVERS:
        raise ValueError(f"{kind.value}: unknown workflow.")
    fixed = dict(spec.get("fixed", {}))
    if not set(fixed) <= set(spec["cover"]) or not all(fields[n].type == "text" for n in fixed):
        raise ValueError(f"{kind.value}: what is fixed is not required, or no text.")
    if not set(spec.get("evaluated", ())) <= set(permitted):
        raise ValueError(f"{kind.value}: a type that it does not carry is evaluated.")
    return MessageKind(
        kind=kind,
        number=spec["number"],
        title=spec["title"],
        types=frozenset(permitted),
        fields=MappingProxyType({name: fields[name] for name in dict.fromkeys(names)}),
        cover=tuple(spec["cover"]),
        when=MappingProxyType(when),
        computed=MappingProxyType(computed),
        evaluated=frozenset(spec.get("evaluated", ())),
        deadline=deadlines[spec["deadline"]],
        reply=tuple(Kind(name) for name in spec["reply"]),
        answers=spec.get("answers", ""),
        driven_by=spec["driven_by"],
        identity=bool(spec.get("identity", False)),
        alone=bool(spec.get("alone", False)) or not permitted,
        plain=plain,
        fixed=MappingProxyType(fixed),
        also=tuple(spec.get("also", ())),
    )


def _range(item: str, type_ids: tuple[str, ...]) -> tuple[str, ...]:
    """A type's id, or all from one to another: "A01..A16"."""
    first, dots, last = item.partition("..")
    return type_ids[type_ids.index(first) : type_ids.index(last) + 1] if dots else (type_ids[type_ids.index(first)],)
