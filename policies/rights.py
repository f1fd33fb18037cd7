"""Who may ever hold a protected person's identity: `rights.yaml`, read once from this package.

`Right.NEVER` is what a class has that is not listed. A right is necessary, never sufficient: the sharing agreement must
list the type under `identity` too, and the rules add consent, release, passage and acceptance.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict, RootModel, ValidationError, field_validator

from messages.catalogue.loader import TYPE_IDS
from messages.errors import BadInput
from messages.labels import PartyClass
from policies.yamltext import Fault, Faulty, Tree
from policies.yamltext import parse as parse_yaml


class Right(StrEnum):
    """On what ground a class may hold an identity."""

    NEVER = "never"
    RIGHT = "right"
    RELEASE = "release"
    CONSENT = "consent"


_BARRED: Final = frozenset({PartyClass.LAB, PartyClass.BOR, PartyClass.NGO_P, PartyClass.RAP})
"""Classes that no edition of the file may list (R-14, R-28, R-32)."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    source: str
    classes: dict[PartyClass, Right]

    @field_validator("classes")
    @classmethod
    def _never_barred(cls, classes: dict[PartyClass, Right]) -> dict[PartyClass, Right]:
        barred = sorted(_BARRED.intersection(classes))
        if barred or Right.NEVER in classes.values():
            raise ValueError(f"these may not be listed: {', '.join(barred) or 'a class with the word never'}")
        return classes


class _File(RootModel[dict[str, _Entry]]):
    pass


@dataclass(frozen=True, slots=True)
class Rights:
    """The table, and the law each line rests on."""

    table: Mapping[tuple[str, PartyClass], Right]
    sources: Mapping[str, str]

    def right(self, data_type: str, party_class: PartyClass) -> Right:
        """The right of a class to identities in a data type; `NEVER` for anything the table does not know."""
        return self.table.get((data_type, party_class), Right.NEVER)


def parse(text: str) -> Rights:
    """Read the table, or raise `ValueError`: the file is ours, so a fault in it is a fault of the release."""
    found = _File.model_validate(yaml.safe_load(text)).root
    if set(found) != {*TYPE_IDS, "cover"}:
        raise ValueError("rights.yaml must name every data type and the cover, and nothing else")
    return Rights(
        table={(t, c): r for t, entry in found.items() for c, r in entry.classes.items()},
        sources={t: entry.source for t, entry in found.items()},
    )


def read(text: str, source: str) -> Rights:
    """The same for a table that somebody is editing: raises `BadInput` with file, line and sentence."""
    try:
        tree = parse_yaml(text, source)
    except Faulty as error:
        raise BadInput(" ".join(map(str, error.faults))) from None
    try:
        return parse(text)
    except ValidationError as error:
        raise BadInput(" ".join(str(_fault(e["loc"], str(e["msg"]), tree)) for e in error.errors())) from None
    except ValueError as error:
        raise BadInput(f"{source}: {error}.") from None


def _fault(path: tuple[str | int, ...], said: str, tree: Tree) -> Fault:
    where = ".".join(str(step) for step in path if step != "[key]")
    return tree.fault(path, f"{where}: {said.removeprefix('Value error, ')[:300].rstrip('.').lower()}.")


_chosen: ContextVar[Rights | None] = ContextVar("rights", default=None)


@contextmanager
def using(table: Rights) -> Iterator[None]:
    """While the block runs, `load` gives this table: to decide as another edition of the rules would."""
    token = _chosen.set(table)
    try:
        yield
    finally:
        _chosen.reset(token)


def load() -> Rights:
    """The packaged table, or the one that a block of `using` has chosen."""
    return _chosen.get() or _packaged()


@cache
def _packaged() -> Rights:
    return parse(files("policies").joinpath("rights.yaml").read_text(encoding="utf-8"))
