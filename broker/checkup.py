"""What `safeconduct doctor` looks at in a broker's folder, and on its bus.

The functions with facts as arguments are pure. `examine` gathers the facts: with the passphrase it connects to the
running server as a worker would, and only reads. It starts no server: where none runs, it says so.
"""

import asyncio
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from audit.checkpoint import Checkpoint, VerifierKey
from audit.checkpoint import verify as verify_head
from audit.errors import AuditError
from audit.tree import HASH_BYTES, Tree, leaf_hash
from broker.admit import WAITING
from broker.service import KEY_FILE, BrokerHome
from bus import subjects
from bus.connection import Connection, connected
from bus.store import Refused, Store
from bus.subjects import StreamSpec
from keys import checkup
from keys.checkup import duration, many, say
from keys.metadata import FULL, Audience
from keys.unlocking import Passphrase
from keys.updating import TrustCopy
from messages.alarms import mail_box
from messages.directory import Bundle, Directory
from messages.errors import BadInput, DependencyError, ShareError
from messages.health import Finding, bad, good, refused, skipped, warn
from messages.ids import ContactHandle
from messages.limits import INCLUDE_BY, MINUTE
from policies.agreements import read_all

LATE: Final = MINUTE
"""Submissions and entries are worked on at once; one that is so old says that somebody is not working."""
MANY: Final = WAITING // 2
LEAST_SERVER: Final = (2, 12)  # the first with atomic batches
_NO_STREAM: Final = 10059
_BUS: Final = ("clock", "bus", "streams", "log")
OPERATOR: Final = "Do not go on: keep the folder as it is, tell the security officers, and compare with an export."


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFacts:
    """One stream as the server has it."""

    config: Mapping[str, object]
    messages: int
    behind: tuple[str, ...] = ()  # replicas that are offline or not current


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFacts:
    """What LOG, HEADS, RECORDS and the projection under HOME/log say of the log."""

    size: int  # leaves that LOG holds
    head: Checkpoint | None  # the newest, signed by the log's key
    root: bytes | None  # of the projection, at the head's size; None where the projection is shorter
    projected: int
    same_tail: bool  # whether LOG's leaf at the head's end is the projection's
    record: bool  # whether the newest leaf has its record


def stream(spec: StreamSpec, found: StreamFacts | None, home: Path) -> list[Finding]:
    """Whether a stream is there, as `bus.subjects` wants it, and whole."""
    what = f"stream {spec.name}"
    restart = f"Restart the broker, which mends it: {say('up', '--home', home)}"
    if found is None:
        return [bad(what, "It is not on the bus.", OPERATOR if spec is subjects.LOG else restart)]
    wanted = spec.request(1)
    wanted.pop("num_replicas")
    other = sorted(name for name, value in wanted.items() if _differs(found.config.get(name), value))
    findings = []
    if other:
        lasting = [name for name in other if name.startswith("deny_")]
        do = OPERATOR if lasting else restart
        findings.append(bad(what, f"Its settings are not what they must be: {', '.join(other)}.", do))
    if found.behind:
        do = "Start the servers that are missing; with one more gone nothing is stored any more."
        findings.append(warn(what, f"Not all its copies are up to date: {', '.join(found.behind)}.", do))
    return findings


def _differs(have: object, want: object) -> bool:
    if isinstance(want, list) and isinstance(have, list):
        return sorted(map(str, have)) != sorted(map(str, want))
    return (have or 0) != (want or 0)  # the server leaves out what is false or nothing


def backlog(what: str, waiting: int, oldest: int | None, now: int, home: Path) -> Finding:
    """What waits to be worked on, and since when the oldest does."""
    age = 0 if oldest is None else now - oldest
    if age <= LATE:
        return good(what, f"{waiting} waiting." if waiting else "Nothing waits.")
    says = f"{waiting} wait, the oldest for {duration(age)}."
    do = f"Look for what the broker's log says (bus-trouble, fenced), then restart it: {say('up', '--home', home)}"
    return bad(what, says, do) if age > INCLUDE_BY else warn(what, says, do)


def log_head(facts: LogFacts) -> list[Finding]:
    """Whether head, log and projection are one."""
    head = facts.head
    if head is None:
        return [bad("log", "There is no head that the log's key signed.", OPERATOR)]
    if head.size > facts.size or facts.projected > facts.size:
        says = f"LOG holds {facts.size} leaves, and {max(head.size, facts.projected)} were signed for: leaves are lost."
        return [bad("log", says, OPERATOR)]
    if facts.root is None:
        says = f"The projection under HOME/log holds {facts.projected} of {head.size} leaves."
        return [warn("log", says, "It catches up when the broker starts; if it runs, another worker leads.")]
    if facts.root != head.root or not facts.same_tail:
        return [bad("log", "The signed head, LOG and the projection under HOME/log are not one log.", OPERATOR)]
    if not facts.record:
        do = "Have an export checked: safeconduct audit export --help, then python -m audit verify."
        return [warn("log", "The newest leaf has no readable record.", do)]
    return [
        good("log", f"{many(head.size, 'leaf', 'leaves')}; the signed head is that of LOG and of the projection here.")
    ]


def consumers(directory: Directory, waiting: Mapping[ContactHandle, int | None], now: int) -> list[Finding]:
    """Contacts who collect nothing, or cannot. `waiting` counts views by a contact's handle; None: no consumer."""
    found = []
    for contact in directory.contacts:
        count, address = waiting.get(contact.handle, 0), directory.address(contact)
        if count is None and contact.may_log_in(now):
            do = "Restart the broker, which makes it."
            found.append(bad("deliveries", f"{address} has no consumer, so it can collect nothing.", do))
        elif count is not None and count >= MANY:
            says = f"{count} views wait for {address}; from {WAITING} on, messages to it are refused."
            found.append(warn("deliveries", says, "Ask that agency to collect them: safeconduct inbox list --help"))
    total = sum(count or 0 for count in waiting.values())
    return found or [good("deliveries", f"{many(total, 'view')} waiting for {many(len(waiting), 'contact')}.")]


def server(version: tuple[int, ...], text: str) -> Finding:
    """Whether nats-server is recent enough."""
    if version[:2] < LEAST_SERVER:
        do = "Install a newer nats-server, and restart the broker."
        return bad("bus", f"nats-server {text} is too old: it stores no atomic batches.", do)
    return good("bus", f"Connected; nats-server {text}.")


def alarm_addresses(bundle: Bundle, *, mail: bool) -> Finding:
    """Whether alarms leave the broker, one of them to somebody outside the operator's organisation."""
    what, do = "alarms", "Two officers add an address: safeconduct bundle add-alarm --help"
    addresses = bundle.directory.operator.alarms or ()
    if not addresses:
        return warn(what, "They go to nobody: somebody has to look at the console or at this screen.", do)
    if not mail and any(mail_box(a.to) for a in addresses):
        says = "One of their addresses is a mail box, and broker.json names no mail server."
        return warn(what, says, "Set `smtp` and `mail_from` in broker.json, and restart the broker.")
    if not any(a.outside for a in addresses):
        return warn(what, "They go to nobody outside the operator's organisation.", f"{do} (--outside)")
    return good(what, f"They go to {many(len(addresses), 'address', 'addresses')}, not all of them the operator's own.")


def keys_ending(bundle: Bundle, now: int) -> list[Finding]:
    """Keys of officers and workers that end soon. Those that have ended are history."""
    directory = bundle.directory
    named = [(f"The key of the officer {o.title}", o.end) for o in directory.officers if o.end > now]
    named += [(f"The key of the worker {w.handle}", w.end) for w in directory.operator.workers if w.end > now]
    return checkup.ending("keys", named, now, "Have it replaced: safeconduct officer replace --help")


# the shell


async def examine(
    home: Path, unlock: Callable[[], Passphrase | str] | None, clock: Callable[[], int], url: str | None = None
) -> list[Finding]:
    """Look at a broker's folder; with `unlock` (which gives the passphrase of the broker's keys) at its bus too.

    Raises `BadInput` where `home` is no broker's folder. Everything else is a finding.
    """
    settings = _settings(home)
    foreign = checkup.owner(home)
    found = [*_files(home, settings, clock()), *([foreign] if foreign else [])]
    try:
        bundle = TrustCopy(home / "trust", Audience(FULL)).load()
        found += _bundle_findings(home, settings, bundle, clock())
    except ShareError as error:
        found.append(refused("trust bundle", error))
    except OSError as error:
        do = f"Look at its owner and the disk: ls -l {home / 'trust'}"
        found.append(bad("trust bundle", f"It cannot be read ({error.strerror}).", do))
    if unlock is None or foreign is not None:
        why = "--offline" if unlock is None else "this folder is another user's"
        return found + [skipped(what, f"Not looked at: {why}.") for what in _BUS]
    return found + await _bus(home, unlock, clock, url)


def _settings(home: Path) -> dict[str, str]:
    try:
        value = json.loads((home / "broker.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{home} is not a broker's folder; name the right one with --home.") from None
    except (OSError, ValueError):
        value = None
    if not isinstance(value, dict):
        raise BadInput(f"{home}/broker.json cannot be read; it names the port, or null.")
    return {str(k): str(v) for k, v in value.items()}


def _files(home: Path, settings: dict[str, str], now: int) -> list[Finding]:
    key = home / KEY_FILE
    machine = [p for p in (home / "tls" / "key.pem", home / "tls" / "key.new.pem") if p.exists()]
    private = [home / "nats" / "nats.conf", home / "nats" / "store"]
    return [
        *checkup.passphrase(home, settings),
        *checkup.permissions(home, [key, *machine], private),
        *checkup.key_files([key]),
        *checkup.left_overs([home, home / "keys", home / "tls", home / "trust", home / "run"]),
        checkup.tls(home, now, needed=settings.get("tls") == "True"),
        checkup.disk(home),
    ]


def _bundle_findings(home: Path, settings: dict[str, str], bundle: Bundle, now: int) -> list[Finding]:
    renew = "The officers sign it again, two of them: safeconduct bundle renew --help"
    if settings.get("practice") == "True":
        renew = say("practice", "renew", home.parent)
    directory = bundle.directory
    found = [checkup.bundle(bundle, now, renew), *checkup.mandates(directory, directory.contacts, now)]
    found += keys_ending(bundle, now)
    if settings.get("practice") != "True":
        found.append(alarm_addresses(bundle, mail=settings.get("smtp") not in (None, "None")))
    blind = [
        directory.address(c)
        for c in directory.contacts
        if (mandate := checkup.live(c, now)) is not None and mandate.may_receive and c.statement_at(now) is None
    ]
    if blind:
        do = "Take in what they stated: safeconduct bundle take-statements --help, or ask them: safeconduct keys --help"
        found.append(bad("encryption keys", f"Nobody can send to {', '.join(blind)}: no key in force.", do))
    try:
        live = [a for a in read_all(bundle.agreements.items()) if a.in_force(now)]
        do = "Ask its parties what follows it: safeconduct bundle add-agreement --help"
        found += checkup.ending("agreements", [(a.id, a.end) for a in live], now, do)
    except ShareError as error:
        found.append(refused("agreements", error))
    return found


async def _bus(
    home: Path, unlock: Callable[[], Passphrase | str], clock: Callable[[], int], url: str | None
) -> list[Finding]:
    nothing = [skipped(what, "Not looked at: there is no connection.") for what in _BUS if what != "bus"]
    start = f"Start it: {say('up', '--home', home)}"
    try:
        broker = await asyncio.to_thread(BrokerHome.open, home, unlock())
    except ShareError as error:
        do = f"The rest can be looked at without it: {say('doctor', '--home', home, '--offline')}"
        return [refused("broker keys", error, do), *nothing]
    found: list[Finding] = []
    published = broker.trust.repository.epochs()[-1]
    if published > broker.bundle.epoch:
        says = f"Epoch {published} was published and does not hold, so the broker stays at {broker.bundle.epoch}."
        found.append(bad("trust bundle", says, "Have the officers publish it again: safeconduct bundle publish --help"))
    address = home / "run" / "address"
    url = url or (address.read_text(encoding="utf-8").strip() if address.is_file() else None)
    if url is None:
        return [*found, bad("bus", "The broker is not up.", start), *nothing]
    async with AsyncExitStack() as stack:
        try:
            connecting = connected(
                url,
                broker.nkey_seed,
                inbox_prefix=subjects.BROKER_INBOX,
                name="doctor",
                tls=broker.client_tls(),
                patience=checkup.PATIENCE,
            )
            connection = await stack.enter_async_context(connecting)
            return found + await _connected(home, broker, connection, clock)
        except DependencyError as error:
            return [*found, bad("bus", str(error), start), *nothing]
        except ShareError as error:
            return [*found, refused("bus", error), *nothing]


async def _connected(home: Path, broker: BrokerHome, connection: Connection, clock: Callable[[], int]) -> list[Finding]:
    store, loop = Store(connection), asyncio.get_running_loop()
    version = connection.client.connected_server_version
    found: list[Finding] = []
    facts: dict[str, StreamFacts] = {}
    now = clock()
    for spec in subjects.STREAMS:
        before, started = clock(), loop.time()
        info = await _info(store, spec)
        trip = round((loop.time() - started) * 1000)
        if info is None:
            found += stream(spec, None, home)
            continue
        if not facts and (told := _moment(info.get("ts"))) is not None:
            found.insert(0, checkup.clock(told + trip // 2 - (before + trip), "the server's", trip // 2 + 1))
            now = told  # what waits is dated by the server
        facts[spec.name] = _facts(info)
        found += stream(spec, facts[spec.name], home)
    found.append(server((version.major, version.minor), f"{version.major}.{version.minor}.{version.patch}"))
    if len(facts) < len(subjects.STREAMS):
        return found
    if not any(f.what.startswith("stream") for f in found):
        found.append(good("streams", f"All {len(facts)} are there, with the settings they must have."))
    oldest = await _oldest(store, subjects.SUBMIT, 0, None)
    found.append(backlog("submissions", facts[subjects.SUBMIT.name].messages, oldest, now, home))
    found += await _log(home, broker, store, now)
    directory = broker.bundle.directory
    waiting = {c.handle: await _waiting(store, c.handle) for c in directory.contacts}
    return found + consumers(directory, waiting, clock())


async def _info(store: Store, spec: StreamSpec) -> dict[str, Any] | None:
    try:
        return await store.api(f"STREAM.INFO.{spec.name}", None, "looking at a stream")
    except Refused as refusal:
        if refusal.number == _NO_STREAM:
            return None
        raise


def _facts(info: Mapping[str, Any]) -> StreamFacts:
    state, cluster = info.get("state") or {}, info.get("cluster") or {}
    behind = [str(r.get("name")) for r in cluster.get("replicas") or () if r.get("offline") or not r.get("current")]
    return StreamFacts(
        config=info.get("config") or {},
        messages=int(state.get("messages", 0)),
        behind=tuple(behind),
    )


async def _oldest(store: Store, spec: StreamSpec, after: int, pattern: str | None) -> int | None:
    """When the first message after a sequence was stored, by the server's clock; None where there is none."""
    if pattern is None:  # a worker may not read submissions by themselves
        info = await _info(store, spec)
        state = (info or {}).get("state") or {}
        return _moment(state.get("first_ts")) if state.get("messages") else None
    try:
        body = {"seq": after + 1, "next_by_subj": pattern}
        answer = await store.api(f"STREAM.MSG.GET.{spec.name}", body, "reading the store")
    except Refused:
        return None  # nothing follows
    return _moment((answer.get("message") or {}).get("time"))


async def _waiting(store: Store, contact: ContactHandle) -> int | None:
    total = 0
    for lane in subjects.LANES:
        name = subjects.consumer(contact, lane)
        try:
            info = await store.api(f"CONSUMER.INFO.{subjects.FLOW.name}.{name}", None, "counting what waits")
        except Refused:
            return None
        total += int(info.get("num_pending", 0)) + int(info.get("num_ack_pending", 0))
    return total


async def _log(home: Path, broker: BrokerHome, store: Store, now: int) -> list[Finding]:
    last = await store.last(subjects.LOG, subjects.LEAF)
    flow = int(last.headers.get(subjects.FLOW_SEQUENCE, 0)) if last is not None else 0
    oldest = await _oldest(store, subjects.FLOW, flow, subjects.ENTRIES)
    found = [backlog("entries not in the log", int(oldest is not None), oldest, now, home)]
    signed = await store.last(subjects.HEADS, subjects.HEAD)
    head = _verified(signed.data if signed is not None else b"", broker.bundle.directory.operator.log_vkey)
    return found + log_head(await _log_facts(home, store, head))


def _verified(note: bytes, vkey: str) -> Checkpoint | None:
    try:
        return verify_head(note, VerifierKey.parse(vkey))
    except AuditError:
        return None


async def _log_facts(home: Path, store: Store, head: Checkpoint | None) -> LogFacts:
    """After the head: the projection, then LOG. That is against the order in which they are written, so that a log
    that grows meanwhile never looks as if it had lost leaves.
    """
    projected = Projection(home / "log" / "tree")
    try:
        count = projected.count(0)
        last = await store.last(subjects.LOG, subjects.LEAF)
        size = last.seq if last is not None else 0
        root, same_tail, record = None, True, True
        if head is not None and 0 < head.size <= min(count, size):
            tree = Tree(projected)
            root = tree.root(head.size)
            tail = await store.at(subjects.LOG, head.size)
            same_tail = tail is not None and leaf_hash(tail.data) == tree.leaf(head.size - 1)
            record = await store.last(subjects.RECORDS, subjects.record(head.size - 1)) is not None
        elif head is not None and head.size == 0:
            root = Tree().root()
        return LogFacts(size=size, head=head, root=root, projected=count, same_tail=same_tail, record=record)
    finally:
        projected.close()


class Projection:
    """The hashes under HOME/log/tree, read while a broker may be writing them: what is there never changes."""

    def __init__(self, folder: Path) -> None:
        paths = sorted(folder.glob("level-*")) if folder.is_dir() else []
        self._files = [os.open(path, os.O_RDONLY | os.O_CLOEXEC) for path in paths]

    def count(self, level: int) -> int:
        return os.fstat(self._files[level]).st_size // HASH_BYTES if level < len(self._files) else 0

    def get(self, level: int, index: int) -> bytes:
        return os.pread(self._files[level], HASH_BYTES, index * HASH_BYTES)

    def extend(self, level: int, hashes: Sequence[bytes]) -> None:
        raise DependencyError("The tree of the log is only read here; the broker's own process writes it.")

    def sync(self) -> None:
        return

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            os.close(file)


def _moment(text: object) -> int | None:
    """Milliseconds of a time as the server writes it."""
    try:
        return int(datetime.fromisoformat(str(text)).timestamp() * 1000)
    except ValueError:
        return None


__all__ = ["LogFacts", "StreamFacts", "backlog", "consumers", "examine", "log_head", "server", "stream"]
