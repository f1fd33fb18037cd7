"""A task force with officers and heads of agencies, for tests about trust: nothing of a server, no clock.

The refuge stated its first encryption key a day before T0, and follows it, on schedule, after 20 days.
"""

from functools import cache
from typing import Any

from broker.admit import World
from keys import statements
from keys.domains import KeyKind
from keys.signing import Signer
from messages.catalogue import load as load_catalogue
from messages.ceremony import StatementSubmission
from messages.directory import Bundle, Directory, KeyStatement, Officer
from messages.limits import DAY
from messages.signed import Signed
from policies.decide import Engine
from tests.keys import world

T0 = world.T0
NOW = T0 + 19 * DAY
HEAD, COURT_HEAD, FORMER_OFFICER = "ohhhhhhhhhhha", "ojjjjjjjjjjja", "okkkkkkkkkkka"
COLLEAGUE, LAPSED = "ciiiiiiiiiiia", "cjjjjjjjjjjja"
OFFICER = world.OFFICERS[0]


def officer(handle: str, **changed: Any) -> Officer:
    """An officer, or an agency's head."""
    fields = {"handle": handle, "title": "officer", "key": signer(handle).public, "start": 0, "end": T0 + 300 * DAY}
    return Officer(**(fields | changed))


def signer(handle: str) -> Signer:
    """The private key of whoever has this handle, a head's among them."""
    if handle in (HEAD, COURT_HEAD):
        return Signer(KeyKind.HEAD, handle, world.seed(handle))
    return world.signer(handle)


@cache
def directory() -> Directory:
    """The test world's, with an officer, a former one, two heads, and two more contacts of the shelter."""
    known = world.directory()
    heads = {world.SHELTER: HEAD, world.COURT: COURT_HEAD}
    agencies = tuple(
        a.model_copy(update={"head": officer(heads[a.handle])}) if a.handle in heads else a for a in known.agencies
    )
    colleague = world.contact(COLLEAGUE, "colleague", world.SHELTER)
    lapsed = world.contact(LAPSED, "lapsed", world.SHELTER, mandates=(world.mandate(end=T0),))
    return Directory(
        agencies=agencies,
        contacts=(*known.contacts, colleague, lapsed),
        operator=known.operator,
        officers=(officer(OFFICER), officer(FORMER_OFFICER, end=T0)),
    )


def with_contact(handle: str = world.REFUGE, **changed: Any) -> Directory:
    """The directory, one contact changed."""
    known = directory()
    contacts = tuple(c.model_copy(update=changed) if c.handle == handle else c for c in known.contacts)
    return Directory(agencies=known.agencies, contacts=contacts, operator=known.operator, officers=known.officers)


def state(of: Directory | None = None, **changed: Any) -> World:
    fields: dict[str, Any] = {
        "bundle": Bundle(
            epoch=7, created=T0, expires=T0 + 90 * DAY, directory=of or directory(), officers=world.OFFICERS[:2]
        ),
        "agreements": {},
        "engine": Engine.load(),
        "catalogue": load_catalogue(),
        "worker": world.signer(world.WORKER),
        "secret": world.seed("worker's secret"),
    }
    return World(**(fields | changed))


def stated(number: int = 2, start: int = NOW, end: int = NOW + 20 * DAY, by: Signer | None = None) -> KeyStatement:
    return statements.make(
        by or world.signer(world.REFUGE), world.decryption_key(world.REFUGE, number), number, start, end
    )


def handed_in(made: KeyStatement, counter: Signed | None = None) -> bytes:
    """The bytes that an agency submits."""
    return StatementSubmission(statement=Signed.from_bytes(made.signed), counter=counter).to_bytes()
