"""A process that writes to a journal until it is killed; it says on standard output what has become durable.

python -m tests.adapters.writer JOURNAL FIRST          write round after round, each line once it is on disk
python -m tests.adapters.writer JOURNAL FIRST LIMIT    the same, on a disk that is full after LIMIT bytes a file
"""

import resource
import signal
import sys
from pathlib import Path

from adapters.journal import QUEUED, Journal
from messages.errors import DependencyError


def submission(number: int) -> bytes:
    return number.to_bytes(32, "big")


def view(number: int) -> str:
    return f"{number:032x}"


def rounds(journal: Journal, number: int) -> None:
    while True:
        data = number.to_bytes(4, "big") * 800
        journal.save(submission(number), submission(number)[:16], "c1", data, number, state=QUEUED)
        print(f"saved {number}", flush=True)
        if not journal.received(view(number), "c1", data, number):
            print(f"twice {number}", flush=True)
        print(f"received {number}", flush=True)
        journal.opening(view(number), b"signed %d" % number)
        print(f"opened {number}", flush=True)
        journal.answered(submission(number), b"evidence %d" % number, accepted=True, repeated=False)
        print(f"answered {number}", flush=True)
        number += 1


def main() -> None:
    path, first = Path(sys.argv[1]), int(sys.argv[2])
    if len(sys.argv) > 3:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
    try:
        rounds(Journal(path), first)
    except DependencyError as error:
        print(f"trouble {error}", flush=True)


if __name__ == "__main__":
    main()
