"""The agency's folder: who we are, our keys, the trust bundle we hold, and the journal.

HOME/agency.json           which agency this is, its contacts with keys here, and the address of the bus
HOME/trust/officers.json   the officers' public keys: the trust anchor, installed by hand
HOME/trust/bundle.cbor     the newest trust bundle
HOME/keys/CONTACT.key      a contact's signing and encryption keys, sealed
HOME/keys/adapter.key      the NATS login and the register key for pseudonyms, sealed
HOME/guard/                the release guard's own folder, with its own key: another user's, where possible
HOME/journal.db            what was said but not yet sent, and what arrived but was not yet handled
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keys import keystore
from keys.bundle import Anchor, open_bundle
from keys.domains import KeyKind
from keys.sealing import DecryptionKey
from keys.signing import Signer
from messages.directory import Agency, Bundle, Contact
from messages.errors import BadInput, KeyTrouble
from policies import edition

ADAPTER_KEY: Final = "keys/adapter.key"


def clock() -> int:
    """Milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class ContactKeys:
    """One of our contacts, unlocked."""

    contact: Contact
    signer: Signer
    decryption: tuple[DecryptionKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The folder, read and checked."""

    folder: Path
    agency: Agency
    bundle: Bundle
    nkey_seed: bytes
    register_key: bytes  # 32 bytes: pseudonyms and references are keyed with it
    url: str | None
    passphrase: str

    @classmethod
    def open(cls, folder: Path, passphrase: str, url: str | None = None) -> "Home":
        """Read `folder`, or raise with what to do."""
        settings = read_settings(folder)
        bundle = read_bundle(folder)
        edition.check(bundle)
        name = settings.get("agency")
        agency = next((a for a in bundle.directory.agencies if a.name == name), None)
        if agency is None:
            raise BadInput(f"The trust bundle knows no agency {name!r}; correct {folder}/agency.json.")
        secrets = keystore.read(folder / ADAPTER_KEY, passphrase)
        return cls(
            folder=folder,
            agency=agency,
            bundle=bundle,
            nkey_seed=keystore.secret(secrets, "nkey"),
            register_key=keystore.secret(secrets, "register"),
            url=url or _address(folder, settings),
            passphrase=passphrase,
        )

    def contacts(self) -> list[str]:
        """Names of our contacts whose keys lie here."""
        return sorted(p.stem for p in (self.folder / "keys").glob("*.key") if p.stem != "adapter")

    def unlock(self, name: str) -> ContactKeys:
        """Unlock one contact's keys ("desk" or "harbour-police/desk"), or raise `KeyTrouble` or `BadInput`."""
        name = name.removeprefix(f"{self.agency.name}/")
        if name not in self.contacts():
            raise BadInput(
                f"No keys of a contact {name!r} lie in {self.folder}/keys; there are: {', '.join(self.contacts())}."
            )
        secrets = keystore.read(self.folder / "keys" / f"{name}.key", self.passphrase)
        handle = secrets.get("handle")
        contact = self.bundle.directory.contact(handle) if isinstance(handle, str) else None
        if contact is None:
            raise KeyTrouble(f"The contact {name!r} is not in the trust bundle; the officers have to publish it.")
        signer = Signer(KeyKind.CONTACT, contact.handle, keystore.secret(secrets, "sign"))
        if signer.public != contact.signing_key:
            raise KeyTrouble(f"The key of {name!r} is not the one in the trust bundle; it may have been rotated.")
        stored = secrets.get("decrypt")
        raws = stored if isinstance(stored, list) else []
        return ContactKeys(contact, signer, tuple(DecryptionKey(r) for r in raws if isinstance(r, bytes)))


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


def read_bundle(folder: Path) -> Bundle:
    """The trust bundle this folder holds, its signatures checked against the anchor."""
    try:
        anchor = Anchor.from_json((folder / "trust" / "officers.json").read_text(encoding="utf-8"))
        return open_bundle((folder / "trust" / "bundle.cbor").read_bytes(), anchor)
    except FileNotFoundError:
        raise BadInput(f"{folder}/trust lacks the officers' keys or the trust bundle; install them first.") from None


def _address(folder: Path, settings: dict[str, str]) -> str | None:
    """Where the bus is: named in the settings, or in a file that a broker on this machine writes while it is up."""
    if "url" in settings:
        return settings["url"]
    if "broker" in settings:
        path = (folder / settings["broker"] / "run" / "address").resolve()
        return path.read_text(encoding="utf-8").strip() if path.is_file() else None
    return None
