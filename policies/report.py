"""The report of a rehearsal: what the officer who approves sees first, and what both officers sign the digest of.

`to_bytes` is its one form: the same draft gives the same bytes on every machine, so a second signer makes the part that
needs no records again and compares. `text` and `page` say the same to people.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from typing import Any, Final

from messages.errors import Malformed
from messages.labels import Flag, Role
from policies import page
from policies.edition import Edition
from policies.rehearsal import (
    BLOCKS,
    EASIER,
    HARDER,
    PASSES,
    Comparison,
    Line,
    Past,
    Replayed,
    Side,
    Tick,
    Traffic,
    replay,
)
from policies.words import FLAGS, ROLES, listed, words

FORMAT: Final = "safeconduct-rehearsal-1"
REPORT_BYTES: Final = 8 * 1024 * 1024
LINES: Final = 2_000
"""Lines in a report; how many more there were is told. Nobody reads two thousand."""

TITLES: Final[Mapping[str, str]] = {
    PASSES: "Newly passes",
    EASIER: "Passes with less than before",
    BLOCKS: "Newly blocked",
    HARDER: "Needs more than before",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One rehearsal. `matrix` is over everything that could be sent; `traffic` over past decisions, or None."""

    matrix: Mapping[str, Any]
    traffic: Mapping[str, Any] | None = None

    def to_bytes(self) -> bytes:
        """The one form of it."""
        value = {"format": FORMAT, "matrix": self.matrix, "traffic": self.traffic}
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"

    def matrix_bytes(self) -> bytes:
        """The part that needs no records, so that anybody can make it again."""
        return Report(matrix=self.matrix).to_bytes()

    @property
    def digest(self) -> bytes:
        """What is signed."""
        return sha256(self.to_bytes()).digest()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Report":
        """Read it back, or raise `Malformed`: also for bytes that it would not be written in."""
        try:
            if len(data) > REPORT_BYTES:
                raise ValueError
            value = json.loads(data)
            if set(value) != {"format", "matrix", "traffic"} or value["format"] != FORMAT:
                raise ValueError
            found = cls(matrix=dict(value["matrix"]), traffic=value["traffic"])
            if found.to_bytes() != data:
                raise ValueError
        except (ValueError, TypeError, KeyError, RecursionError):
            raise Malformed("The report of the rehearsal cannot be read; rehearse again.") from None
        return found

    @property
    def lines(self) -> list[Line]:
        """What would come out differently."""
        rows: list[dict[str, Any]] = self.matrix["lines"]
        return [_line(row) for row in rows]

    @property
    def exposed(self) -> list[Mapping[str, Any]]:
        """Who would newly see whose identity."""
        return list(self.matrix["exposed"])

    @property
    def changes_nothing(self) -> bool:
        """Whether nothing would come out differently."""
        return not self.matrix["lines"] and not (self.traffic or {}).get("changed") and self.matrix["editions"] is None


def _line(row: Mapping[str, Any]) -> Line:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    return Line(**values)


def rehearse(
    before: Side,
    after: Side,
    at: int,
    past: Iterable[Past] | None = None,
    tick: Tick | None = None,
    *,
    base: int,
    unread: bool = False,
) -> Report:
    """Hold a draft against what is in force, which is the bundle of epoch `base`.

    `unread`: the rules in force cannot be read by this program, so that the draft's stand on both sides; it is told.
    """
    comparison = Comparison(before, after)
    lines = comparison.lines(at, tick)
    matrix = {
        "base": base,
        "at": at,
        "editions": _UNREAD if unread else _editions(before.edition, after.edition),
        "tried": comparison.tried,
        "counts": {change: sum(line.change == change for line in lines) for change in TITLES},
        "exposed": _exposed(lines),
        "lines": [_plain(asdict(line)) for line in lines[:LINES]],
        "more": max(0, len(lines) - LINES),
    }
    traffic = _traffic(replay(past, before, after, at)) if past is not None else None
    return Report(matrix=matrix, traffic=traffic)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return str(value) if isinstance(value, str) else value


def _traffic(found: Traffic) -> dict[str, Any]:
    return {
        "looked_at": found.looked_at,
        "alike": found.alike,
        "unknown": found.unknown,
        "changed": [_plain(asdict(r)) for r in found.changed[:LINES]],
    }


_UNREAD: Final[Mapping[str, Any]] = {
    "rules_added": [],
    "rules_removed": [],
    "rules_changed": [],
    "rights_changed": [],
    "catalogue_changed": False,
    "unreadable": True,
}


def _editions(before: Edition, after: Edition) -> dict[str, Any] | None:
    """Which rules, rights and types differ; None where the edition is the same."""
    if before.digests == after.digests:
        return None
    old, new = ({r.id: r for r in e.engine.rules} for e in (before, after))
    oldest, newest = before.statements, after.statements
    rights = [
        f"{data_type} to {party}: {before.rights.right(data_type, party)} → {after.rights.right(data_type, party)}"
        for data_type, party in sorted(before.rights.table.keys() | after.rights.table.keys())
        if before.rights.right(data_type, party) != after.rights.right(data_type, party)
    ]
    return {
        "rules_added": sorted(new.keys() - old.keys()),
        "rules_removed": sorted(old.keys() - new.keys()),
        "rules_changed": sorted(i for i in old.keys() & new.keys() if oldest.get(i) != newest.get(i)),
        "rights_changed": rights,
        "catalogue_changed": before.catalogue.digest != after.catalogue.digest,
        "unreadable": False,
    }


def _exposed(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Whose identity, whereabouts or secrets somebody would newly see, and in which types."""
    found: dict[tuple[str, str, str], set[tuple[str, str]]] = {}
    for line in lines:
        if line.exposes:
            pairs = {(r, f) for r in line.roles if Role(r).protected for f in line.flags if f != Flag.QUASI}
            found.setdefault((line.recipient, line.recipient_class, f"{line.data_type}/{line.part}"), set()).update(
                pairs
            )
    alike: dict[tuple[str, str, frozenset[tuple[str, str]]], list[str]] = {}
    for (to, party, section), seen in found.items():
        alike.setdefault((to, party, frozenset(seen)), []).append(section)
    rows = [
        {
            "to": to,
            "class": party,
            "roles": sorted({r for r, _ in pairs}),
            "flags": [f.value for f in Flag if any(f == flag for _, flag in pairs)],
            "types": sorted(sections),
        }
        for (to, party, pairs), sections in alike.items()
    ]
    return sorted(rows, key=lambda row: (row["to"], row["types"], row["roles"]))


# In words

_SAID: Final[Mapping[str, str]] = {
    PASSES: "would newly pass",
    EASIER: "would pass with less than before",
    BLOCKS: "would newly be blocked",
    HARDER: "would need more than before",
}
_PROTECTED: Final = frozenset(r for r in Role if r.protected)
_WHOSE: Final[Mapping[frozenset[Role], str]] = {
    _PROTECTED: "any protected person",
    frozenset(Role) - _PROTECTED: "anybody who is not protected",
    frozenset(Role): "anybody",
}


def _whose(roles: Iterable[str]) -> str:
    found = frozenset(map(Role, roles))
    return _WHOSE.get(found) or listed([ROLES[r] for r in Role if r in found], "or")


def headline(report: Report) -> str:
    """The whole in one sentence."""
    counts = report.matrix["counts"]
    said = [f"{n} {_SAID[change]}" for change in TITLES if (n := counts[change])]
    if not report.matrix["lines"] and not (report.traffic or {}).get("changed"):
        return "Nothing that could be sent would come out differently."
    exposed = {row["to"] for row in report.exposed}
    to = (
        f" Protected persons are newly exposed to {listed(sorted(exposed))}."
        if exposed
        else " Nobody is newly exposed."
    )
    if not said:
        return "Of what could be sent nothing comes out differently, but of past messages something does."
    return f"Of what could be sent between those it concerns, {listed(said)}.{to}"


def exposure(row: Mapping[str, Any]) -> str:
    """One line of who would newly see what."""
    does = listed([FLAGS[Flag(f)] for f in row["flags"]], "or")
    whose = _whose(row["roles"])
    return f"{row['to']} ({row['class']}) would newly get what {does} {whose}: {', '.join(row['types'])}"


def sentence(line: Line, sections: Iterable[str] = ()) -> str:
    """One line of the report as a sentence; of several that differ in nothing but their section, as one."""
    whose = _whose(line.roles) or "nobody"
    does = listed([FLAGS[Flag(f)] for f in line.flags])
    what = listed(list(sections) or [section(line)])
    points = f", which {does} {whose}" if does else f" about {whose}"
    where = f"in {listed(list(line.kinds), 'or')} for {listed(list(line.purposes), 'or')}"
    codes = f", under {listed(list(line.codes), 'or')}" if line.codes else ""
    return f"{line.sender} to {line.recipient} ({line.recipient_class}): {what}{points}, {where}{codes}. {_needs(line)}"


def section(line: Line) -> str:
    """Type and part."""
    return line.data_type if line.data_type == line.part else f"{line.data_type}/{line.part}"


def _needs(line: Line) -> str:
    before, after = (" or ".join(_way(w) for w in ways) for ways in (line.needs_before, line.needs_after))
    if line.change == PASSES:
        return f"It did not pass; it would, with {after}."
    if line.change == BLOCKS:
        return f"It passed with {before}; it would not."
    return f"It passed with {before}; it would with {after}."


_SHORT: Final[Mapping[str, str]] = {
    "attested": "the guard's check",
    "consent_covers": "consent",
    "released": "a second contact's release",
    "accepted": "the recipient's acceptance",
    "reviewed": "a second contact's review",
    "vital_interest": "a vital interest",
    "onward_permitted": "the originator's permission",
    "proceedings_permitted": "the originator's permission for proceedings",
    "fiu_consent": "the financial intelligence unit's permission",
    "nothing": "nothing besides",
}


def _way(way: str) -> str:
    return listed([_SHORT.get(n) or words(n).holds.rstrip(".").lower() for n in way.split(" + ")])


def replayed(row: Replayed | Mapping[str, Any]) -> str:
    """One group of past messages as a sentence."""
    r = asdict(row) if isinstance(row, Replayed) else row
    old, new = ", ".join(r["rules_before"]), ", ".join(r["rules_after"])
    n = r["count"]
    return (
        f"{n} {'message' if n == 1 else 'messages'} of kind {r['kind']} from {r['sender']} to {r['recipient']} "
        f"({', '.join(r['types'])}): by {old} before, by {new} after; such as {', '.join(r['messages'])}"
    )


def day(at: int) -> str:
    """A day in words."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d")


def paragraphs(report: Report) -> list[tuple[str, list[str]]]:
    """Titled lists of sentences: what is newly exposed stands first."""
    found: list[tuple[str, list[str]]] = []
    edition = report.matrix["editions"]
    if edition is not None:
        found.append(("The rules themselves change", _edition_words(edition)))
    if report.exposed:
        found.append(("Newly exposed", [exposure(e) for e in report.exposed]))
    lines = report.lines
    for change, title in TITLES.items():
        alike: dict[Line, list[str]] = {}
        for line in lines:
            if line.change == change:
                alike.setdefault(replace(line, data_type="", part="", count=0), []).append(section(line))
        of = [_dated(line, report) + sentence(line, sections) for line, sections in alike.items()]
        if of:
            found.append((title, of))
    if report.matrix["more"]:
        found.append(("And more", [f"{report.matrix['more']} lines are left out here."]))
    if report.traffic is not None:
        found += past_traffic(report.traffic)
    return found


def _dated(line: Line, report: Report) -> str:
    return f"From {day(line.since)}: " if line.since > report.matrix["at"] else ""


def past_traffic(traffic: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """What was found in past decisions, as titled lists of sentences."""
    looked = traffic["looked_at"]
    known = [
        f"{looked} past decisions were looked at; {traffic['alike']} would come out as before"
        + (f", {traffic['unknown']} cannot be told." if traffic["unknown"] else ".")
    ]
    found = [("Past traffic", known)]
    for change, title in (
        (PASSES, "Past messages that would newly pass"),
        (BLOCKS, "Past messages that would newly be blocked"),
    ):
        rows = [replayed(r) for r in traffic["changed"] if r["change"] == change]
        if rows:
            found.append((title, rows))
    return found


def _edition_words(edition: Mapping[str, Any]) -> list[str]:
    names = (("rules_added", "new rules"), ("rules_removed", "rules taken out"), ("rules_changed", "rules changed"))
    said = [f"{title}: {', '.join(edition[name])}" for name, title in names if edition[name]]
    said += [f"right to identities: {line}" for line in edition["rights_changed"]]
    if edition["unreadable"]:
        said.append(
            "the rules in force cannot be read by this program: what they change to was NOT rehearsed, only the rest; "
            "have it rehearsed where they can be read"
        )
    return said + (["the catalogue of data types changes"] if edition["catalogue_changed"] else [])


def text(report: Report) -> str:
    """The report for a terminal or a letter."""
    lines = [headline(report)]
    for title, items in paragraphs(report):
        lines += ["", title, *(f"  - {item}" for item in items)]
    return "\n".join(lines)


def html(report: Report, title: str = "Rehearsal", digits: str = "") -> str:
    """The report as a page of its own: no script, nothing to load, for screen and paper."""
    parts = [f"<p class='lead'>{escape(headline(report))}</p>"]
    if digits:
        parts.append(f"<p class='digits'>Digits of this report: <code>{escape(digits)}</code></p>")
    parts.append(_totals(report))
    for heading, items in paragraphs(report):
        kind = "exposed" if heading == "Newly exposed" else "opens" if heading.startswith(("Newly p", "Passes")) else ""
        rows = "".join(f"<li>{escape(item)}</li>" for item in items)
        opened = " open" if len(items) <= 40 or kind == "exposed" else ""
        number = next((report.matrix["counts"][c] for c, title in TITLES.items() if title == heading), len(items))
        parts.append(
            f"<details class='{kind}'{opened}><summary>{escape(heading)} <span>{number}</span></summary>"
            f"<ul>{rows}</ul></details>"
        )
    tried, protected = report.matrix["tried"], listed([ROLES[r] for r in Role if r.protected])
    parts.append(
        f"<p class='note'>{tried} cases were tried, against epoch {report.matrix['base']}, as of "
        f"{day(report.matrix['at'])} (UTC) and later dates. Protected are {protected}.</p>"
    )
    return page.html(title, "".join(parts))


def _totals(report: Report) -> str:
    cells: Sequence[tuple[str, int, str]] = (
        ("Newly exposed", len(report.exposed), "bad"),
        *((TITLES[c], report.matrix["counts"][c], "bad" if c in (PASSES, EASIER) else "") for c in TITLES),
    )
    shown = "".join(
        f"<div class='total {style if n else ''}'><b>{n}</b><span>{escape(name)}</span></div>"
        for name, n, style in cells
    )
    return f"<div class='totals'>{shown}</div>"
