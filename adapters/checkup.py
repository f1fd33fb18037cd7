"""What `safeconduct doctor` says of an agency: pure functions from facts, which `adapters.examining` gathers."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from adapters.trust import MISSED, Refused
from keys import checkup
from keys.certificates import day
from keys.checkup import SOON, duration, many, say
from messages.directory import Agency, Contact, Directory
from messages.health import Finding, bad, good, warn
from messages.limits import ADMISSION_WINDOW, DAY, HOUR
from policies.agreements import Agreement

STUCK: Final = HOUR
KEY_SOON: Final = 7 * DAY
OFFICERS: Final = "Call the security officers by telephone, and send nothing until they have looked."


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the journal holds, as counts and dates."""

    queued: int = 0
    oldest_queued: int | None = None
    held: int = 0
    quarantined: int = 0
    unread: int = 0  # urgent messages of which somebody was told that nobody opened them, and whose clock still runs
    aside: int = 0  # messages of which words are kept aside
    unsealed: int = 0  # messages that wait for the release guard
    new_epochs: tuple[tuple[int, int], ...] = ()  # newer than ours, and when each was seen first
    confirmed: bool = False  # whether the log is known to hold our extract of this epoch
    promises: tuple[int, ...] = field(default=(), repr=False)  # include-by of what is not proved yet


# the trust bundle


def trust_refused(note: Refused | None, home: Path) -> list[Finding]:
    """The last bundle that was offered and did not hold."""
    if note is None:
        return []
    fetch = say("bundle", "refresh", "--home", home)
    return [
        bad(
            "trust bundle",
            f"What was offered last was refused ({note.why}): {note.sentence} Nothing is sent until one holds.",
            f"{fetch}\nIf it stays so, call the security officers, and have one brought on a stick:"
            " safeconduct bundle carry-in --help",
        )
    ]


def epochs(standing: Standing, ours: int, now: int, home: Path) -> list[Finding]:
    """Epochs that were seen and not fetched, and whether the log holds ours."""
    found = []
    missed = [(epoch, seen) for epoch, seen in standing.new_epochs if now - seen > MISSED]
    if missed:
        epoch, seen = missed[0]
        found.append(
            bad(
                "trust bundle",
                f"Epoch {epoch} is in force since at least {duration(now - seen)}, and could not be fetched: "
                "somebody may be holding it back.",
                f"{say('bundle', 'refresh', '--home', home)}\nIf it stays so, call the security officers.",
            )
        )
    elif standing.new_epochs:
        found.append(
            warn(
                "trust bundle",
                f"Epoch {standing.new_epochs[-1][0]} was seen in a message and is not here yet.",
                say("bundle", "refresh", "--home", home),
            )
        )
    if standing.confirmed:
        found.append(good("trust bundle", f"The log holds our extract of epoch {ours}."))
    return found


def unconfirmed(ours: int) -> Finding:
    """The log does not hold our extract of this epoch, as far as we know."""
    return warn(
        "trust bundle",
        f"That the log holds our extract of epoch {ours} is not proved yet.",
        "Run safeconduct doctor again in a minute, with the broker up; if it stays so for an hour, tell the security"
        " officers.",
    )


def encryption_keys(directory: Directory, contacts: Iterable[Contact], now: int, home: Path) -> list[Finding]:
    """Contacts to whom nothing can be sealed, now or soon."""
    found = []
    for contact in contacts:
        mandate = checkup.live(contact, now)
        if mandate is None or not mandate.may_receive:
            continue
        address, current = directory.address(contact), contact.statement_at(now)
        do = f"{say('keys', '--home', home, '--as', contact.name, '--renew')}\nThen the officers publish it."
        if current is None:
            found.append(bad("encryption key", f"{address} has none in force: nobody can send to it.", do))
            continue
        last = max(s.end for s in contact.statements)
        newest = max(s.start for s in contact.statements)
        if last - now < KEY_SOON:
            found.append(
                warn(
                    "encryption key",
                    f"The last one of {address} ends on {day(last)}; then nobody can send to it.",
                    do,
                )
            )
        elif now >= newest + contact.rotation_days * DAY:
            found.append(
                warn(
                    "encryption key",
                    f"{address} was to have the next one after {contact.rotation_days} days, and none is published.",
                    do,
                )
            )
    return found or [good("encryption key", "Every contact that may receive has one.")]


def ended(
    directory: Directory, contacts: Iterable[Contact], here: Iterable[str], now: int, home: Path
) -> list[Finding]:
    """Contacts whose mandate is over and whose key still lies here, and keys that are nobody's yet."""
    found, names = [], set(here)
    known = {c.name: c for c in contacts}
    for name in sorted(names & known.keys()):
        contact = known[name]
        last = max((min(m.end, m.revoked or m.end) for m in contact.mandates), default=None)
        if last is not None and last <= now:
            found.append(
                warn(
                    "mandates",
                    f"The mandate of {directory.address(contact)} ended on {day(last)}, and its key lies here still.",
                    "If it is to go on: safeconduct contact mandate --help. Else, once nothing waits for it, destroy "
                    f"{home / 'keys' / name}.key.",
                )
            )
        elif last is None:
            found.append(
                warn(
                    "mandates",
                    f"{directory.address(contact)} has no mandate, so it can do nothing.",
                    "Have two officers grant one: safeconduct contact mandate --help",
                )
            )
    for name in sorted(names - known.keys()):
        found.append(
            warn(
                "mandates",
                f"The keys of {name} lie here, and the trust bundle knows no such contact of ours.",
                f"Send the officers its request: {say('contact', 'request', name, '--home', home)}",
            )
        )
    return found


def own_agency(agency: Agency, now: int) -> list[Finding]:
    """Our guard's and head's keys, and whether we are still a member."""
    if agency.retired is not None and agency.retired <= now:
        do = "Go through what is left to do with the officers: safeconduct agency checklist --help"
        return [bad("agency", f"{agency.name} left the task force on {day(agency.retired)}.", do)]
    guards = [g.end for g in agency.guards]
    named = [("The release guard's key", max(guards))] if guards else []
    if agency.head is not None:
        named.append(("The head's key", agency.head.end))
    found = checkup.ending("agency", named, now, "Ask the officers for a new one: safeconduct agency --help")
    if not guards:
        do = "Ask the officers to publish it: safeconduct agency request --help"
        found.append(
            warn("agency", "No release guard is published: nothing goes to parties without identity rights.", do)
        )
    return found


def agreements(held: Iterable[Agreement], now: int) -> list[Finding]:
    """Agreements that end soon, or that nothing follows."""
    all_of_them = list(held)
    live = [a for a in all_of_them if a.in_force(now)]
    do = "Agree on what follows it, and have it published: safeconduct bundle add-agreement --help"
    named = [
        (f"{a.id} ({', '.join(a.parties)})", a.end)
        for a in live
        if not any(set(b.parties) == set(a.parties) and b.start <= a.end < b.end for b in all_of_them)
    ]
    found = checkup.ending("agreements", named, now, do)
    if not live:
        return [warn("agreements", "None is in force: nobody can be sent anything.", do)]
    return found or [good("agreements", f"{len(live)} in force, none ends within {duration(SOON)}.")]


# the journal and the guard


def journal(standing: Standing, now: int, home: Path) -> list[Finding]:
    """What is stuck in the journal."""
    found = []
    if standing.oldest_queued is not None and now - standing.oldest_queued > STUCK:
        age = now - standing.oldest_queued
        says = f"{many(standing.queued, 'message')} not gone yet, the oldest for {duration(age)}."
        if age > ADMISSION_WINDOW:
            says += " It is too old to be admitted: a person has to look at it and send it anew."
        do = say("outbox", "--home", home, "--flush")
        found.append(bad("outbox", says, do) if age > ADMISSION_WINDOW else warn("outbox", says, do))
    if standing.held:
        found.append(
            warn(
                "outbox",
                f"{many(standing.held, 'message')} held until a second contact's release.",
                "safeconduct release --help",
            )
        )
    if standing.quarantined:
        found.append(
            warn(
                "inbox",
                f"{many(standing.quarantined, 'message')} kept aside because a check did not hold.",
                f"Show them to a security officer: {say('inbox', 'list', '--home', home)}",
            )
        )
    if standing.unread:
        found.append(
            warn(
                "inbox",
                f"{many(standing.unread, 'urgent message')} that nobody has opened.",
                say("requests", "--home", home),
            )
        )
    if standing.aside:
        says = f"Words of {many(standing.aside, 'message')} kept aside: they seem to identify somebody."
        found.append(warn("inbox", says, say("quarantine", "list", "--home", home)))
    if standing.unsealed:
        says = f"{many(standing.unsealed, 'message')} waiting for the release guard."
        found.append(warn("outbox", says, say("outbox", "--home", home)))
    return found or [good("journal", f"It opens; {standing.queued} on their way, none stuck.")]


def promises(standing: Standing, now: int, home: Path) -> list[Finding]:
    """Leaves that were promised to be in the log by now and are not proved, where the bus was not asked."""
    due = sum(by < now for by in standing.promises)
    if not due:
        return []
    do = f"With the broker up: {say('promises', '--home', home)}"
    return [warn("log", f"{many(due, 'record')} promised to be in the log by now, and not proved yet.", do)]


def guard(reachable: bool | str, home: Path, *, same_user: bool, practice: bool) -> list[Finding]:
    """The release guard: whether it answers (or why not, in a word), and as whom it runs."""
    found = []
    if reachable is True:
        found.append(good("release guard", "It answers."))
    else:
        why = f" ({reachable})" if reachable else ""
        found.append(
            warn(
                "release guard",
                f"It does not answer{why}: nothing goes to parties without identity rights.",
                f"Start it: {say('guard', 'run', '--home', home)}",
            )
        )
    if same_user and not practice:
        found.append(
            warn(
                "release guard",
                "Its folder belongs to the adapter's own user: whoever takes over the one has the other.",
                f"Run it as a user of its own, and give that user {home / 'guard'} with chown.",
            )
        )
    return found
