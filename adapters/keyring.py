"""A contact's encryption keys over time: the next one is stated when it is due, and old ones are destroyed.

Order matters. A word is signed and journaled first, then the key file is changed as it says, and only then may it be
handed in: so nothing is ever sealed to a key that nobody has, and none is said to be gone that is here. After a crash
in between, `take_up` goes on with the same signed word. Two processes that tend one contact's keys make one key.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes
from typing import Final

import structlog

from adapters.home import ContactKeys, Home
from adapters.journal import NEW, QUARANTINED, Incoming, Journal
from keys import keystore, retiring, statements
from keys.domains import Tag
from keys.retiring import StoredKey
from keys.sealing import DecryptionKey, key_id
from keys.unlocking import Passphrase
from messages import wire
from messages.ceremony import KeyDestroyed, StatementSubmission
from messages.directory import Contact
from messages.envelope import GRANT, Delivery, GrantDetail, Outer
from messages.errors import RemoteError
from messages.ids import KeyId
from messages.limits import DAY, KEY_STATEMENT_LIFETIME
from messages.signed import Signed

log = structlog.get_logger("adapters.keyring")

PRIVATE_BYTES: Final = 96
EARLY: Final = DAY
"""How long before the enrolled schedule says so the next key is stated: officers publish once a week at the latest."""


def due(contact: Contact, stored: Sequence[StoredKey], now: int) -> bool:
    """Whether the next encryption key is to be stated: the newest, published or not, is as old as the schedule says."""
    newest = max([s.start for s in contact.statements] + [k.start for k in stored], default=0)
    return now >= newest + contact.rotation_days * DAY - EARLY


def take_up(home: Home, keys: ContactKeys, journal: Journal) -> None:
    """Let go of those words that a crash kept back: what they say has been done, or is now.

    One about a key that never reached the file stays behind: nobody heard of it.
    """
    words = [
        w for w in map(StatementSubmission.from_bytes, journal.intended()) if w.statement.by == keys.contact.handle
    ]
    if not words:
        return
    here = {k.key.public for k in home.stored_keys(keys)}
    for word in words:
        if word.statement.tag == Tag.KEY_STATEMENT.value:
            done = statements.read(word.statement.to_bytes()).key in here
        else:
            done = KeyDestroyed.from_bytes(word.statement.body).key_id not in {key_id(public) for public in here}
        if done:
            _say(journal, word)


def state_next(
    home: Home,
    keys: ContactKeys,
    journal: Journal,
    now: int,
    *,
    renew: bool = False,
    counter: ContactKeys | None = None,
) -> int | None:
    """Make the contact's next encryption key, keep it, and journal its statement to be handed in; its number.

    None where another process was first and none is due any more, unless with `renew`. `counter` is a second contact,
    who countersigns one that is stated off its schedule.
    """
    said: list[StatementSubmission] = []
    numbers: list[int] = []

    def with_next(secrets: dict[str, object]) -> dict[str, object]:  # no other process comes between
        stored = retiring.stored(secrets, keys.contact.statements)
        if not renew and not due(keys.contact, stored, now):
            return secrets
        number = max([s.number for s in keys.contact.statements] + [k.number for k in stored], default=0) + 1
        key = DecryptionKey(token_bytes(PRIVATE_BYTES))
        stated = statements.make(keys.signer, key, number, now, now + KEY_STATEMENT_LIFETIME)
        countersigned = statements.countersign(counter.signer, stated) if counter is not None else None
        said.append(StatementSubmission(statement=Signed.from_bytes(stated.signed), counter=countersigned))
        numbers.append(number)
        journal.intend(*_entry(said[0]))
        fresh = StoredKey(raw=key.export(), number=number, start=stated.start, end=stated.end)
        return {**secrets, "decrypt": retiring.to_value((fresh, *stored))}

    keystore.change(_path(home, keys), _words(home, keys), with_next)
    if not said:
        return None
    _say(journal, said[0])
    log.info("key-stated", number=numbers[0])
    return numbers[0]


def destroy_old(home: Home, keys: ContactKeys, journal: Journal, moment: int) -> tuple[int, ...]:
    """Destroy the private halves that no message can need at `moment`, and journal the signed word; their numbers.

    `moment` is one that somebody else vouches for too, never our own clock alone (`keys.retiring`).
    """
    stored = retiring.stored(keystore.read(_path(home, keys), _words(home, keys)), keys.contact.statements)
    going = retiring.retired(stored, moment, needed_by(journal.incoming(keys.contact.handle)))
    if not going:
        return ()
    words = _destructions(journal, keys)
    for old in going:
        name = key_id(old.key.public)
        if name not in words:
            words[name] = StatementSubmission(statement=statements.destroyed(keys.signer, old.number, name, moment))
            journal.intend(*_entry(words[name]))
    retiring.destroy(_path(home, keys), _words(home, keys), {k.number for k in going}, keys.contact.statements)
    for old in going:
        _say(journal, words[key_id(old.key.public)])
    log.info("keys-destroyed", numbers=[k.number for k in going])
    return tuple(k.number for k in going)


def drop_refused(home: Home, keys: ContactKeys, word: bytes) -> int | None:
    """Forget just that key whose statement the broker refused: nobody will ever seal to it, and its number is free.

    None where there was nothing to forget, or where the officers have published it all the same.
    """
    signed = StatementSubmission.from_bytes(word).statement
    if signed.tag != Tag.KEY_STATEMENT.value or signed.by != keys.contact.handle:
        return None
    refused = statements.read(signed.to_bytes())
    if any(s.key == refused.key for s in keys.contact.statements):
        return None
    gone: list[int] = []

    def without(secrets: dict[str, object]) -> dict[str, object]:
        stored = retiring.stored(secrets, keys.contact.statements)
        gone.extend(k.number for k in stored if k.key.public == refused.key)
        return {**secrets, "decrypt": retiring.to_value(k for k in stored if k.key.public != refused.key)}

    keystore.change(_path(home, keys), _words(home, keys), without, wipe=True)
    return gone[0] if gone else None


def speaker(word: bytes) -> str:
    """Whose word it is: a contact's handle."""
    return StatementSubmission.from_bytes(word).statement.by


def stated_number(word: bytes) -> int | None:
    """The number of the key that it states; None where it says that one is destroyed."""
    signed = StatementSubmission.from_bytes(word).statement
    return statements.read(signed.to_bytes()).number if signed.tag == Tag.KEY_STATEMENT.value else None


def needed_by(incoming: Sequence[Incoming]) -> frozenset[KeyId]:
    """The keys to which views are sealed that arrived and were not opened yet, quarantined ones included."""
    found = set()
    for one in incoming:
        if one.state in (NEW, QUARANTINED):
            try:
                found |= _grant_keys(one.delivery)
            except RemoteError:
                continue  # it does not parse: no key opens it
    return frozenset(found)


def _grant_keys(delivery: bytes) -> set[KeyId]:
    view = wire.decode_view(Delivery.from_bytes(delivery).view)
    details = (o.detail for o in view.openings if o.detail is not None and Outer.from_bytes(o.outer).kind == GRANT)
    return {GrantDetail.from_bytes(detail).key for detail in details}


def _words(home: Home, keys: ContactKeys) -> Passphrase:
    return keys.passphrase or home.passphrase


def _path(home: Home, keys: ContactKeys) -> Path:
    return home.folder / "keys" / f"{keys.contact.name}.key"


def _destructions(journal: Journal, keys: ContactKeys) -> dict[KeyId, StatementSubmission]:
    """This contact's words on destroyed keys that a crash kept back, by the key's id."""
    words = (StatementSubmission.from_bytes(data) for data in journal.intended())
    mine = (w for w in words if w.statement.by == keys.contact.handle and w.statement.tag == Tag.KEY_DESTROYED.value)
    return {KeyDestroyed.from_bytes(w.statement.body).key_id: w for w in mine}


def _entry(submission: StatementSubmission) -> tuple[bytes, bytes]:
    data = submission.to_bytes()
    return sha256(data).digest(), data


def _say(journal: Journal, submission: StatementSubmission) -> None:
    journal.say(*_entry(submission))
