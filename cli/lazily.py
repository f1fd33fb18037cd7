"""Commands whose modules are read when somebody uses them: a command starts in the time of its own libraries, not of
the broker's database and the console's pages too.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import typer
from typer.core import TyperGroup


@dataclass(frozen=True, slots=True)
class Where:
    """Where a command (a function) or a group of commands (a `Typer`) stands."""

    module: Callable[[], ModuleType]
    name: str
    hidden: bool = False


class _Commands(MutableMapping[str, Any]):
    """Commands by their names, in the order in which they were given; each is made when it is first asked for."""

    def __init__(self, where: Mapping[str, Where]) -> None:
        self._where = dict(where)
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _command(name, self._where[name])
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        self._where.pop(name, None)
        self._made.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return name in self._where or name in self._made

    def __iter__(self) -> Iterator[str]:
        return iter({**self._where, **self._made})

    def __len__(self) -> int:
        return len({**self._where, **self._made})


def _command(name: str, where: Where) -> Any:
    found = getattr(where.module(), where.name)
    alone = typer.Typer(add_completion=False)
    alone.callback()(lambda: None)  # else Typer would take one command for the whole program
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name, hidden=where.hidden)
    else:
        alone.command(name, hidden=where.hidden)(found)
    return typer.main.get_group(alone).commands[name]


def group(where: Mapping[str, Where]) -> type[TyperGroup]:
    """The class of a group of these commands, for `typer.Typer(cls=…)`; what is registered on it comes behind them."""

    class Group(TyperGroup):
        def __init__(self, **settings: Any) -> None:
            registered = settings.pop("commands", None) or {}
            super().__init__(**settings)
            self.commands = _Commands(where)
            self.commands.update(registered)

    return Group
