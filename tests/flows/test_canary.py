"""A canary: every detail of every victim of the example, planted in some forty places of messages and attachments.

Sent in earnest to a party without identity rights, through the real planner, guard, broker and adapter. Each detail is
either hidden or keeps its section or message from going: on the other side there is none, wherever one looks.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from adapters.casefile import CaseFile, read, with_attachments
from adapters.client import AgencyClient, Sent
from messages.errors import BadInput
from messages.evidence import EvidenceType
from messages.labels import Kind
from tests.adapters.attachments import documents
from tests.flows.test_consent import collect_until
from tests.flows.test_quarantine import Town, town
from tests.support.folders import contents
from tests.support.orchid import DESK, INSPECTORS, TaskForce, expected

__all__ = ["town"]
KINDS = ("names", "phones", "documents", "emails", "handles", "addresses", "birthdates")
IDENTIFYING = {
    "first_name", "middle_name", "second_name", "also_known_as", "birthdate", "identity_number", "email",
    "mobile_phone", "home_phone", "mailing_address", "other_numbers", "documents",
}  # fmt: skip
SHORT = 180  # characters that fit into a field of one line
IDENTIFIER = re.compile(r"[\w.@+-]{6,}")


def details() -> list[str]:
    """Every form of every victim's identity in the ground truth, each once, long ones first."""
    found = {
        str(form)
        for case in expected()["cases"].values()
        for victim in case["victims"].values()
        for kind in KINDS
        for form in victim.get(kind, ())
    }
    assert len(found) > 200
    return sorted(found, key=lambda text: (-len(text), text))


def profiles(force: TaskForce) -> list[dict[str, Any]]:
    """The victims' own objects, from all case files, as they differ: what the sender knows."""
    found: dict[str, dict[str, Any]] = {}
    for name in expected()["cases"]:
        value = json.loads(force.file(name).read_text(encoding="utf-8"))
        for obj in (*value.get("objects", ()), *value.get("known", ())):
            if obj["type"] == "A02":
                who = {n: v for n, v in obj.items() if n in IDENTIFYING}
                found[json.dumps(who, sort_keys=True)] = obj
    return [{**obj, "id": f"v{n}"} for n, obj in enumerate(found.values(), 1)]


def told(every: list[str]) -> str:
    """Running text with all of them, so that each stands as it would in a report."""
    return "\n".join(f"On the second visit we noted {detail} and wrote it down." for detail in every)


def lines(every: list[str]) -> Callable[[], str]:
    """For fields of one line: a few at a time, until all of them had their turn, and on."""
    flat = [d for d in every if "\n" not in d]
    turn = cycle(flat)

    def some() -> str:
        text = f"seen with {next(turn)}"
        while len(text) < SHORT - 45:
            text += f"; also {next(turn)}"
        return text[:SHORT]

    return some


def planted(force: TaskForce, some: Callable[[], str], text: str) -> CaseFile:
    """The disclosure to the inspectors with details in every free-form string of cover and objects, names and ids."""
    value: dict[str, Any] = json.loads(force.file("02-labour-disclosure.json").read_text(encoding="utf-8"))
    objects = []
    for obj in value["objects"]:
        if obj["type"] == "A02":
            continue
        data_type = force.catalogue.type(obj["type"])
        obj = data_type.map_text(obj, lambda _: some())
        obj |= {n: text for n, f in data_type.fields.items() if n in obj and f.kind == "text"}
        if obj["type"] == "A01":
            obj |= {"narrative": text, "subject_refs": [], "title": some(), "collection_method": some()}
        obj |= {n: [] for n in ("victim_refs",) if n in obj}
        objects.append({n: v for n, v in obj.items() if v != []} | {"id": f"Ioana-Dobrescu-{len(objects)}"})
    kind = force.catalogue.kinds[Kind.INTEL_REPORT]
    cover = value["cover"] | {n: some() for n, f in kind.fields.items() if f.searched and n != "subject_line"}
    del value["narratives"]
    return read(
        value | {"case": "IOANA DOBRESCU 054719362", "cover": cover, "objects": objects, "known": profiles(force)}
    )


def files(folder: Path, every: list[str]) -> Iterator[Path]:
    """Documents with the details in all the places where documents keep something; and in their names."""
    text = told(every)
    some = lines(every)
    flat = [d for d in every if "\n" not in d]
    latin = [d for d in flat if d.isascii()]
    for name, data in {
        "Ioana Dobrescu 1998-04-17.txt": text.encode(),
        "Dobrescu.csv": ("who;what\n" + "\n".join(f"{d.replace(';', ',')};seen" for d in flat)).encode(),
        "mail from oksana.kovalenko.eml": documents.eml(
            text.replace("\n", "\r\n"), subject=some(), sender="ioana.m98@mail.example", trace="ioana.example"
        ),
        "Hope Osagiede.docx": documents.docx(
            text, header=some(), footnote=some(), table=tuple(flat[:40]), box=some(), author=some(), custom=some()
        ),
        "remarks.docx": documents.docx("Nothing here.", comment=text, deleted=some(), hidden=some(), inserted=some()),
        "wages +447700900142.xlsx": documents.xlsx(
            tuple((d, 12) for d in flat), hidden_sheet=text, hidden_row=some(), hidden_column=some(), comment=some(),
            author=some(), sheet="Ioana Dobrescu",
        ),
        "statement of Ioana.pdf": documents.pdf(*(f"We noted {d}." for d in latin[:45]), title=some(), remark=some()),
        "photo of Ioana.jpg": documents.jpeg(note=latin[0]),
    }.items():  # fmt: skip
        path = folder / name
        path.write_bytes(data)
        yield path
    path = folder / "Ioana Dobrescu.zip"
    path.write_bytes(
        documents.archive({f"{d.replace('/', '-')}.txt": "x" for d in latin[:20]}, comment=latin[0].encode())
    )
    yield path


def standing(texts: str, every: list[str]) -> list[str]:
    """Which details stand in a text; short ones as words of their own."""
    words = {w for case in expected()["cases"].values() for v in case["victims"].values() for w in v.get("words", ())}
    found = [d for d in every if len(d) > 4 and d in texts]
    return found + [
        d for d in {*words, *(d for d in every if len(d) <= 4)} if re.search(rf"(?<!\w){re.escape(d)}(?!\w)", texts)
    ]


async def carried(desk: AgencyClient, case: CaseFile) -> Sent:
    _, (sent,) = await desk.send(case, [INSPECTORS])
    assert sent.evidence is not None and sent.evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE, sent.says
    return sent


async def test_no_detail_of_a_victim_that_was_planted_anywhere_is_on_the_other_side(
    town: Town, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    desk, inspectors = await town.adapter(DESK), await town.adapter(INSPECTORS)
    every = details()
    some, text = lines(every), told(every)
    first = planted(town.force, some, text)
    folder = tmp_path / "files"
    folder.mkdir()
    paths = list(files(folder, every))
    plain = planted(town.force, some, "Nothing is known of this.")
    plain = replace(plain, objects=plain.objects[:1])
    archive = paths.pop()
    with pytest.raises(BadInput, match="carries no file of application/zip"):
        with_attachments(plain, [(archive, "")])
    second, third = [with_attachments(plain, [(p, "") for p in some_paths]) for some_paths in (paths[:4], paths[4:])]
    for case in (first, second, third):
        await carried(desk, case)

    await collect_until(inspectors, lambda: len(inspectors.journal.incoming()) == 3)
    opened = [(await inspectors.open(inspectors.find_view(i.view))).opened for i in inspectors.journal.incoming()]
    read_there = [json.dumps(o.sections, ensure_ascii=False).replace("\\n", "\n") for o in opened if o is not None]
    assert len(read_there) == 3
    assert sum(t.count("V-") for t in read_there) > 100  # hidden, not left out: pseudonyms stand in their place
    attached = [n for o in opened if o is not None for n, d in o.details.items() if d.part == "file"]
    assert len(attached) >= 5 and not any(o.aside for o in opened if o is not None)
    for t in read_there:
        assert standing(t, every) == []

    await town.log(tmp_path / "log")
    raw = [d.encode() for d in every if len(d) >= 7]
    for place in (town.broker.home.folder, inspectors.home.folder, tmp_path / "log"):
        held = list(contents(place))
        assert held
        assert [(p.name, d) for p, data in held for d in raw if d in data] == []
    logged = capfd.readouterr()
    assert standing(logged.out + logged.err, [d for d in every if len(d) >= 7]) == []


@pytest.mark.parametrize("field", ["report_no", "registration_no", "tax_no"])
def test_an_identifier_in_a_field_that_is_not_redacted_keeps_the_message_from_going(
    field: str, force: TaskForce
) -> None:
    from adapters.guard import GuardRefused

    case = planted(force, lambda: "plain", "Nothing is known of this.")
    kind = "A01" if field == "report_no" else "A13"
    objects = [{**o, field: "054719362"} if o["type"] == kind else o for o in case.objects]
    message = force.one(replace(case, objects=tuple(objects)), INSPECTORS)
    with pytest.raises(GuardRefused) as refused:
        force.compose(message)
    assert field in str(refused.value) and "054719362" not in str(refused.value)
