"""Which edition of rules and catalogue this installation has, and whether it is the one that the officers signed."""

from functools import cache
from hashlib import sha256

from messages.catalogue import load
from messages.directory import Bundle
from messages.errors import BadInput
from policies.decide import packaged


@cache
def rules_digest() -> str:
    """SHA-256 of the packaged rules and their schema, in hexadecimal: read once, as the rules that decide are."""
    return sha256("\0".join(packaged()).encode()).hexdigest()


def check(bundle: Bundle) -> None:
    """Raise `BadInput` unless the officers signed exactly these rules and this catalogue.

    Deciding by other rules than the ones that were signed would be one person's change of policy (law 7).
    """
    if (bundle.rules_digest, bundle.catalogue_digest) != (rules_digest(), load().digest):
        raise BadInput(
            "The rules or the catalogue of this installation are not those that the officers signed; install the "
            "edition that the task force uses, or have the officers sign this one."
        )
