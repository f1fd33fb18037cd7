"""The people and forms that the engine was not developed on: strange to all else here, and the same each time."""

from evaluation import corpus, forms, held_out, measure

STRANGERS = held_out.strangers(measure.SEED)


def test_no_held_out_person_is_of_a_culture_or_name_that_the_rest_of_the_evaluation_knows() -> None:
    cultures = {d.culture for d in corpus.load()}
    assert not cultures & {s.culture for s in STRANGERS}
    assert not {p.family for p in measure.people()} & {s.person.family for s in STRANGERS}
    assert len({s.culture for s in STRANGERS}) == len(STRANGERS) > 30


def test_a_form_holds_its_core_and_none_is_made_twice() -> None:
    for stranger in STRANGERS:
        made = held_out.written(stranger, measure.SEED)
        assert len({form.text for form in made}) == len(made) > 100
        assert all(form.text[form.start : form.end].strip() for form in made)


def test_every_family_of_other_forms_is_made_and_none_is_one_of_the_usual() -> None:
    families = {form.family for s in STRANGERS for form in held_out.written(s, measure.SEED)}
    assert set(held_out.OTHERS) | {"endings", "pets", "ears"} <= families
    assert not set(held_out.OTHERS) & set(forms.MAKERS)


def test_the_same_seed_writes_the_same_forms() -> None:
    assert held_out.written(STRANGERS[0], 1) == held_out.written(STRANGERS[0], 1)
    assert held_out.strangers(1) == held_out.strangers(1)
