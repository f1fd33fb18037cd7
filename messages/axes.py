"""Other people's labels to ours and back (CATALOGUE B.1 to B.3): tables, and functions that never make anything better.

A mapping loses precision; the code as it stood before travels beside the mapped one, and whoever maps back gets that
one. Where two grades fit, the worse is taken; where two likelihoods fit, the less certain. What has no equal in
our lists, or stands above what this product may carry, is refused with a sentence and never rounded.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from messages.errors import ContentRefused
from messages.labels import (
    ADMIRALTY_TO_4X4,
    FOUR_TO_ADMIRALTY,
    Caveat,
    InformationGrade,
    SourceGrade,
    Tlp,
    _Ordered,
)

# evaluation


class Scheme(StrEnum):
    """Ways to evaluate a source and what it says."""

    FOUR = "4x4"
    ADMIRALTY = "admiralty"
    UK = "3x5x2"


UK_SOURCES: Final[Mapping[str, SourceGrade]] = MappingProxyType(
    {"1": SourceGrade.B, "2": SourceGrade.X, "3": SourceGrade.C}  # "reliable" is 4x4 A or B: the worse
)
UK_ASSESSMENTS: Final[Mapping[str, InformationGrade]] = MappingProxyType(
    {
        "A": InformationGrade.TWO,  # "known directly" is 1 or 2: the worse
        "B": InformationGrade.THREE,
        "C": InformationGrade.FOUR,
        "D": InformationGrade.FOUR,
        "E": InformationGrade.FOUR,  # suspected false: stays E beside the mapped grade
    }
)
UK_HANDLING: Final = frozenset({"P", "C"})
FOUR_TO_UK: Final[tuple[Mapping[SourceGrade, str], Mapping[InformationGrade, str]]] = (
    MappingProxyType({SourceGrade.A: "1", SourceGrade.B: "1", SourceGrade.C: "3", SourceGrade.X: "2"}),
    MappingProxyType(
        {
            InformationGrade.ONE: "A",
            InformationGrade.TWO: "A",
            InformationGrade.THREE: "B",
            InformationGrade.FOUR: "D",
        }
    ),
)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How far to trust it, in 4x4, and as it stood in another scheme."""

    source: SourceGrade
    information: InformationGrade
    scheme: Scheme = Scheme.FOUR
    original: str = ""  # the code of `scheme`; of 4x4 none is needed

    def to_value(self) -> dict[str, str]:
        """The object `evaluation` of the catalogue."""
        value = {"source": self.source.value, "information": self.information.value}
        if self.original:
            value |= {"original_scheme": self.scheme.value, "original": self.original}
        return value


def read_evaluation(scheme: Scheme, code: str) -> Evaluation:
    """A code such as B2 (Admiralty, 4x4) or 2C, 2CP (3x5x2) as ours, or raise `ContentRefused`.

    MISP's source `G`, deliberately deceptive, is read as Admiralty E; the code keeps the G.
    """
    text = code.strip().upper()
    try:
        match scheme:
            case Scheme.FOUR:
                first, second = tuple(text)
                return Evaluation(SourceGrade(first), InformationGrade(second))
            case Scheme.ADMIRALTY:
                first, second = tuple(text)
                sources, information = ADMIRALTY_TO_4X4
                return Evaluation(sources["E" if first == "G" else first], information[second], scheme, text)
            case Scheme.UK:
                first, second, *rest = tuple(text)
                if rest and (len(rest) > 1 or rest[0] not in UK_HANDLING):
                    raise ValueError
                return Evaluation(UK_SOURCES[first], UK_ASSESSMENTS[second], scheme, text)
    except (ValueError, KeyError):
        raise ContentRefused(f"This is no grade of the scheme {scheme.value}.") from None


def write_evaluation(evaluation: Evaluation, scheme: Scheme) -> str:
    """The code in another scheme: the original one where it is of that scheme, else the worst that fits."""
    if scheme is evaluation.scheme and evaluation.original:
        return evaluation.original
    if scheme is Scheme.FOUR:
        return evaluation.source.value + evaluation.information.value
    sources, information = FOUR_TO_ADMIRALTY if scheme is Scheme.ADMIRALTY else FOUR_TO_UK
    return sources[evaluation.source] + information[evaluation.information]


class Likelihood(_Ordered):
    """Estimative words of ICD 203, from the least to the most likely."""

    ALMOST_NO_CHANCE = "almost-no-chance"
    VERY_UNLIKELY = "very-unlikely"
    UNLIKELY = "unlikely"
    ROUGHLY_EVEN = "roughly-even"
    LIKELY = "likely"
    VERY_LIKELY = "very-likely"
    ALMOST_CERTAIN = "almost-certain"

    @property
    def range(self) -> tuple[int, int]:
        """From and to, in per cent, both included."""
        return _RANGES[self]


_RANGES: Final[dict[Likelihood, tuple[int, int]]] = {
    Likelihood.ALMOST_NO_CHANCE: (1, 5),
    Likelihood.VERY_UNLIKELY: (5, 20),
    Likelihood.UNLIKELY: (20, 45),
    Likelihood.ROUGHLY_EVEN: (45, 55),
    Likelihood.LIKELY: (55, 80),
    Likelihood.VERY_LIKELY: (80, 95),
    Likelihood.ALMOST_CERTAIN: (95, 99),
}


def likelihood(percent: float) -> Likelihood:
    """The word for a probability; on a border the one nearer to even, for it claims less. Nothing is 0 or 100."""
    fitting = [word for word, (low, high) in _RANGES.items() if low <= percent <= high]
    if not fitting:
        raise ContentRefused("A likelihood is from 1 to 99 per cent: nothing is certain, and nothing impossible.")
    return min(fitting, key=lambda word: abs(word.rank - Likelihood.ROUGHLY_EVEN.rank))


# dissemination


_TLP_ONE: Final = MappingProxyType({"WHITE": Tlp.CLEAR, "GREEN": Tlp.GREEN, "AMBER": Tlp.AMBER, "RED": Tlp.RED})
_TLP: Final[Mapping[str, Tlp]] = MappingProxyType({**{t.value: t for t in Tlp}, **_TLP_ONE})


def read_tlp(text: str) -> Tlp:
    """A label of TLP 2.0 or 1.0, with or without its prefix, or raise `ContentRefused`.

    `ex:chr` and `unclear` are MISP's own and no labels of FIRST: nobody can say how strict they were meant.
    """
    label = _TLP.get(text.strip().upper().removeprefix("TLP:"))
    if label is None:
        raise ContentRefused(
            "This is no label of TLP 2.0; ask its author for CLEAR, GREEN, AMBER, AMBER+STRICT or RED."
        )
    return label


def write_tlp_one(tlp: Tlp) -> str:
    """The label in TLP 1.0 for a partner that knows no other, or raise `ContentRefused`: AMBER would be looser."""
    for text, label in _TLP_ONE.items():
        if label is tlp:
            return text
    raise ContentRefused("TLP 1.0 has no AMBER+STRICT, and every other label would be looser or say too much.")


class Level(_Ordered):
    """Classification levels that may be carried, as a label alone: nothing here is accredited for classified data."""

    UNCLASSIFIED = "UNCLASSIFIED"
    EUROPOL_PUBLIC = "EUROPOL-PUBLIC"
    BPL = "BPL"
    RESTRICTED = "RESTRICTED"


_LEVELS: Final[Mapping[str, Level]] = MappingProxyType(
    {
        "UNCLASSIFIED": Level.UNCLASSIFIED,
        "EUROPOL-PUBLIC": Level.EUROPOL_PUBLIC,
        "EUROPOL PUBLIC INFORMATION": Level.EUROPOL_PUBLIC,
        "BPL": Level.BPL,
        "EUROPOL UNCLASSIFIED - BASIC PROTECTION LEVEL": Level.BPL,
        "RESTRICTED": Level.RESTRICTED,
        "RESTREINT UE": Level.RESTRICTED,
        "EU RESTRICTED": Level.RESTRICTED,
        "RESTREINT UE/EU RESTRICTED": Level.RESTRICTED,
        "NATO RESTRICTED": Level.RESTRICTED,
    }
)


def read_level(text: str) -> Level:
    """A classification up to RESTRICTED or its equivalent, or raise `ContentRefused`: above, and what is unknown."""
    level = _LEVELS.get(" ".join(text.upper().split()))
    if level is None:
        raise ContentRefused(
            "Only content up to RESTRICTED or its equivalent may be carried; this is classified higher, or by a word "
            "that is not known, so send it by a system that is accredited for it."
        )
    return level


class CaveatKind(StrEnum):
    """How a label binds a reader, as in STANAG 4774."""

    PERMISSIVE = "permissive"  # a reader needs any one of its values
    RESTRICTIVE = "restrictive"  # a reader needs all of them
    INFORMATIVE = "informative"  # it is shown, and decides nothing


REL_TO: Final = "REL-TO"
DISPLAY: Final = frozenset({"DL-ONLY", "DISPLAY-ONLY", "EXERCISE"})


def caveat_kind(name: str) -> CaveatKind:
    """How this caveat binds, or raise `ContentRefused` for one that is not known: it might have bound somebody."""
    if name == REL_TO:
        return CaveatKind.PERMISSIVE
    if name in DISPLAY:
        return CaveatKind.INFORMATIVE
    try:
        Caveat(name)
    except ValueError:
        raise ContentRefused(f"This is no caveat that is known; known are {', '.join(Caveat)} and {REL_TO}.") from None
    return CaveatKind.RESTRICTIVE


def clears(labels: Mapping[str, Collection[str]], reader: Mapping[str, Collection[str]]) -> bool:
    """Whether a reader who holds `reader` may read what carries `labels`: values by the name of their label.

    Of a permissive label any one value has to be held, of a restrictive one all; an unknown label lets nobody read.
    """
    for name, values in labels.items():
        held = frozenset(reader.get(name, ()))
        try:
            kind = caveat_kind(name)
        except ContentRefused:
            return False
        if kind is CaveatKind.PERMISSIVE and values and held.isdisjoint(values):
            return False
        if kind is CaveatKind.RESTRICTIVE and not held.issuperset(values or (name,)):
            return False
    return True
