"""Who may be inside by the trust bundle, agency by agency: whom to cut, and whose waiting views to purge. Pure.

A bundle names thousands of logins and a new epoch changes few: what was found for an agency is found again only when
its own entry or one of its contacts has changed, or at the next moment at which their dates let somebody in or out.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bus.subjects import Login
from messages.directory import Agency, Contact, Directory
from messages.ids import AgencyHandle, ContactHandle

NEVER: Final = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class _Door:
    """One agency as it was found: it holds until `until`, for just this agency and these contacts."""

    agency: Agency
    contacts: tuple[Contact, ...]
    inside: Mapping[str, Login]
    shut: Mapping[ContactHandle, Contact]  # had a mandate that began, and may not log in
    until: int

    def is_of(self, agency: Agency, contacts: tuple[Contact, ...]) -> bool:
        """Whether nothing has changed: what was not published anew is the very same object."""
        same = self.agency is agency or self.agency == agency
        return same and (self.contacts is contacts or self.contacts == contacts)


class Doors:
    """`to_cut` and `to_purge` are what is still to be done; whoever did it takes it out."""

    def __init__(self) -> None:
        self._doors: dict[AgencyHandle, _Door] = {}
        self._directory: Directory | None = None
        self._next = 0
        self._purged: set[ContactHandle] = set()
        self.to_cut: set[str] = set()
        self.to_purge: dict[ContactHandle, Contact] = {}

    def look(self, directory: Directory, now: int, login: Callable[[str], Login | None]) -> None:
        """Find who may be inside at `now`. `login` says what the holder of a public NKEY may do, or None."""
        if directory is self._directory and now < self._next:
            return
        due = now >= self._next
        seen = self._directory
        same = seen is not None and seen.agencies is directory.agencies
        looked_at = [a.handle for a in directory.agencies] if due else directory.changed_since(seen)
        before: dict[str, Login] = {}
        after: dict[str, Login] = {}
        for handle in looked_at:
            agency, contacts, old = directory.agency(handle), directory.contacts_of(handle), self._doors.get(handle)
            if agency is None or (old is not None and now < old.until and old.is_of(agency, contacts)):
                continue
            new = self._doors[handle] = _door(agency, contacts, now, login)
            before |= old.inside if old is not None else {}
            after |= new.inside
            self._shut(contacts, new.shut)
        for handle in () if same else self._doors.keys() - {a.handle for a in directory.agencies}:
            before |= self._doors.pop(handle).inside
        self.to_cut |= {nkey for nkey, had in before.items() if after.get(nkey) != had}
        self._directory = directory
        self._next = min((door.until for door in self._doors.values()), default=NEVER)

    def _shut(self, contacts: tuple[Contact, ...], shut: Mapping[ContactHandle, Contact]) -> None:
        for contact in contacts:
            if contact.handle not in shut:
                self._purged.discard(contact.handle)
                self.to_purge.pop(contact.handle, None)
            elif contact.handle not in self._purged:
                self.to_purge[contact.handle] = contact

    def purged(self, contact: ContactHandle) -> None:
        """What waited for this contact is gone."""
        self._purged.add(contact)
        del self.to_purge[contact]


def _door(agency: Agency, contacts: tuple[Contact, ...], now: int, login: Callable[[str], Login | None]) -> _Door:
    nkeys = [agency.nkey, *(c.nkey for c in contacts if c.nkey is not None)]
    return _Door(
        agency=agency,
        contacts=contacts,
        inside={nkey: found for nkey in nkeys if (found := login(nkey)) is not None},
        shut={c.handle: c for c in contacts if not c.may_log_in(now) and any(m.start <= now for m in c.mandates)},
        until=min((m for m in _moments(agency, contacts) if m > now), default=NEVER),
    )


def _moments(agency: Agency, contacts: tuple[Contact, ...]) -> Iterator[int]:
    """When somebody gets in or out by the directory alone, without a new epoch."""
    if agency.retired is not None:
        yield agency.retired
    for contact in contacts:
        for mandate in contact.mandates:
            yield mandate.start
            if mandate.revoked is not None:
                yield mandate.revoked
        for span in contact.suspended:
            yield span.start
            yield span.end
