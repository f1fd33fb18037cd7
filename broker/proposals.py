"""What a proposal changes in plain words, and what it would let pass, block and expose. Pure.

One place for the command line of whoever signs and for the officers' console: both show the same sentences. Nobody
believes a report that came with a proposal: it is made anew, and is the same bytes or refused. What was found in past
decisions is the word of whoever had the records; it is shown, and its digest is signed with the rest.
"""

import json
from collections.abc import Callable

from audit.record import Record
from keys import ceremony, differences
from keys.ceremony import Assembled, Proposal, Standing
from keys.content import Content, Share
from keys.fingerprints import fingerprint
from messages.directory import Directory
from messages.errors import BadInput, Malformed
from messages.ids import AgencyHandle, message_text
from policies import agreements, edition, extracts, report
from policies.agreements import Agreements, examine, read_all
from policies.edition import Edition
from policies.kept import recall
from policies.lint import Against, errors, lint
from policies.rehearsal import Past, Side
from policies.report import Report

Tick = Callable[[int, int], None]


def shares_of(content: Content) -> dict[AgencyHandle, Share]:
    """Of whom each extract tells."""
    return {h: Share(*seen) for h, seen in extracts.shares(content.agencies, content.agreements).items()}


def assemble(proposal: Proposal, standing: Standing) -> Assembled:
    """The proposal worked out with the agreements' shares."""
    return ceremony.assemble(proposal, standing, shares_of)


def explain(text: str) -> str:
    """An agreement in one line of words."""
    found = agreements.read(text, "the agreement")
    ways = "; ".join(_way(e) for e in found.exchange)
    valid, ceiling = found.valid, found.handling
    return (
        f'"{found.title}" ({found.id}) between {" and ".join(found.parties)}, {valid.start} until {valid.until}; '
        f"{ways}; for {', '.join(found.purposes)} on {', '.join(found.bases)} in {', '.join(found.areas)}; at most "
        f"{ceiling.max_tlp} with {', '.join(ceiling.h)}; kept for {found.retention_days} days"
    )


def _way(way: agreements.Exchange) -> str:
    identities = f"with identities in {', '.join(way.identity)}" if way.identity else "without identities"
    return (
        f"{way.sender} gives {way.recipient} {', '.join(way.types)} ({identities}) by {', '.join(way.kinds)}, as "
        f"{', '.join(way.media)}"
    )


def difference(found: Assembled) -> list[str]:
    """What a proposal changes, in plain words."""
    before = found.before
    known = shares_of(before) if before is not None and found.standing.scope is None else {}
    return [
        *root_lines(found),
        *differences.describe(before, found.after, explain=explain, shares=(known, found.shares)),
    ]


def root_lines(found: Assembled) -> list[str]:
    """What a new root says, in plain words."""
    if found.root is None:
        return []
    role = found.root.signed.roles["root"]
    holders = ceremony.root_keys(found.root, "root")
    before = ceremony.root_keys(found.standing.root, "root") if found.standing.root is not None else []
    titles = {o.key: o.title for o in ceremony.people(found.after)}
    lines = [
        f"the root of trust becomes version {found.root.signed.version}, fingerprint "
        f"{ceremony.root_fingerprint(found.root)}; {role.threshold} of its {len(holders)} holders change it, until "
        f"{found.root.signed.expires:%Y-%m-%d}"
    ]
    lines += [f"{'new ' if k not in before else ''}root holder: {ceremony.holder(found.root, k)}" for k in holders]
    if found.standing.root is not None:
        last = found.standing.root
        lines += [f"no longer a root holder: {ceremony.holder(last, k)}" for k in before if k not in holders]
    lines += [
        f"officer's key: {fingerprint(k)} ({titles.get(k, 'unknown')})"
        for k in ceremony.root_keys(found.root, "targets")
    ]
    lines += [f"online key: {fingerprint(k)}" for k in ceremony.root_keys(found.root, "timestamp")]
    return lines


# What it would let pass


def edition_of(decided: Content) -> Edition:
    """The rules and the catalogue that a content holds, or raise `BadInput` with what is wrong in which file."""
    rules, catalogue = (_texts(data) for data in (decided.rules, decided.catalogue))
    if rules[1]:
        return edition.read(rules[1], catalogue[1] or None)
    installed = edition.installed()
    if (rules[0], catalogue[0]) != installed.digests:
        raise BadInput(
            "The trust bundle names rules or a catalogue that this program does not have; install the edition that the "
            "task force uses."
        )
    return installed


def _texts(data: bytes) -> tuple[str, dict[str, str]]:
    try:
        value = json.loads(data)
        return str(value["digest"]), {str(k): str(v) for k, v in value["texts"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Malformed("The rules or the catalogue of the trust bundle cannot be read.") from None


def side_of(decided: Content, made: Edition | None = None) -> Side:
    """A content as one side of a comparison."""
    return Side(
        edition=made or edition_of(decided),
        directory=decided.directory(),
        agreements=Agreements(read_all(decided.agreements.items())),
    )


def sides(found: Assembled) -> tuple[Side, Side, bool]:
    """Before and after, and whether the rules in force could not be read, so that the new ones stand on both sides."""
    if found.standing.scope is not None:
        return *_own_sides(found.standing, found.after), False
    after = side_of(found.after)
    if found.before is None:
        nothing = Directory(agencies=(), contacts=(), operator=found.after.operator)
        return Side(edition=after.edition, directory=nothing, agreements=Agreements()), after, False
    try:
        made = edition_of(found.before)
    except (BadInput, Malformed):
        return side_of(found.before, after.edition), after, True
    return side_of(found.before, made), after, False


def _own_sides(standing: Standing, after: Content) -> tuple[Side, Side]:
    """As a head sees it: its agency's extract, before and after its own contacts change."""
    bundle, agency = standing.extract, standing.scope
    if bundle is None or agency is None:
        raise BadInput("A head works from its own agency's extract of the trust bundle.")
    edition.check(bundle)
    agreements = Agreements(read_all(bundle.agreements.items()))
    own = tuple(after.contacts.get(agency, ()))
    others = tuple(c for c in bundle.directory.contacts if c.agency != agency)
    changed = Directory(
        agencies=bundle.directory.agencies,
        contacts=(*others, *own),
        operator=bundle.directory.operator,
        officers=bundle.directory.officers,
    )
    made = edition.installed()
    return (
        Side(edition=made, directory=bundle.directory, agreements=agreements),
        Side(edition=made, directory=changed, agreements=agreements),
    )


def rehearse(found: Assembled, past: list[Past] | None = None, tick: Tick | None = None) -> Report:
    """The report about a proposal, from the proposal's own date."""
    before, after, unread = sides(found)
    return report.rehearse(before, after, found.proposal.at, past, tick, base=found.proposal.base, unread=unread)


def checked(found: Assembled, tick: Tick | None = None) -> Report | None:
    """The report that a proposal carries, once it was made again here and is the same; None where none is needed.

    Raises `BadInput` where there is none, or one of other changes, and where an agreement that is new says what no
    agreement may.
    """
    both = compared(found, None, tick)
    return both[0] if both is not None else None


def compared(found: Assembled, past: list[Past] | None, tick: Tick | None = None) -> tuple[Report, Report] | None:
    """The same with the report that was made here, which is over these past decisions."""
    if not found.touches_policy:
        return None
    refuse_bad_agreements(found)
    if not found.proposal.rehearsal:
        raise BadInput("The proposal was not rehearsed yet; run: safeconduct bundle rehearse")
    carried = Report.from_bytes(found.proposal.rehearsal)
    made = rehearse(found, past, tick)
    if made.matrix_bytes() != carried.matrix_bytes():
        raise BadInput(
            "The rehearsal in the proposal is not of these changes, or was made by another edition of this program; "
            "rehearse again: safeconduct bundle rehearse"
        )
    return carried, made


def refuse_bad_agreements(found: Assembled) -> None:
    """Raise `BadInput` for a new or changed agreement that the lint refuses: before activation, not after."""
    before = dict(found.before.agreements) if found.before is not None else {}
    new = {n: t for n, t in found.after.agreements.items() if before.get(n) != t}
    if not new or found.standing.scope is not None:
        return
    against = Against(
        edition=edition_of(found.after),
        moment=found.proposal.at,
        directory=found.after.directory(),
        standing=Agreements(read_all((n, t) for n, t in found.after.agreements.items() if n not in new)),
    )
    bad = [
        f for f in errors(lint([examine(t, n) for n, t in new.items()], against)) if not _ends(f.source, before, new)
    ]
    if bad:
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise BadInput(f"{bad[0].source}, line {bad[0].line}: {bad[0].says} {bad[0].do}{more}".strip())


def _ends(name: str, before: dict[str, str], new: dict[str, str]) -> bool:
    """Whether an agreement only ends earlier than it did: that is never refused for what it said all along."""
    if name not in before:
        return False
    old, now = (next(iter(read_all([(name, text)]))) for text in (before[name], new[name]))
    return now.end <= old.end and old.model_copy(update={"valid": now.valid}) == now


def past(record: Record) -> Past:
    """A decision as a rehearsal takes it; of one that keeps no facts, or in other words, only that it was."""
    try:
        kinds = [kind for _, kind, _ in record.sections]
        sections = recall(record.kind or "", kinds, record.facts) if record.facts is not None else ()
    except Malformed:
        sections = ()
    return Past(
        message=message_text(record.message or bytes(16)),
        at=record.at,
        sender=record.sender or "",
        recipient=record.recipient or "",
        outcome=record.outcome,
        sections=sections,
    )
