"""Alarms leave the broker: by webhook or mail, to the addresses that officers signed into the trust bundle.

Beside everything else and in nobody's way: a receiver that is slow or gone costs a line in the log. Each address is a
world of its own: what reached one is not repeated to it, and one that does not answer is asked again, more and more
seldom, at most an hour apart. What was told is kept in the broker's folder, so that a restart tells nothing twice.
"""

import asyncio
import json
import smtplib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout

from audit.logdir import write_atomically
from audit.record import ALARM_RAISED, LEAK_SUSPECTED
from broker.alarms import EXPIRES_SOON, Kind, Told, due, hook, mail
from broker.projecting import Remembered
from broker.raised import MOST as ALARMS
from broker.raised import standing
from broker.recordsdb import KIND, Query, RecordsDb, RecordsDown
from broker.rounds import stopped
from broker.tasks import MOST, leaves, tasks
from messages.alarms import LOOPBACK, mail_box
from messages.directory import Bundle
from messages.errors import BadInput, DependencyError
from messages.limits import DAY, MINUTE

log = structlog.get_logger("broker.alarming")

LOOK_SECONDS: Final = 60.0
PATIENCE: Final = 10.0
"""Seconds for one address, from the name's look-up to the answer."""
FILE: Final = "alarms.json"
_LONGEST: Final = 60 * MINUTE


class NotSent(DependencyError):
    """An alarm did not reach an address."""

    code = "alarm-not-sent"
    says = "An alarm did not reach one of its addresses; it is tried again."


@dataclass(frozen=True, slots=True)
class Relay:
    """The operator's mail server: over TLS, or on this machine. `sender` is what mails are from."""

    host: str
    port: int
    how: str  # smtp, smtps, smtp+starttls
    sender: str

    @classmethod
    def read(cls, address: object, sender: object) -> "Relay | None":
        """What broker.json says (`smtp`, `mail_from`), or None; or raise `BadInput`."""
        if address is None:
            return None
        ports = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
        try:
            parts = urlsplit(address if isinstance(address, str) else "")
            port = parts.port or ports.get(parts.scheme, 0)
        except ValueError:
            parts, port = urlsplit(""), 0
        plain = parts.scheme == "smtp" and parts.hostname not in LOOPBACK
        named = parts.scheme in ports and parts.hostname and "@" not in parts.netloc
        if not named or plain or not isinstance(sender, str):
            raise BadInput(
                "`smtp` in broker.json is such as smtps://mail.example or smtp+starttls://mail.example (smtp:// on this"
                " machine alone), and `mail_from` is whom alarms come from."
            )
        return cls(str(parts.hostname), port, parts.scheme, sender)


async def post(to: str, body: bytes) -> None:
    """One webhook. No redirect is followed: it would lead where no officer signed for. Raises `NotSent`."""
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=PATIENCE)) as session,
            session.post(to, data=body, headers={"Content-Type": "application/json"}, allow_redirects=False) as answer,
        ):
            if not 200 <= answer.status < 300:
                raise NotSent
    except (ClientError, OSError, ValueError):  # a time-out is an OSError
        raise NotSent from None


def post_mail(relay: Relay, box: str, made: bytes) -> None:
    """One mail; blocks. Raises `NotSent`."""
    context = ssl.create_default_context()
    try:
        if relay.how == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(relay.host, relay.port, timeout=PATIENCE, context=context)
        else:
            server = smtplib.SMTP(relay.host, relay.port, timeout=PATIENCE)
        with server:
            if relay.how == "smtp+starttls":
                server.starttls(context=context)
            server.sendmail(relay.sender, [box], made)
    except (smtplib.SMTPException, OSError, ValueError):
        raise NotSent from None


class Facts:
    """What the broker knows that needs somebody."""

    def __init__(
        self,
        db: RecordsDb,
        remembered: Remembered,
        bundle: Callable[[], Bundle],
        may_admit: Callable[[], bool],
        record_missing: Callable[[], bool],
        shut_out: Callable[[], int],
    ) -> None:
        self._db = db
        self._remembered = remembered
        self._bundle = bundle
        self._may_admit = may_admit
        self._record_missing = record_missing
        self._shut_out = shut_out

    async def __call__(self, now: int) -> dict[Kind, int]:
        """How much there is of each kind."""
        found = {
            Kind.LOG_BEHIND: int(not self._may_admit()),
            Kind.RECORD_MISSING: int(self._record_missing()),
            Kind.SHUT_OUT: self._shut_out(),
            Kind.BUNDLE_ENDS: int(self._bundle().expires - now < EXPIRES_SOON),
        }
        try:
            found_in, leaks, raised = await asyncio.to_thread(self._leaves, now)
        except RecordsDown:
            return found | {Kind.RECORDS_DOWN: 1}
        known = tasks(await self._remembered.records(found_in))
        overdue = sum(task.overdue(now) for task in known)
        waiting = sum(task.closed is None for task in known)
        counted = {Kind.GLASS: waiting - overdue, Kind.OVERDUE: overdue, Kind.LEAK: leaks, Kind.ADAPTER: raised}
        return found | counted

    def _leaves(self, now: int) -> tuple[list[int], int, int]:
        leaks = self._db.indices(Query(kind=LEAK_SUSPECTED, start=now - DAY), MOST)
        lines = self._db.latest_lines({(KIND, ALARM_RAISED): ALARMS})[KIND, ALARM_RAISED]
        return leaves(self._db), len(leaks), len(standing(lines, now))


def last_told(folder: Path) -> dict[str, dict[Kind, Told]]:
    """What was told last at each address. Where the file is lost or spoiled, that is nothing, and it is told again."""
    try:
        value = json.loads((folder / FILE).read_bytes())
        return {
            str(to): {Kind(kind): Told(int(at), int(count)) for kind, (at, count) in kinds.items()}
            for to, kinds in value.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


class Alarming:
    """One broker's alarms. `facts` says how much there is of what; `clock` milliseconds."""

    def __init__(
        self,
        folder: Path,
        bundle: Callable[[], Bundle],
        facts: Callable[[int], Awaitable[Mapping[Kind, int]]],
        relay: Relay | None,
        clock: Callable[[], int],
    ) -> None:
        self._path = folder / FILE
        self._bundle = bundle
        self._facts = facts
        self._relay = relay
        self._clock = clock
        self._told = last_told(folder)
        self._failed: dict[str, tuple[int, int]] = {}  # how often in a row, and from when on it is tried again

    async def run(self, stop: asyncio.Event) -> None:
        """Look every minute until `stop` is set."""
        while not stop.is_set():
            try:
                await self.look()
            except DependencyError as error:
                log.warning("alarms-not-counted", code=error.code)
            await stopped(stop, LOOK_SECONDS)

    async def look(self) -> None:
        """Tell each address what is due there."""
        operator, now = self._bundle().directory.operator, self._clock()
        addresses = [address.to for address in operator.alarms or ()]
        if not addresses:
            return
        counts = await self._facts(now)
        waiting = [to for to in addresses if self._failed.get(to, (0, 0))[1] <= now]
        await asyncio.gather(*(self._tell(to, operator.name, counts, now) for to in waiting))

    async def _tell(self, to: str, installation: str, counts: Mapping[Kind, int], now: int) -> None:
        telling = due(counts, self._told.get(to, {}), now)
        if not telling:
            return
        try:
            await self._send(to, installation, telling, now)
        except NotSent as error:
            tries = self._failed.get(to, (0, 0))[0] + 1
            self._failed[to] = tries, now + min(MINUTE * 2 ** min(tries, 10), _LONGEST)
            log.warning("alarm-not-sent", code=error.code, times=tries)
            return
        self._failed.pop(to, None)
        self._told[to] = self._told.get(to, {}) | {kind: Told(now, count) for kind, count in telling.items()}
        self._write()
        log.info("alarm-sent", count=len(telling))

    async def _send(self, to: str, installation: str, telling: Mapping[Kind, int], now: int) -> None:
        box = mail_box(to)
        if box is None:
            await post(to, hook(installation, telling, now))
        elif self._relay is None:
            raise NotSent
        else:
            made = mail(installation, telling, now, self._relay.sender, box).as_bytes()
            await asyncio.to_thread(post_mail, self._relay, box, made)

    def _write(self) -> None:
        value = {to: {k.value: [t.at, t.count] for k, t in kinds.items()} for to, kinds in self._told.items()}
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(self._path, [json.dumps(value).encode()])
