"""Short-lived encryption keys: numbered statements signed by the contact, at most 30 days long.

A sender takes the newest one in force and refuses an older number than the newest it ever saw for that contact. One
that comes off the enrolled schedule is countersigned: else whoever stole a signing key could have everything sealed to
an encryption key of its own at once.
"""

from keys.domains import Tag
from keys.sealing import DecryptionKey
from keys.signing import Signs, verify
from messages import cbor, limits
from messages.ceremony import KeyDestroyed
from messages.directory import Contact, KeyStatement
from messages.errors import BadInput, Unverified
from messages.ids import ContactHandle, KeyId
from messages.signed import Signed


def make(signer: Signs, key: DecryptionKey, number: int, start: int, end: int) -> KeyStatement:
    """State that `key` is the contact's number `number`, from `start` until `end` (milliseconds)."""
    if not start < end <= start + limits.KEY_STATEMENT_LIFETIME:
        raise BadInput("An encryption key is stated for at most 30 days.")
    body = cbor.dump(
        {
            "v": limits.VERSION,
            "contact": signer.handle,
            "number": number,
            "key": key.public,
            "start": start,
            "end": end,
        }
    )
    return KeyStatement(signed=signer.sign(Tag.KEY_STATEMENT, body).to_bytes())


def countersign(signer: Signs, statement: KeyStatement) -> Signed:
    """A second person's word on a statement off its schedule: over the very same body, under a tag of its own."""
    return signer.sign(Tag.KEY_STATEMENT_COUNTER, Signed.from_bytes(statement.signed).body)


def destroyed(signer: Signs, number: int, key_id: bytes, at: int) -> Signed:
    """The contact's word that the private half of its key `number` is destroyed."""
    word = KeyDestroyed(contact=ContactHandle(signer.handle), number=number, key_id=KeyId(key_id), at=at)
    return signer.sign(Tag.KEY_DESTROYED, word.to_bytes())


def read(signed: bytes) -> KeyStatement:
    """The statement that a contact signed, unchecked (`check` holds it against its signer), or raise `Malformed`."""
    statement = KeyStatement(signed=signed)
    _ = statement.said
    return statement


def check(contact: Contact, statement: KeyStatement, at: int | None = None) -> None:
    """Raise `Unverified` unless the contact itself signed this statement about itself.

    With `at`, by the signing key that counted at that moment. Without, by any that it ever had: for statements of the
    past, which nobody seals to.
    """
    signed = Signed.from_bytes(statement.signed)
    verify(signed, Tag.KEY_STATEMENT, contact.key_at(at) if at is not None else _signed_with(contact, signed))
    if statement.said.by != contact.handle:
        raise Unverified("An encryption key in the directory is not the one its contact stated.")
    if not statement.start < statement.end <= statement.start + limits.KEY_STATEMENT_LIFETIME:
        raise Unverified("An encryption key is stated for longer than 30 days.")


def check_counter(statement: KeyStatement, counter: Signed, public: bytes) -> None:
    """Raise `Unverified` unless the holder of `public` countersigned exactly this statement."""
    if verify(counter, Tag.KEY_STATEMENT_COUNTER, public) != Signed.from_bytes(statement.signed).body:
        raise Unverified("The countersignature is over another key statement.")


def usable(contact: Contact, moment: int, newest_seen: int = 0) -> KeyStatement:
    """The newest statement in force, checked, or raise `Unverified`.

    `newest_seen` is the highest number the caller ever saw for this contact: an older one is refused. So is one that
    was signed by a key which the contact has given up since: whoever stole that key could have made it.
    """
    statement = contact.statement_at(moment)
    if statement is None:
        raise Unverified("The recipient has no encryption key in force; ask its agency to publish a new one.")
    if statement.number < newest_seen:
        raise Unverified("The recipient's encryption key is older than one seen before; fetch the newest trust bundle.")
    check(contact, statement, moment)
    return statement


def _signed_with(contact: Contact, signed: Signed) -> bytes:
    """That key of the contact's, past ones included, by which `signed` holds; the newest if it holds by none."""
    for former in contact.former_keys:
        try:
            verify(signed, Tag.KEY_STATEMENT, former.key)
        except Unverified:
            continue
        return former.key
    return contact.signing_key
