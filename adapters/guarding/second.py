"""The guard's second detector: simple, of its own making, and looking otherwise than `policies.redaction` does.

It shares no code, no list and no way of looking with the matcher that the sender's redactor and the guard's first
search use, so that a fault there is not a fault here. It knows the same people, and asks of a text that is about to
leave: is there a known name in it, whole or alone, spaced out, turned round, misspelt, carried from another alphabet,
written in digits or packed into base64; a known date by its three parts in any order and form; a known number, phone,
mail address, handle or street by its digits and letters alone?

It says only of which kind something is, never what. It is pure. What it finds, it does not mend: a finding means that
the text does not leave. Where a name is also a word, it goes by how it is written (`ordinary`), and by its neighbours:
"Malina Dobrescu" is another person than Malina Lupescu, "Malina" alone may be her.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

from adapters.guarding.folding import (
    Word,
    decoded,
    has_long_run,
    letters_of,
    plain,
    skeleton,
    unleeted,
    unspaced,
    words,
)
from adapters.guarding.settings import Strictness
from adapters.guarding.vocabulary import MONTHS, ORDINARY, SMALL, TITLES
from messages.catalogue import KnownPerson

_PSEUDONYM: Final = re.compile(r"(?<![\w-])[A-Z]-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{2}(?![\w-])")
_DIGIT_RUN: Final = re.compile(r"\d(?:[ \t.\-/()_–]{0,3}\d|\s\d)*")
_PARTS: Final = re.compile(r"\d+|[^\W\d_]+")
_BETWEEN: Final = re.compile(r"[\s.,/\-'’()_]{0,4}")
DEPTH: Final = 2  # text packed into text packed into text is nothing that anybody writes


@dataclass(frozen=True, slots=True)
class _Name:
    """One known person's name: its parts, folded; aliases are names of one part or more."""

    parts: tuple[str, ...]


class Second:
    """Made ready once for the people of one request."""

    def __init__(
        self, persons: Iterable[KnownPerson], kept: Iterable[Sequence[str]] = (), how: Strictness | None = None
    ) -> None:
        self._persons = tuple(persons)
        self._how = how or Strictness()
        self._kept = [parts for parts in (_folded(name) for name in kept) if len(parts) > 1]
        self._seen: dict[tuple[str, bool], bool] = {}

    @cached_property
    def _names(self) -> list[_Name]:
        found = {}
        for person in self._persons:
            for name in (*person.names, *((a,) for a in person.aliases)):
                parts = _folded(name)
                if parts:
                    found[parts] = _Name(parts)
        return list(found.values())

    @cached_property
    def _single(self) -> frozenset[str]:
        """Parts of names that count alone."""
        return frozenset(part for name in self._names for part in name.parts if self._counts(part))

    @cached_property
    def _given(self) -> frozenset[str]:
        """Their first parts, and whole names of one part."""
        return frozenset(name.parts[0] for name in self._names if self._counts(name.parts[0]))

    def _counts(self, part: str) -> bool:
        return len(part) >= self._how.part and part not in ORDINARY

    @cached_property
    def _signs(self) -> frozenset[str]:
        """Names in Chinese signs, whole and without the family's: such a text has no spaces between words."""
        found: set[str] = set()
        for person in self._persons:
            for name in (*(("".join(n)) for n in person.names), *person.aliases):
                bare = re.sub(r"\s", "", name)
                if len(bare) >= 2 and all(_is_han(c) for c in bare):
                    found |= {bare, bare[1:] if len(bare) >= 3 else bare}
        return frozenset(found)

    @cached_property
    def _skeletons(self) -> list[tuple[str, ...]]:
        found = [tuple(skeleton(p) for p in name.parts if len(p) > 2) for name in self._names]
        return [bones for bones in found if len(bones) > 1 and sum(map(len, bones)) >= 5 and all(bones)]

    @cached_property
    def _joined(self) -> set[str]:
        """Whole names without anything between the parts, in the orders in which people write them."""
        found = set()
        for name in self._names:
            first, last = name.parts[0], name.parts[-1]
            orders = [name.parts, name.parts[::-1], (first, last), (last, first), (last, *name.parts[:-1])]
            if len(name.parts) > 1:
                found |= {"".join(o) for o in orders}
            elif len(first) >= 6 and first not in ORDINARY:
                found.add(first)
        return {j for j in found if len(j) >= 6}

    @cached_property
    def _numbers(self) -> tuple[set[str], set[str]]:
        """Known numbers by their digits alone, and those with letters by digits and letters."""
        digits, mixed = set(), set()
        for person in self._persons:
            for number in (*person.numbers, *person.accounts, *person.plates):
                bare = letters_of(number)
                if bare.isdigit() and len(bare) >= 5:
                    digits.add(bare)
                elif len(bare) >= 5 and any(c.isdigit() for c in bare):
                    mixed.add(bare)
        return digits, mixed

    @cached_property
    def _phones(self) -> set[str]:
        bare = {"".join(c for c in phone if c.isdigit()) for p in self._persons for phone in p.phones}
        return {number[-8:] for number in bare if len(number) >= 7}

    @cached_property
    def _words(self) -> dict[str, str]:
        """Single words that are an identifier by themselves: parts of mail addresses, handles, addresses of pages."""
        found: dict[str, str] = {}
        for person in self._persons:
            for address in person.emails:
                found[letters_of(address)] = "email"
                local = letters_of(address.partition("@")[0])
                if len(local) >= 6 and local not in ORDINARY:
                    found[local] = "email"
            for handle in person.handles:
                bare = letters_of(handle)
                if len(bare) >= 5 and bare not in ORDINARY:
                    found[bare] = "handle"
            for url in person.urls:
                bare = letters_of(re.sub(r"^https?://(www\.)?", "", url))
                if len(bare) >= 8:
                    found[bare] = "url"
        return found

    @cached_property
    def _streets(self) -> list[tuple[str, str]]:
        """(number, longest word) of each known address that has both."""
        found = []
        for person in self._persons:
            for address in person.addresses:
                line = address.partition(",")[0] if re.search(r"\d", address.partition(",")[0]) else address
                known = [w.letters for w in words(plain(line))]
                numbers = [w for w in known if w[:1].isdigit() and len(w) <= 5]
                names = [w for w in known if not any(c.isdigit() for c in w) and len(w) >= 4]
                if numbers and names:
                    found.append((numbers[0], max(names, key=len)))
        return found

    @cached_property
    def _births(self) -> set[tuple[int, int, int]]:
        found = set()
        for person in self._persons:
            for text in person.birthdates:
                parts = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", text)
                if parts:
                    found.add((int(parts[1]), int(parts[2]), int(parts[3])))
        return found

    # looking

    def find(self, text: str) -> frozenset[str]:
        """The kinds of what stands in the text: name, birthdate, number, phone, email, handle, url, address, packed."""
        return frozenset(self._find(text, 0))

    def _find(self, text: str, depth: int) -> set[str]:
        if not text:
            return set()
        shown = plain(_PSEUDONYM.sub(" . ", text))
        found = self._numbered(shown) | self._dated(shown)
        for version in {shown, unleeted(shown), unspaced(shown)}:
            found |= self._named(version)
        if has_long_run(text):
            found.add("packed")
        if depth < DEPTH:
            for inner in decoded(text):
                found |= self._find(inner, depth + 1)
        return found

    def _named(self, text: str) -> set[str]:
        said = words(text)
        if not said:
            return set()
        kept = self._where_kept(said)
        said = [w for n, w in enumerate(said) if n not in kept]
        found = self._whole(said) | self._identifiers(text)
        if any(sign in text for sign in self._signs):
            found.add("name")
        if self._alone(said, text):
            found.add("name")
        if self._how.skeletons and self._carried(said):
            found.add("name")
        known = {w.letters: n for n, w in enumerate(said)}
        for number, street in self._streets:
            if number in known and street in known and self._near(said, number, street):
                found.add("address")
        return found

    def _where_kept(self, said: Sequence[Word]) -> set[int]:
        """Places of full mentions of people whose names stay."""
        places: set[int] = set()
        for parts in self._kept:
            for start in range(len(said) - len(parts) + 1):
                here = [w.letters for w in said[start : start + len(parts)]]
                if all(h == p or (h.startswith(p) and len(h) - len(p) <= 3) for h, p in zip(here, parts, strict=True)):
                    places.update(range(start, start + len(parts)))
        return places

    def _whole(self, said: Sequence[Word]) -> set[str]:
        """Whole names, however the letters are spread over words."""
        pieces: list[str] = []
        starts, ends, place = set(), set(), 0
        for word in said:
            if word.fresh:
                pieces.append(".")  # a name does not run on over the end of a sentence
                place += 1
            starts.add(place)
            pieces.append(word.letters)
            place += len(word.letters)
            ends.add(place)
        squeezed = "".join(pieces)
        for name in self._joined:
            at = squeezed.find(name)
            while at >= 0:
                bounded = at in starts and any(e in ends for e in range(at + len(name), at + len(name) + 4))
                if bounded or len(name) >= self._how.anywhere:
                    return {"name"}
                at = squeezed.find(name, at + 1)
        return set()

    def _identifiers(self, text: str) -> set[str]:
        """Mail addresses, handles and pages, with whatever signs stand inside them."""
        found = set()
        for run in text.split():
            bare = letters_of(run)
            pieces = {bare, *(letters_of(piece) for piece in re.split(r"[@/:;,()<>\[\]\"'?=&]+", run))}
            for known, kind in self._words.items():
                if known in pieces or (len(known) >= 8 and known in bare):
                    found.add(kind)
        return found

    def _alone(self, said: Sequence[Word], text: str) -> bool:
        """One part of a name by itself, written as a name and not as part of somebody else's."""
        small = not any(c.isupper() for c in text) and len(said) > 2
        for place, word in enumerate(said):
            written = word.capital or word.written.startswith(("@", "#"))
            if not (written or small) or word.letters in ORDINARY:
                continue
            among = self._single if written else self._given  # a surname in small letters is a word more often
            if self._is_one(word.letters, among) and not self._of_another(said, place):
                return True
        return False

    def _is_one(self, letters: str, among: frozenset[str]) -> bool:
        known = self._seen.get((letters, among is self._single))
        if known is None:
            known = self._seen[letters, among is self._single] = any(self._is(letters, part) for part in among)
        return known

    def _is(self, letters: str, part: str) -> bool:
        """Whether a word is this part of a name, with an ending or a slip at most."""
        if letters == part:
            return True
        longer = len(letters) - len(part)
        if len(part) >= 5 and 0 < longer <= 3 and letters.startswith(part):
            return True
        if len(part) >= 6 and -1 <= longer <= 3 and letters[: len(part) - 1] == part[:-1]:
            return True
        if letters in ORDINARY or letters[:1] != part[:1]:
            return False
        slips = 2 if len(part) >= self._how.two_slips else 1 if len(part) >= self._how.one_slip else 0
        return bool(slips) and abs(longer) <= slips and _slips(letters, part, slips) <= slips

    def _of_another(self, said: Sequence[Word], place: int) -> bool:
        """Whether the word stands beside another name that is none of this person's."""
        for step in (-1, 1):
            beside = place + step
            if not 0 <= beside < len(said):
                continue
            word = said[beside]
            between = abs(said[place].start - word.end) if step < 0 else abs(word.start - said[place].end)
            if (word.first if step > 0 else said[place].first or word.first) or between > 2:
                continue  # another sentence's, or the head of this one, which has a capital whatever it is
            if (
                not word.written[:1].isupper()
                or len(word.letters) < 3
                or word.letters in TITLES
                or word.letters[:1].isdigit()
            ):
                continue
            if not self._is_one(word.letters, self._single):
                return True
        return False

    def _carried(self, said: Sequence[Word]) -> bool:
        """Two words side by side that have the consonants of a known name, in either order."""
        bones = [skeleton(w.letters) if len(w.letters) > 2 else "" for w in said]
        for known in self._skeletons:
            pair = {(known[0], known[-1]), (known[-1], known[0])}
            for place in range(len(said) - 1):
                if (bones[place], bones[place + 1]) in pair and said[place].capital and said[place + 1].capital:
                    return True
        return False

    @staticmethod
    def _near(said: Sequence[Word], number: str, street: str) -> bool:
        numbers = [n for n, w in enumerate(said) if w.letters == number]
        streets = [n for n, w in enumerate(said) if w.letters == street]
        return any(-2 <= a - b <= 3 and a != b for a in numbers for b in streets)

    def _numbered(self, text: str) -> set[str]:
        found = set()
        digits, mixed = self._numbers
        runs = ["".join(c for c in m.group() if c.isdigit()) for m in _DIGIT_RUN.finditer(text)]
        if any(number in run for run in runs for number in digits):
            found.add("number")
        if any(phone in run for run in runs for phone in self._phones):
            found.add("phone")
        if mixed:
            squeezed = letters_of(re.sub(r"[\s\-./_]", "", text))
            if any(number in squeezed for number in mixed):
                found.add("number")
        return found

    def _dated(self, text: str) -> set[str]:
        """A known date: three parts side by side that are its day, month and year in any order, or eight digits."""
        if not self._births:
            return set()
        parts = [m for m in _PARTS.finditer(text) if m.group().isdigit() or letters_of(m.group()) not in SMALL]
        written = [m.group() for m in parts]
        years = [any(_year(run, year) for year, _, _ in self._births) for run in written]
        for place, run in enumerate(written):
            if run.isdigit() and len(run) in (6, 8) and any(run in _compact(b) for b in self._births):
                return {"birthdate"}
            three = slice(place, place + 3)
            if not any(years[three]) or len(parts) < three.stop:
                continue
            if _side_by_side(text, parts[three]) and self._is_birth(written[three]):
                return {"birthdate"}
        return set()

    def _is_birth(self, three: list[str]) -> bool:
        for year, month, day in self._births:
            for y, m, d in ((0, 1, 2), (2, 1, 0), (2, 0, 1), (0, 2, 1), (1, 0, 2), (1, 2, 0)):
                if _year(three[y], year) and _month(three[m], month) and _day(three[d], day):
                    return True
        return False


def _folded(name: Sequence[str]) -> tuple[str, ...]:
    """The words of a name, folded; particles of one letter left out."""
    said = [word for part in name for word in re.split(r"[\s\-]+", plain(part).strip()) if word]
    found = [letters_of(piece) for word in said for piece in _pieces(word)]
    return tuple(f for f in found if len(f) > 1)


def _is_han(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or "\U00020000" <= character <= "\U0003ffff"


def _pieces(word: str) -> tuple[str, ...]:
    """A Chinese name, which is written without a space: the first sign is the family's, the rest the person's."""
    if 2 <= len(word) <= 4 and all(map(_is_han, word)):
        return (word[0], word[1:])
    return (word,)


def _side_by_side(text: str, three: Sequence[re.Match[str]]) -> bool:
    for one, other in pairwise(three):
        gap = text[one.end() : other.start()]
        between = _PARTS.sub(lambda m: "" if letters_of(m.group()) in SMALL else m.group(), gap)
        if other.start() - one.end() > 10 or not _BETWEEN.fullmatch(re.sub(r"\s+", " ", between)):
            return False
    return True


def _compact(birth: tuple[int, int, int]) -> set[str]:
    year, month, day = (f"{birth[0]:04d}", f"{birth[1]:02d}", f"{birth[2]:02d}")
    long = {year + month + day, day + month + year, month + day + year}
    return long | {year[2:] + month + day, day + month + year[2:], month + day + year[2:]}


def _year(written: str, year: int) -> bool:
    if not written.isdigit() or len(written) > 8:  # what is longer is no year, and may be too long for a number
        return False
    return int(written) == year or (len(written) == 2 and int(written) == year % 100)


_ROMAN: Final = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")


def _month(written: str, month: int) -> bool:
    if written.isdigit():
        return len(written) <= 8 and int(written) == month
    letters = letters_of(written)
    return letters == _ROMAN[month - 1] or any(letters.startswith(m) for m in MONTHS[month])


def _day(written: str, day: int) -> bool:
    digits = re.match(r"\d{1,2}", written)
    return digits is not None and int(digits.group()) == day


def _slips(one: str, other: str, most: int) -> int:
    """How many letters differ (left out, put in, changed, two swapped); more than `most` is not counted further."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        above, row = row, [i]
        for j, b in enumerate(other, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before = above
        if min(row) > most:
            return most + 1
    return row[-1]
