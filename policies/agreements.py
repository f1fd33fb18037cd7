"""Sharing agreements: who has agreed to give whom what, for which purposes, under which law and ceiling, until when.

An agreement is a YAML text that officers sign (it travels in the trust bundle) and a frozen model here. `read` returns
the model or raises `BadInput` with file, line, what is wrong and the nearest valid word: it is written for the person
who edits the file. Nothing is assumed: an empty list agrees to nothing, and an unknown word is an error, not a comment.

Not checked here: that officers signed the text (`keys.bundle`), and that the parties exist (the directory).
Dates are days in UTC: `from` counts from its first moment and `until` to its last.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Final

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from messages import ids
from messages.catalogue.loader import TYPE_IDS
from messages.errors import BadInput, Malformed
from messages.ids import AgreementId
from messages.labels import Basis, CrimeArea, HCode, Kind, Purpose, Tlp

_MEDIA_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789!#$&-^_.+/")


def _agreement_id(text: str) -> str:
    try:
        return ids.agreement_id(text)
    except Malformed as error:
        raise ValueError(str(error)) from None


def _agency_name(text: str) -> str:
    try:
        return ids.name(text)
    except Malformed as error:
        raise ValueError(str(error)) from None


def _data_type(text: str) -> str:
    if text not in TYPE_IDS:
        raise ValueError(f"{text!r} is not a data type of the catalogue")
    return text


def _media_type(text: str) -> str:
    kind, slash, rest = text.partition("/")
    if not (kind and slash and rest) or "/" in rest or not _MEDIA_CHARACTERS.issuperset(text):
        raise ValueError(f"{text!r} is not a media type such as application/json")
    return text


def _day(value: object) -> object:
    """YAML reads 2026-01-31 as a date; anything else, a moment or a quoted text included, is refused."""
    if type(value) is not date:
        raise ValueError("a date is written as 2026-01-31")
    return value


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) != len(values):
        raise ValueError("the same word stands twice in this list")
    return values


AgencyName = Annotated[str, AfterValidator(_agency_name)]
DataTypeId = Annotated[str, AfterValidator(_data_type)]
MediaType = Annotated[str, AfterValidator(_media_type)]
Day = Annotated[date, BeforeValidator(_day)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Validity(_Model):
    """The days on which an agreement holds, both included."""

    start: Day = Field(alias="from")
    until: Day

    @model_validator(mode="after")
    def _ordered(self) -> "Validity":
        if self.until < self.start:
            raise ValueError("until lies before from")
        return self


class Ceiling(_Model):
    """The most restrictive handling the recipient undertakes to honour, and the H codes it accepts."""

    max_tlp: Tlp
    h: Annotated[tuple[HCode, ...], Field(min_length=1), AfterValidator(_distinct)]

    @cached_property
    def _below(self) -> frozenset[Tlp]:
        return frozenset(t for t in Tlp if self.max_tlp.covers(t))

    def admits(self, tlp: Tlp, h: HCode) -> bool:
        """Whether content under `tlp` and `h` may be given under this agreement. H codes are no ladder."""
        return tlp in self._below and h in self.h


class Exchange(_Model):
    """What goes in one direction. `identity` names those of `types` whose direct identities may go with them."""

    sender: AgencyName = Field(alias="from")
    recipient: AgencyName = Field(alias="to")
    types: Annotated[tuple[DataTypeId, ...], Field(min_length=1), AfterValidator(_distinct)]
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1), AfterValidator(_distinct)]
    media: Annotated[tuple[MediaType, ...], Field(min_length=1), AfterValidator(_distinct)]
    identity: Annotated[tuple[DataTypeId, ...], AfterValidator(_distinct)] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "Exchange":
        if self.sender == self.recipient:
            raise ValueError("from and to are the same agency")
        stray = [t for t in self.identity if t not in self.types]
        if stray:
            raise ValueError(f"identity names {', '.join(stray)}, which is not among the types of this exchange")
        return self


class Agreement(_Model):
    """One sharing agreement between two agencies."""

    id: Annotated[AgreementId, BeforeValidator(_agreement_id)]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    parties: Annotated[tuple[AgencyName, ...], Field(min_length=2, max_length=2), AfterValidator(_distinct)]
    valid: Validity
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1), AfterValidator(_distinct)]
    bases: Annotated[tuple[Basis, ...], Field(min_length=1), AfterValidator(_distinct)]
    areas: Annotated[tuple[CrimeArea, ...], Field(min_length=1), AfterValidator(_distinct)]
    handling: Ceiling
    retention_days: Annotated[int, Field(strict=True, ge=1, le=3650)]
    joint_team: Annotated[bool, Field(strict=True)] = False  # the parties of a joint investigation team (caveat JIT)
    exchange: Annotated[tuple[Exchange, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> "Agreement":
        for item in self.exchange:
            for name in (item.sender, item.recipient):
                if name not in self.parties:
                    raise ValueError(f"exchange names {name}, which is not a party of this agreement")
        return self

    @cached_property
    def start(self) -> int:
        """The first millisecond on which the agreement holds."""
        return _midnight(self.valid.start)

    @cached_property
    def end(self) -> int:
        """The first millisecond on which it no longer holds."""
        return _midnight(self.valid.until + timedelta(days=1))

    def in_force(self, moment: int) -> bool:
        """Whether `moment` lies in [start, end)."""
        return self.start <= moment < self.end

    def binds(self, sender: str, recipient: str) -> bool:
        """Whether these two agencies, by name, are its parties."""
        return sender != recipient and sender in self.parties and recipient in self.parties

    def exchanges(self, sender: str, recipient: str) -> list[Exchange]:
        """What is agreed in this direction."""
        return [e for e in self.exchange if e.sender == sender and e.recipient == recipient]


def read(text: str, source: str) -> Agreement:
    """Return the agreement in `text`, or raise `BadInput` naming `source`, the line and the nearest valid word."""
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader) if "&" in text or "*" in text else ():
            if isinstance(token, yaml.AnchorToken | yaml.AliasToken):  # a small file could stand for a huge one
                line = token.start_mark.line + 1
                raise BadInput(f"{source}, line {line}: write it out; anchors (&) and references (*) are not read.")
        loader = yaml.SafeLoader(text)
        tree = loader.get_single_node()
        _refuse_repeats(tree, source)
        value = loader.construct_document(tree) if tree is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadInput(f"{source}, line {line}: this is not YAML: {error.problem or 'it cannot be read'}.") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise BadInput(f"{source}: this is not YAML text.") from None
    if not isinstance(value, dict):
        raise BadInput(f"{source}, line 1: an agreement is a list of names and values that begins with its id.")
    try:
        return Agreement.model_validate(value)
    except ValidationError as error:
        raise BadInput(_sentence(error, tree, source)) from None


def read_all(texts: Iterable[tuple[str, str]]) -> tuple[Agreement, ...]:
    """Read (source, text) pairs, as they stand in a bundle, or raise `BadInput`; no id may stand twice."""
    return tuple(_distinctly((source, read(text, source)) for source, text in texts))


class Reader:
    """Reads a bundle's agreements; of a newer bundle only those whose text is new. A text is read one way only."""

    def __init__(self) -> None:
        self._texts: Mapping[str, str] | None = None
        self._read: dict[tuple[str, str], Agreement] = {}
        self._found: dict[str, Agreement] = {}

    def under(self, texts: Mapping[str, str]) -> Mapping[str, Agreement]:
        """The agreements in `texts` (by source) by their ids, or raise `BadInput` as `read_all` does."""
        if texts is not self._texts:
            known = {(s, t): self._read.get((s, t)) or read(t, s) for s, t in texts.items()}
            found: dict[str, Agreement] = {a.id: a for a in _distinctly((s, a) for (s, _), a in known.items())}
            self._texts, self._read, self._found = texts, known, found
        return self._found


def _distinctly(agreements: Iterable[tuple[str, Agreement]]) -> Iterator[Agreement]:
    seen: set[AgreementId] = set()
    for source, agreement in agreements:
        if agreement.id in seen:
            raise BadInput(f"{source}: the agreement id {agreement.id} is used twice.")
        seen.add(agreement.id)
        yield agreement


def between(agreements: Iterable[Agreement], sender: str, recipient: str, moment: int) -> tuple[Agreement, ...]:
    """The agreements in force at `moment` between two agencies (by name), in the order of their ids.

    Several may be: each grant names the one it rests on, and only that one is looked at.
    """
    live = [a for a in agreements if a.in_force(moment) and a.binds(sender, recipient)]
    return tuple(sorted(live, key=lambda a: a.id))


def find(agreements: Iterable[Agreement], identifier: str) -> Agreement | None:
    """The agreement with this id, in force or not."""
    return next((a for a in agreements if a.id == identifier), None)


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


# ── errors for the person who edits the file ─────────────────────────────────────────────────────────────────────────

_FIELDS: Final = {
    (): (
        "id",
        "title",
        "parties",
        "valid",
        "purposes",
        "bases",
        "areas",
        "handling",
        "retention_days",
        "joint_team",
        "exchange",
    ),
    ("valid",): ("from", "until"),
    ("handling",): ("max_tlp", "h"),
    ("exchange",): ("from", "to", "types", "kinds", "media", "identity"),
}
_WORDS: Final = {
    "purposes": tuple(Purpose),
    "bases": tuple(Basis),
    "areas": tuple(CrimeArea),
    "max_tlp": tuple(Tlp),
    "h": tuple(HCode),
    "kinds": tuple(Kind),
    "types": TYPE_IDS,
    "identity": TYPE_IDS,
}


def _refuse_repeats(node: yaml.Node | None, source: str) -> None:
    """YAML lets a later key silently replace an earlier one: here that would hide half an agreement."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise BadInput(f"{source}, line {key.start_mark.line + 1}: a name is one word, not a list or a map.")
            if key.value in seen:
                raise BadInput(f"{source}, line {key.start_mark.line + 1}: {key.value!r} stands twice.")
            seen.add(key.value)
            _refuse_repeats(value, source)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeats(item, source)


def _line(node: yaml.Node | None, path: Sequence[str | int]) -> int:
    """The line of the deepest node on `path` that exists."""
    line = node.start_mark.line + 1 if node is not None else 1
    for step in path:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == step), None)
            if pair is None:
                return line
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            return line
    return line


def _nearest(word: object, known: Iterable[str]) -> str:
    choices = {str(k).casefold(): str(k) for k in known}
    near = difflib.get_close_matches(str(word).casefold(), choices, n=1, cutoff=0.4)
    return f"; did you mean {choices[near[0]]}?" if near else f"; known are {', '.join(choices.values())}."


def _sentence(error: ValidationError, tree: yaml.Node | None, source: str) -> str:
    found = error.errors(include_url=False, include_context=False)
    # A misspelt field is both unknown and missing: name the misspelling, it is what has to be mended.
    first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])
    path = list(first["loc"])
    names = [str(p) for p in path if not isinstance(p, int)]
    where = f"{source}, line {_line(tree, path)}"
    field = names[-1] if names else "agreement"
    match first["type"]:
        case "extra_forbidden":
            parent = tuple(names[:-1])
            return f"{where}: there is no field {field!r} here{_nearest(field, _FIELDS.get(parent, _FIELDS[()]))}"
        case "missing":
            return f"{where}: {'.'.join(names)} is missing."
        case "enum":
            return f"{where}: {first['input']!r} is not one of {field}{_nearest(first['input'], _WORDS[field])}"
        case "value_error" if field in ("types", "identity") and isinstance(first["input"], str):
            said = first["msg"].removeprefix("Value error, ")
            return f"{where}: {said}{_nearest(first['input'], TYPE_IDS)}"
        case _:
            said = first["msg"].removeprefix("Value error, ")
            return f"{where}: {'.'.join(names) or 'agreement'}: {said[:1].lower()}{said[1:]}."
