"""Operation Orchid without a server: a practice task force on disk, and real messages made with its real keys.

    force = task_force()                                   # one for the whole test run
    envelope = force.send("03-referral-adult.json", SHELTER)
    admitted = admit(envelope.to_bytes(), force.agency("harbour-police"), force.world(), force.now)

Everything is as in earnest (keys, directory, agreements, planner, guard, envelope); only the guard is called instead of
asked through its socket, and nothing is stored. `now` is one moment for the whole run.
"""

import atexit
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from adapters.casefile import CaseFile, read_file
from adapters.consents import for_guard
from adapters.guard import GuardRequest, GuardSection, attest, known_bytes, open_key
from adapters.home import ContactKeys, Home, clock
from adapters.planning import MessagePlan, Plan, Planner, RecipientPlan
from adapters.receiving import Opened, Receiver
from broker.admit import Admitted, World, admit
from broker.service import BrokerHome
from cli.practice import Practice, example_folder, make, moved_file, sought
from evaluation.corpus import from_yaml
from keys import composing, statements
from keys.consents import register_salt
from keys.domains import Tag
from keys.pseudonyms import pseudonym, reference
from keys.signing import Signer, Signs
from messages.attestations import Release
from messages.catalogue import Catalogue
from messages.catalogue import load as load_catalogue
from messages.directory import Bundle, Contact
from messages.envelope import Envelope
from messages.ids import AgencyHandle, message_text
from messages.signed import Signed
from policies.agreements import Agreement, read_all
from policies.decide import Engine

DESK = "harbour-police/desk"
DEPUTY = "harbour-police/analyst-deputy"
FORMER = "harbour-police/former-liaison"
RELEASER = "harbour-police/release-officer"
PROSECUTOR = "district-prosecutor/trafficking-desk"
FOREIGN = "valea-police/duty-desk"
INSPECTORS = "labour-inspectorate/inspections"
SHELTER = "wrenfold-support/referrals"
SAFEGUARDING = "wrenfold-support/safeguarding"
RAPPORTEUR = "national-rapporteur/statistics"
ANALYSTS = "coastal-fiu/analysts"

CASES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "01-full-report.json": (DESK, (PROSECUTOR, FOREIGN)),
    "02-labour-disclosure.json": (DESK, (INSPECTORS,)),
    "03-referral-adult.json": (DESK, (SHELTER,)),
    "04-statistics-return.json": (DESK, (RAPPORTEUR,)),
    "05-referral-child.json": (DESK, (SHELTER,)),
    "06-communications-update.json": (DESK, (PROSECUTOR, FOREIGN)),
    "07-supplementary-report.json": (DESK, (PROSECUTOR,)),
    "08-organisations.json": (DESK, (PROSECUTOR, FOREIGN)),
    "09-person-in-danger.json": (DESK, (PROSECUTOR, FOREIGN)),
    "10-inspectors-screening.json": (INSPECTORS, (DESK,)),
    "11-first-accounts-scanned.json": (DESK, (PROSECUTOR,)),
    "12-suspect-to-inspectorate.json": (DESK, (INSPECTORS,)),
    "13-notebook-disclosure.json": (DESK, (INSPECTORS,)),
    "14-question-to-the-police.json": (PROSECUTOR, (DESK,)),
    "15-answer-to-the-prosecutor.json": (DESK, (PROSECUTOR,)),
    "16-asset-trace.json": (ANALYSTS, (PROSECUTOR,)),
    "17-exhibits.json": (DESK, (PROSECUTOR,)),
    "18-inspection-finding.json": (INSPECTORS, (DESK,)),
}
"""Every case file, its sender and its recipients, as expected.yaml says (a test holds the two together)."""


@cache
def expected() -> dict[str, Any]:
    """The example's ground truth."""
    value: dict[str, Any] = from_yaml(example_folder() / "expected.yaml")
    return value


@cache
def search_for() -> tuple[bytes, ...]:
    """Strings that identify a victim, as bytes to look for; never none."""
    found = tuple(str(s).encode() for s in expected()["search_for"])
    assert len(found) > 100
    return found


@cache
def _patterns() -> dict[str, re.Pattern[bytes]]:
    return sought(map(str, expected()["search_for"]))


def leaks(data: bytes) -> list[str]:
    """Which of the victims' strings stand in `data`, wherever keys may stand beside them (`cli.practice.sought`)."""
    return [word for word, pattern in _patterns().items() if pattern.search(data)]


@dataclass(frozen=True)
class TaskForce:
    """One practice task force and everybody's keys."""

    practice: Practice
    now: int
    pseudonyms: dict[tuple[str, str], str] = field(default_factory=dict)

    @cached_property
    def passphrase(self) -> str:
        return (self.practice.folder / "passphrase").read_text(encoding="utf-8")

    @cached_property
    def homes(self) -> dict[str, Home]:
        folders = sorted(p for p in self.practice.folder.iterdir() if (p / "agency.json").is_file())
        assert len(folders) == 7
        return {p.name: Home.open(p, self.passphrase) for p in folders}

    @cached_property
    def broker(self) -> BrokerHome:
        return BrokerHome.open(self.practice.broker, self.passphrase)

    @cached_property
    def catalogue(self) -> Catalogue:
        return load_catalogue()

    @cached_property
    def _world(self) -> World:
        return self.broker.world()

    @cached_property
    def agreements(self) -> tuple[Agreement, ...]:
        return tuple(read_all(self.bundle.agreements.items()))

    @property
    def bundle(self) -> Bundle:
        return self.broker.bundle

    def world(self, **changes: Any) -> World:
        """The broker's world, changed as a test needs it."""
        return replace(self._world, **changes)

    def agency(self, name: str) -> AgencyHandle:
        """The handle of an agency, by its name or the address of one of its contacts."""
        return self.homes[name.partition("/")[0]].agency.handle

    def contact(self, address: str) -> Contact:
        return self.bundle.directory.find(address)

    @cached_property
    def _keys(self) -> dict[str, ContactKeys]:
        return {}

    def keys(self, address: str) -> ContactKeys:
        """A contact's keys, unlocked once."""
        if address not in self._keys:
            agency, _, name = address.partition("/")
            self._keys[address] = self.homes[agency].unlock(name)
        return self._keys[address]

    @cached_property
    def _guards(self) -> dict[str, Signer]:
        return {n: open_key(self.practice.party(n) / "guard", self.passphrase) for n in self.homes}

    def guard(self, agency: str) -> Signer:
        return self._guards[agency]

    def file(self, name: str) -> Path:
        """A case file with its dates moved to this run's day."""
        target = self.practice.folder / f"moved-{name}"
        if not target.exists():
            moved_file(example_folder() / "cases" / name, target, self.now)
        return target

    def case(self, name: str) -> CaseFile:
        return read_file(self.file(name))

    def planner(self, sender: str = DESK) -> Planner:
        home = self.homes[sender.partition("/")[0]]

        def name(agency: AgencyHandle, person: str) -> str:
            key = (home.agency.name + agency, person)
            if key not in self.pseudonyms:
                taken = set(self.pseudonyms.values())
                self.pseudonyms[key] = pseudonym(home.register_key, agency, person, taken)
            return self.pseudonyms[key]

        return Planner(
            sender=self.contact(sender),
            bundle=self.bundle,
            agreements=self.agreements,
            engine=Engine.load(),
            catalogue=self.catalogue,
            pseudonym=name,
            new_id=composing.new_message_id,
            salt=lambda record: register_salt(home.register_key, record),
        )

    def plan(self, case: str | CaseFile, *to: str, sender: str = DESK, now: int | None = None) -> Plan:
        found = self.case(case) if isinstance(case, str) else case
        return self.planner(sender).plan(found, [self.contact(a) for a in to], self.now if now is None else now)

    def one(self, case: str | CaseFile, *to: str, sender: str = DESK) -> MessagePlan:
        """The one message that a case becomes for these recipients."""
        (message,) = self.plan(case, *to, sender=sender).messages
        return message

    def forced(self, case: str | CaseFile, *to: str, sender: str = DESK) -> MessagePlan:
        """One message in which everything is granted to everybody, whatever the rules say: a dishonest planner's."""
        planner = self.planner(sender)
        found = self.case(case) if isinstance(case, str) else case
        directory = self.bundle.directory
        contacts = [self.contact(a) for a in to]
        agencies = [(directory.agency_of(c), [c]) for c in contacts]
        message = planner._message(found, composing.new_message_id(), agencies, self.now, guarded=False)
        everything = tuple(s.name for s in message.sections)
        recipients = tuple(
            replace(r, granted=everything, agreement=r.agreement or self.agreements[0]) for r in message.recipients
        )
        return replace(message, recipients=recipients)

    def compose(
        self,
        message: MessagePlan,
        *,
        sender: str = DESK,
        signer: Signs | None = None,
        public: Callable[[Contact], bytes] | None = None,
        guard: Signer | None = None,
        releases: Sequence[str] = (),
        countersign: str | None = None,
        extra: Iterable[Signed] = (),
    ) -> Envelope:
        """Seal, have the guard check and seal where the plan says so, sign. What a test changes, it names."""
        header = message.header
        home = self.homes[sender.partition("/")[0]]
        sealed = {
            d.name: composing.seal(
                header.id,
                name=d.name,
                data_type=d.type,
                part=d.part,
                media=d.media,
                roles=d.roles,
                flags=d.flags,
                plaintext=d.plaintext,
            )
            for d in message.sections
        }
        grants: list[composing.SealedGrant] = []
        attestations: list[Signed] = []
        for recipient in message.recipients:
            to = recipient.contact
            key = public(to) if public else statements.usable(to, self.now).key
            thread = message.thread or reference(home.register_key, recipient.agency.handle, message_text(header.id))
            assert recipient.agreement is not None
            common: dict[str, Any] = {
                "recipient": to.handle,
                "agreement": recipient.agreement.id,
                "public": key,
                "thread": thread,
            }
            if message.guarded:
                request = self.request(message, recipient, sealed, key)
                grant, signed = attest(request, guard or self.guard(home.agency.name), self.catalogue, header.created)
                attestations.append(signed)
                grants.append(composing.describe_grant(grant, sections=recipient.granted, case=None, **common))
            else:
                own = [sealed[name] for name in recipient.granted]
                grants.append(composing.grant(header.id, header.sender, own, **common))
        for consent in message.consents:
            body = consent.consent.to_bytes()
            attestations += consent.papers
            if consent.consent.collector == header.sender and not consent.signed_by(Tag.CONSENT):
                attestations.append(self.keys(sender).signer.sign(Tag.CONSENT, body))
            if countersign:
                attestations.append(self.keys(countersign).signer.sign(Tag.CONSENT_COUNTER, body))
        signer = signer or self.keys(sender).signer
        envelope = composing.sign_envelope(signer, header, list(sealed.values()), grants, [*attestations, *extra])
        if releases:
            envelope = self.release(envelope, *releases)
        return envelope

    def request(
        self,
        message: MessagePlan,
        recipient: RecipientPlan,
        sealed: Mapping[str, composing.SealedSection],
        public: bytes,
    ) -> GuardRequest:
        """What the sender asks its guard."""
        return GuardRequest(
            message=message.header.id,
            kind=message.header.kind,
            sender=message.header.sender,
            recipient=recipient.contact.handle,
            public=public,
            sections=tuple(
                GuardSection(detail=s.detail, sealed=s.sealed, key=s.key, granted=name in recipient.granted)
                for name, s in sealed.items()
            ),
            known=known_bytes(message.known),
            consents=tuple(map(for_guard, message.consents)),
            names=(recipient.agency.name, recipient.agency.handle, recipient.agency.party_class.value),
        )

    def release(self, envelope: Envelope, *recipients: str, by: str = RELEASER, at: int | None = None) -> Envelope:
        """The envelope, released to these recipients by a second contact."""
        from keys.verifying import manifest_digest

        signer = self.keys(by).signer
        digest = manifest_digest(envelope.manifest_bytes)
        return composing.attach(
            envelope,
            [
                signer.sign(
                    Tag.RELEASE,
                    Release(
                        message=envelope.manifest.id,
                        manifest=digest,
                        recipient=self.contact(r).handle,
                        at=self.now if at is None else at,
                    ).to_bytes(),
                )
                for r in recipients
            ],
        )

    def send(self, case: str | CaseFile, *to: str, sender: str = DESK, **options: Any) -> Envelope:
        """A whole ordinary message, released to whomever a rule demands it for."""
        message = self.one(case, *to, sender=sender)
        held = [self.bundle.directory.address(r.contact) for r in message.recipients if r.needs_release]
        return self.compose(message, sender=sender, releases=held, **options)

    def admit(self, envelope: Envelope | bytes, sender: str = DESK, **changes: Any) -> Admitted:
        """What the broker says to it now."""
        data = envelope if isinstance(envelope, bytes) else envelope.to_bytes()
        return admit(data, self.agency(sender), self.world(**changes), self.now)

    def receiver(self, **changes: Any) -> Receiver:
        world = self._world
        values: dict[str, Any] = {
            "bundle": self.bundle,
            "agreements": world.agreements,
            "engine": world.engine,
            "catalogue": self.catalogue,
        }
        return Receiver(**{**values, **changes})

    def open(self, delivery: bytes, address: str, **changes: Any) -> Opened:
        """What its recipient does with a delivery."""
        keys = self.keys(address)
        return self.receiver(**changes).open(delivery, keys.contact, keys.decryption)


@cache
def task_force() -> TaskForce:
    """The one task force of this test run."""
    folder = Path(tempfile.mkdtemp(prefix="orchid-"))
    atexit.register(_remove, folder, os.getpid())
    now = clock()
    return TaskForce(make(folder / "task-force", example_folder(), now), now)


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # not in a forked child
        shutil.rmtree(folder, ignore_errors=True)


def fresh_task_force(folder: Path) -> TaskForce:
    """One of a test's own, for a test that runs processes on it or changes it."""
    now = clock()
    return TaskForce(make(folder, example_folder(), now), now)
