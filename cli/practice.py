"""Make a practice task force: keys, a directory signed by two officers, agreements, and a folder for every party.

For learning, demonstrations and tests. All keys are made on one machine and one passphrase opens them, which is just
what a real task force must not do; everything else is real.
"""

import json
import re
import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from audit.checkpoint import VerifierKey
from audit.logdir import write_atomically
from keys import keystore, statements
from keys.bundle import Anchor, open_bundle, sign_bundle, write_body
from keys.domains import KeyKind
from keys.nkey import new_nkey
from keys.sealing import DecryptionKey
from keys.signing import Signer
from messages import ids
from messages.catalogue import load as load_catalogue
from messages.directory import Agency, Contact, Directory, Guard, Mandate, Operator, Worker
from messages.errors import BadInput, ShareError
from messages.limits import DAY, KEY_STATEMENT_LIFETIME
from policies.agreements import read_all
from policies.edition import rules_digest

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
_DATE: Final = re.compile(r"\b(20(?:2[6-9]|[3-9]\d)-[01]\d-[0-3]\d)\b")
STORY: Final = date(2026, 11, 20)
"""The day on which Operation Orchid plays: dates in its files are moved so that this is today."""
_PRACTICE_COST: Final = keystore.Cost(1, keystore.MIN_MEMORY)
"""Cheap on purpose: the passphrase is machine-made and lies in a file beside the keys."""


def handle(letter: str) -> str:
    """A fresh random handle."""
    return letter + "".join(random.choice(_LETTERS) for _ in range(12))


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


def example_folder() -> Path:
    """Operation Orchid in the source tree."""
    folder = Path(__file__).resolve().parent.parent / "examples" / "operation-orchid"
    if not folder.is_dir():
        raise BadInput("The example is part of the source tree: run this from a clone of the project.")
    return folder


def make(folder: Path, example: Path, now: int, *, shift: bool = True) -> Practice:
    """Make the task force that `example` describes (parties.yaml, agreements/) under `folder`, which must be new."""
    if folder.exists() and any(folder.iterdir()):
        raise BadInput(f"{folder} exists already; name a new folder.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    days = (datetime.fromtimestamp(now / 1000, UTC).date() - STORY).days if shift else 0
    parties = yaml.safe_load(_moved((example / "parties.yaml").read_text(encoding="utf-8"), days))
    agreements = {
        f"agreements/{path.name}": _moved(path.read_text(encoding="utf-8"), days)
        for path in sorted((example / "agreements").glob("*.yaml"))
    }
    read_all(agreements.items())
    passphrase = random.token_urlsafe(24)
    secret = folder / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text(passphrase, encoding="utf-8")
    officers = [Signer(KeyKind.OFFICER, handle("o"), random.token_bytes(32)) for _ in parties["officers"]]
    builder = _Builder(folder, passphrase, now, [o.handle for o in officers])
    directory = builder.directory(parties)
    anchor = Anchor(officers={ids.officer_handle(o.handle): o.public for o in officers})
    body = write_body(
        epoch=1,
        created=now,
        expires=now + 7 * DAY,
        directory=directory,
        agreements=agreements,
        rules_digest=rules_digest(),
        catalogue_digest=load_catalogue().digest,
    )
    bundle = sign_bundle(body, officers)
    open_bundle(bundle, anchor)
    for officer, named in zip(officers, parties["officers"], strict=True):
        builder.write(
            folder / "officers" / f"{named['name']}.key", {"handle": officer.handle, "sign": officer.export()}
        )
    for home in (folder / "broker", *(folder / p["name"] for p in parties["parties"])):
        home.chmod(0o700)
        trust = home / "trust"
        trust.mkdir(mode=0o700, parents=True, exist_ok=True)
        (trust / "officers.json").write_text(anchor.to_json(), encoding="utf-8")
        (trust / "bundle.cbor").write_bytes(bundle)
    return Practice(folder)


def renew(folder: Path, now: int) -> int:
    """Sign the practice task force's bundle again: next epoch, new encryption keys, seven more days; the new epoch.

    What the officers of a real task force do together once a week. Raises `BadInput` where `folder` is none.
    """
    broker = folder / "broker"
    if not (folder / "passphrase").is_file() or not (folder / "officers").is_dir():
        raise BadInput(f"{folder} is not a practice task force; make one with: safeconduct practice new")
    passphrase = (folder / "passphrase").read_text(encoding="utf-8").strip()
    anchor = Anchor.from_json((broker / "trust" / "officers.json").read_text(encoding="utf-8"))
    old = open_bundle((broker / "trust" / "bundle.cbor").read_bytes(), anchor)
    contacts = tuple(_restated(folder, old.directory, c, passphrase, now) for c in old.directory.contacts)
    directory = Directory(agencies=old.directory.agencies, contacts=contacts, operator=old.directory.operator)
    body = write_body(
        epoch=old.epoch + 1,
        created=now,
        expires=now + 7 * DAY,
        directory=directory,
        agreements=old.agreements,
        rules_digest=rules_digest(),
        catalogue_digest=load_catalogue().digest,
    )
    officers = []
    for path in sorted((folder / "officers").glob("*.key")):
        secrets = keystore.read(path, passphrase)
        officers.append(Signer(KeyKind.OFFICER, str(secrets["handle"]), keystore.secret(secrets, "sign")))
    bundle = sign_bundle(body, officers)
    open_bundle(bundle, anchor)
    for home in (broker, *(folder / a.name for a in directory.agencies)):
        write_atomically(home / "trust" / "bundle.cbor", [bundle])
    return old.epoch + 1


def _restated(folder: Path, directory: Directory, contact: Contact, passphrase: str, now: int) -> Contact:
    """The contact with a fresh encryption key; the older ones stay, for what was sealed to them."""
    path = folder / directory.agency_of(contact).name / "keys" / f"{contact.name}.key"
    secrets = keystore.read(path, passphrase)
    signer = Signer(KeyKind.CONTACT, contact.handle, keystore.secret(secrets, "sign"))
    key = DecryptionKey(random.token_bytes(96))
    number = max((s.number for s in contact.statements), default=0) + 1
    stated = statements.make(signer, key, number, now, now + KEY_STATEMENT_LIFETIME)
    older = secrets["decrypt"] if isinstance(secrets["decrypt"], list) else []
    keystore.write(path, {**secrets, "decrypt": [key.export(), *older]}, passphrase, _PRACTICE_COST)
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


class _Builder:
    def __init__(self, folder: Path, passphrase: str, now: int, officers: list[str]) -> None:
        self._folder = folder
        self._passphrase = passphrase
        self._now = now
        self._officers = tuple(ids.officer_handle(o) for o in officers)

    def write(self, path: Path, values: Mapping[str, object]) -> None:
        keystore.write(path, values, self._passphrase, _PRACTICE_COST)

    def directory(self, parties: Mapping[str, Any]) -> Directory:
        agencies: list[Agency] = []
        contacts: list[Contact] = []
        try:
            for party in parties["parties"]:
                agency = self._agency(party)
                agencies.append(agency)
                named = {c["name"]: ids.contact_handle(handle("c")) for c in party["contacts"]}
                contacts += [self._contact(party["name"], agency, c, named) for c in party["contacts"]]
            return Directory(
                agencies=tuple(agencies), contacts=tuple(contacts), operator=self._operator(parties["operator"])
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, ShareError):
                raise
            raise BadInput(f"parties.yaml does not describe a task force ({type(error).__name__}: {error}).") from None

    def _agency(self, party: Mapping[str, Any]) -> Agency:
        home = self._folder / party["name"]
        seed, public = new_nkey()
        self.write(home / "keys" / "adapter.key", {"nkey": seed, "register": random.token_bytes(32)})
        guard = Signer(KeyKind.GUARD, handle("g"), random.token_bytes(32))
        self.write(home / "guard" / "guard.key", {"handle": guard.handle, "sign": guard.export()})
        (home / "agency.json").write_text(
            json.dumps({"agency": party["name"], "broker": "../broker", "passphrase_file": "../passphrase"}, indent=1),
            encoding="utf-8",
        )
        return Agency(
            handle=ids.agency_handle(handle("a")),
            name=party["name"],
            title=party["title"],
            party_class=party["class"],
            country=party["country"],
            nkey=public,
            guards=(
                Guard(handle=ids.guard_handle(guard.handle), key=guard.public, start=0, end=self._now + 3650 * DAY),
            ),
        )

    def _contact(self, party: str, agency: Agency, contact: Mapping[str, Any], named: Mapping[str, Any]) -> Contact:
        signer = Signer(KeyKind.CONTACT, named[contact["name"]], random.token_bytes(32))
        key = DecryptionKey(random.token_bytes(96))
        start = self._now - 10 * DAY  # so that a practice message may be dated back
        statement = statements.make(signer, key, 1, start, start + KEY_STATEMENT_LIFETIME)
        self.write(
            self._folder / party / "keys" / f"{contact['name']}.key",
            {"handle": signer.handle, "sign": signer.export(), "decrypt": [key.export()]},
        )
        return Contact(
            handle=ids.contact_handle(signer.handle),
            name=contact["name"],
            title=contact["title"],
            agency=agency.handle,
            signing_key=signer.public,
            keeping=contact["keeping"],
            mandates=tuple(self._mandate(m, named) for m in contact["mandates"]),
            statements=(statement,),
        )

    def _mandate(self, mandate: Mapping[str, Any], named: Mapping[str, Any]) -> Mandate:
        deputy = mandate.get("deputy_for")
        return Mandate(
            start=_midnight(mandate["from"]),
            end=_midnight(mandate["until"]) + DAY,
            areas=frozenset(mandate["areas"]),
            types=frozenset(mandate["types"]),
            may_send=mandate["may_send"],
            may_receive=mandate["may_receive"],
            duties=frozenset(mandate.get("duties", ())),
            deputy_for=named[deputy] if deputy else None,
            granted_by=self._officers,
        )

    def _operator(self, operator: Mapping[str, Any]) -> Operator:
        worker = Signer(KeyKind.WORKER, handle("w"), random.token_bytes(32))
        log = Signer(KeyKind.LOG, worker.handle, random.token_bytes(32))
        seed, public = new_nkey()
        home = self._folder / "broker"
        self.write(
            home / "keys" / "broker.key",
            {
                "worker": worker.handle,
                "worker-seed": worker.export(),
                "log-seed": log.export(),
                "nkey": seed,
                "secret": random.token_bytes(32),
            },
        )
        (home / "broker.json").write_text(
            json.dumps({"port": None, "passphrase_file": "../passphrase"}, indent=1), encoding="utf-8"
        )
        origin = f"{operator['name']}/safeconduct-log"
        return Operator(
            name=operator["name"],
            nkey=public,
            workers=(
                Worker(handle=ids.worker_handle(worker.handle), key=worker.public, start=0, end=self._now + 3650 * DAY),
            ),
            log_origin=origin,
            log_vkey=str(VerifierKey(name=origin, public=log.public)),
        )


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
