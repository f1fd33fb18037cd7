import pytest

from tests.support.orchid import TaskForce, task_force


@pytest.fixture(scope="session")
def force() -> TaskForce:
    return task_force()
