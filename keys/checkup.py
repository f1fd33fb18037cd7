"""What `safeconduct doctor` looks at in every folder that holds keys, an agency's and a broker's.

Pure functions from facts to findings; those that read files say so. Nothing here unlocks a key, and nothing is changed,
but for an `install` of a certificate that a crash cut short (`keys.tls.look`).
"""

import os
import shlex
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from keys import keystore
from keys.certificates import day
from keys.keystore import OTHERS, read_private
from keys.tls import Files, Look, look
from keys.tls import Health as TlsHealth
from messages import cbor
from messages.directory import Bundle, Contact, Directory, Mandate
from messages.errors import KeyTrouble, Malformed, ShareError
from messages.health import Finding, bad, good, refused, skipped, warn
from messages.limits import CLOCK_SKEW, DAY, HOUR, MINUTE

SOON: Final = 30 * DAY
"""What ends within so long is named in time for two people to agree on what follows it."""
BUNDLE_SOON: Final = 2 * DAY
"""A bundle that was fetched a moment ago has more than that left, whatever the hour."""
CLOCK_WARN: Final = 30_000
PATIENCE: Final = 3.0
"""Seconds for a first connection: a person is waiting."""
LEAST_DISK: Final = 1_000_000_000
NO_DISK: Final = 100_000_000
_KEY_FILE_BYTES: Final = 1024 * 1024


def say(*words: str | Path) -> str:
    """A command as it is typed, also where a folder's name has a space in it."""
    return f"safeconduct {shlex.join(map(str, words))}"


def duration(milliseconds: int) -> str:
    """Roughly how long, in words."""
    for length, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (1000, "second")):
        if abs(milliseconds) >= length:
            return many(abs(milliseconds) // length, name)
    return "less than a second"


def many(count: int, one: str, several: str = "") -> str:
    """A number with its noun."""
    return f"{count} {one if count == 1 else several or one + 's'}"


# the trust bundle and the clock


def bundle(held: Bundle, now: int, renew: str) -> Finding:
    """How fresh the trust bundle is. `renew` is what to do where it is not."""
    what, age = "trust bundle", duration(now - held.created)
    if held.created > now + CLOCK_SKEW:
        return bad(
            "clock",
            f"The trust bundle was signed on {day(held.created)}, which this machine's clock has not reached.",
            "Set the clock (timedatectl set-ntp true); nothing signed here is accepted until then.",
        )
    signed = held.officers_until
    fetched = f" What the officers signed holds until {day(signed)}."
    if now >= held.expires:
        says = f"Epoch {held.epoch} expired on {day(held.expires)}: nothing is sent under it."
        return bad(what, says + (fetched if now < signed else ""), renew)
    left = duration(held.expires - now)
    if held.expires - now < BUNDLE_SOON:
        says = f"Epoch {held.epoch} expires in {left}; then nothing is sent any more."
        return warn(what, says + (fetched if held.expires < signed else ""), renew)
    says = f"Epoch {held.epoch}, signed {age} ago; the officers' signatures hold for {duration(signed - now)}"
    online = f", without another refresh it is good for {left}" if held.expires < signed else ""
    return good(what, f"{says}{online}.")


def clock(offset: int, whose: str, error: int = 0) -> Finding:
    """`offset`: how far `whose` clock is ahead of ours, known up to `error` (half of the round trip)."""
    away = max(abs(offset) - error, 0)
    if away <= CLOCK_WARN:
        return good("clock", f"It agrees with {whose} to {duration(max(abs(offset), error, 1000))}.")
    says = f"This machine's clock is {duration(offset)} {'behind' if offset > 0 else 'ahead of'} {whose}."
    do = "Set it: timedatectl set-ntp true"
    if away > CLOCK_SKEW:
        return bad("clock", f"{says} What is signed here is refused as stale.", do)
    return warn("clock", f"{says} From {duration(CLOCK_SKEW)} on, what is signed here is refused.", do)


# mandates


def live(contact: Contact, now: int) -> Mandate | None:
    """The mandate that runs now by its dates, whether or not it rests or waits for an absence; the longest."""
    running = [m for m in contact.mandates if m.start <= now < _end(m)]
    return max(running, key=_end, default=None)


def mandates(directory: Directory, contacts: Iterable[Contact], now: int) -> list[Finding]:
    """What ends, rests or can do nothing among the mandates of these contacts."""
    found: list[Finding] = []
    count = 0
    for contact in contacts:
        address, mandate = directory.address(contact), live(contact, now)
        if mandate is None:
            continue
        count += 1
        last = _last_day(contact, mandate)
        if last - now < SOON:
            found.append(
                warn(
                    "mandates",
                    f"The mandate of {address} ends on {day(last)}, in {duration(last - now)}.",
                    "Have two officers grant the next one: safeconduct contact mandate --help",
                )
            )
        rests = next((s for s in contact.suspended if s.holds(now)), None)
        if rests is not None:
            found.append(
                warn(
                    "mandates",
                    f"{address} is suspended: it cannot log in, and nothing is sent to it.",
                    "If that is not meant, have the officers end it: safeconduct contact resume --help",
                )
            )
        if mandate.deputy_for is not None and not any(a.end > now for a in mandate.absences):
            found.append(
                warn(
                    "mandates",
                    f"{address} is a deputy, and no absence is noted in which it has duty.",
                    "Have two officers note when: safeconduct contact absence --help",
                )
            )
    if not any(f.says.startswith("The mandate") for f in found):
        found.insert(0, good("mandates", f"{count} in force, none ends within {duration(SOON)}."))
    return found


def _end(mandate: Mandate) -> int:
    return mandate.end if mandate.revoked is None else min(mandate.end, mandate.revoked)


def _last_day(contact: Contact, mandate: Mandate) -> int:
    """When it ends, or what follows it without a gap."""
    end = _end(mandate)
    for following in sorted(contact.mandates, key=lambda m: m.start):
        if following.start <= end < _end(following):
            end = _end(following)
    return end


def ending(what: str, named: Iterable[tuple[str, int]], now: int, do: str) -> list[Finding]:
    """A warning for each of `named` (what it is called, when it ends) that ends soon, or has ended: then it is bad."""
    found = []
    for name, end in named:
        if end <= now:
            found.append(bad(what, f"{name} ended on {day(end)}.", do))
        elif end - now < SOON:
            found.append(warn(what, f"{name} ends on {day(end)}, in {duration(end - now)}.", do))
    return found


# TLS and the disk


def tls(folder: Path, now: int, *, needed: bool) -> Finding:
    """The TLS of a home, read from its files."""
    try:
        return _tls(look(Files(folder / "tls"), now), needed=needed)
    except OSError as error:
        return bad("TLS", f"{folder}/tls cannot be looked at ({error.strerror}).", _as_owner(folder))


def _tls(found: Look, *, needed: bool) -> Finding:
    if found.health is TlsHealth.GOOD:
        return good("TLS", found.says)
    if found.health is TlsHealth.DUE:
        return warn("TLS", found.says, found.do)
    if found.health is TlsHealth.ABSENT and not needed:
        return good("TLS", "Not used here.")
    if found.health is TlsHealth.ABSENT:
        return bad("TLS", "There is no certificate in use, and connections here need one.", found.do)
    return bad("TLS", found.says, found.do)


def disk(folder: Path) -> Finding:
    """The free space of a folder, from the system."""
    return space(shutil.disk_usage(folder).free, folder)


def space(free: int, folder: Path) -> Finding:
    """Whether so many free bytes are enough."""
    says = f"{free / 1e9:.1f} GB free at {folder}."
    do = f"Free some space: du -xh --max-depth=2 {shlex.quote(str(folder))} | sort -h | tail"
    if free < NO_DISK:
        return bad("disk", f"{says} Nothing more can be kept, so nothing is sent or taken.", do)
    return warn("disk", says, do) if free < LEAST_DISK else good("disk", says)


# key files


_EXPOSED: Final = "Whoever was there may have a copy: if you cannot rule that out, have the keys replaced."


def owner(folder: Path) -> Finding | None:
    """Whether the folder is another user's: then nothing is done in it, so that no file of ours is left there."""
    status = folder.stat()
    if status.st_uid == os.geteuid():
        return None
    return bad("permissions", f"{folder} belongs to another user, so only its files were looked at.", _as_owner(folder))


def _as_owner(folder: Path) -> str:
    return (
        f"Run this as the user whom it belongs to: sudo -u '#{folder.stat().st_uid}' {say('doctor', '--home', folder)}"
    )


def permissions(home: Path, secret: Iterable[Path], private: Iterable[Path] = ()) -> list[Finding]:
    """Modes and owners of key files, and of other files that are nobody else's business; read from the files."""
    found: list[Finding] = []
    count = 0
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & OTHERS:
        found.append(warn("permissions", f"Others can enter {home}.", f"chmod 700 {shlex.quote(str(home))}"))
    for path in secret:
        try:
            keystore.check_modes(path)
            count += 1
        except KeyTrouble as error:
            found.append(refused("permissions", error, _EXPOSED if str(error).startswith("Others") else ""))
        except OSError as error:
            found.append(_unseen(path, error))
    for path in private:
        try:
            if not stat.S_ISLNK(path.lstat().st_mode) and stat.S_IMODE(path.lstat().st_mode) & OTHERS:
                do = f"chmod {'700' if path.is_dir() else '600'} {shlex.quote(str(path))}"
                found.append(bad("permissions", f"Others can read {path}.", do))
        except FileNotFoundError:
            continue
        except OSError as error:
            found.append(_unseen(path, error))
    if not found:
        found.append(good("permissions", f"{many(count, 'key file')}, readable by nobody else."))
    return found


def _unseen(path: Path, error: OSError) -> Finding:
    why = error.strerror or type(error).__name__
    return skipped("permissions", f"{path} could not be looked at ({why}); run this as its owner.")


def key_files(paths: Iterable[Path]) -> list[Finding]:
    """Key files that are no longer whole, and what a crash left beside them; read from the files."""
    found: list[Finding] = []
    for path in paths:
        left = path.with_name(f"{path.name}.new")
        try:
            if left.exists() and not path.exists():
                found.append(
                    bad(
                        "key files",
                        f"{path} is missing, and beside it lies one that was being written when something stopped.",
                        f"Restore {path} from your backup, then: rm {shlex.quote(str(left))}",
                    )
                )
            elif left.exists():
                found.append(
                    warn(
                        "key files",
                        f"{left} was being written when something stopped; the key file itself is whole.",
                        f"Nothing is lost: rm {shlex.quote(str(left))}",
                    )
                )
            if path.exists() and not _is_whole(path):
                found.append(
                    bad(
                        "key files",
                        f"{path} is damaged: it does not read as a key file to its end.",
                        "Restore it from your backup; without one, have the key replaced: safeconduct contact rotate"
                        " --help",
                    )
                )
        except KeyTrouble:
            continue  # `permissions` says so
        except OSError as error:
            found.append(_unseen(path, error))
    return found


def left_overs(folders: Iterable[Path]) -> list[Finding]:
    """Files that a crash left half-written under a temporary name."""
    return [
        warn(
            "left over",
            f"{path} was being written when something stopped; nothing reads it.",
            f"rm {shlex.quote(str(path))}",
        )
        for folder in folders
        for path in _temporary(folder)
    ]


def _temporary(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(p for p in folder.glob(".*.tmp") if p.is_file())
    except OSError:
        return


def _is_whole(path: Path) -> bool:
    """Whether a key file has its shape; whether it opens is known only with the passphrase."""
    try:
        value = cbor.load(read_private(path, _KEY_FILE_BYTES), _KEY_FILE_BYTES, "key file")
    except Malformed:
        return False
    return isinstance(value, dict) and isinstance(value.get("box"), bytes)


def passphrase(home: Path, settings: dict[str, str]) -> list[Finding]:
    """Whether the passphrase lies in a file, and who can read that; from the settings and the file's mode."""
    if settings.get("practice", "").lower() == "true":
        return [
            warn(
                "practice",
                "These are practice keys: one passphrase in a file opens everybody's.",
                "Fine to learn with. For real work every party makes its own: safeconduct agency init --help",
            )
        ]
    if "passphrase_file" not in settings:
        return []
    path = home / settings["passphrase_file"]
    try:
        read_private(path, 0)
    except ShareError as error:
        return [refused("passphrase", error)]
    except OSError:
        return [
            bad("passphrase", f"The passphrase file {path} cannot be read.", "Correct passphrase_file in the settings.")
        ]
    return [good("passphrase", f"It lies in {path}, for services alone: no person's key opens with it.")]
