"""What a proposal changes, in plain words, for the person who is about to sign it. Pure.

What newly becomes possible stands first, then new keys, then what else changes, then what ends. Nothing changes
silently: whatever these words do not cover is shown as it is written, and two different changes never read alike.
"""

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from keys import accounts, content
from keys.content import Content, Share
from keys.decisions import FAR, address
from keys.fingerprints import fingerprint
from keys.sealing import key_id
from messages.directory import (
    ALL_TYPES,
    Account,
    Agency,
    AlarmAddress,
    Contact,
    Guard,
    KeyStatement,
    Mandate,
    Officer,
    Operator,
    Span,
    Witness,
    Worker,
    key_id_text,
)
from messages.ids import AgencyHandle
from messages.limits import DAY

NEW, KEY, OTHER, ENDS = range(4)

Explain = Callable[[str], str]
"""An agreement's YAML text in one line of words; `policies` reads it."""


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One line of the difference: how it is sorted, which file of the bundle it is about, and the words."""

    rank: int
    path: str
    text: str


def describe(
    before: Content | None,
    after: Content,
    *,
    explain: Explain = repr,
    shares: tuple[Mapping[AgencyHandle, Share], Mapping[AgencyHandle, Share]] = ({}, {}),
) -> list[str]:
    """The difference as lines, the most important first. `shares` are those before and after."""
    lines = differences(before, after, explain=explain)
    lines += _met(after, *shares)
    return [_printable(line.text) for line in sorted(lines, key=lambda line: line.rank)]


def differences(before: Content | None, after: Content, *, explain: Explain = repr) -> list[Line]:
    """The difference, unsorted; at least one line for every file that changes."""
    old = content.files(before) if before is not None else {}
    new = content.files(after)
    lines: list[Line] = []
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) == new.get(path):
            continue
        found = [Line(rank, path, text) for rank, text in _file(path, before, after, explain)]
        if not found:
            told = f"{path} changes: {_short(old.get(path))} → {_short(new.get(path))}"
            found = [Line(NEW, path, told)]
        lines += found
    return lines


Said = tuple[int, str]


def _file(path: str, before: Content | None, after: Content, explain: Explain) -> list[Said]:
    match path:
        case content.OPERATOR:
            return _operator(before.operator if before else None, after.operator)
        case content.OFFICERS:
            return _officers(before.officers if before else (), after.officers)
        case content.WITNESSES:
            return _witnesses(before.witnesses if before else (), after.witnesses)
        case content.CONSOLE:
            return _accounts(before.accounts if before else (), after.accounts)
        case content.RULES | content.CATALOGUE:
            return _edition(path, before, after)
    if path.startswith(content.AGENCY):
        handle = AgencyHandle(path.removeprefix(content.AGENCY).removesuffix(".json"))
        return _agency(before.agencies.get(handle) if before else None, after.agencies[handle])
    if path.startswith(content.CONTACTS):
        handle = AgencyHandle(path.removeprefix(content.CONTACTS).removesuffix(".json"))
        return _contacts(before, after, handle)
    if path.startswith(content.AGREEMENT):
        name = path.removeprefix(content.AGREEMENT)
        return _agreement(name, before.agreements.get(name) if before else None, after.agreements[name], explain)
    return []


def _operator(old: Operator | None, new: Operator) -> list[Said]:
    if old is None:
        workers = [_worker(w) for w in new.workers]
        words = [
            (NEW, f"{new.name} runs the broker; its log is {new.log_origin}"),
            (KEY, f"operator {new.name}: login {new.nkey}, log key {new.log_vkey}"),
            *((KEY, f"operator {new.name}: {w}") for w in workers),
        ]
        words += [(OTHER, f"the trust bundle is fetched at {new.trust_url}")] if new.trust_url else []
        return words + [(NEW, _alarm(a)) for a in new.alarms or ()]
    words = _fields(f"operator {new.name}", old, new, {"workers", "alarms"})
    before, after = old.alarms or (), new.alarms or ()
    words += [(NEW, _alarm(address)) for address in after if address not in before]
    words += [(ENDS, f"no longer: {_alarm(address)}") for address in before if address not in after]
    words += _reordered("the addresses of alarms", before, after)
    for worker in new.workers:
        if worker not in old.workers:
            words.append((NEW, f"operator {new.name}: {_worker(worker)}"))
    for worker in old.workers:
        if worker not in new.workers:
            words.append((ENDS, f"operator {new.name}: no longer: {_worker(worker)}"))
    return words + _reordered("the workers", old.workers, new.workers)


def _alarm(address: AlarmAddress) -> str:
    whose = "outside the operator's organisation" if address.outside else "of the operator's own"
    return f"alarms go, without content, to {address.to} ({whose}); every agency can see this address"


def _worker(worker: Worker) -> str:
    return f"worker {worker.handle} {_span(worker.start, worker.end)}, key {fingerprint(worker.key)}"


def _officers(old: Sequence[Officer], new: Sequence[Officer]) -> list[Said]:
    words: list[Said] = []
    known = {o.handle: o for o in old}
    for officer in new:
        before = known.pop(officer.handle, None)
        who = f"{officer.title} ({officer.handle})"
        if before is None:
            words.append(
                (NEW, f"{who} becomes an officer {_span(officer.start, officer.end)}; key {fingerprint(officer.key)}")
            )
        elif before != officer:
            earlier = before.end > officer.end
            if before.end != officer.end:
                rank = ENDS if earlier else NEW
                words.append((rank, f"{who}: office ends {_moment(officer.end)} instead of {_moment(before.end)}"))
            words += _fields(who, before, officer, {"end"})
    words += [(NEW, f"{o.title} ({o.handle}) is forgotten as an officer") for o in known.values()]
    return words + _reordered("the officers", [o.handle for o in old], [o.handle for o in new])


def _agency(old: Agency | None, new: Agency) -> list[Said]:
    if old is None:
        words: list[Said] = [
            (NEW, f'{new.name} ("{new.title}", {new.party_class.value}, {new.country}) joins as {new.handle}'),
            (KEY, f"{new.name}: login {new.nkey}"),
            *((KEY, f"{new.name}: {_guard(g)}") for g in new.guards),
        ]
        if new.written_consent_only:
            words.append((OTHER, f"{new.name}: only written consents count"))
        if new.head is not None:
            words.append((NEW, f"{new.name}: {_head(new.head)}"))
        if new.retired is not None:
            words.append((ENDS, f"{new.name} is retired since {_moment(new.retired)}"))
        return words
    words = _fields(new.name, old, new, {"guards", "head", "retired"})
    words += [(NEW, f"{new.name}: {_guard(g)}") for g in new.guards if g not in old.guards]
    words += [(ENDS, f"{new.name}: no longer: {_guard(g)}") for g in old.guards if g not in new.guards]
    words += _reordered(f"the release guards of {new.name}", old.guards, new.guards)
    if old.head != new.head:
        if new.head is not None:
            words.append((NEW, f"{new.name}: {_head(new.head)}"))
        if old.head is not None:
            words.append((ENDS, f"{new.name}: no longer: {_head(old.head)}"))
    if old.retired != new.retired:
        since = _moment(new.retired) if new.retired is not None else None
        words.append((ENDS, f"{new.name} is retired from {since} on: nobody logs in for it") if since else (
            NEW, f"{new.name} is no longer retired: its contacts may log in again"
        ))  # fmt: skip
    return words


def _guard(guard: Guard) -> str:
    return f"release guard {guard.handle} {_span(guard.start, guard.end)}, key {fingerprint(guard.key)}"


def _head(head: Officer) -> str:
    return (
        f"{head.title} ({head.handle}) is its head {_span(head.start, head.end)} and may be one of two who decide "
        f"about its contacts; key {fingerprint(head.key)}"
    )


def _contacts(before: Content | None, after: Content, handle: AgencyHandle) -> list[Said]:
    old = {c.handle: c for c in before.contacts.get(handle, ())} if before is not None else {}
    new = {c.handle: c for c in after.contacts.get(handle, ())}
    words: list[Said] = []
    for key, contact in new.items():
        words += _contact(old.get(key), contact, after)
    words += [(NEW, f"{address(before, c)} is forgotten") for k, c in old.items() if before and k not in new]
    words += _reordered(f"the contacts of {after.agencies[handle].name}", list(old), list(new))
    return words or [(OTHER, f"{after.agencies[handle].name} has no contacts yet")]


def _contact(old: Contact | None, new: Contact, after: Content) -> list[Said]:
    who = address(after, new)
    if old is None:
        keeper = "a person" if new.keeping.value == "person" else "a service"
        words: list[Said] = [
            (NEW, f'{who} ("{new.title}") joins as {new.handle}; its keys are held by {keeper}'),
            (KEY, f"{who}: signing key {fingerprint(new.signing_key)}"),
            (KEY, f"{who}: login {new.nkey or 'none'}"),
            (OTHER, f"{who}: an encryption key is followed by the next after {new.rotation_days} days"),
            *((NEW, f"{who} {_mandate(m, after)}") for m in new.mandates),
            *((KEY, f"{who}: {_statement(s)}") for s in new.statements),
            *(
                (KEY, f"{who}: former signing key {fingerprint(f.key)} {_span(f.start, f.end)}")
                for f in new.former_keys
            ),
            *((ENDS, f"{who} is suspended {_span(s.start, s.end)}") for s in new.suspended),
        ]
        return words
    words = []
    if old.signing_key != new.signing_key:
        words.append((NEW, f"{who}: new signing key {fingerprint(new.signing_key)}"))
    if old.nkey != new.nkey:
        words.append((NEW, f"{who}: login {new.nkey or 'none'} instead of {old.nkey or 'none'}"))
    words += _mandates(who, old.mandates, new.mandates, after)
    words += _spans(who, old.suspended, new.suspended)
    words += [(KEY, f"{who}: {_statement(s)}") for s in new.statements if s not in old.statements]
    words += [(NEW, f"{who}: forgotten: {_statement(s)}") for s in old.statements if s not in new.statements]
    for former in new.former_keys:
        if former not in old.former_keys:
            words.append(
                (KEY, f"{who}: its signing key {fingerprint(former.key)} counts {_span(former.start, former.end)} only")
            )
    for former in old.former_keys:
        if former not in new.former_keys:
            words.append((NEW, f"{who}: forgotten: the former signing key {fingerprint(former.key)}"))
    covered = {"signing_key", "nkey", "mandates", "suspended", "statements", "former_keys"}
    words += _fields(who, old, new, covered)
    for name in ("mandates", "suspended", "statements", "former_keys"):
        words += _reordered(f"{who}: the {name.replace('_', ' ')}", getattr(old, name), getattr(new, name))
    return words


def _mandates(who: str, old: Sequence[Mandate], new: Sequence[Mandate], after: Content) -> list[Said]:
    words: list[Said] = []
    gone = [m for m in old if m not in new]
    for mandate in (m for m in new if m not in old):
        before = next((m for m in gone if (m.start, m.deputy_for) == (mandate.start, mandate.deputy_for)), None)
        if before is None:
            words.append((NEW, f"{who} {_mandate(mandate, after)}"))
            continue
        gone.remove(before)
        words += _mandate_change(who, before, mandate, after)
    words += [(NEW, f"{who}: forgotten: {_mandate(m, after)}") for m in gone]
    return words


def _mandate_change(who: str, old: Mandate, new: Mandate, after: Content) -> list[Said]:
    what = f"{who}, mandate from {_moment(new.start)}"
    words: list[Said] = []
    if old.revoked != new.revoked:
        if new.revoked is None:
            words.append((NEW, f"{what}: is no longer revoked"))
        else:
            later = old.revoked is not None and new.revoked > old.revoked
            words.append((NEW if later else ENDS, f"{what}: is revoked from {_moment(new.revoked)} on"))
    if old.end != new.end:
        longer = new.end > old.end
        words.append((NEW if longer else ENDS, f"{what}: ends {_moment(new.end)} instead of {_moment(old.end)}"))
    for name, label in (("areas", "crime areas"), ("types", "data types"), ("duties", "duties")):
        more, less = getattr(new, name) - getattr(old, name), getattr(old, name) - getattr(new, name)
        words += [(NEW, f"{what}: also {label} {_words(more)}")] if more else []
        words += [(ENDS, f"{what}: no longer {label} {_words(less)}")] if less else []
    for name, label in (
        ("may_send", "may send"),
        ("may_receive", "may receive"),
        ("exercise", "takes part in exercises"),
    ):
        if getattr(old, name) != getattr(new, name):
            words.append((NEW, f"{what}: {label}") if getattr(new, name) else (ENDS, f"{what}: no longer {label}"))
    for span in new.absences:
        if span not in old.absences:
            words.append((NEW, f"{what}: has duty as deputy {_span(span.start, span.end)}"))
    for span in old.absences:
        if span not in new.absences:
            words.append((ENDS, f"{what}: no longer has duty as deputy {_span(span.start, span.end)}"))
    if (old.granted_by, old.granted_in) != (new.granted_by, new.granted_in):
        words.append((OTHER, f"{what}: is {_granted(new, after)}; before it was {_granted(old, after)}"))
    return words


def _mandate(mandate: Mandate, after: Content) -> str:
    can = [w for w, yes in (("send", mandate.may_send), ("receive", mandate.may_receive)) if yes]
    parts = [
        f"may {' and '.join(can) or 'neither send nor receive'} {_words(mandate.types)} in {_words(mandate.areas)} "
        f"{_span(mandate.start, mandate.end)}"
    ]
    if mandate.exercise:
        parts.append("takes part in exercises")
    if mandate.duties:
        parts.append(f"duties {_words(mandate.duties)}")
    if mandate.deputy_for is not None:
        principals = [
            address(after, c) for own in after.contacts.values() for c in own if c.handle == mandate.deputy_for
        ]
        parts.append(f"only as deputy for {', '.join(principals) or mandate.deputy_for}, in its absences")
    if mandate.deputy_for is not None or mandate.absences:
        parts.append(f"absences: {', '.join(_span(a.start, a.end) for a in mandate.absences) or 'none named yet'}")
    if mandate.revoked is not None:
        parts.append(f"revoked from {_moment(mandate.revoked)} on")
    parts.append(_granted(mandate, after))
    return "; ".join(parts)


def _granted(mandate: Mandate, after: Content) -> str:
    heads = [a.head for a in after.agencies.values() if a.head is not None]
    titles = {o.handle: o.title for o in (*after.officers, *heads)}
    by = " and ".join(f"{titles.get(o, 'somebody unknown')} ({o})" for o in mandate.granted_by) or "nobody"
    return f"granted by {by} in epoch {mandate.granted_in}"


def _spans(who: str, old: Sequence[Span], new: Sequence[Span]) -> list[Said]:
    words: list[Said] = []
    gone = [s for s in old if s not in new]
    for span in (s for s in new if s not in old):
        before = next((s for s in gone if s.start == span.start), None)
        if before is None:
            words.append((ENDS, f"{who} is suspended {_span(span.start, span.end)}"))
            continue
        gone.remove(before)
        rank = NEW if span.end < before.end else ENDS
        words.append((rank, f"{who}: its suspension from {_moment(span.start)} ends {_moment(span.end)}"))
    return words + [(NEW, f"{who}: forgotten: it was suspended {_span(s.start, s.end)}") for s in gone]


def _statement(statement: KeyStatement) -> str:
    return (
        f"encryption key {statement.number} {_span(statement.start, statement.end)}, id "
        f"{key_id_text(key_id(statement.key))}, as signed in {sha256(statement.signed).hexdigest()[:16]}"
    )


def _agreement(name: str, old: str | None, new: str, explain: Explain) -> list[Said]:
    if old is None:
        return [(NEW, f"new agreement {name}: {explain(new)}"), (OTHER, f"{name} has SHA-256 {_digest(new)}")]
    changed = [line for line in new.splitlines() if line not in old.splitlines()]
    gone = [line for line in old.splitlines() if line not in new.splitlines()]
    words = f"agreement {name} changes: {' / '.join(gone).strip()} → {' / '.join(changed).strip()}"
    return [(NEW, f"{words} (SHA-256 {_digest(new)})")]


def _edition(path: str, before: Content | None, after: Content) -> list[Said]:
    new = after.rules if path == content.RULES else after.catalogue
    digest = content.read_digest(new, path)
    what = "the rules" if path == content.RULES else "the catalogue of data types"
    return [(NEW, f"{what} are edition {digest} (file {_digest(new)}); every installation has to have the same")]


def _met(after: Content, before: Mapping[AgencyHandle, Share], now: Mapping[AgencyHandle, Share]) -> list[Line]:
    """Who newly learns that whom exists."""
    lines = []
    for agency, share in now.items():
        known = before[agency].agencies if agency in before else frozenset()
        for other in sorted(share.agencies - known):
            if agency < other:
                names = f"{after.agencies[agency].name} and {after.agencies[other].name}"
                lines.append(Line(NEW, "", f"{names} learn of each other and of each other's contacts"))
    return lines


# Words


def _printable(text: str) -> str:
    """Titles come from requests: none may move the cursor, hide a line or turn the writing around."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def _fields(who: str, old: Any, new: Any, covered: set[str]) -> list[Said]:
    """Every field that changes and is not covered by better words, as it is written."""
    words: list[Said] = []
    for name in type(new).model_fields:
        if name in covered or getattr(old, name) == getattr(new, name):
            continue
        words.append(
            (
                NEW,
                f"{who}: {name.replace('_', ' ')} changes: {_value(getattr(old, name))} → {_value(getattr(new, name))}",
            )
        )
    return words


def _accounts(old: Sequence[Account], new: Sequence[Account]) -> list[Said]:
    before = {a.officer: a for a in old}
    words: list[Said] = []
    for account in new:
        known, who = before.pop(account.officer, None), f"{account.officer} ({account.title or account.role})"
        if known == account:
            continue
        if account.ended is not None and known is not None and known == account.model_copy(update={"ended": None}):
            words.append((ENDS, f"console account {who} opens nothing from {_moment(account.ended)} on"))
            continue
        has = account.key or account.credential
        passkey = f"passkey, request {fingerprint(accounts.request(account))}" if has else "without a passkey"
        passkey += f", ended {_moment(account.ended)}" if account.ended is not None else ""
        words.append((NEW if known is None else KEY, f"console account {who}: role {account.role}, {passkey}"))
    words += [(ENDS, f"no longer a console account: {a.officer} ({a.title or a.role})") for a in before.values()]
    words += _reordered("each console account", [_dump(a) for a in old], [_dump(a) for a in new])
    return words or [(OTHER, "there is no console account yet")]


def _witnesses(old: Sequence[Witness], new: Sequence[Witness]) -> list[Said]:
    words: list[Said] = [(NEW, f"new witness of the log: {_witness(w)}") for w in new if w not in old]
    words += [(ENDS, f"no longer a witness of the log: {_witness(w)}") for w in old if w not in new]
    words += _reordered("the witnesses", old, new)
    return words or [(OTHER, "there is no witness of the log yet")]


def _witness(witness: Witness) -> str:
    """Label and digits: a C2SP key ends in the base64 of one byte and the public key."""
    try:
        key = base64.b64decode(witness.vkey.rsplit("+", 1)[-1], validate=True)[1:]
    except ValueError:
        key = b""
    return f"{witness.label}, key {fingerprint(key)} ({witness.vkey})"


def _reordered(what: str, old: Sequence[Any], new: Sequence[Any]) -> list[Said]:
    """A change of order among what stays; of two mandates that begin together, the first counts."""
    kept, now = [m for m in old if m in new], [m for m in new if m in old]
    return [(OTHER, f"{what} stand in another order: {[kept.index(m) + 1 for m in now]}")] if kept != now else []


def _dump(model: Any) -> bytes:
    return content.write(model)


def _short(data: bytes | None) -> str:
    if data is None:
        return "nothing"
    text = data.decode(errors="replace").strip()
    return text if len(text) <= 400 else f"{text[:200]}… (SHA-256 {sha256(data).hexdigest()})"


def _value(value: object) -> str:
    if isinstance(value, bytes):
        return fingerprint(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _digest(text: str | bytes) -> str:
    return sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def _words(values: Iterable[object]) -> str:
    words = sorted(str(getattr(v, "value", v)) for v in values)
    return "all data types" if words == [ALL_TYPES] else ", ".join(words)


_MIDNIGHT: Final = "T00:00:00Z"


def _moment(at: int) -> str:
    """A moment in UTC; a day where it is a midnight."""
    if at == FAR:
        return "never"
    try:
        text = datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"moment {at}"
    if at % 1000:
        return text.replace("Z", f".{at % 1000:03d}Z")
    return text.removesuffix(_MIDNIGHT).replace("T", " ")


def _span(start: int, end: int) -> str:
    """From when until when; a midnight as the last day before it, which is how people write it."""
    if end == FAR:
        return f"from {_moment(start)} on"
    last = _moment(end - DAY) if end % DAY == 0 else _moment(end)
    return f"from {_moment(start)} until {last}"
