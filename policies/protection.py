"""The rules of victim protection and of passage as the field knows them, and what holds each of them here.

`load` reads `protection.yaml`, which people read as docs/rules.md. A row is words and names; a test looks every name
up, so that none can stand for something that is gone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import yaml

WAYS: Final = ("rule", "law", "fact", "code", "test")
"""How a row can be held; see the head of protection.yaml."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """One rule of the field: R-01 to R-35 (CATALOGUE E), of passage (C.3), or how conflicts and logs are kept."""

    id: str
    says: str
    source: str
    point: str
    kind: str
    held: tuple[tuple[str, str], ...]  # (way, name), never empty
    open: str = ""  # what is not held yet

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of the Cedar rules among what holds it."""
        return tuple(name for way, name in self.held if way == "rule")


def parse(text: str) -> Mapping[str, Protection]:
    """Read the table, or raise `ValueError`: the file is ours, so a fault in it is a fault of the release."""
    found: dict[str, Protection] = {}
    for identifier, row in yaml.safe_load(text).items():
        held = tuple((way, str(name)) for item in row.pop("held") for way, name in item.items())
        if not held or any(way not in WAYS for way, _ in held):
            raise ValueError(f"{identifier} is held by nothing, or by something of a kind that is not known")
        found[identifier] = Protection(id=identifier, held=held, **row)
    return found


@cache
def load() -> Mapping[str, Protection]:
    """The packaged table, in its order."""
    return parse(files("policies").joinpath("protection.yaml").read_text(encoding="utf-8"))
