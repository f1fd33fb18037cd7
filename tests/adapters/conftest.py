import pytest

from adapters.attachments import preparing
from tests.support.orchid import TaskForce, task_force
from tests.support.patience import PATIENCE


@pytest.fixture(scope="session")
def force() -> TaskForce:
    return task_force()


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stands still is none of what these tests are about."""
    monkeypatch.setattr(preparing, "SECONDS", int(PATIENCE))
