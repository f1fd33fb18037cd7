"""`python -m tests.faults --minutes N --seed S`: the fault kit by hand. Exit code 0 where the ledger holds."""

import argparse
import asyncio
import random
import tempfile
from pathlib import Path

from cli.common import quiet_logs
from tests.faults.kit import Kit


def main() -> None:
    """Run the kit, and say what happened."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long faults strike")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 16), help="for the same faults again")
    parser.add_argument("--keep", type=Path, help="a new folder in which to leave everything")
    given = parser.parse_args()
    quiet_logs()
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
        kit = Kit(given.keep or Path(scratch) / "town", given.seed, lambda line: print(line, flush=True))
        done = asyncio.run(kit.run(60 * given.minutes, small=True))
    print(
        f"{done.submitted} handed in, each accepted once and there once; {done.answers} answers; "
        f"{done.leaves} leaves, the log holds"
    )
    print(
        f"faults: {', '.join(f'{count} {name}' for name, count in sorted(done.faults.items()))}; {done.seconds:.0f} s"
    )


if __name__ == "__main__":
    main()
