"""The trust endpoint over real HTTP on the loopback: who is served what, and what everybody else hears."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from structlog.testing import capture_logs
from yarl import URL

from broker.bundles import BrokerTrust
from broker.http import Endpoint, listening
from keys import certificates, decisions, tls
from keys.certificates import Kind
from keys.epochs import epoch_leaf
from keys.metadata import Audience, Snapshot, Targets, parse
from keys.nkey import REQUEST_WINDOW, new_nkey, sign_request
from keys.updating import HttpFetcher, TrustCopy, install_root
from messages.directory import Span
from messages.errors import BundleRefused, DependencyError
from messages.limits import HOUR
from tests.broker.test_bundles import AGENCIES, OPERATOR, Installed, install, nkey, seed, with_desk
from tests.keys import trust
from tests.keys.trust import COURT, FULL, POLICE, REFUGE, STRANGER, WHOLE
from tests.support.tampering import flipped

TIMESTAMP = "/trust/metadata/timestamp.json"
TOP = "/trust/metadata/1.targets.json"


@dataclass(frozen=True)
class Heard:
    """One answer, all of it but the moment at which it was given."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass
class Desk:
    """A running endpoint, the clock by which it judges, and somebody who asks."""

    trust: BrokerTrust
    installed: Installed
    endpoint: Endpoint
    client: aiohttp.ClientSession
    ahead: list[int] = field(default_factory=lambda: [0])

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint.url).netloc

    def signed(self, path: str, by: bytes, **changed: Any) -> str:
        return sign_request(by, **{"method": "GET", "host": self.host, "path": path, "now": trust.now(), **changed})

    async def ask(self, path: str = TIMESTAMP, header: str | None = None, method: str = "GET", **more: Any) -> Heard:
        headers = {**({"Authorization": header} if header is not None else {}), **more.pop("headers", {})}
        url = URL(f"http://{self.host}{path}", encoded=True)
        async with self.client.request(method, url, headers=headers, allow_redirects=False, **more) as answer:
            kept = tuple(sorted((k, v) for k, v in answer.headers.items() if k != "Date"))
            return Heard(answer.status, kept, await answer.read())

    async def fetch(self, path: str, by: bytes) -> Heard:
        return await self.ask(path, self.signed(path, by))


@asynccontextmanager
async def serving(installed: Installed) -> AsyncIterator[Desk]:
    ahead, found = [0], installed.open()
    async with (
        listening(found, lambda: trust.now() + ahead[0]) as endpoint,
        aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=["User-Agent"]) as client,
    ):
        yield Desk(found, installed, endpoint, client, ahead)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(tmp_path_factory.mktemp("first"))


@pytest.fixture
async def desk(first: Installed, tmp_path: Path) -> AsyncIterator[Desk]:
    async with serving(first.copied(tmp_path / "trust")) as found:
        yield found


def audience_of(top: Heard) -> object:
    assert top.status == 200
    return parse(top.body, Targets, "top").signed.unrecognized_fields["safeconduct"]["for"]


def authorize(by: bytes, method: str, host: str, path: str) -> str:
    return sign_request(by, method, host, path, trust.now())


# Who is served


async def test_whose_extract_it_is_follows_from_who_signed_the_request(desk: Desk) -> None:
    for agency in AGENCIES:
        assert audience_of(await desk.fetch(TOP, seed(agency))) == agency
        assert audience_of(await desk.fetch(TOP, seed(f"{agency}/desk"))) == agency
    assert audience_of(await desk.fetch(TOP, seed(OPERATOR))) == FULL
    assert desk.endpoint.refused == 0


async def test_an_adapter_takes_its_extract_over_http(desk: Desk, tmp_path: Path) -> None:
    for agency in (POLICE, STRANGER):
        folder = tmp_path / agency
        install_root(folder, desk.installed.force.root)
        copy = TrustCopy(folder, Audience(agency))
        fetcher = HttpFetcher(partial(authorize, seed(agency)))
        taken = await asyncio.to_thread(copy.refresh, desk.endpoint.url, fetcher)
        fetcher.close()
        assert taken.bundle.audience == agency
        leaf = epoch_leaf(taken.bundle.epoch, taken.bundle.digest)
        assert leaf == desk.trust.current.leaves[Audience(agency)]
        held = {a.handle for a in taken.bundle.directory.agencies}
        assert held == desk.installed.force.shares[agency].agencies


async def test_answers_are_not_kept_by_anybody_between(desk: Desk) -> None:
    heard = await desk.fetch(TIMESTAMP, seed(POLICE))
    told = dict(heard.headers)
    assert (told["Cache-Control"], told["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert told["Content-Type"] == "application/octet-stream"


# Who is refused


async def changed_by_officers(desk: Desk) -> None:
    """A contact is revoked and one suspended, an agency retires."""
    now, found = trust.now(), desk.installed.force.content
    found = decisions.revoke(found, found.contacts[POLICE][0], now)
    found = with_desk(found, COURT, suspended=(Span(start=now, end=now + HOUR),))
    hand = decisions.Hand(trust.OFFICERS[:2], 2, now)
    desk.installed.force.publish(decisions.retire_agency(found, found.agencies[REFUGE], hand))
    assert desk.trust.look() is not None


def broken(header: str) -> str:
    """The same with another signature, spelled as signatures are."""
    asked, _, signature = header.rpartition(".")
    return f"{asked}.{base64.urlsafe_b64encode(flipped(base64.urlsafe_b64decode(signature))).decode()}"


Attempt = Callable[[Desk], dict[str, Any]]
REFUSED: dict[str, Attempt] = {
    "nothing": lambda d: {},
    "an empty header": lambda d: {"header": ""},
    "another scheme": lambda d: {"header": "Bearer " + d.signed(TIMESTAMP, seed(POLICE)).partition(" ")[2]},
    "a key that nobody has": lambda d: {"header": d.signed(TIMESTAMP, new_nkey()[0])},
    "another's name over one's own signature": lambda d: {
        "header": d.signed(TIMESTAMP, seed(POLICE)).replace(nkey(POLICE), nkey(COURT))
    },
    "a revoked contact": lambda d: {"header": d.signed(TIMESTAMP, seed(f"{POLICE}/desk"))},
    "a suspended contact": lambda d: {"header": d.signed(TIMESTAMP, seed(f"{COURT}/desk"))},
    "an agency that has retired": lambda d: {"header": d.signed(TIMESTAMP, seed(REFUGE))},
    "its contact": lambda d: {"header": d.signed(TIMESTAMP, seed(f"{REFUGE}/desk"))},
    "another host": lambda d: {"header": d.signed(TIMESTAMP, seed(POLICE), host="elsewhere:1")},
    "another path": lambda d: {"header": d.signed(TOP, seed(POLICE))},
    "a query besides": lambda d: {"path": TIMESTAMP + "?x", "header": d.signed(TIMESTAMP, seed(POLICE))},
    "another method signed": lambda d: {"header": d.signed(TIMESTAMP, seed(POLICE), method="POST")},
    "too late": lambda d: {"header": d.signed(TIMESTAMP, seed(POLICE), now=trust.now() - REQUEST_WINDOW - 5_000)},
    "too early": lambda d: {"header": d.signed(TIMESTAMP, seed(POLICE), now=trust.now() + REQUEST_WINDOW + 5_000)},
    "a broken signature": lambda d: {"header": broken(d.signed(TIMESTAMP, seed(POLICE)))},
    "two headers": lambda d: {"headers": {"authorization": "x"}, "header": d.signed(TIMESTAMP, seed("operator"))[:-9]},
    "a path that is none": lambda d: {"path": "/", "header": None},
    "a file that is none": lambda d: {"path": "/trust/metadata/9.targets.json"},
    "a long path": lambda d: {"path": "/trust/" + "x" * 4_000},
    "another method": lambda d: {"method": "POST", "header": d.signed(TIMESTAMP, seed(POLICE))},
    "another method, signed as such": lambda d: {
        "method": "PUT",
        "header": d.signed(TIMESTAMP, seed(POLICE), method="PUT"),
    },
    "deletion": lambda d: {"method": "DELETE", "header": d.signed(TIMESTAMP, seed(OPERATOR), method="DELETE")},
    "a body": lambda d: {"data": b"x" * 1_000},
    "a large body": lambda d: {"data": b"x" * 1_000_000},
}


async def test_whoever_is_not_served_hears_the_same_whoever_it_is_and_whatever_it_asks(desk: Desk) -> None:
    await changed_by_officers(desk)
    heard = {}
    for what, attempt in REFUSED.items():
        heard[what] = await desk.ask(**attempt(desk))
    plain = heard["nothing"]
    assert (plain.status, plain.body) == (403, b"Refused.\n")
    assert {what: one for what, one in heard.items() if one != plain} == {}
    assert desk.endpoint.refused == len(REFUSED)
    assert "Python" not in str(plain.headers) and "aiohttp" not in str(plain.headers)
    for whose in (POLICE, COURT, STRANGER, OPERATOR):  # the others go on
        assert (await desk.fetch(TIMESTAMP, seed(whose))).status == 200


async def test_whoever_has_no_head_for_the_body_is_refused_as_well(desk: Desk) -> None:
    assert (await desk.ask(method="HEAD", header=desk.signed(TIMESTAMP, seed(POLICE)))).status == 403


async def test_a_request_that_is_repeated_after_its_minute_is_refused(desk: Desk) -> None:
    header = desk.signed(TIMESTAMP, seed(POLICE))
    assert (await desk.ask(header=header)).status == 200
    desk.ahead[0] = REQUEST_WINDOW - 5_000
    assert (await desk.ask(header=header)).status == 200  # it only reads, and only the signer's own
    desk.ahead[0] = REQUEST_WINDOW + 1_000
    assert (await desk.ask(header=header)).status == 403


async def test_a_revocation_counts_from_the_next_request_on(desk: Desk) -> None:
    path, by = TIMESTAMP, seed(f"{POLICE}/desk")
    assert (await desk.fetch(path, by)).status == 200
    desk.installed.force.publish(
        decisions.revoke(desk.installed.force.content, desk.installed.force.content.contacts[POLICE][0], trust.now())
    )
    assert desk.trust.look() is not None
    assert (await desk.fetch(path, by)).status == 403  # on the very same connection
    assert (await desk.fetch(path, seed(POLICE))).status == 200


async def test_a_new_epoch_is_served_from_the_next_request_on(desk: Desk) -> None:
    before = (await desk.fetch(TIMESTAMP, seed(POLICE))).body
    desk.installed.publish()
    assert (await desk.fetch(TIMESTAMP, seed(POLICE))).body == before  # until the broker has looked
    desk.trust.look()
    assert (await desk.fetch(TIMESTAMP, seed(POLICE))).body != before
    extract = desk.trust.extracts.extract(Audience(POLICE))
    assert extract is not None
    number = desk.trust.extracts.snapshot_version(extract, trust.now())
    snapshot = parse((await desk.fetch(f"/trust/metadata/{number}.snapshot.json", seed(POLICE))).body, Snapshot, "")
    assert snapshot.signed.unrecognized_fields["safeconduct"]["epoch"] == 2


# What is not there


async def test_what_is_not_ones_own_is_not_there_like_what_nobody_has(desk: Desk) -> None:
    repository = desk.installed.force.repository
    files = sorted(p.name for p in (repository.folder / "file").iterdir())
    theirs = [f for f in files if desk.trust.answer(Audience(POLICE), f"targets/{f}.x", trust.now()) is None]
    assert theirs  # the stranger's, the refuge's, the console's
    whole = [desk.trust.answer(WHOLE, f"targets/{f}.x", trust.now()) for f in theirs]
    assert None not in whole
    paths = [f"targets/{f}.agency.json" for f in theirs]
    paths += [f"metadata/1.{STRANGER}.json", f"metadata/1.{REFUGE}.json", f"top/{STRANGER}/1.json", "epoch/1.json"]
    nobodys = ["targets/" + "0" * 64 + ".agency.json", "metadata/1.azzzzzzzzzzzz.json", "metadata/2.targets.json"]
    nobodys += [
        "metadata/1.FULL.json",
        "metadata/",
        "",
        "x",
        "../root.json",
        "targets/../../root.json",
        "%2e%2e/root.json",
    ]
    heard = {path: await desk.fetch(f"/trust/{path}", seed(POLICE)) for path in paths + nobodys}
    plain = heard[nobodys[0]]
    assert plain.status == 404
    assert {path for path, one in heard.items() if one != plain} == set()
    for path in (
        "/",
        "/trust",
        "/metadata/timestamp.json",
        "/x/metadata/timestamp.json",
        "/trust/trust/metadata/timestamp.json",
    ):
        assert (path, await desk.fetch(path, seed(POLICE))) == (path, plain)


async def test_where_a_part_is_missing_on_disk_it_is_tried_again_later(desk: Desk) -> None:
    """Not "there is nothing": an adapter would take that for an answer about the bundle."""
    for path in (desk.installed.folder / "repository" / "top").rglob("*.json"):
        path.unlink()
    desk.trust.extracts._tops.clear()  # as after a start
    heard = await desk.fetch(TIMESTAMP, seed(POLICE))
    assert (heard.status, heard.body) == (503, b"Try again later.\n")


# Any bytes


async def raw(port: int, data: bytes) -> bytes:
    """The first line of what the server says to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        async with asyncio.timeout(20):
            return await reader.readline()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_no_request_whatever_breaks_the_endpoint_or_gets_into_a_log(
    desk: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    random, port = Random(7), urlsplit(desk.endpoint.url).port
    assert port is not None
    pieces = [b"..", b"/", b"%00", b"%ff", b"%2f", b"\xc3\xa9", b"\xff", b"?", b"#", b"*", b"1.root.json", b"9" * 400]
    pieces += [b"metadata", b"targets", b"timestamp.json", b".", b"0", b"-1", b"1e9", "١".encode(), b"a" * 9_000, b"\t"]
    methods = [b"GET", b"GET", b"GET", b"HEAD", b"OPTIONS", b"CONNECT", b"TRACE", b"POST", b"get", b"BREW", b"G\x00"]
    others = [b"Expect: 100-continue", b"Expect: x", b"Host: \xff", b"Host:", b"Range: bytes=0-1", b"x" * 9_000]
    others += [b"Upgrade: websocket", b"Connection: upgrade", b"Transfer-Encoding: chunked", b"Content-Length: 5"]
    whole = TIMESTAMP.encode()
    statuses: set[bytes] = set()
    with capture_logs() as said:
        for number in range(400):
            path = b"/trust/" + b"".join(random.choices(pieces, k=random.randrange(5)))
            path = random.choice([path, path, path[6:], whole, b"http://x" + whole, b"*", b""])
            lines = [random.choice(methods) + b" " + path + b" HTTP/1." + random.choice([b"1", b"1", b"0", b"9"])]
            if random.random() < 0.8:
                lines.append(b"Host: " + desk.host.encode())
            if number % 2:
                signed = desk.signed(path.decode("latin-1"), seed(random.choice([POLICE, OPERATOR])))
                lines.append(b"Authorization: " + signed.encode())
            lines += random.choices(others, k=random.randrange(3))
            answer = await raw(port, b"\r\n".join([*lines, b"Connection: close", b"", b""]))
            statuses.add(answer[9:12])
            assert not answer[9:].startswith(b"5"), (lines, answer)
    assert {b"400", b"403", b"404", b"200"} <= statuses
    assert {tuple(line) for line in said} <= {("event", "log_level"), ("error", "event", "log_level")}
    assert {line["event"] for line in said} == {"refused", "unreadable"}
    assert capfd.readouterr() == ("", "")
    assert (await desk.fetch(TIMESTAMP, seed(POLICE))).status == 200


async def test_any_path_below_the_endpoint_signed_by_one_of_ours_is_answered(desk: Desk) -> None:
    random = Random(8)
    characters = "abz019./-_~%20%00%ff%2F"
    for _ in range(200):
        path = "/trust/" + "".join(
            random.choices(["metadata/", "targets/", *characters, "%2e", "%c3%a9"], k=random.randrange(40))
        )
        heard = await desk.fetch(path, seed(random.choice([POLICE, OPERATOR])))
        assert heard.status in (200, 403, 404), path


# Where it listens


async def test_without_tls_it_listens_on_this_machine_alone(first: Installed) -> None:
    found = first.open()
    for host in ("0.0.0.0", "::", "localhost", "192.0.2.1"):  # noqa: S104
        with pytest.raises(DependencyError, match="safeconduct tls"):
            async with listening(found, trust.now, host=host):
                raise AssertionError("it listens")


async def test_a_port_that_is_taken_is_one_sentence(desk: Desk) -> None:
    port = urlsplit(desk.endpoint.url).port
    assert port is not None
    with pytest.raises(DependencyError, match=f"cannot listen on 127.0.0.1:{port}"):
        async with listening(desk.trust, trust.now, port=port):
            raise AssertionError("it listens")


async def test_it_stops_with_its_block(first: Installed) -> None:
    async with serving(first) as found:
        port = urlsplit(found.endpoint.url).port
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", port)


def machine(folder: Path, authority: certificates.Authority, kind: Kind) -> tls.Files:
    files, now = tls.Files(folder), trust.now()
    if kind is Kind.CLIENT:
        asked = tls.ask(files, kind, handle=POLICE)
    else:
        asked = tls.ask(files, kind, hosts=("localhost", "127.0.0.1"))
    tls.install(files, certificates.issue(authority, asked, now), authority.certificate, now)
    return files


async def test_over_tls_it_listens_everywhere_and_both_sides_show_their_certificates(
    first: Installed, tmp_path: Path
) -> None:
    now = trust.now()
    ours, others = (certificates.new_authority(name, now) for name in ("Task force", "Somebody else"))
    server = tls.server_context(machine(tmp_path / "server", ours, Kind.SERVER), now)
    mine = tls.client_context(machine(tmp_path / "mine", ours, Kind.CLIENT), now)
    guest = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    guest.load_verify_locations(tmp_path / "mine" / "ca.pem")
    foreign = tls.client_context(machine(tmp_path / "foreign", others, Kind.CLIENT), now)
    async with listening(first.open(), trust.now, host="0.0.0.0", tls=server) as endpoint:  # noqa: S104
        url = URL(endpoint.url + "/metadata/timestamp.json")
        assert (url.scheme, url.host) == ("https", "127.0.0.1")  # where somebody on this machine finds it
        header = sign_request(seed(POLICE), "GET", url.authority, url.path, trust.now())
        async with aiohttp.ClientSession(headers={"Authorization": header}) as client:
            async with client.get(url, ssl=mine) as answer:
                assert answer.status == 200
            for context in (guest, foreign):
                with pytest.raises(aiohttp.ClientError):
                    await client.get(url, ssl=context)
            with pytest.raises(aiohttp.ClientError):
                await client.get(url.with_scheme("http"))
        assert endpoint.refused == 0


async def test_a_refused_adapter_keeps_its_bundle_and_says_that_it_was_refused(desk: Desk, tmp_path: Path) -> None:
    install_root(tmp_path / "copy", desk.installed.force.root)
    copy = TrustCopy(tmp_path / "copy", Audience(POLICE))
    fetcher = HttpFetcher(partial(authorize, new_nkey()[0]))
    with pytest.raises(BundleRefused) as refusal:
        await asyncio.to_thread(copy.refresh, desk.endpoint.url, fetcher)
    assert refusal.value.why == "refused"
    fetcher.close()
