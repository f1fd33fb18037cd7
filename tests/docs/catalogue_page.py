"""docs/catalogue.md, from the catalogue: `python -m tests.docs.catalogue_page` writes it again."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from messages.catalogue import Catalogue, CodeList, DataType, Field, RoleSource, load
from messages.catalogue.across import ACROSS
from messages.catalogue.laws import LAWS
from messages.catalogue.loader import STATES, TYPE_IDS
from policies.redaction.structure import treatment
from tests.docs import kinds_table

PAGE: Final = Path(__file__).parents[2] / "docs" / "catalogue.md"
INTRODUCTION: Final = """\
# The catalogue

What may be said at all: 28 data types with every field, the code lists they use, the laws of their content, and the
kinds of messages that carry them. Anything else is refused, never dropped. The files behind this page are
`messages/catalogue/*.yaml`; officers sign their digest. This page is written from them by
`python -m tests.docs.catalogue_page`, and the JSON Schemas beside it by `python -m tests.docs.schemas`, both run in the
clone; tests compare them.

- [How to read it](#how-to-read-it)
- [Data types](#data-types)
- [Common fields](#common-fields)
- [Laws between objects](#laws-between-objects)
- [Special categories](#special-categories)
- [Code lists](#code-lists)
- [Message kinds](#message-kinds)

## How to read it

**Flags** say what a field can do to the person it is about: D identifies alone, Q identifies in combination, L lets
somebody find the person, S is sensitive. They count while the person's role is protected: victim, presumed victim,
witness, informant, family of a victim, child, or unknown. `D if precise-place` counts for some values only. Text that
people write counts as D until somebody has searched it.

**Parts** are sealed each under its own key, for `facts`, `text` (people's words), `identity`, or `sealed` (opened after
an acceptance only). *all* means that a field stands in every part, so that each part can be judged alone.

**Without identity rights** says what a recipient gets that may not know who somebody is: *keep*, *drop*, *may-drop*
(it depends on the value), *text* (kept, and searched for names), *name* (under that agency's own pseudonym), *month*,
*day*, *region*, *age-band*, *small-count* (from eleven up), *unspecified*.

**Received by** names the classes of agencies that may get a type at all; an agreement can only narrow this. *Redacted*
and *coded*: nothing that identifies, locates or exposes. *Referral*: only in a referral or a notification.

**State** tells how sure a code list is: V read in its source, R recalled and to be checked against it, P our own
proposal. A code may have a state of its own.
"""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    titles = list(head)
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _kind(spec: Field) -> str:
    """The type of value as the data files write it, with its bounds and a link to its code list."""
    if spec.kind == "code" and len(spec.codes) == 1 and not spec.open_codes:
        one = f"`{next(iter(spec.codes))}`"
    elif spec.kind == "code":
        one = f"[{spec.code_list}](#{spec.code_list})"
    elif spec.refers:
        all_of = spec.refers == TYPE_IDS[1:16]
        one = f"ref({'A02..A16' if all_of else ' '.join(spec.refers)})"
    elif spec.kind in ("int", "number"):
        one = f"{spec.kind} {spec.low}..{spec.high:,}"
    elif spec.pattern:
        one = spec.pattern
    else:
        one = spec.kind
    return f"list of {one}" if spec.many else one


def _flags(spec: Field) -> str:
    found = [" ".join(sorted(spec.flags))] if spec.flags else []
    found += [f"{' '.join(sorted(flags))} if {condition}" for condition, flags in spec.flags_if]
    return "; ".join(found)


def _parts(data_type: DataType, spec: Field) -> str:
    if spec.never_leaves:
        return "never leaves"
    return "all" if spec.parts == data_type.parts and len(spec.parts) > 1 else ", ".join(spec.parts)


def _said(data_type: DataType, spec: Field, told: Mapping[str, str]) -> list[str]:
    notes = [spec.note] if spec.note else []
    notes += [f"special category: {spec.special}"] if spec.special else []
    notes += [f"whose: {_role(spec.whose)}"] if spec.whose else []
    return [
        f"`{spec.name}`",
        _kind(spec),
        "yes" if spec.required else "",
        _parts(data_type, spec),
        _flags(spec),
        told.get(spec.name, ""),
        "; ".join(notes),
    ]


def _inner(data_type: DataType, spec: Field) -> Iterator[list[str]]:
    for inner in spec.fields.values():
        part = ", ".join(inner.parts) if inner.parts and inner.parts != spec.parts else ""
        must = "yes" if inner.required else ""
        yield [f"`{spec.name}.{inner.name}`", _kind(inner), must, part, _flags(inner), "", inner.note]


def _role(role: RoleSource) -> str:
    if role.none:
        return "nobody: the flags count always"
    found = [f"as `{role.field}` says"] if role.field else []
    found += [f"{code} means {meant.value}" for code, meant in role.means]
    found += [f"always {role.fixed.value}"] if role.fixed else []
    for added, name, them in role.add:
        values = ", ".join("left out" if value is None else str(value).lower() for value in them)
        found.append(f"{added.value} too where `{name}` is {values}")
    found += [f"child too where `{name}` may mean under 18" for name in role.born]
    return "; ".join(found)


def _received(data_type: DataType) -> str:
    ways: dict[str, list[str]] = {}
    for party, how in data_type.receivers.items():
        only = data_type.only.get(party)
        ways.setdefault(how, []).append(f"{party.value} (only {', '.join(only)})" if only else party.value)
    return "; ".join(f"{how}: {', '.join(parties)}" for how, parties in ways.items())


def _size(limit: int) -> str:
    return f"{limit // (1024 * 1024):,} MiB"


def _type(data_type: DataType, structures: frozenset[str]) -> Iterator[str]:
    yield f"### {data_type.id} {data_type.name}"
    yield ""
    yield f"{data_type.carries} Default handling: TLP:{data_type.tlp}, {data_type.h}."
    yield f"Schema: [{data_type.id}.json](schemas/{data_type.id}.json)."
    yield ""
    told: dict[str, str] = {}
    for part in data_type.parts:
        told = {**treatment(data_type, part), **told}
    rows: list[list[str]] = []
    for spec in data_type.own.values():
        rows.append(_said(data_type, spec, {} if spec.never_leaves else told))
        if spec.kind not in structures:
            rows += _inner(data_type, spec)
    yield from _table(("Field", "Type", "Must", "Part", "Flags", "Without identity rights", "Note"), rows)
    yield ""
    yield f"- **Whose data**: {_role(data_type.role)}."
    yield f"- **Parts**: {', '.join(f'`{part}` ({data_type.purposes[part]})' for part in data_type.parts)}."
    note = f". {data_type.receivers_note}" if data_type.receivers_note else "."
    yield f"- **Received by**: {_received(data_type)}{note}"
    media = ", ".join(f"{name} ({_size(limit)})" for name, limit in data_type.media_limits.items())
    yield f"- **Media types**: {media}."
    required = [name for name, spec in data_type.common.items() if spec.required and name == "evaluation"]
    if required:
        yield "- **Also required**: the common field `evaluation`."
    if data_type.refused:
        yield "- **Refused by name**:"
        yield from (f"  - `{word}`: {why}" for word, why in data_type.refused.items())
    if data_type.laws:
        yield "- **Laws**:"
        for name, _ in data_type.laws:
            law = LAWS[name]
            yield f"  - {law.says}{f' ({law.source})' if law.source else ''}"
    yield f"- **Basis**: {'; '.join(data_type.basis)}."
    yield f"- **Source**: {'; '.join(data_type.source)}."
    yield ""


def _codes(codes: CodeList) -> Iterator[str]:
    yield f"### {codes.name}"
    yield ""
    yield f"Source: {codes.source}. State: {codes.state}.{f' {codes.note}' if codes.note else ''}"
    if codes.open:
        yield f"Open for codes of the form `{codes.open}`."
    yield ""
    attributes = {
        code: {name: value for name, value in own.items() if name not in ("says", "state")}
        for code, own in codes.attributes.items()
    }
    if not any(codes.codes.values()) and not any(attributes.values()):
        yield ", ".join(_coded(codes, code) for code in codes.codes)
    else:
        rows = [
            [_coded(codes, code), "; ".join([*([says] if says else []), *_attributes(attributes.get(code, {}))])]
            for code, says in codes.codes.items()
        ]
        yield from _table(("Code", "Meaning"), rows)
    yield ""


def _coded(codes: CodeList, code: str) -> str:
    own = codes.state_of(code)
    return f"`{code}`{f' [{own}]' if own != codes.state else ''}"


def _attributes(own: Mapping[str, str]) -> list[str]:
    return [f"`{value}`" if name == "mark" else f"{name}: {value}" for name, value in own.items()]


def text(catalogue: Catalogue | None = None) -> str:
    """The page as it is published."""
    found = catalogue or load()
    structures = frozenset({"geo", "money", "hash", "file-hash", "evaluation", "handling"})
    types = found.types.values()
    lines: list[str] = [INTRODUCTION, "## Data types", ""]
    rows = [[f"[{t.id}](#{t.id.lower()}-{t.name})", t.name, t.carries, f"{t.tlp} {t.h}", _received(t)] for t in types]
    lines += [*_table(("Type", "Name", "Carries", "Default", "Received by"), rows), ""]
    for data_type in types:
        lines += _type(data_type, structures)
    lines += ["## Common fields", "", "Every object and every part of it has these.", ""]
    common = next(iter(types)).common
    shown = [
        [f"`{s.name}`", "its own id" if s.name == "type" else _kind(s), "yes" if s.required else "", s.note]
        for s in (*common.values(), *_structured(types))
    ]
    shown = [row if row[0] != "`evaluation`" else [*row[:2], "A01, A05, A06", *row[3:]] for row in shown]
    lines += [*_table(("Field", "Type", "Must", "Note"), shown), ""]
    lines += [
        "## Laws between objects",
        "",
        "What must hold between the objects of one message, as their sender has them.",
        "",
    ]
    lines += [*_table(("Law", "Source"), [[law.says, law.source] for law in ACROSS.values()]), ""]
    lines += ["## Special categories", "", "Fields that hold data of GDPR article 9 and LED article 10 (R-20).", ""]
    special = [[f"{t.id} `{s.name}`", s.special] for t in types for s in t.own.values() if s.special]
    lines += [*_table(("Field", "Category"), special), ""]
    lines += ["## Code lists", ""]
    lines += [f"{state}: {says}." for state, says in STATES.items()]
    lines += [""]
    for name in sorted(found.codes):
        lines += _codes(found.codes[name])
    lines += kinds_table.section()
    return "\n".join(lines) + "\n"


def _structured(types: Iterable[DataType]) -> Iterator[Field]:
    """The fields of each structure, named by it."""
    seen: set[str] = set()
    for data_type in types:
        for spec in (*data_type.common.values(), *data_type.own.values()):
            if spec.fields and spec.kind != "object" and spec.kind not in seen:
                seen.add(spec.kind)
                yield from (_under(spec.kind, inner) for inner in spec.fields.values())


def _under(kind: str, inner: Field) -> Field:
    return replace(inner, name=f"{kind}.{inner.name}")


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
