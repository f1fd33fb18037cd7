"""Short-lived encryption keys: numbered statements signed by the contact, at most 30 days long.

A sender takes the newest one in force and refuses an older number than the newest it ever saw for that contact.
"""

from keys.domains import Tag
from keys.sealing import PUBLIC_KEY_BYTES, DecryptionKey
from keys.signing import Signer, verify
from messages import cbor, limits
from messages.cbor import Reader
from messages.directory import Contact, KeyStatement
from messages.errors import BadInput, Unverified
from messages.signed import Signed


def make(signer: Signer, key: DecryptionKey, number: int, start: int, end: int) -> KeyStatement:
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
    signed = signer.sign(Tag.KEY_STATEMENT, body)
    return KeyStatement(number=number, key=key.public, start=start, end=end, signed=signed.to_bytes())


def check(contact: Contact, statement: KeyStatement) -> None:
    """Raise `Unverified` unless the contact itself signed exactly this statement."""
    body = verify(Signed.from_bytes(statement.signed), Tag.KEY_STATEMENT, contact.signing_key)
    reader = Reader(cbor.load(body, limits.ATTESTATION_BYTES, "key statement"), "key statement")
    reader.version()
    stated = (
        reader.text("contact"),
        reader.number("number"),
        reader.fixed("key", PUBLIC_KEY_BYTES),
        reader.number("start"),
        reader.number("end"),
    )
    reader.end()
    if stated != (contact.handle, statement.number, statement.key, statement.start, statement.end):
        raise Unverified("An encryption key in the directory is not the one its contact stated.")
    if not statement.start < statement.end <= statement.start + limits.KEY_STATEMENT_LIFETIME:
        raise Unverified("An encryption key is stated for longer than 30 days.")


def usable(contact: Contact, moment: int, newest_seen: int = 0) -> KeyStatement:
    """The newest statement in force, checked, or raise `Unverified`.

    `newest_seen` is the highest number the caller ever saw for this contact: an older one is refused.
    """
    statement = contact.statement_at(moment)
    if statement is None:
        raise Unverified("The recipient has no encryption key in force; ask its agency to publish a new one.")
    if statement.number < newest_seen:
        raise Unverified("The recipient's encryption key is older than one seen before; fetch the newest trust bundle.")
    check(contact, statement)
    return statement
