"""A witness of the log: an agency that states with a key of its own which heads it saw.

Its key lies in `witness/` of the agency's folder and cosigns nothing else. A head is cosigned only after it has been
proved to continue the newest one that the journal keeps, which is written before anything is signed: so no two heads of
different logs ever get this witness's word, whatever the broker shows and whenever the machine goes down.
"""

from pathlib import Path
from typing import Final

from adapters.watching import LogWatch
from audit.checkpoint import Checkpoint
from audit.errors import AuditError
from audit.witness import WitnessKey, cosign, cosignatures, joined
from bus.queue import AgencyPort
from keys import keystore
from keys.domains import KeyKind
from keys.signing import Signer
from keys.unlocking import Passphrase
from messages.errors import Unverified

FOLDER: Final = "witness"
KEY_FILE: Final = "witness.key"


class Witness:
    """Cosigns the heads that a broker offers, through an agency's own eye on the log."""

    def __init__(self, signer: Signer, watch: LogWatch, port: AgencyPort) -> None:
        self.key = key_of(signer)
        self._signer = signer
        self._watch = watch
        self._port = port

    async def once(self, now: int) -> Checkpoint | None:
        """Cosign the head on offer at `now` (milliseconds) and hand the signature in; None where there is none new.

        Raises `Unverified` where that head is not of the log that we know: an alarm, and nothing is signed.
        """
        found = await self._watch.offered()
        if found is None:
            return None
        head, note = found
        try:
            if cosignatures(note, [self.key]):
                return None
            line = cosign(note, self.key, now // 1000, self._signer.sign_note)
            await self._port.ask("cosign", joined(note, [line]))
        except AuditError:
            raise Unverified("In our name somebody cosigned what we did not. Tell the security officers.") from None
        return head


def is_witness(home: Path) -> bool:
    """Whether a witness's key lies in this agency's folder."""
    return (home / FOLDER / KEY_FILE).exists()


def open_key(home: Path, passphrase: Passphrase | str) -> Signer:
    """The witness's key of this agency, unlocked; raises `KeyTrouble` as the keystore does."""
    secrets = keystore.read(home / FOLDER / KEY_FILE, passphrase)
    return Signer(KeyKind.WITNESS, str(secrets["handle"]), keystore.secret(secrets, "sign"))


def key_of(signer: Signer) -> WitnessKey:
    """Its key as the trust bundle names it: under its label."""
    return WitnessKey(name=signer.handle, public=signer.public)
