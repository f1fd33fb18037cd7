"""A small task force's trust bundle for tests: officers, root holders, an online key, and what they publish.

The keys come from labels, so two runs have the same; they protect nothing. Times are the machine's own, for
python-tuf's client knows no other clock, less what had passed of the hour: what is signed anew with the hour or the day
is not signed anew in the middle of a test.
"""

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from keys import content, publishing
from keys.bundle import Verifier
from keys.content import Content, Share
from keys.domains import KeyKind
from keys.metadata import FULL, Audience, Metadata, Root, new_root, sign
from keys.online import Extracts, export
from keys.publishing import Unsigned
from keys.repository import Repository, State
from keys.signing import Signer
from messages.directory import Agency, Bundle, Contact, Directory, Mandate, Officer, Operator, Worker
from messages.ids import AgencyHandle
from messages.labels import CrimeArea, Keeping, PartyClass
from messages.limits import DAY, HOUR
from tests.keys.world import seed

POLICE, COURT, REFUGE, STRANGER = (AgencyHandle(f"a{c * 12}") for c in "pcrs")
WHOLE = Audience(FULL)
OFFICERS = tuple(f"o{c * 12}" for c in "abc")
HEAD = "ohhhhhhhhhhhh"
_PASSED = time.time_ns() // 1_000_000 % HOUR


def now() -> int:
    return time.time_ns() // 1_000_000 - _PASSED


def officer(handle: str) -> Signer:
    return Signer(KeyKind.HEAD if handle == HEAD else KeyKind.OFFICER, handle, seed(f"officer {handle}"))


def head(handle: str) -> Signer:
    """A head whose handle is not that of the harbour police's."""
    return Signer(KeyKind.HEAD, handle, seed(f"head {handle}"))


def holder(number: int) -> Signer:
    return Signer(KeyKind.ROOT, f"o{'rstuv'[number] * 12}", seed(f"root {number}"))


def online(label: str = "online") -> Signer:
    return Signer(KeyKind.ONLINE, "waaaaaaaaaaaa", seed(label))


def as_officer(signer: Signer, *, end: int = 2**52) -> Officer:
    return Officer(handle=signer.handle, title=f"officer {signer.handle[:3]}", key=signer.public, start=0, end=end)


def mandate(**changed: object) -> Mandate:
    fields: dict[str, object] = {
        "start": 0,
        "end": 2**52,
        "areas": frozenset({CrimeArea.SEX}),
        "types": frozenset({"A01"}),
        "may_send": True,
        "may_receive": True,
        "granted_by": OFFICERS[:2],
        "granted_in": 1,
    }
    return Mandate(**(fields | changed))  # type: ignore[arg-type]


def contact(agency: AgencyHandle, name: str, **changed: object) -> Contact:
    handle = "c" + agency[1:7] + name[:1] * 6
    fields: dict[str, object] = {
        "handle": handle,
        "name": name,
        "title": f"{name} of {agency}",
        "agency": agency,
        "signing_key": Signer(KeyKind.CONTACT, handle, seed(f"contact {handle}")).public,
        "keeping": Keeping.PERSON,
        "mandates": (mandate(),),
    }
    return Contact(**(fields | changed))  # type: ignore[arg-type]


def agency(handle: AgencyHandle, name: str, party: PartyClass, **changed: object) -> Agency:
    fields: dict[str, object] = {
        "handle": handle,
        "name": name,
        "title": name.title(),
        "party_class": party,
        "country": "PL",
        "nkey": "U" + handle.upper().ljust(55, "A"),
    }
    return Agency(**(fields | changed))  # type: ignore[arg-type]


def decided() -> Content:
    """Police and court have an agreement; so have court and refuge; the stranger has none."""
    agencies = (
        agency(POLICE, "harbour-police", PartyClass.POL, head=as_officer(officer(HEAD))),
        agency(COURT, "city-prosecutor", PartyClass.PRO),
        agency(REFUGE, "refuge", PartyClass.NGO_S),
        agency(STRANGER, "quiet-agency", PartyClass.LAB),
    )
    return Content(
        operator=Operator(
            name="operator",
            nkey="U" + "B" * 55,
            workers=(Worker(handle="waaaaaaaaaaaa", key=seed("worker"), start=0, end=2**52),),
            log_origin="example.org/log",
            log_vkey="",
        ),
        officers=tuple(as_officer(officer(o)) for o in OFFICERS),
        agencies={a.handle: a for a in agencies},
        contacts={a.handle: (contact(a.handle, "desk"), contact(a.handle, "night")) for a in agencies},
        agreements={"one.yaml": "parties: [harbour-police, city-prosecutor]", "two.yaml": "parties: [city, refuge]"},
        rules=content.edition("rules", {}),
        catalogue=content.edition("catalogue", {}),
    )


def shares() -> dict[AgencyHandle, Share]:
    return {
        POLICE: Share(frozenset({POLICE, COURT}), frozenset({"one.yaml"})),
        COURT: Share(frozenset({POLICE, COURT, REFUGE}), frozenset({"one.yaml", "two.yaml"})),
        REFUGE: Share(frozenset({COURT, REFUGE}), frozenset({"two.yaml"})),
        STRANGER: Share(frozenset({STRANGER}), frozenset()),
    }


def root(
    version: int = 1,
    *,
    at: int | None = None,
    officers: Iterable[str] = OFFICERS,
    holders: Iterable[int] = (0, 1, 2),
    by: Iterable[int] = (0, 1),
    with_online: str = "online",
    spoil: Callable[[Metadata[Root]], None] | None = None,
) -> Metadata[Root]:
    metadata = new_root(
        [holder(i).public for i in holders],
        [officer(o).public for o in officers],
        [online(with_online).public],
        now() if at is None else at,
        version=version,
    )
    if spoil is not None:
        spoil(metadata)
    for number in by:
        sign(metadata, holder(number))
    return metadata


@dataclass
class Force:
    """The officers' repository, and the broker that serves it."""

    folder: Path
    content: Content = field(default_factory=decided)
    shares: dict[AgencyHandle, Share] = field(default_factory=shares)

    def __post_init__(self) -> None:
        self.repository = Repository(self.folder)
        self.root = self.repository.root(1) or root().to_bytes()
        if self.repository.root(1) is None:
            self.repository.add_root(1, self.root)
        self.extracts = Extracts(self.repository, online())

    def publish(
        self,
        changed: Content | None = None,
        *,
        by: Iterable[str] = OFFICERS[:2],
        renew: bool = False,
        at: int | None = None,
        spoil: Callable[[Unsigned], None] | None = None,
        root: int = 1,
    ) -> State:
        moment = now() if at is None else at
        self.content = changed or self.content
        previous = self.repository.newest()
        unsigned = publishing.draft(
            self.content,
            self.shares,
            self.repository,
            previous,
            epoch=(previous.epoch if previous else 0) + 1,
            root=root,
            now=moment,
            renew=renew,
        )
        if spoil is not None:
            spoil(unsigned)
        for handle in by:
            publishing.add_signature(unsigned, self.content, officer(handle), moment)
        state = publishing.store(unsigned, self.content, self.repository, ())
        self.extracts.take(state)
        return state

    def copied(self, folder: Path) -> "Force":
        """Another of the same, in a folder of its own: what one test does to it no other sees."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        other = Force(folder, self.content, dict(self.shares))
        state = other.repository.newest()
        if state is not None:
            other.extracts.take(state)
        return other

    def drafted(
        self, changed: Content | None = None, *, renew: bool = False, at: int | None = None, root: int = 1
    ) -> Unsigned:
        """What would have to be signed, and nothing stored."""
        previous = self.repository.newest()
        return publishing.draft(
            changed or self.content,
            self.shares,
            self.repository,
            previous,
            epoch=(previous.epoch if previous else 0) + 1,
            root=root,
            now=now() if at is None else at,
            renew=renew,
        )

    def smuggle(
        self,
        changed: Content | None = None,
        *,
        by: Iterable[Signer] = (),
        spoil: Callable[[Unsigned], None] | None = None,
        renew: bool = False,
        at: int | None = None,
        root: int = 1,
    ) -> State:
        """Store as the next epoch what anybody signed, past all that keeps an honest installation from it."""
        unsigned = self.drafted(changed, renew=renew, at=at, root=root)
        if spoil is not None:
            spoil(unsigned)
        parts = [*unsigned.tops.values(), *unsigned.roles.values()]
        for metadata in parts:
            for signer in by:
                sign(metadata, signer)
        for data in unsigned.files.values():
            self.repository.add_file(data)
        for agency_handle, role in unsigned.roles.items():
            self.repository.add_role(agency_handle, unsigned.epoch, role.to_bytes())
        for whose, top in unsigned.tops.items():
            self.repository.add_top(whose, unsigned.epoch, top.to_bytes())
        self.repository.add_state(unsigned.state)
        self.content = changed or self.content
        self.extracts.take(unsigned.state)
        return unsigned.state

    def rotate(self, metadata: Metadata[Root], *, with_online: str = "online") -> None:
        """Put the next root beside the others; the broker signs with this online key from now on."""
        self.repository.add_root(metadata.signed.version, metadata.to_bytes())
        self.extracts = Extracts(self.repository, online(with_online))
        state = self.repository.newest()
        if state is not None:
            self.extracts.take(state)

    def open(self, audience: str = POLICE, state: State | None = None) -> Bundle:
        """What a reader of that audience makes of the newest epoch, or of this one."""
        found = state or self.repository.newest()
        assert found is not None
        return Verifier(self.root, Audience(audience)).open(self.repository, found)

    def stick(self, target: Path, audience: str, at: int | None = None) -> Path:
        for name, data in export(self.extracts, Audience(audience), now() if at is None else at).items():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return target


__all__ = ["DAY", "FULL", "WHOLE", "Directory", "Force", "replace"]
