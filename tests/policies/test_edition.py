"""The rules and the catalogue that decide are the ones that two officers signed."""

from dataclasses import replace

import pytest

from messages.catalogue import load
from messages.directory import Bundle
from messages.errors import BadInput
from policies import edition
from tests.policies import world


def bundle(**changed: str) -> Bundle:
    """A bundle that names this installation's edition, but for what is changed."""
    signed = Bundle(
        epoch=1,
        created=0,
        expires=1,
        directory=world.DIRECTORY,
        rules_digest=edition.rules_digest(),
        catalogue_digest=load().digest,
    )
    return replace(signed, **changed)


def test_the_signed_edition_is_taken() -> None:
    edition.check(bundle())


@pytest.mark.parametrize("changed", ["rules_digest", "catalogue_digest"])
@pytest.mark.parametrize("value", ["", "0" * 64])
def test_another_edition_than_the_signed_one_is_refused(changed: str, value: str) -> None:
    with pytest.raises(BadInput, match="not those that the officers signed"):
        edition.check(bundle(**{changed: value}))
