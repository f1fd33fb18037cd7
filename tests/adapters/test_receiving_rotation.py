"""A recipient holds signatures to the key that counted when the broker admitted the message, not when it was made."""

from dataclasses import replace

import pytest

from keys.domains import KeyKind
from keys.signing import Signer
from messages.directory import Bundle, Directory, FormerKey
from messages.errors import Unverified
from messages.limits import MINUTE
from tests.adapters.test_receiving import FIRMS, delivered, restamped
from tests.support.orchid import DESK, FOREIGN, PROSECUTOR, RELEASER, TaskForce


def rotated(force: TaskForce, address: str, moment: int) -> Bundle:
    """The bundle, in which this contact's signing key was followed by a new one at `moment`."""
    known, contact = force.bundle.directory, force.contact(address)
    update = {
        "signing_key": Signer(KeyKind.CONTACT, contact.handle, bytes(32)).public,
        "former_keys": (FormerKey(key=contact.signing_key, start=0, end=moment),),
    }
    contacts = tuple(c.model_copy(update=update) if c.handle == contact.handle else c for c in known.contacts)
    fields = {name: getattr(known, name) for name in Directory.model_fields}
    return replace(force.bundle, directory=Directory(**(fields | {"contacts": contacts})))


@pytest.mark.parametrize(
    ("to", "rotates"), [(PROSECUTOR, DESK), (FOREIGN, RELEASER)], ids=["the sender's", "a releasing contact's"]
)
def test_what_was_admitted_after_a_rotation_is_not_opened_if_the_old_key_signed_it(
    force: TaskForce, to: str, rotates: str
) -> None:
    data, moment = delivered(force, FIRMS, to), force.now + MINUTE
    before = restamped(force, data, stamp=lambda s: replace(s, admitted=moment - 1))
    after = restamped(force, data, stamp=lambda s: replace(s, admitted=moment))
    bundle = rotated(force, rotates, moment)
    assert force.open(before, to, bundle=bundle).stamp.admitted == moment - 1
    assert force.open(after, to).stamp.admitted == moment, "nothing else is wrong with it"
    with pytest.raises(Unverified):
        force.open(after, to, bundle=bundle)
