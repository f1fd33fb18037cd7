"""What grows with the task force and what does not: up to ten thousand agencies, in metadata only.

    python -m bench.simulation [--agencies 100 1000 10000] [--json]

No server runs and no message is sent. The task force is the ring of `bench.trust` without a hub: each agency has one
contact and an agreement with the two on either side, whatever the size of the ring. What is written is what officers
publish and an adapter fetches; what a server would hold is counted by the rules of `bus.subjects`.
"""

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from bench import trust
from bench.figures import number
from broker.service import clock
from bus import bounds, subjects
from cli import practice

REACH: Final = 2
CONTACTS: Final = 1
SAYS: Final = {
    "agencies": "agencies, with a contact and four partners each",
    "first-epoch": "CPU to make and sign the first epoch, s",
    "epoch": "CPU to sign an epoch with one changed contact, s",
    "content": "all that is in force, at the broker, kB",
    "state": "the list of what is in force in one epoch, kB",
    "changed": "new for a changed contact, without that list, kB",
    "extract": "one agency's extract, on its disk, kB",
    "path": "hashes that prove an extract's place in the epoch",
    "logins": "logins that the callout may be asked for",
    "consumers": "consumers at the server",
    "of-limit": "of that, the fullest stream, of what we allow one, %",
    "pulls": "requests that a worker keeps open",
}


def simulated(folder: Path, agencies: int) -> dict[str, float]:
    """The figures of `SAYS` for a ring of so many agencies, made in `folder`, which must be new. At least 4."""
    start = time.process_time()
    force = trust.make(folder, agencies, CONTACTS, REACH, hub=False)
    first = time.process_time() - start
    repository = force.repository.folder
    whole = _bytes(repository) - _bytes(repository / "epoch")
    start = time.process_time()
    state = force.change()
    changed = time.process_time() - start
    force.carry(state.epoch)
    practice.carry_out(folder, clock())
    contacts, lanes = agencies * CONTACTS, len(subjects.LANES)
    return {
        "agencies": agencies,
        "first-epoch": first,
        "epoch": changed,
        "content": whole / 1000,
        "state": len(state.to_bytes()) / 1000,
        "changed": (_bytes(repository) - _bytes(repository / "epoch") - whole) / 1000,
        "extract": _bytes(folder / trust.ring_name(trust.LINKED) / "trust" / "repository") / 1000,
        "path": math.ceil(math.log2(agencies + 1)),
        "logins": agencies + contacts,
        "consumers": lanes * (agencies + contacts),
        "of-limit": 100 * lanes * max(agencies, contacts) / bounds.CONSUMERS,
        "pulls": lanes * agencies,
    }


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main(sizes: Sequence[int], as_json: bool = False) -> list[dict[str, float]]:
    """Simulate rings of these sizes and print what they take, one column each."""
    found = []
    for agencies in sizes:
        Console(stderr=True).print(f"a ring of {agencies:,} agencies", highlight=False)
        with tempfile.TemporaryDirectory(prefix="safeconduct-simulation-") as scratch:
            found.append(simulated(Path(scratch) / "force", agencies))
    if as_json:
        print(json.dumps(found, indent=1))
        return found
    table = Table("", *(f"{one['agencies']:,.0f}" for one in found))
    for key, says in list(SAYS.items())[1:]:
        table.add_row(says, *(number(one[key]) for one in found))
    Console().print(table)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What grows with the task force.")
    parser.add_argument("--agencies", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(sys.argv[1:])
    main(given.agencies, given.json)
