"""Who may open which key: a person's only for somebody who is there, and no passphrase shows itself."""

import copy
import json
import pickle
from itertools import product

import pytest

from keys import unlocking
from keys.unlocking import Passphrase, Source, Terms
from messages.errors import KeyTrouble
from messages.labels import Keeping

WORDS = "correct horse battery"
ATTENDED = {Source.PROMPT, Source.FD}


@pytest.mark.parametrize("show", [repr, str, format, lambda p: f"{p!s:>40}", lambda p: "%s" % p, lambda p: f"{[p]}"])  # noqa: UP031
def test_a_passphrase_shows_nothing_however_it_is_printed(show: object) -> None:
    assert callable(show)
    for words in (WORDS, WORDS * 2):
        assert show(Passphrase(words, Source.FD)).strip("[] ") == "Passphrase(file descriptor)"


@pytest.mark.parametrize("write", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, bytes, list])
def test_a_passphrase_is_written_out_by_nothing(write: object) -> None:
    assert callable(write)
    with pytest.raises(TypeError) as told:
        write(Passphrase(WORDS, Source.FD))
    assert WORDS not in str(told.value)


def test_bare_words_are_worth_as_much_as_a_file() -> None:
    assert unlocking.as_passphrase(WORDS).source is Source.FILE
    given = Passphrase(WORDS, Source.PROMPT)
    assert unlocking.as_passphrase(given) is given


@pytest.mark.parametrize(("keeping", "source"), [*product(Keeping, Source)])
def test_a_persons_key_opens_only_for_somebody_who_is_there(keeping: Keeping, source: Source) -> None:
    if keeping is Keeping.SERVICE or source in ATTENDED:
        unlocking.may_unlock(keeping, source)
    else:
        with pytest.raises(KeyTrouble, match="person's key"):
            unlocking.may_unlock(keeping, source)


@pytest.mark.parametrize(
    ("keeping", "source", "unattended", "practice"), [*product(Keeping, Source, (False, True), (False, True))]
)
def test_no_service_holds_a_persons_key_outside_practice(
    keeping: Keeping, source: Source, unattended: bool, practice: bool
) -> None:
    allowed = practice or keeping is Keeping.SERVICE or (not unattended and source in ATTENDED)
    if allowed:
        unlocking.require_attended("desk", keeping, source, unattended=unattended, practice=practice)
        return
    with pytest.raises(KeyTrouble, match="'desk' belongs to a person; a service" if unattended else "person's key"):
        unlocking.require_attended("desk", keeping, source, unattended=unattended, practice=practice)


@pytest.mark.parametrize("terms", [Terms(keeping=k, practice=p) for k, p in product(Keeping, (False, True))])
def test_terms_are_read_back_as_they_were_written(terms: Terms) -> None:
    assert unlocking.terms({"sign": bytes(32), **terms.to_map()}) == terms


@pytest.mark.parametrize(
    "secrets", [{}, {"keeping": "Service"}, {"keeping": 1}, {"keeping": None}, {"practice": 1}, {"practice": "true"}]
)
def test_a_file_that_does_not_say_was_made_for_a_person_and_not_for_practice(secrets: dict[str, object]) -> None:
    assert unlocking.terms(secrets) == Terms(keeping=Keeping.PERSON, practice=False)


def test_owner_and_officers_must_both_mean_a_service() -> None:
    service = [(a, b) for a, b in product(Keeping, Keeping) if unlocking.stricter(a, b) is Keeping.SERVICE]
    assert service == [(Keeping.SERVICE, Keeping.SERVICE)]
