"""What every command shares: where things are, the passphrase, and how errors end.

Exit codes: 0 done; 1 refused by policy; 2 the user's mistake; 3 a dependency failed. An error is one sentence.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from functools import wraps
from json import dumps
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, ParamSpec, TypeVar

import structlog
import typer
import uvloop
from rich.console import Console

from cli.logs import only_allowed
from cli.unlock import passphrase as passphrase
from messages.errors import BadInput, DependencyError, NotPermitted, ShareError

P = ParamSpec("P")
T = TypeVar("T")


class _Out(Console):
    def print_json(self, json: str | None = None, *, data: Any = None, **shown: Any) -> None:
        """JSON in colours for a person; for a program the same text, which then need not be made of coloured parts."""
        if json is not None or shown or self.is_terminal:
            super().print_json(json, data=data, **shown)
        else:
            self.file.write(dumps(data, indent=2, ensure_ascii=False) + "\n")


out = _Out(highlight=False)
err = Console(stderr=True, highlight=False)

REFUSED: Final = 1
MISTAKE: Final = 2
DEPENDENCY: Final = 3

HomeOption = Annotated[
    Path,
    typer.Option("--home", envvar="SAFECONDUCT_HOME", help="The agency's (or broker's) folder.", show_default="."),
]
BrokerOption = Annotated[Path, typer.Option("--home", envvar="SAFECONDUCT_BROKER", help="The broker's folder.")]
ContactOption = Annotated[
    str, typer.Option("--as", help="Which of our contacts, such as desk.", show_default="the only one")
]
UrlOption = Annotated[str | None, typer.Option("--url", help="Address of the bus, if not the one in the folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def only_contact(folder: Path, chosen: str | None) -> str:
    """The contact named, or the only one whose keys lie here."""
    if chosen:
        return chosen
    names = sorted(p.stem for p in (folder / "keys").glob("*.key") if p.stem not in ("adapter", "broker"))
    if len(names) == 1:
        return names[0]
    if not names:
        raise BadInput(f"{folder} is not an agency's folder with keys; name the right one with --home.")
    raise BadInput(f"Say which contact you are with --as: {', '.join(names)}.")


def fail(sentence: str, code: int) -> NoReturn:
    """One sentence on standard error, and the exit code."""
    err.print(f"safeconduct: {sentence}", markup=False, soft_wrap=True)
    raise typer.Exit(code)


def code_of(error: ShareError) -> int:
    """The exit code for an error of our tree."""
    if isinstance(error, NotPermitted):
        return REFUSED
    return DEPENDENCY if isinstance(error, DependencyError) else MISTAKE


def command(function: Callable[P, T]) -> Callable[P, T]:
    """Turn every expected error into one sentence and an exit code; a traceback never reaches a user."""

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        quiet_logs()
        try:
            return function(*args, **kwargs)
        except (typer.Exit, typer.Abort):
            raise
        except ShareError as error:
            fail(str(error), code_of(error))
        except KeyboardInterrupt:
            fail("Stopped.", 130)
        except BrokenPipeError:
            raise typer.Exit(0) from None
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            fail(f"The system refused: {error.strerror or type(error).__name__}{where}.", DEPENDENCY)
        except Exception as error:
            if os.environ.get("SAFECONDUCT_TRACEBACK"):  # for developers; a traceback may show what nobody may see
                raise
            fail(f"An internal error ({type(error).__name__}); nothing was sent by it. Please report it.", DEPENDENCY)

    return wrapped


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end on uvloop."""
    return uvloop.run(coroutine)


def quiet_logs() -> None:
    """For commands that people run: warnings only."""
    _logs(30)


def settled() -> None:
    """Say that what was loaded stays, once a service runs: it is not searched for garbage again and again.

    A full search holds everything up for as long as it takes to look at each of the objects that were loaded.
    """
    gc.collect()
    gc.freeze()


def service_logs() -> None:
    """For services: everything from info on, as JSON lines on standard error. Events carry ids, never content."""
    _logs(20)


def _logs(level: int) -> None:
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of what TLS does at every orderly end
    structlog.configure(
        processors=[
            only_allowed,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_to_standard_error,
        cache_logger_on_first_use=False,
    )


def _to_standard_error(*_: object) -> structlog.WriteLogger:
    return structlog.WriteLogger(sys.stderr)  # looked up anew: whoever runs us may have put another one there


def until_stopped() -> Coroutine[Any, Any, object]:
    """Hear SIGINT and SIGTERM from this call on; what it returns, awaited, ends with one of them.

    A service calls it before it says that it is ready: who hears that may ask it to stop at once.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop.wait()


async def until(failed: "asyncio.Future[None]", *others: Coroutine[Any, Any, object]) -> None:
    """Until one of `others` is done; raises what made `failed` so."""
    waiting: list[asyncio.Future[Any]] = [asyncio.ensure_future(one) for one in others]
    try:
        await asyncio.wait([*waiting, failed], return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            await failed
    finally:
        for one in waiting:
            one.cancel()
