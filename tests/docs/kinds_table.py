"""The table "Message kinds" for docs/catalogue.md, from the catalogue: `python -m tests.docs.kinds_table` prints it."""

from collections.abc import Iterator

from messages.catalogue import CoverField, MessageKind, load
from messages.catalogue.kinds import ALWAYS
from messages.catalogue.loader import TYPE_IDS

HEAD = ("No.", "Kind", "Title", "Types", "Cover must say", "Stands elsewhere", "Deadline", "Answered by", "Workflow")
FIELD_HEAD = ("Field", "Says", "Must be")
LIST_HEAD = ("List", "Code", "Meaning")


def rows() -> list[list[str]]:
    """One row for each kind, in the order of their numbers."""
    return [_row(kind) for kind in sorted(load().kinds.values(), key=lambda k: k.number)]


def fields() -> list[list[str]]:
    """One row for each field that a cover may have."""
    found: dict[str, CoverField] = {}
    for kind in load().kinds.values():
        found |= kind.fields
    return [[f"`{name}`", found[name].says, _expects(found[name])] for name in sorted(found)]


def lists() -> list[list[str]]:
    """One row for each code of each list of covers."""
    found = {f.code_list: f.codes for k in load().kinds.values() for f in k.fields.values() if f.code_list}
    found = {name: codes for name, codes in found.items() if name not in load().codes}  # those have their own section
    return [[name, f"`{code}`", says or "—"] for name in sorted(found) for code, says in found[name].items()]


def _expects(field: CoverField) -> str:
    if field.code_list:
        return f"a code of {field.code_list}" if field.type == "code" else f"codes of {field.code_list}"
    return field.expects


def _row(kind: MessageKind) -> list[str]:
    types = "any" if kind.types == frozenset(TYPE_IDS) else " ".join(sorted(kind.types)) or "none: the cover alone"
    also = f" (also {', '.join(kind.also)})" if kind.also else ""
    answers = ", ".join(f"`{k.value}`" for k in kind.reply) or "nothing"
    return [
        kind.number,
        f"`{kind.kind.value}`",
        kind.title + also,
        types + ("; A02 may go in clear" if kind.identity else ""),
        "; ".join(_demands(kind)),
        ", ".join(f"{name} ({where})" for name, where in kind.computed.items()) or "—",
        kind.deadline.says,
        answers + (f": {kind.answers}" if kind.answers else ""),
        "validate-only" if kind.validate_only else kind.driven_by,
    ]


def _demands(kind: MessageKind) -> Iterator[str]:
    yield ", ".join(f"`{name}`" for name in kind.cover)
    for name, codes in kind.when.items():
        for code, demanded in codes.items():
            yield f"if {name} is {code}: {', '.join(f'`{d}`' for d in demanded)}"
    if more := [n for n in kind.fields if n not in (*kind.cover, *ALWAYS, *_conditional(kind))]:
        yield f"may: {', '.join(f'`{n}`' for n in more)}"


def _conditional(kind: MessageKind) -> set[str]:
    return {n for codes in kind.when.values() for names in codes.values() for n in names}


def _table(head: tuple[str, ...], of: list[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in of:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def section() -> list[str]:
    """The whole section: the kinds, the fields of covers, and their code lists."""
    always = ", ".join(f"`{name}`" for name in ALWAYS)
    return [
        "## Message kinds",
        "",
        "A kind without a workflow is *validate-only*: it is checked, routed and recorded; the rest is up to people.",
        "What stands elsewhere is not typed: it is in the signed manifest, in the objects, in the urgency's clock, or",
        f"in what is answered. Every cover may also have {always}; those of hit queries and their answers may not,",
        "for they carry no narrative.",
        "",
        *_table(HEAD, rows()),
        "",
        "## Fields of covers",
        "",
        "What is written freely, and every date, is searched for known people before it goes to somebody who may not",
        "know them. Codes, ids and digests cannot name anybody.",
        "",
        *_table(FIELD_HEAD, fields()),
        "",
        "## Codes of covers",
        "",
        *_table(LIST_HEAD, lists()),
    ]


if __name__ == "__main__":
    print("\n".join(section()))
