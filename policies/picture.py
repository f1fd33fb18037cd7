"""Who may send what to whom, as cells that are explained, as a picture, and as a page. Pure.

A cell is one data type in one direction. How far it goes is found by asking the rules (`policies.passage`), over a
victim's identity and over what points at nobody, so the picture cannot say otherwise than a decision would. Whether
anybody is mandated on both sides at that moment is told besides: what is agreed and lawful may still be closed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from html import escape
from typing import Any, Final

from messages.catalogue.loader import TYPE_IDS
from messages.directory import Agency, Directory
from messages.labels import Keeping, PartyClass
from policies import page
from policies.agreements import Agreement, Agreements, Exchange
from policies.cases import ATTESTED, CONSENT, RELEASED, Conditions, Setting, stand_in
from policies.edition import Edition
from policies.matrix import mandated
from policies.passage import About, Passage, brought, passages
from policies.words import listed, type_name


class Level(StrEnum):
    """How far a data type goes in one direction, from the most open."""

    FULL = "full"
    RELEASE = "release"
    CONSENT = "consent"
    REDACTED = "redacted"
    CODED = "coded"
    NEVER = "never"


SAYS: Final[Mapping[Level, str]] = {
    Level.FULL: "whole, identities of protected persons included",
    Level.RELEASE: "identities only with a second contact's release",
    Level.CONSENT: "identities only with the person's consent",
    Level.REDACTED: "without identities, checked by the release guard",
    Level.CODED: "as codes only, checked by the release guard",
    Level.NEVER: "agreed on paper, but no rule lets it pass",
}
LETTER: Final[Mapping[Level, str]] = {
    Level.FULL: "F", Level.RELEASE: "R", Level.CONSENT: "C", Level.REDACTED: "r", Level.CODED: "c", Level.NEVER: "x",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One data type from one agency to another under one agreement."""

    sender: str
    sender_class: PartyClass
    recipient: str
    recipient_class: PartyClass
    agreement: str
    until: int
    data_type: str
    level: Level
    kinds: tuple[str, ...]  # in which anything of it passes
    identity_kinds: tuple[str, ...]  # in which a protected person's identity does
    needs: tuple[str, ...]  # what an identity needs, or where none passes what the rest needs: sentences
    purposes: tuple[str, ...]
    senders: tuple[str, ...]  # contacts with a mandate for it at that moment
    recipients: tuple[str, ...]
    rules: tuple[str, ...]  # by which it passes, or which stand in the way

    @property
    def open(self) -> bool:
        """Whether anybody on both sides may use it at that moment."""
        return self.level is not Level.NEVER and bool(self.senders and self.recipients)

    @property
    def says(self) -> str:
        """The cell in one sentence."""
        closed = "" if self.open or self.level is Level.NEVER else "; nobody is mandated for it at this moment"
        return f"{type_name(self.data_type)}: {SAYS[self.level]}{closed}"


def cells(directory: Directory, agreements: Agreements, edition: Edition, moment: int) -> tuple[Cell, ...]:
    """All cells in force at `moment`, by sender, recipient, data type and agreement."""
    agencies = {a.name: a for a in directory.agencies}
    known: dict[object, tuple[Passage, ...]] = {}
    found: list[Cell] = []
    with edition.deciding():
        for agreement in agreements.values():
            if not agreement.in_force(moment) or not set(agreement.parties) <= agencies.keys():
                continue
            for exchange in agreement.exchange:
                sender, recipient = agencies[exchange.sender], agencies[exchange.recipient]
                for data_type in exchange.types:
                    setting = _setting(directory, sender, recipient, agreement, edition, moment)
                    key = _key(setting, agreement, exchange, data_type)
                    if key not in known:
                        tried = (About.VICTIM, About.CODED, About.SUSPECT, About.NOBODY)
                        found_all = passages(setting, exchange, data_type, edition.engine, tried=tried)
                        known[key] = tuple(found_all)
                    found.append(_cell(directory, setting, agreement, data_type, known[key], edition))
    return tuple(sorted(found, key=lambda c: (c.sender, c.recipient, c.data_type, c.agreement, c.kinds)))


def _setting(
    directory: Directory, sender: Agency, recipient: Agency, agreement: Agreement, edition: Edition, moment: int
) -> Setting:
    contacts = directory.contacts_of(recipient.handle)
    service = bool(contacts) and all(c.keeping is Keeping.SERVICE for c in contacts)
    return Setting(
        sender=stand_in(sender, moment, name="sender"),
        sender_agency=sender,
        recipient=stand_in(recipient, moment, Keeping.SERVICE if service else Keeping.PERSON, "recipient"),
        recipient_agency=recipient,
        agreement=agreement,
        catalogue=edition.catalogue,
        moment=moment,
    )


def _key(setting: Setting, agreement: Agreement, exchange: Exchange, data_type: str) -> object:
    """All that the passages of a type depend on, without names."""
    one, other = setting.sender_agency, setting.recipient_agency
    return (
        (one.party_class, one.written_consent_only), other.party_class, one.country == other.country,
        setting.recipient.keeping, data_type, data_type in exchange.identity, exchange.kinds, exchange.media,
        agreement.purposes, agreement.bases, agreement.areas, agreement.handling.max_tlp, agreement.handling.h,
        agreement.joint_team,
    )  # fmt: skip


def _cell(
    directory: Directory,
    setting: Setting,
    agreement: Agreement,
    data_type: str,
    found: Sequence[Passage],
    edition: Edition,
) -> Cell:
    possible = [p for p in found if p.possible]
    named = [p for p in possible if p.about is About.VICTIM]
    ways = {way for p in (named or possible) for way in p.needs}
    easiest = sorted((w for w in ways if not any(o < w for o in ways)), key=lambda w: (len(w), sorted(w)))
    told = possible or found
    rules = {i for p in (named or told) for i in p.decision.because}
    sender, recipient = setting.sender_agency, setting.recipient_agency
    return Cell(
        sender=sender.name,
        sender_class=sender.party_class,
        recipient=recipient.name,
        recipient_class=recipient.party_class,
        agreement=agreement.id,
        until=agreement.end,
        data_type=data_type,
        level=_level(named, possible, edition, data_type, recipient.party_class),
        kinds=tuple(dict.fromkeys(p.kind.value for p in possible)),
        identity_kinds=tuple(dict.fromkeys(p.kind.value for p in named)),
        needs=tuple(listed(brought(way)) or "nothing besides" for way in easiest[:3]),
        purposes=tuple(p.value for p in agreement.purposes),
        senders=mandated(directory, sender, data_type, agreement, setting.moment, sending=True),
        recipients=mandated(directory, recipient, data_type, agreement, setting.moment, sending=False),
        rules=tuple(sorted(rules)),
    )


def _level(
    named: Sequence[Passage],
    possible: Sequence[Passage],
    edition: Edition,
    data_type: str,
    party: PartyClass,
) -> Level:
    ways: set[Conditions] = {way for p in named for way in p.needs}
    if any(way <= {ATTESTED} for way in ways):
        return Level.FULL
    if any(RELEASED in way and CONSENT not in way for way in ways):
        return Level.RELEASE
    if ways:
        return Level.CONSENT
    if not possible:
        return Level.NEVER
    entry = edition.catalogue.types.get(data_type)
    return Level.CODED if entry is not None and entry.receivers.get(party) == "coded" else Level.REDACTED


# The picture

CELL: Final = 15  # a mark's place, in pixels
ACROSS: Final = 7  # places in a row of a cell: four rows hold all 28 types
DOWN: Final = -(-len(TYPE_IDS) // ACROSS)
PAD: Final = 9
LEFT: Final = 190
TOP: Final = 150
MOST: Final = 24
"""Agencies that one picture shows; of more, those of one agency and its partners are shown."""

_MARKS: Final[Mapping[Level, str]] = {
    Level.FULL: "M2 2h9v9h-9z",
    Level.RELEASE: "M6.5 1l5.5 5.5-5.5 5.5L1 6.5z",
    Level.CONSENT: "M6.5 2a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9z",
    Level.REDACTED: "M2 7h9v4h-9z",
    Level.CODED: "M4.5 4.5h4v4h-4z",
    Level.NEVER: "M2 3.4L3.4 2L6.5 5.1L9.6 2L11 3.4L7.9 6.5L11 9.6L9.6 11L6.5 7.9L3.4 11L2 9.6L5.1 6.5z",
}
"""Each level has a shape of its own, so that nobody has to tell colours apart."""

_SVG_STYLE: Final = """
.m-full{fill:var(--full,#b3261e)}.m-release{fill:var(--release,#d9730d)}.m-consent{fill:var(--consent,#b58900)}
.m-redacted{fill:var(--redacted,#2f7d4f)}.m-coded{fill:var(--coded,#3a6ea5)}.m-never{fill:var(--never,#8a939c)}
.closed{fill-opacity:.18;stroke-width:1.1;stroke-opacity:.9}
.closed.m-full{stroke:var(--full,#b3261e)}.closed.m-release{stroke:var(--release,#d9730d)}
.closed.m-consent{stroke:var(--consent,#b58900)}.closed.m-redacted{stroke:var(--redacted,#2f7d4f)}
.closed.m-coded{stroke:var(--coded,#3a6ea5)}.closed.m-never{stroke:var(--never,#8a939c)}
a.cell:hover .box,a.cell:focus .box{stroke:var(--ink,#1d2530);stroke-width:2}a.cell:focus{outline:none}
.slot{fill:var(--line,#d5dbe1);fill-opacity:.55}.box{fill:var(--soft,#f3f5f7);stroke:var(--line,#d5dbe1)}
.self{fill:none;stroke:var(--line,#d5dbe1);stroke-dasharray:3 3}
text{fill:var(--ink,#1d2530);font:12px system-ui,"Segoe UI",Roboto,sans-serif}
.small{font-size:10.5px;fill:var(--dim,#5c6773)}.head{font-weight:600}
"""
_DARK: Final = """
@media (prefers-color-scheme:dark){svg{background:#14181d;--ink:#e7ebef;--dim:#9aa5b1;--soft:#1d232a;--line:#37404a;
--full:#ef6f67;--release:#f0a04b;--consent:#e0c24a;--redacted:#5fb884;--coded:#74a9de;--never:#6d7782}}
"""


def shown_agencies(found: Iterable[Cell], about: str = "") -> list[str]:
    """Whom a picture shows: everybody, or one agency and those with whom it has an agreement."""
    names = {n for c in found for n in (c.sender, c.recipient) if not about or about in (c.sender, c.recipient)}
    return sorted(names, key=lambda n: (n != about, n))


def svg(found: Sequence[Cell], names: Sequence[str], classes: Mapping[str, PartyClass], *, alone: bool = True) -> str:
    """A grid: each row an agency that sends, each column one that receives, each mark a data type in its own place.

    `alone`: with its own colours for light and dark, as a file; else inside a page that has them.
    """
    width_of, height_of = ACROSS * CELL + PAD, DOWN * CELL + PAD
    width = LEFT + len(names) * (width_of + 6) + 20
    grid = TOP + len(names) * (height_of + 6)
    height = grid + 128
    by_pair: dict[tuple[str, str], list[Cell]] = {}
    for cell in found:
        by_pair.setdefault((cell.sender, cell.recipient), []).append(cell)
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}' "
        f"role='{'img' if alone else 'group'}' aria-labelledby='mt' aria-describedby='md'>",
        "<title id='mt'>Who may send what to whom</title>",
        f"<desc id='md'>{escape(_described(found, names))}</desc>",
        f"<style>{_SVG_STYLE}{_DARK if alone else ''}</style>",
        f"<text x='{LEFT}' y='22' class='head'>receives →</text>",
        f"<text x='14' y='{TOP - 12}' class='head'>sends ↓</text>",
    ]
    for n, name in enumerate(names):
        x, y = LEFT + n * (width_of + 6), TOP + n * (height_of + 6)
        parts.append(
            f"<g transform='translate({x + width_of / 2 - 4:.1f} {TOP - 12}) rotate(-38)'>"
            f"<text>{escape(name)}</text><text class='small' y='13'>{escape(str(classes.get(name, '')))}</text></g>"
        )
        middle = y + height_of / 2
        parts.append(
            f"<text x='{LEFT - 12}' y='{middle:.1f}' text-anchor='end'>{escape(name)}</text>"
            f"<text class='small' x='{LEFT - 12}' y='{middle + 14:.1f}' text-anchor='end'>"
            f"{escape(str(classes.get(name, '')))}</text>"
        )
    for row, sender in enumerate(names):
        for column, recipient in enumerate(names):
            x, y = LEFT + column * (width_of + 6), TOP + row * (height_of + 6)
            inside = by_pair.get((sender, recipient), ())
            box = _box(inside, x, y, width_of, height_of, sender, recipient)
            parts.append(box if alone or not inside else _linked(box, sender, recipient, inside))
    parts.append(_legend(14, grid + 22, width))
    parts.append("</svg>")
    return "".join(parts)


def _linked(box: str, sender: str, recipient: str, inside: Sequence[Cell]) -> str:
    """A cell that leads to what is written of it below, by pointer and by keyboard."""
    says = escape(f"{sender} to {recipient}: {_counted(inside)}")
    return f"<a class='cell' href='#{_anchor(sender, recipient)}' aria-label='{says}'>{box}</a>"


def _anchor(sender: str, recipient: str) -> str:
    return escape(f"{sender}--{recipient}")


def _counted(inside: Sequence[Cell]) -> str:
    return listed([f"{n} {level}" for level in Level if (n := sum(c.level is level for c in inside))])


def _described(found: Sequence[Cell], names: Sequence[str]) -> str:
    pairs = {(c.sender, c.recipient) for c in found}
    return (
        f"A grid of {len(names)} agencies. {len(pairs)} of its cells hold marks, one for each data type that may be "
        "sent in that direction. The same is written out below the picture, where each of these cells leads."
    )


def _box(inside: Sequence[Cell], x: int, y: int, width: int, height: int, sender: str, recipient: str) -> str:
    if sender == recipient:
        return f"<rect class='self' x='{x}' y='{y}' width='{width}' height='{height}' rx='4'/>"
    if not inside:
        return (
            f"<rect class='box' x='{x}' y='{y}' width='{width}' height='{height}' rx='4' fill-opacity='.35'>"
            f"<title>{escape(sender)} → {escape(recipient)}: no agreement</title></rect>"
        )
    best: dict[str, Cell] = {}
    order = list(Level)
    for cell in inside:
        held = best.get(cell.data_type)
        if held is None or (not held.open, order.index(held.level)) > (not cell.open, order.index(cell.level)):
            best[cell.data_type] = cell
    parts = [f"<rect class='box' x='{x}' y='{y}' width='{width}' height='{height}' rx='4'/>"]
    for n, data_type in enumerate(TYPE_IDS):
        px, py = x + PAD / 2 + (n % ACROSS) * CELL, y + PAD / 2 + (n // ACROSS) * CELL
        mark = best.get(data_type)
        if mark is None:
            parts.append(f"<circle class='slot' cx='{px + CELL / 2:.1f}' cy='{py + CELL / 2:.1f}' r='1.4'/>")
            continue
        closed = "" if mark.open or mark.level is Level.NEVER else " closed"
        parts.append(
            f"<path class='m-{mark.level}{closed}' transform='translate({px + 1:.1f} {py + 1:.1f})' "
            f"d='{_MARKS[mark.level]}'><title>{escape(f'{sender} → {recipient}, {mark.says}')}</title></path>"
        )
    return "".join(parts)


def _legend(x: int, y: int, width: int) -> str:
    parts = [f"<text class='head' x='{x}' y='{y}'>How far a data type goes</text>"]
    column, row, per = 0, 0, max(1, (width - 2 * x) // 330)
    items = [(f"m-{level}", _MARKS[level], SAYS[level]) for level in Level]
    items.append(("m-redacted closed", _MARKS[Level.FULL], "hollow: agreed, but nobody is mandated for it now"))
    for style, mark, says in items:
        px, py = x + column * 330, y + 12 + row * 19
        parts.append(
            f"<path class='{style}' transform='translate({px} {py})' d='{mark}'/><text x='{px + 20}' y='{py + 11}'>"
            f"{escape(says)}</text>"
        )
        column += 1
        if column == per:
            column, row = 0, row + 1
    foot = y + 12 + (row + 1) * 19 + 10
    parts.append(
        f"<text class='small' x='{x}' y='{foot}'>In every cell the types stand in the same places: A01 to A07 in the "
        "first row, A08 to A14 in the second, A15 to A21, A22 to A28.</text>"
    )
    return "".join(parts)


# The page


def html(
    found: Sequence[Cell],
    names: Sequence[str],
    classes: Mapping[str, PartyClass],
    moment: int,
    says: Mapping[str, str],
    title: str = "Who may send what to whom",
) -> str:
    """The picture with everything in it written out. `says` gives the sentence of each rule by its id."""
    shown = [c for c in found if c.sender in names and c.recipient in names]
    at = datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts = [
        f"<p class='lead'>As agreed, mandated and lawful on {at}.</p>",
        "<p class='note'>A map, not a decision: one message may need more, such as a marking that the recipient "
        "honours. Ask about one with <code>safeconduct policy explain</code>.</p>",
        f"<figure class='scroll'>{svg(shown, names, classes, alone=False)}</figure>",
        "<h2>Cell by cell</h2>",
    ]
    pairs: dict[tuple[str, str], list[Cell]] = {}
    for cell in shown:
        pairs.setdefault((cell.sender, cell.recipient), []).append(cell)
    for (sender, recipient), inside in sorted(pairs.items()):
        rows = "".join(_row(c) for c in inside)
        used = sorted({i for c in inside for i in c.rules})
        rules = "".join(f"<dt>{escape(i)}</dt><dd>{escape(says.get(i, ''))}</dd>" for i in used)
        head = "".join(f"<th scope='col'>{name}</th>" for name in _HEADINGS)
        parts.append(
            f"<details><summary>{escape(sender)} → {escape(recipient)} "
            f"<span>{escape(_counted(inside))}</span></summary>"
            f"<div class='scroll' id='{_anchor(sender, recipient)}'><table><thead><tr>{head}</tr></thead>"
            f"<tbody>{rows}</tbody></table></div><dl>{rules}</dl></details>"
        )
    if not pairs:
        parts.append("<p>No agreement is in force.</p>")
    return page.html(title, "".join(parts))


_HEADINGS: Final = ("Data type", "How far", "In messages of kind", "It needs", "Contacts", "Under")


def _row(cell: Cell) -> str:
    day = datetime.fromtimestamp((cell.until - 1) / 1000, UTC).strftime("%Y-%m-%d")
    identity = ""
    if cell.identity_kinds and set(cell.identity_kinds) != set(cell.kinds):
        identity = f"<br><span class='dim'>identities in {escape(', '.join(cell.identity_kinds))}</span>"
    contacts = f"{', '.join(cell.senders) or 'nobody'} → {', '.join(cell.recipients) or 'nobody'}"
    values = (
        escape(type_name(cell.data_type)),
        f"<span class='chip {cell.level}'>{cell.level}</span><br><span class='dim'>{escape(SAYS[cell.level])}</span>",
        escape(", ".join(cell.kinds) or "none") + identity,
        escape("; or ".join(cell.needs) or "nothing would do"),
        escape(contacts),
        f"<span class='whole'>{escape(cell.agreement)}</span><br><span class='dim whole'>until {day}</span><br>"
        f"<span class='dim'>{escape(', '.join(cell.rules))}</span>",
    )
    return "<tr>" + "".join(f"<td>{value}</td>" for value in values) + "</tr>"


def to_value(cell: Cell) -> dict[str, Any]:
    """A cell as plain values."""
    names = Cell.__dataclass_fields__
    plain = {
        n: list(v) if isinstance(v := getattr(cell, n), tuple) else v if isinstance(v, int) else str(v) for n in names
    }
    return {**plain, "open": cell.open, "says": cell.says}
