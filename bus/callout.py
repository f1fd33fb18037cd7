"""Who may log in: the service that answers every server's question about every login ("auth callout").

    server  ──  signed request: the client's public NKEY, its signature, the nonce  ──▶  service
    server  ◀──  signed answer: a login of a few minutes with exactly these rights, or "refused"  ──  service

Promises. **With auth callout the server has not checked the client's signature**: `authorize` does, over the nonce that
the server gave to this very connection, before it looks anybody up. Every refusal is the same answer, byte for byte but
for ids and times: whoever cannot prove a key learns nothing, and whoever can learns only "refused". Who is shut out for
a while hears it a second later, so that knocking again and again takes its time and not ours. A login ends after
`LOGIN_SECONDS` at the latest, holds for one connection in one account, and takes its rights from `Login` alone.

Any number of services share the questions (one queue group); each keeps nothing between two of them. No key, no name
and no address of a client is reported, only the code of a refusal.

Not here: who is in the directory. `look_up` says so, as of the moment it is asked.
"""

import asyncio
import binascii
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import nats.errors
from nats.aio.msg import Msg

from bus import bounds, subjects
from bus.connection import Connection, mapped
from bus.queue import Report
from bus.subjects import Login, Permissions
from keys.jwt import Issuer, read_token
from keys.nkey import check_nkey, raw_public
from messages.errors import Malformed, RemoteError, ShareError, Stale, Unverified

LookUp = Callable[[str], Login | None]
"""The login of a public NKEY as the trust bundle gives it now, or None: unknown and revoked are the same. Raises
`ShutOut` where it is to come again later.
"""
Clock = Callable[[], int]
"""Milliseconds since the Unix epoch."""

_AUDIENCE: Final = "nats-authorization-request"
_REFUSED: Final = "refused"
_SHUT_OUT: Final = "shut-out"
_QUEUE: Final = "callout"


class ShutOut(ShareError):
    """This login is known and shut out for a while: too much came from it."""

    code = _SHUT_OUT
    says = "This login is shut out for a while, because too much came from it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back to the server. `code` is "granted", or why not: for our own count, never for the client."""

    reply: bytes
    code: str

    @property
    def granted(self) -> bool:
        """Whether the client may come in."""
        return self.code == "granted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A server's request, its signature checked: who asks, for which connection, and what the client showed."""

    server: str
    user: str  # the key that the server made for this one connection
    client: dict[str, Any]
    shown: dict[str, Any]


def read_question(request: bytes, issuer: str, now: int) -> Question:
    """The request, or raise `Malformed`, `Unverified` or `Stale`: then it is no question of a server of ours.

    Its own signature shows only that whoever asks holds the key it names; that nobody but the servers can ask is the
    doing of the account AUTH.
    """
    claims = read_token(request, "N")
    body, server = claims.get("nats"), claims["iss"]
    if not isinstance(body, dict) or body.get("type") != "authorization_request":
        raise Malformed("This is not a request for a login.")
    if claims.get("aud") != _AUDIENCE or claims.get("sub") != issuer:
        raise Unverified("This request for a login is meant for somebody else.")
    if _map(body, "server_id").get("id") != server:
        raise Unverified("This request for a login names another server than the one that signed it.")
    until = claims.get("exp")
    if not isinstance(until, int) or abs(now // 1000 - until) > bounds.CLOCK_SECONDS:
        raise Stale("This request for a login is from another time; the clocks of server and broker differ.")
    user = body.get("user_nkey")
    if not isinstance(user, str) or not user.isascii():
        raise Malformed("This request for a login names no connection.")
    raw_public(user)
    return Question(server=server, user=user, client=_map(body, "client_info"), shown=_map(body, "connect_opts"))


def _map(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise Malformed("This request for a login lacks a part.")
    return value


def prove(question: Question) -> str:
    """The public NKEY that the client has proved to hold, or raise `RemoteError`.

    One way in: an NKEY and its signature over the nonce of this connection, on a plain NATS connection. A client that
    shows anything else besides (a password, a token, a JWT) is refused even if its signature holds.
    """
    shown = question.shown
    nkey, signature, nonce = shown.get("nkey"), shown.get("sig"), question.client.get("nonce")
    if not (isinstance(nkey, str) and isinstance(signature, str) and isinstance(nonce, str)):
        raise Unverified
    if not nonce or not (nonce + nkey).isascii() or len(signature) > 100:
        raise Unverified
    if any(shown.get(other) for other in ("jwt", "auth_token", "user", "pass")):
        raise Unverified
    if question.client.get("kind") != "Client" or question.client.get("type") != "nats":
        raise Unverified
    check_nkey(nkey, nonce.encode(), _signature(signature))
    return nkey


def _signature(text: str) -> bytes:
    """Clients write it in either alphabet, with or without padding, as the server allows."""
    try:
        raw = text.replace("+", "-").replace("/", "_").rstrip("=").encode("ascii")
        return b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise Unverified from None


def authorize(request: bytes, look_up: LookUp, issuer: Issuer, now: int) -> Answer:
    """Answer one question of a server. Raises `RemoteError` only where there is nobody to answer: the request is no
    question of a server of ours.
    """
    question = read_question(request, issuer.public, now)
    try:
        proved = prove(question)  # before anybody is looked up: knocking with a stranger's key shows nothing about it
    except RemoteError:
        return _refuse(question, issuer, now, "unproved")
    try:
        login = look_up(proved)
    except ShutOut:
        return _refuse(question, issuer, now, _SHUT_OUT)
    except ShareError:
        return _refuse(question, issuer, now, "look-up-failed")
    if login is None:
        return _refuse(question, issuer, now, "unknown")
    if login.public_key != proved or login.permissions.account != "AGENCIES":
        return _refuse(question, issuer, now, "not-an-agency")  # the broker's own logins are in the configuration
    return _answer(question, issuer, now, "granted", {"jwt": _user(question, login.permissions, issuer, now)})


def _refuse(question: Question, issuer: Issuer, now: int, code: str) -> Answer:
    return _answer(question, issuer, now, code, {"error": _REFUSED})


def _answer(question: Question, issuer: Issuer, now: int, code: str, said: dict[str, object]) -> Answer:
    token = issuer.sign(
        {
            "aud": question.server,
            "sub": question.user,
            "iat": now // 1000,
            "nats": {**said, "type": "authorization_response", "version": 2},
        }
    )
    return Answer(reply=token.encode(), code=code)


def _user(question: Question, rights: Permissions, issuer: Issuer, now: int) -> str:
    """The login itself: for the key that the server made for this connection, so it is of no use on another."""
    spread = int.from_bytes(sha256(question.user.encode()).digest()[:2]) % (bounds.LOGIN_SPREAD + 1)
    body: dict[str, object] = {
        "pub": {"allow": list(rights.publish)} if rights.publish else {"deny": [">"]},
        "sub": {"allow": list(rights.subscribe)} if rights.subscribe else {"deny": [">"]},
        "subs": -1,
        "data": -1,
        "payload": -1,
        "allowed_connection_types": ["STANDARD"],
        "type": "user",
        "version": 2,
    }
    if rights.replies:
        body["resp"] = {"max": 1, "ttl": 60_000_000_000}
    return issuer.sign(
        {
            "aud": rights.account,
            "sub": question.user,
            "iat": now // 1000,
            "exp": now // 1000 + bounds.LOGIN_SECONDS - spread,
            "nats": body,
        }
    )


class CalloutService:
    """One of any number of services that share the servers' questions. Made by `answering_logins`."""

    def __init__(
        self, connection: Connection, look_up: LookUp, issuer: Issuer, clock: Clock, on_refused: Report | None = None
    ) -> None:
        self.connection = connection
        self.granted = 0
        self.refused = 0
        self.foreign = 0  # requests that no server of ours made
        self._look_up = look_up
        self._issuer = issuer
        self._clock = clock
        self._tell = on_refused
        self._kept_back: set[asyncio.Task[None]] = set()

    async def answer(self, message: Msg) -> None:
        """Answer one question. What is no question gets none: the server then refuses when its time is up."""
        await asyncio.sleep(0)  # what else there is to do has its turn between two of many that come at once
        try:
            answer = authorize(message.data, self._look_up, self._issuer, self._clock())
        except RemoteError as error:
            self.foreign += 1
            self._report(f"no-question-{error.code}")
            return
        if answer.granted:
            self.granted += 1
        else:
            self.refused += 1
            self._report(answer.code)
        if answer.code == _SHUT_OUT and len(self._kept_back) < bounds.KNOCKING:
            # Whoever comes again at once would be at the door as often as there is time for: let it wait there.
            task = asyncio.create_task(self._later(message, answer.reply))
            self._kept_back.add(task)
            task.add_done_callback(self._kept_back.discard)
        else:
            await self._respond(message, answer.reply)

    def close(self) -> None:
        """Answer no more of what was kept back: the server refuses by itself when its time is up."""
        for task in self._kept_back:
            task.cancel()

    async def _later(self, message: Msg, reply: bytes) -> None:
        await asyncio.sleep(bounds.KNOCK_SECONDS)
        await self._respond(message, reply)

    async def _respond(self, message: Msg, reply: bytes) -> None:
        with suppress(nats.errors.Error, OSError):
            await message.respond(reply)

    def _report(self, code: str) -> None:
        if self._tell is not None:
            self._tell(code)


@asynccontextmanager
async def answering_logins(
    connection: Connection, look_up: LookUp, issuer: Issuer, clock: Clock, on_refused: Report | None = None
) -> AsyncIterator[CalloutService]:
    """Answer the servers' questions while the block runs. `connection` is one of `callout_permissions`, and stays the
    caller's. `on_refused` is told the code of every refusal, nothing else.

    `look_up` is asked at every login. When what it says changes, its owner calls `Doorkeeper.cut` for every login that
    is gone or has other rights: until then an open connection keeps what it was given.
    """
    service = CalloutService(connection, look_up, issuer, clock, on_refused)
    with mapped("listening for logins"):
        listening = await connection.client.subscribe(subjects.CALLOUT, queue=_QUEUE, cb=service.answer)
    await connection.flush()
    try:
        yield service
    finally:
        with suppress(nats.errors.Error, OSError, asyncio.TimeoutError):
            await listening.drain()  # type: ignore[no-untyped-call]  # what has been asked is answered
        service.close()
