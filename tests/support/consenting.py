"""Operation Orchid, changed so that a person's consent decides: providers and the police may agree on identities.

    force = consenting()                       # one for the whole test run
    held = force.take_down(DESK, recipient="wrenfold-support", items={"A02": "DL"})

The inspectorate's place is taken by a second provider, `labour-inspectorate` of class NGO-S, which knows the shelter:
so a consent that the shelter collected can serve the police towards it.
"""

import atexit
import os
import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from adapters import consenting as taking
from adapters.casefile import CaseFile, read
from adapters.consents import Held
from adapters.home import clock
from adapters.planning import MessagePlan, Plan
from broker.admit import Admitted
from cli.practice import example_folder, make
from keys.domains import Tag
from messages.attestations import BreakGlass
from messages.envelope import Envelope
from messages.ids import ContactHandle
from messages.labels import Flag, Ground
from messages.limits import DAY, HOUR
from messages.signed import Signed
from tests.support.orchid import DESK, RELEASER, SAFEGUARDING, SHELTER, TaskForce, _remove

OTHER = "labour-inspectorate/inspections"
ABOUT = "V-7K3Q-9MXA-TR"
NAME = "Ilse Vantongeren"
PLACE = "Flat 9, Corder Court, Saltmere"

_AGREEMENT = """
id: {id}
title: {title}
parties: [{one}, {two}]
valid: {{from: 2026-01-01, until: 2027-12-31}}
purposes: [PROTECT-VICTIM, TRACE-PERSON, INVESTIGATE]
bases: [GDPR-6-1-a, GDPR-6-1-d, GDPR-6-1-e, GDPR-9-2-a, GDPR-9-2-c, DTN]
areas: [THB-SEX, THB-LAB]
handling: {{max_tlp: RED, h: [H0, H1, H2]}}
retention_days: 90
exchange:
  - from: {one}
    to: {two}
    types: [A02, A22, A23, A24]
    media: [application/json]
    identity: [A02, A24]
    kinds: [VICTIM-REFERRAL, DUTY-TO-NOTIFY]
  - from: {two}
    to: {one}
    types: [A02, A22]
    media: [application/json]
    identity: [A02]
    kinds: [DUTY-TO-NOTIFY]
"""


def variation(folder: Path) -> Path:
    """The example with these changes, in a folder of its own."""
    shutil.copytree(example_folder(), folder)
    parties = (folder / "parties.yaml").read_text(encoding="utf-8")
    for old, new in (
        ("class: LAB", "class: NGO-S"),
        ("types: [A01, A05, A13, A14, A22]", "types: [A01, A02, A05, A13, A14, A22, A23, A24]"),
        ("types: [A22, A23, A24, A25]", "types: [A02, A22, A23, A24, A25]"),
    ):
        assert old in parties
        parties = parties.replace(old, new)
    (folder / "parties.yaml").write_text(parties, encoding="utf-8")
    for number, one, two in (
        ("04", "harbour-police", "wrenfold-support"),
        ("02", "harbour-police", "labour-inspectorate"),
        ("09", "wrenfold-support", "labour-inspectorate"),
    ):
        for old_file in (folder / "agreements").glob(f"AGR-2026-{number}-*"):
            old_file.unlink()
        text = _AGREEMENT.format(id=f"AGR-2026-{number}", title=f"{one} and {two}", one=one, two=two)
        (folder / "agreements" / f"AGR-2026-{number}-changed.yaml").write_text(text, encoding="utf-8")
    return folder


def written(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Consenting(TaskForce):
    """The changed task force."""

    def take_down(self, collector: str = DESK, *, now: int | None = None, **changes: Any) -> Held:
        """A consent that this contact collected, as `safeconduct consent new` makes it; None takes a field out."""
        moment = self.now if now is None else now
        paper = self.practice.folder / "scan.pdf"
        paper.write_bytes(b"%PDF-1.7 a signed paper")
        value: dict[str, Any] = {
            "about": ABOUT,
            "purposes": ["services"],
            "recipient": "wrenfold-support",
            "items": {"A02": "DL"},
            "form": "written",
            "language": "ron",
            "interpreter": True,
            "given": written(moment - HOUR),
            "expires": written(moment + 30 * DAY),
            "paper": paper.name,
        } | changes
        given = {k: v for k, v in value.items() if v is not None}
        return taking.take_down(given, self.keys(collector), self.bundle.directory, self.practice.folder, moment)

    def countersigned(self, held: Held, by: str = RELEASER) -> Held:
        paper = taking.countersign(held, self.keys(by), self.now)
        return replace(held, papers=(*held.papers, paper))

    def told(self, kind: str = "DUTY-TO-NOTIFY", **changes: Any) -> CaseFile:
        """A case file about one person whose identity is in it; changes are of its A02 object, None takes out."""
        profile = {
            "type": "A02",
            "id": "v1",
            "assertion": "fact",
            "case_pseudonym": ABOUT,
            "subject_role": "presumed-victim",
            "status": "PossibleVictimOfTrafficking",
            "first_name": NAME.split()[0],
            "second_name": NAME.split()[1],
            "is_minor": False,
            "mailing_address": {"country": "GB", "admin1": "GB-ENG", "place": PLACE, "precision": "point"},
        } | changes
        return read(
            {
                "kind": kind,
                "area": "THB-LAB",
                "purpose": "PROTECT-VICTIM",
                "basis": "GDPR-6-1-a",
                "urgency": "REF-URGENT",
                "handling": {"tlp": "RED", "h": "H2", "pap": "RED"},
                "cover": {"subject_line": "A bed is needed", "reason": "Leaves tonight"}
                | ({"route": "consented"} if kind == "DUTY-TO-NOTIFY" else {}),
                "objects": [{k: v for k, v in profile.items() if v is not None}],
            }
        )

    def planned(self, case: CaseFile, to: str, *consents: Held, sender: str = DESK, **changes: Any) -> Plan:
        planner = replace(self.planner(sender), consents=consents, **changes)
        return planner.plan(case, [self.contact(to)], self.now)

    def resting(
        self, *consents: Held, to: str = SHELTER, sender: str = DESK, case: CaseFile | None = None
    ) -> MessagePlan:
        """The one message that the case becomes under these consents."""
        (message,) = self.planned(case or self.told(), to, *consents, sender=sender).messages
        return message

    def forced_identity(self, message: MessagePlan) -> MessagePlan:
        """The same with everything granted to everybody: what a dishonest planner would send."""
        everything = tuple(s.name for s in message.sections)
        return replace(message, recipients=tuple(replace(r, granted=everything) for r in message.recipients))

    def glass(self, envelope: Envelope, to: str, by: str = RELEASER, at: int | None = None) -> list[Signed]:
        from keys.verifying import manifest_digest

        word = BreakGlass(
            message=envelope.manifest.id,
            manifest=manifest_digest(envelope.manifest_bytes),
            recipient=self.contact(to).handle,
            ground=Ground.LIFE,
            at=self.now if at is None else at,
        )
        return [self.keys(by).signer.sign(Tag.BREAK_GLASS, word.to_bytes())]

    def rests(self, *consents: Held, to: str = SHELTER, sender: str = DESK, **changes: Any) -> Admitted:
        """What the broker says to a message that rests on these consents."""
        message = self.resting(*consents, to=to, sender=sender)
        return self.admit(self.compose(message, sender=sender), sender, **changes)


def granted(message: MessagePlan) -> set[str]:
    return {message.section(name).kind for r in message.recipients for name in r.granted}


@cache
def consenting() -> Consenting:
    """The one changed task force of this test run."""
    folder = Path(tempfile.mkdtemp(prefix="consenting-"))
    atexit.register(_remove, folder, os.getpid())
    now = clock()
    return Consenting(make(folder / "task-force", variation(folder / "example"), now), now)


__all__ = [
    "ABOUT", "NAME", "OTHER", "PLACE", "SAFEGUARDING", "Consenting", "ContactHandle", "Flag", "consenting", "granted",
    "variation",
]  # fmt: skip
