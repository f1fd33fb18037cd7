"""An attachment on its way: who gets the file, who its redacted words, who nothing; and what a recipient refuses."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.casefile import CaseFile, read_file, with_attachments
from adapters.guard import GuardRefused
from adapters.planning import MessagePlan, SectionDraft
from messages.attachment import FILE, Attachment, of_value
from messages.errors import BadInput, ContentRefused, Mislabelled, RemoteError
from messages.labels import Flag
from tests.adapters.attachments import documents
from tests.support.orchid import FOREIGN, INSPECTORS, PROSECUTOR, SHELTER, TaskForce, leaks, search_for

NOTEBOOK = "13-notebook-disclosure.json"
FULL = "01-full-report.json"


def victim(force: TaskForce) -> str:
    """A name of somebody whom the notebook's sender knows."""
    person = next(o for o in force.case(NOTEBOOK).known if o["type"] == "A02" and "second_name" in o)
    name = f"{person['first_name']} {person['second_name']}"
    assert name.encode() in search_for() or leaks(name.encode())
    return name


def attached(force: TaskForce, case: str, tmp_path: Path, **files: bytes) -> CaseFile:
    """The case with files whose names are given as name_extension."""
    paths = []
    for name, data in files.items():
        stem, _, extension = name.rpartition("_")
        path = tmp_path / f"{stem}.{extension}"
        path.write_bytes(data)
        paths.append((path, ""))
    return with_attachments(force.case(case), paths)


def files(message: MessagePlan) -> list[SectionDraft]:
    return [d for d in message.sections if d.part == FILE]


def test_without_identity_rights_the_redacted_words_go_and_nothing_else_of_the_file(
    force: TaskForce, tmp_path: Path
) -> None:
    name = victim(force)
    data = documents.docx(f"{name} was seen on Monday.", header=name, deleted=name, author=name)
    message = force.one(attached(force, NOTEBOOK, tmp_path, **{f"{name}_docx": data}), INSPECTORS)
    (draft,) = files(message)
    assert draft.name in message.recipients[0].granted and draft.media == "text/plain" and draft.replaced
    value = draft.value()
    assert value["name"] == "attachment-1.txt" and "was seen on Monday" in value["text"]
    assert "[left out: tracked changes]" in value["text"]
    envelope = force.compose(message)
    view = force.admit(envelope).views[0]
    opened = force.open(view.data, INSPECTORS)
    assert opened.sections[draft.name] == value
    assert not leaks(json.dumps(opened.sections, ensure_ascii=False).encode())
    assert name.split()[0] not in value["text"] and name.split()[1] not in value["text"]


def test_with_identity_rights_the_cleaned_file_goes_under_a_plain_name(force: TaskForce, tmp_path: Path) -> None:
    name = victim(force)
    case = attached(force, FULL, tmp_path, **{f"Aussage {name}_pdf": documents.pdf("Words", title=name)})
    message = force.one(case, PROSECUTOR)
    (draft,) = files(message)
    assert draft.flags == (Flag.DIRECT,) and draft.media == "application/pdf"
    view = force.admit(force.compose(message)).views[0]
    opened = force.open(view.data, PROSECUTOR)
    value = opened.sections[draft.name]
    assert value["name"].startswith("aussage-") and value["name"].endswith(".pdf")
    data = of_value(value)
    assert data.startswith(b"%PDF-") and name.encode() not in data
    assert any(s["id"] == value["about"] for n, s in opened.sections.items() if "id" in s)


@pytest.mark.parametrize(
    ("file", "data", "rule"),
    [
        ("photo_jpg", documents.jpeg(), "attachment-picture"),
        ("scan_pdf", documents.pdf(" "), "attachment-no-text"),
        ("locked_pdf", documents.pdf(password="x"), "attachment-encrypted"),
        ("mail_eml", documents.eml(attached="x.pdf"), "attachment-nested"),
        ("tool_exe", b"MZ", "attachment-format"),
        ("foreign_txt", "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ".encode(), "redaction-refused"),
    ],
)
def test_a_file_that_nobody_can_search_is_withheld_with_its_reason_and_the_rest_goes(
    force: TaskForce, tmp_path: Path, file: str, data: bytes, rule: str
) -> None:
    message = force.one(attached(force, NOTEBOOK, tmp_path, **{file: data}), INSPECTORS)
    assert not files(message)
    (withheld,) = [w for w in message.recipients[0].withheld if w.kind.endswith(f"/{FILE}")]
    assert withheld.rules == (rule,)
    assert message.recipients[0].granted


def test_a_picture_goes_to_whoever_may_know_in_an_alert_that_was_released_and_in_nothing_else(
    force: TaskForce, tmp_path: Path
) -> None:
    message = force.one(attached(force, FULL, tmp_path, photo_jpg=documents.jpeg()), PROSECUTOR)
    (withheld,) = [w for w in message.recipients[0].withheld if w.kind.endswith(f"/{FILE}")]
    assert withheld.rules == ("R-24",)
    alert = force.one(attached(force, "09-person-in-danger.json", tmp_path, photo_jpg=documents.jpeg()), PROSECUTOR)
    (recipient,) = alert.recipients
    (draft,) = files(alert)
    assert draft.name in recipient.granted and recipient.needs_release
    assert not force.admit(force.compose(alert)).views
    assert force.admit(force.compose(alert, releases=[PROSECUTOR])).views


def test_an_agreement_that_names_no_such_media_type_lets_no_such_file_pass(force: TaskForce, tmp_path: Path) -> None:
    (message,) = force.plan(attached(force, FULL, tmp_path, report_pdf=documents.pdf()), FOREIGN).messages
    (withheld,) = [w for w in message.recipients[0].withheld if w.kind.endswith(f"/{FILE}")]
    assert "SC-13" in withheld.rules


def test_a_case_file_names_its_attachments_beside_it(force: TaskForce, tmp_path: Path) -> None:
    value = json.loads(force.file(NOTEBOOK).read_text(encoding="utf-8"))
    for target in value.pop("narratives", {}):
        identifier, _, field = target.partition(".")
        next(o for o in value["objects"] if o["id"] == identifier)[field] = "Words."
    value["attachments"] = [{"file": "notes.txt", "for": value["objects"][-1]["id"]}]
    path = tmp_path / "case.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(BadInput, match="cannot be read"):
        read_file(path)
    (tmp_path / "notes.txt").write_text("Words of a note.", encoding="utf-8")
    (found,) = read_file(path).attachments
    assert (found.about, found.text) == (value["objects"][-1]["id"], "Words of a note.")
    for wrong in ({"file": "notes.txt"}, {"file": "notes.txt", "for": "zz"}, "notes.txt"):
        path.write_text(json.dumps({**value, "attachments": [wrong]}), encoding="utf-8")
        with pytest.raises(BadInput):
            read_file(path)


def swapped(message: MessagePlan, **changes: Any) -> MessagePlan:
    """The message with its one file section changed, as a dishonest or faulty planner would."""
    (draft,) = files(message)
    new = replace(draft, **changes)
    return replace(message, sections=tuple(new if s is draft else s for s in message.sections))


def framed(draft: SectionDraft, data: bytes, name: str = "attachment-1.txt") -> bytes:
    return Attachment(name=name, about=draft.value()["about"], data=data).to_bytes()


def test_the_guard_finds_a_name_in_a_file_and_refuses_what_it_cannot_search(force: TaskForce, tmp_path: Path) -> None:
    name = victim(force)
    message = force.one(attached(force, NOTEBOOK, tmp_path, notes_txt=b"Words of a note."), INSPECTORS)
    (draft,) = files(message)
    assert force.compose(message)
    for changes in (
        {"plaintext": framed(draft, f"Then {name} left.".encode())},
        {"plaintext": framed(draft, b"Words", name.lower().replace(" ", "-") + ".txt")},
        {"plaintext": framed(draft, b"Words", "wage-list.txt")},
        {"plaintext": framed(draft, documents.pdf(), "attachment-1.pdf"), "media": "application/pdf"},
        {"plaintext": framed(draft, documents.jpeg(), "attachment-1.jpg"), "media": "image/jpeg"},
        {"plaintext": framed(draft, documents.pdf())},
        {"plaintext": b"Words"},
        {"type": "A99"},
    ):
        with pytest.raises(GuardRefused) as caught:
            force.compose(swapped(message, **changes))
        assert name.split()[0] not in str(caught.value)


def test_a_recipient_refuses_bytes_that_are_not_what_they_claim_and_a_file_with_false_labels(
    force: TaskForce, tmp_path: Path
) -> None:
    case = attached(force, FULL, tmp_path, report_pdf=documents.pdf())
    message = force.one(case, PROSECUTOR)
    (draft,) = files(message)
    bad: list[tuple[dict[str, Any], type[RemoteError]]] = [
        ({"plaintext": framed(draft, b"MZ no PDF", "report.pdf")}, ContentRefused),
        ({"plaintext": framed(draft, documents.pdf(), "report.docx")}, ContentRefused),
        ({"plaintext": framed(draft, documents.pdf(script=True), "report.pdf")}, ContentRefused),
        ({"plaintext": documents.pdf()}, ContentRefused),
        ({"roles": ()}, Mislabelled),
    ]
    for changes, error in bad:
        admitted = force.admit(force.compose(swapped(message, **changes)))
        if not admitted.views:
            assert changes == {"roles": ()}  # what is undeclared, the broker refuses first
            continue
        with pytest.raises(error):
            force.open(admitted.views[0].data, PROSECUTOR)


def test_what_the_guard_did_not_attest_as_a_file_is_refused_by_the_broker(force: TaskForce, tmp_path: Path) -> None:
    message = force.one(attached(force, NOTEBOOK, tmp_path, notes_txt=b"Words of a note."), INSPECTORS)
    admitted = force.admit(force.compose(replace(message, guarded=False)))
    assert not admitted.views
    assert admitted.evidence


def test_a_referral_carries_a_file_to_the_shelter_as_words_alone(force: TaskForce, tmp_path: Path) -> None:
    case = attached(force, "03-referral-adult.json", tmp_path, notes_docx=documents.docx("She sleeps badly."))
    message = force.one(case, SHELTER)
    (draft,) = files(message)
    assert draft.name in message.recipients[0].granted and draft.value()["text"] == "She sleeps badly."
