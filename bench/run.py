"""`safeconduct bench`: every figure of docs/design.md section 13 that this version has, in one run on one machine.

    python -m bench.run [--json | --markdown] [--quick] [--only messages | log | sweep | flood | trust | records]

bench/README.md says what each figure means and how it was taken.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import flow, micro, records, sweep, trust, world
from bench.figures import Figure, markdown, table

PARTS = ("messages", "log", "sweep", "flood", "trust", "records")
FULL = {
    "messages": 4000,
    "naive": 1000,
    "rounds": 3,
    "calls": 400,
    "text_rounds": 5,
    "leaves": [100_000, 1_000_000, 10_000_000],
    "rate": 200,
    "seconds": 10.0,
    "sweep": {
        "messages": 2000,
        "workers": [1, 2, 3, 4],
        "recipients": [1, 5, 20, 50],
        "sizes": [1_000, 10_000, 100_000, 1_000_000],
        "servers": [1, 3],
        "bytes": 40_000_000,
        "memory": 50_000,
        "calls": 200,
    },
    "flood": {"rate": 20, "seconds": 30.0, "warm": 4.0, "rounds": 3, "messages": 3000},
    "trust": {"agencies": 1000, "contacts": 10, "reach": 10, "changes": 10},
    "records": {"count": 1_000_000, "times": 100},
}
QUICK = {
    "messages": 400,
    "naive": 100,
    "rounds": 1,
    "calls": 50,
    "text_rounds": 1,
    "leaves": [100_000],
    "rate": 200,
    "seconds": 1.0,
    "sweep": {
        "messages": 200,
        "workers": [1, 2],
        "recipients": [1, 5],
        "sizes": [1_000, 100_000],
        "servers": [1, 3],
        "bytes": 4_000_000,
        "memory": 500,
        "calls": 20,
    },
    "flood": {"rate": 20, "seconds": 3.0, "warm": 2.0, "rounds": 1, "messages": 500},
    "trust": {"agencies": 20, "contacts": 10, "reach": 3, "changes": 2},
    "records": {"count": 20_000, "times": 5},
}


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_before": round(load, 2),
    }


def measure(sizes: dict[str, Any], console: Console, only: str = "") -> list[Figure]:
    """All figures, or those of one of `PARTS` `only`. Progress goes to `console`."""
    with (
        tempfile.TemporaryDirectory(prefix="safeconduct-bench-") as scratch,
        Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console
        ) as progress,
    ):
        steps = 5 + len(sizes["leaves"]) + 5 * sizes["rounds"] + 15
        steps += (sizes["flood"]["rounds"] * (2 + len(flow.FLOODS))) if sizes["flood"] else 0
        task = progress.add_task("making a task force", total=steps)

        def step(what: str) -> None:
            progress.update(task, description=what)
            progress.advance(task)

        root = Path(scratch)
        figures: list[Figure] = []
        if only in ("", "messages"):
            figures += _of_messages(root, sizes, step)
        if only == "log":
            figures += micro.auditing(world.make(root / "force"), root / "audit", sizes["leaves"], step)
        if only in ("", "sweep") and sizes["sweep"]:
            (root / "sweep").mkdir()
            figures += uvloop.run(sweep.figures(root / "sweep", sizes["sweep"], step))
        if only in ("", "flood") and sizes["flood"]:
            figures += uvloop.run(flow.flooded(root / "flooded", sizes["flood"], step))
        if only in ("", "trust") and sizes["trust"]:
            step(f"making a task force of {sizes['trust']['agencies']} agencies")
            figures += trust.figures(root / "trust", sizes["trust"], step)
        if only in ("", "records") and sizes["records"]:
            home = world.make(root / "searched").broker
            figures += records.figures(home, root / "records", sizes["records"], step)
        return figures


def _of_messages(root: Path, sizes: dict[str, Any], step: Callable[[str], None]) -> list[Figure]:
    bench = world.make(root / "force")
    step("admit and its parts")
    figures = micro.core(bench, sizes["calls"])
    step("seal and open")
    figures += micro.sealing(bench, sizes["calls"])
    step("decide")
    figures += micro.deciding(bench, sizes["calls"])
    step("redaction")
    figures += micro.redaction(sizes["text_rounds"])
    figures += micro.auditing(bench, root / "audit", sizes["leaves"], step)
    step(f"sealing {sizes['messages']} messages")
    messages = world.compose_many(bench, sizes["messages"])
    figures += uvloop.run(flow.throughput(bench, root, messages, sizes["naive"], sizes["rounds"], step))
    return figures + uvloop.run(flow.end_to_end(bench, root / "e2e", sizes["rate"], sizes["seconds"], step))


def main(
    as_json: bool = False,
    quick: bool = False,
    as_markdown: bool = False,
    sizes: dict[str, Any] | None = None,
    only: str = "",
) -> list[Figure]:
    """Measure and print: a table, one JSON object, or markdown for bench/README.md."""
    found, start = machine(), time.perf_counter()
    # Progress on standard error, so that what is printed can be piped.
    figures = measure({**(QUICK if quick else FULL), **(sizes or {})}, Console(stderr=True), only)
    found["seconds"] = round(time.perf_counter() - start, 1)
    if as_json:
        print(json.dumps({"machine": found, "quick": quick, "figures": [f.to_json() for f in figures]}, indent=1))
    elif as_markdown:
        print(markdown(figures))
    else:
        console = Console()
        console.print(table(figures))
        console.print(", ".join(f"{k} {v}" for k, v in found.items()), highlight=False)
        if quick:
            console.print("quick: fewer messages and one round, for trying and not for quoting", highlight=False)
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure speed as ratios.")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=PARTS, default="")
    given = parser.parse_args(sys.argv[1:])
    main(as_json=given.json, quick=given.quick, as_markdown=given.markdown, only=given.only)
