"""Attachments of a case as sections of a message: pure, for the planner.

Whoever may know gets the cleaned file under a plain name; whoever may not gets its words alone, redacted, under a name
that says nothing. A form that there is none of is withheld with the reason.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.attachments.preparing import Prepared
from adapters.evidencefiles.exhibits import Exhibit
from messages.attachment import FILE, FILE_BYTES, PLAIN, Attachment, generic_name
from messages.errors import ContentRefused
from policies.redaction.errors import RedactionError

REDACTION = "redaction-refused"
UNSEARCHED = "attachment-evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosed:
    """One attachment as a section, or with a rule in place of its content."""

    name: str
    type: str
    media: str
    plaintext: bytes = b""
    replaced: int = 0
    refused: str = ""


def whole(
    attachments: Sequence[Prepared], local: Sequence[Mapping[str, Any]], objects: Sequence[Mapping[str, Any]]
) -> Iterator[Enclosed]:
    """Each as the cleaned file. `local` are the objects with their local ids, `objects` the same as they travel."""
    for _, section, about, prepared in _placed(attachments, local, objects):
        if prepared.clean is None:
            yield Enclosed(name=section, type=about["type"], media=prepared.media, refused=prepared.clean_refused)
            continue
        file = Attachment(name=prepared.name, about=about["id"], data=prepared.clean)
        yield Enclosed(name=section, type=about["type"], media=prepared.media, plaintext=file.to_bytes())


def redacted(
    attachments: Sequence[Prepared],
    local: Sequence[Mapping[str, Any]],
    objects: Sequence[Mapping[str, Any]],
    redact: Callable[[str], tuple[str, int]],
) -> Iterator[Enclosed]:
    """Each as its words, redacted; `redact` returns them and how many passages it replaced, or refuses."""
    for number, section, about, prepared in _placed(attachments, local, objects):
        refused, words, replaced = prepared.text_refused, "", 0
        if prepared.text is not None:
            try:
                words, replaced = redact(prepared.text)
            except (RedactionError, ContentRefused):
                refused = REDACTION
        data = (words + _left_out(prepared)).encode()
        if not refused and len(data) > FILE_BYTES:
            refused = "attachment-too-large"
        if refused:
            yield Enclosed(name=section, type=about["type"], media=PLAIN, refused=refused)
            continue
        file = Attachment(name=generic_name(number, PLAIN), about=about["id"], data=data)
        yield Enclosed(name=section, type=about["type"], media=PLAIN, plaintext=file.to_bytes(), replaced=replaced)


def exhibits(
    files: Sequence[Exhibit],
    local: Sequence[Mapping[str, Any]],
    objects: Sequence[Mapping[str, Any]],
    *,
    searched: bool,
) -> Iterator[Enclosed]:
    """Each evidence file as what its section says of it; where words have to be `searched`, none goes: nobody can."""
    place = {str(obj["id"]): index for index, obj in enumerate(local)}
    for file in files:
        about = objects[place[file.about]]
        said = b"" if searched else file.described(about["id"]).to_bytes()
        refused = UNSEARCHED if searched else ""
        yield Enclosed(name=file.section, type=about["type"], media=file.media, plaintext=said, refused=refused)


def _left_out(prepared: Prepared) -> str:
    return f"\n\n[left out: {', '.join(prepared.left_out)}]" if prepared.left_out else ""


def _placed(
    attachments: Sequence[Prepared], local: Sequence[Mapping[str, Any]], objects: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[int, str, Mapping[str, Any], Prepared]]:
    """(number in the message, name of the section, the object as it travels, the file)."""
    place = {str(obj["id"]): index for index, obj in enumerate(local)}
    for number, prepared in enumerate(attachments, 1):
        index = place[prepared.about]
        about = objects[index]
        yield number, f"{about['type'].lower()}.{index + 1}.{FILE}{number}", about, prepared
