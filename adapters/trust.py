"""How an agency's adapter keeps its extract of the trust bundle: where it fetches it, and whether it may send under it.

Sending stops under a bundle that has expired, and from the moment at which one was offered that does not hold (rolled
back, frozen, mixed, not signed by enough people) until an honest one was fetched: somebody is trying something, and
whom we would send to is just what they would lie about. Opening what was delivered goes on, with a warning.

    HOME/trust/             the extract and all its epochs (`keys.updating.TrustCopy`)
    HOME/trust/refused.json what was refused last, until something held again
"""

import json
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from audit.logdir import write_atomically
from keys.bundle import fresh
from keys.metadata import Audience
from keys.nkey import request_signer
from keys.tls import Files, client_context
from keys.updating import FolderFetcher, HttpFetcher, Taken, TrustCopy
from messages.directory import Bundle
from messages.errors import BundleRefused, DependencyError, Stale
from messages.limits import HOUR, MINUTE

log = structlog.get_logger("adapters.trust")

REFRESH: Final = MINUTE
"""How often a running adapter asks for a newer bundle; a stamp of a newer epoch makes it ask at once."""
MISSED: Final = HOUR
"""An epoch that was seen in a message and could not be fetched for so long is an alarm."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What was refused last: `why` as in `BundleRefused`, and its sentence."""

    why: str
    sentence: str


class AgencyTrust:
    """The folder HOME/trust of one agency."""

    def __init__(self, folder: Path, agency: str, url: str | None, tls: Path | None = None) -> None:
        """`url` is the broker's trust endpoint, if known; `tls` the folder of our TLS files, for an https address."""
        self.copy = TrustCopy(folder, Audience(agency))
        self.url = url
        self._tls = tls
        self._note = folder / "refused.json"
        self._fetcher: tuple[object, HttpFetcher] | None = None
        self._last: Refused | None = None  # should the disk not take the note
        self._made: tuple[object, ssl.SSLContext] | None = None  # the files it was made from and checked with, and when

    def load(self) -> Bundle:
        """The newest extract that was taken, verified again."""
        return self.copy.load()

    def refused(self) -> Refused | None:
        """What was refused last, if nothing has held since."""
        try:
            value = json.loads(self._note.read_text(encoding="utf-8"))
            return Refused(str(value["why"]), str(value["sentence"]))
        except FileNotFoundError:
            return self._last
        except (OSError, ValueError, KeyError, TypeError):
            return Refused("unreadable", "What was refused last cannot be read; fetch the trust bundle again.")

    def check_sendable(self, bundle: Bundle, now: int) -> None:
        """Raise `Stale` where nothing may be sent under what we have, saying which it is."""
        fresh(bundle, now)
        refused = self.refused()
        if refused is not None:
            raise Stale(f"Nothing is sent until an honest trust bundle was fetched. {refused.sentence}")

    def warnings(self, bundle: Bundle, now: int) -> list[str]:
        """What a person who opens a message now should know about the bundle it was checked under."""
        found = []
        if now >= bundle.expires:
            found.append("The trust bundle has expired: fetch the newest one before you rely on who sent this.")
        refused = self.refused()
        if refused is not None:
            found.append(f"The trust bundle could not be renewed: {refused.sentence}")
        return found

    def refresh(self, seed: bytes, clock: Callable[[], int]) -> Taken:
        """Fetch the newest extract from the broker. Blocks; raises `DependencyError` or `BundleRefused`."""
        if self.url is None:
            raise DependencyError("The address of the broker's trust endpoint is not known; start the broker first.")
        fetcher = self._fetching(seed, clock)
        try:
            return self._taken(lambda: self.copy.refresh(str(self.url), fetcher))
        except BaseException:
            self.close()
            raise

    def _fetching(self, seed: bytes, clock: Callable[[], int]) -> HttpFetcher:
        """One connection from refresh to refresh, as long as it is to the same place with the same certificate."""
        context = self._context(clock)
        if self._fetcher is None or self._fetcher[0] != (self.url, seed, id(context)):
            self.close()
            sign = request_signer(seed)
            fetcher = HttpFetcher(lambda method, host, path: sign(method, host, path, clock()), context)
            self._fetcher = (self.url, seed, id(context)), fetcher
        return self._fetcher[1]

    def close(self) -> None:
        """Close the connection to the broker's trust endpoint, if one is open."""
        if self._fetcher is not None:
            self._fetcher[1].close()
            self._fetcher = None

    def carry_in(self, folder: Path) -> Taken:
        """Take the extract that lies in `folder`, as it came on a stick."""
        return self._taken(lambda: self.copy.refresh("file:///", FolderFetcher(folder)))

    def _context(self, clock: Callable[[], int]) -> ssl.SSLContext | None:
        if self.url is None or not self.url.startswith("https:"):
            return None
        if self._tls is None:
            raise DependencyError("The broker wants TLS; see: safeconduct tls --help")
        files, now = Files(self._tls), clock()
        paths = (files.key, files.certificate, files.authorities, files.next_key)
        seen = now // HOUR, *((s.st_mtime_ns, s.st_ino, s.st_size) if (s := _stat(p)) else None for p in paths)
        if self._made is None or self._made[0] != seen:
            self._made = seen, client_context(files, now)
        return self._made[1]

    def _taken(self, fetch: Callable[[], Taken]) -> Taken:
        try:
            taken = fetch()
        except BundleRefused as refusal:
            log.error("alarm", what="bundle-refused", why=refusal.why)
            if refusal.why != "refused":  # our login may be revoked: that is the broker's word, not a lie about others
                self._remember(Refused(refusal.why, str(refusal)))
            raise
        self._last = None
        self._note.unlink(missing_ok=True)
        return taken

    def _remember(self, refused: Refused) -> None:
        note = json.dumps({"why": refused.why, "sentence": refused.sentence}, ensure_ascii=False)
        try:
            write_atomically(self._note, [note.encode()])
            self._last = None  # the note counts, also when another process takes it away
        except OSError as error:
            self._last = refused
            log.error("refusal-not-kept", reason=error.strerror)  # this process remembers it all the same


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
