"""Facts for tests: named scenarios that pass, and twins that differ from them in as little as possible.

twins/*.yaml lists scenarios and, per rule, an allowed and a blocked case: a scenario and the facts that are changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from evaluation.corpus import from_yaml
from messages.labels import Flag, Kind, PartyClass, Purpose, Role
from policies.facts import Facts

TWINS = Path(__file__).parent / "twins"
BOOLEANS = tuple(f.name for f in fields(Facts) if f.type in (bool, "bool"))
_READERS: dict[str, Any] = {
    "kind": Kind,
    "purpose": Purpose,
    "sender_class": PartyClass,
    "recipient_class": PartyClass,
    "data_type": str,
    "part": str,
    "roles": lambda words: frozenset(map(Role, words)),
    "flags": lambda words: frozenset(map(Flag, words)),
}


@dataclass(frozen=True)
class Twin:
    """One pair: `allowed` is permitted, `blocked` is refused for exactly `because`."""

    rule: str
    story: str
    allowed: Facts
    blocked: Facts
    because: tuple[str, ...]
    by: tuple[str, ...]

    @property
    def differences(self) -> list[str]:
        return [f.name for f in fields(Facts) if getattr(self.allowed, f.name) != getattr(self.blocked, f.name)]


def _value(name: str, value: Any) -> Any:
    if name in _READERS:
        return _READERS[name](value)
    assert name in BOOLEANS and type(value) is bool, f"{name} is no fact"
    return value


def _read(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in values.items()}


@cache
def scenarios() -> dict[str, Facts]:
    found: dict[str, Facts] = {}
    written = from_yaml(TWINS / "scenarios.yaml")
    usual = written.pop("usual")
    for name, values in written.items():
        found[name] = Facts(**_read({**usual, **values}))
    assert found, "there are no scenarios"
    return found


@cache
def twins() -> tuple[Twin, ...]:
    found = []
    for path in sorted(TWINS.glob("*.yaml")):
        if path.name == "scenarios.yaml":
            continue
        for item in from_yaml(path):
            base = replace(scenarios()[item["scenario"]], **_read(item.get("both", {})))
            found.append(
                Twin(
                    rule=item["rule"],
                    story=item["story"],
                    allowed=replace(base, **_read(item.get("allowed", {}))),
                    blocked=replace(base, **_read(item.get("blocked", {}))),
                    because=tuple(item.get("because", [item["rule"]])),
                    by=tuple(item.get("by", ())),
                )
            )
            assert set(item) <= {"rule", "story", "scenario", "both", "allowed", "blocked", "because", "by"}
    assert found, "there are no twins"
    return tuple(found)
