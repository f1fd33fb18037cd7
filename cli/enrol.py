"""Make keys where their owner is, and the request that carries their public halves to the officers.

Each function makes one party's keys under a folder, sealed with a passphrase, and returns the request; `request.json`
(or the file named) holds it. A private key is in no return value, and nothing is ever overwritten.

    officer    HOME/officer.json  keys/officer.key   request.json        and keys/root.key  root-request.json
    agency     HOME/agency.json   keys/adapter.key   guard/guard.key     head/head.key      requests/agency.json
    contact    HOME/keys/NAME.key                    requests/NAME.json
    operator   HOME/broker.json   keys/broker.key    request.json
"""

import json
import secrets as random
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from adapters import witness
from audit.checkpoint import VerifierKey
from audit.logdir import write_atomically
from audit.witness import WitnessKey
from keys import enrolment, keystore, pkcs11, retiring, statements
from keys.domains import KeyKind
from keys.enrolment import BrokerKeys, Request, Wanted
from keys.jwt import new_issuer_seed
from keys.nkey import new_nkey
from keys.pkcs11 import TokenKey
from keys.retiring import StoredKey
from keys.sealing import DecryptionKey
from keys.signing import Signer, Signs
from keys.unlocking import Passphrase, Terms
from messages import ids
from messages.directory import Agency, Contact, Guard, KeyStatement, Officer, Operator, Worker
from messages.errors import BadInput
from messages.labels import Keeping, PartyClass
from messages.limits import DAY, KEY_STATEMENT_LIFETIME

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
_RESERVED: Final = frozenset({"adapter", "agency", "broker", "guard", "head", "officer", "root"})
"""Names that key files of an agency's folder have already."""
OFFICE: Final = 10 * 365 * DAY
"""How long a key of an officer, head, guard or worker is asked for; it ends earlier when it is replaced."""

OFFICER_KEY: Final = "keys/officer.key"
ROOT_KEY: Final = "keys/root.key"
HEAD_KEY: Final = "head/head.key"
ADAPTER_KEY: Final = "keys/adapter.key"
GUARD_KEY: Final = "guard/guard.key"
BROKER_KEY: Final = "keys/broker.key"


def handle(letter: str) -> str:
    """A fresh random handle."""
    return letter + "".join(random.choice(_LETTERS) for _ in range(12))


@dataclass(frozen=True, slots=True)
class Sealing:
    """How key files are sealed."""

    passphrase: Passphrase | str = field(repr=False)
    cost: keystore.Cost = field(default_factory=keystore.Cost)
    practice: bool = False  # contacts' keys say so: for learning alone they open with a passphrase that lies in a file

    def write(self, path: Path, values: Mapping[str, object]) -> None:
        """Write a key file that is not there yet."""
        if path.exists():
            raise BadInput(f"{path} exists already; its key would be lost. Name another folder.")
        path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        keystore.write(path, values, self.passphrase, self.cost)


def make_officer(
    home: Path, *, title: str, now: int, sealing: Sealing, kind: KeyKind = KeyKind.OFFICER, start: int | None = None
) -> Request:
    """Keys of an officer, or with `kind` ROOT of a root holder; both may lie in one folder, for one person."""
    wanted, name, file = {
        KeyKind.OFFICER: (Wanted.OFFICER, OFFICER_KEY, "request.json"),
        KeyKind.ROOT: (Wanted.ROOT, ROOT_KEY, "root-request.json"),
    }[kind]
    signer = _signer(kind, "o")
    officer = _officer(signer, title, now if start is None else start)
    sealing.write(home / name, {"handle": signer.handle, "sign": signer.export()})
    if not (home / "officer.json").exists():
        _settings(home / "officer.json", {"title": title})
    return _written(home / file, enrolment.make(wanted, officer, [signer], now))


def make_agency(
    home: Path,
    *,
    name: str,
    title: str,
    party_class: PartyClass,
    country: str,
    now: int,
    sealing: Sealing,
    head_title: str | None = None,
    head_sealing: Sealing | None = None,
    settings: Mapping[str, object] | None = None,
    start: int | None = None,
) -> Request:
    """Keys of an agency: its adapter's login and register, its release guard's, and its head's if it has one.

    `settings` are further values of agency.json; `start` is when guard and head begin, if not now. The head's key may
    have a passphrase of its own (`head_sealing`), as it belongs to a person.
    """
    begins = now if start is None else start
    seed, public = new_nkey()
    guard = _signer(KeyKind.GUARD, "g")
    head = _signer(KeyKind.HEAD, "o") if head_title is not None else None
    agency = Agency(
        handle=ids.agency_handle(handle("a")),
        name=ids.name(name),
        title=title,
        party_class=party_class,
        country=country,
        nkey=public,
        guards=(Guard(handle=ids.guard_handle(guard.handle), key=guard.public, start=begins, end=now + OFFICE),),
        head=_officer(head, head_title or "", begins) if head is not None else None,
    )
    sealing.write(home / ADAPTER_KEY, {"nkey": seed, "register": random.token_bytes(32)})
    sealing.write(home / GUARD_KEY, {"handle": guard.handle, "sign": guard.export()})
    if head is not None:
        (head_sealing or sealing).write(home / HEAD_KEY, {"handle": head.handle, "sign": head.export()})
    _settings(home / "agency.json", {"agency": agency.name, "handle": agency.handle, **(settings or {})})
    signers = [guard, head] if head is not None else [guard]
    return _written(home / "requests" / "agency.json", enrolment.make(Wanted.AGENCY, agency, signers, now))


def make_contact(
    home: Path,
    *,
    agency: Agency,
    name: str,
    title: str,
    keeping: Keeping,
    now: int,
    sealing: Sealing,
    start: int | None = None,
    contact: str | None = None,
    token: TokenKey | None = None,
) -> Request:
    """Keys of a contact: to sign, to decrypt and to log in. It has no mandate yet.

    `start` is from when its first encryption key counts, if not now; `contact` its handle, if it was chosen before.
    With `token` the signing key is made inside that token and never leaves it.
    """
    if ids.name(name) in _RESERVED:
        raise BadInput(f"A contact is not called {name}; that is the name of another key file of an agency.")
    if (home / "keys" / f"{name}.key").exists():
        raise BadInput(f"{home}/keys/{name}.key exists already; its key would be lost. Name another contact.")
    chosen = contact or handle("c")
    with ExitStack() as stack:
        signer: Signs
        if token is not None:
            pkcs11.make_key(token)
            signer = stack.enter_context(pkcs11.opened(token, KeyKind.CONTACT, chosen))
            held: dict[str, object] = {"token": token.to_map()}
        else:
            own = Signer(KeyKind.CONTACT, chosen, random.token_bytes(32))
            signer, held = own, {"sign": own.export()}
        return _contact(home, agency, name, title, keeping, now, sealing, start, signer, held)


def _contact(
    home: Path,
    agency: Agency,
    name: str,
    title: str,
    keeping: Keeping,
    now: int,
    sealing: Sealing,
    start: int | None,
    signer: Signs,
    held: Mapping[str, object],
) -> Request:
    key = DecryptionKey(random.token_bytes(96))
    seed, public = new_nkey()
    statement = _statement(signer, key, 1, now if start is None else start)
    model = Contact(
        handle=ids.contact_handle(signer.handle),
        name=name,
        title=title,
        agency=agency.handle,
        signing_key=signer.public,
        keeping=keeping,
        mandates=(),
        statements=(statement,),
        nkey=public,
    )
    terms = Terms(keeping=keeping, practice=sealing.practice)
    sealing.write(home / "keys" / f"{name}.key", _contact_secrets(signer.handle, held, seed, key, statement, terms))
    return _written(home / "requests" / f"{name}.json", enrolment.make(Wanted.CONTACT, model, [signer], now))


def make_witness(home: Path, sealing: Sealing) -> WitnessKey:
    """A witness's key in an agency's folder, under a random label that names nobody."""
    label = f"witness-{random.token_hex(5)}"
    signer = Signer(KeyKind.WITNESS, label, random.token_bytes(32))
    sealing.write(home / witness.FOLDER / witness.KEY_FILE, {"handle": signer.handle, "sign": signer.export()})
    return witness.key_of(signer)


def make_operator(
    home: Path,
    *,
    name: str,
    now: int,
    sealing: Sealing,
    port: int | None = None,
    settings: Mapping[str, object] | None = None,
    start: int | None = None,
    trust_url: str | None = None,
) -> Request:
    """Keys of a broker: its worker's, its log's, the online key of the trust bundle, and its logins."""
    worker = _signer(KeyKind.WORKER, "w")
    log = Signer(KeyKind.LOG, worker.handle, random.token_bytes(32))
    online = Signer(KeyKind.ONLINE, worker.handle, random.token_bytes(32))
    seed, public = new_nkey()
    origin = f"{ids.name(name)}/safeconduct-log"
    operator = Operator(
        name=name,
        nkey=public,
        workers=(
            Worker(
                handle=ids.worker_handle(worker.handle),
                key=worker.public,
                start=now if start is None else start,
                end=now + OFFICE,
            ),
        ),
        log_origin=origin,
        log_vkey=str(VerifierKey(name=origin, public=log.public)),
        trust_url=trust_url,
    )
    sealing.write(
        home / BROKER_KEY,
        {
            "worker": worker.handle,
            "worker-seed": worker.export(),
            "log-seed": log.export(),
            "online-seed": online.export(),
            "nkey": seed,
            "callout": new_nkey()[0],
            "system": new_nkey()[0],
            "issuer": new_issuer_seed(),
            "secret": random.token_bytes(32),
        },
    )
    _settings(home / "broker.json", {"port": port, **(settings or {})})
    asked = BrokerKeys(operator=operator, key=online.public)
    return _written(home / "request.json", enrolment.make(Wanted.OPERATOR, asked, [worker, online], now))


def make_rotation(
    home: Path, *, contact: Contact, now: int, sealing: Sealing, number: int, lost: bool = False
) -> Request:
    """A new signing key, login and encryption key for a contact that has keys here; the old key signs too.

    The new keys lie in NAME.key.next until the officers have published them: see `take_rotation`. With `lost` there is
    no old key to sign with, and the agency's head has to sign the proposal. `number` is that of the new encryption key.
    """
    signers = [Signer(KeyKind.CONTACT, contact.handle, random.token_bytes(32))]
    old: dict[str, object] = {}
    path = home / "keys" / f"{contact.name}.key"
    if not lost:
        old = keystore.read(path, sealing.passphrase)
        signers.append(Signer(KeyKind.CONTACT, contact.handle, keystore.secret(old, "sign")))
    key = DecryptionKey(random.token_bytes(96))
    seed, public = new_nkey()
    statement = _statement(signers[0], key, number, now)
    changed = {
        "signing_key": signers[0].public,
        "mandates": (),
        "former_keys": (),
        "suspended": (),
        "statements": (statement,),
        "nkey": public,
    }
    model = contact.model_copy(update=changed)
    terms = Terms(keeping=contact.keeping, practice=sealing.practice)
    secrets = _contact_secrets(contact.handle, {"sign": signers[0].export()}, seed, key, statement, terms)
    fresh = retiring.stored(secrets)
    secrets["decrypt"] = retiring.to_value((*fresh, *retiring.stored(old, contact.statements)))
    sealing.write(path.with_suffix(".key.next"), secrets)
    return _written(
        home / "requests" / f"{contact.name}-rotation.json", enrolment.make(Wanted.CONTACT, model, signers, now)
    )


def take_rotation(home: Path, name: str) -> None:
    """Use the new keys of a contact from now on; the old file stays beside them as NAME.key.former."""
    path = home / "keys" / f"{name}.key"
    following = path.with_suffix(".key.next")
    if not following.is_file():
        raise BadInput(f"There is no new key of {name} in {home}/keys; see: safeconduct contact rotate --help")
    if path.exists():
        path.replace(path.with_suffix(".key.former"))
    following.replace(path)


def read_request(path: Path) -> Request:
    """The request in a file, checked, or raise `BadInput`, `Malformed` or `Unverified`."""
    try:
        with path.open("rb") as file:
            data = file.read(enrolment.REQUEST_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError):
        raise BadInput(f"There is no request at {path}.") from None
    return enrolment.read(data)


def officer_signer(home: Path, passphrase: Passphrase | str) -> Signer:
    """The officer's key in an officer's folder."""
    return _unlocked(home / OFFICER_KEY, KeyKind.OFFICER, passphrase)


def root_signer(home: Path, passphrase: Passphrase | str) -> Signer:
    """The root holder's key in a folder (or on a stick: any folder with keys/root.key)."""
    return _unlocked(home / ROOT_KEY, KeyKind.ROOT, passphrase)


def head_signer(home: Path, passphrase: Passphrase | str) -> Signer:
    """The agency head's key in an agency's folder."""
    return _unlocked(home / HEAD_KEY, KeyKind.HEAD, passphrase)


def _unlocked(path: Path, kind: KeyKind, passphrase: Passphrase | str) -> Signer:
    secrets = keystore.read(path, passphrase)
    return Signer(kind, ids.officer_handle(secrets.get("handle")), keystore.secret(secrets, "sign"))


def _signer(kind: KeyKind, letter: str) -> Signer:
    return Signer(kind, handle(letter), random.token_bytes(32))


def _officer(signer: Signer, title: str, start: int) -> Officer:
    return Officer(
        handle=ids.officer_handle(signer.handle), title=title, key=signer.public, start=start, end=start + OFFICE
    )


def _statement(signer: Signs, key: DecryptionKey, number: int, start: int) -> KeyStatement:
    return statements.make(signer, key, number, start, start + KEY_STATEMENT_LIFETIME)


def _contact_secrets(
    whose: str,
    held: Mapping[str, object],
    seed: bytes,
    key: DecryptionKey,
    stated: KeyStatement,
    terms: Terms,
) -> dict[str, object]:
    """What a contact's key file holds; `held` is its signing key, or where that is."""
    own = StoredKey(raw=key.export(), number=stated.number, start=stated.start, end=stated.end)
    return {
        "handle": whose,
        **held,
        "nkey": seed,
        "decrypt": retiring.to_value([own]),
        **terms.to_map(),
    }


def _settings(path: Path, values: Mapping[str, object]) -> None:
    write_atomically(path, [json.dumps(dict(values), ensure_ascii=False, indent=1).encode()])


def _written(path: Path, request: Request) -> Request:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(path, [request.to_bytes()])
    return request
