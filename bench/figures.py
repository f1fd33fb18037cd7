"""A figure, its target, and the table of all of them."""

import resource
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Target:
    """What docs/design.md section 13 asks: at most, or at least, `value` in the figure's unit."""

    bound: Literal["<=", ">="]
    value: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. `key` is stable; `ratio` is value over target."""

    key: str
    says: str
    value: float
    unit: str
    target: Target | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Value over target: below 1 is good for "at most", above 1 for "at least"."""
        return self.value / self.target.value if self.target else None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        return self.value <= self.target.value if self.target.bound == "<=" else self.value >= self.target.value

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {**asdict(self), "ratio": self.ratio, "met": self.met}


def resident() -> float:
    """Megabytes of memory in use by this process now; where the system does not say, the most it ever used."""
    status = Path("/proc/self/statm")
    if status.is_file():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def number(value: float) -> str:
    """Three significant digits, thousands apart."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _cells(figure: Figure) -> tuple[str, str, str, str, str]:
    target = f"{figure.target.bound} {number(figure.target.value)}" if figure.target else ""
    ratio = number(figure.ratio) if figure.ratio is not None else ""
    met = {True: "yes", False: "no", None: ""}[figure.met]
    return figure.says, f"{number(figure.value)} {figure.unit}", target, ratio, met


def table(figures: Sequence[Figure]) -> Table:
    """For the terminal."""
    made = Table("figure", "measured", "target", "of target", "met")
    colour = {True: "green", False: "red", None: "default"}
    for figure in figures:
        *cells, met = _cells(figure)
        made.add_row(*cells, f"[{colour[figure.met]}]{met}[/]")
    return made


def markdown(figures: Sequence[Figure]) -> str:
    """The same for bench/README.md."""
    lines = ["| figure | measured | target | of target | met |", "|---|---|---|---|---|"]
    lines += ["| " + " | ".join(_cells(f)) + " |" for f in figures]
    return "\n".join(lines)
