"""One evidence file across, with the broker killed on the way in and on the way out; and what memory it took.

    python -m tests.faults.crossing --megabytes 2048 --kills 2

A practice task force of its own, every party a process as a person would start it. The broker and its server are killed
(SIGKILL) at even distances and started again. What breaks off by that is said again, as docs/evidence-files.md says.
The copy has to be equal by its digest. Each process's peak is its VmHWM, read many times a second and before each kill.
"""

import argparse
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from adapters.casefile import load_value
from cli.practice import example_folder
from cli.services import READY
from tests.support import exhibit
from tests.support.orchid import DESK, PROSECUTOR, fresh_task_force
from tests.support.peaks import Peaks, children
from tests.support.processes import environment

LOOK = 0.025
"""Seconds between two looks at processes and at how far the file is."""
AGAIN = 20
"""How often what broke off is said again."""
DEPENDENCY = 3
"""The exit code of a command that the broker did not answer."""
PIECE = 1024 * 1024
Say = Callable[[str], None]


@dataclass
class Crossed:
    """What a crossing took."""

    kills: int = 0
    again: int = 0  # commands that were said again
    sending: float = 0.0  # seconds
    fetching: float = 0.0
    peaks: dict[str, int] = field(default_factory=dict)  # bytes, by the process (`tests.support.peaks`)
    equal: bool = False


class Crossing:
    """One crossing in a new folder."""

    def __init__(self, folder: Path, size: int, kills: Sequence[float], say: Say = lambda _line: None) -> None:
        """`kills`: once so large a share of the file is across, each way."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder, self.size, self.kills, self.say = folder, size, kills, say
        self.force = fresh_task_force(folder / "force")
        self.crossed = Crossed()
        self.peaks = Peaks()
        self._broker: subprocess.Popen[str] | None = None
        self._log: IO[str]

    def run(self) -> Crossed:
        """Let it cross, and compare."""
        path, digest = self._file()
        case = self._case(path, digest)
        with self._served():
            began = time.monotonic()
            send = ("send", str(case), "--attach", f"e1={path}", "--to", PROSECUTOR)
            self._through(send, ("outbox", "--flush"), DESK, self._sent, lambda: self._on_its_way() is None)
            self.crossed.sending = time.monotonic() - began
            view = self._arrived()
            began = time.monotonic()
            opening = ("inbox", "open", view, "--files", str(self.folder / "got"))
            self._through(opening, opening, PROSECUTOR, self._fetched)
            self.crossed.fetching = time.monotonic() - began
        (got,) = (self.folder / "got").iterdir()
        with got.open("rb") as file:
            self.crossed.equal = hashlib.file_digest(file, "sha256").hexdigest() == digest
        self.crossed.peaks = self.peaks.of
        return self.crossed

    def _file(self) -> tuple[Path, str]:
        path, hashed, left = self.folder / "Telephone 3.e01", hashlib.sha256(), self.size
        with path.open("wb") as file:
            while left:
                piece = os.urandom(min(PIECE, left)) if left < self.size else exhibit.MAGIC
                hashed.update(piece)
                file.write(piece)
                left -= len(piece)
        return path, hashed.hexdigest()

    def _case(self, path: Path, digest: str) -> Path:
        value = load_value(example_folder() / "cases" / "17-exhibits.json")
        value["objects"][0] |= exhibit.said_of(digest, self.size)
        case = self.folder / "case.json"
        case.write_text(json.dumps(value))
        return case

    @contextmanager
    def _served(self) -> Iterator[None]:
        with (self.folder / "broker.log").open("a") as self._log:
            self._up()
            try:
                yield
            finally:
                if self._broker is not None:
                    self._broker.terminate()
                    self._broker.wait()

    def _up(self) -> None:
        words = (sys.executable, "-m", "cli.main", "up", "--home", str(self.force.practice.broker))
        self._broker = subprocess.Popen(
            words, env=environment(), stdout=subprocess.PIPE, stderr=self._log, text=True, start_new_session=True
        )
        assert self._broker.stdout is not None
        assert self._broker.stdout.readline().startswith(READY), (self.folder / "broker.log").read_text()[-2000:]

    def _kill(self) -> None:
        assert self._broker is not None
        self.peaks.look()
        for pid in (self._broker.pid, *children(self._broker.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._broker.wait()
        self.crossed.kills += 1
        self._up()

    def _through(
        self,
        words: tuple[str, ...],
        again: tuple[str, ...],
        who: str,
        share: Callable[[], float],
        done: Callable[[], bool] = lambda: True,
    ) -> None:
        """Say it until it is done, and kill the broker whenever the next share of the file is across. `done`: besides
        that the command says so, which `outbox --flush` does also of what is to be tried later.
        """
        due = sorted(self.kills)
        for _ in range(AGAIN):
            log = self.folder / "command.log"
            with log.open("w") as told, self._start(words, who, told) as command:
                while command.poll() is None:
                    self.peaks.look()
                    if due and share() >= due[0]:
                        self.say(f"{words[0]}: {due[0]:.0%} across, the broker is killed")
                        due.pop(0)
                        self._kill()
                    with suppress(subprocess.TimeoutExpired):
                        command.wait(LOOK)
            if command.returncode == 0 and done():
                assert not due, "the file was across before the broker could be killed so often"
                return
            assert command.returncode in (0, DEPENDENCY), log.read_text()
            self.crossed.again += 1
            words = again
        raise AssertionError(f"it does not get across: {log.read_text()}")

    def _start(self, words: tuple[str, ...], who: str, told: IO[str]) -> subprocess.Popen[str]:
        agency, name = who.split("/")
        home = ("--home", str(self.force.practice.party(agency)), "--as", name)
        return subprocess.Popen(
            (sys.executable, "-m", "cli.main", *words, *home), env=environment(), stdout=told, stderr=told, text=True
        )

    def _on_its_way(self) -> tuple[int, int] | None:
        """How many chunks of how many are at the broker, by the sender's list; None where no file stands in it."""
        listed = self.force.practice.party(DESK.split("/")[0]) / "files" / "files.db"
        with closing(sqlite3.connect(f"file:{listed}?mode=ro", uri=True)) as db:
            row: tuple[int, int] | None = db.execute("SELECT sent, chunks FROM outgoing").fetchone()
        return row

    def _sent(self) -> float:
        """Which share of the file is at the broker."""
        with suppress(sqlite3.Error):  # the list is not there yet
            sent, chunks = self._on_its_way() or (0, 1)
            return sent / chunks
        return 0.0

    def _fetched(self) -> float:
        """Which share of it has arrived at the recipient."""
        folder = self.force.practice.party(PROSECUTOR.split("/")[0]) / "files" / "in"
        with suppress(OSError):
            return sum(one.stat().st_size for one in folder.iterdir()) / self.size
        return 0.0

    def _arrived(self) -> str:
        with (self.folder / "list.json").open("w+") as told:
            for _ in range(AGAIN):
                told.seek(0)
                told.truncate()
                assert self._start(("inbox", "list", "--json"), PROSECUTOR, told).wait() == 0
                told.seek(0)
                rows = json.load(told)
                if rows:
                    return str(rows[0]["view"])
        raise AssertionError("the message did not arrive")


def main() -> None:
    """Run one, and say what it took."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.crossing", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=2048, help="how large the file is")
    parser.add_argument("--kills", type=int, default=2, help="how often the broker is killed, each way")
    parser.add_argument("--folder", type=Path, help="where there is room for four times the file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="crossing-", dir=given.folder) as scratch:
        kills = [n / (given.kills + 1) for n in range(1, given.kills + 1)]
        crossing = Crossing(Path(scratch), given.megabytes * PIECE, kills, lambda line: print(line, flush=True))
        done = crossing.run()
    print(
        f"sent in {done.sending:.0f} s, fetched in {done.fetching:.0f} s; {done.kills} kills, {done.again} said again"
    )
    for name, taken in sorted(done.peaks.items()):
        print(f"{taken / 1e6:6.0f} MB  {name}")
    print("the copy is equal" if done.equal else "THE COPY DIFFERS")
    sys.exit(0 if done.equal else 1)


if __name__ == "__main__":
    main()
