"""The figures as a picture: how far each is from its target, and how the broker's cost changes with its load.

python -m bench.picture figures.json figures.svg     what `bench.run --json` printed, drawn
"""

import json
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from bench.figures import number

WIDTH: Final = 1240
ROW: Final = 20
LEFT: Final = 650
SPAN: Final = (0.05, 20.0)
"""Of the axis of ratios, which is logarithmic; what lies beyond is drawn at its end and has its number."""
SERIES: Final = {
    "workers": "workers",
    "recipients": "recipients of a message",
    "size": "bytes of a message",
    "copies": "servers that keep a copy",
}
PANEL: Final = (470, 150)
STYLE: Final = """
svg{background:#fff;--ink:#1c2430;--dim:#5d6b7a;--line:#d5dce3;--good:#2f7d5b;--bad:#b4552d;--dot:#2b5f9e}
text{font:12px system-ui,sans-serif;fill:var(--ink)} .dim{fill:var(--dim)} .head{font-weight:600;font-size:14px}
.good{fill:var(--good)} .bad{fill:var(--bad)} .axis{stroke:var(--line)}
.line{fill:none;stroke:var(--dot);stroke-width:2} .dot{fill:var(--dot)}
@media (prefers-color-scheme:dark){svg{background:#14181d;--ink:#e7ebef;--dim:#9aa5b1;--line:#37404a;--good:#58b98c;
--bad:#e08a5f;--dot:#7fb0ea}}
"""


def svg(run: dict[str, Any]) -> str:
    """A picture of one run, as `bench.run --json` prints it."""
    figures: list[dict[str, Any]] = run["figures"]
    aimed = [f for f in figures if f["target"] is not None and f["value"] > 0]
    machine = run["machine"]
    parts = [
        _text(16, 28, "What is promised, and what was measured", "head"),
        _text(16, 46, ", ".join(f"{k} {v}" for k, v in machine.items()), "dim"),
        _text(LEFT, 66, "worse than promised", "dim", "end", dx=_x(0.9)),
        _text(LEFT, 66, "better", "dim", dx=_x(1.1)),
    ]
    top = 74
    for row, figure in enumerate(aimed):
        parts += _bar(figure, top + row * ROW)
    bottom = top + len(aimed) * ROW
    parts.append(f"<line class='axis' x1='{LEFT + _x(1):.1f}' x2='{LEFT + _x(1):.1f}' y1='{top - 4}' y2='{bottom}'/>")
    drawn = [(key, _points(figures, key)) for key in SERIES]
    for place, (key, points) in enumerate((key, points) for key, points in drawn if len(points) > 1):
        x, y = 16 + (place % 2) * (WIDTH // 2), bottom + 30 + (place // 2) * (PANEL[1] + 50)
        parts += _lines(x, y, SERIES[key], points)
        height = y + PANEL[1] + 40
    if not any(len(points) > 1 for _, points in drawn):
        height = bottom + 16
    size = f"viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' height='{height}'"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' {size} role='img'><title>Safeconduct, measured</title>"
    return "\n".join([head, f"<style>{STYLE}</style>", *parts, "</svg>\n"])


def _x(goodness: float) -> float:
    low, high = (math.log(bound) for bound in SPAN)
    place = (math.log(min(max(goodness, SPAN[0]), SPAN[1])) - low) / (high - low)
    return place * (WIDTH - LEFT - 130)


def _text(x: float, y: float, says: str, kind: str = "", anchor: str = "start", dx: float = 0.0) -> str:
    return f"<text x='{x + dx:.1f}' y='{y}' class='{kind}' text-anchor='{anchor}'>{escape(says)}</text>"


def _bar(figure: dict[str, Any], y: int) -> list[str]:
    """From the target, which is the line in the middle, to the right where it is kept, to the left where it is not."""
    goodness = figure["ratio"] if figure["target"]["bound"] == ">=" else 1 / figure["ratio"]
    start, end = sorted((_x(1), _x(goodness)))
    kind = "good" if figure["met"] else "bad"
    target = figure["target"]
    says = f"{number(figure['value'])} {figure['unit']} ({target['bound']} {number(target['value'])})"
    at = f"x='{LEFT + start:.1f}' y='{y + 2}' width='{max(1.0, end - start):.1f}' height='{ROW - 6}'"
    return [
        _text(LEFT - 10, y + 12, figure["says"], anchor="end"),
        f"<rect class='{kind}' {at}/>",
        _text(LEFT, y + 12, says, "dim", dx=max(_x(1), end) + 6),
    ]


def _points(figures: Sequence[dict[str, Any]], key: str) -> list[tuple[float, float, float]]:
    """Of one series: the place on its axis, messages a second, and microseconds of CPU a message."""
    found = {f["key"]: f["value"] for f in figures}
    numbers = sorted(int(m[1]) for name in found if (m := re.fullmatch(rf"{key}-(\d+)", name)))
    return [(float(n), found[f"{key}-{n}"], found[f"{key}-{n}-cpu"]) for n in numbers]


def _lines(x: int, y: int, says: str, points: Sequence[tuple[float, float, float]]) -> list[str]:
    width, height = PANEL[0] - 60, PANEL[1] - 30
    parts = [_text(x, y, f"by {says}: messages a second, and CPU of each", "head")]
    most = max(rate for _, rate, _ in points)
    step = width / (len(points) - 1)
    places = [(x + 20 + i * step, y + 30 + height * (1 - rate / most)) for i, (_, rate, _) in enumerate(points)]
    base = y + 30 + height
    parts.append(f"<line class='axis' x1='{x}' x2='{x + width + 40}' y1='{base}' y2='{base}'/>")
    parts.append(f"<polyline class='line' points='{' '.join(f'{px:.1f},{py:.1f}' for px, py in places)}'/>")
    for (px, py), (at, rate, spent) in zip(places, points, strict=True):
        parts.append(f"<circle class='dot' cx='{px:.1f}' cy='{py:.1f}' r='4'/>")
        parts.append(_text(px, int(py) - 9, number(rate), anchor="middle"))
        parts.append(_text(px, base + 16, f"{number(at)}", anchor="middle"))
        parts.append(_text(px, base + 31, f"{number(spent / 1000)} ms", "dim", anchor="middle"))
    return parts


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.write_text(svg(json.loads(source.read_text())), encoding="utf-8")
