"""Gather what `safeconduct doctor` says of an agency: from its folder, and on the bus as that agency.

It unlocks the adapter's own key at most, never a contact's, and changes nothing but what a running adapter does too: it
fetches the newest trust bundle, and keeps the log heads that it has verified. What needs the bus says so where there is
none.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Final

from adapters import checkup as ours
from adapters.checkup import OFFICERS, Standing
from adapters.guard import socket_of
from adapters.guarding import wire
from adapters.home import ADAPTER_KEY, read_address, read_settings, read_trust
from adapters.journal import HELD, QUARANTINED, QUEUED, Journal
from adapters.trust import AgencyTrust
from adapters.watching import LogWatch, witnessed
from audit.witness import NEEDED, readable
from bus import subjects
from bus.connection import connected
from bus.queue import AgencyPort, NatsAgency
from keys import checkup, keystore, tls
from keys.checkup import many, say
from keys.unlocking import Passphrase
from messages import cbor, limits
from messages.directory import Bundle
from messages.errors import BundleRefused, DependencyError, ShareError, Unverified
from messages.health import Finding, Health, bad, good, refused, skipped, warn
from messages.ids import AgencyHandle
from policies import edition
from policies.agreements import read_all

_BUS: Final = ("clock", "bus", "log")


async def examine(
    home: Path, unlock: Callable[[], Passphrase | str] | None, clock: Callable[[], int], url: str | None = None
) -> list[Finding]:
    """Look at an agency's folder; with `unlock` (which gives the passphrase of the adapter's key) at the bus too.

    Raises `BadInput` where `home` is no agency's folder. Everything else is a finding.
    """
    settings = read_settings(home)
    foreign = checkup.owner(home)
    found = [*_files(home, settings, clock()), *([foreign] if foreign else [])]
    if foreign is not None:
        unlock = None
    try:
        trust = read_trust(home, settings)
    except ShareError as error:
        return [*found, refused("trust bundle", error)]
    bus = _Bus(home, settings, trust, clock, url, "--offline" if foreign is None else "this folder is another user's")
    found += await bus.look(unlock)
    found += bus.bundle_findings()
    if (home / "guard").is_dir():
        found += await _guard(home, settings, same_user=_owner(home / "guard") == _owner(home))
    return found


def _owner(folder: Path) -> int:
    return folder.stat().st_uid


def _files(home: Path, settings: dict[str, str], now: int) -> list[Finding]:
    keys = sorted((home / "keys").glob("*.key"))
    others = [p for p in (home / "guard" / "guard.key", home / "head" / "head.key") if p.exists()]
    machine = [p for p in (home / "tls" / "key.pem", home / "tls" / "key.new.pem") if p.exists()]
    if home / ADAPTER_KEY not in keys:
        keys.append(home / ADAPTER_KEY)
    started = {p.with_name(p.name.removesuffix(".new")) for p in (home / "keys").glob("*.key.new")}
    private = [
        *home.glob("journal.db*"),
        *home.glob("consents.db*"),
        home / "inbox",
        *sorted((home / "inbox").glob("*.json")),
    ]
    needed = settings.get("trust", "").startswith("https:") or (read_address(home, settings) or "").startswith("tls:")
    return [
        *checkup.passphrase(home, settings),
        *checkup.permissions(home, [*keys, *others, *machine], private),
        *checkup.key_files(sorted({*keys, *others, *started})),
        *checkup.left_overs([home, home / "keys", home / "tls", home / "trust", home / "inbox"]),
        checkup.tls(home, now, needed=needed),
        checkup.disk(home),
    ]


class _Bus:
    """What is found out on the bus and in the trust folder, in the order in which one explains the other."""

    def __init__(
        self,
        home: Path,
        settings: dict[str, str],
        trust: AgencyTrust,
        clock: Callable[[], int],
        url: str | None,
        why: str,
    ) -> None:
        """`why`: what to say where nobody is to be asked."""
        self._why = why
        self._home = home
        self._trust = trust
        self._clock = clock
        self._url = url or read_address(home, settings)
        self._here = "broker" in settings
        self._broker = Path(os.path.normpath(home / settings.get("broker", "")))
        self._practice = settings.get("practice", "").lower() == "true"
        self._asked = False  # whether the log was

    async def look(self, unlock: Callable[[], Passphrase | str] | None) -> list[Finding]:
        """The clock, the bus, a fresh trust bundle, the log."""
        if unlock is None:
            return [skipped(what, f"Not looked at: {self._why}.") for what in _BUS]
        try:
            secrets = keystore.read(self._home / ADAPTER_KEY, unlock())
            seed = keystore.secret(secrets, "nkey")
        except ShareError as error:
            do = f"The rest can be looked at without it: {say('doctor', '--home', self._home, '--offline')}"
            locked = refused("adapter key", error, do)
            return [locked, *(skipped(what, "Not looked at: it needs the adapter's key.") for what in _BUS)]
        fetched = await self._fetched(seed)
        try:
            bundle = self._trust.load()
        except ShareError:
            bundle = None  # `bundle_findings` says so
        found = await self._connected(seed, bundle)
        if any(f.what == "bus" and f.health is Health.BAD for f in found):  # which says it all, but for a refusal
            fetched = [f for f in fetched if f.health is Health.BAD]
        return found + fetched

    async def _fetched(self, seed: bytes) -> list[Finding]:
        try:
            await asyncio.to_thread(self._trust.refresh, seed, self._clock)
        except BundleRefused as error:
            if error.why != "refused":
                return []  # `trust_refused` says so
            return [
                bad(
                    "trust bundle",
                    "The broker refuses to give us the trust bundle: our login is revoked, or this clock is wrong.",
                    "Correct the clock first if it is named here; else call the security officers.",
                )
            ]
        except DependencyError as error:
            says = f"It could not be fetched now: {error}"
            return [warn("trust bundle", says, self._start())]
        except ShareError as error:
            return [refused("trust bundle", error)]
        return []

    def _start(self) -> str:
        if self._here:
            return f"Start the broker: {say('up', '--home', self._broker)}"
        return "Check the line, then ask the operator whether the broker is up; what is written now is sent later."

    async def _connected(self, seed: bytes, bundle: Bundle | None) -> list[Finding]:
        nothing = [skipped(what, "Not looked at: there is no connection.") for what in ("clock", "log")]
        if self._url is None:
            return [bad("bus", "The broker is not up, or its address is not known here.", self._start()), *nothing]
        async with AsyncExitStack() as stack:
            try:
                context = None
                if self._url.startswith("tls:"):
                    context = tls.client_context(tls.Files(self._home / "tls"), self._clock())
                agency = AgencyHandle(self._trust.copy.audience)
                connection = await stack.enter_async_context(
                    connected(
                        self._url,
                        seed,
                        inbox_prefix=subjects.inbox(agency),
                        name="doctor",
                        tls=context,
                        patience=checkup.PATIENCE,
                    )
                )
                port = await NatsAgency.open(connection, agency)
                stack.push_async_callback(port.close)
            except DependencyError as error:
                revoked = "does not know this login" in str(error)
                call = "Try again in five minutes; then call the security officers: the trust bundle may not name it."
                do = call if revoked else self._start()
                return [bad("bus", str(error), do), *nothing]
            except ShareError as error:
                return [refused("bus", error), *nothing]
            found = [await self._time(port), good("bus", "Connected, with the adapter's own login.")]
            if bundle is not None:
                found += await self._log(port, bundle)
            return found

    async def _time(self, port: AgencyPort) -> Finding:
        before, started = self._clock(), asyncio.get_running_loop().time()
        try:
            told = cbor.load(await port.ask("time", b""), 16, "time")
        except ShareError as error:
            return warn("clock", f"The broker did not tell its time. {error}", "Run safeconduct doctor again.")
        trip = round((asyncio.get_running_loop().time() - started) * 1000)
        if type(told) is not int:
            return bad("clock", "The broker does not tell its time.", OFFICERS)
        return checkup.clock(told + trip // 2 - (before + trip), "the broker's", trip // 2 + 1)

    async def _log(self, port: AgencyPort, bundle: Bundle) -> list[Finding]:
        path = self._home / "journal.db"
        try:
            kept = Journal(path)
        except DependencyError:
            return []  # `_standing` says so
        self._asked = True
        with closing(kept):
            named = len(readable(w.vkey for w in bundle.witnesses))
            return await log(LogWatch(bundle, kept, port), kept, bundle.epoch, self._clock(), named)

    def bundle_findings(self) -> list[Finding]:
        """What the folder's own trust bundle and journal say."""
        now, home = self._clock(), self._home
        found = ours.trust_refused(self._trust.refused(), home)
        try:
            bundle = self._trust.load()
        except ShareError as error:
            return [*found, refused("trust bundle", error)]
        found.append(checkup.bundle(bundle, now, self._renew()))
        try:
            edition.check(bundle)
        except ShareError as error:
            found.append(refused("rules", error))
        standing = _standing(home / "journal.db", bundle.epoch)
        if isinstance(standing, Finding):
            found.append(standing)
        else:
            found += ours.epochs(standing, bundle.epoch, now, home)
            found += ours.journal(standing, now, home)
            found += [] if self._asked else ours.promises(standing, now, home)
        agency = bundle.directory.agency(bundle.audience or "")
        if agency is None:
            do = f"Correct the handle in {home / 'agency.json'}."
            return [*found, bad("agency", "The trust bundle does not know our agency.", do)]
        contacts = bundle.directory.contacts_of(agency.handle)
        here = [p.stem for p in (home / "keys").glob("*.key") if p.stem != "adapter"]
        found += ours.own_agency(agency, now)
        found += checkup.mandates(bundle.directory, contacts, now)
        found += ours.ended(bundle.directory, contacts, here, now, home)
        found += ours.encryption_keys(bundle.directory, contacts, now, home)
        try:
            found += ours.agreements(read_all(bundle.agreements.items()), now)
        except ShareError as error:
            found.append(refused("agreements", error))
        return found

    def _renew(self) -> str:
        fetch = say("bundle", "refresh", "--home", self._home)
        if self._practice and self._here:
            force = self._broker.parent
            return f"{say('practice', 'renew', force)}\nThen: {fetch}"
        return f"{fetch}\nIf it stays so, the officers are late: call them."


async def log(watch: LogWatch, kept: Journal, epoch: int, now: int, named: int = 0) -> list[Finding]:
    """Hold the log to what it signed and promised before; every head and proof is checked. The task force has `named`
    witnesses.
    """
    try:
        head = await watch.head()
        confirmed = await watch.confirm_epoch(now)
        differ = [
            size for _, size, root, heard in kept.unproved_heads() if not await _same(watch, size, root, heard, now)
        ]
        broken = 0
        for leaf, include_by in kept.open_promises():
            if await watch.prove(leaf) is not None:
                kept.kept_promise(leaf)
            elif now > include_by:
                broken += 1
    except Unverified as error:
        return [bad("log", str(error), OFFICERS)]
    except DependencyError as error:
        return [warn("log", f"Its head could not be checked: {error}", "Run safeconduct doctor again in a minute.")]
    except ShareError as error:
        return [bad("log", f"The broker's answer about the log cannot be read: {error}", OFFICERS)]
    size = head.size if head is not None else 0
    found = [good("log", f"Its head of {many(size, 'leaf', 'leaves')} continues what we have seen.")]
    if broken:
        found.append(
            bad("log", f"{many(broken, 'record')} that the broker promised to log by now: not in the log.", OFFICERS)
        )
    if differ:
        what = (
            "was told of another log than is shown to us" if len(differ) == 1 else "were told of another log than ours"
        )
        found.append(bad("log", f"{many(len(differ), 'contact')} who wrote to us {what}.", OFFICERS))
    if not confirmed:
        found.append(ours.unconfirmed(epoch))
    if named >= NEEDED:
        found.append(await _witnesses(watch, now))
    return found


async def _witnesses(watch: LogWatch, now: int) -> Finding:
    try:
        final = await witnessed(watch, now)
    except Unverified as error:
        return bad("witnesses", str(error), OFFICERS)
    except ShareError as error:
        return warn("witnesses", f"Their word could not be had: {error}", "Run safeconduct doctor again in a minute.")
    if final is None:
        return warn("witnesses", "No two of them have seen a head of the log yet.", "Ask them whether they run.")
    return good("witnesses", f"{final.witnesses} of them saw the log with {many(final.head.size, 'leaf', 'leaves')}.")


async def _same(watch: LogWatch, size: int, root: bytes, heard: int, now: int) -> bool:
    """Whether a head that we heard of is of the log that is shown to us, or may still become so."""
    try:
        return await watch.compare(size, root) or now <= heard + limits.INCLUDE_BY
    except Unverified:
        return False


def _count(db: sqlite3.Connection, query: str) -> int:
    try:
        return int(db.execute(query).fetchone()[0])
    except sqlite3.OperationalError:  # a journal that this version has not opened yet lacks the table
        return 0


def _standing(path: Path, epoch: int) -> Standing | Finding:
    """What the journal holds, read without changing it; or what is wrong with it."""
    if not path.exists():
        return Standing()
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            states = dict(db.execute("SELECT state, count(*) FROM outbox GROUP BY state"))
            oldest = db.execute("SELECT min(created) FROM outbox WHERE state = ?", (QUEUED,)).fetchone()[0]
            aside = db.execute("SELECT count(*) FROM inbox WHERE state = ?", (QUARANTINED,)).fetchone()[0]
            words = _count(db, "SELECT count(*) FROM aside WHERE released IS NULL")
            unread = _count(
                db,
                "SELECT count(DISTINCT unread.view) FROM unread LEFT JOIN inbox ON inbox.view = unread.view "
                "WHERE due > strftime('%s', 'now') * 1000 AND (inbox.state IS NULL OR inbox.state = 'new')",
            )
            unsealed = _count(db, "SELECT count(*) FROM unsealed")
            newer = db.execute("SELECT epoch, seen FROM epoch WHERE epoch > ? ORDER BY epoch", (epoch,)).fetchall()
            sure = db.execute("SELECT 1 FROM epoch WHERE epoch = ? AND confirmed = 1", (epoch,)).fetchone()
            due = db.execute("SELECT include_by FROM promise WHERE proved = 0").fetchall()
    except sqlite3.Error:
        do = f"Look at the disk and at its owner: ls -l {path}* If it is damaged, restore it from your backup."
        return bad("journal", f"The journal {path} cannot be read.", do)
    return Standing(
        queued=int(states.get(QUEUED, 0)),
        oldest_queued=oldest,
        held=int(states.get(HELD, 0)),
        quarantined=int(aside),
        aside=words,
        unread=unread,
        unsealed=unsealed,
        new_epochs=tuple((int(e), int(s)) for e, s in newer),
        confirmed=sure is not None,
        promises=tuple(int(by) for (by,) in due),
    )


async def _guard(home: Path, settings: dict[str, str], *, same_user: bool) -> list[Finding]:
    reachable: bool | str = True
    try:
        async with asyncio.timeout(5):
            _, writer = await wire.connect(socket_of(home))
            writer.close()
    except (FileNotFoundError, ConnectionError):
        reachable = ""
    except (OSError, TimeoutError) as error:
        reachable = getattr(error, "strerror", None) or "it took too long"
    return ours.guard(
        reachable,
        home,
        same_user=same_user,
        practice=settings.get("practice", "").lower() == "true",
    )
