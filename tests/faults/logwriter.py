"""Processes that write a log's files until they are killed or the disk is full; they say what has become durable.

python -m tests.faults.logwriter tree FOLDER [LIMIT]            leaves into a FileStore, synced in batches
python -m tests.faults.logwriter export FOLDER SNAPSHOTS [LIMIT]    exports of a growing log, one after another
"""

import pickle
import resource
import signal
import sys
from hashlib import sha256
from pathlib import Path

from audit.logdir import write_log_dir
from audit.tree import FileStore, Tree


def leaf(number: int) -> bytes:
    return sha256(b"leaf %d" % number).digest()


def fill(limit: str) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))


def main() -> None:
    what, folder, *rest = sys.argv[1:]
    try:
        if what == "tree":
            if rest:
                fill(rest[0])
            store = FileStore(Path(folder))
            tree = Tree(store)
            while True:
                tree.extend(leaf(n) for n in range(tree.size, tree.size + 1 + tree.size % 7))
                store.sync()
                print(tree.size, flush=True)
        snapshots = pickle.loads(Path(rest[0]).read_bytes())  # noqa: S301  written by the test itself
        if rest[1:]:
            fill(rest[1])
        while True:
            for number, values in enumerate(snapshots):
                write_log_dir(Path(folder), **values)
                print(number, flush=True)
    except OSError:
        print("full", flush=True)


if __name__ == "__main__":
    main()
