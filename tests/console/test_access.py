"""Who is let in: a passkey of an account in force, once for each challenge, from this origin, for a while."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from broker.console.access import CHALLENGE, CODE, IDLE, KEPT, LONGEST, REFUSED, Access, Site, _Kept
from keys import accounts
from keys.content import files, from_files
from keys.decisions import Hand
from keys.differences import describe
from keys.fingerprints import fingerprint
from messages.directory import Account
from messages.errors import BadInput, Unverified
from messages.ids import OfficerHandle
from tests.keys import trust
from tests.support.passkey import PRESENT, Passkey

ORIGIN = "http://localhost:8480"
BROWSER = "Mozilla/5.0"


class Host:
    """A console's access with a clock that jumps."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000
        self.accounts: tuple[Account, ...] = ()
        self.access = Access(Site(ORIGIN), lambda: self.accounts, lambda: self.now)

    def enrolled(self, passkey: Passkey, title: str = "Auditor", role: str = "auditor") -> Account:
        code = self.access.invite("host")
        asked = self.access.register(code, title)
        raw = json.dumps({**asked, "credential": passkey.register(asked["options"])}).encode()
        account = self.access.registered(raw, code, title).model_copy(update={"role": role})
        self.accounts = (*self.accounts, account)
        return account

    def answered(self, passkey: Passkey, **changes: Any) -> bytes:
        asked = self.access.begin()
        credential = passkey.answer(asked["options"], **changes)
        return json.dumps({"challenge_id": asked["challenge_id"], "credential": credential}).encode()


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def passkey() -> Passkey:
    return Passkey(ORIGIN)


def test_a_registered_passkey_of_an_account_in_force_logs_in(host: Host, passkey: Passkey) -> None:
    account = host.enrolled(passkey)
    assert account.credential == passkey.id and account.title == "Auditor"
    found = host.access.finish(host.answered(passkey))
    assert found == account
    secret = host.access.admit(found, BROWSER)
    person = host.access.person(secret, BROWSER)
    assert person is not None and (person.officer, person.role, person.title) == (account.officer, "auditor", "Auditor")


def test_a_passkey_that_is_registered_opens_nothing_until_its_account_is_in_force(host: Host, passkey: Passkey) -> None:
    host.enrolled(passkey)
    host.accounts = ()
    with pytest.raises(Unverified):
        host.access.finish(host.answered(passkey))


def test_an_answer_that_is_replayed_is_refused(host: Host, passkey: Passkey) -> None:
    host.enrolled(passkey)
    passkey.count = -1  # it says 0 for ever, as synchronised passkeys do: no counter helps here
    raw = host.answered(passkey)
    host.access.finish(raw)
    with pytest.raises(Unverified):
        host.access.finish(raw)


REFUSALS: dict[str, Callable[[Host, Passkey], bytes]] = {
    "at another origin": lambda h, p: h.answered(p, origin="https://console.example"),
    "for another name": lambda h, p: h.answered(p, name="example.org"),
    "without looking who it is": lambda h, p: h.answered(p, flags=PRESENT),
    "of a registration": lambda h, p: h.answered(p, type_="webauthn.create"),
    "by another key": lambda h, p: h.answered(replace(p, key=Passkey(ORIGIN).key)),
    "by another passkey": lambda h, p: h.answered(Passkey(ORIGIN)),
    "by a clone that lags behind": lambda h, p: h.answered(replace(p, count=0)),
}


@pytest.mark.parametrize("how", REFUSALS)
def test_an_answer_is_refused_with_one_and_the_same_sentence(host: Host, passkey: Passkey, how: str) -> None:
    host.enrolled(passkey)
    passkey.count = 5
    host.access.finish(host.answered(passkey))
    with pytest.raises(Unverified) as raised:
        host.access.finish(REFUSALS[how](host, passkey))
    assert str(raised.value) == REFUSED


def test_a_challenge_is_answered_in_time_or_not_at_all(host: Host, passkey: Passkey) -> None:
    host.enrolled(passkey)
    raw = host.answered(passkey)
    host.now += CHALLENGE
    with pytest.raises(Unverified):
        host.access.finish(raw)


def test_whatever_bytes_are_sent_the_answer_is_a_refusal(host: Host, passkey: Passkey) -> None:
    host.enrolled(passkey)
    chance = random.Random(3)
    for n in range(400):
        raw = bytearray(host.answered(passkey))
        for _ in range(chance.randrange(1, 4)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        if n % 4 == 0:
            raw = raw[: chance.randrange(len(raw))]
        try:
            host.access.finish(bytes(raw))
        except Unverified:
            continue
    for value in ([], {}, {"challenge_id": 1}, {"challenge_id": "x", "credential": {}}, "x" * 20_000, None):
        with pytest.raises(Unverified):
            host.access.finish(json.dumps(value).encode())
    asked = host.access.begin()
    for odd in ({}, {"rawId": 1}, {"rawId": "é"}, {"rawId": "A" * 5000}, {"id": [], "rawId": [], "response": 7}):
        with pytest.raises(Unverified):
            host.access.finish(json.dumps({"challenge_id": asked["challenge_id"], "credential": odd}).encode())


def test_a_session_ends_by_itself_by_log_out_with_its_account_and_in_another_browser(
    host: Host, passkey: Passkey
) -> None:
    account = host.enrolled(passkey)

    def begun() -> str:
        return host.access.admit(account, BROWSER)

    secret = begun()
    for _ in range(3):
        host.now += IDLE - 1
        assert host.access.person(secret, BROWSER) is not None, "whoever works stays in"
    host.now += IDLE
    assert host.access.person(secret, BROWSER) is None and host.access.person(secret, BROWSER) is None
    secret, start = begun(), host.now
    while host.now < start + LONGEST - 1:
        assert host.access.person(secret, BROWSER) is not None
        host.now = min(host.now + IDLE - 1, start + LONGEST - 1)
    host.now += 1
    assert host.access.person(secret, BROWSER) is None, "and nobody stays for ever"
    secret = begun()
    assert host.access.person(secret, "another browser") is None
    assert host.access.person(secret, BROWSER) is None, "a stolen cookie ends the session"
    secret = begun()
    host.access.leave(secret)
    assert host.access.person(secret, BROWSER) is None
    secret = begun()
    host.accounts = (account.model_copy(update={"ended": host.now}),)
    assert host.access.person(secret, BROWSER) is None
    with pytest.raises(Unverified):
        host.access.finish(host.answered(passkey))
    assert host.access.person("", BROWSER) is None and host.access.person("guess", BROWSER) is None


def test_what_a_page_asks_by_itself_keeps_no_session_alive(host: Host, passkey: Passkey) -> None:
    secret = host.access.admit(host.enrolled(passkey), BROWSER)
    host.now += IDLE - 1
    assert host.access.person(secret, BROWSER, renews=False) is not None
    host.now += 1
    assert host.access.person(secret, BROWSER, renews=False) is None
    assert host.access.person(secret, BROWSER) is None


def test_a_code_registers_one_passkey_within_its_time(host: Host, passkey: Passkey) -> None:
    code = host.access.invite("host")
    asked = host.access.register(code, "Auditor")
    raw = json.dumps({**asked, "credential": passkey.register(asked["options"])}).encode()
    host.access.registered(raw, code, "Auditor")
    for late in (code, "no code", ""):
        with pytest.raises(BadInput):
            host.access.register(late, "Auditor")
    again = host.access.invite("host")
    asked = host.access.register(again, "Auditor")
    raw = json.dumps({**asked, "credential": passkey.register(asked["options"])}).encode()
    host.now += CODE
    with pytest.raises(Unverified):
        host.access.registered(raw, again, "Auditor")
    for title in ("", "  ", "x" * 81, "a\x1bb"):
        with pytest.raises(BadInput):
            host.access.register(host.access.invite("host"), title)


def test_a_title_that_no_request_may_have_makes_none_and_uses_nothing_up(host: Host, passkey: Passkey) -> None:
    code = host.access.invite("host")
    asked = host.access.register(code, "Auditor")
    raw = json.dumps({**asked, "credential": passkey.register(asked["options"])}).encode()
    for title in ("", "  ", "x" * 81, "a\x1bb", "\ud800"):
        with pytest.raises(BadInput, match="how the officers know you"):
            host.access.registered(raw, code, title)
    made = host.access.registered(raw, code, "  Auditor,  Coast Guard ")
    assert made.title == "Auditor, Coast Guard" and accounts.read_request(accounts.request(made)) == made


def test_whoever_asks_without_end_fills_no_memory() -> None:
    kept: _Kept[int] = _Kept()
    first = kept.put(0, 10)
    later = [kept.put(n, 10) for n in range(KEPT)]
    assert kept.look(first, 0) is None and kept.look(later[0], 0) == 0 and len(kept._kept) == KEPT
    assert not any(secret.encode() in key for secret in later for key in kept._kept)


def test_only_pages_of_ours_act_and_only_our_name_is_served() -> None:
    site = Site(ORIGIN)
    assert site.name == "localhost" and not site.secure and Site("https://a.example").secure
    assert site.may_act({"Origin": ORIGIN}) and site.may_act({"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"})
    for headers in (
        {}, {"Origin": "null"}, {"Origin": "http://localhost:8481"}, {"Origin": "https://localhost:8480"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"}, {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
    ):  # fmt: skip
        assert not site.may_act(headers)
    assert site.may_read("localhost:8480")
    assert not site.may_read("attacker.example:8480") and not site.may_read("127.0.0.1:8480")


# Accounts in the trust bundle


def asked_for(title: str = "Auditor, Coast Guard", letter: str = "a") -> Account:
    handle = OfficerHandle("o" + letter * 12)
    return Account(officer=handle, role="", title=title, credential=letter.encode() * 32, key=letter.encode() * 40)


def test_a_request_comes_back_from_its_file_and_nothing_else_is_one() -> None:
    data = accounts.request(asked_for())
    assert accounts.read_request(data) == asked_for()
    value = json.loads(data)
    for change in (
        {"v": 2}, {"role": "officer"}, {"officer": "c" + "a" * 12}, {"title": ""}, {"title": "a\nb"}, {"key": "é"},
        {"key": ""}, {"credential": "====" }, {"credential": "A" * 2000}, {"key": 7}, {"title": None},
    ):  # fmt: skip
        with pytest.raises(BadInput):
            accounts.read_request(json.dumps(value | change).encode())
    for junk in (b"", b"[]", b"{}", b"\xff", b"[" * 5000, data * 2, b" " * 9000):
        with pytest.raises(BadInput):
            accounts.read_request(junk)


def test_officers_add_and_end_accounts_and_read_what_they_sign() -> None:
    before = trust.decided()
    hand = Hand((), 8, 1_800_000_000_000)
    added = accounts.add(before, asked_for(), "auditor")
    (line,) = describe(before, added)
    digits = fingerprint(accounts.request(asked_for()))
    assert "role auditor" in line and digits in line, "the digits that were told over the telephone"
    for other in (asked_for("Other", "b").model_copy(update={"credential": b"c"}), asked_for(letter="b")):
        assert describe(before, accounts.add(before, other, "auditor")) != [line]
    ended = accounts.end(added, asked_for().title, hand)
    (said,) = describe(added, ended)
    assert "opens nothing" in said and ended.accounts[-1].ended == hand.at
    assert from_files(files(ended)).accounts == ended.accounts, "and they come back from the bundle's files"
    wrong: list[Callable[[], object]] = [
        lambda: accounts.add(before, asked_for(), "king"),
        lambda: accounts.add(added, asked_for(), "auditor"),
        lambda: accounts.add(added, asked_for("Other").model_copy(update={"officer": "o" + "c" * 12}), "auditor"),
        lambda: accounts.add(added, asked_for(letter="b"), "auditor"),
        lambda: accounts.end(ended, asked_for().title, hand),
        lambda: accounts.end(before, "nobody", hand),
    ]
    for doing in wrong:
        with pytest.raises(BadInput):
            doing()
