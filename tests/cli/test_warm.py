"""Commands forked from a process that has loaded the program are as good as those that load it themselves."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.home import clock
from cli.practice import example_folder, make
from cli.services import READY
from cli.warm import Warm
from messages.errors import DependencyError
from tests.support.processes import ROOT, environment


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with Warm(environment(), str(ROOT)) as one:
        yield one


@pytest.mark.parametrize("arguments", [["types", "A01"], ["nonsense"]])
def test_a_command_says_and_ends_as_one_that_was_started_by_itself(warm: Warm, arguments: list[str]) -> None:
    own = subprocess.run(
        [Path(sys.executable).parent / "safeconduct", *arguments],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert warm.run(arguments) == (own.returncode, own.stdout, own.stderr)


def test_a_script_of_somebody_elses_is_run_like_a_command(warm: Warm, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys\nif __name__ == '__main__':\n    print(*sys.argv)\n    sys.exit(3)\n")
    assert warm.run(["one", "two"], script=script) == (3, f"{script} one two\n", "")
    code, out, error = warm.run([], script=tmp_path / "none.py")
    assert (code, out) == (1, "") and "none.py" in error


def test_what_runs_finds_the_input_the_environment_and_the_descriptors_that_it_was_given_and_no_others(
    warm: Warm, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys\n"
        "passed = int(sys.argv[1])\n"
        "print(input(), os.read(passed, 99).decode(), dict(os.environ))\n"
        "os.close(passed)\n"
        "print(*[n for n in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{n}')])\n"
        "sys.exit(5)\n"
    )
    pipes = given, gives, passed, passes = *os.pipe(), *os.pipe()
    os.write(gives, b"said\n")
    os.write(passes, b"handed over")
    with (tmp_path / "log").open("wb") as log:
        one = warm.start([str(passed)], log, script, stdin=given, env={"WHOSE": "its own"}, pass_fds=[passed])
    for fd in pipes:
        os.close(fd)
    assert one.said_first() == "said handed over {'WHOSE': 'its own'}\n"
    told = {int(fd) for fd in one.said_first().split()}
    assert (one.wait(30), (tmp_path / "log").read_bytes()) == (5, b"")
    one.stdout.close()
    assert {0, 1, 2} < told and len(told) == 4  # and the pipe by which its end is told


def test_a_module_is_run_as_python_would(warm: Warm, tmp_path: Path) -> None:
    read, write = os.pipe()
    os.write(write, b'{"a": 1}')
    os.close(write)
    with (tmp_path / "log").open("wb") as log:
        for words, ended in ((["--compact"], 0), (["--nonsense"], 2)):
            one = warm.start(words, log, module="json.tool", stdin=read)
            assert (one.said_first(), one.wait(30)) == ('{"a":1}\n' if ended == 0 else "", ended)
            one.stdout.close()
        one = warm.start([], log, module="tests.no_such_module")
        assert one.wait(30) == 1
        one.stdout.close()
    os.close(read)
    assert "--nonsense" in (said := (tmp_path / "log").read_text()) and "no_such_module" in said


def test_several_at_once_each_get_their_own_answer(warm: Warm) -> None:
    names = ["A01", "A02", "A22", "A99"] * 2
    found: dict[int, tuple[int, str, str]] = {}

    def ask(number: int) -> None:
        found[number] = warm.run(["types", names[number], "--json"])

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(len(names))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, name in enumerate(names):
        code, out, _ = found[number]
        assert (f'"{name}"' in out) if name != "A99" else code == 2


def test_a_command_that_is_killed_or_does_not_end_is_told(warm: Warm, tmp_path: Path) -> None:
    os.mkfifo(waits := tmp_path / "never.json")
    with pytest.raises(DependencyError, match="did not come to its end"):
        warm.run(["redact", "--identity", str(waits)], patience=0.5)


def test_where_the_process_has_ended_nothing_is_started() -> None:
    with Warm(environment(), str(ROOT)) as one:
        one._process.send_signal(signal.SIGKILL)
        one._process.wait()
        with pytest.raises(DependencyError):
            one.run(["types", "A01"])


def test_a_service_runs_until_it_is_stopped_and_tells_how_it_ended(warm: Warm, tmp_path: Path) -> None:
    home = make(tmp_path / "task-force", example_folder(), clock()).party("harbour-police")
    with (tmp_path / "log").open("wb") as log:
        for number, ended in ((signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)):
            service = warm.start(["guard", "run", "--home", str(home)], log)
            assert service.stdout.readline().startswith(READY)
            assert service.poll() is None
            with pytest.raises(subprocess.TimeoutExpired):
                service.wait(0)
            service.send_signal(number)
            assert service.wait(30) == service.poll() == service.returncode == ended
            service.kill()  # its number may be another's by now
            service.stdout.close()
