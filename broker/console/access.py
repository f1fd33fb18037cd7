"""Who is let into the console: passkeys (WebAuthn), short sessions, and nobody by another site's hand.

An account with its passkey stands in the trust bundle, which two officers signed; the broker keeps no list of its own
and cannot add to that one. A challenge is answered once. A session is bound to its account, passkey and browser, ends
by itself, and is looked up in the bundle again at each request: an account that ended opens nothing from then on.
"""

import base64
import json
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Generic, TypeVar

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from broker.console.words import mark
from messages.directory import Account
from messages.errors import BadInput, Unverified
from messages.ids import OfficerHandle
from messages.limits import HOUR, MINUTE

IDLE: Final = 15 * MINUTE
LONGEST: Final = 8 * HOUR
CHALLENGE: Final = 2 * MINUTE
CODE: Final = 15 * MINUTE
KEPT: Final = 1000
"""Of challenges, codes and sessions: whoever asks without end pushes the oldest out, and fills no memory."""
ANSWER_BYTES: Final = 16_384
TITLE: Final = 80
REFUSED: Final = mark(
    "This passkey opens nothing here. If it should, ask the officers whether your account is in force."
)
"""The one answer, whatever is wrong: nobody learns which accounts there are."""

T = TypeVar("T")


class _Kept(Generic[T]):
    """A few things for a while, under secrets that are kept as digests."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, tuple[T, int]] = OrderedDict()

    def put(self, value: T, until: int) -> str:
        secret = secrets.token_urlsafe(32)
        self._kept[_digest(secret)] = (value, until)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return secret

    def look(self, secret: str, now: int) -> T | None:
        found = self._kept.get(_digest(secret))
        return found[0] if found is not None and now < found[1] else None

    def take(self, secret: str, now: int) -> T | None:
        """The same, and never again."""
        found = self.look(secret, now)
        self.drop(secret)
        return found

    def drop(self, secret: str) -> None:
        self._kept.pop(_digest(secret), None)


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "replace")).digest()


@dataclass(slots=True)
class Session:
    """Somebody who is logged in."""

    officer: OfficerHandle
    credential: bytes
    browser: bytes
    began: int
    seen: int


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a request comes from, checked."""

    officer: OfficerHandle
    role: str
    title: str


@dataclass(frozen=True, slots=True)
class Site:
    """Where the console is: browsers bind passkeys to the name, and we take requests by this origin alone."""

    origin: str  # "https://console.example.org", or "http://localhost:8443"

    @property
    def host(self) -> str:
        return self.origin.partition("://")[2]

    @property
    def name(self) -> str:
        """The relying party's id."""
        return self.host.partition(":")[0]

    @property
    def secure(self) -> bool:
        return self.origin.startswith("https://")

    def may_read(self, host: str) -> bool:
        """Whether the request names us: another name that leads here is somebody's trick (DNS rebinding)."""
        return host == self.host

    def may_act(self, headers: Mapping[str, str]) -> bool:
        """Whether a page of ours made this request (Origin and Sec-Fetch-Site, both set by the browser)."""
        return headers.get("Origin") == self.origin and headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"


@dataclass(slots=True)
class Access:
    """Challenges, codes and sessions of one running console. Nothing of it is on disk."""

    site: Site
    accounts: Callable[[], tuple[Account, ...]]
    clock: Callable[[], int]
    _challenges: _Kept[bytes] = field(default_factory=_Kept)
    _codes: _Kept[str] = field(default_factory=_Kept)
    _sessions: _Kept[Session] = field(default_factory=_Kept)
    _counts: dict[bytes, int] = field(default_factory=dict)

    # Logging in

    def usable(self) -> list[Account]:
        """Accounts in force that have a passkey."""
        now = self.clock()
        return [a for a in self.accounts() if a.credential and a.key and (a.ended is None or now < a.ended)]

    def begin(self) -> dict[str, Any]:
        """What a browser needs to ask for a passkey; `challenge_id` comes back with the answer."""
        challenge = secrets.token_bytes(32)
        options = generate_authentication_options(
            rp_id=self.site.name, challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED
        )
        return {"challenge_id": self._challenge(challenge), "options": json.loads(options_to_json(options))}

    def _challenge(self, challenge: bytes) -> str:
        return self._challenges.put(challenge, self.clock() + CHALLENGE)

    def finish(self, raw: bytes) -> Account:
        """The account whose passkey answered, or raise `Unverified` with the one sentence."""
        challenge, credential = self._answer(raw)
        answered = _base64url(credential.get("rawId"))
        account = next((a for a in self.usable() if a.credential == answered), None)
        if account is None:
            raise Unverified(REFUSED)
        try:
            checked = verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self.site.name,
                expected_origin=self.site.origin,
                credential_public_key=account.key,
                credential_current_sign_count=self._counts.get(account.credential, 0),
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError):
            raise Unverified(REFUSED) from None
        self._counts[account.credential] = checked.new_sign_count
        return account

    def _answer(self, raw: bytes) -> tuple[bytes, dict[str, Any]]:
        """Challenge and credential of an answer; the challenge is gone from then on, whatever the rest is."""
        try:
            value = json.loads(raw) if len(raw) <= ANSWER_BYTES else None
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise Unverified(REFUSED)
        asked, credential = value.get("challenge_id"), value.get("credential")
        challenge = self._challenges.take(asked, self.clock()) if isinstance(asked, str) else None
        if challenge is None or not isinstance(credential, dict):
            raise Unverified(REFUSED)
        return challenge, credential

    # Sessions

    def admit(self, account: Account, browser: str) -> str:
        """A new session's secret, for the cookie."""
        now = self.clock()
        session = Session(account.officer, account.credential, _digest(browser), now, now)
        return self._sessions.put(session, now + LONGEST)

    def person(self, secret: str, browser: str, *, renews: bool = True) -> Person | None:
        """Who that is; None where the session is over, another browser's, or the account no longer in force.

        `renews`: that somebody does something; False for what a page asks by itself, which keeps no session alive.
        """
        now = self.clock()
        session = self._sessions.look(secret, now) if secret else None
        if session is None:
            return None
        same = (a for a in self.usable() if (a.officer, a.credential) == (session.officer, session.credential))
        account = next(same, None)
        if account is None or now - session.seen >= IDLE or session.browser != _digest(browser):
            self._sessions.drop(secret)
            return None
        if renews:
            session.seen = now
        return Person(account.officer, account.role, account.title or account.officer)

    def leave(self, secret: str) -> None:
        """End a session."""
        self._sessions.drop(secret)

    # Registering a passkey: what comes out is a request that two officers have yet to sign

    def invite(self, by: str) -> str:
        """A code with which one passkey can be registered, within a quarter of an hour."""
        return self._codes.put(by, self.clock() + CODE)

    def register(self, code: str, title: str) -> dict[str, Any]:
        """What a browser needs to make a passkey, or raise `BadInput`."""
        title = _title(title)
        if self._codes.look(code.strip(), self.clock()) is None:
            raise BadInput(mark("This code does not hold, or no longer; ask for another one."))
        challenge = secrets.token_bytes(32)
        options = generate_registration_options(
            rp_id=self.site.name,
            rp_name="Safeconduct",
            user_name=title,
            challenge=challenge,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
        )
        return {"challenge_id": self._challenge(challenge), "options": json.loads(options_to_json(options))}

    def registered(self, raw: bytes, code: str, title: str, role: str = "") -> Account:
        """The account that the new passkey asks for; the code is used up. Raises `Unverified`.

        Raises `BadInput` for a title that no request may have; then the code and the challenge stay as they are.
        """
        title = _title(title)
        challenge, credential = self._answer(raw)
        if self._codes.take(code.strip(), self.clock()) is None:
            raise Unverified(REFUSED)
        try:
            made = verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self.site.name,
                expected_origin=self.site.origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError):
            raise Unverified(mark("The passkey could not be registered; ask for another code and try again.")) from None
        handle = OfficerHandle("o" + base64.b32encode(secrets.token_bytes(8))[:12].decode().lower())
        return Account(
            officer=handle,
            role=role,
            title=title,
            credential=made.credential_id,
            key=made.credential_public_key,
        )


def _title(text: str) -> str:
    """A title as it stands in requests and accounts, or `BadInput`: both questions of a browser are asked for it."""
    title = " ".join(text.split())
    if not 0 < len(title) <= TITLE or not title.isprintable():
        raise BadInput(mark("Say how the officers know you, in at most 80 characters, such as: Auditor, Coast Guard."))
    return title


def _base64url(text: object) -> bytes:
    if not isinstance(text, str) or len(text) > 2048:
        return b""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""
