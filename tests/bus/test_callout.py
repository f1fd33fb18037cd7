"""Who gets in: the pure answer to a server's question, and a real server that asks it."""

import asyncio
import base64
import json
import os
import string
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import nkeys
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.msg import Msg

from bus import bounds, subjects
from bus.callout import Answer, CalloutService, ShutOut, authorize
from bus.connection import _Transport, connect
from bus.overruns import load
from bus.queue import Admission, View
from bus.subjects import Login
from keys.jwt import Issuer, new_issuer_seed, read_token
from keys.nkey import public_of
from messages.errors import BadInput, DependencyError, RemoteError, ShareError
from messages.ids import AgencyHandle, ViewId
from tests.support.nats_server import DESK, HARBOUR, SHELTER, RunningBus, new_seed
from tests.support.patience import PATIENCE, within
from tests.support.pulling import pulled
from tests.support.rawnats import raw_client, signature
from tests.support.tampering import flipped

NOW = 1_800_000_000_000
NONCE = "a-nonce-of-one-connection"
REFUSED = [b"-ERR 'Authorization Violation'\r\n"]
KEY = "0" * 32


# The pure answer


def keypair(prefix: int) -> Any:
    return nkeys.from_seed(bytearray(nkeys.encode_seed(os.urandom(32), prefix)))


def public(pair: Any) -> str:
    return bytes(pair.public_key).decode()


def word(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def token(pair: Any, claims: dict[str, object], header: dict[str, str] | None = None) -> bytes:
    signed = f"{word(header or {'typ': 'JWT', 'alg': 'ed25519-nkey'})}.{word(claims)}"
    sealed = base64.urlsafe_b64encode(bytes(pair.sign(signed.encode()))).rstrip(b"=").decode()
    return f"{signed}.{sealed}".encode()


@dataclass
class Asking:
    """A server that asks about one client, as nats-server does; every part can be bent."""

    server: Any = field(default_factory=lambda: keypair(nkeys.PREFIX_BYTE_SERVER))
    user: Any = field(default_factory=lambda: keypair(nkeys.PREFIX_BYTE_USER))
    issuer: Issuer = field(default_factory=lambda: Issuer(new_issuer_seed()))
    seed: bytes = field(default_factory=new_seed)

    def login(self) -> Login:
        rights = subjects.agency_permissions(HARBOUR, [DESK])
        return Login(public_key=public_of(self.seed), permissions=rights)

    def shown(self) -> dict[str, object]:
        return {"nkey": public_of(self.seed), "sig": signature(self.seed, NONCE)}

    def client(self) -> dict[str, object]:
        return {"host": "127.0.0.1", "id": 7, "kind": "Client", "type": "nats", "nonce": NONCE}

    def body(self, **other: object) -> dict[str, object]:
        return {
            "server_id": {"name": "n", "host": "h", "id": public(self.server)},
            "user_nkey": public(self.user),
            "client_info": self.client(),
            "connect_opts": self.shown(),
            "type": "authorization_request",
            "version": 2,
            **other,
        }

    def claims(self, body: dict[str, object] | None = None, **other: object) -> dict[str, object]:
        return {
            "aud": "nats-authorization-request",
            "exp": NOW // 1000 + 2,
            "iat": NOW // 1000,
            "iss": public(self.server),
            "sub": self.issuer.public,
            "nats": self.body() if body is None else body,
            **other,
        }

    def answer(self, request: bytes, look_up: Callable[[str], Login | None] | None = None) -> Answer:
        return authorize(request, look_up or self.find, self.issuer, NOW)

    def find(self, key: str) -> Login | None:
        return self.login() if key == public_of(self.seed) else None

    def about(self, shown: dict[str, object], **client: object) -> Answer:
        body = self.body(connect_opts=shown, client_info={**self.client(), **client})
        return self.answer(token(self.server, self.claims(body)))


@pytest.fixture
def asking() -> Asking:
    return Asking()


def test_a_proved_login_gets_exactly_its_rights_for_this_connection_and_a_short_time(asking: Asking) -> None:
    answer = asking.answer(token(asking.server, asking.claims()))
    assert answer.granted
    said = read_token(answer.reply, "A")
    assert (said["iss"], said["aud"], said["sub"]) == (
        asking.issuer.public,
        public(asking.server),
        public(asking.user),
    )
    user = read_token(said["nats"]["jwt"].encode(), "A")
    assert (user["iss"], user["aud"], user["sub"]) == (asking.issuer.public, "AGENCIES", public(asking.user))
    assert 0 < user["exp"] - NOW // 1000 <= bounds.LOGIN_SECONDS
    rights = asking.login().permissions
    assert user["nats"]["pub"] == {"allow": list(rights.publish)}
    assert user["nats"]["sub"] == {"allow": list(rights.subscribe)}
    assert "resp" not in user["nats"]
    assert user["nats"]["allowed_connection_types"] == ["STANDARD"]


def test_an_empty_list_of_rights_is_not_everything(asking: Asking) -> None:
    nothing = Login(
        public_key=public_of(asking.seed),
        permissions=subjects.Permissions(account="AGENCIES", publish=(), subscribe=()),
    )
    answer = asking.answer(token(asking.server, asking.claims()), lambda _: nothing)
    user = read_token(read_token(answer.reply, "A")["nats"]["jwt"].encode(), "A")
    assert user["nats"]["pub"] == user["nats"]["sub"] == {"deny": [">"]}


def hostile(asking: Asking) -> dict[str, Answer]:
    right, other = asking.shown(), new_seed()
    unknown: dict[str, object] = {"nkey": public_of(other), "sig": signature(other, NONCE)}
    return {
        "nothing": asking.about({}),
        "no signature": asking.about({"nkey": right["nkey"]}),
        "an empty signature": asking.about({**right, "sig": ""}),
        "a signature over another nonce": asking.about({**right, "sig": signature(asking.seed, "another")}),
        "the signature of another key": asking.about({**right, "sig": signature(other, NONCE)}),
        "no signature in any alphabet": asking.about({**right, "sig": "!" * 86}),
        "half a signature": asking.about({**right, "sig": str(right["sig"])[:43]}),
        "no nonce": asking.about({**right, "sig": signature(asking.seed, "")}, nonce=""),
        "an unknown key": asking.about(unknown),
        "a password besides": asking.about({**right, "user": "u", "pass": "p"}),
        "a token besides": asking.about({**right, "auth_token": "t"}),
        "a JWT besides": asking.about({**right, "jwt": "eyJ0.e30.AA"}),
        "a leaf node": asking.about(right, kind="Leafnode"),
        "an MQTT client": asking.about(right, type="mqtt"),
        "a number for a key": asking.about({**right, "nkey": 7}),
        "a key of letters that are none": asking.about({**right, "nkey": "Ü" * 56}),
    }


def test_every_refusal_is_the_same_answer(asking: Asking) -> None:
    shapes = set()
    for name, answer in hostile(asking).items():
        assert not answer.granted, name
        said = read_token(answer.reply, "A")
        assert said["nats"]["error"] == "refused", name
        assert "jwt" not in said["nats"], name
        shapes.add((len(answer.reply), json.dumps({**said, "iss": ""}, sort_keys=True)))
    assert len(shapes) == 1


def test_nobody_is_looked_up_who_has_not_proved_the_key(asking: Asking) -> None:
    def look_up(key: str) -> Login | None:
        raise AssertionError("looked up")

    body = asking.body(connect_opts={**asking.shown(), "sig": signature(asking.seed, "another")})
    assert asking.answer(token(asking.server, asking.claims(body)), look_up).code == "unproved"


def test_a_look_up_that_fails_refuses(asking: Asking) -> None:
    def look_up(key: str) -> Login | None:
        raise BadInput("the bundle cannot be read")

    answer = asking.answer(token(asking.server, asking.claims()), look_up)
    assert (answer.code, read_token(answer.reply, "A")["nats"]["error"]) == ("look-up-failed", "refused")


def test_a_login_that_is_shut_out_hears_what_everybody_hears_who_is_refused(asking: Asking) -> None:
    def look_up(key: str) -> Login | None:
        raise ShutOut

    def shape(answer: Answer) -> tuple[int, str]:
        said = read_token(answer.reply, "A")
        return len(answer.reply), json.dumps({**said, "iss": "", "jti": ""}, sort_keys=True)

    request = token(asking.server, asking.claims())
    shut_out, unknown = asking.answer(request, look_up), asking.answer(request, lambda _: None)
    assert (shut_out.code, unknown.code) == ("shut-out", "unknown")
    assert shape(shut_out) == shape(unknown)


@pytest.mark.parametrize(
    "rights", [subjects.worker_permissions(), subjects.callout_permissions(), subjects.doorkeeper_permissions()]
)
def test_a_login_of_the_brokers_own_is_never_granted_here(asking: Asking, rights: subjects.Permissions) -> None:
    login = Login(public_key=public_of(asking.seed), permissions=rights)
    assert asking.answer(token(asking.server, asking.claims()), lambda _: login).code == "not-an-agency"


def test_a_look_up_that_gives_the_login_of_another_key_refuses(asking: Asking) -> None:
    login = Login(public_key=public_of(new_seed()), permissions=asking.login().permissions)
    assert not asking.answer(token(asking.server, asking.claims()), lambda _: login).granted


def test_what_no_server_of_ours_asked_gets_no_answer(asking: Asking) -> None:
    good, server = asking.claims(), asking.server
    other = keypair(nkeys.PREFIX_BYTE_SERVER)
    user = keypair(nkeys.PREFIX_BYTE_USER)
    request = token(server, good)
    for name, bad in {
        "empty": b"",
        "not three words": b"a.b",
        "signed by another": token(other, good),
        "signed by a user": token(user, asking.claims(iss=public(user))),
        "another server's id": token(server, asking.claims(asking.body(server_id={"id": public(other)}))),
        "for another audience": token(server, {**good, "aud": "other"}),
        "for another issuer": token(server, {**good, "sub": Issuer(new_issuer_seed()).public}),
        "of another type": token(server, asking.claims(asking.body(type="user"))),
        "a day old": token(server, {**good, "exp": NOW // 1000 - 86_400}),
        "of tomorrow": token(server, {**good, "exp": NOW // 1000 + 86_400}),
        "without end": token(server, {k: v for k, v in good.items() if k != "exp"}),
        "no connection": token(server, asking.claims(asking.body(user_nkey=None))),
        "a server for a connection": token(server, asking.claims(asking.body(user_nkey=public(other)))),
        "no client": token(server, asking.claims(asking.body(client_info=None))),
        "another algorithm": token(server, good, {"typ": "JWT", "alg": "none"}),
        "one letter changed": request[:-1] + (b"A" if request[-1:] != b"A" else b"Q")[:1] + b"",
        "a name twice": token(server, good).replace(b".", b"..", 1),
        "too long": token(server, asking.claims(asking.body(client_info={"x": "y" * 70_000}))),
    }.items():
        with pytest.raises(RemoteError):
            raise AssertionError(f"{name}: {asking.answer(bad).code}")


ASKING = Asking()
GOOD = token(ASKING.server, ASKING.claims())
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=60),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


@given(st.binary(max_size=300) | st.text('eyJ0.-_=A{}[]"', max_size=300).map(str.encode))
def test_whatever_bytes_come_they_are_answered_or_refused_as_promised(raw: bytes) -> None:
    with pytest.raises(RemoteError):
        ASKING.answer(raw)


@pytest.mark.parametrize("bit", range(8))
def test_no_bit_of_a_request_can_be_changed(bit: int) -> None:
    for place in range(len(GOOD)):
        with pytest.raises(RemoteError):
            raise AssertionError(f"{place}: {ASKING.answer(flipped(GOOD, place, bit)).code}")


def test_a_request_is_spelled_in_one_way() -> None:
    """Not in the other alphabet of base64, and not with the bits of the last letter that no byte uses."""
    sealed = b""
    while not (b"-" in sealed and b"_" in sealed):
        good = token(ASKING.server, ASKING.claims(jti=os.urandom(8).hex()))
        signed, _, sealed = good.rpartition(b".")
    assert ASKING.answer(good).granted
    letters = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    same = letters[letters.index(chr(sealed[-1])) + 1]  # the last letter stands for two bits, and has six
    for other in (sealed.replace(b"-", b"+"), sealed.replace(b"_", b"/"), sealed[:-1] + same.encode(), sealed + b"=="):
        assert base64.b64decode(other[:86] + b"==", b"-_") == base64.urlsafe_b64decode(sealed + b"==")
        with pytest.raises(RemoteError):
            ASKING.answer(signed + b"." + other)


@given(st.sampled_from(["aud", "exp", "iat", "sub", "nats"]), json_values)
def test_whatever_a_server_claims_is_answered_or_refused_as_promised(name: str, value: Any) -> None:
    try:
        ASKING.answer(token(ASKING.server, ASKING.claims() | {name: value}))
    except ShareError:
        return


@given(
    st.dictionaries(st.sampled_from(["nkey", "sig", "jwt", "user", "pass", "auth_token"]), json_values, max_size=6),
    json_values,
)
def test_whatever_a_client_shows_but_its_proof_is_refused(shown: dict[str, Any], nonce: Any) -> None:
    body = ASKING.body(connect_opts=shown, client_info={**ASKING.client(), "nonce": nonce})
    assert not ASKING.answer(token(ASKING.server, ASKING.claims(body))).granted


def test_the_issuer_shows_no_key() -> None:
    seed = new_issuer_seed()
    assert seed.decode() not in repr(Issuer(seed))
    for bad in (b"", new_seed(), b"SA", seed[:-1], b"SA" + b"A" * 56):
        with pytest.raises(ShareError):
            Issuer(bad)


# A real server


async def test_a_right_key_with_any_wrong_proof_is_refused_in_one_and_the_same_way(bus: RunningBus) -> None:
    seed, other = bus.seeds[HARBOUR], new_seed()
    nkey = public_of(seed)
    async with raw_client(bus.server.port) as watched:
        overheard = signature(seed, watched.nonce)
        attempts: list[Callable[[str], dict[str, object]]] = [
            lambda nonce: {},
            lambda nonce: {"nkey": nkey},
            lambda nonce: {"nkey": nkey, "sig": ""},
            lambda nonce: {"nkey": nkey, "sig": "A" * 86},
            lambda nonce: {"nkey": nkey, "sig": signature(other, nonce)},
            lambda nonce: {"nkey": nkey, "sig": signature(seed, "another nonce")},
            lambda nonce: {"nkey": nkey, "sig": overheard},
            lambda nonce: {"nkey": public_of(other), "sig": signature(other, nonce)},
            lambda nonce: {"nkey": nkey, "sig": signature(seed, nonce), "user": "u", "pass": "p"},
            lambda nonce: {"user": nkey, "pass": "p"},
            lambda nonce: {"auth_token": nkey},
            lambda nonce: {"jwt": _foreign_jwt(seed), "sig": signature(seed, nonce)},
            lambda nonce: {"jwt": _foreign_jwt(seed), "nkey": nkey, "sig": overheard},
            lambda nonce: {"nkey": public_of(bus.worker_seed), "sig": signature(seed, nonce)},
            lambda nonce: {"nkey": public_of(bus.worker_seed)},
        ]
        for number, shown in enumerate(attempts):
            async with raw_client(bus.server.port) as client:
                assert await client.connect(**shown(client.nonce)) == REFUSED, number
        assert await watched.connect(nkey=nkey, sig=overheard) == [b"PONG\r\n"]  # the proof itself was good
    assert bus.service.granted == 1


def _foreign_jwt(seed: bytes) -> str:
    """A login that another issuer granted for this very key."""
    claims = {"sub": public_of(seed), "aud": "AGENCIES", "name": "x", "nats": {"type": "user", "version": 2}}
    return Issuer(new_issuer_seed()).sign(claims)


async def test_refusals_are_counted_by_code_and_nothing_of_the_client_is_kept(bus: RunningBus) -> None:
    async with raw_client(bus.server.port) as client:
        await client.connect(nkey=public_of(bus.seeds[HARBOUR]), sig="A" * 86)
    with pytest.raises(DependencyError, match="does not know this login"):
        await connect(bus.server.url, new_seed(), inbox_prefix="_INBOX_x")
    assert bus.refusals == ["unproved", "unknown"]
    assert bus.service.refused == 2


async def test_without_a_service_nobody_comes_in_and_the_brokers_own_do(bus: RunningBus) -> None:
    await bus.service.connection.close()
    async with raw_client(bus.server.port) as client:
        lines = await client.connect(
            nkey=public_of(bus.seeds[HARBOUR]), sig=signature(bus.seeds[HARBOUR], client.nonce)
        )
    assert lines
    assert all(line.startswith(b"-ERR 'Auth") for line in lines)
    await (await bus.worker()).flush()


async def test_a_login_that_nobody_checked_in_time_is_tried_again_and_not_called_revoked(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a client it looks the same: the server refuses in the same words."""
    answered = 0
    respond = CalloutService._respond

    async def late_once(self: CalloutService, message: Msg, reply: bytes) -> None:
        nonlocal answered
        answered += 1
        if answered == 1:
            await asyncio.sleep(bounds.AUTH_SECONDS + 0.5)
        await respond(self, message, reply)

    monkeypatch.setattr(CalloutService, "_respond", late_once)
    adapter = await connect(bus.server.url, bus.seeds[HARBOUR], inbox_prefix=subjects.inbox(HARBOUR), patience=PATIENCE)
    await adapter.flush()
    await adapter.close()
    assert answered >= 2
    await bus.service.connection.close()
    with pytest.raises(DependencyError, match="did not check this login in time"):
        await connect(bus.server.url, bus.seeds[HARBOUR], inbox_prefix=subjects.inbox(HARBOUR), patience=6)


async def test_on_a_slow_way_a_login_that_is_refused_hears_so_at_once(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long the way takes says nothing of who checks logins: it counts from the word that asks."""
    tried, connecting = 0, _Transport.connect

    async def slowly(self: _Transport, *to: Any) -> None:
        nonlocal tried
        tried += 1
        await asyncio.sleep(bounds.AUTH_SECONDS)
        await connecting(self, *to)

    monkeypatch.setattr(_Transport, "connect", slowly)
    with pytest.raises(DependencyError, match="does not know this login"):
        await connect(bus.server.url, new_seed(), inbox_prefix="_INBOX_x", patience=PATIENCE)
    assert tried == 1


async def test_an_agency_is_in_its_account_and_learns_of_no_other_by_any_subject(bus: RunningBus) -> None:
    """What it may name is its own; whether another exists shows in nothing: both are denied in the same words."""
    adapter, stranger = await bus.adapter(HARBOUR), AgencyHandle("anobody222222")
    for agency in (SHELTER, stranger):
        for subject in (subjects.submit(agency, "message"), subjects.ask(agency, "head"), subjects.answer(agency)):
            await adapter.publish(subject, b"")
        await adapter.client.subscribe(f"{subjects.inbox(agency)}.>")
        await adapter.flush()
    said = [line.replace(SHELTER, "X").replace(stranger, "X") for line in adapter.denied]
    assert len(said) == 8
    assert said[:4] == said[4:]


async def test_a_login_expires_and_comes_back_and_nothing_is_lost(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "LOGIN_SECONDS", 2)
    monkeypatch.setattr(bounds, "LOGIN_SPREAD", 0)
    port, broker = await bus.agency(HARBOUR), await bus.broker()
    monkeypatch.undo()  # it expires once: what is answered in the very moment of another expiry is asked for anew
    asked, end = asyncio.Event(), asyncio.Event()

    async def slow(agency: AgencyHandle, verb: str, data: bytes) -> bytes:
        if not asked.is_set():
            asked.set()
            await end.wait()
        return b"an answer"

    views = [View(HARBOUR, DESK, "normal", ViewId(f"{n:032x}"), b"%d" % n) for n in range(2)]
    await broker.store([Admission(HARBOUR, f"{n:032x}", b"e", 60, [view]) for n, view in enumerate(views[:1])])
    async with asyncio.timeout(30), broker.serve_asks(slow), aclosing(port.deliveries(DESK)) as deliveries:
        assert (await anext(deliveries)).data == b"0"  # in hand while the login ends
        waiting = asyncio.ensure_future(anext(deliveries))
        asking = asyncio.create_task(port.ask("head", b"", 20))
        await asked.wait()
        while not port.connection.reconnects:
            await port.submit("message", b"x")
            for one in await broker.pull(100, 0.01):  # or its queue were full
                await one.ack()
        end.set()
        assert await asking == b"an answer"  # it was asked again
        await broker.store([Admission(HARBOUR, f"{1:032x}", b"e", 60, views[1:])])
        assert (await waiting).data == b"1"
        listening = port.answers()
        await broker.answer(HARBOUR, b"\xa0")
        assert await anext(listening) == b"\xa0"
    assert not port.connection.refused
    assert not port.connection.closed


async def test_a_revoked_login_is_cut_off_within_five_seconds_and_stays_out_while_others_go_on(
    bus: RunningBus,
) -> None:
    others, adapters = await bus.agency(HARBOUR), [await bus.adapter(SHELTER) for _ in range(3)]
    seed = bus.seeds[SHELTER]
    async with within(5):
        assert await bus.revoke(SHELTER) == 3
        while any(adapter.connected for adapter in adapters):
            await asyncio.sleep(0.01)  # until the server's word has come
    with pytest.raises(DependencyError, match="does not know this login"):
        await connect(bus.server.url, seed, inbox_prefix=subjects.inbox(SHELTER))
    async with asyncio.timeout(10):
        while not all(adapter.refused for adapter in adapters):
            await asyncio.sleep(0.01)
    await others.submit("message", b"on")
    assert others.connection.reconnects == 0


async def test_rights_that_have_changed_hold_after_a_cut(bus: RunningBus) -> None:
    adapter, pull = await bus.adapter(HARBOUR), f"$JS.API.CONSUMER.MSG.NEXT.FLOW.{DESK}-normal"
    await adapter.publish(pull, b'{"batch":1,"no_wait":true}')
    await adapter.flush()
    assert not adapter.denied
    bus.contacts[HARBOUR] = ()
    assert await bus.cut(HARBOUR) == 1
    async with asyncio.timeout(10):
        while not adapter.reconnects:
            await asyncio.sleep(0.01)
    await adapter.publish(pull, b'{"batch":1,"no_wait":true}')
    await adapter.flush()
    assert len(adapter.denied) == 1


async def test_a_new_agency_gets_in_and_nobody_else_notices(bus: RunningBus) -> None:
    old, new = await bus.agency(HARBOUR), AgencyHandle("anewcomer2222")
    bus.seeds[new], bus.contacts[new] = new_seed(), ()
    await (await bus.agency(new)).submit("message", b"new")
    await old.submit("message", b"old")
    assert old.connection.reconnects == 0
    assert {one.agency for one in await pulled(await bus.broker(), 2)} == {new, HARBOUR}


async def test_cutting_a_login_that_nobody_uses_cuts_nothing(bus: RunningBus) -> None:
    adapter = await bus.adapter(HARBOUR)
    assert await (await bus.doorkeeper()).cut([public_of(new_seed())]) == 0
    assert await bus.cut() == 0
    await adapter.flush()
    assert adapter.connected


async def test_the_doorkeeper_may_do_nothing_else(bus: RunningBus) -> None:
    connection = (await bus.doorkeeper()).connection
    for count, subject in enumerate(
        ("$SYS.REQ.SERVER.PING.VARZ", "$SYS.REQ.SERVER.X.RELOAD", "$SYS.REQ.ACCOUNT.BROKER.JSZ", "$SYS.REQ.USER.AUTH"),
        start=1,
    ):
        await connection.publish(subject, b"")
        await connection.flush()
        assert len(connection.denied) == count
    await connection.client.subscribe("$SYS.>")
    await connection.flush()
    assert len(connection.denied) == 5


async def test_a_refused_login_gives_up_after_its_time_and_only_then(
    bus: RunningBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient, adapter = await bus.adapter(HARBOUR), await bus.adapter(SHELTER)
    await bus.service.connection.close()  # to a client a callout that is away and a revoked login look the same
    keys = [public_of(bus.seeds[agency]) for agency in (HARBOUR, SHELTER)]
    await (await bus.doorkeeper()).cut(keys)
    async with asyncio.timeout(20):
        while not (adapter.refused and patient.refused):
            await asyncio.sleep(0.01)
    assert not adapter.closed
    del bus.seeds[SHELTER]
    await bus.callout()
    async with asyncio.timeout(30):
        while not patient.connected:
            await asyncio.sleep(0.01)
    assert not patient.refused
    monkeypatch.setattr(bounds, "REFUSED_SECONDS", 0.0)
    async with asyncio.timeout(60):
        while not adapter.closed:
            await asyncio.sleep(0.01)
    assert patient.connected


async def test_when_one_service_ends_the_other_goes_on(bus: RunningBus) -> None:
    second = await bus.callout()
    async with asyncio.timeout(20):
        while not (second.granted and bus.service.granted):  # both take part
            await (await bus.adapter(HARBOUR)).close()
    await bus.service.connection.close()
    before = second.granted
    for _ in range(3):
        await (await bus.adapter(HARBOUR)).flush()
    assert second.granted == before + 3


async def test_what_is_no_question_of_a_server_is_counted_and_not_answered(bus: RunningBus) -> None:
    connection = bus.service.connection
    for data in (b"", b"nonsense", b"a.b.c", token(keypair(nkeys.PREFIX_BYTE_SERVER), ASKING.claims())):
        await bus.service.answer(Msg(_client=connection.client, subject=subjects.CALLOUT, reply="x", data=data))
    assert bus.service.foreign == 4
    assert {code.partition("question-")[0] for code in bus.refusals} == {"no-"}


async def test_no_agency_can_ask_or_answer_in_a_servers_name(bus: RunningBus) -> None:
    adapter = await bus.adapter(HARBOUR)
    await adapter.publish(subjects.CALLOUT, b"x")
    await adapter.client.subscribe(subjects.CALLOUT)
    await adapter.flush()
    assert len(adapter.denied) == 2
    assert bus.service.foreign == 0


class Door:
    """Knocks at a service without a server between, and keeps what it was answered, in order."""

    def __init__(self, asking: Asking, monkeypatch: pytest.MonkeyPatch, shut: set[str]) -> None:
        self.answered: list[str] = []
        self.held: list[float] = []
        self.go_on = asyncio.Event()
        self._asking = asking
        monkeypatch.setattr("bus.callout.asyncio.sleep", self._sleep)
        nobody: Any = None
        self.shut = shut
        self.service = CalloutService(nobody, self._look_up, asking.issuer, lambda: NOW)

    async def _sleep(self, seconds: float) -> None:
        if seconds:
            self.held.append(seconds)
            await self.go_on.wait()

    def _look_up(self, key: str) -> Login | None:
        if key in self.shut:
            raise ShutOut
        return None

    async def knock(self, seed: bytes) -> None:
        shown = {"nkey": public_of(seed), "sig": signature(seed, NONCE)}
        request = token(self._asking.server, self._asking.claims(self._asking.body(connect_opts=shown)))

        async def respond(reply: bytes) -> None:
            self.answered.append(public_of(seed))

        message: Any = SimpleNamespace(data=request, respond=respond)
        await self.service.answer(message)


async def test_who_is_shut_out_waits_for_the_answer_and_holds_up_nobody(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    shut, other = new_seed(), new_seed()
    door = Door(asking, monkeypatch, {public_of(shut)})
    await door.knock(shut)
    await door.knock(other)
    assert door.answered == [public_of(other)]
    door.go_on.set()
    await asyncio.gather(*door.service._kept_back)
    assert door.answered == [public_of(other), public_of(shut)]
    assert door.held == [bounds.KNOCK_SECONDS]


async def test_no_more_answers_are_kept_back_than_there_is_room_for(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "KNOCKING", 3)
    shut = new_seed()
    door = Door(asking, monkeypatch, {public_of(shut)})
    for _ in range(5):
        await door.knock(shut)
    assert len(door.answered) == 2
    door.service.close()
    door.go_on.set()


async def test_the_doorkeeper_counts_what_came_on_every_connection_open_or_closed(bus: RunningBus) -> None:
    door = await bus.doorkeeper()
    before = await door.totals()
    stays, goes = await bus.adapter(HARBOUR), await bus.adapter(SHELTER)
    for connection, pieces in ((stays, 7), (goes, 11)):
        for _ in range(pieces):
            await connection.publish("nobody.may", b"x" * 100)
        await connection.flush()
    await goes.close()
    keys = {public_of(bus.seeds[agency]): agency for agency in (HARBOUR, SHELTER)}
    async with asyncio.timeout(10):
        while True:
            [reading] = await door.readings()
            found = {keys[one.login]: one for one in reading.connections}
            if len(found) == 2 and found[SHELTER].closed:
                break
    assert [(found[a].pieces, found[a].bytes) for a in (HARBOUR, SHELTER)] == [(7, 700), (11, 1100)]
    assert not found[HARBOUR].closed
    assert all(one.began is not None and one.began < reading.now for one in found.values())
    after = await door.totals()
    assert before.keys() == after.keys() == {reading.server}
    assert after[reading.server] - before[reading.server] >= load(18, 1800, 2)
