"""Write the packets that `audit` has to hold for ever: `python -m tests.vectors.write_packets`.

They are made by the product with fresh keys, so another run makes others; what they prove does not depend on the day.
"""

import asyncio
from pathlib import Path

from tests.adapters.test_packets import make
from tests.support.orchid import task_force

HERE = Path(__file__).parent / "packets"
ROOT = HERE / "root.json"
PACKETS = {"received": HERE / "received.packet", "guarded": HERE / "guarded.packet", "sent": HERE / "sent.packet"}


def main() -> None:
    """Write them."""
    made = asyncio.run(make(task_force()))
    ROOT.write_bytes(made.root)
    for name, path in PACKETS.items():
        path.write_bytes(getattr(made, name))


if __name__ == "__main__":
    main()
