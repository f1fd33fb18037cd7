"""What a service's log may hold: these fields, each in its form, and nothing else.

A log line leaves the machine sooner or later: it is shipped, kept for years, searched by people without rights. So a
field is not forbidden here but allowed, with the form that it must have, and whatever is not on the list is left out
and only *named*, under `dropped`. Handles, codes, numbers and random ids are on it; no name, subject line, text, path
of a case file, or traceback has a form that fits. `says` is the one sentence of our own errors, which name ids and no
data.
"""

import errno
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

from adapters.timeline import CONFIRMED
from messages.evidence import EvidenceType

Fits = Callable[[object], bool]


def _form(pattern: str) -> Fits:
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _truth(value: object) -> bool:
    return isinstance(value, bool)


def _numbers(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) <= 100 and all(map(_number, value))


def _sentence(value: object) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= 400 and value.isprintable())


_CODE: Final = _form(r"[a-z][a-z0-9-]{0,39}")
_HANDLE: Final = _form(r"operator|[a-z][a-z2-7]{12}")
_HEX: Final = _form(r"[a-z]?[0-9a-f]{8,64}")
_UUID: Final = _form(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TYPE: Final = _form(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
_EVIDENCE: Final = frozenset({*EvidenceType, CONFIRMED})
_SYSTEM: Final = frozenset(map(os.strerror, errno.errorcode))

FIELDS: Final[Mapping[str, Fits]] = {
    "accounts": _number,
    "agency": _HANDLE,
    "attempt": _number,
    "attempts": _number,
    "by": _number,
    "code": _CODE,
    "connections": _number,
    "contact": _HANDLE,
    "copies": _number,
    "count": _number,
    "days": _number,
    "due": _number,
    "entry": _HEX,
    "epoch": _number,
    "error": _TYPE,
    "evidence": lambda value: isinstance(value, str) and value in _EVIDENCE,
    "found": _number,
    "ground": _CODE,
    "index": _number,
    "kind": _CODE,
    "leaf": _HEX,
    "leaves": _number,
    "logins": _number,
    "message": _UUID,
    "number": _number,
    "numbers": _numbers,
    "part": _CODE,
    "places": _number,
    "records": _number,
    "reason": lambda value: _CODE(value) or (isinstance(value, str) and value in _SYSTEM),
    "include_by": _number,
    "repeated": _truth,
    "retrieved": _truth,
    "says": _sentence,
    "seconds": _number,
    "sections": _number,
    "seq": _number,
    "size": _number,
    "stage": _CODE,
    "state": _CODE,
    "status": _number,
    "times": _number,
    "told": _CODE,
    "uid": _number,
    "view": _HEX,
    "views": _number,
    "waiting": _number,
    "what": _CODE,
    "why": _CODE,
    "workflow": _CODE,
}
ADDED: Final = frozenset({"event", "level", "timestamp", "dropped"})
"""What the log adds by itself."""
_EVENT: Final = _CODE


def only_allowed(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Leave out what is not on the list or not in its form; say which fields those were, by name alone."""
    kept = {k: v for k, v in event.items() if k in FIELDS and FIELDS[k](v)}
    dropped = sorted(k for k in event.keys() - kept.keys() - {"event"} if _TYPE(k))
    name = event.get("event")
    kept["event"] = name if _EVENT(name) else "unnamed"
    if dropped:
        kept["dropped"] = dropped
    return kept
