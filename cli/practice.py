"""Make a practice task force: keys, a trust bundle signed by two officers, agreements, and a folder for every party.

For learning, demonstrations and tests. All keys are made on one machine and one passphrase opens them, which is just
what a real task force must not do; everything else is real, and the ceremonies (docs/ceremonies.md) go on from here:

    FOLDER/officers/NAME/     an officer's keys, and a root holder's beside them
    FOLDER/officers/work/     the officers' common folder, without secrets: what was published, and what is proposed
    FOLDER/broker/            the broker
    FOLDER/PARTY/             an agency
"""

import json
import re
import secrets as random
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from cli import enrol
from cli.enrol import Sealing
from keys import certificates, content, keystore, publishing, retiring, statements, tls
from keys.bundle import Verifier
from keys.certificates import Kind as TlsKind
from keys.content import Content, Share
from keys.domains import KeyKind
from keys.metadata import FULL, Audience, new_root, sign
from keys.online import Extracts, export
from keys.repository import Repository, State, copy
from keys.retiring import StoredKey
from keys.sealing import DecryptionKey
from keys.signing import Signer
from keys.updating import FolderFetcher, TrustCopy, install_root
from messages import ids
from messages.catalogue import catalogue_texts
from messages.catalogue import load as load_catalogue
from messages.directory import Account, Agency, Contact, Mandate, Span
from messages.errors import BadInput, ShareError
from messages.labels import Keeping, PartyClass
from messages.limits import DAY, KEY_STATEMENT_LIFETIME
from policies.agreements import read_all
from policies.decide import packaged_texts
from policies.edition import rules_digest
from policies.extracts import shares

_DATE: Final = re.compile(r"\b(20(?:2[6-9]|[3-9]\d)-[01]\d-[0-3]\d)\b")
STORY: Final = date(2026, 11, 20)
"""The day on which Operation Orchid plays: dates in its files are moved so that this is today."""
MARK: Final = ".demonstration"
"""A file that says that its folder is a demonstration's, so that the next one may clear it."""
LOCAL: Final = ("localhost", "127.0.0.1")
_LONG: Final = 7
"""Bytes of a word that does not come about by chance."""
_LETTERS: Final = rb"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-"
"""Of base64, in both its spellings; in this order they stand in a pattern as they are."""
_PRACTICE_COST: Final = keystore.Cost(1, keystore.MIN_MEMORY)
"""Cheap on purpose: the passphrase is machine-made and lies in a file beside the keys."""


@dataclass(frozen=True, slots=True)
class Practice:
    """Where everything of a practice task force lies."""

    folder: Path

    @property
    def broker(self) -> Path:
        """The broker's folder."""
        return self.folder / "broker"

    def party(self, name: str) -> Path:
        """An agency's folder."""
        return self.folder / name


def stage(folder: Path) -> None:
    """Make `folder` an empty one for a demonstration, marked as such: an earlier demonstration in it goes.

    Raises `BadInput` where anything else is there, and touches nothing then.
    """
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / MARK).is_file():
            raise BadInput(f"{folder} holds something else than an earlier demonstration; name another with --out.")
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != MARK:  # it stays to the last: what is broken off here can be gone on with
                path.unlink()
    elif folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is not a folder; name another with --out.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / MARK).write_text("A demonstration of safeconduct made this folder; the next one clears it.\n")


def sought(words: Iterable[str]) -> dict[str, re.Pattern[bytes]]:
    """By which pattern to look for each of these words in bytes of any kind.

    Five letters in a row come about by chance in keys and signatures written as text, of which there are megabytes; so
    a short word does not count with such letters on both sides, but for its length as CBOR writes it.
    """
    found = {}
    for word in words:
        raw = word.encode()
        text = re.escape(raw)
        if len(raw) < _LONG:
            before = bytes(letter for letter in _LETTERS if letter != 0x60 + len(raw))
            inside = rb"(?<=[" + before + rb"]" + text + rb")(?=[" + _LETTERS + rb"])"
            text += rb"(?!" + inside + rb")"  # the word first: that is looked for fast
        found[word] = re.compile(text)
    return found


def example_folder() -> Path:
    """Operation Orchid in the source tree."""
    folder = Path(__file__).resolve().parent.parent / "examples" / "operation-orchid"
    if not folder.is_dir():
        raise BadInput("The example is part of the source tree: run this from a clone of the project.")
    return folder


def make(folder: Path, example: Path, now: int, *, shift: bool = True) -> Practice:
    """Make the task force that `example` describes (parties.yaml, agreements/) under `folder`, which must be new or
    hold a demonstration's mark alone.
    """
    if folder.exists() and any(path.name != MARK for path in folder.iterdir()):
        raise BadInput(f"{folder} exists already; name a new folder.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    days = (datetime.fromtimestamp(now / 1000, UTC).date() - STORY).days if shift else 0
    parties = yaml.safe_load(_moved((example / "parties.yaml").read_text(encoding="utf-8"), days))
    agreements = {
        path.name: _moved(path.read_text(encoding="utf-8"), days)
        for path in sorted((example / "agreements").glob("*.yaml"))
    }
    read_all(agreements.items())
    passphrase = random.token_urlsafe(24)
    secret = folder / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text(passphrase, encoding="utf-8")
    try:
        _Founding(folder, Sealing(passphrase, _PRACTICE_COST, practice=True), now).found(parties, agreements)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ShareError):
            raise
        raise BadInput(f"parties.yaml does not describe a task force ({type(error).__name__}: {error}).") from None
    return Practice(folder)


def renew(folder: Path, now: int) -> int:
    """Sign the practice task force's bundle again: next epoch, new encryption keys, seven more days; the new epoch.

    What the officers of a real task force do together once a week. A running broker takes it over by itself. Raises
    `BadInput` where `folder` is none.
    """
    work = folder / "officers" / "work"
    if not (folder / "passphrase").is_file() or not work.is_dir():
        raise BadInput(f"{folder} is not a practice task force; make one with: safeconduct practice new")
    passphrase = (folder / "passphrase").read_text(encoding="utf-8").strip()
    decided = published(work)[1]
    for agency, contacts in decided.contacts.items():
        renewed = [_restated(folder, decided.agencies[agency], c, passphrase, now) for c in contacts]
        decided = decided.with_contacts(agency, renewed)
    texts = edition_files()
    decided = replace(decided, rules=texts[content.RULES], catalogue=texts[content.CATALOGUE])
    return publish(folder, decided, now, renew=True).epoch


def published(work: Path) -> tuple[State, Content]:
    """What the officers' common folder holds as published last, verified."""
    repository = Repository(work / "repository")
    state = repository.newest()
    if state is None:
        raise BadInput(f"Nothing was published from {work} yet.")
    Verifier((work / "root.json").read_bytes(), Audience(FULL)).open(repository, state)
    return state, publishing.published(repository, state)


def publish(folder: Path, decided: Content, now: int, *, renew: bool = False) -> State:
    """Sign `decided` with the practice officers' keys, publish it, and bring it to the broker and every party."""
    passphrase = (folder / "passphrase").read_text(encoding="utf-8").strip()
    work = folder / "officers" / "work"
    repository = Repository(work / "repository")
    previous = repository.newest()
    unsigned = publishing.draft(
        decided,
        {h: Share(*seen) for h, seen in shares(decided.agencies, decided.agreements).items()},
        repository,
        previous,
        epoch=previous.epoch + 1 if previous else 1,
        root=previous.root if previous else 1,
        now=now,
        renew=renew,
    )
    signing = {o.handle for o in decided.officers[:2]}
    for path in (folder / "officers").glob("*/keys/officer.key"):
        signer = enrol.officer_signer(path.parent.parent, passphrase)
        if signer.handle in signing:
            publishing.add_signature(unsigned, decided, signer, now)
    state = publishing.store(unsigned, decided, repository, ())
    copy(repository, Repository(folder / "broker" / "trust" / "repository"), state)
    return state


def edition_files() -> dict[str, bytes]:
    """The files of the bundle that hold this installation's rules and catalogue."""
    return {
        content.RULES: content.edition(rules_digest(), packaged_texts()),
        content.CATALOGUE: content.edition(load_catalogue().digest, catalogue_texts()),
    }


def carry_out(folder: Path, now: int) -> None:
    """Bring each party its extract as on a stick, so that it can plan and open before the broker is up."""
    secrets = keystore.read(folder / "broker" / enrol.BROKER_KEY, (folder / "passphrase").read_text().strip())
    online = Signer(KeyKind.ONLINE, str(secrets["worker"]), keystore.secret(secrets, "online-seed"))
    extracts = Extracts(Repository(folder / "broker" / "trust" / "repository"), online)
    state = Repository(folder / "broker" / "trust" / "repository").newest()
    if state is None:
        return
    extracts.take(state)
    for path in sorted(folder.glob("*/agency.json")):
        agency = json.loads(path.read_text(encoding="utf-8"))["handle"]
        stick = path.parent / "stick"
        for name, data in export(extracts, Audience(agency), now).items():
            (stick / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (stick / name).write_bytes(data)
        TrustCopy(path.parent / "trust", Audience(agency)).refresh("file:///", FolderFetcher(stick))
        shutil.rmtree(stick)


def _restated(folder: Path, agency: Agency, contact: Contact, passphrase: str, now: int) -> Contact:
    """The contact with a fresh encryption key; the older ones stay, for what was sealed to them."""
    path = folder / agency.name / "keys" / f"{contact.name}.key"
    secrets = keystore.read(path, passphrase)
    signer = Signer(KeyKind.CONTACT, contact.handle, keystore.secret(secrets, "sign"))
    key = DecryptionKey(random.token_bytes(96))
    number = max((s.number for s in contact.statements), default=0) + 1
    stated = statements.make(signer, key, number, now, now + KEY_STATEMENT_LIFETIME)
    fresh = StoredKey(raw=key.export(), number=stated.number, start=stated.start, end=stated.end)
    retiring.add(path, passphrase, fresh, contact.statements)
    return contact.model_copy(update={"statements": (stated, *contact.statements)})


def _moved(text: str, days: int) -> str:
    """The text with every date moved by so many days."""

    def move(match: re.Match[str]) -> str:
        try:
            return (date.fromisoformat(match[1]) + timedelta(days=days)).isoformat()
        except ValueError:
            return match[1]

    return _DATE.sub(move, text) if days else text


def moved_file(source: Path, target: Path, now: int) -> Path:
    """Copy a case file with its dates moved as `make` moves them; narratives it names are found from its old place."""
    days = (datetime.fromtimestamp(now / 1000, UTC).date() - STORY).days
    value = json.loads(_moved(source.read_text(encoding="utf-8"), days))
    narratives = value.get("narratives") or {}
    value["narratives"] = {k: str((source.parent / v).resolve()) for k, v in narratives.items()}
    target.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
    return target


@dataclass(frozen=True, slots=True)
class _Founding:
    """The first epoch of a practice task force, in the order of docs/ceremonies.md."""

    folder: Path
    sealing: Sealing
    now: int

    @property
    def _before(self) -> int:
        """Keys count from some days ago on, so that a practice message may be dated back."""
        return self.now - 10 * DAY

    def found(self, parties: Mapping[str, Any], agreements: Mapping[str, str]) -> None:
        homes = {o["name"]: self.folder / "officers" / o["name"] for o in parties["officers"]}
        officers = tuple(
            enrol.make_officer(
                homes[o["name"]], title=o["title"], now=self.now, sealing=self.sealing, start=self._before
            ).officer()
            for o in parties["officers"]
        )
        holders = [
            enrol.make_officer(
                self.folder / "officers" / h["name"],
                title=h["title"],
                now=self.now,
                sealing=self.sealing,
                kind=KeyKind.ROOT,
            ).officer()
            for h in [*parties["officers"], *parties.get("root", [])]
        ]
        broker = enrol.make_operator(
            self.folder / "broker",
            name=parties["operator"]["name"],
            now=self.now,
            sealing=self.sealing,
            settings={"passphrase_file": "../passphrase", "practice": True, "tls": True},
            start=self._before,
        ).broker()
        work = self.folder / "officers" / "work"
        root = new_root(
            [h.key for h in holders],
            [o.key for o in officers],
            [broker.key],
            self.now,
            titles={h.key: h.title for h in holders},
        )
        for officer in parties["officers"]:
            sign(root, enrol.root_signer(homes[officer["name"]], self.sealing.passphrase))
        agencies = [self._agency(p) for p in parties["parties"]]
        granted = tuple(o.handle for o in officers[:2])
        contacts = {
            agency.handle: tuple(self._contacts(agency, party["contacts"], granted))
            for agency, party in zip(agencies, parties["parties"], strict=True)
        }
        files = edition_files()
        decided = Content(
            operator=broker.operator,
            officers=officers,
            agencies={a.handle: a for a in agencies},
            contacts=contacts,
            agreements=agreements,
            rules=files[content.RULES],
            catalogue=files[content.CATALOGUE],
            accounts=tuple(Account(officer=o.handle, role="officer") for o in officers),
        )
        data = root.to_bytes()
        for repository in (work / "repository", self.folder / "broker" / "trust" / "repository"):
            Repository(repository).add_root(1, data)
        install_root(work, data)
        named = ["broker", *(a.name for a in agencies), *(str(Path("officers") / name) for name in homes)]
        named += [str(Path("officers") / h["name"]) for h in parties.get("root", [])]
        for name in named:
            install_root(self.folder / name / "trust", data)
        self._tls(parties["operator"]["name"], agencies)
        publish(self.folder, decided, self.now)
        carry_out(self.folder, self.now)

    def _tls(self, operator: str, agencies: list[Agency]) -> None:
        """A small authority, a certificate for the broker's machine, and one for each party's adapter."""
        authority = tls.make_authority(
            self.folder / "officers" / "tls", f"{operator} authority", self.sealing.passphrase, self.now,
            cost=self.sealing.cost,
        )  # fmt: skip
        machines: list[tuple[str, TlsKind, tuple[str, ...], str | None]] = [("broker", TlsKind.NODE, LOCAL, None)]
        machines += [(a.name, TlsKind.CLIENT, (), a.handle) for a in agencies]
        for name, kind, hosts, whose in machines:
            files = tls.Files(self.folder / name / "tls")
            request = tls.ask(files, kind, hosts=hosts, handle=whose)
            certificate = certificates.issue(authority, request, self.now)
            tls.remember_issued(self.folder / "officers" / "tls", certificate)
            tls.install(files, certificate, authority.certificate, self.now)

    def _agency(self, party: Mapping[str, Any]) -> Agency:
        return enrol.make_agency(
            self.folder / party["name"],
            name=party["name"],
            title=party["title"],
            party_class=PartyClass(party["class"]),
            country=party["country"],
            now=self.now,
            sealing=self.sealing,
            head_title=f"Head of {party['title']}",
            settings={"broker": "../broker", "passphrase_file": "../passphrase", "practice": True},
            start=self._before,
        ).agency()

    def _contacts(self, agency: Agency, rows: Any, granted: tuple[Any, ...]) -> list[Contact]:
        handles = {row["name"]: enrol.handle("c") for row in rows}
        found = []
        for row in rows:
            contact = enrol.make_contact(
                self.folder / agency.name,
                agency=agency,
                name=row["name"],
                title=row["title"],
                keeping=Keeping(row["keeping"]),
                now=self.now,
                sealing=self.sealing,
                start=self._before,
                contact=handles[row["name"]],
            ).contact()
            mandates = tuple(_mandate(m, handles, granted) for m in row["mandates"])
            found.append(contact.model_copy(update={"mandates": mandates}))
        return found


def _mandate(mandate: Mapping[str, Any], handles: Mapping[str, str], granted: tuple[Any, ...]) -> Mandate:
    deputy = mandate.get("deputy_for")
    return Mandate(
        start=_midnight(mandate["from"]),
        end=_midnight(mandate["until"]) + DAY,
        areas=frozenset(mandate["areas"]),
        types=frozenset(mandate["types"]),
        may_send=mandate["may_send"],
        may_receive=mandate["may_receive"],
        exercise=mandate.get("exercise", False),
        duties=frozenset(mandate.get("duties", ())),
        deputy_for=ids.contact_handle(handles[deputy]) if deputy else None,
        absences=tuple(
            Span(start=_midnight(a["from"]), end=_midnight(a["until"]) + DAY) for a in mandate.get("absences", ())
        ),
        granted_by=granted,
        granted_in=1,
    )


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
