"""What a decision record keeps of the facts, and the facts again from it: codes only, and no more than is unusual.

A fact that is not named was as usual (`USUAL`); so a record is short, says by itself what was remarkable, and a fact
that is added to the rules later has its usual value in older records. Kept too are the codes of the signed header, for
only with them can it be said what another agreement would have made of the same message (`policies.rehearsal`).

Nothing here tells of a person: codes of lists, an agreement's id, a file format.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from messages.errors import Malformed
from messages.labels import (
    Basis,
    Caveat,
    CrimeArea,
    EvidenceUse,
    Flag,
    HCode,
    Kind,
    Lineage,
    PartyClass,
    Purpose,
    Role,
    Tlp,
)
from messages.manifest import Manifest
from policies.cases import BORNE, Case
from policies.facts import COVER, Facts
from policies.words import AGREED, BOOLEANS

USUAL: Final = frozenset(
    {
        *AGREED,
        "roles_declared",
        "sender_mandated",
        "recipient_mandated",
        "named_person",
        "sender_person",
        "exercise_fits",
        "releasable_to",
        "class_may_receive",
        "kind_carries_type",
        "declared_as_attested",
        "searched",
        "consent_stands",
        "onward_closed",
    }
)
"""Facts that hold in an ordinary message. Never changed once records were written: a new fact's usual value is what it
was in messages before it was thought of.
"""

Section = tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]  # media, roles, flags, unusual facts
Kept = tuple[tuple[str, ...], tuple[str, ...], tuple[Section, ...]]  # header, unusual in all sections, sections


def keep(manifest: Manifest, agreement: str, decided: Sequence[tuple[Facts, str]]) -> Kept | None:
    """What a record keeps of the facts of each section (with its media type), in their order; None where no rule was
    asked.
    """
    if not decided:
        return None
    unusual = [_unusual(facts) for facts, _ in decided]
    common = frozenset.intersection(*unusual)
    sections = tuple(
        (media, tuple(sorted(facts.roles)), tuple(sorted(facts.flags)), tuple(sorted(own - common)))
        for (facts, media), own in zip(decided, unusual, strict=True)
    )
    return tuple(_header(manifest, agreement, decided[0][0])), tuple(sorted(common)), sections


def _unusual(facts: Facts) -> frozenset[str]:
    return frozenset([n for n in BOOLEANS if getattr(facts, n) is not (n in USUAL)])


def _header(manifest: Manifest, agreement: str, facts: Facts) -> Iterable[str]:
    handling = manifest.handling
    yield f"from={facts.sender_class}"
    yield f"to={facts.recipient_class}"
    yield f"agreement={agreement}"
    yield f"purpose={manifest.purpose}"
    yield f"basis={manifest.basis}"
    yield f"area={manifest.area}"
    yield f"tlp={handling.tlp}"
    yield f"h={handling.h}"
    yield from (f"caveat={c}" for c in sorted(handling.caveats))
    yield from (f"rel={c}" for c in sorted(handling.rel_to))
    if manifest.lineage is not Lineage.ORIGINAL:
        yield f"lineage={manifest.lineage}"
    if manifest.evidence_use is not EvidenceUse.INTELLIGENCE_ONLY:
        yield f"evidence={manifest.evidence_use}"
    if manifest.exercise:
        yield "exercise=yes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """One section's case and facts, as a record keeps them."""

    agreement: str
    case: Case
    facts: Facts


def recall(kind: str, sections: Sequence[str], kept: Kept) -> tuple[Recalled, ...]:
    """The facts again, by the record's message kind and its sections' kinds ("A02/identity").

    Raises `Malformed` for words that this edition does not know.
    """
    header, common, details = kept
    if len(details) != len(sections):
        raise Malformed("The record keeps facts of other sections than it names.")
    try:
        codes: dict[str, list[str]] = {}
        for item in header:
            name, _, value = item.partition("=")
            codes.setdefault(name, []).append(value)
        return tuple(_recalled(kind, section, codes, common, d) for section, d in zip(sections, details, strict=True))
    except (ValueError, KeyError):
        raise Malformed("The record keeps facts in words that this edition does not know.") from None


def _recalled(
    kind: str, section: str, codes: Mapping[str, list[str]], common: Sequence[str], detail: Section
) -> Recalled:
    media, roles, flags, own = detail
    data_type, _, part = section.partition("/")
    unusual = {*common, *own}
    if not unusual <= set(BOOLEANS):
        raise ValueError
    booleans: dict[str, Any] = {name: (name in USUAL) is not (name in unusual) for name in BOOLEANS}
    facts = Facts(
        kind=Kind(kind),
        purpose=Purpose(codes["purpose"][0]),
        sender_class=PartyClass(codes["from"][0]),
        recipient_class=PartyClass(codes["to"][0]),
        data_type=data_type,
        part=part or COVER,
        roles=frozenset(map(Role, roles)),
        flags=frozenset(map(Flag, flags)),
        **booleans,
    )
    case = Case(
        kind=facts.kind,
        data_type=facts.data_type,
        part=facts.part,
        purpose=facts.purpose,
        basis=Basis(codes["basis"][0]),
        area=CrimeArea(codes["area"][0]),
        tlp=Tlp(codes["tlp"][0]),
        h=HCode(codes["h"][0]),
        caveats=tuple(map(Caveat, codes.get("caveat", ()))),
        rel_to=tuple(codes.get("rel", ())),
        lineage=Lineage(codes.get("lineage", [Lineage.ORIGINAL])[0]),
        evidence_use=EvidenceUse(codes.get("evidence", [EvidenceUse.INTELLIGENCE_ONLY])[0]),
        exercise="exercise" in codes,
        media=media,
        roles=facts.roles,
        flags=facts.flags,
        brings=frozenset(n for n in BORNE if booleans[n]),
    )
    return Recalled(agreement=codes["agreement"][0], case=case, facts=facts)
