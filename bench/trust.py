"""What one changed contact costs broker and adapters, in a task force of a thousand agencies: figures of trust.

A ring of agencies: each has an agreement with the next `reach` on either side, and agency 0, the hub, with all. Every
agency has `contacts` contacts with a login, a mandate and an encryption key that it really stated. For each change one
contact is granted another mandate, two officers sign the new epoch, and it is published; what is measured is the CPU
(user and system, all threads) of the running broker until it decides under the new epoch, and of an adapter's
refresh, each a process of its own and connected by TLS, as `safeconduct up` and `safeconduct run` have them.

A second task force has as many agencies in a ring without a hub, each with an agreement with the next: what a broker's
load costs with an agreement for each agency.

    python -m bench.trust '{"role": "broker" | "adapter" | "load", "folder": …}'     what runs in those processes
"""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, ClassVar, Final
from unittest import mock

import uvloop
from nacl.signing import SigningKey

from adapters.client import offline
from adapters.home import clock, read_trust
from bench.figures import Figure, Target, resident
from broker.service import BrokerHome, serving
from cli import enrol
from cli.common import quiet_logs, service_logs, settled
from cli.enrol import Sealing
from cli.practice import edition_files
from keys import certificates, content, keystore, publishing, statements, tls
from keys.certificates import Kind as TlsKind
from keys.content import Content, Share
from keys.domains import KeyKind
from keys.metadata import new_root, sign
from keys.nkey import new_nkey
from keys.repository import Repository, State
from keys.sealing import DecryptionKey
from keys.signing import Signer
from keys.updating import HttpFetcher, install_root
from messages import ids
from messages.directory import Agency, Contact, Mandate, Officer
from messages.ids import AgencyHandle, OfficerHandle
from messages.labels import CrimeArea, Keeping, PartyClass
from messages.limits import DAY

ROOT: Final = Path(__file__).resolve().parent.parent
PATIENCE: Final = 1800.0
COST: Final = keystore.Cost(1, keystore.MIN_MEMORY)
ROUNDS: Final = 3
HUB, LINKED, CHANGED = 0, 2, 3
"""Places in the ring: the hub, the agency whose adapter is measured, and the one whose contact changes."""
AGREEMENT: Final = """\
id: {id}
title: {one} and {other}, exchange of case intelligence
parties: [{one}, {other}]
valid:
  from: 2026-01-01
  until: 2035-12-31
purposes: [INVESTIGATE, PROSECUTE, PROTECT-VICTIM]
bases: [LED-8, LED-10]
areas: [THB-SEX, THB-LAB]
handling:
  max_tlp: RED
  h: [H0, H1, H2]
retention_days: 1825
exchange:
  - from: {one}
    to: {other}
    types: [A01, A02, A03, A05, A07, A13]
    media: [application/json]
    identity: [A01, A02, A03, A05, A07, A13]
    kinds: [INTEL-REPORT, ALERT, SPONTANEOUS-DISCLOSURE, RFI, RFI-RESPONSE]
  - from: {other}
    to: {one}
    types: [A01, A02, A03, A05, A07, A13]
    media: [application/json]
    kinds: [INTEL-REPORT, RFI, RFI-RESPONSE]
"""


# The task force


@dataclass(slots=True, kw_only=True)
class Force:
    """The officers' side: what they decided, what they published, and the folders of broker and measured adapters."""

    folder: Path
    content: Content
    shares: dict[AgencyHandle, Share]
    signers: tuple[Signer, ...]
    repository: Repository
    names: tuple[AgencyHandle, ...]

    def publish(self) -> State:
        """Sign and keep the next epoch; it reaches the broker by `carry`."""
        previous, now = self.repository.newest(), clock()
        unsigned = publishing.draft(
            self.content,
            self.shares,
            self.repository,
            previous,
            epoch=previous.epoch + 1 if previous else 1,
            root=1,
            now=now,
        )
        for signer in self.signers:
            publishing.add_signature(unsigned, self.content, signer, now)
        return publishing.store(unsigned, self.content, self.repository, ())

    def change(self) -> State:
        """Grant one contact of one agency a mandate in place of the one it had, and publish."""
        whose, newest = self.names[CHANGED % len(self.names)], self.repository.epochs()[-1]
        first, *others = self.content.contacts[whose]
        mandate = first.mandates[0].model_copy(update={"granted_in": newest + 1, "end": first.mandates[0].end + DAY})
        changed = first.model_copy(update={"mandates": (mandate,)})
        self.content = self.content.with_contacts(whose, (changed, *others))
        return self.publish()

    def carry(self, epoch: int) -> None:
        """Bring what was published to the broker: the epoch's own file last, by which it is noticed."""
        target = self.folder / "broker" / "trust" / "repository"
        for path in sorted(self.repository.folder.rglob("*")):
            place = target / path.relative_to(self.repository.folder)
            if path.is_dir():
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
            elif path.parent.name != "epoch" and not place.exists():
                os.link(path, place)
        os.link(self.repository.folder / "epoch" / f"{epoch}.json", target / "epoch" / f"{epoch}.json")


def make(folder: Path, agencies: int, contacts: int, reach: int, *, hub: bool = True) -> Force:
    """A task force of so many agencies with so many contacts each, at its first epoch; `hub`: one is in the middle."""
    now = clock()
    passphrase = secrets.token_urlsafe(24)
    folder.mkdir(mode=0o700, parents=True)
    (folder / "passphrase").touch(mode=0o600)
    (folder / "passphrase").write_text(passphrase)
    sealing = Sealing(passphrase, COST, practice=True)
    officers = tuple(_signer(KeyKind.OFFICER, "o") for _ in range(3))
    granted = tuple(OfficerHandle(o.handle) for o in officers[:2])
    holders = tuple(_signer(KeyKind.ROOT, "o") for _ in range(3))
    broker = enrol.make_operator(
        folder / "broker", name="operator", now=now, sealing=sealing, settings={"tls": True}, start=now - DAY
    ).broker()
    root = new_root([h.public for h in holders], [o.public for o in officers], [broker.key], now)
    for holder in holders[:2]:
        sign(root, holder)
    members, listed = [], {}
    for number in range(agencies):
        name = ring_name(number)
        agency = _with_folder(folder / name, name, now, sealing) if number in (HUB, LINKED) else _agency(name, now)
        own = [_contact(agency, f"desk-{n}", granted, now) for n in range(contacts - (number in (HUB, LINKED)))]
        if number in (HUB, LINKED):
            asked = enrol.make_contact(
                folder / name, agency=agency, name="desk", title="Desk", keeping=Keeping.PERSON, now=now,
                sealing=sealing,
            ).contact()  # fmt: skip
            own.append(asked.model_copy(update={"mandates": (_mandate(granted, now),)}))
        members.append(agency)
        listed[agency.handle] = tuple(own)
    pairs = _pairs(agencies, reach, hub=hub)
    agreements = {f"{_title(*pair)}.yaml": _agreement(*pair) for pair in sorted(pairs)}
    files = edition_files()
    decided = Content(
        operator=broker.operator,
        officers=tuple(_officer(o) for o in officers),
        agencies={a.handle: a for a in members},
        contacts=listed,
        agreements=agreements,
        rules=files[content.RULES],
        catalogue=files[content.CATALOGUE],
    )
    repository = Repository(folder / "officers" / "repository")
    repository.add_root(1, root.to_bytes())
    for home in (folder / "broker", folder / ring_name(HUB), folder / ring_name(LINKED)):
        install_root(home / "trust", root.to_bytes())
    _tls(folder, passphrase, members, now)
    force = Force(
        folder=folder,
        content=decided,
        shares=_shares([a.handle for a in members], pairs),
        signers=officers[:2],
        repository=repository,
        names=tuple(a.handle for a in members),
    )
    force.carry(force.publish().epoch)
    return force


def ring_name(number: int) -> str:
    """Of the agency at this place of the ring."""
    return f"agency-{number:04}"


def _signer(kind: KeyKind, letter: str) -> Signer:
    return Signer(kind, enrol.handle(letter), secrets.token_bytes(32))


def _officer(signer: Signer) -> Officer:
    return Officer(handle=OfficerHandle(signer.handle), title="Officer", key=signer.public, start=0, end=2**52)


def _agency(name: str, now: int) -> Agency:
    return Agency(
        handle=ids.agency_handle(enrol.handle("a")),
        name=name,
        title=f"The agency called {name}",
        party_class=PartyClass.POL,
        country="PL",
        nkey=new_nkey()[1],
        head=_officer(_signer(KeyKind.HEAD, "o")),
    )


def _with_folder(home: Path, name: str, now: int, sealing: Sealing) -> Agency:
    return enrol.make_agency(
        home, name=name, title=f"The agency called {name}", party_class=PartyClass.POL, country="PL", now=now,
        sealing=sealing, head_title="Head", settings={"broker": "../broker"},
    ).agency()  # fmt: skip


def _mandate(granted: tuple[OfficerHandle, ...], now: int) -> Mandate:
    return Mandate(
        start=now - DAY,
        end=now + 365 * DAY,
        areas=frozenset({CrimeArea.SEX, CrimeArea.LAB}),
        types=frozenset({"A01", "A02", "A05"}),
        may_send=True,
        may_receive=True,
        granted_by=granted,
        granted_in=1,
    )


def _contact(agency: Agency, name: str, granted: tuple[OfficerHandle, ...], now: int) -> Contact:
    signer, key = _signer(KeyKind.CONTACT, "c"), DecryptionKey(secrets.token_bytes(96))
    return Contact(
        handle=ids.contact_handle(signer.handle),
        name=name,
        title=f"{name} of {agency.name}",
        agency=agency.handle,
        signing_key=signer.public,
        keeping=Keeping.PERSON,
        mandates=(_mandate(granted, now),),
        statements=(statements.make(signer, key, 1, now - DAY, now + 20 * DAY),),
        nkey=new_nkey()[1],
    )


def _pairs(agencies: int, reach: int, *, hub: bool = True) -> set[tuple[int, int]]:
    """Who has an agreement with whom."""
    found = {(HUB, n) for n in range(agencies) if n != HUB} if hub else set()
    for one in range(agencies):
        for other in ((one + distance) % agencies for distance in range(1, reach + 1)):
            if other != one:
                found.add((min(one, other), max(one, other)))
    return found


def _title(one: int, other: int) -> str:
    return f"AGR-{one:04}-{other:04}"


def _agreement(one: int, other: int) -> str:
    return AGREEMENT.format(id=_title(one, other), one=ring_name(one), other=ring_name(other))


def _shares(names: list[AgencyHandle], pairs: set[tuple[int, int]]) -> dict[AgencyHandle, Share]:
    """What `policies.extracts.shares` finds from the agreements, without reading their texts once more."""
    seen, held = {h: {h} for h in names}, {h: set[str]() for h in names}
    for pair in pairs:
        for place in pair:
            seen[names[place]] |= {names[p] for p in pair}
            held[names[place]].add(f"{_title(*pair)}.yaml")
    return {h: Share(frozenset(seen[h]), frozenset(held[h])) for h in names}


def _tls(folder: Path, passphrase: str, members: list[Agency], now: int) -> None:
    authority = tls.make_authority(folder / "officers" / "tls", "operator authority", passphrase, now, cost=COST)
    machines: list[tuple[str, TlsKind, tuple[str, ...], str | None]] = [
        ("broker", TlsKind.NODE, ("localhost", "127.0.0.1"), None),
        *((ring_name(n), TlsKind.CLIENT, (), members[n].handle) for n in (HUB, LINKED)),
    ]
    for name, kind, hosts, whose in machines:
        files = tls.Files(folder / name / "tls")
        certificate = certificates.issue(authority, tls.ask(files, kind, hosts=hosts, handle=whose), now)
        tls.install(files, certificate, authority.certificate, now)


# What runs in processes of their own


@dataclass(slots=True)
class Traffic:
    """What this process asked for and got."""

    requests: int = 0
    bytes: int = 0


class Counting(HttpFetcher):
    """The fetcher of trust bundles, counted for the whole process."""

    traffic: ClassVar[Traffic] = Traffic()

    def _fetch(self, url: str) -> Iterator[bytes]:
        self.traffic.requests += 1
        for chunk in super()._fetch(url):
            self.traffic.bytes += len(chunk)
            yield chunk


@contextmanager
def counted() -> Iterator[Traffic]:
    """Count what is fetched while the block runs."""
    Counting.traffic = Traffic()
    with mock.patch("adapters.trust.HttpFetcher", Counting):
        yield Counting.traffic


def say(**values: Any) -> None:
    """Answer the parent, with the CPU time of this process until now."""
    print(json.dumps({"cpu": time.process_time(), **values}), flush=True)


async def orders() -> AsyncIterator[dict[str, Any]]:
    """What the parent asks, until it closes the line."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        yield json.loads(line)


async def broker(job: dict[str, Any]) -> None:
    """A broker as `safeconduct up` runs it; it answers when an epoch was taken over."""
    service_logs()
    folder = Path(job["folder"])
    passphrase = (folder / "passphrase").read_text()
    before, cpu = resident(), time.process_time()
    home = BrokerHome.open(folder / "broker", passphrase)
    say(load=time.process_time() - cpu, memory=resident() - before)
    cpu, start = time.process_time(), time.perf_counter()
    async with serving(home) as running:
        settled()
        say(begin=time.process_time() - cpu, seconds=time.perf_counter() - start)
        async for order in orders():
            while home.bundle.epoch < order.get("epoch", 0) or running.worker.world.bundle is not home.bundle:
                await running.taken.wait()
            say(epoch=running.worker.world.bundle.epoch, memory=resident())


async def load(job: dict[str, Any]) -> None:
    """A broker's load and no more: from nothing to the world that it decides by."""
    folder = Path(job["folder"])
    passphrase = (folder / "passphrase").read_text()
    before, cpu = resident(), time.process_time()
    home = BrokerHome.open(folder / "broker", passphrase)
    say(load=time.process_time() - cpu, memory=resident() - before, agreements=len(home.bundle.agreements))


async def adapter(job: dict[str, Any]) -> None:
    """An adapter: the first fetch if there was none, then each refresh that the parent asks for."""
    folder = Path(job["folder"])
    passphrase = (folder.parent / "passphrase").read_text()
    if job.get("first"):
        seed = keystore.secret(keystore.read(folder / enrol.ADAPTER_KEY, passphrase), "nkey")
        with counted() as traffic:
            cpu = time.process_time()
            read_trust(folder).refresh(seed, clock)
            say(fetch=time.process_time() - cpu, requests=traffic.requests, bytes=traffic.bytes)
        return
    before, cpu = resident(), time.process_time()
    kept = read_trust(folder).load()
    say(load=time.process_time() - cpu, memory=resident() - before, contacts=len(kept.directory.contacts))
    del kept
    async with offline(folder, "desk", passphrase) as client:
        settled()
        say()
        async for _ in orders():
            with counted() as traffic:
                cpu = time.process_time()
                changed = await client.refresh()
                spent = time.process_time() - cpu
            say(
                refresh=spent,
                changed=changed,
                epoch=client.home.bundle.epoch,
                requests=traffic.requests,
                bytes=traffic.bytes,
            )


ROLES: Final[Mapping[str, Callable[[dict[str, Any]], Any]]] = {"broker": broker, "adapter": adapter, "load": load}


class Child:
    """One of those processes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def answer(self) -> dict[str, Any]:
        """The next thing it says."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a measured process ended early (exit code {await self._process.wait()})")
        found: dict[str, Any] = json.loads(line)
        return found

    async def ask(self, **order: Any) -> dict[str, Any]:
        """Ask for something, and its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return await self.answer()

    async def end(self) -> None:
        """Let it finish, and see it out."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._process.wait()
        finally:
            if self._process.returncode is None:
                self._process.kill()


@asynccontextmanager
async def child(errors: Path, **job: Any) -> AsyncIterator[Child]:
    """Start one process, and see it out; what it logs goes to `errors`."""
    with errors.open("ab") as sink:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.trust",
            json.dumps(job),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sink,
            cwd=ROOT,
        )
    started = Child(process)
    try:
        yield started
    finally:
        await started.end()


# Measuring


def flat(folder: Path, data: bytes, rounds: int) -> float:
    """Seconds of CPU to read one file of everything under one Ed25519 signature, verify it, and parse its JSON.

    The median; no model, no mandate and no date is checked, and nobody sees which part of it changed.
    """
    key, path, found = SigningKey.generate(), folder / "flat.json", []
    path.write_bytes(key.sign(data))
    for _ in range(rounds):
        cpu = time.process_time()
        json.loads(key.verify_key.verify(path.read_bytes()))
        found.append(time.process_time() - cpu)
    return median(found)


def _flat(decided: Content, share: Share) -> bytes:
    """What an extract holds, as one JSON text."""
    files = content.files(decided)
    names = {f"{content.AGREEMENT}{name}" for name in share.agreements}
    names |= {f"{kind}{h}.json" for h in share.agencies for kind in (content.AGENCY, content.CONTACTS)}
    names |= set(content.common_files(decided))
    return json.dumps({name: files[name].decode() for name in sorted(names)}).encode()


def _size(folder: Path) -> float:
    """Megabytes of the files under a folder."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6


async def _measured(force: Force, errors: Path, changes: int, step: Callable[[str], None]) -> dict[str, Any]:
    """Everything that the processes say, by name; what is measured once for each change as a list."""
    names = {"linked": force.folder / ring_name(LINKED), "hub": force.folder / ring_name(HUB)}
    found: dict[str, Any] = {"take": [], "serve": [], "idle": []}
    async with AsyncExitStack() as stack:

        async def started(**job: Any) -> Child:
            return await stack.enter_async_context(child(errors, **job))

        step("the broker's first load")
        running = await started(role="broker", folder=str(force.folder))
        found["broker"] = await running.answer()
        found["begin"] = await running.answer()
        adapters = {}
        for name, folder in names.items():
            step("an adapter's first fetch")
            async with child(errors, role="adapter", folder=str(folder), first=True) as first:
                found[f"{name}-first"] = await first.answer()
            found[f"{name}-disk"] = _size(folder / "trust")
            adapters[name] = await started(role="adapter", folder=str(folder))
            found[f"{name}-load"] = await adapters[name].answer()
            await adapters[name].answer()
            found[name] = []
            found[f"{name}-idle"] = []
        for _ in range(changes):
            step("one contact changes")
            epoch = (await asyncio.to_thread(force.change)).epoch
            before = await running.ask()
            await asyncio.sleep(1.0)
            idle = await running.ask()
            found["idle"].append(idle["cpu"] - before["cpu"])
            await asyncio.to_thread(force.carry, epoch)
            taken = await running.ask(epoch=epoch)
            found["take"].append(taken["cpu"] - idle["cpu"])
            for name, one in adapters.items():
                start = (await running.ask())["cpu"]
                refreshed = await one.ask()
                if refreshed["epoch"] != epoch or not refreshed["changed"]:
                    raise AssertionError("an adapter refreshed and was given no newer epoch")
                found[name].append(refreshed)
                if name == "linked":
                    found["serve"].append((await running.ask())["cpu"] - start)
                found[f"{name}-idle"].append(await one.ask())
        found["memory"] = (await running.ask())["memory"]
    return found


async def _loaded(force: Force, errors: Path, rounds: int) -> list[dict[str, Any]]:
    """What a broker says that does no more than load, each time in a process of its own."""
    found = []
    for _ in range(rounds):
        async with child(errors, role="load", folder=str(force.folder)) as one:
            found.append(await one.answer())
    return found


def loading(folder: Path, sizes: Mapping[str, int], step: Callable[[str], None]) -> list[Figure]:
    """What a broker's load costs where agreements are as many as agencies."""
    agencies = sizes["agencies"]
    step(f"making a task force of {agencies} agencies with as many agreements")
    force = make(folder, agencies, sizes["contacts"], 1, hub=False)
    step("its broker's load")
    found = uvloop.run(_loaded(force, folder / "stderr", ROUNDS))
    cpu, memory = (median(row[field] for row in found) for field in ("load", "memory"))
    what = f"{agencies:,} agencies, {agencies * sizes['contacts']:,} contacts, {found[0]['agreements']:,} agreements"
    return [
        Figure("bundle-load", f"{what}: load, CPU", cpu, "s", Target("<=", 2)),
        Figure("bundle-load-memory", "memory of that", memory, "MB", Target("<=", 200)),
    ]


def figures(folder: Path, sizes: Mapping[str, int], step: Callable[[str], None]) -> list[Figure]:
    """All figures of trust. `sizes`: agencies, contacts, reach, changes."""
    return [*_refreshing(folder / "force", sizes, step), *loading(folder / "even", sizes, step)]


def _refreshing(folder: Path, sizes: Mapping[str, int], step: Callable[[str], None]) -> list[Figure]:
    force = make(folder, sizes["agencies"], sizes["contacts"], sizes["reach"])
    found = uvloop.run(_measured(force, folder / "stderr", sizes["changes"], step))
    everything = Share(frozenset(force.content.agencies), frozenset(force.content.agreements))
    linked = force.names[LINKED]
    whole = flat(folder, _flat(force.content, everything), sizes["changes"]) * 1e3
    part = flat(folder, _flat(force.content, force.shares[linked]), sizes["changes"]) * 1e3
    take, serve = median(found["take"]) * 1e3, median(found["serve"]) * 1e3

    def of(name: str, field: str) -> float:
        return float(median(row[field] for row in found[name]))

    def refreshed(name: str) -> float:
        return of(name, "refresh") * 1e3

    partners = len(force.shares[linked].agencies) - 1
    return [
        Figure("trust-take", "one contact changed: broker, CPU", take, "ms", Target("<=", 50)),
        Figure("trust-take-worst", "the same, the worst of all", max(found["take"]) * 1e3, "ms"),
        Figure("trust-serve", "broker, CPU to serve one adapter's refresh", serve, "ms"),
        Figure("trust-idle", "broker with nothing to do, CPU", median(found["idle"]) * 1e3, "ms/s"),
        Figure("trust-flat", "one flat signed file: verify and parse", whole, "ms"),
        Figure("trust-take-ratio", "broker : one flat signed file", take / whole, "x"),
        Figure(
            "trust-refresh",
            f"one contact changed: adapter with {partners} partners, CPU",
            refreshed("linked"),
            "ms",
            Target("<=", 20),
        ),
        Figure(
            "trust-refresh-worst", "the same, the worst of all", max(r["refresh"] for r in found["linked"]) * 1e3, "ms"
        ),
        Figure("trust-refresh-requests", "requests of that refresh", of("linked", "requests"), "requests"),
        Figure("trust-refresh-bytes", "bytes that it fetched", of("linked", "bytes"), "bytes"),
        Figure("trust-unchanged", "refresh in which nothing changed, CPU", of("linked-idle", "refresh") * 1e3, "ms"),
        Figure("trust-flat-part", "one flat signed file of that extract", part, "ms"),
        Figure("trust-hub", "one contact changed: the hub's adapter, CPU", refreshed("hub"), "ms"),
        Figure("trust-hub-bytes", "bytes that it fetched", of("hub", "bytes"), "bytes"),
        Figure("trust-load", "broker, first load, CPU", found["broker"]["load"], "s"),
        Figure("trust-load-memory", "memory of that", found["broker"]["memory"], "MB"),
        Figure("trust-begin", "broker, from loaded to running, CPU", found["begin"]["begin"], "s"),
        Figure("trust-begin-seconds", "the same, by the clock", found["begin"]["seconds"], "s"),
        Figure("trust-memory", "broker's memory after all changes", found["memory"], "MB"),
        Figure("trust-disk", "the broker's bundle on disk", _size(folder / "broker" / "trust"), "MB"),
        Figure("trust-first", "adapter, first fetch, CPU", found["linked-first"]["fetch"], "s"),
        Figure("trust-first-requests", "requests of that fetch", found["linked-first"]["requests"], "requests"),
        Figure("trust-first-bytes", "bytes that it fetched", found["linked-first"]["bytes"], "bytes"),
        Figure("trust-adapter-load", "adapter, load from disk, CPU", found["linked-load"]["load"], "s"),
        Figure("trust-adapter-memory", "memory of that", found["linked-load"]["memory"], "MB"),
        Figure("trust-adapter-disk", "the adapter's extract on disk", found["linked-disk"], "MB"),
        Figure("trust-hub-first", "the hub's adapter, first fetch, CPU", found["hub-first"]["fetch"], "s"),
        Figure("trust-hub-load", "the hub's adapter, load from disk, CPU", found["hub-load"]["load"], "s"),
        Figure("trust-hub-memory", "memory of that", found["hub-load"]["memory"], "MB"),
    ]


def main() -> None:
    """One process's job, as JSON in the first argument."""
    job = json.loads(sys.argv[1])
    quiet_logs()
    uvloop.run(ROLES[job["role"]](job))


if __name__ == "__main__":
    main()
