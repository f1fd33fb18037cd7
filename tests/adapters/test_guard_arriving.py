"""The recipient's own look: what identifies somebody by its form, what does not, and what stays readable."""

import re
from typing import Any

import pytest

from adapters.guarding import arriving
from adapters.guarding.arriving import ASIDE
from adapters.guarding.patterns import covered, spot
from evaluation.corpus import from_yaml
from messages.attachment import FILE, PLAIN
from messages.catalogue import load
from messages.envelope import COVER, SectionDetail
from messages.labels import Flag, Kind
from policies.redaction.engine import Matcher
from policies.redaction.errors import RedactionError
from policies.redaction.identity import ENQUIRY
from tests.docs.test_docs import ROOT

CATALOGUE = load()
PERSON = "V-7K3Q-9MXA-TR"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("phone", "She can be reached on +44 7700 900142 at night."),
        ("phone", "Call 0044 (0)7700 900-142."),
        ("phone", "Call +44\u200b7700\u200b900142."),
        ("email", "Write to ioana.m98@mail.example, not to the office."),
        ("email", "ioana\u00ad.m98@mail.example"),
        ("account", "Paid to GB29 NWBK 6016 1331 9268 19 on Fridays."),
        ("account", "With 4111 1111 1111 1111, he says."),
        ("document", "Her passport no. 054719362 is in the safe."),
        ("document", "P<ROUDOBRESCU<<IOANA<MARIA<<<<<<<"),
        ("birthdate", "She was born on 17.04.1998 in the north."),
        ("birthdate", "DOB: 1998-04-17"),
        ("address", "The flat is at 51.50735, -0.12776 on the map."),
        ("name", f"{PERSON} (Ioana Dobrescu) slept there."),
        ("name", f"{PERSON} alias Ioana Dobrescu slept there."),
        ("name", f"Ioana Dobrescu ({PERSON}) slept there."),
        ("packed", "x" * 200),
    ],
)
def test_what_identifies_somebody_by_its_form_is_found(kind: str, text: str) -> None:
    assert kind in {k for _, _, k in spot(text)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Forty people are locked in since 12 March 2026, at 51 degrees.",
        "Report HP-MSU-2026-0314 of 13.11.2026, case 2026/17, invoice 4111 1111 1111 1112.",
        "GB00 NWBK 6016 1331 9268 19 has a wrong check sum.",
        f"{PERSON} (a woman of 27) and {PERSON} [a date in March 2024] [phone] [email].",
        "The van RO-12 345 678 left; 120 000 000 lei were paid.",
        f"{PERSON} (Miss Victim)",
        f"V-ABCD-EFGH-JK ({PERSON}) slept there.",
        "Passport control at gate 12.",
    ],
)
def test_what_identifies_nobody_is_left_alone(text: str) -> None:
    assert spot(text) == []


def test_what_our_own_redaction_lets_through_is_never_kept_aside() -> None:
    """No false alarm in the narratives of the evaluation, redacted without knowing anybody."""
    matcher, seen, raw = Matcher(()), 0, 0
    for path in sorted((ROOT / "evaluation" / "narratives").glob("*.yaml"))[::2]:
        for one in from_yaml(path):
            text = re.sub(r"\{[^|}]*\|([^}]*)\}", r"\1", one["text"])
            try:
                redacted = matcher.redact(text, settings=ENQUIRY).text
            except RedactionError:
                continue
            seen, raw = seen + 1, raw + len(spot(text))
            assert spot(redacted) == [], one["id"]
    assert seen > 50 and raw > 50


def detail(kind: str, part: str, *flags: Flag, media: str = "application/json") -> SectionDetail:
    return SectionDetail(
        name=f"{kind.lower()}.1.{part}" if kind != COVER else COVER, type=kind, part=part, roles=(), flags=flags,
        media=media, size=256, digest=bytes(32), commitment=bytes(32), salt=bytes(16),
    )  # fmt: skip


def looked(*sections: tuple[SectionDetail, Any]) -> arriving.Looked:
    return arriving.look(
        Kind.INTEL_REPORT, {d.name: v for d, v in sections}, {d.name: d for d, _ in sections}, CATALOGUE
    )


LEAK = "Call +44 7700 900142."


def test_of_a_section_the_string_is_kept_aside_and_of_the_cover_the_passage() -> None:
    report = {"type": "A01", "id": "r1", "gist": LEAK, "narrative": "Doors are locked."}
    found = looked(
        (detail("A01", "narrative"), report),
        (detail(COVER, COVER), {"subject_line": "Doors are locked", "reason": f"Tonight. {LEAK}"}),
        (detail("A01", FILE, media=PLAIN), {"name": "attachment-1.txt", "media": PLAIN, "text": LEAK}),
    )
    assert [(f.section, f.place, f.kind) for f in found.found] == [
        ("a01.1.file", "file", "phone"),
        ("a01.1.narrative", "gist", "phone"),
        ("cover", "reason", "phone"),
    ]
    assert found.sections["a01.1.narrative"] == report | {"gist": ASIDE}
    assert found.sections[COVER] == {"subject_line": "Doors are locked", "reason": f"Tonight. Call {ASIDE}."}
    assert found.sections["a01.1.file"]["text"] == ASIDE
    assert "7700" not in repr(found.found) and "7700" not in repr(found)


def test_what_the_recipient_may_know_is_no_leak() -> None:
    openly = {"type": "A02", "id": "v1", "first_name": "Ioana", "mobile_phone": "+447700900142"}
    words = {"type": "A01", "id": "r1", "gist": LEAK}
    both = looked((detail("A02", "identity", Flag.DIRECT), openly), (detail("A01", "narrative"), words))
    assert both.found == () and both.sections["a01.1.narrative"] == words
    number = {"type": "A07", "id": "n1", "value": "+447700900142"}  # of a suspect, in a field of its own
    assert looked((detail("A07", "identifier"), number), (detail("A01", "narrative"), words)).found == ()
    alone = looked((detail("A01", "narrative", Flag.DIRECT), words))
    assert alone.found == ()  # a section that openly identifies its person


def test_passages_that_overlap_are_covered_once() -> None:
    assert covered("abcdef", [(1, 3, "x"), (2, 4, "y"), (5, 6, "z")], "#") == "a#e#"


@pytest.mark.parametrize(
    "text", ["+1" * 50_000, "a@" * 50_000, "1 " * 100_000, "V-7K3Q-9MXA-TR (A " * 8_000, "A" * 200_000]
)
def test_no_text_takes_it_long(text: str) -> None:
    import time

    begun = time.process_time()
    spot(text)
    assert time.process_time() - begun < 4
