"""Alarms leave the broker without content, to the addresses of the bundle, each once, and in nobody's way."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog.testing
from aiohttp import web
from pydantic import ValidationError

from audit.record import act_record, decision_record
from broker.alarming import Alarming, Facts, NotSent, Relay, post, post_mail
from broker.alarms import DO, GROWN, SAYS, Kind, Told, due, hook, mail
from broker.checkup import alarm_addresses
from broker.projecting import Remembered
from broker.recordsdb import RecordsDown, line_of, opened
from cli.logs import FIELDS
from messages import cbor
from messages.directory import AlarmAddress
from messages.errors import BadInput
from messages.health import Health
from messages.limits import DAY, HOUR, MINUTE
from tests.support.smtp import MailServer, mail_server

T0 = 1_800_000_000_000
A, C, OFFICER, W = "a" + "b" * 12, "c" + "b" * 12, "o" + "b" * 12, "w" + "b" * 12
NAME = "orchid-task-force"


@dataclass
class Receiver:
    """A web server that takes alarms; `answers` is what it says, 200 where there is nothing left."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    taken: list[Any] = field(default_factory=list)
    elsewhere: int = 0

    async def take(self, request: web.Request) -> web.Response:
        self.taken.append(json.loads(await request.read()))
        status = self.answers.pop(0) if self.answers else 200
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})

    async def other(self, _: web.Request) -> web.Response:
        self.elsewhere += 1
        return web.Response()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.add_routes([web.post("/alarms", made.take), web.route("*", "/elsewhere", made.other)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/alarms"
    yield made
    await runner.cleanup()


@pytest.fixture
async def mails() -> AsyncIterator[MailServer]:
    async with mail_server() as made:
        yield made


class Here:
    """A broker's alarms with a clock and counts of the test's own."""

    def __init__(self, folder: Path, *addresses: str, relay: Relay | None = None) -> None:
        self.now = T0
        self.counts: dict[Kind, int] = {}
        operator = SimpleNamespace(name=NAME, alarms=tuple(AlarmAddress(to=a) for a in addresses) or None)
        self.bundle: Any = SimpleNamespace(directory=SimpleNamespace(operator=operator), expires=T0 + 5 * DAY)
        self.alarming = Alarming(folder, lambda: self.bundle, self.facts, relay, lambda: self.now)

    async def facts(self, now: int) -> dict[Kind, int]:
        assert now == self.now
        return self.counts


def relay(mails: MailServer) -> Relay:
    made = Relay.read(f"smtp://127.0.0.1:{mails.port}", "safeconduct@broker.example")
    assert made is not None
    return made


async def test_a_webhook_gets_kind_count_time_and_installation_and_nothing_else(
    receiver: Receiver, tmp_path: Path
) -> None:
    here = Here(tmp_path, receiver.url)
    here.counts = {Kind.GLASS: 2, Kind.LEAK: 0, Kind.LOG_BEHIND: 1}
    await here.alarming.look()
    (told,) = receiver.taken
    assert told == {
        "v": 1,
        "installation": NAME,
        "at": "2027-01-15T08:00:00Z",
        "alarms": [
            {"kind": "glass-to-review", "count": 2, "says": SAYS[Kind.GLASS]},
            {"kind": "log-behind", "count": 1, "says": SAYS[Kind.LOG_BEHIND]},
        ],
        "do": DO,
    }


async def test_a_mail_says_the_same(mails: MailServer, tmp_path: Path) -> None:
    here = Here(tmp_path, "mailto:duty@ministry.example", relay=relay(mails))
    here.counts = {Kind.OVERDUE: 3}
    await here.alarming.look()
    ((sender, boxes, raw),) = mails.taken
    assert (sender, boxes) == ("safeconduct@broker.example", ["duty@ministry.example"])
    made = message_from_bytes(raw)
    assert made["Subject"] == "Safeconduct: review-overdue" and made["Auto-Submitted"] == "auto-generated"
    text = made.get_payload()
    assert isinstance(text, str) and "review-overdue: 3" in text and NAME in text and DO in text


async def test_each_kind_is_told_once_an_hour_at_most_and_only_where_there_is_more_of_it(
    receiver: Receiver, tmp_path: Path
) -> None:
    here = Here(tmp_path, receiver.url)
    told = []
    for after, count in ((0, 1), (MINUTE, 5), (GROWN - 1, 5), (GROWN, 5), (GROWN * 3, 5), (GROWN + DAY, 5)):
        here.now, here.counts = T0 + after, {Kind.LEAK: count}
        await here.alarming.look()
        told.append(len(receiver.taken))
    assert told == [1, 1, 1, 2, 2, 3]


def test_what_is_no_longer_there_is_not_told() -> None:
    assert due({Kind.LEAK: 0}, {}, T0) == {}
    assert due({Kind.LEAK: 1}, {Kind.LEAK: Told(T0, 3)}, T0 + HOUR) == {}
    assert due({Kind.LEAK: 1, Kind.GLASS: 1}, {Kind.LEAK: Told(T0, 3)}, T0 + HOUR) == {Kind.GLASS: 1}


async def test_a_restart_tells_nothing_twice_and_a_spoiled_file_tells_it_once_more(
    receiver: Receiver, tmp_path: Path
) -> None:
    for _ in range(2):
        here = Here(tmp_path, receiver.url)
        here.counts = {Kind.LEAK: 1}
        await here.alarming.look()
    assert len(receiver.taken) == 1
    (tmp_path / "alarms.json").write_text('{"x": [')
    again = Here(tmp_path, receiver.url)
    again.counts = {Kind.LEAK: 1}
    await again.alarming.look()
    assert len(receiver.taken) == 2


async def test_who_does_not_take_it_is_asked_again_more_seldom_and_keeps_it_from_nobody(
    receiver: Receiver, mails: MailServer, tmp_path: Path
) -> None:
    here = Here(tmp_path, receiver.url, "mailto:duty@ministry.example", relay=relay(mails))
    here.counts, receiver.answers = {Kind.LEAK: 1}, [500, 404]
    tried = []
    with structlog.testing.capture_logs() as logs:
        for minute in range(8):
            here.now = T0 + minute * MINUTE
            await here.alarming.look()
            tried.append(len(receiver.taken))
    assert tried == [1, 1, 2, 2, 2, 2, 3, 3], "after two minutes, then after four"
    assert len(mails.taken) == 1
    assert [e["event"] for e in logs].count("alarm-not-sent") == 2
    assert not any(receiver.url in str(e) or "duty" in str(e) for e in logs)
    assert {name for e in logs for name in e} - {"event", "log_level"} <= FIELDS.keys()


async def test_a_redirect_is_not_followed_and_does_not_count(receiver: Receiver) -> None:
    receiver.answers = [302]
    with pytest.raises(NotSent):
        await post(receiver.url, b"{}")
    assert receiver.elsewhere == 0
    await post(receiver.url, b"{}")


async def test_what_does_not_answer_is_not_sent(mails: MailServer, tmp_path: Path) -> None:
    with pytest.raises(NotSent):
        await post("http://127.0.0.1:1/alarms", b"{}")
    dead = Relay("127.0.0.1", 1, "smtp", "a@b.example")
    for one in (dead, Relay("127.0.0.1", 1, "smtps", "a@b.example")):
        with pytest.raises(NotSent):
            post_mail(one, "duty@ministry.example", b"x")
    mails.refuses = True
    here = Here(tmp_path, "mailto:duty@ministry.example", relay=relay(mails))
    here.counts = {Kind.LEAK: 1}
    await here.alarming.look()
    assert mails.taken == []
    none = Here(tmp_path, "mailto:duty@ministry.example")
    none.counts = {Kind.LEAK: 1}
    with structlog.testing.capture_logs() as logs:
        await none.alarming.look()
    assert [e["event"] for e in logs] == ["alarm-not-sent"]


@pytest.mark.parametrize(
    "to",
    [
        "http://ministry.example/x", "http://127.0.0.1/x", "http://10.0.0.1:80/x", "ftp://ministry.example/",
        "https://", "https:///x", "https://.ministry.example/", "https://[::1]/", "https://ministry.example?x",
        "https://user@ministry.example/", "https://user:pw@ministry.example/",
        "https://ministry.example/#x", "https://ministry.example:port/", "https://ministry.example/a b", "file:///etc",
        "mailto:duty", "mailto:duty@", "mailto:duty@ministry.example\nBcc: x@y.example",
        "mailto:a@b.example,c@d.example",
        "duty@ministry.example", "", "https://ministry.example/" + "x" * 300, "https://ministry.example/\u0430",
    ],
)  # fmt: skip
def test_no_other_address_comes_into_a_bundle(to: str) -> None:
    with pytest.raises(ValidationError):
        AlarmAddress(to=to)


@pytest.mark.parametrize(
    "to",
    ["https://ministry.example/alarms?x=1", "https://ministry.example:8443/", "http://127.0.0.1:9000/relay",
     "mailto:duty.desk+orchid@ministry.example"],
)  # fmt: skip
def test_an_address_is_a_web_address_over_tls_or_a_mail_box(to: str) -> None:
    assert AlarmAddress(to=to).to == to


@pytest.mark.parametrize(
    "smtp", ["smtp://mail.example", "smtps://", "https://mail.example", "smtps://u:p@mail.example", "smtps://m:port", 7]
)
def test_mails_leave_over_tls_or_by_this_machine_alone(smtp: object) -> None:
    with pytest.raises(BadInput):
        Relay.read(smtp, "a@b.example")
    with pytest.raises(BadInput):
        Relay.read("smtps://mail.example", None)
    assert Relay.read(None, None) is None
    assert Relay.read("smtp+starttls://mail.example", "a@b.example") == Relay(
        "mail.example", 587, "smtp+starttls", "a@b.example"
    )


def glass(number: int, at: int) -> Any:
    return decision_record(
        at=at, epoch=1, by=W, agency=A, submission=bytes(32), message=bytes([number]) * 16, manifest=bytes(32),
        sender=C, recipient=C, kind="RFI", outcome="permitted", rules=("SC-63",), sections=(), view=bytes(32),
    )  # fmt: skip


async def test_alarms_count_what_needs_somebody(tmp_path: Path) -> None:
    closed = act_record(
        at=T0, epoch=1, by=W, act="review-closed", subject=bytes([2]) * 16, recipient=C, view=bytes(32),
        outcome="justified", digest=bytes(32), signer=OFFICER,
    )  # fmt: skip
    leak = act_record(
        at=T0, epoch=1, by=W, act="leak-suspected", subject=bytes(16), recipient=C, view=bytes(32),
        outcome="kept-aside", digest=bytes(32), signer=C,
    )  # fmt: skip
    alarms = [
        act_record(
            at=at, epoch=1, by=W, act="alarm-raised", agency=A, subject=bytes([n]) * 16, outcome=what,
            digest=bytes(32), signer=C,
        )
        for n, (at, what) in enumerate([(T0 - DAY, "not-in-log"), (T0 - HOUR, "log-differs"), (T0, "log-differs")])
    ]  # fmt: skip
    made = [glass(0, T0 - 4 * DAY), glass(1, T0), glass(2, T0), closed, leak, *alarms]

    class Bus:
        async def leaves(self, from_index: int, count: int) -> list[bytes]:
            return []

        async def record(self, index: int) -> bytes | None:
            return cbor.dump({"salt": bytes(32), "record": made[index].to_bytes()})

    with opened(tmp_path / "records.db") as db:
        db.take(0, 8, [line_of(n, record) for n, record in enumerate(made)], lambda _: None)
        bundle: Any = SimpleNamespace(expires=T0 + 3 * DAY)
        facts = Facts(db, Remembered(Bus()), lambda: bundle, lambda: True, lambda: False, lambda: 0)
        found = await facts(T0)
        assert {k: n for k, n in found.items() if n} == {Kind.OVERDUE: 1, Kind.GLASS: 1, Kind.LEAK: 1, Kind.ADAPTER: 1}
        troubled = Facts(db, Remembered(Bus()), lambda: bundle, lambda: False, lambda: True, lambda: 2)
        found = await troubled(T0 + 3 * DAY)
        assert {k: n for k, n in found.items() if n} == {
            Kind.LOG_BEHIND: 1, Kind.RECORD_MISSING: 1, Kind.BUNDLE_ENDS: 1, Kind.GLASS: 1, Kind.OVERDUE: 1,
            Kind.SHUT_OUT: 2,
        }  # fmt: skip

        def down(*_: object) -> Any:
            raise RecordsDown

        db.indices = down  # type: ignore[method-assign]
        assert (await facts(T0))[Kind.RECORDS_DOWN] == 1


def test_every_kind_has_a_sentence_and_no_sentence_a_place_for_anything_else() -> None:
    assert SAYS.keys() == set(Kind)
    every = dict.fromkeys(Kind, 1)
    for text in (hook(NAME, every, T0).decode(), mail(NAME, every, T0, "a@b.example", "c@d.example").as_string()):
        assert not any(handle in text for handle in (A, C, OFFICER, W)) and "{" not in "".join(SAYS.values())


def test_doctor_says_whether_somebody_outside_is_told() -> None:
    def about(*addresses: AlarmAddress, mail: bool = False) -> Health:
        operator = SimpleNamespace(alarms=addresses or None)
        bundle: Any = SimpleNamespace(directory=SimpleNamespace(operator=operator))
        return alarm_addresses(bundle, mail=mail).health

    own, outside = "https://operator.example/", AlarmAddress(to="mailto:duty@ministry.example", outside=True)
    assert about() is Health.WARN and about(AlarmAddress(to=own)) is Health.WARN
    assert about(AlarmAddress(to=own), outside) is Health.WARN, "no mail server"
    assert about(AlarmAddress(to=own), outside, mail=True) is Health.GOOD
    assert about(AlarmAddress(to=own, outside=True)) is Health.GOOD
