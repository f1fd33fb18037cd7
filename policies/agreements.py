"""Sharing agreements: who has agreed to give whom what, for which purposes, under which law and ceiling, until when.

An agreement is a YAML text that officers sign (it travels in the trust bundle) and a frozen model here. `read` returns
the model or raises `BadInput` with file, line, what is wrong and the nearest valid word; `examine` gives every fault at
once. Both are written for the person who edits the file. Nothing is assumed: an empty list agrees to nothing, and an
unknown word is an error, not a comment.

Not checked here: that officers signed the text (`keys.bundle`), that the parties exist (the directory), and that what
is agreed can ever pass (`policies.lint`). Dates are days in UTC: `from` counts from its first moment and `until` to its
last.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from messages import ids
from messages.catalogue.loader import TYPE_IDS
from messages.errors import BadInput, Malformed
from messages.ids import AgreementId
from messages.labels import Basis, CrimeArea, HCode, Kind, Purpose, Tlp
from policies.yamltext import Fault, Faulty, Steps, Tree, parse

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


AgencyName = Annotated[
    str, AfterValidator(_agency_name), WithJsonSchema({"type": "string", "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$"})
]
DataTypeId = Annotated[str, AfterValidator(_data_type), WithJsonSchema({"enum": list(TYPE_IDS), "type": "string"})]
MediaType = Annotated[
    str,
    AfterValidator(_media_type),
    WithJsonSchema({"type": "string", "pattern": "^[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+$"}),
]
Day = Annotated[date, BeforeValidator(_day)]


def _refuse(contradictions: Sequence[tuple[Steps, str]]) -> None:
    """Raise for the first of them, with all in the error's context, so that `examine` can name every one."""
    if contradictions:
        raise PydanticCustomError("contradiction", "{says}", {"says": contradictions[0][1], "all": contradictions})


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Validity(_Model):
    """The days on which an agreement holds, both included."""

    start: Day = Field(alias="from", description="The first day (UTC).")
    until: Day = Field(description="The last day (UTC), still included.")

    @model_validator(mode="after")
    def _ordered(self) -> "Validity":
        if self.until < self.start:
            _refuse([((), "until lies before from")])
        return self


class Ceiling(_Model):
    """The most restrictive handling the recipient undertakes to honour, and the H codes it accepts."""

    max_tlp: Tlp = Field(description="The strictest TLP marking that the recipient undertakes to honour.")
    h: Annotated[tuple[HCode, ...], Field(min_length=1), AfterValidator(_distinct)] = Field(
        description="The handling codes that the recipient accepts; each counts by itself, they are no ladder."
    )

    @cached_property
    def _below(self) -> frozenset[Tlp]:
        return frozenset(t for t in Tlp if self.max_tlp.covers(t))

    def admits(self, tlp: Tlp, h: HCode) -> bool:
        """Whether content under `tlp` and `h` may be given under this agreement. H codes are no ladder."""
        return tlp in self._below and h in self.h


class Exchange(_Model):
    """What goes in one direction. `identity` names those of `types` whose direct identities may go with them."""

    sender: AgencyName = Field(alias="from", description="The agency that gives.")
    recipient: AgencyName = Field(alias="to", description="The agency that receives.")
    types: Annotated[tuple[DataTypeId, ...], Field(min_length=1), AfterValidator(_distinct)] = Field(
        description="The data types that may go in this direction; see: safeconduct types"
    )
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1), AfterValidator(_distinct)] = Field(
        description="The kinds of message that may carry them."
    )
    media: Annotated[tuple[MediaType, ...], Field(min_length=1), AfterValidator(_distinct)] = Field(
        description="The formats in which they may go, such as application/json."
    )
    identity: Annotated[tuple[DataTypeId, ...], AfterValidator(_distinct)] = Field(
        default=(),
        description="Those of the types that may name, locate or expose a protected person. None if left out.",
    )
    net: Annotated[bool, Field(strict=True)] = Field(
        default=False,
        description="Whether redacted text goes only once the named-entity model has looked for other people's names.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> "Exchange":
        found: list[tuple[Steps, str]] = []
        if self.sender == self.recipient:
            found.append((("to",), "from and to are the same agency"))
        found += [
            (("identity", n), f"identity names {t}, which is not among the types of this exchange")
            for n, t in enumerate(self.identity)
            if t not in self.types
        ]
        _refuse(found)
        return self


class Agreement(_Model):
    """One sharing agreement between two agencies."""

    id: Annotated[
        AgreementId,
        BeforeValidator(_agreement_id),
        WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"}),
    ] = Field(description="Its name in every record: no second agreement may have it.")
    title: Annotated[str, Field(min_length=1, max_length=200)] = Field(description="What people call it.")
    parties: Annotated[tuple[AgencyName, ...], Field(min_length=2, max_length=2), AfterValidator(_distinct)] = Field(
        description="The two agencies, by their names in the trust bundle."
    )
    valid: Validity = Field(description="The days on which it holds.")
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1), AfterValidator(_distinct)] = Field(
        description="What may be done with what is given. There is no general purpose."
    )
    bases: Annotated[tuple[Basis, ...], Field(min_length=1), AfterValidator(_distinct)] = Field(
        description="The laws on which giving it may rest."
    )
    areas: Annotated[tuple[CrimeArea, ...], Field(min_length=1), AfterValidator(_distinct)] = Field(
        description="The crime areas it is about."
    )
    handling: Ceiling = Field(description="The strictest handling that the recipient undertakes to honour.")
    retention_days: Annotated[int, Field(strict=True, ge=1, le=3650)] = Field(
        description="After so many days the recipient deletes what it was given."
    )
    joint_team: Annotated[bool, Field(strict=True)] = Field(
        default=False, description="Whether the parties are a joint investigation team (caveat JIT)."
    )
    exchange: Annotated[tuple[Exchange, ...], Field(min_length=1)] = Field(
        description="What goes in which direction. Two entries do not add up to a third."
    )

    @model_validator(mode="after")
    def _consistent(self) -> "Agreement":
        _refuse(
            [
                (("exchange", n, end), f"exchange names {name}, which is not a party of this agreement")
                for n, item in enumerate(self.exchange)
                for end, name in (("from", item.sender), ("to", item.recipient))
                if name not in self.parties
            ]
        )
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


@dataclass(frozen=True, slots=True)
class Examined:
    """A text held against the form of an agreement: the agreement, or every fault; and where everything stands."""

    source: str
    agreement: Agreement | None
    faults: tuple[Fault, ...]
    tree: Tree | None

    def place(self, path: Steps) -> tuple[int, int]:
        """Line and column of what stands at `path`."""
        return self.tree.place(path) if self.tree is not None else (1, 1)


def examine(text: str, source: str) -> Examined:
    """Every fault of the agreement in `text`, in the order of their lines; never raises."""
    try:
        tree = parse(text, source)
    except Faulty as error:
        return Examined(source, None, tuple(sorted(error.faults)), None)
    if not isinstance(tree.value, dict):
        fault = Fault(source, 1, 1, "an agreement is a list of names and values that begins with its id.")
        return Examined(source, None, (fault,), tree)
    try:
        return Examined(source, Agreement.model_validate(tree.value), (), tree)
    except ValidationError as error:
        return Examined(source, None, tuple(sorted(set(_faults(error, tree)))), tree)


def read(text: str, source: str) -> Agreement:
    """Return the agreement in `text`, or raise `BadInput` naming `source`, the line and the nearest valid word."""
    found = examine(text, source)
    if found.agreement is None:
        more = len(found.faults) - 1
        also = f" (and {more} more; see: safeconduct agreement check)" if more else ""
        raise BadInput(f"{found.faults[0]}{also}")
    return found.agreement


def read_all(texts: Iterable[tuple[str, str]]) -> tuple[Agreement, ...]:
    """Read (source, text) pairs, as they stand in a bundle, or raise `BadInput`; no id may stand twice."""
    return tuple(_distinctly((source, read(text, source)) for source, text in texts))


class Agreements(Mapping[str, Agreement]):
    """Agreements by their ids, and at once by the agencies they bind, however many there are."""

    def __init__(self, agreements: Iterable[Agreement] = ()) -> None:
        self._by_id: dict[str, Agreement] = {a.id: a for a in agreements}
        self._by_party: dict[str, list[Agreement]] = {}
        self._by_pair: dict[tuple[str, str], list[Agreement]] = {}
        for agreement in sorted(self._by_id.values(), key=lambda a: a.id):
            first, second = agreement.parties
            for party in agreement.parties:
                self._by_party.setdefault(party, []).append(agreement)
            for pair in ((first, second), (second, first)):
                self._by_pair.setdefault(pair, []).append(agreement)

    def __getitem__(self, identifier: str) -> Agreement:
        return self._by_id[identifier]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def of(self, agency: str) -> "Agreements":
        """Those to which this agency (by name) is a party."""
        return Agreements(self._by_party.get(agency, ()))

    def binding(self, sender: str, recipient: str) -> Sequence[Agreement]:
        """Those whose parties are these two, in force or not, in the order of their ids."""
        return self._by_pair.get((sender, recipient), ())

    def between(self, sender: str, recipient: str, moment: int) -> tuple[Agreement, ...]:
        """Those of them that are in force at `moment`."""
        return tuple(a for a in self.binding(sender, recipient) if a.in_force(moment))


class Reader:
    """Reads a bundle's agreements; of a newer bundle only those whose text is new. A text is read one way only."""

    def __init__(self) -> None:
        self._texts: Mapping[str, str] | None = None
        self._read: dict[tuple[str, str], Agreement] = {}
        self._found = Agreements()

    def under(self, texts: Mapping[str, str]) -> Agreements:
        """The agreements in `texts` (by source) by their ids, or raise `BadInput` as `read_all` does."""
        if texts is not self._texts:
            known = {(s, t): self._read.get((s, t)) or read(t, s) for s, t in texts.items()}
            found = Agreements(_distinctly((s, a) for (s, _), a in known.items()))
            self._texts, self._read, self._found = texts, known, found
        return self._found


def _distinctly(agreements: Iterable[tuple[str, Agreement]]) -> Iterator[Agreement]:
    seen: dict[AgreementId, str] = {}
    for source, agreement in agreements:
        if agreement.id in seen:
            raise BadInput(
                f"{source}: the agreement id {agreement.id} is used twice, first in {seen[agreement.id]}; "
                "give one of them another id."
            )
        seen[agreement.id] = source
        yield agreement


def between(
    agreements: Agreements | Iterable[Agreement], sender: str, recipient: str, moment: int
) -> tuple[Agreement, ...]:
    """The agreements in force at `moment` between two agencies (by name), in the order of their ids.

    Several may be: each grant names the one it rests on, and only that one is looked at.
    """
    if isinstance(agreements, Agreements):
        return agreements.between(sender, recipient, moment)
    live = [a for a in agreements if a.in_force(moment) and a.binds(sender, recipient)]
    return tuple(sorted(live, key=lambda a: a.id))


def find(agreements: Iterable[Agreement], identifier: str) -> Agreement | None:
    """The agreement with this id, in force or not."""
    return next((a for a in agreements if a.id == identifier), None)


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


# ── faults for the person who edits the file ─────────────────────────────────────────────────────────────────────────

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


def nearest(word: object, known: Iterable[str]) -> str:
    """How a sentence about an unknown word ends: with the nearest word that there is, or with all of them."""
    choices = {str(k).casefold(): str(k) for k in known}
    given = str(word).casefold()
    near = [c for c in choices if len(given) > 2 and given in c] or difflib.get_close_matches(given, choices, 1, 0.4)
    return f"; did you mean {choices[near[0]]}?" if near else f"; known are {', '.join(choices.values())}."


def _faults(error: ValidationError, tree: Tree) -> Iterator[Fault]:
    found = error.errors(include_url=False)
    # A misspelt field is both unknown and missing: name the misspelling, it is what has to be mended.
    strange = [e["loc"] for e in found if e["type"] == "extra_forbidden"]
    places = [tuple(e["loc"]) for e in found]
    for item, path in zip(found, places, strict=True):
        if any(other[: len(path)] == path and len(other) > len(path) for other in places):
            continue  # a list is short because something in it is wrong, which is said by itself
        names = [str(p) for p in path if not isinstance(p, int)]
        field = names[-1] if names else "agreement"
        given = item["input"]
        match item["type"]:
            case "extra_forbidden":
                parent = tuple(names[:-1])
                yield tree.fault(path, f"there is no field {field!r} here{nearest(field, _FIELDS.get(parent, ()))}")
            case "missing":
                if not any(s[:-1] == path[:-1] and _alike(s[-1], path[-1]) for s in strange):
                    yield tree.fault(path, f"{'.'.join(names)} is missing.")
            case "enum":
                yield tree.fault(path, f"{given!r} is not one of {field}{nearest(given, _WORDS[field])}")
            case "contradiction":
                for inner, says in item["ctx"]["all"]:
                    yield tree.fault((*path, *inner), f"{'.'.join(names)}: {says}." if not inner else f"{says}.")
            case "value_error" if field in ("types", "identity") and isinstance(given, str):
                said = item["msg"].removeprefix("Value error, ")
                yield tree.fault(path, f"{said}{nearest(given, TYPE_IDS)}")
            case "too_short" | "too_long" if isinstance(given, list):
                wanted = "names exactly two agencies" if field == "parties" else "needs at least one entry"
                yield tree.fault(path, f"{'.'.join(names)}: this list {wanted}, and has {len(given)}.")
            case "int_type" | "int_from_float":
                yield tree.fault(path, f"{'.'.join(names)}: a whole number is needed, without quotes.")
            case _:
                said = item["msg"].removeprefix("Value error, ")
                yield tree.fault(path, f"{'.'.join(names) or 'agreement'}: {said[:1].lower()}{said[1:].rstrip('.')}.")


def _alike(one: object, other: object) -> bool:
    return difflib.SequenceMatcher(None, str(one), str(other)).ratio() > 0.6
