"""One word of each kind about trust itself, in the task force of `tests.keys.world`."""

from typing import Any

from keys import statements
from keys.sealing import key_id
from messages.ceremony import CeremonyStep, EpochStatement, KeyDestroyed, StatementSubmission, StepCode
from messages.signed import Signed
from tests.keys import world


def destroyed(**changed: Any) -> KeyDestroyed:
    """The refuge's word that its first encryption key is no more."""
    fields: dict[str, Any] = {
        "contact": world.REFUGE,
        "number": 1,
        "key_id": key_id(world.decryption_key(world.REFUGE).public),
        "at": world.T0,
    }
    return KeyDestroyed(**(fields | changed))


def ceremony_step(**changed: Any) -> CeremonyStep:
    """An officer's review of something about the police desk."""
    fields: dict[str, Any] = {
        "step": StepCode.REVIEW,
        "subject": world.DESK,
        "proposal": world.seed("proposal"),
        "epoch": 8,
        "at": world.T0,
    }
    return CeremonyStep(**(fields | changed))


def epoch_statement(**changed: Any) -> EpochStatement:
    """What epoch 7 consists of."""
    fields: dict[str, Any] = {
        "epoch": 7,
        "at": world.T0,
        "root": world.seed("extracts"),
        "extracts": 4,
        "full": world.seed("full"),
        "previous": world.seed("full before"),
    }
    return EpochStatement(**(fields | changed))


def submission() -> StatementSubmission:
    """The refuge's first key statement, countersigned by the police's chief, as it would be handed in."""
    stated = world.statement(world.REFUGE)
    return StatementSubmission(
        statement=Signed.from_bytes(stated.signed), counter=statements.countersign(world.signer(world.CHIEF), stated)
    )
