"""What is remembered from epoch to epoch never answers for another one: the order of asking does not matter."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.bundle import Verifier
from keys.content import Share
from keys.metadata import FULL, Audience
from keys.online import Extracts
from messages.errors import BundleRefused
from tests.keys import trust
from tests.keys.trust import COURT, POLICE, REFUGE, STRANGER, Force

AUDIENCES = [Audience(FULL), *(Audience(h) for h in (POLICE, COURT, REFUGE, STRANGER))]
EPOCHS = 8


@pytest.fixture(scope="module")
def force(tmp_path_factory: pytest.TempPathFactory) -> Force:
    """Eight epochs: contacts change and go, an agency changes, an agreement comes and goes, all is renewed."""
    made = Force(tmp_path_factory.mktemp("officers"))
    made.publish()
    for whose in (POLICE, COURT):
        first, *others = made.content.contacts[whose]
        made.publish(made.content.with_contacts(whose, (first.model_copy(update={"title": "other"}), *others)))
    made.publish(made.content.with_contacts(COURT, made.content.contacts[COURT][:1]))
    made.publish(made.content.with_agency(made.content.agencies[REFUGE].model_copy(update={"title": "moved"})))
    alone, two = made.shares[STRANGER], made.content.agreements
    made.shares[STRANGER] = Share(frozenset({STRANGER, POLICE}), frozenset({"three.yaml"}))
    made.publish(replace(made.content, agreements={**two, "three.yaml": "parties: [quiet-agency, harbour-police]"}))
    made.shares[STRANGER] = alone
    made.publish(replace(made.content, agreements=two))
    made.publish(renew=True)
    assert made.repository.epochs() == list(range(1, EPOCHS + 1))
    return made


def alone(force: Force, epoch: int) -> dict[Audience, bytes]:
    return Extracts(force.repository, trust.online()).leaves(force.repository.state(epoch))


ORDERS = st.lists(st.integers(1, EPOCHS), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(order=ORDERS, served=st.sampled_from(AUDIENCES))
def test_the_leaves_of_an_epoch_are_the_same_whatever_was_asked_before(
    force: Force, order: list[int], served: Audience
) -> None:
    extracts = Extracts(force.repository, trust.online())
    extracts.take(force.repository.state(order[0]))
    for epoch in order:
        assert extracts.leaves(force.repository.state(epoch)) == alone(force, epoch)
        extracts.extract(served)  # what is served may be of another epoch, and must not mix in


@settings(max_examples=40, deadline=None)
@given(order=ORDERS, audience=st.sampled_from(AUDIENCES))
def test_the_bundle_of_an_epoch_is_the_same_whatever_was_opened_before(
    force: Force, order: list[int], audience: Audience
) -> None:
    verifier = Verifier(force.root, audience)
    for epoch in order:
        state = force.repository.state(epoch)
        found, anew = (
            verifier.open(force.repository, state),
            Verifier(force.root, audience).open(force.repository, state),
        )
        assert found == anew
        for contact in anew.directory.contacts:
            assert found.directory.contact(contact.handle) == contact
        assert found.digest == alone(force, epoch)[audience]


def test_a_state_that_lacks_a_part_is_refused_also_after_a_whole_one(force: Force) -> None:
    state = force.repository.state(4)
    lacking = replace(state, roles={a: v for a, v in state.roles.items() if a != COURT})
    unknown = replace(state, roles={**state.roles, POLICE: 4})
    ahead = replace(state, tops={**state.tops, Audience(FULL): 5})
    verifier, extracts = Verifier(force.root, Audience(FULL)), Extracts(force.repository, trust.online())
    good, leaves = verifier.open(force.repository, state), extracts.leaves(state)
    for wrong in (lacking, unknown, ahead):
        with pytest.raises(BundleRefused):
            verifier.open(force.repository, wrong)
        assert verifier.open(force.repository, state) == good
    for wrong in (lacking, unknown):
        with pytest.raises(BundleRefused):
            extracts.leaves(wrong)
        assert extracts.leaves(state) == leaves


def test_what_is_served_of_an_extract_is_the_newest_epoch_s(force: Force) -> None:
    extracts = Extracts(force.repository, trust.online())
    for epoch in (1, 8, 3):
        extracts.take(force.repository.state(epoch))
        found = extracts.extract(Audience(COURT))
        assert found is not None and found.state.epoch == epoch
        assert found is extracts.extract(Audience(COURT))
