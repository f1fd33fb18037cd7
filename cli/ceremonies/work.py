"""The folders that ceremonies work in, and what every step of one shares.

    WORK/repository/     everything that was published (`keys.repository`)
    WORK/proposal.json   what is proposed now, with the signatures so far (`keys.ceremony`)
    WORK/checklists/     what is left to do for an agency that has retired

A WORK folder holds no secret, and is believed no further than signatures reach: what is in force is verified from the
root of trust in the officer's own folder, HOME/trust/root.json. An agency's head works with the proposal alone, on its
own agency's extract, and never sees the whole.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from adapters.home import clock
from audit.logdir import write_atomically
from broker.proposals import assemble, difference, explain
from cli import enrol
from cli.ceremonies import rehearsing
from cli.common import out
from cli.unlock import DESCRIPTOR_VARIABLE, own_passphrase
from keys import ceremony, decisions, differences
from keys.ceremony import Assembled, Proposal, Standing
from keys.content import Content
from keys.decisions import Hand
from keys.enrolment import Request
from keys.fingerprints import fingerprint
from keys.metadata import Audience
from keys.repository import Repository, State, follows
from keys.signing import Signer
from keys.unlocking import Passphrase, Source
from keys.updating import TrustCopy
from messages import ids
from messages.ceremony import StepCode
from messages.directory import Officer
from messages.errors import BadInput, BundleRefused, KeyTrouble, NotPermitted, ShareError, Unverified
from messages.ids import AgencyHandle, OfficerHandle
from messages.limits import DAY
from policies.report import Report, headline

WorkArgument = Annotated[Path, typer.Argument(metavar="WORK", help="The officers' common folder.")]
AsOption = Annotated[
    Path,
    typer.Option("--as", envvar="SAFECONDUCT_OFFICER", help="Your own folder: an officer's, or your agency's as head."),
]
SecondOption = Annotated[
    str | None,
    typer.Option(
        "--second", help="Who signs with you: an officer's or head's title or handle.", show_default="the other officer"
    ),
]
FingerprintOption = Annotated[
    list[str] | None,
    typer.Option("--fingerprint", help="The digits that you were told over the telephone; once for each request."),
]

Change = Callable[[Content, Hand], tuple[Content, str]]
"""What is decided: the next content, and the handle of whom it is about ("" where it is about no one party)."""


def say(text: str) -> None:
    """One line for people; nothing in it is taken for markup."""
    out.print(text, markup=False, soft_wrap=True)


# Passphrases


def new_passphrase(whose: str) -> Passphrase:
    """The passphrase for keys that are made now: from a file descriptor, or asked for twice."""
    if os.environ.get(DESCRIPTOR_VARIABLE):
        return own_passphrase(whose)
    if not sys.stdin.isatty():
        raise KeyTrouble("New keys need a passphrase: run this where it can ask you, or name --passphrase-fd.")
    asked = typer.prompt(f"Passphrase for {whose}, a new one", hide_input=True, confirmation_prompt=True, err=True)
    return Passphrase(str(asked), Source.PROMPT)


# Who acts


@dataclass(frozen=True, slots=True)
class Person:
    """An officer's folder, or an agency's whose head acts; nothing is unlocked."""

    home: Path
    head_of: AgencyHandle | None  # None: an officer

    @classmethod
    def of(cls, home: Path) -> "Person":
        """Whose folder it is, or raise `BadInput`."""
        if (home / "officer.json").is_file():
            return cls(home, None)
        if (home / "agency.json").is_file():
            try:
                return cls(home, ids.agency_handle(json.loads((home / "agency.json").read_text("utf-8"))["handle"]))
            except (ValueError, KeyError, TypeError, ShareError):
                raise BadInput(f"{home}/agency.json cannot be read, or names no handle.") from None
        raise BadInput(f"{home} is neither an officer's nor an agency's folder; name your own with --as.")

    def check_key(self) -> None:
        """Raise `BadInput` where there is no key to sign with: before anything is asked."""
        name = enrol.OFFICER_KEY if self.head_of is None else enrol.HEAD_KEY
        if not (self.home / name).is_file():
            whose = "officer's" if self.head_of is None else "head's"
            raise BadInput(f"{self.home} holds no {whose} key; only an officer or an agency's head does this.")

    def unlock(self) -> Signer:
        """Their signing key; asks for the passphrase."""
        self.check_key()
        if self.head_of is None:
            return enrol.officer_signer(self.home, own_passphrase("the officer's key"))
        return enrol.head_signer(self.home, own_passphrase("the agency head's key"))

    def saw(self, state: State) -> None:
        """Remember the newest epoch that this person verified; raises `BundleRefused` for one that is older than that
        in any of its parts.

        Every signature on an older epoch, or on an older part of one, holds; whoever can write to the common folder
        could put it back there.
        """
        path = self.home / "trust" / "seen"
        try:
            seen = State.from_bytes(path.read_bytes())
        except FileNotFoundError:
            seen = None
        if seen is not None and state.epoch < seen.epoch:
            raise BundleRefused(
                "rolled-back",
                f"The common folder holds epoch {state.epoch}, but you have seen epoch {seen.epoch}: it was put back. "
                "Get a copy of the broker's trust/repository, and find out who did it.",
            )
        if seen is not None:
            follows(seen, state)
        if (seen is None or state.epoch > seen.epoch) and path.parent.is_dir():
            write_atomically(path, [replace(state, steps=()).to_bytes()])

    def root(self) -> bytes | None:
        """The root of trust that this person has installed."""
        path = self.home / "trust" / "root.json"
        return path.read_bytes() if path.is_file() else None


@dataclass(slots=True)
class Work:
    """The folder of a ceremony, as one person sees it."""

    folder: Path
    person: Person
    _read: bytes | None = field(default=None, repr=False)

    @property
    def path(self) -> Path:
        """Where the proposal is."""
        return self.folder / "proposal.json"

    @property
    def repository(self) -> Repository:
        """What was published."""
        return Repository(self.folder / "repository")

    def standing(self) -> Standing:
        """What is in force, verified from this person's own root of trust."""
        if self.person.head_of is None:
            found = ceremony.published(self.repository, self.person.root())
            if found.state is not None:
                self.person.saw(found.state)
            return found
        copy = TrustCopy(self.person.home / "trust", Audience(self.person.head_of))
        bundle, state = copy.load(), copy.repository.newest()
        if state is None:
            raise BadInput("No trust bundle has been fetched yet; run: safeconduct bundle refresh")
        return ceremony.own_extract(bundle, state, copy.repository)

    def proposal(self) -> Proposal | None:
        """What is proposed, or None."""
        try:
            with self.path.open("rb") as file:
                self._read = file.read(ceremony.PROPOSAL_BYTES + 1)
        except FileNotFoundError:
            if not self.folder.is_dir():
                raise BadInput(
                    f"There is no folder {self.folder}; a task force begins with: safeconduct bundle init"
                ) from None
            self._read = None
            return None
        return Proposal.from_bytes(self._read)

    def wanted(self) -> Proposal:
        """What is proposed, or raise `BadInput`."""
        found = self.proposal()
        if found is None:
            raise BadInput(f"Nothing is proposed in {self.folder}.")
        return found

    def save(self, proposal: Proposal) -> None:
        """Write the proposal, unless somebody else did since it was read."""
        try:
            there = self.path.read_bytes()
        except FileNotFoundError:
            there = None
        if there != self._read:
            raise BadInput("Somebody else changed the proposal in the meantime; look at it and do this again.")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = proposal.to_bytes()
        write_atomically(self.path, [data])
        self._read = data


def work_of(folder: Path, home: Path) -> Work:
    """The folder as the person with `home` sees it."""
    return Work(folder, Person.of(home))


# Showing it


def show(found: Assembled, rehearsal: Report | None = None) -> None:
    """The whole proposal for the person who is to sign it; the rehearsal as it was checked, or as it came."""
    proposal = found.proposal
    if rehearsal is None and proposal.rehearsal:
        rehearsal = Report.from_bytes(proposal.rehearsal)
    say(f"proposal for epoch {proposal.epoch}, made on {moment_text(proposal.at)}")
    for line in difference(found):
        say(f"  {line}")
    if proposal.renew or (found.root is not None and found.standing.state is not None):
        say("  everything is signed again")
    if found.touches_policy and rehearsal is None:
        say("  not rehearsed yet; run: safeconduct bundle rehearse")
    elif found.touches_policy:
        for line in rehearsing.lines(rehearsal):
            say(f"  {line}")
    say(f"what is signed expires on {moment_text(found.expires)}")
    say(f"digits of the proposal, to compare: {fingerprint(found.digest)}")
    done = {p.handle for p in found.given()}
    for handle in proposal.signers:
        person = ceremony.person(found.after, handle)
        say(f"{'signed' if handle in done else 'to sign'}: {person.title} ({handle})")
    if found.root is not None:
        needed, have = found.root.signed.roles["root"].threshold, len(found.root_holders())
        say(f"root holders who signed: {have} of {needed} needed")


# Proposing


def propose(
    folder: Path,
    home: Path,
    second: str | None,
    code: StepCode,
    change: Change,
    *,
    compared: Sequence[Request] = (),
    renew: bool = False,
    root: Callable[[Content, Standing, Proposal], bytes] | None = None,
    instead: tuple[str, Officer | None] | None = None,
) -> Assembled:
    """Add one change to the proposal that is open, or open one; signatures over what it was before fall away.

    `instead` names an officer who leaves, and who takes the place: the newcomer may be the second to sign.
    """
    work = work_of(folder, home)
    work.person.check_key()
    proposal = work.proposal()
    standing = work.standing()
    if standing.content is None and proposal is None:
        raise BadInput("This task force is not founded yet; begin with: safeconduct bundle init --help")
    signer = work.person.unlock()
    if proposal is None:
        proposal = _opened(standing, signer, second, instead)
    if signer.handle not in proposal.signers:
        raise NotPermitted("The open proposal is between two others; let them finish it, or discard it.")
    content = ceremony.apply(proposal, standing) if proposal.changes else _content(standing)
    if second is not None and _second(content, signer, second, instead) not in proposal.signers:
        raise BadInput("The open proposal names another second person; finish or discard it first.")
    at = clock()
    proposal = replace(proposal, at=at, renew=proposal.renew or renew)
    before = content
    after, subject = change(content, proposal.hand)
    proposal = ceremony.edited(proposal, standing, after, at)
    if root is not None:
        proposal = replace(proposal, root=root(after, standing, proposal))
    proposal, rehearsal = rehearsing.carrying(assemble(proposal, standing))
    found = assemble(proposal, standing)
    for _ in compared:
        proposal = ceremony.stepped(proposal, found, signer, StepCode.FINGERPRINT_COMPARED, subject, at)
    proposal = ceremony.stepped(proposal, found, signer, code, _about(found, signer, subject), at)
    work.save(proposal)
    say(f"proposed for epoch {proposal.epoch}:")
    lines = differences.describe(before, after, explain=explain) if before != after else []
    for line in lines or (["everything is signed again"] if proposal.renew else []):
        say(f"  {line}")
    if rehearsal is not None:
        say(f"rehearsed: {headline(rehearsal)}")
    if found.root is not None and root is not None:
        say("next, two root holders each: safeconduct bundle sign-root WORK --as THEIR_FOLDER")
    names = " and ".join(ceremony.person(after, h).title for h in proposal.signers)
    say(f"next: {names} each: safeconduct bundle sign WORK --as THEIR_FOLDER")
    return found


def _content(standing: Standing) -> Content:
    if standing.content is None:
        raise BadInput("This task force is not founded yet; begin with: safeconduct bundle init --help")
    return standing.content


def _opened(
    standing: Standing, signer: Signer, second: str | None, instead: tuple[str, Officer | None] | None
) -> Proposal:
    content = _content(standing)
    first = OfficerHandle(signer.handle)
    if ceremony.person(content, first).key != signer.public:
        raise KeyTrouble("Your key is not the one in the trust bundle; it may have been replaced.")
    return Proposal(base=standing.epoch, at=clock(), signers=(first, _second(content, signer, second, instead)))


def _second(
    content: Content, signer: Signer, second: str | None, instead: tuple[str, Officer | None] | None
) -> OfficerHandle:
    """The second person who is to sign: the one named, or the only other officer."""
    leaving, newcomer = instead or ("", None)
    officers = [o for o in decisions.in_office(content, clock()) if leaving not in (o.handle, o.title)]
    officers += [newcomer] if newcomer is not None else []
    others = [o for o in officers if o.handle != signer.handle]
    if second is None:
        if len(others) == 1:
            return others[0].handle
        raise BadInput(f"Say who signs with you, with --second: {_titles(others)}.")
    heads = [a.head for a in content.agencies.values() if a.head is not None]
    found = [p for p in (*officers, *heads) if second in (p.handle, p.title)]
    if len(found) != 1:
        raise BadInput(f"There is no one officer or head {second!r}; there are: {_titles([*others, *heads])}.")
    if found[0].handle == signer.handle or found[0].key == signer.public:
        raise NotPermitted("One person cannot be both signatures; name somebody else with --second.")
    return found[0].handle


def _titles(people: Iterable[Officer]) -> str:
    return ", ".join(f"{p.title} ({p.handle})" for p in people) or "nobody else"


def _about(found: Assembled, signer: Signer, subject: str) -> str:
    """A head's step is always about its own agency."""
    heads = {str(a.head.handle): str(h) for h, a in found.after.agencies.items() if a.head is not None}
    return subject or heads.get(signer.handle, "")


# Comparing


def compare(requests: Sequence[Request], told: Sequence[str] | None) -> None:
    """Return only if a person was told the fingerprint of every request, or says to have compared it."""
    digits = {_digits(text) for text in told or ()}
    for request in requests:
        if digits:
            if _digits(request.fingerprint) not in digits:
                raise Unverified(
                    f"The fingerprint of the {request.wanted.value}'s request is none that you were told. Nothing was "
                    "proposed: call the one who sent it, at a number that you know."
                )
            continue
        if not sys.stdin.isatty():
            raise BadInput(
                f"Compare the fingerprint of the {request.wanted.value}'s request over the telephone, and give it with "
                "--fingerprint."
            )
        say(f"fingerprint of the {request.wanted.value}'s request: {request.fingerprint}")
        if not typer.confirm("Were you told these very digits over the telephone?", err=True):
            raise NotPermitted("Nothing was proposed.")


def compare_root(wanted: str, told: str | None) -> None:
    """The same for a root of trust."""
    if told is not None:
        if _digits(told) != _digits(wanted):
            raise Unverified("The fingerprint of the root is not the one that you were told. Nothing was installed.")
        return
    if not sys.stdin.isatty():
        raise BadInput("Compare the fingerprint of the root over the telephone, and give it with --fingerprint.")
    say(f"fingerprint of the root of trust: {wanted}")
    if not typer.confirm("Were you told these very digits over the telephone?", err=True):
        raise NotPermitted("Nothing was installed.")


def _digits(text: str) -> str:
    return "".join(text.split())


# Times


_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def moment(text: str | None, otherwise: int, *, last: bool = False) -> int:
    """A day (UTC), or a moment such as 2026-01-31T12:00Z, in milliseconds; of a day its first moment, or its end."""
    if text is None:
        return otherwise
    try:
        found = datetime.fromisoformat(text)
        if _DATE.fullmatch(text):
            found = found.replace(tzinfo=UTC) + (timedelta(days=1) if last else timedelta())
        if found.tzinfo is None:
            raise ValueError
        return int(found.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise BadInput(f"{text!r} is no date; write 2026-01-31, or 2026-01-31T12:00Z.") from None


def midnight(at: int) -> int:
    """The first moment of that day (UTC)."""
    return at // DAY * DAY


def moment_text(at: int) -> str:
    """A moment in words."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def span(start: str | None, until: str | None, now: int, far: int | None = None) -> tuple[int, int]:
    """The first moment and the end of a span of days, or raise `BadInput`."""
    begins = moment(start, now)
    if until is None and far is None:
        raise BadInput("Say until when, with --until 2026-12-31.")
    ends = moment(until, far or 0, last=True)
    if ends <= begins:
        raise BadInput("The dates are the wrong way round: it would end before it begins.")
    return begins, ends


def told_files(paths: Iterable[Path]) -> Mapping[Path, bytes]:
    """The contents of files that a person names."""
    found = {}
    for path in paths:
        try:
            found[path] = path.read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            raise BadInput(f"There is no file {path}.") from None
    return found
