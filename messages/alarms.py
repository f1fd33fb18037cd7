"""Addresses to which alarms leave: a web address or a mail box. Pure: nothing here looks a name up.

Who may name one decides where the broker's host sends requests to. So the trust bundle alone does, which two officers
sign; and it is `https`, or this machine itself (a relay of the operator's own), without a password in it.
"""

import re
from typing import Final

MAIL: Final = "mailto:"
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
MOST: Final = 8
"""Addresses of one task force."""
_LENGTH: Final = 300
_BOX: Final = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,8}", re.ASCII)
_REST: Final = r"(/[!-\"$-~]*)?"  # a path and a query, without a fragment
_WEB: Final = re.compile(r"https://[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?(:[0-9]{1,5})?" + _REST, re.ASCII)
_OWN: Final = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\]):[0-9]{1,5}" + _REST, re.ASCII)


def mail_box(to: str) -> str | None:
    """The mail box that an address names, or None where it is a web address."""
    return to.removeprefix(MAIL) if to.startswith(MAIL) else None


def checked(to: str) -> str:
    """The address itself, or raise `ValueError`."""
    box = mail_box(to)
    if len(to) > _LENGTH:
        raise ValueError("an address of alarms has 300 characters at most")
    if box is not None:
        if not _BOX.fullmatch(box):
            raise ValueError("a mail box of alarms is such as mailto:duty@ministry.example")
    elif not (_WEB.fullmatch(to) or _OWN.fullmatch(to)):
        raise ValueError("a web address of alarms begins with https:// and holds neither a user nor a fragment")
    return to
