"""What a record keeps of the facts is all of them, in codes, and short."""

from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.record import DECISION, Record
from messages.errors import Malformed
from messages.labels import Caveat, EvidenceUse, HCode, Lineage, Tlp
from messages.manifest import Handling
from policies.cases import case_of
from policies.facts import Facts
from policies.kept import USUAL, keep, recall
from policies.words import BOOLEANS
from tests.policies.casebook import scenarios
from tests.policies.test_laws import any_facts
from tests.policies.world import MANIFEST, facts
from tests.support.orchid import DESK, PROSECUTOR, SHELTER, task_force

handlings = st.builds(
    Handling,
    tlp=st.sampled_from(Tlp),
    h=st.sampled_from(HCode),
    pap=st.just(MANIFEST.handling.pap),
    caveats=st.sets(st.sampled_from(Caveat)).map(lambda s: tuple(sorted(s))),
    rel_to=st.sets(st.sampled_from(["AA", "BB"])).map(lambda s: tuple(sorted(s))),
)


def agreeing(of: Facts, handling: Handling, lineage: Lineage, use: EvidenceUse, exercise: bool):  # type: ignore[no-untyped-def]
    return replace(
        MANIFEST,
        kind=of.kind,
        purpose=of.purpose,
        handling=handling,
        lineage=lineage,
        evidence_use=use,
        exercise=exercise,
    )


@settings(max_examples=200, deadline=None)
@given(
    st.lists(any_facts(), min_size=1, max_size=4), handlings, st.sampled_from(Lineage), st.sampled_from(EvidenceUse),
    st.booleans(),
)  # fmt: skip
def test_all_facts_and_the_case_come_back_from_what_is_kept(
    found: list[Facts], handling: Handling, lineage: Lineage, use: EvidenceUse, exercise: bool
) -> None:
    first = found[0]
    same = {"kind": first.kind, "purpose": first.purpose}
    classes = {"sender_class": first.sender_class, "recipient_class": first.recipient_class}
    alike = [replace(f, **same, **classes) for f in found]
    manifest = agreeing(first, handling, lineage, use, exercise)
    kept = keep(manifest, "AGR-1", [(f, "application/json") for f in alike])
    assert kept is not None
    recalled = recall(first.kind, [f.section_kind for f in alike], kept)
    assert [r.facts for r in recalled] == alike
    assert [r.case for r in recalled] == [case_of(manifest, "application/json", f) for f in alike]
    assert {r.agreement for r in recalled} == {"AGR-1"}


@pytest.mark.parametrize("name", BOOLEANS)
def test_each_fact_alone_is_kept(name: str) -> None:
    usual = facts()
    for value in (True, False):
        changed = replace(usual, **{name: value})
        kept = keep(MANIFEST, "a", [(changed, "application/json")])
        assert kept is not None
        assert recall(changed.kind, [changed.section_kind], kept)[0].facts == changed


def test_what_was_usual_is_not_named_and_an_older_record_has_its_usual_value() -> None:
    kept = keep(MANIFEST, "a", [(facts(), "application/json")])
    assert kept is not None
    header, common, (section,) = kept
    assert len(common) <= 8 and section[3] == ()
    assert set(BOOLEANS) > USUAL
    assert recall(facts().kind, ["A02/identity"], (header, (), kept[2]))[0].facts.sender_mandated


def test_where_no_rule_was_asked_nothing_is_kept() -> None:
    assert keep(MANIFEST, "a", []) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda h, c, s: ((), c, s),
        lambda h, c, s: (tuple(x.replace("purpose=", "purpose=X") for x in h), c, s),
        lambda h, c, s: (h, ("no_such_fact",), s),
        lambda h, c, s: (h, c, ()),
        lambda h, c, s: (h, c, (("application/json", ("hero",), (), ()),)),
    ],
)
def test_words_that_this_edition_does_not_know_are_malformed(change) -> None:  # type: ignore[no-untyped-def]
    kept = keep(MANIFEST, "a", [(facts(), "application/json")])
    assert kept is not None
    with pytest.raises(Malformed):
        recall(facts().kind, ["A02/identity"], change(*kept))


def test_every_scenario_of_the_rules_keeps_less_than_a_line() -> None:
    for found in scenarios().values():
        kept = keep(MANIFEST, "AGR-2026-01", [(found, "application/json")])
        assert kept is not None
        assert len(" ".join([*kept[0], *kept[1], *kept[2][0][3]])) < 330


def test_the_broker_s_records_hold_the_facts_by_which_it_decided() -> None:
    force = task_force()
    for case, to in (("08-organisations.json", PROSECUTOR), ("03-referral-adult.json", SHELTER)):
        envelope = force.send(case, to)
        admitted = force.admit(envelope)
        from keys.domains import Tag
        from keys.signing import verify
        from messages.evidence import Entry
        from messages.signed import Signed

        worker = force.bundle.directory.worker(admitted.evidence.by)
        assert worker is not None
        entry = Entry.from_bytes(verify(Signed.from_bytes(admitted.entry), Tag.ENTRY, worker.key))
        (record,) = [r for _, data in entry.records if (r := Record.from_bytes(data)).type == DECISION]
        assert record.facts is not None and record.kind is not None
        recalled = recall(record.kind, [kind for _, kind, _ in record.sections], record.facts)
        engine = force.world().engine
        assert {i for r in recalled for i in engine.decide(r.facts).because} == set(record.rules)
        assert all(r.facts.sender_class == force.homes[DESK.partition("/")[0]].agency.party_class for r in recalled)


def test_the_kept_facts_are_all_the_facts() -> None:
    words = {"kind", "purpose", "sender_class", "recipient_class", "data_type", "part", "roles", "flags"}
    assert {f.name for f in fields(Facts)} == words | set(BOOLEANS), "teach policies/kept.py the new word"
