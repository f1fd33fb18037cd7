"""A practice task force to measure with, and as many really sealed and signed messages as are wanted.

The task force is Operation Orchid's (examples/), made anew in a folder of its own. The message that is measured has a
cover and one event (A05), goes from the police desk to the prosecutor's desk, is permitted, and
takes about 3 kB on the wire: 1.2 kB of that is the grant, whose size the key encapsulation fixes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from adapters import casefile
from adapters.home import ContactKeys, Home, clock
from adapters.planning import MessagePlan, Planner, RecipientPlan, SectionDraft
from broker.admit import World
from broker.service import BrokerHome
from cli import practice
from keys import composing
from keys.composing import SealedGrant, SealedSection
from keys.consents import register_salt
from messages.catalogue import load as load_catalogue
from messages.directory import Contact
from messages.envelope import Envelope
from messages.manifest import Manifest
from policies.agreements import read_all
from policies.decide import Engine

POLICE: Final = "harbour-police"
PROSECUTOR: Final = "district-prosecutor"
TO: Final = f"{PROSECUTOR}/trafficking-desk"
SENDER: Final = "desk"


@dataclass(frozen=True, slots=True)
class Route:
    """Which contact of which party sends, and to whom."""

    party: str
    contact: str
    to: tuple[str, ...]


ORDINARY: Final = Route(POLICE, SENDER, (TO,))
ABROAD: Final = Route("valea-police", "duty-desk", (f"{POLICE}/{SENDER}",))
CASE: Final = {
    "kind": "INTEL-REPORT",
    "area": "THB-SEX",
    "purpose": "INVESTIGATE",
    "basis": "LED-8",
    "urgency": "ISD-NORMAL",
    "handling": {"tlp": "AMBER", "h": "H0", "pap": "AMBER"},
    "case": "OP-ORCHID-2026-17",
    "exercise": True,
    "cover": {
        "subject_line": "An employer that turned up again",
        "operation": "Orchid",
        "reason": "The firm that drove the van in September let the flat in November.",
        "source_protection": "no-human-source",
    },
    "objects": [
        {
            "type": "A05",
            "id": "e1",
            "assertion": "assessment",
            "evaluation": {"source": "B", "information": "2"},
            "language": "en",
            "event_type": "Recruitment",
            "acts": ["recruitment", "transportation"],
            "means": ["deception"],
            "purposes": ["forced-labour-or-services"],
            "child_victim": False,
            "date_from": "2025-07",
            "industry": "A",
        }
    ],
}


@dataclass(frozen=True, slots=True)
class Bench:
    """One task force: its folder, the sender unlocked, and the message as it was planned."""

    folder: Path
    passphrase: str
    broker: BrokerHome
    home: Home
    sender: ContactKeys
    plan: MessagePlan

    @property
    def recipient(self) -> Contact:
        """The first of them."""
        return self.plan.recipients[0].contact

    @property
    def world(self) -> World:
        """What the broker's core may look at."""
        return self.broker.world()


def make(folder: Path) -> Bench:
    """Make the task force in `folder`, which must be new, and plan the message."""
    practice.make(folder, practice.example_folder(), clock())
    return reopen(folder)


def reopen(folder: Path, route: Route = ORDINARY, case: Mapping[str, object] = CASE) -> Bench:
    """The task force that `make` left in `folder`, and the message planned on this route."""
    passphrase = (folder / "passphrase").read_text()
    broker = BrokerHome.open(folder / "broker", passphrase)
    home = Home.open(folder / route.party, passphrase, url="unused")
    sender = home.unlock(route.contact)
    planner = Planner(
        sender=sender.contact,
        bundle=home.bundle,
        agreements=read_all(home.bundle.agreements.items()),
        engine=Engine.load(),
        catalogue=load_catalogue(),
        pseudonym=lambda agency, person: person,
        new_id=composing.new_message_id,
        salt=lambda record: register_salt(home.register_key, record),
    )
    plan = planner.plan(casefile.read(case), [home.bundle.directory.find(to) for to in route.to], clock())
    if len(plan.messages) != 1 or plan.messages[0].guarded or plan.refused:
        raise AssertionError("the measured message is one, and it is permitted")
    return Bench(folder, passphrase, broker, home, sender, plan.messages[0])


def seal_drafts(header: Manifest, drafts: Sequence[SectionDraft]) -> list[SealedSection]:
    """Every section under a fresh key."""
    return [
        composing.seal(
            header.id,
            name=d.name,
            data_type=d.type,
            part=d.part,
            media=d.media,
            roles=d.roles,
            flags=d.flags,
            plaintext=d.plaintext,
        )
        for d in drafts
    ]


def compose(bench: Bench) -> Envelope:
    """One message as the adapter composes it: sealed, granted, signed; another id, keys and salts each time."""
    header = replace(bench.plan.header, id=composing.new_message_id(), created=clock())
    sections = seal_drafts(header, bench.plan.sections)
    grants = [_granted(header, sections, planned) for planned in bench.plan.recipients]
    return composing.sign_envelope(bench.sender.signer, header, sections, grants)


def _granted(header: Manifest, sections: Sequence[SealedSection], planned: RecipientPlan) -> SealedGrant:
    statement = planned.contact.statement_at(header.created)
    if planned.agreement is None or statement is None:
        raise AssertionError("the measured message has an agreement and a key")
    return composing.grant(
        header.id,
        header.sender,
        [s for s in sections if s.detail.name in planned.granted],
        recipient=planned.contact.handle,
        agreement=planned.agreement.id,
        public=statement.key,
        thread=header.id,
    )


def compose_many(bench: Bench, count: int, step: Callable[[], None] = lambda: None) -> list[bytes]:
    """So many messages as they are submitted; `step` is called after each."""
    made: list[bytes] = []
    for _ in range(count):
        made.append(compose(bench).to_bytes())
        step()
    return made
