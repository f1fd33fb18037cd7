"""The agency's folder: who we are, our keys, the trust bundle we hold, and the journal.

HOME/agency.json           which agency this is, and where the bus and the trust endpoint are
HOME/trust/                our extract of the trust bundle, with every epoch of it (`adapters.trust`)
HOME/keys/CONTACT.key      a contact's signing, encryption and login keys, sealed
HOME/keys/adapter.key      the agency's own login, and the register key for pseudonyms, sealed
HOME/tls/                  our TLS key and certificate, where the broker wants TLS (`keys.tls`)
HOME/guard/                the release guard's own folder, with its own key: another user's, where possible
HOME/journal.db            what was said but not yet sent, and what arrived but was not yet handled
"""

import asyncio
import json
import ssl
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from adapters.trust import AgencyTrust
from keys import keystore, pkcs11, retiring, unlocking
from keys.domains import KeyKind
from keys.retiring import StoredKey
from keys.sealing import DecryptionKey
from keys.signing import Signer, Signs
from keys.tls import Files, client_context
from keys.unlocking import Passphrase, Source, as_passphrase
from keys.updating import Taken
from messages.directory import Agency, Bundle, Contact
from messages.errors import BadInput, KeyTrouble, Malformed
from messages.ids import agency_handle
from messages.labels import Keeping
from policies import edition

ADAPTER_KEY: Final = "keys/adapter.key"
Ask = Callable[[str], Passphrase]
"""Asks the person who is there for the passphrase of what it names."""


def clock() -> int:
    """Milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class ContactKeys:
    """One of our contacts, unlocked."""

    contact: Contact
    signer: Signs
    decryption: tuple[DecryptionKey, ...]
    nkey_seed: bytes = field(repr=False)  # of this contact's own login
    passphrase: Passphrase | None = field(default=None, repr=False)  # of its key file, where that is not the folder's


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The folder, read and checked."""

    folder: Path
    agency: Agency
    bundle: Bundle = field(repr=False)
    trust: AgencyTrust = field(repr=False)
    nkey_seed: bytes = field(repr=False)
    register_key: bytes = field(repr=False)  # 32 bytes: pseudonyms and references are keyed with it
    url: str | None
    passphrase: Passphrase
    ask: Ask | None = field(
        default=None, repr=False, compare=False
    )  # for a person's own passphrase, where one is there
    tokens: ExitStack = field(default_factory=ExitStack, repr=False, compare=False)  # sessions of tokens that hold keys

    @classmethod
    def open(
        cls, folder: Path, passphrase: Passphrase | str, url: str | None = None, *, ask: Ask | None = None
    ) -> "Home":
        """Read `folder`, or raise with what to do. Where no trust bundle was fetched yet, fetch it."""
        settings = read_settings(folder)
        trust = read_trust(folder, settings)
        secrets = keystore.read(folder / ADAPTER_KEY, passphrase)
        seed = keystore.secret(secrets, "nkey")
        if trust.copy.repository.newest() is None:
            trust.refresh(seed, clock)
        bundle = trust.load()
        edition.check(bundle)
        return cls(
            folder=folder,
            agency=_own_agency(bundle, folder),
            bundle=bundle,
            trust=trust,
            nkey_seed=seed,
            register_key=keystore.secret(secrets, "register"),
            url=url or read_address(folder, settings),
            passphrase=as_passphrase(passphrase),
            ask=ask,
        )

    async def refreshed(self) -> tuple["Home", Taken]:
        """Fetch the newest trust bundle; ourselves under it. Raises `DependencyError` or `BundleRefused`."""
        taken = await asyncio.to_thread(self.trust.refresh, self.nkey_seed, clock)
        return self.under(taken.bundle), taken

    def under(self, bundle: Bundle) -> "Home":
        """Ourselves under another bundle, or raise `BadInput` where it is of another edition of rules."""
        edition.check(bundle)
        return replace(self, bundle=bundle, agency=_own_agency(bundle, self.folder))

    def tls(self) -> ssl.SSLContext | None:
        """For connections to the bus, where it wants TLS."""
        return client_context(Files(self.tls_folder), clock()) if self.tls_folder is not None else None

    @property
    def tls_folder(self) -> Path | None:
        """Where our certificate lies, if the bus wants TLS."""
        return self.folder / "tls" if (self.url or "").startswith("tls:") else None

    def contacts(self) -> list[str]:
        """Names of our contacts whose keys lie here."""
        return sorted(p.stem for p in (self.folder / "keys").glob("*.key") if p.stem != "adapter")

    def unlock(self, name: str, *, unattended: bool = False) -> ContactKeys:
        """Unlock one contact's keys ("desk" or "harbour-police/desk"), or raise `KeyTrouble` or `BadInput`.

        `unattended` where a service asks: then a person's key stays locked (`keys.unlocking`).
        """
        name = name.removeprefix(f"{self.agency.name}/")
        if name not in self.contacts():
            raise BadInput(
                f"No keys of a contact {name!r} lie in {self.folder}/keys; there are: {', '.join(self.contacts())}."
            )
        secrets, words = self._opened(name, unattended)
        handle = secrets.get("handle")
        contact = self.bundle.directory.contact(handle) if isinstance(handle, str) else None
        if contact is None:
            raise KeyTrouble(f"The contact {name!r} is not in the trust bundle; the officers have to publish it.")
        terms = unlocking.terms(secrets)
        unlocking.require_attended(
            name,
            unlocking.stricter(terms.keeping, contact.keeping),
            words.source,
            unattended=unattended,
            practice=terms.practice,
        )
        place = pkcs11.token_key(secrets)
        signer: Signs = (
            self.tokens.enter_context(pkcs11.opened(place, KeyKind.CONTACT, contact.handle))
            if place is not None
            else Signer(KeyKind.CONTACT, contact.handle, keystore.secret(secrets, "sign"))
        )
        if signer.public != contact.signing_key:
            raise KeyTrouble(f"The key of {name!r} is not the one in the trust bundle; it may have been rotated.")
        decryption = tuple(s.key for s in retiring.stored(secrets, contact.statements))
        return ContactKeys(contact, signer, decryption, keystore.secret(secrets, "nkey"), words)

    def _opened(self, name: str, unattended: bool) -> tuple[dict[str, object], Passphrase]:
        """A contact's secrets and the passphrase that opened them: the folder's, or the one that the person types
        where the folder's is a file's or a credential's and the key a person's, or where it does not open the key.
        """
        path = self.folder / "keys" / f"{name}.key"
        can_ask = self.ask is not None and not unattended and self.passphrase.source is not Source.FD
        try:
            secrets = keystore.read(path, self.passphrase)
            mine = unlocking.terms(secrets)
            there = self.passphrase.source in unlocking.ATTENDED
            if there or not can_ask or mine.practice or mine.keeping is Keeping.SERVICE:
                return secrets, self.passphrase
        except KeyTrouble:
            if not can_ask:
                raise
            keystore.check_modes(path)  # what no passphrase mends is said before somebody types one
        assert self.ask is not None  # noqa: S101  can_ask says so
        try:
            words = self.ask(f"the key of {name}")
        except KeyTrouble:
            raise KeyTrouble(
                f"The key of {name!r} is a person's: give its passphrase at the terminal or by a pipe, not in a file."
            ) from None
        return keystore.read(path, words), words

    def stored_keys(self, keys: ContactKeys) -> tuple[StoredKey, ...]:
        """The private encryption keys in a contact's key file, with their numbers and periods."""
        path = self.folder / "keys" / f"{keys.contact.name}.key"
        return retiring.stored(keystore.read(path, keys.passphrase or self.passphrase), keys.contact.statements)


def read_settings(folder: Path) -> dict[str, str]:
    """`agency.json`, or raise `BadInput`."""
    try:
        value = json.loads((folder / "agency.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{folder} is not an agency's folder; name the right one with --home.") from None
    except (ValueError, OSError):
        raise BadInput(
            f"{folder}/agency.json cannot be read; it names the agency and the address of the bus."
        ) from None
    if not isinstance(value, dict):
        raise BadInput(f"{folder}/agency.json cannot be read; it names the agency and the address of the bus.")
    return {str(k): str(v) for k, v in value.items()}


def read_trust(folder: Path, settings: dict[str, str] | None = None) -> AgencyTrust:
    """What this folder holds of the trust bundle, and where it is fetched; nothing is unlocked."""
    settings = read_settings(folder) if settings is None else settings
    try:
        handle = agency_handle(settings.get("handle"))
    except Malformed:
        raise BadInput(f"{folder}/agency.json does not name our handle; the officers gave it with the root.") from None
    return AgencyTrust(folder / "trust", handle, _beside(folder, settings, "trust"), folder / "tls")


def read_bundle(folder: Path) -> Bundle:
    """The trust bundle this folder holds, its signatures checked again."""
    return read_trust(folder).load()


def _own_agency(bundle: Bundle, folder: Path) -> Agency:
    agency = bundle.directory.agency(bundle.audience or "")
    if agency is None:
        raise BadInput(f"The trust bundle does not know our agency; correct the handle in {folder}/agency.json.")
    return agency


def read_address(folder: Path, settings: dict[str, str]) -> str | None:
    """Where the bus is: named in the settings, or in a file that a broker on this machine writes while it is up."""
    return _beside(folder, settings, "url", "address")


def _beside(folder: Path, settings: dict[str, str], name: str, file: str = "") -> str | None:
    if name in settings:
        return settings[name]
    if "broker" in settings:
        path = (folder / settings["broker"] / "run" / (file or name)).resolve()
        return path.read_text(encoding="utf-8").strip() if path.is_file() else None
    return None
