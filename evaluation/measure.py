"""The passes: what is asked of the redactor, and how its answers are counted. One `Column` for each way to run it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from evaluation import cases, forms, held_out
from evaluation.corpus import Document, Prose, from_yaml, parts, words
from evaluation.markup import Span
from evaluation.redactor import Answer, Redactor, Request, holds_together
from evaluation.scores import (
    Precision,
    Rate,
    covered,
    hidden,
    precision,
    readable,
    touched,
    words_masked,
    words_precision,
)

SEED: Final = 20261127
EACH_FAMILY: Final = 4  # forms of one family that are written into one court case
FOLDER: Final = Path(__file__).parent
OWN_NAME: Final = "with a name of their own"
SAME_NAME: Final = "with a name of the victim alone"
NONE: Final = Rate(0, 0)
NOTHING_MASKED: Final = Precision(0, 0)


class Table(defaultdict[str, Rate]):
    """Rates by a label; adding to one that is not there begins it."""

    def __init__(self) -> None:
        super().__init__(lambda: NONE)

    def add(self, label: str, hit: bool) -> None:
        self[label] += Rate(int(hit), 1)

    @property
    def all(self) -> Rate:
        return sum(self.values(), NONE)


@dataclass
class Narratives:
    """The project's own narratives with the person known."""

    documents: Table = field(default_factory=Table)  # leaking, by language
    cultures: Table = field(default_factory=Table)  # leaking documents, by culture
    refused: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)  # answers that do not hold together
    mentions: Table = field(default_factory=Table)  # left, by trap
    kinds: Table = field(default_factory=Table)  # left, by kind
    others: Table = field(default_factory=Table)  # found, by trap
    near: Table = field(default_factory=Table)  # masked, by trap
    near_for_identity: Table = field(default_factory=Table)
    kept: Table = field(default_factory=Table)  # masked
    words: Table = field(default_factory=Table)  # masked, by language
    words_for_identity: Table = field(default_factory=Table)
    precision: Precision = NOTHING_MASKED
    failures: list[tuple[str, str, str, str]] = field(default_factory=list)  # what, document, trap, text


@dataclass
class Cases:
    """The public court cases. Only ids and families leave this place."""

    leaking: list[str] = field(default_factory=list)
    documents: int = 0
    refused: list[str] = field(default_factory=list)
    mentions: Table = field(default_factory=Table)  # left, by kind
    words: Rate = NONE
    unknown_refused: int = 0
    entities: Table = field(default_factory=Table)  # found with nobody known, by need and by need and kind
    found: Table = field(default_factory=Table)  # the same by mention
    words_precision: Precision = NOTHING_MASKED
    unknown_words: Rate = NONE


@dataclass
class Forms:
    """Generated forms: which survive, by family."""

    survivors: Table = field(default_factory=Table)
    refused: int = 0
    people: int = 0
    failures: list[tuple[str, str, str]] = field(default_factory=list)  # family, whose, form


@dataclass
class Column:
    """Everything measured in one way of running the redactor."""

    name: str
    narratives: Narratives = field(default_factory=Narratives)
    prose: Table = field(default_factory=Table)
    prose_refused: int = 0
    sentences: Forms = field(default_factory=Forms)
    strangers: Forms = field(default_factory=Forms)
    cases: Cases | None = None
    written: Forms | None = None
    characters: int = 0
    seconds: float = 0.0


def request(number: str, text: str, lang: str, identity: object = None, keep: Iterable[str] = ()) -> Request:
    asked: dict[str, Any] = {"id": number, "text": text, "lang": lang}
    if identity is not None:
        asked["identity"] = identity
    if keep := list(keep):
        asked["keep_names"] = keep
    return asked


def narratives(documents: Sequence[Document], redact: Redactor, done: Callable[[int], None]) -> Narratives:
    """Ask for every document twice, with its person known and with nobody known: which masks did the person cause?"""
    asked = [request(d.id, d.text, d.lang, d.identity, d.keep) for d in documents]
    asked += [request(f"{d.id}?", d.text, d.lang) for d in documents]
    answers = redact(asked, done)
    result = Narratives()
    for document in documents:
        count_narrative(result, document, answers[document.id], answers[f"{document.id}?"])
    return result


def count_narrative(result: Narratives, document: Document, known: Answer, unknown: Answer) -> None:
    """Add one document's answers to the result: pure, so that the counting can be tried on answers made by hand."""
    text = document.text
    if known.refused is not None:
        result.refused.append(document.id)
        result.documents.add(document.lang, False)
        result.cultures.add(document.culture, False)
        return
    if not holds_together(text, known):
        result.torn.append(document.id)
    mask = covered(len(text), known.findings)
    without = covered(len(text), unknown.findings)
    mentions = document.of("known")
    read = set(readable(text, known.redacted, mentions))
    leaks = False
    for number, span in enumerate(mentions):
        left = number in read or not hidden(text, span, mask)
        leaks |= left
        result.mentions.add(span.trap, left)
        result.kinds.add(span.kind, left)
        if left:
            result.failures.append(("left", document.id, span.trap, text[span.start : span.end]))
    result.documents.add(document.lang, leaks)
    result.cultures.add(document.culture, leaks)
    for span in document.of("other"):
        found = hidden(text, span, mask)
        result.others.add(span.trap, found)
    for span in document.of("near", "kept"):
        _count_near(result, document, span, mask, without)
    words = words_masked(text, document.spans, known.findings)
    result.words[document.lang] += words
    by_patterns = words_masked(text, document.spans, unknown.findings).hits
    result.words_for_identity[document.lang] += Rate(max(0, words.hits - by_patterns), words.total)
    result.precision += precision(text, document.of("known", "other"), known.findings)


def _count_near(result: Narratives, document: Document, span: Span, mask: bytearray, without: bytearray) -> None:
    masked = touched(span, mask)
    if span.role == "kept":
        same = set(words(document.text[span.start : span.end])) <= parts(document)
        result.kept.add(SAME_NAME if same else OWN_NAME, masked)
    else:
        result.near.add(span.trap, masked)
        result.near_for_identity.add(span.trap, masked and not touched(span, without))
    if masked and not touched(span, without):
        word = document.text[span.start : span.end]
        result.failures.append(("masked", document.id, span.trap, word))


def prose(
    passages: Sequence[Prose], documents: Sequence[Document], redact: Redactor, done: Callable[[int], None]
) -> tuple[Table, int]:
    """Ordinary words masked by language: each passage with nobody known, and with three people of its language."""
    chance = random.Random(SEED)
    asked: list[Request] = []
    for passage in passages:
        people = [d for d in documents if d.lang == passage.lang] or list(documents)
        asked.append(request(f"{passage.id}/0", passage.text, passage.lang))
        for number, person in enumerate(chance.sample(people, min(3, len(people))), 1):
            asked.append(request(f"{passage.id}/{number}", passage.text, passage.lang, person.identity))
    answers = redact(asked, done)
    masked, refused = Table(), 0
    for question in asked:
        answer = answers[question["id"]]
        if answer.refused is not None:
            refused += 1
        else:
            masked[question["lang"]] += words_masked(question["text"], (), answer.findings)
    return masked, refused


@dataclass(frozen=True, slots=True)
class Carried:
    """A form in its sentence: `start` and `end` are its core there."""

    form: forms.Form
    text: str
    start: int
    end: int


def carriers() -> dict[str, list[str]]:
    read: dict[str, list[str]] = from_yaml(FOLDER / "carriers.yaml")
    return read


def people() -> list[forms.Person]:
    """The invented people of `people.yaml`, their details made up by the seed."""
    made = []
    for item in from_yaml(FOLDER / "people.yaml"):
        item = {k: v for k, v in item.items() if k != "culture"}
        base = forms.invented(f"{item['given']} {item['family'].replace(' ', '')}", "", "", SEED)
        details = {"aliases": base.aliases, "born": base.born, "document": base.document, "phone": base.phone}
        made.append(
            forms.Person(**{"email": base.email, "address": base.address, "number": base.number, **details, **item})
        )
    return made


def carry(form: forms.Form, sentences: dict[str, list[str]], chance: random.Random) -> Carried:
    sentence = chance.choice(sentences.get(form.kind) or sentences["name"])
    before, _, after = sentence.partition("{}")
    return Carried(form, before + form.text + after, len(before) + form.start, len(before) + form.end)


def in_sentences(redact: Redactor, done: Callable[[int], None], *, only: int | None = None) -> Forms:
    """Every form of every invented person, each in a sentence that is a text of its own."""
    everyone = people()[:only]
    return _in_sentences(redact, done, [(person, forms.forms(person, SEED)) for person in everyone])


def of_strangers(redact: Redactor, done: Callable[[int], None], *, only: int | None = None) -> Forms:
    """Every form of every held-out person, each in a sentence that is a text of its own."""
    everyone = held_out.strangers(SEED)[:only]
    return _in_sentences(redact, done, [(one.person, held_out.written(one, SEED)) for one in everyone])


def _in_sentences(
    redact: Redactor, done: Callable[[int], None], everyone: Sequence[tuple[forms.Person, Sequence[forms.Form]]]
) -> Forms:
    sentences, chance = carriers(), random.Random(SEED)
    asked: list[Request] = []
    carried: dict[str, tuple[str, Carried]] = {}
    for who, (person, written) in enumerate(everyone):
        for number, form in enumerate(written):
            item = carry(form, sentences, chance)
            carried[f"{who}/{number}"] = person.full, item
            asked.append(request(f"{who}/{number}", item.text, "en", person.identity))
    answers = redact(asked, done)
    result = Forms(people=len(everyone))
    for key, (name, item) in carried.items():
        _judge_form(result, item.form, name, item.text, item.start, item.end, answers[key])
    return result


def _judge_form(result: Forms, form: forms.Form, who: str, text: str, start: int, end: int, answer: Answer) -> None:
    if answer.refused is not None:
        result.refused += 1
        result.survivors.add(form.family, False)
        return
    span = Carried(form, text, start, end)
    left = not hidden(text, span, covered(len(text), answer.findings))
    result.survivors.add(form.family, left)
    if left:
        result.failures.append((form.family, who, form.text))


def court_cases(sample: Sequence[cases.Case], redact: Redactor, done: Callable[[int], None]) -> Cases:
    asked = [request(c.id, c.text, "en", c.identity) for c in sample]
    asked += [request(f"{c.id}?", c.text, "en") for c in sample]
    answers = redact(asked, done)
    result = Cases(documents=len(sample))
    for case in sample:
        known, unknown = answers[case.id], answers[f"{case.id}?"]
        if known.refused is not None:
            result.refused.append(case.id)
        else:
            mask = covered(len(case.text), known.findings)
            for mark in (m for m in case.needing("DIRECT") if m.kind in ("PERSON", "CODE")):
                left = not hidden(case.text, mark, mask)
                result.mentions.add(mark.kind, left)
                if left and case.id not in result.leaking:
                    result.leaking.append(case.id)
            result.words += words_masked(case.text, case.marks, known.findings)
        if unknown.refused is not None:
            result.unknown_refused += 1
        else:
            _count_unknown(result, case, unknown)
    return result


def _count_unknown(result: Cases, case: cases.Case, answer: Answer) -> None:
    mask = covered(len(case.text), answer.findings)
    entities: dict[tuple[str, str, str], bool] = {}
    for mark in case.needing("DIRECT", "QUASI"):
        found = hidden(case.text, mark, mask)
        for label in (mark.need, f"{mark.need} {mark.kind}"):
            result.found.add(label, found)
        key = (mark.need, mark.kind, mark.entity)
        entities[key] = entities.get(key, True) and found
    for (need, kind, _), found in entities.items():
        for label in (need, f"{need} {kind}"):
            result.entities.add(label, found)
    result.words_precision += words_precision(case.text, case.needing("DIRECT", "QUASI"), answer.findings)
    result.unknown_words += words_masked(case.text, case.marks, answer.findings)


@dataclass(frozen=True, slots=True)
class Written:
    """One court case with forms written into it; `parts` are its paragraphs with the forms that stand in each."""

    id: str
    identity: dict[str, object]
    parts: tuple[tuple[str, tuple[Carried, ...]], ...]  # the places of the forms are those in their paragraph


def write_into(case: cases.Case) -> Written:
    """The case with up to `EACH_FAMILY` forms of each family, each in a sentence, set between its sentences."""
    number = case.codes[0] if case.codes else ""
    person = forms.invented(case.name, number, case.country, SEED)
    identity = {**person.identity, "names": [case.name], "other_numbers": list(case.codes) or [person.number]}
    chance = random.Random(f"{SEED}/{case.id}")
    families: dict[str, list[forms.Form]] = defaultdict(list)
    for form in forms.forms(person, SEED):
        families[form.family].append(form)
    chosen = [f for each in families.values() for f in chance.sample(each, min(EACH_FAMILY, len(each)))]
    chance.shuffle(chosen)
    sentences = carriers()
    paragraphs = case.text.split("\n\n")
    share: dict[int, list[Carried]] = defaultdict(list)
    for form in chosen:
        share[chance.randrange(len(paragraphs))].append(carry(form, sentences, chance))
    parts: list[tuple[str, tuple[Carried, ...]]] = []
    for index, paragraph in enumerate(paragraphs):
        text, placed = paragraph, []
        for item in share[index]:
            offset = len(text) + 1
            text = f"{text} {item.text}"
            placed.append(Carried(item.form, "", offset + item.start, offset + item.end))
        parts.append((text, tuple(placed)))
    return Written(case.id, identity, tuple(parts))


def in_court_cases(sample: Sequence[cases.Case], redact: Redactor, done: Callable[[int], None]) -> Forms:
    """Forms written into the cases. A case that is refused as a whole is asked again paragraph by paragraph."""
    written = [write_into(case) for case in sample]
    whole = redact([request(w.id, "\n\n".join(t for t, _ in w.parts), "en", w.identity) for w in written], done)
    refused = [w for w in written if whole[w.id].refused is not None]
    asked = [
        request(f"{w.id}/{number}", text, "en", w.identity)
        for w in refused
        for number, (text, placed) in enumerate(w.parts)
        if placed
    ]
    again = redact(asked, lambda _: None) if asked else {}
    result = Forms(people=len(written))
    for item in written:
        if whole[item.id].refused is None:
            text, offset = "\n\n".join(t for t, _ in item.parts), 0
            for part, placed in item.parts:
                for form in placed:
                    _judge_form(
                        result, form.form, item.id, text, offset + form.start, offset + form.end, whole[item.id]
                    )
                offset += len(part) + 2
        else:
            for number, (part, placed) in enumerate(item.parts):
                for form in placed:
                    _judge_form(result, form.form, item.id, part, form.start, form.end, again[f"{item.id}/{number}"])
    return result
