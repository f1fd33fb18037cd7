"""What `admit` remembers between messages never changes an answer."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import world
from bench.world import Bench
from broker.admit import World, admit
from messages.directory import Directory
from messages.evidence import Evidence, Outcome
from messages.labels import Basis, CrimeArea, HCode, Kind, Purpose, Tlp, Urgency
from messages.limits import HOUR


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return world.make(Path(tmp_path_factory.mktemp("bench")) / "force")


def outcome(bench: Bench, message: bytes, state: World, now: int) -> tuple[Outcome, tuple[str, ...]]:
    answer = Evidence.from_bytes(admit(message, bench.sender.contact.agency, state, now).evidence.body)
    assert answer.outcomes, answer.code
    return answer.outcomes[0].outcome, answer.outcomes[0].rules


def composed(bench: Bench, **header: Any) -> bytes:
    plan = replace(bench.plan, header=replace(bench.plan.header, **header))
    return world.compose(replace(bench, plan=plan)).to_bytes()


def test_a_judgement_for_one_message_is_never_used_for_another_that_differs_in_a_code(bench: Bench) -> None:
    state, handling = bench.world, bench.plan.header.handling
    changes: list[dict[str, Any]] = [{}]
    changes += [{"purpose": p} for p in Purpose] + [{"area": a} for a in CrimeArea] + [{"kind": k} for k in Kind]
    changes += [{"basis": b} for b in Basis] + [{"urgency": u} for u in Urgency]
    changes += [{"handling": replace(handling, tlp=t)} for t in Tlp]
    changes += [{"handling": replace(handling, h=h)} for h in HCode]
    seen = set()
    for change in changes * 2:
        message, now = composed(bench, **change), world.clock()
        warm = outcome(bench, message, state, now)
        assert warm == outcome(bench, message, replace(state), now)
        seen.add(warm)
    assert len(seen) > 4
    assert state.judged
    assert not replace(state).judged


def test_a_mandate_that_ends_ends_what_was_remembered(bench: Bench) -> None:
    state, now = bench.world, world.clock()
    directory = bench.broker.bundle.directory
    contacts = tuple(
        c.model_copy(update={"mandates": tuple(m.model_copy(update={"end": now + HOUR}) for m in c.mandates)})
        if c.handle == bench.recipient.handle
        else c
        for c in directory.contacts
    )
    ending = Directory(agencies=directory.agencies, contacts=contacts, operator=directory.operator)
    state = replace(state, bundle=replace(state.bundle, directory=ending))
    assert outcome(bench, composed(bench), state, now + HOUR // 2)[0] is Outcome.PERMITTED
    assert outcome(bench, composed(bench), state, now + 2 * HOUR)[0] is Outcome.REFUSED
    assert outcome(bench, composed(bench), state, now + HOUR // 2)[0] is Outcome.PERMITTED
