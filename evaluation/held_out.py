"""What the redactor was not developed on: people of other naming cultures, and forms that `forms.py` does not make.

The people are those of `held_out.yaml`; they are written in all the usual forms too. The forms here are how names come
out of machines (addresses of pages, mail, pages, wrong character sets, the wrong keyboard layout), of telephones
(spelling alphabets, letters one by one), of pens (emphasis, doubled parts, married names) and of strangers' ears.

A family whose failures were mended is no longer held out; docs/redaction.md says which.
"""

from __future__ import annotations

import html.entities
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from evaluation.corpus import from_yaml
from evaluation.forms import MAKERS, Form, Made, Maker, Person, bare, forms, invented
from evaluation.redactor import ROOT

SPELLING: Final = dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "Alpha Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa Quebec "
        "Romeo Sierra Tango Uniform Victor Whiskey Xray Yankee Zulu".split(),
        strict=True,
    )
)
CYRILLIC_KEYS: Final = str.maketrans(
    "qwertyuiop[]asdfghjkl;'zxcvbnm,.", "йцукенгшщзхъфывапролджэячсмитьбю"
)  # what a Russian layout writes for the same keys


@dataclass(frozen=True, slots=True)
class Stranger:
    """A person, and the forms that were written by hand: in grammar, among friends, by ear."""

    person: Person
    culture: str
    by_hand: Mapping[str, tuple[str, ...]]


def strangers(seed: int) -> list[Stranger]:
    """The people of `held_out.yaml`, their details made up by the seed."""
    made = []
    for item in from_yaml(ROOT / "evaluation" / "held_out.yaml"):
        by_hand = {name: tuple(item.pop(name, ())) for name in ("endings", "pets", "ears")}
        culture = item.pop("culture")
        base = invented(f"{item['given'].replace(' ', '')} {item['family'].replace(' ', '')}", "", "", seed)
        details: dict[str, Any] = {
            name: getattr(base, name) for name in ("aliases", "born", "document", "phone", "email", "address", "number")
        }
        made.append(Stranger(Person(**{**details, **item}), culture, by_hand))
    return made


def written(stranger: Stranger, seed: int) -> tuple[Form, ...]:
    """The usual forms of a stranger, then the others; each once."""
    person = stranger.person
    own: dict[str, Maker] = {
        name: lambda _p, _c, texts=texts: (("name", f"⟦{text}⟧", person.full) for text in texts)  # type: ignore[misc]
        for name, texts in stranger.by_hand.items()
    }
    usual = forms(person, seed)
    known = {form.text for form in usual}
    return (*usual, *(form for form in forms(person, seed, OTHERS | own) if form.text not in known))


def _words(p: Person) -> tuple[str, ...]:
    return tuple(dict.fromkeys((f"{p.given} {p.family}", p.family, p.given)))


def _percent(p: Person, _: random.Random) -> Made:
    for text in _words(p):
        if not text.isascii():
            yield "name", f"⟦{quote(text)}⟧", text
    yield "name", f"https://pages.example/find?q=⟦{quote(f'{p.given} {p.family}')}⟧", p.full
    yield "name", f"https://pages.example/find?q=⟦{p.given}+{quote(p.family.replace(' ', '+'), safe='+')}⟧", p.full


def _entities(p: Person, _: random.Random) -> Made:
    for text in _words(p):
        named = text.encode("ascii", "xmlcharrefreplace").decode()
        names = html.entities.codepoint2name
        escaped = "".join(f"&{names[ord(c)]};" if ord(c) in names else c for c in text)
        for form in dict.fromkeys((named, escaped)):
            if form != text and "'" not in text:
                yield "name", f"⟦{form}⟧", text


def _escapes(p: Person, _: random.Random) -> Made:
    for text in _words(p):
        if not text.isascii():
            yield "name", f"⟦{text.encode('ascii', 'backslashreplace').decode()}⟧", text
            yield "name", f"⟦{quote(text, safe=' -').replace('%', '=')}⟧", text  # as in mail


def _wrong_set(p: Person, _: random.Random) -> Made:
    for text in _words(p):
        try:
            wrong = text.encode("utf-8").decode("cp1252")
        except UnicodeDecodeError:
            continue
        if wrong != text:
            yield "name", f"⟦{wrong}⟧", text
        yield from (("name", f"⟦{''.join(c if c.isascii() else '?' for c in text)}⟧", text),) if wrong != text else ()


def _wrong_layout(p: Person, _: random.Random) -> Made:
    for text in _words(p)[:1]:
        yield "name", f"⟦{bare(text).lower().translate(CYRILLIC_KEYS)}⟧", text


def _spelling_alphabet(p: Person, _: random.Random) -> Made:
    for text in (p.given, p.family):
        letters = [c for c in bare(text).upper() if c in SPELLING]
        yield "name", f"⟦{' '.join(SPELLING[c] for c in letters)}⟧", text
        yield "name", f"⟦{', '.join(f'{c} for {SPELLING[c]}' for c in letters)}⟧", text


def _one_by_one(p: Person, _: random.Random) -> Made:
    for text in (p.given, p.family):
        letters = [c for c in text if c.isalpha()]
        yield "name", f"⟦{', '.join(c.upper() for c in letters)}⟧", text
        yield "name", f"⟦{' - '.join(c.upper() for c in letters)}⟧", text
        yield "name", f"⟦{'/'.join(letters)}⟧", text
        yield "name", f"⟦{chr(0x2022).join(letters)}⟧", text


def _emphasis(p: Person, _: random.Random) -> Made:
    for text in (p.given, p.family):
        yield "name", f"⟦**{text[0]}**{text[1:]}⟧", text
        yield "name", f"<b>⟦{text[:2]}</b>{text[2:]}⟧", text
        yield "name", f"⟦_{text}_⟧", text
        yield "name", f"⟦~~{text}~~⟧", text


def _in_symbols(p: Person, _: random.Random) -> Made:
    for text in (p.given, p.family):
        yield "name", f"⟦{'🌸'.join(text)}⟧", text
        yield "name", f"⟦{text}❤️⟧", text
        yield "name", f"⟦xX{text}Xx⟧", text


def _married(p: Person, _: random.Random) -> Made:
    yield "name", f"⟦{p.given} {p.family}⟧-Whitlock", p.full
    yield "name", f"Mrs Whitlock née ⟦{p.family}⟧", p.family
    yield "name", f"Mrs Whitlock (⟦{p.family}⟧)", p.family
    yield "name", f"⟦{p.given}⟧ Whitlock-{p.family}", p.given
    yield "name", f"the ⟦{p.family}⟧s", p.family


def _no_space(p: Person, _: random.Random) -> Made:
    yield "name", f"Ms.⟦{p.family}⟧", p.family
    yield "name", f"⟦Ms{p.family}⟧", p.family
    yield "name", f"⟦{p.given}{p.family}⟧", p.full
    yield "name", f"⟦{p.given},{p.family}⟧", p.full
    yield "name", f"1.⟦{p.given}⟧", p.given
    yield "name", f"⟦{p.family}⟧/interpreter", p.family
    yield "name", f"re:⟦{p.family}⟧", p.family


def _dates(p: Person, _: random.Random) -> Made:
    d = p.born
    for text in (
        f"{d.year}年{d.month}月{d.day}日",
        f"{d.day}.{d.month}.’{d:%y}",
        f"{d:%y}/{d.month}/{d.day}",
        f"{d.year}.{d.month}.{d.day}",
        f"{d.day}. of {d:%B}, {d.year}",
        f"{d:%Y%m%d}",
        f"{d:%b}-{d:%d}-{d:%Y}",
        f"{d.year}-{d:%b}-{d:%d}",
        f"{d.day}/{d.month}-{d:%y}",
        f"{d.day} | {d.month} | {d.year}",
        f"{d.day}{d:%b}{d.year}".upper(),
    ):
        yield "date", f"⟦{text}⟧", d.isoformat()
    yield "date", f"{d:%a}, ⟦{d.day} {d:%b} {d.year}⟧", d.isoformat()


OTHERS: Final[dict[str, Maker]] = {
    "percent signs": _percent, "entities": _entities, "escapes": _escapes, "wrong character set": _wrong_set,
    "wrong layout": _wrong_layout, "spelling alphabet": _spelling_alphabet, "one by one": _one_by_one,
    "emphasis": _emphasis, "in symbols": _in_symbols, "married": _married, "no space": _no_space,
    "other dates": _dates,
}  # fmt: skip
USUAL: Final = tuple(MAKERS)
