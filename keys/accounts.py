"""Accounts of the officers' console: requests for one, and what officers decide about them.

A request is what a browser made when a passkey was registered: it holds no secret and opens nothing. An account is in
force once it stands in the trust bundle, which two officers signed after comparing the request's digits by telephone.
"""

import base64
import binascii
import json
from dataclasses import replace
from typing import Final

from keys.content import Content
from keys.decisions import Hand
from messages import ids
from messages.directory import Account
from messages.errors import BadInput, Malformed

ROLES: Final = ("officer", "auditor", "administrator")
MAX_REQUEST: Final = 8192
_FIELDS: Final = {"v", "officer", "title", "credential", "key"}


def request(account: Account) -> bytes:
    """The request for this account, as a file."""
    value = {
        "v": 1,
        "officer": account.officer,
        "title": account.title,
        "credential": base64.b64encode(account.credential).decode(),
        "key": base64.b64encode(account.key).decode(),
    }
    return json.dumps(value, sort_keys=True, ensure_ascii=True).encode() + b"\n"


def read_request(data: bytes) -> Account:
    """The account, without a role, that a request asks for; or raise `BadInput`."""
    try:
        value = json.loads(data) if len(data) <= MAX_REQUEST else None
        if not isinstance(value, dict) or value.keys() != _FIELDS or value["v"] != 1:
            raise ValueError
        title = value["title"]
        if not isinstance(title, str) or not 0 < len(title) <= 80 or not title.isprintable():
            raise ValueError
        found = Account(
            officer=ids.officer_handle(value["officer"]),
            role="",
            title=title,
            credential=binascii.a2b_base64(value["credential"], strict_mode=True),
            key=binascii.a2b_base64(value["key"], strict_mode=True),
        )
        if not found.credential or not found.key:
            raise ValueError
    except (ValueError, TypeError, RecursionError, Malformed):
        raise BadInput("This is no request for a console account; have the passkey registered again.") from None
    return found


def add(content: Content, wanted: Account, role: str) -> Content:
    """A new account with its role. Raises `BadInput` for another role, or a passkey or handle that has one already."""
    if role not in ROLES:
        raise BadInput(f"A role is one of {', '.join(ROLES)}.")
    if any(a.credential == wanted.credential or a.key == wanted.key for a in content.accounts if a.credential):
        raise BadInput("This passkey has an account already.")
    if any(a.officer == wanted.officer for a in content.accounts):
        raise BadInput("There is an account under this handle already; have the passkey registered again.")
    if any(a.ended is None and a.title == wanted.title for a in content.accounts):
        raise BadInput("There is an account with this title already; end that one, or register under another title.")
    return replace(content, accounts=(*content.accounts, wanted.model_copy(update={"role": role})))


def end(content: Content, wanted: str, hand: Hand) -> Content:
    """An account that opens nothing from now on; it stays in, so that look-ups in the log keep their name."""
    found = find(content, wanted)
    if found.ended is not None:
        raise BadInput("This account has ended already.")
    changed = found.model_copy(update={"ended": hand.at})
    return replace(content, accounts=tuple(changed if a is found else a for a in content.accounts))


def find(content: Content, wanted: str) -> Account:
    """The account with a handle or a title, or raise `BadInput` naming those there are."""
    found = [a for a in content.accounts if wanted in (a.officer, a.title)]
    if len(found) != 1:
        known = ", ".join(f"{a.officer} ({a.title or a.role})" for a in content.accounts)
        raise BadInput(f"There is no one account {wanted[:40]!r}; known are: {known or 'none yet'}.")
    return found[0]
