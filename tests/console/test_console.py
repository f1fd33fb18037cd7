"""The console beside a real broker after a real flow: who may see what, what is recorded, and that nothing leaks."""

import asyncio
import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientError, ClientResponse, ClientSession, FormData
from typer.testing import CliRunner

from adapters.client import connect
from adapters.guard import open_key
from adapters.guard import serving as guarding
from adapters.home import clock
from audit.expiry import Hold
from audit.record import LOOKED_UP, RECALL_ORDERED, VIEW_ACKNOWLEDGED, ActRecord, read_record
from audit.witness import WitnessKey, cosign, joined
from broker.console import words
from broker.console.access import IDLE
from broker.console.app import COOKIE, HEADERS
from broker.console.live import OF_ACCOUNT
from broker.console.reading import HOURS, SIGNS_HOLD, Owed, Reading
from broker.console.serving import Running, consoling
from broker.projecting import ASKED_AT_ONCE as AT_ONCE
from broker.raised import Stands
from broker.recordsdb import Query, RecordsDown
from broker.service import BrokerHome, Serving, serving, stores
from bus.queue import NatsBroker, NatsSequencer
from cli.main import app
from cli.practice import Practice
from keys.domains import KeyKind
from keys.signing import Signer
from messages.directory import AlarmAddress, Witness
from messages.errors import BadInput, DependencyError
from messages.limits import HOUR
from tests.broker.test_dues import act, order
from tests.broker.test_recordsdb import HOSTILE, line
from tests.console import catalogue
from tests.console.test_words import LETTERS, Visible
from tests.flows.test_quarantine import case
from tests.support.exported import exported
from tests.support.orchid import DESK, INSPECTORS, RAPPORTEUR, TaskForce, leaks, task_force
from tests.support.passkey import Passkey

pytestmark = pytest.mark.asyncio(loop_scope="module")
BROWSER = {"User-Agent": "Mozilla/5.0 (test)"}
TITLES = {
    "auditor": "Auditor, Coast Guard", "administrator": "Host's administrator", "officer": "Officer of the week",
}  # fmt: skip
PAGES = ("/", "/overview/live", "/decisions", "/matrix", "/trust", "/log", "/tasks")


@dataclass
class Place:
    """A broker with one delivered message, its console, and accounts of each role that two officers signed."""

    force: TaskForce
    broker: Serving
    console: Running
    passkeys: dict[str, Passkey]
    first_code: str

    async def browser(self, role: str | None = "auditor") -> ClientSession:
        """A browser in which somebody of this role has logged in; nobody where it is None."""
        made = ClientSession(self.console.url, headers=BROWSER)
        if role is not None:
            async with made.post("/login/begin", json={}, headers=self.own) as answer:
                asked = await answer.json()
            credential = self.passkeys[role].answer(asked["options"], origin=self.console.url)
            finished = {"challenge_id": asked["challenge_id"], "credential": credential}
            async with made.post("/login/finish", json=finished, headers=self.own) as answer:
                assert answer.status == 200, await answer.text()
        return made

    @property
    def own(self) -> dict[str, str]:
        return {"Origin": self.console.url, "Sec-Fetch-Site": "same-origin"}

    def looked(self, outcome: str) -> int:
        """How many look-ups of this kind the search knows."""
        found = self.console.reading.db.each(Query(kind=LOOKED_UP, outcome=outcome), 10_000)
        return len(list(found))


async def until(holds: Any) -> None:
    for _ in range(400):
        if holds():
            return
        await asyncio.sleep(0.05)  # another task does it; nothing here is woken by it
    raise AssertionError("it does not come about")


def said(force: TaskForce, *words: str) -> str:
    """A command of an officer, who hands in the passphrase."""
    reading, writing = os.pipe()  # the command closes it
    os.write(writing, force.passphrase.encode())
    os.close(writing)
    result = CliRunner().invoke(app, ["--passphrase-fd", str(reading), *words])
    assert result.exit_code == 0, result.output
    return result.output


async def enrolled(console: Running, code: str, title: str) -> tuple[Passkey, str, str]:
    """A passkey registered in the browser: it, the request that came out, and its digits."""
    passkey, own = Passkey(console.url), {"Origin": console.url}
    async with ClientSession(console.url, headers=own) as browser:
        async with browser.post("/enrol/begin", json={"code": code, "title": title}) as answer:
            asked = await answer.json()
        made = {
            "code": code, "title": title, "challenge_id": asked["challenge_id"],
            "credential": passkey.register(asked["options"]),
        }  # fmt: skip
        async with browser.post("/enrol/finish", json=made) as answer:
            assert answer.status == 200, await answer.text()
            told = await answer.json()
    return passkey, told["request"], told["fingerprint"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    folder = tmp_path_factory.mktemp("console")
    made = task_force()
    shutil.copytree(made.practice.folder, folder / "force")
    force = TaskForce(Practice(folder / "force"), made.now)
    guard = force.practice.party("harbour-police") / "guard"
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(serving(BrokerHome.open(force.practice.broker, force.passphrase)))
        await stack.enter_async_context(guarding(guard, open_key(guard, force.passphrase), clock))
        async with connect(force.practice.party("harbour-police"), "desk", force.passphrase) as desk:
            await desk.send(case(force), [INSPECTORS])
        console = await stack.enter_async_context(consoling(broker.home, broker.urls[0], follow=False))
        assert console.code is not None
        work, officers = force.practice.folder / "officers" / "work", force.practice.folder / "officers"
        one, two = (str(officers / name) for name in ("officer-one", "officer-two"))
        passkeys = {}
        for role, title in TITLES.items():
            code = console.code if role == "auditor" else console.access.invite("host")
            passkeys[role], request, digits = await enrolled(console, code, title)
            (folder / "request.json").write_text(request)
            words = ("--role", role, "--fingerprint", digits, "--as", one, "--second", _title(force, 1))
            asking = ("officer", "account", str(work), str(folder / "request.json"), *words)
            await asyncio.to_thread(said, force, *asking)
        for officer in (one, two):
            await asyncio.to_thread(said, force, "bundle", "sign", str(work), "--as", officer, "--yes")
        target = ("--as", one, "--to", str(force.practice.broker))
        await asyncio.to_thread(said, force, "bundle", "publish", str(work), *target)
        await until(lambda: len(console.access.usable()) == len(TITLES))
        await until(lambda: console.reading.db.search(Query(form="decision")).lines)
        yield Place(force, broker, console, passkeys, console.code)


def _title(force: TaskForce, number: int) -> str:
    return force.bundle.directory.officers[number].title


async def test_nobody_who_is_not_logged_in_sees_anything(place: Place) -> None:
    async with await place.browser(None) as browser:
        for path in (*PAGES, "/decisions/export", "/records/0", "/matrix/harbour-police/valea-police"):
            async with browser.get(path, allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"]) == (303, "/login"), path
        for path in ("/log/check", "/enrol/invite"):
            async with browser.post(path, headers=place.own, allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"]) == (303, "/login")
        async with browser.get("/login") as answer:
            text = await answer.text()
        assert answer.status == 200 and "harbour-police" not in text and "Auditor, Coast" not in text


async def test_every_answer_lets_nothing_run_that_is_not_ours(place: Place) -> None:
    async with await place.browser() as browser:
        for path in (
            *PAGES,
            "/login",
            "/enrol",
            "/nowhere",
            "/static/console.js",
            "/static/../app.py",
            "/records/99999",
        ):
            async with browser.get(path, allow_redirects=False) as answer:
                text = await answer.text()
                assert {name: answer.headers[name] for name in HEADERS} == HEADERS, path
            if answer.content_type == "text/html":
                assert "style=" not in text and "<style" not in text and "onclick" not in text
                assert "http://" not in text and "https://" not in text
                assert text.count("<script") == text.count('<script src="/static/')
                assert answer.status in (200, 303, 404)
    csp = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in csp and csp.startswith("default-src 'none'") and "frame-ancestors 'none'" in csp


async def test_every_screen_shows_names_and_codes_and_no_word_of_a_victim(place: Place) -> None:
    expected = {
        "/": "harbour-police", "/overview/live": "Flows", "/decisions": "labour-inspectorate/inspections",
        "/matrix": "national-rapporteur", "/trust": "harbour-police/desk", "/log": "leaves, root", "/tasks": "No glass",
    }  # fmt: skip
    async with await place.browser() as browser:
        for path in PAGES:
            async with browser.get(path) as answer:
                text = await answer.text()
            assert answer.status == 200 and expected[path] in text, path
            assert leaks(text.encode()) == []


async def test_a_search_an_export_a_view_and_a_log_in_are_in_the_log_before_anything_is_shown(
    place: Place, tmp_path: Path
) -> None:
    async with await place.browser() as browser:
        for path in (
            "/decisions?outcome=permitted",
            "/records/1",
            "/decisions/export?as=csv",
            "/decisions/export?as=json",
        ):
            async with browser.get(path) as answer:
                assert answer.status == 200, path
    report, records = await exported(place.broker, tmp_path / "log")
    assert not report.breaks, report.breaks
    looked = [r for r in map(read_record, records) if isinstance(r, ActRecord) and r.act == LOOKED_UP]
    auditor = next(a for a in place.console.access.usable() if a.role == "auditor")
    done = [a.outcome for a in looked if a.signer == auditor.officer]
    assert {"logged-in", "searched", "viewed"} <= set(done) and done.count("exported") >= 2


class Broken:
    """A log that takes nothing."""

    async def announce(self, entries: object) -> None:
        raise DependencyError("it is down")


async def test_what_cannot_be_recorded_is_not_shown(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async with await place.browser() as browser:
        monkeypatch.setattr("broker.worker.Worker.announce", Broken.announce)
        for path in ("/decisions", "/records/1", "/decisions/export", "/tasks"):
            async with browser.get(path) as answer:
                text = await answer.text()
            assert answer.status == 503 and "recorded" in text and "harbour-police" not in text


async def test_a_record_explains_itself_and_its_proof_holds(place: Place) -> None:
    (decided,) = place.console.reading.db.search(Query(form="decision")).lines
    async with await place.browser() as browser, browser.get(f"/records/{decided.index}") as answer:
        text = await answer.text()
    assert answer.status == 200 and "The proof holds" in text
    for rule in decided.rules:
        assert rule in text
    assert "All that the log has about it" in text and "SC-" in text


async def test_a_record_of_a_look_up_tells_who_looked_by_name(place: Place) -> None:
    async with await place.browser() as browser:
        await until(lambda: place.looked("logged-in"))
        found = place.console.reading.db.search(Query(kind=LOOKED_UP, outcome="logged-in")).lines[0]
        async with browser.get(f"/records/{found.index}") as answer:
            text = await answer.text()
    assert "Auditor, Coast Guard logged in to the console." in text and found.signers[0] not in text


async def test_a_proof_against_another_head_does_not_hold(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = place.console.reading
    assert (await reading.prove(0, bytes(32))).holds is False
    assert (await reading.prove(10**6, bytes(32))).holds is False
    head, _ = await reading.head()
    assert head is not None

    async def other() -> tuple[Any, str]:
        return type(head)(origin=head.origin, size=head.size, root=bytes(32)), ""

    monkeypatch.setattr(reading, "head", other)
    assert "call the operator" in (await reading.prove(0, bytes(32))).says


async def test_many_records_are_asked_for_a_hundred_at_a_time_and_come_in_their_order(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_now, most = 0, 0

    async def held(_: object, index: int) -> tuple[bytes, bytes] | None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0)
        open_now -= 1
        return (b"", str(index).encode()) if index % 7 else None

    monkeypatch.setattr("broker.projecting.held", held)
    wanted = [line(n) for n in range(3 * AT_ONCE + 1)]
    assert await place.console.reading.raw(wanted) == [str(n).encode() for n in range(3 * AT_ONCE + 1) if n % 7]
    assert most == AT_ONCE and await place.console.reading.raw([]) == []


async def test_a_packet_of_a_message_holds_where_nothing_but_the_auditors_program_is_and_its_export_is_recorded(
    place: Place, tmp_path: Path
) -> None:
    (decided,) = place.console.reading.db.search(Query(form="decision")).lines
    before = place.looked("exported")
    async with await place.browser() as browser:
        async with browser.get(f"/records/{decided.index}") as answer:
            (where,) = re.findall(r'href="(/messages/[0-9a-f]+/packet)"', await answer.text())
        async with browser.get(where) as answer:
            data = await answer.read()
            assert answer.status == 200 and "attachment" in answer.headers["Content-Disposition"]
        for wrong in ("0" * 32, decided.subject[:-1], "' OR 1=1 --", "../" * 5):
            async with browser.get(f"/messages/{wrong}/packet") as answer:
                assert answer.status == 404
    await until(lambda: place.looked("exported") >= before + 2)
    path, root = tmp_path / "message.packet", place.force.practice.broker / "trust" / "root.json"
    path.write_bytes(data)
    checking = (sys.executable, "-m", "audit", "packet", "verify", str(path), "--root", str(root), "--json")
    done = await asyncio.to_thread(subprocess.run, checking, capture_output=True, check=False)
    told = json.loads(done.stdout)
    assert done.returncode == 0, told
    assert [step["name"] for step in told["steps"]] == [
        "packet", "root", "bundle", "epoch", "contacts", "broker", "record", "log"
    ]  # fmt: skip
    assert place.broker.home.bundle.epoch > 1, "the message is of a past epoch"
    assert not any("record of epoch" in what for what in told["unchecked"])
    assert any("holds no envelope" in what for what in told["unchecked"]) and leaks(data) == []
    async with await place.browser("administrator") as browser, browser.get(where) as answer:
        assert answer.status == 403


async def test_hostile_words_find_nothing_and_are_never_shown_unescaped(place: Place) -> None:
    async with await place.browser() as browser:
        for text in [*HOSTILE, "<script>alert(1)</script>", "'\"><img src=x onerror=alert(1)>", "{{7*7}}", "\r\nX: y"]:
            for field in ("rule", "kind", "party", "message", "from", "older", "type"):
                async with browser.get("/decisions", params={field: text}) as answer:
                    shown = await answer.text()
                assert answer.status in (200, 400), (field, text)
                assert "<script>alert" not in shown and "<img src=x" not in shown and "X" not in answer.headers
                assert "49" not in shown or "{{7*7}}" not in text or "{{7*7}}" in shown


@pytest.mark.parametrize(
    "path", ["/records/-1", "/records/1e3", "/records/99999999999999999", "/matrix/x/y", "/records/"]
)
async def test_what_is_not_there_is_not_there(place: Place, path: str) -> None:
    async with await place.browser() as browser, browser.get(path) as answer:
        assert answer.status == 404


async def test_another_sites_page_makes_nothing_happen(place: Place) -> None:
    async with await place.browser() as browser:
        for headers in (
            {}, {"Origin": "https://attacker.example"}, {"Origin": "null"},
            {"Origin": place.console.url, "Sec-Fetch-Site": "cross-site"},
        ):  # fmt: skip
            for path in ("/logout", "/log/check", "/enrol/invite", "/login/begin", "/enrol/begin"):
                async with browser.post(path, headers=headers, allow_redirects=False) as answer:
                    assert (answer.status, await answer.text()) == (403, "Refused.\n"), (path, headers)
        async with browser.get("/", headers={"Host": "attacker.example"}) as answer:
            assert answer.status == 421
        async with browser.get("/") as answer:
            assert answer.status == 200, "and nobody was logged out"


async def test_a_session_is_over_after_log_out_and_its_cookie_is_for_this_site_alone(place: Place) -> None:
    browser = await place.browser()
    async with browser:
        cookie = next(c for c in browser.cookie_jar if c.key == COOKIE)
        assert cookie["httponly"] and cookie["samesite"] == "Strict" and cookie["path"] == "/"
        async with (
            ClientSession(place.console.url, headers={"User-Agent": "thief"}, cookies={COOKIE: cookie.value}) as it,
            it.get("/", allow_redirects=False) as answer,
        ):
            assert answer.status == 303
    again = await place.browser()
    async with again:
        secret = next(c for c in again.cookie_jar if c.key == COOKIE).value
        async with again.post("/logout", headers=place.own, allow_redirects=False) as answer:
            assert answer.status == 303
    late = ClientSession(place.console.url, headers=BROWSER, cookies={COOKIE: secret})
    async with late, late.get("/", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/login")


async def test_an_overview_that_nobody_looks_at_does_not_keep_its_session(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [place.console.access.clock()]
    monkeypatch.setattr(place.console.access, "clock", lambda: now[0])
    async with await place.browser() as browser:
        for _ in range(3):
            now[0] += IDLE // 3
            async with browser.get("/overview/live", allow_redirects=False) as answer:
                status = answer.status
        assert status == 303
        async with browser.get("/overview/live", headers={"HX-Request": "true"}) as answer:
            assert answer.headers["HX-Redirect"] == "/login" and await answer.text() == ""


async def event(answer: ClientResponse) -> str:
    """The next word of a stream."""
    lines = [(await asyncio.wait_for(answer.content.readline(), 60)).decode().rstrip() for _ in range(3)]
    assert lines[1:] == ["data:", ""], "and it holds nothing"
    return lines[0]


async def test_an_open_overview_is_told_to_renew_itself_until_its_session_is_over(place: Place) -> None:
    async with await place.browser() as browser, await place.browser() as other:
        async with browser.get("/overview/stream") as answer:
            assert answer.status == 200 and answer.content_type == "text/event-stream"
            assert {name: answer.headers[name] for name in HEADERS} == HEADERS
            async with other.get("/decisions") as looked:  # which becomes a record
                assert looked.status == 200
            assert await event(answer) == "event: renew"
            secret = next(c for c in browser.cookie_jar if c.key == COOKIE).value
            place.console.access.leave(secret)
            async with other.get("/decisions") as looked:
                assert looked.status == 200
            while (said := await event(answer)) == "event: renew":
                pass  # what was said before the session ended
            assert said == "event: over" and await answer.content.read() == b""
        async with browser.get("/overview/stream", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/login")


async def test_a_stream_keeps_no_session_alive_and_one_too_many_is_told_not_to_ask_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [place.console.access.clock()]
    monkeypatch.setattr(place.console.access, "clock", lambda: now[0])
    monkeypatch.setattr("broker.console.live.BEAT_SECONDS", 0.05)
    async with await place.browser() as browser, AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(browser.get("/overview/stream")) for _ in range(OF_ACCOUNT)]
        async with browser.get("/overview/stream") as answer:
            assert answer.status == 204 and await answer.read() == b""
        for stream in streams:
            assert await event(stream) == "event: renew"
        now[0] += IDLE
        for stream in streams:
            while await event(stream) == "event: renew":
                pass


async def test_what_waits_is_shown_with_its_clock_and_who_was_told(place: Place) -> None:
    async with await place.browser() as browser:
        async with browser.get("/") as answer:
            text = await answer.text()
        (link,) = re.findall(r'href="(/decisions\?form=decision&amp;recipient=[^"]*)"', text)
        assert "labour-inspectorate" in link and "waits since" in text
        assert "<b>1</b><span>not opened yet</span>" in text
        async with browser.get(html.unescape(link)) as answer:
            assert (await answer.text()).count('href="/records/') == 1
        async with browser.get("/", headers={"User-Agent": BROWSER["User-Agent"]}) as answer:
            assert leaks(await answer.read()) == []


async def test_a_console_of_which_a_part_has_failed_answers_nobody_and_says_what_failed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        await failing.wait()
        raise ValueError("a part")

    failing = asyncio.Event()
    monkeypatch.setattr("broker.console.serving._following", fails)
    async with consoling(place.broker.home, place.broker.urls[0]) as console, ClientSession(console.url) as browser:
        async with browser.get("/login") as answer:
            assert answer.status == 200
        failing.set()
        with pytest.raises(ValueError, match="a part"):
            await asyncio.wait_for(console.failed, 30)
        with pytest.raises(ClientError):
            async with browser.get("/login") as answer:
                pass


async def test_an_administrator_sees_the_house_and_not_what_it_decides(place: Place) -> None:
    async with await place.browser("administrator") as browser:
        for path in ("/", "/matrix", "/trust", "/log"):
            async with browser.get(path) as answer:
                assert answer.status == 200
        for path in ("/decisions", "/decisions/export", "/records/1", "/tasks"):
            async with browser.get(path) as answer:
                assert answer.status == 403 and "Your role" in await answer.text()
    async with await place.browser() as browser, browser.post("/enrol/invite", headers=place.own) as answer:
        assert answer.status == 403, "and an auditor invites nobody"


# Languages


def outside(page: str, known: set[str]) -> list[str]:
    """What a page in the pseudo-language shows outside its brackets that is no name, code or number."""
    left = [text for text in Visible(page).outside() if text not in known]
    return [word for text in left for word in re.findall(r"[^\s,:;()·…]+", text) if not _code(word, known)]


CODE = re.compile(r"[A-Z0-9+/.-]+|[\w.]+[/-][\w./+-]*|[a-z][a-z2-7]{12}|\d+[A-Za-z]")
"""Kinds, types, rules, addresses, media types, handles and hashes."""


def _code(word: str, known: set[str]) -> bool:
    return not LETTERS.search(word) or word in known or CODE.fullmatch(word) is not None


async def test_every_screen_is_in_the_language_of_the_console(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there = tmp_path / "xx" / "LC_MESSAGES"
    there.mkdir(parents=True)
    (there / "console.mo").write_bytes(catalogue.compiled())
    monkeypatch.setattr(words, "LOCALE", tmp_path)
    await until(lambda: place.console.reading.db.search(Query(kind="publish")).lines)
    directory = place.broker.home.bundle.directory
    titles = [*TITLES.values(), *(o.title for o in directory.officers), *(a.title for a in directory.agencies)]
    known = {w for title in titles for w in re.findall(r"[^\s,]+", title)} | {c.name for c in directory.contacts}
    known |= {"broker", "worker", "cover", *place.console.reading.db.values("kind")["kind"]}
    suspending = ("contact", "suspend", "work", RAPPORTEUR, "--as", "officer-one")
    data = await asyncio.to_thread(at_the_officers, place, *suspending)
    async with consoling(place.broker.home, place.broker.urls[0], follow=False, language="xx") as console:
        other = replace(place, console=console)
        async with await other.browser("officer") as browser:
            async with browser.post("/searches", data={"name": "SC-63", "rule": "SC-63"}, headers=other.own) as answer:
                assert "⟦Sávéd séárçhés⟧" in await answer.text()
            async with browser.post("/proposals", data=handed(data), headers=other.own) as answer:
                proposal = answer.url.path
            async with browser.post("/log/check", headers=other.own) as answer:
                assert answer.status == 200
            found: dict[str, list[str]] = {}
            cells = ("/matrix/harbour-police/labour-inspectorate", "/matrix/labour-inspectorate/national-rapporteur")
            for path in (
                *PAGES,
                "/decisions?form=",
                "/records/1",
                *cells,
                "/proposals",
                proposal,
                "/nowhere",
                "/enrol",
            ):
                async with browser.get(path) as answer:
                    page = await answer.text()
                assert '<html lang="xx">' in page or path == "/overview/live"
                assert "⟦" in page, path
                found[path] = outside(page, known)
            async with browser.post(f"{proposal}/discard", headers=other.own) as answer:
                assert answer.status == 200
        async with await other.browser(None) as browser, browser.get("/login") as answer:
            found["/login"] = outside(await answer.text(), known)
    work, one = (str(place.force.practice.folder / "officers" / name) for name in ("work", "officer-one"))
    await asyncio.to_thread(said, place.force, "bundle", "discard", work, "--as", one, "--yes")
    assert found == {path: [] for path in found}


# Saved searches


async def test_a_search_is_saved_under_a_name_found_again_and_removed_by_whose_it_is(place: Place) -> None:
    asking = {"name": "<b>Refused  by</b> SC-63", "outcome": "refused", "rule": "SC-63", "party": "", "other": "x"}
    async with await place.browser() as browser, await place.browser("officer") as other:
        async with browser.get("/decisions") as answer:
            assert "You have saved no search" in await answer.text()
        async with browser.post("/searches", data=asking, headers=place.own) as answer:
            text = await answer.text()
            assert answer.status == 200 and dict(answer.url.query) == {"rule": "SC-63", "outcome": "refused"}
        assert "&lt;b&gt;Refused by&lt;/b&gt; SC-63" in text and "<b>Refused" not in text
        assert 'href="/decisions?rule=SC-63&amp;outcome=refused"' in text
        async with browser.post("/searches", data={**asking, "rule": ""}, headers=place.own) as answer:
            text = await answer.text()
        (number,) = re.findall(r"/searches/([0-9a-f]{16})/remove", text)
        assert 'href="/decisions?outcome=refused"' in text, "one of the same name is replaced"
        async with other.get("/decisions") as answer:
            assert "Refused by" not in await answer.text()
        refused = []
        for wrong in (number, "0" * 16):
            async with other.post(f"/searches/{wrong}/remove", headers=place.own) as answer:
                refused.append((answer.status, await answer.text()))
        assert refused[0] == refused[1] and refused[0][0] == 404, "another's is as unknown as one that never was"
        async with browser.post(f"/searches/{number}/remove", headers=place.own) as answer:
            assert "You have saved no search" in await answer.text()
    await until(lambda: place.looked("saved") and place.looked("forgotten"))


async def test_a_search_that_cannot_be_saved_is_refused_in_a_sentence(place: Place) -> None:
    wrong = [
        ({"rule": "SC-63"}, 400), ({"name": " ", "rule": "x"}, 400), ({"name": "x" * 61, "rule": "x"}, 400),
        ({"name": "a\x1bb", "rule": "x"}, 400), ({"name": "x"}, 400), ({"name": "x", "rule": "r" * 81}, 400),
        ({"name": "x", "party": "nobody"}, 400), ({"name": "x", "from": "tomorrow"}, 400),
        ({"name": "x", "rule": "r" * 20_000}, 413),
    ]  # fmt: skip
    async with await place.browser() as browser:
        for asking, status in wrong:
            async with browser.post("/searches", data=asking, headers=place.own) as answer:
                assert answer.status == status, asking
        async with browser.post("/searches", data=handed(b"x", "rule"), headers=place.own) as answer:
            assert answer.status == 400
        for path in ("/searches", "/searches/" + "0" * 16 + "/remove"):
            async with browser.post(path, data={"name": "x", "rule": "x"}, headers={"Origin": "null"}) as answer:
                assert answer.status == 403 and await answer.text() == "Refused.\n"
        async with browser.get("/decisions") as answer:
            assert "You have saved no search" in await answer.text()
    for role in ("administrator", None):
        async with await place.browser(role) as browser:
            for path in ("/searches", "/searches/" + "0" * 16 + "/remove"):
                async with browser.post(path, data={}, headers=place.own, allow_redirects=False) as answer:
                    assert answer.status == (403 if role else 303)


# Proposals


def handed(data: bytes, name: str = "proposal") -> FormData:
    form = FormData()
    form.add_field(name, data, filename="proposal.json", content_type="application/json")
    return form


def at_the_officers(place: Place, *words: str) -> bytes:
    """A command of the first officer in the officers' folder; the proposal that lies there then."""
    officers = place.force.practice.folder / "officers"
    said(place.force, *(str(officers / w) if w == "work" or w.startswith("officer-") else w for w in words))
    return (officers / "work" / "proposal.json").read_bytes()


async def test_an_officer_hands_a_proposal_in_and_the_second_one_reads_takes_and_signs_it(place: Place) -> None:
    suspending = ("contact", "suspend", "work", RAPPORTEUR, "--as", "officer-one")
    data = await asyncio.to_thread(at_the_officers, place, *suspending)
    async with await place.browser("officer") as browser:
        async with browser.get("/proposals") as answer:
            assert "Nothing is proposed" in await answer.text()
        async with browser.post("/proposals", data=handed(data), headers=place.own) as answer:
            page, where = await answer.text(), answer.url.path
            assert answer.status == 200 and where.startswith("/proposals/"), page
        assert f"{RAPPORTEUR} is suspended" in page and "Newly blocked" in page
        assert "1 past decisions were looked at; 1 would come out as before." in page
        assert page.count("<dt>To sign</dt>") == 2 and "safeconduct bundle sign WORK --as YOUR_FOLDER" in page
        assert leaks(page.encode()) == []
        async with browser.get(f"{where}/proposal.json") as answer:
            assert await answer.read() == data and "attachment" in answer.headers["Content-Disposition"]
        signing = ("bundle", "sign", "work", "--as", "officer-two", "--yes")
        signed = await asyncio.to_thread(at_the_officers, place, *signing)
        async with browser.post("/proposals", data=handed(signed), headers=place.own) as answer:
            assert answer.url.path == where and (await answer.text()).count("<dt>Signed</dt>") == 1
        signing = ("bundle", "sign", "work", "--as", "officer-one", "--yes")
        both = await asyncio.to_thread(at_the_officers, place, *signing)
        async with browser.post("/proposals", data=handed(both), headers=place.own) as answer:
            page = await answer.text()
        assert page.count("<dt>Signed</dt>") == 2 and "safeconduct bundle publish WORK" in page
        assert "safeconduct bundle sign WORK" not in page
        async with browser.get("/proposals") as answer:
            listed = await answer.text()
        assert listed.count("proposals/") == 1 and "Officer of the week" in listed
        async with browser.post("/proposals", data=handed(data), headers=place.own) as answer:
            assert answer.status == 400 and "a signature that yours lacks" in await answer.text()
        async with browser.post(f"{where}/discard", headers=place.own) as answer:
            assert "Nothing is proposed" in await answer.text()
        for gone in (where, f"{where}/proposal.json", "/proposals/" + "0" * 64):
            async with browser.get(gone) as answer:
                assert answer.status == 404
    for outcome in ("handed-in", "reviewed", "fetched", "discarded"):
        await until(lambda outcome=outcome: place.looked(outcome) > 0)


async def test_only_officers_see_proposals_and_hand_them_in(place: Place) -> None:
    some = "/proposals/" + "0" * 64
    for role in ("auditor", "administrator"):
        async with await place.browser(role) as browser:
            for path in ("/proposals", some, f"{some}/proposal.json"):
                async with browser.get(path) as answer:
                    text = await answer.text()
                    assert answer.status == 403 and "Your role" in text and 'href="/proposals"' not in text
            for path in ("/proposals", f"{some}/discard"):
                async with browser.post(path, data=handed(b"{}"), headers=place.own) as answer:
                    assert answer.status == 403
    async with await place.browser(None) as browser:
        for path in ("/proposals", some):
            async with browser.get(path, allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"]) == (303, "/login")
        async with browser.post("/proposals", data=handed(b"{}"), headers=place.own, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/login")
    async with await place.browser("officer") as browser:
        for path in ("/proposals", f"{some}/discard"):
            async with browser.post(path, data=handed(b"{}"), headers={"Origin": "https://a.example"}) as answer:
                assert answer.status == 403 and await answer.text() == "Refused.\n"


async def test_what_is_no_proposal_is_refused_in_a_sentence_and_not_kept(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.console.app.PROPOSAL_BYTES", 1000)
    odd = {"Content-Type": "multipart/form-data; boundary=x"}
    sent: list[tuple[Any, dict[str, str], int, str]] = [
        (handed(b"<script>alert(1)</script>"), {}, 400, "cannot be read"),
        (handed(b""), {}, 400, "No file came"),
        (handed(b"{}", "other"), {}, 400, "No file came"),
        (handed(b"x" * 1001), {}, 413, "too large"),
        ({"proposal": "{}"}, {}, 400, "No file came"),
        (b"junk", {}, 400, "No file came"),
        (b"junk", odd, 400, "No file came"),
        (b"--x\r\n\xff\xff: \r\n\r\n--x--", odd, 400, "No file came"),
        (b"--x\r\n\r\nabc", odd, 400, "No file came"),
        (b"", {"Content-Type": "multipart/form-data"}, 400, "No file came"),
    ]
    async with await place.browser("officer") as browser:
        for body, headers, status, says in sent:
            async with browser.post("/proposals", data=body, headers={**place.own, **headers}) as answer:
                text = await answer.text()
                assert (answer.status, says in text, "<script>alert" in text) == (status, True, False), (body, text)
        async with browser.get("/proposals") as answer:
            assert "Nothing is proposed" in await answer.text()


async def test_the_full_check_is_that_of_the_auditor(place: Place) -> None:
    async with await place.browser() as browser, browser.post("/log/check", headers=place.own) as answer:
        text = await answer.text()
    assert answer.status == 200 and "The log holds" in text and "✗" not in text


async def test_registering_is_finished_under_a_title_that_a_request_may_have_alone(place: Place) -> None:
    async with ClientSession(place.console.url, headers=place.own) as browser:
        for title in ("", "x" * 81, "a\x1bb", None, 7):
            async with browser.post("/enrol/finish", json={"code": "x", "title": title}) as answer:
                assert answer.status == 400 and "how the officers know you" in (await answer.json())["says"]
        async with browser.post("/enrol/finish", json={"code": "x", "title": "Auditor"}) as answer:
            assert answer.status == 403


async def test_a_used_code_and_a_replayed_answer_open_nothing(place: Place) -> None:
    async with await place.browser(None) as browser:
        again = {"code": place.first_code, "title": "Somebody"}
        async with browser.post("/enrol/begin", json=again, headers=place.own) as answer:
            assert answer.status == 400
        async with browser.post("/login/begin", json={}, headers=place.own) as answer:
            asked = await answer.json()
        credential = place.passkeys["auditor"].answer(asked["options"])
        finished = {"challenge_id": asked["challenge_id"], "credential": credential}
        statuses = []
        for _ in range(2):
            async with browser.post("/login/finish", json=finished, headers=place.own) as answer:
                statuses.append(answer.status)
        assert statuses == [200, 403]
        for junk in (b"", b"[]", b"\xff", b"{" * 5000, b"x" * 100_000):
            async with browser.post("/login/finish", data=junk, headers=place.own) as answer:
                assert answer.status in (403, 413)


async def test_an_export_is_what_the_search_finds_and_cannot_run(place: Place) -> None:
    async with await place.browser() as browser:
        async with browser.get("/decisions/export", params={"as": "json", "form": "decision"}) as answer:
            rows = json.loads(await answer.text())
            assert "attachment" in answer.headers["Content-Disposition"]
        async with browser.get("/decisions/export", params={"as": "xml"}) as answer:
            assert answer.status == 400
    assert [(r["sender"], r["recipient"], r["outcome"]) for r in rows] == [(DESK, INSPECTORS, "permitted")]


async def test_an_export_or_a_count_of_a_part_says_that_it_is_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def given(browser: ClientSession, path: str) -> tuple[str, str]:
        async with browser.get(path) as answer:
            return answer.headers.get("Content-Disposition", ""), await answer.text()

    async with await place.browser() as browser:
        await until(lambda: place.console.reading.db.next() > 2)
        name, whole = await given(browser, "/decisions/export?as=csv&form=decision")
        assert 'filename="records.csv"' in name and len(whole.splitlines()) == 2
        assert "10,000 newest" in (await given(browser, "/decisions"))[1]
        assert "are counted" not in (await given(browser, "/tasks"))[1]
        monkeypatch.setattr("broker.console.app.EXPORTED", 1)
        monkeypatch.setattr("broker.misuse.COUNTED", 1)
        place.console.reading._signs = None
        name, part = await given(browser, "/decisions/export?as=csv&form=")
        assert 'filename="records-newest-1.csv"' in name and len(part.splitlines()) == 2
        assert 'filename="records-newest-1.json"' in (await given(browser, "/decisions/export?as=json&form="))[0]
        assert 'filename="records.csv"' in (await given(browser, "/decisions/export?as=csv&form=decision"))[0]
        assert "counts over the 1 newest" in (await given(browser, "/tasks"))[1]


async def test_a_page_that_found_nothing_in_its_stretch_says_where_to_go_on(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.recordsdb.STRETCH", 1)
    async with await place.browser() as browser:
        async with browser.get("/decisions?form=submission&outcome=permitted") as answer:
            text = await answer.text()
        assert "nothing" in text and 'rel="next"' in text
        async with browser.get("/decisions?form=submission&outcome=no-such") as answer:
            assert 'rel="next"' not in await answer.text()


async def test_signs_of_misuse_are_counted_behind_ones_back_once_a_count_is_five_minutes_old(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = place.console.reading
    now = clock()
    monkeypatch.setattr(reading, "clock", lambda: now)
    reading._signs = None
    first = await reading.signs()
    assert first.at == now and await reading.signs() is first and reading._counting is None
    now += SIGNS_HOLD - 1
    assert await reading.signs() is first and reading._counting is None
    now += 1
    assert await reading.signs() is first and reading._counting is not None
    await reading._counting
    assert (await reading.signs()).at == now
    now += SIGNS_HOLD
    monkeypatch.setattr(reading.db, "grouped", down)
    kept = await reading.signs()
    await reading._counting
    assert await reading.signs() is kept, "a database that is down takes nothing away"


def down(*_: object) -> object:
    raise RecordsDown


async def test_without_tls_it_listens_on_this_machine_alone(place: Place) -> None:
    with pytest.raises(DependencyError):
        async with consoling(place.broker.home, place.broker.urls[0], host="0.0.0.0"):  # noqa: S104
            pass
    for origin in ("http://console.example", "https://console.example/", "console.example"):
        with pytest.raises(BadInput):
            async with consoling(place.broker.home, place.broker.urls[0], origin=origin):
                pass


async def test_alarms_are_shown_for_each_address_of_the_bundle_with_what_was_told_there_last(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = place.broker.home
    async with await place.browser() as browser:
        async with browser.get("/log") as answer:
            assert "names no address to which alarms go" in await answer.text()
        both = (AlarmAddress(to="https://alarm.example/hook"), AlarmAddress(to="https://other.example/<b>"))
        operator = home.bundle.directory.operator.model_copy(update={"alarms": both})
        directory = SimpleNamespace(operator=operator, officers=(), agencies=())
        monkeypatch.setattr(Reading, "bundle", SimpleNamespace(directory=directory, witnesses=(), accounts=()))
        told = {both[0].to: {"glass-to-review": [1, 3], "bundle-ends": [60_000, 1]}, "https://gone.example": {}}
        path = home.folder / "log" / "alarms.json"
        path.write_text(json.dumps(told))
        async with browser.get("/log") as answer:
            text = await answer.text()
        path.unlink()
    first, second = text.index("ends within two days"), text.index("wait for their review")
    assert first < second and "(3)" in text and "other.example/&lt;b&gt;" in text and "nothing" in text
    assert "gone.example" not in text, "an address that is not in the bundle any more is no address"


async def test_what_witnesses_cosigned_is_told_and_who_did_not(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = place.console.reading
    assert (await reading.witnessed()).labels == ()
    signers = [Signer(KeyKind.LOG, place.broker.home.worker.handle, bytes([n] * 32)) for n in (1, 2, 3)]
    keys = [WitnessKey(name=f"wit{n}", public=s.public) for n, s in enumerate(signers, 1)]
    bundle = replace(place.broker.home.bundle, witnesses=tuple(Witness(label=k.name, vkey=str(k)) for k in keys))
    monkeypatch.setattr(Reading, "bundle", bundle)
    assert (await reading.witnessed()).signed == (), "nothing is final yet"
    async with stores(place.broker.home, place.broker.urls[0]) as connection:
        head = await NatsSequencer(connection).last_head()
        assert head is not None
        lines = [cosign(head, k, clock() // 1000, s.sign_note) for k, s in zip(keys[:2], signers[:2], strict=True)]
        port = await NatsBroker.open(connection)
        await port.put_final(joined(head, lines))
        await port.close()
    told = await reading.witnessed()
    assert [label for label, _ in told.signed] == ["wit1", "wit2"] and told.size > 0
    async with await place.browser() as browser, browser.get("/log") as answer:
        text = await answer.text()
    assert "2 of 3 witnesses" in text and "wit3" in text and '<span class="error">no</span>' in text


async def test_a_cell_of_the_matrix_leads_to_the_decisions_of_its_pair_and_no_others(place: Place) -> None:
    async with await place.browser() as browser:
        async with browser.get("/matrix/harbour-police/labour-inspectorate") as answer:
            text = await answer.text()
        links = [html.unescape(link) for link in re.findall(r'href="(/decisions\?[^"]*)"', text)]
        assert any("kind=" in link and "type=" in link for link in links), "also for one kind of message and type"
        assert all("sender=harbour-police" in x and "recipient=labour-inspectorate" in x for x in links)
        counts = {}
        for pair in (
            links[-1],
            links[-1].replace("sender", "x").replace("recipient", "sender").replace("x=", "recipient="),
        ):
            async with browser.get(pair) as answer:
                assert answer.status == 200
                counts[pair] = (await answer.text()).count('href="/records/')
    assert list(counts.values()) == [1, 0], "and not to what went the other way"


async def test_the_overview_counts_whole_hours_and_puts_what_is_dated_ahead_into_the_newest(place: Place) -> None:
    reading = place.console.reading
    (decided,) = reading.db.search(Query(form="decision")).lines
    for at, hour in ((decided.at, -1), (decided.at + 23 * HOUR, 0), (decided.at - 1 * HOUR, -1)):
        counted = reading.counted(at)
        assert counted.start % HOUR == 0 and len(counted.hours) == HOURS == 24
        assert counted.hours[hour].permitted == 1 and sum(h.all for h in counted.hours) == 1
        assert {rule: hours[hour].permitted for rule, hours in counted.rules} == dict.fromkeys(decided.rules, 1)
        ((sender, recipient, flow),) = counted.flows
        assert (sender, reading.bundle.directory.contact(decided.recipient).agency) == (decided.agency, recipient)
        assert (flow.permitted, flow.refused) == (1, 0)
    assert reading.counted(decided.at + 24 * HOUR).flows == []


async def test_what_somebody_owes_stands_among_the_tasks_and_a_part_says_that_it_is_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await place.browser() as browser:
        async with browser.get("/tasks") as answer:
            text = await answer.text()
        for empty in ("Nobody owes a word", "has been followed by an answer", "No recipient has rejected"):
            assert empty in text
        (decided,) = place.console.reading.db.search(Query(form="decision")).lines
        about: dict[str, Any] = {"recipient": decided.recipient, "subject": bytes.fromhex(decided.subject)}
        recall = act(RECALL_ORDERED, agency=decided.agency, outcome="recalled", **about)
        rejected = act(VIEW_ACKNOWLEDGED, agency=decided.agency, outcome="rejected", ground="mislabelled", **about)
        owed = Owed([order(recipient=decided.recipient)] * 101, [recall], [decided], [rejected])

        async def found(_: Reading) -> Owed:
            return owed

        monkeypatch.setattr(Reading, "owed", found)
        async with browser.get("/tasks") as answer:
            text = await answer.text()
        assert text.count("consent withdrawn") == 100 and "The first 100 of 101." in text
        assert "recalled" in text and "mislabelled" in text and text.count(INSPECTORS) >= 103
        assert text.count(f"/decisions?message={decided.subject}") == 2 and f"/records/{decided.index}" in text
        async with browser.get(f"/decisions?message={decided.subject}") as answer:
            assert (await answer.text()).count('href="/records/') >= 2


async def test_what_adapters_raised_and_what_officers_hold_stands_where_officers_look(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact, officer = place.force.contact(INSPECTORS), place.broker.home.bundle.directory.officers[0]
    (decided,) = place.console.reading.db.search(Query(form="decision")).lines
    one: dict[str, Any] = {"agency": contact.agency, "contact": contact.handle, "times": 2, "index": decided.index}
    stands = [Stands(what="log-differs", first=decided.at, last=decided.at + HOUR, **one)] * 101
    ends = decided.at + 1000 * HOUR
    hold = Hold(
        index=7, at=decided.at, first=decided.index, until=decided.index + 2, ends=ends, officer=officer.handle,
        ground="court-order", digest=bytes(range(32)),
    )  # fmt: skip

    async def raised(_: Reading) -> list[Stands]:
        return stands

    async def holds(_: Reading) -> list[Hold]:
        return [hold]

    async with await place.browser() as browser:
        texts = {}
        for patched in (False, True):
            if patched:
                monkeypatch.setattr(Reading, "raised", raised)
                monkeypatch.setattr(Reading, "holds", holds)
            for path in ("/log", "/tasks", f"/records/{decided.index}"):
                async with browser.get(path) as answer:
                    assert answer.status == 200
                    texts[path, patched] = await answer.text()
    assert all("No adapter has raised an alarm" in texts[path, False] for path in ("/log", "/tasks"))
    assert "No record is held" in texts["/tasks", False] and "court-order" not in texts[path, False]
    for path in ("/log", "/tasks"):
        assert texts[path, True].count("log-differs") == 100 and "The first 100 of 101." in texts[path, True]
        assert INSPECTORS in texts[path, True]
    assert hold.id in texts["/tasks", True] and "court-order" in texts["/tasks", True]
    assert "Held back from expiry" in texts[f"/records/{decided.index}", True]
