"""A second chance is given only where a broker would admit: not under an old or expired bundle, nor past a log that
stands still.
"""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from broker import deadletters
from broker.deadletters import DeadLetter, retry
from broker.trust import epoch_key
from bus import subjects
from bus.queue import Admission
from messages.errors import BundleRefused, DependencyError
from tests.broker.test_worker import FIRMS, entries, views
from tests.fakes.bus import FakeBus
from tests.support.orchid import DESK, PROSECUTOR, TaskForce


class Operator:
    """One who tries a dead letter again, on a bus in memory."""

    def __init__(self, force: TaskForce, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bus = FakeBus()
        self.world = force.world()
        raw = force.send(FIRMS, PROSECUTOR).to_bytes()
        letter = DeadLetter(name="a" * 32, agency=force.agency(DESK), kind="message", data=raw)

        async def waiting(_: object) -> list[DeadLetter]:
            return [letter]

        async def opened(_: object) -> Any:
            return self.bus.broker()

        monkeypatch.setattr(deadletters, "clock", lambda: force.now)
        monkeypatch.setattr(deadletters, "PAUSE", 0)
        monkeypatch.setattr(deadletters, "waiting", waiting)
        monkeypatch.setattr(deadletters, "NatsBroker", SimpleNamespace(open=opened))
        monkeypatch.setattr(deadletters, "NatsSequencer", lambda _: self.bus.sequencer())

    async def retry(self) -> tuple[int, int]:
        stated: Any = SimpleNamespace(add=lambda *_: None, load=dict)
        home: Any = SimpleNamespace(bundle=self.world.bundle, world=lambda: self.world, stated=stated)
        connection: Any = None
        return await retry(home, connection, [])


@pytest.fixture
def operator(force: TaskForce, monkeypatch: pytest.MonkeyPatch) -> Operator:
    return Operator(force, monkeypatch)


async def test_where_a_broker_would_admit_the_letter_goes_through(operator: Operator) -> None:
    assert await operator.retry() == (1, 0)
    assert len(views(operator.bus)) == 1


async def test_under_a_bundle_that_has_expired_nothing_is_admitted(operator: Operator, force: TaskForce) -> None:
    operator.world = replace(operator.world, bundle=replace(operator.world.bundle, expires=force.now))
    with pytest.raises(BundleRefused, match="expired"):
        await operator.retry()
    assert not entries(operator.bus)


async def test_under_an_older_epoch_than_the_log_knows_nothing_is_admitted(operator: Operator) -> None:
    newer = Admission(subjects.OPERATOR, epoch_key(operator.world.bundle.epoch + 1), b"entry")
    await operator.bus.broker().store([newer])
    with pytest.raises(BundleRefused, match="newer trust bundle"):
        await operator.retry()
    assert not views(operator.bus)


async def test_while_the_log_stands_still_behind_what_was_admitted_nothing_more_is(operator: Operator) -> None:
    await operator.bus.broker().store([Admission(subjects.OPERATOR, epoch_key(1), b"entry")])
    with pytest.raises(DependencyError, match="start the broker"):
        await operator.retry()
    assert not views(operator.bus)
