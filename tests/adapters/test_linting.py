"""A subject line introduces a message where many can see it: it names nobody, and holds no number and no date."""

from dataclasses import replace

import pytest

from adapters.linting import check_subject
from messages.catalogue import load
from messages.errors import BadInput
from tests.messages.catalogue.samples import sample
from tests.support.orchid import CASES, INSPECTORS, PROSECUTOR, TaskForce

CATALOGUE = load()
KNOWN = [
    sample("A02", first_name="Ioana", second_name="Marinescu", also_known_as=["Nana"]),
    sample("A03", names=[{"given": "Dale", "family": "Horrocks"}]),
]

PERSONAL = {
    "Ioana is in danger": "names somebody",
    "MARINESCU, the second worker": "names somebody",
    "News of Nana": "names somebody",
    "What Marinescus' employer says": "names somebody",
    "Dale Horrocks and his record": "names somebody",  # a suspect is a person too
    "Call 07700 900317": "number",
    "Ring 0 77 00-90 03 17 now": "number",
    "Born on 14 March 2001": "number",
    "Raid on 12/11/2026": "number",
    "Passport A04718265 was taken": "number",
    "Write to a.b@mail.example": "number",
    "x" * 121: "one line",
    "two\nlines": "one line",
    "ᠮᠣᠩᠭᠣᠯ": "script",
}
PLAIN = ["A packing firm that keeps passports", "Referral of an adult", "Yearly return for 2026", "Two of 14 workers"]


@pytest.mark.parametrize("text", PERSONAL)
def test_personal_data_in_a_subject_line_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(BadInput, match=PERSONAL[text]) as caught:
        check_subject(text, KNOWN, CATALOGUE)
    said = str(caught.value)
    assert text not in said and "Ioana" not in said and "900317" not in said and said.endswith(".")


@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_subject_line_passes(text: str) -> None:
    check_subject(text, KNOWN, CATALOGUE)


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_subject_of_the_example_is_plain(force: TaskForce, name: str) -> None:
    case = force.case(name)
    check_subject(case.cover["subject_line"], [], CATALOGUE)


@pytest.mark.parametrize("to", [PROSECUTOR, INSPECTORS])
def test_the_subject_is_looked_at_for_every_recipient_alike(force: TaskForce, to: str) -> None:
    case = force.case("02-labour-disclosure.json")
    name = next(str(o["second_name"]) for o in case.objects if o["type"] == "A02" and "second_name" in o)
    named = replace(case, cover={**case.cover, "subject_line": f"What {name} says"})
    with pytest.raises(BadInput, match="names somebody"):
        force.plan(named, to)
