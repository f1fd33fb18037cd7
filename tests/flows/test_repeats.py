"""What is submitted again after a restart of everything gets its first evidence; other bytes under its id none."""

import shutil
from hashlib import sha256
from pathlib import Path

from adapters.client import connect
from broker.service import BrokerHome, serving
from cli.practice import Practice
from messages.errors import Replayed
from messages.evidence import EvidenceType
from tests.flows.test_consent import collect_until
from tests.support.exported import exported
from tests.support.orchid import PROSECUTOR, TaskForce, task_force

FIRMS = "08-organisations.json"


async def test_after_a_restart_of_all_a_repeat_gets_the_first_evidence_and_other_bytes_are_refused(
    tmp_path: Path,
) -> None:
    made = task_force()
    shutil.copytree(made.practice.folder, tmp_path / "force")
    force = TaskForce(Practice(tmp_path / "force"), made.now)
    plan = force.one(FIRMS, PROSECUTOR)
    first, other = force.compose(plan).to_bytes(), force.compose(plan).to_bytes()
    assert first != other and force.compose(plan).manifest.id == plan.header.id

    async def handed_in(*several: bytes) -> list[tuple[EvidenceType, str | None, bool, int]]:
        async with serving(BrokerHome.open(force.practice.broker, force.passphrase)) as broker:
            async with connect(force.practice.party("harbour-police"), "desk", force.passphrase) as desk:
                found = []
                for data in several:
                    answer = await desk.hand_in(data)
                    assert answer is not None and answer[0].submission == sha256(data).digest()
                    found.append((answer[0].type, answer[0].code, answer[1], answer[0].at))
            async with connect(
                force.practice.party("district-prosecutor"), "trafficking-desk", force.passphrase
            ) as prosecutor:
                await collect_until(prosecutor, lambda: len(prosecutor.journal.incoming()) == 1)
            report, _ = await exported(broker, tmp_path / "log")
            assert not report.breaks, report.breaks
        return found

    ((accepted, _, repeated, at),) = await handed_in(first)
    assert (accepted, repeated) == (EvidenceType.SUBMISSION_ACCEPTANCE, False)
    again, refused, last = await handed_in(first, other, first)
    assert again == last == (EvidenceType.SUBMISSION_ACCEPTANCE, None, True, at)
    assert refused[:3] == (EvidenceType.SUBMISSION_REJECTION, Replayed.code, False)
    ((kind, code, repeated, when),) = await handed_in(other)  # and the refusal stays the first one too
    assert (kind, code, repeated, when) == (*refused[:2], True, refused[3])
    assert at <= refused[3]
