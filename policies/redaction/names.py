"""Find the known people's names in a clean text.

A word is looked up once however often it occurs; then its place decides. Rules, all failing towards a finding:

- a form that is no ordinary word of the text's language counts wherever it stands, in any case;
- a form that is also a word ("Hope", "Rose") counts where it is capitalised inside a sentence or stands beside another
  part of the name; at the start of a sentence it counts unless its neighbours show the plain word (`senses`);
- a near match (a slip of one key or of the scanner) needs five letters, and is never an ordinary word of any language;
- a part of the name beside a *listed* name of somebody else ("Maria Popescu" for Ana Popescu) means that other person
  and stays, unless the words before it speak of a relative;
- a suspect's mention stays where two of the suspect's own parts, or an initial and the family name, stand together and
  are not also a full name of a protected person. A shared surname *alone* always goes, whoever it means;
- a mention that fits several protected people is a finding of nobody in particular (`whose` None).
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

from rapidfuzz import process
from rapidfuzz.distance import OSA

from policies.redaction import korean, senses
from policies.redaction.forms import (
    ENDINGS,
    PARTICLES,
    PET_ENDINGS,
    RISKY_ENDINGS,
    Form,
    Lexicon,
    Person,
    person_of,
    undoubled,
    words_of,
)
from policies.redaction.identity import Finding, Identity, Name
from policies.redaction.lexica import any_language, family_names, family_sounds, given_names, given_sounds, months
from policies.redaction.page import Page, occurrences
from policies.redaction.scripts import (
    ABJAD,
    ARABIC,
    HAN,
    SHIELD,
    SIGNS,
    TOKEN,
    UNVOWELLED,
    coarse,
    consonants,
    fold,
    foldings,
    skeleton,
    small,
)
from policies.redaction.words import COMMON, listed

_NOT_LATIN = re.compile("[\u0370-\u1fff]")
_CLOSE = re.compile(r"[\s.\-_/'·]{0,3}")
_COMMA = re.compile(r"\s?,\s{1,2}")
_SPLIT = re.compile(r"[\-_.·*|/'+~=]{0,2}\n?[ \t]{0,2}|[\-_.·*|/'+~= ]{1,3}")
_SPELT = re.compile(r"\s?(?:[^\w\s\x00]|_){0,3}\s?")  # between single letters: "T, I, N, A", a flower
_FATHERS_INITIAL = re.compile(r"[^\W\d_a-z]\. ?")
_DOUBLED = re.compile(r"(.)\1")
_LINE_END = re.compile(r"[ \t]{0,3}\r?\n[ \t>]{0,8}")
_CAMEL = re.compile(r"[^\W\d_](?:[^\W\d_]*?(?=[A-Z])|[^\W\d_]*)")
_HUMP = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]")
_NEXT_INITIAL = r"(?:\.\s?-?([^\W\d_]))"
_INITIALS = re.compile(rf"(?<![\w.])([^\W\d_]){_NEXT_INITIAL}{_NEXT_INITIAL}?{_NEXT_INITIAL}?(?:\.|(?!\w))")
_TECHNICAL = re.compile(r"[@#_/\\.](?:(?<!\.)|(?=[A-Za-z][A-Za-z0-9]{1,4}(?!\w)))")
_BLANK = re.compile(r"[\s\x00]")
_CHUNK = re.compile(r"[^\s\x00]{1,400}")
_LEET = (str.maketrans("0134567890", "oleasgtbgo"), str.maketrans("0134567890", "oieasgtbgo"))

_LONE_INITIAL = re.compile(r"(\.?)(?:'s\b|(?<=\.)(?!\s?[A-Z]|\w))")
_INITIAL_BEFORE = re.compile(r"[A-Z]\.\s?$|\w$")
_CONTEXT = listed(
    """
    victim victims witness witnesses complainant survivor minor child girl boy woman applicant ms mrs mr miss
    initials client named called known alias aka person subject identified patient daughter sister mother
    """
)
_NOT_INITIALS = listed(
    """
    us uk un eu dc ny po bc
    """
)
_AFTER_INITIAL = re.compile(r"\.?[ \n\u00a0-]?")
_BEFORE_INITIAL = re.compile(r",? |[._\n\u00a0-]")
_LONE_WORDS = frozenset("iayeo")
_SIGN = re.compile(f"[{SIGNS}]")
_SURNAMES_OF_TWO = listed(
    """
    欧阳 歐陽 司马 司馬 上官 诸葛 諸葛 东方 東方 皇甫 尉迟 尉遲 公孙 公孫 慕容 令狐 司徒 司空
    夏侯 端木 南宫 南宮 宇文 长孙 長孫 独孤 獨孤 百里 呼延 闻人 聞人 轩辕 軒轅
    """
)
_VERY = ("很", "更")
_SISTERS = "姐妹"  # behind it
_ENDEARING = "小阿"  # before the last character of a given name
_HAN_WORDS = listed(  # which so may look like a pet name
    """
    小心 小学 小學 小时 小時 小组 小組 小姐 小型 小说 小說 小区 小區 小麦 小雨 小雪 小路 小人
    小子 小女 小妹 小弟 小国 小事 小家 小龙 小花 小海 阿里 天天 常常 明明 刚刚 剛剛 谢谢 慢慢
    好好 家家 年年 月月 星星 宝宝 平平 静静 清清 高高 冷冷 青青 红红 大大 久久 妹妹 弟弟 姐姐
    哥哥 爸爸 妈妈 大姐 二姐 三姐 姐妹 兄妹 表姐 表妹 堂姐 堂妹 学姐 学妹 师姐 师妹 空姐
    """
)
_TITLES_OF_CHINA = "先生|女士|小姐|太太|某某|某"
_SURNAME = re.compile(
    r"(?:escu|enko|chuk|shuk|ovych|ovich|evich|ovic|evic|ski|ska|sky|skyi|skaya|cki|cka|wicz|yan|ian|dze|shvili|oglu|poulos|poulou"
    r"|poyloy|idis|akis|adis|sson|sdottir|sen|ez|ov|ova|ev|eva|ishvili|enka|iuk|yuk|aitis|iene|aite|yte|aru|eanu|ianu)$"
)
_PARTED = listed(
    "ben bin bn bel bou bu bw abou abu abd abdel abdul ould ait el al de del di da la le mac mc van von saint san"
)
_LOST = re.compile("[?\ufffd][^\\W\\d_]")
_FOR = "(?:for|as in|like|wie|comme|como|come|ca|jak|kao|als|som|как|як|като)"
_FOR_WORDS = listed("for as like wie comme como come ca jak kao als som как як като")
_LETTER_FOR = re.compile(rf"(?:(?<!\w)[^\W\d_] {_FOR} [^\W\d_]{{2,20}}[,;.]? ?(?:and )?){{4,40}}")
_ONE_LETTER_FOR = re.compile(rf" (?<=[^\W\d_] )(?<!\w[^\W\d_] ){_FOR} ")  # begins with a letter, to be found fast
_CAPITAL_WORD = r"[A-Z](?<!\w[A-Z])[A-Za-z]{2,12}+"
_WORDS_FOR_LETTERS = re.compile(
    rf"{_CAPITAL_WORD}(?:[ ,-]|, )(?:{_CAPITAL_WORD}(?:[ ,-]|, )){{2,39}}[A-Z][A-Za-z]{{2,12}}+(?!\w)"
)
_EACH_LETTER = {
    _LETTER_FOR: re.compile(r"(?<!\w)[^\W\d_] \w+(?: in)? [^\W\d_]{2,20}"),
    _WORDS_FOR_LETTERS: re.compile(r"[A-Z][A-Za-z]{2,12}"),
}
_DIGRAPHS = listed("lj nj dz ch sz cs gy zs ny ly th ph kh sh ts zh yu ya ye dj gj xh rr ng ll ij oe ae")
_FAR = 5  # words: no two parts of one name are further apart
_FRENCH_TITLES = frozenset("mhfds")


@dataclass(frozen=True, slots=True)
class Fact:
    """What one word may stand for, and whether a name that is broken or spaced out may start with it."""

    forms: tuple[Form, ...]
    opens: bool


class NameMatcher:
    """Names of `identities` in a text, but for full mentions of `kept` (suspects). Stateless apart from a memo."""

    def __init__(self, identities: tuple[Identity, ...], kept: tuple[Name, ...]) -> None:
        different: list[Person] = []  # a case's persons are told of in each of its messages: each is looked for once
        which = [_place_in(different, person_of(identity.names)) for identity in identities]
        self.own = len(different)  # how many of the lexicon's people are protected; the others are kept
        self.owners = [[who for who, number in enumerate(which) if number == n] for n in range(self.own)]
        everyone = different + [person_of((name,)) for name in kept]
        self.lexicon = Lexicon(everyone)
        self.people = [different[number] for number in which]  # by identity
        self.kept_words = {r for person in everyone[self.own :] for _, readings in person.parts for r in readings}
        self._kept_written = {
            form.lower() for person in everyone[self.own :] for forms in person.written.values() for form in forms
        }
        self.spelt: dict[str, int] = {}  # names that may be spelt out
        self.lost: dict[str, int] = {}
        for who, person in enumerate(self.people):
            for kind, readings in person.parts:
                for reading in readings if kind != "phrase" else ():
                    if len(reading) >= 4:
                        self.spelt.setdefault(reading, who)
            for form in sorted({form for forms in person.written.values() for form in forms}):
                if not form.isascii() and sum(c.isascii() for c in form) >= 3:
                    for sign in "?\ufffd":
                        self.lost.setdefault("".join(c if c.isascii() else sign for c in form), who)
        self._korean: dict[str, int] = {}
        self._korean_given: dict[str, int] = {}
        for who, person in enumerate(self.people):
            whole, given = korean.keys(person.of("given", "middle", "family", "phrase"))
            self._korean |= dict.fromkeys(whole, who)
            self._korean_given |= dict.fromkeys(given, who)
        self._split: dict[str, tuple[Form, ...]] = {}  # by whole name, so as many as there are names
        self._pairs: dict[tuple[str, str], frozenset[str]] = {}
        self._able: dict[str, frozenset[int]] = {}
        self._memo: tuple[dict[str, Fact | None], dict[str, Fact | None]] = ({}, {})
        self._initials = [
            self._initials_of(
                person.of("given", "alias"), person.of("middle"), [*person.of("family"), *person.particles]
            )
            for person in self.people
        ]
        for some, person, identity in zip(self._initials, self.people, identities, strict=False):
            some |= self._native_initials(person)
            for name in identity.names:
                letters = [fold(word)[:1] for word in words_of(f"{name.given} {name.middle} {name.family}")][:6]
                for size in (2, 3, 4):
                    some |= {"".join(chosen) for chosen in combinations(letters, size)}
                some |= {b + a for a, b in combinations(letters, 2)}  # a listed initial has no initials of its own
        self.every = [
            frozenset(reading for _, readings in person.parts for reading in readings) | person.letters
            for person in everyone
        ]  # all readings of all parts
        self.has_family = [any(kind == "family" for kind, _ in person.parts) for person in everyone]
        self.rather_family = [_rather_family(person) for person in everyone]
        self.read_as = _owners(self.every[: self.own])  # which of the protected have it as a part ...
        self.begun_by = _owners({reading[0] for reading in some if reading} for some in self.every[: self.own])
        self._lone = {
            letter: who for who, person in enumerate(self.people) for letter in person.letters if letter.isascii()
        }
        self._everyones_initials: set[str] = set().union(*self._initials) if self._initials else set()
        self.wholes = [(who, whole) for who, person in enumerate(self.people) for whole in _wholes(person)]
        self.every_whole = {whole for _, whole in self.wholes}
        self._native = {form for person in self.people for form in person.native if not HAN.search(form)}
        self._han = any(HAN.search(form) for person in self.people for form in person.native) or any(
            person.parts for person in self.people
        )

    @cached_property
    def _of_han(self) -> list[tuple[set[str], set[str], set[str]]]:
        """Of each person: pieces in Chinese characters, sounds of whole names, and family names for a title."""
        found: list[tuple[set[str], set[str], set[str]]] = []
        for person in self.people:
            han = {form for form in person.native if HAN.fullmatch(form)}
            given, family = person.of("given"), person.of("family")
            whole = {a + b for a in family for b in given}
            whole |= {g for g in given if any(g in "".join(map(fold, h)) for h in han)}
            pieces = han | {form[1:] for form in han if len(form) > 2 and fold(form[0]) in family}
            for form in han:
                surname = 2 if len(form) > 2 and form[:2] in _SURNAMES_OF_TWO else 1
                if surname == 2:
                    pieces |= {form[:2]} | {form[2:]} - {form[-1]}
                if len(form) > surname and fold(form[0]) in family:
                    pieces |= {before + form[-1] for before in _ENDEARING} - _HAN_WORDS
                    pieces |= {form[-1] + behind for behind in (form[-1], *_SISTERS)} - _HAN_WORDS
            found.append((pieces, whole, {form[0] for form in han}))
        return found

    @staticmethod
    def _initials_of(first: list[str], middle: list[str], last: list[str]) -> set[str]:
        some = {a[:1] + b[:1] for x in first for y in last for a, b in ((x, y), (y, x))}
        some |= {x[:1] + m[:1] + y[:1] for x in first for m in middle for y in last}
        some |= {x[:1] + y[:1] + z[:1] for x in first for y in last for z in last if y != z}
        some |= {x[:1] + y[:1] + z[:1] for x in first for y in first for z in last if x != y}
        return some

    @staticmethod
    def _native_initials(person: Person) -> set[str]:
        letters = [letter for letter in person.letters if not letter.isascii()]
        return {a + b for a in letters for b in letters}

    # -- one word ------------------------------------------------------------------------------------------------

    def split(self, whole: str, forms: Sequence[Form]) -> tuple[Form, ...]:
        """Forms of the name `whole` as found in pieces, made once."""
        found = self._split.get(whole)
        if found is None:
            found = self._split[whole] = tuple(replace(form, score=0.9, reason="split") for form in forms)
        return found

    def glued(self, word: str, following: str) -> frozenset[str]:
        """How a name that the one word opens may go on with the other; remembered, as few pairs are new."""
        pair = (word, following)
        known = self._pairs.get(pair)
        if known is None:
            if len(self._pairs) > 200_000:
                self._pairs.clear()
            prefixes = self.lexicon.prefixes
            opened = [reading for reading in foldings(word) if reading in prefixes]
            known = frozenset(a + b for a in opened for b in foldings(following) if a + b in prefixes)
            self._pairs[pair] = known
        return known

    def able(self, word: str) -> frozenset[int]:
        """The protected people of whom the word is a part or an initial; remembered, as few words are asked for."""
        found = self._able.get(word)
        if found is not None:
            return found
        nobody: frozenset[int] = frozenset()
        found = nobody
        for reading in foldings(word):
            found |= self.read_as.get(reading, nobody)
            if len(reading) == 1:
                found |= self.begun_by.get(reading, nobody)
        if len(self._able) > 50_000:
            self._able.clear()
        self._able[word] = found
        return found

    def facts(self, words: Iterable[str], strict: bool) -> dict[str, Fact]:
        """What each of the words may stand for; words that stand for nothing are left out."""
        memo = self._memo[strict]
        if len(memo) > 200_000:
            memo.clear()
        found: dict[str, Fact] = {}
        unknown: list[tuple[str, str]] = []
        lexicon = self.lexicon
        index, prefixes, heads = lexicon.index, lexicon.prefixes, lexicon.heads
        for word in words:
            if word in memo:
                fact = memo[word]
                if fact is not None:
                    found[word] = fact
                continue
            if word.islower() and word.isascii() and word.isalpha():  # most words of most texts: a short way out
                folded = word
                if folded not in index and folded[:3] not in heads and folded not in prefixes:
                    memo[word] = None
                    if len(folded) >= 5 and folded not in COMMON:
                        unknown.append((word, folded))
                    continue
            readings = foldings(word)
            forms = self._look_up(word, readings, strict)
            cases = lexicon.cases.get(readings[0], ())
            if cases and not (small(word) and word.isascii()) and all(form.reason != "name" for form in forms):
                forms = [*forms, *cases]
            opens = any(reading in prefixes for reading in readings)
            memo[word] = fact = Fact(tuple(forms), opens) if forms or opens else None
            if fact is not None:
                found[word] = fact
            if all(form.reason == "sounds" for form in forms) and self._may_be_a_slip(word, readings[0]):
                unknown += [(word, reading) for reading in readings]
        for word, slips in self._near(unknown, strict).items():
            memo[word] = found[word] = Fact(tuple(slips), word in found and found[word].opens)
        return found

    def _look_up(self, word: str, readings: tuple[str, ...], strict: bool) -> Sequence[Form]:
        lexicon = self.lexicon
        index = lexicon.index
        exact = [form for reading in readings for form in index.get(reading, ())]
        if lexicon.foreign and not word.isascii() and _NOT_LATIN.match(word):
            exact += [form for reading in readings for form in lexicon.foreign.get(reading, ())]
        if exact:
            own_name = any(form.who >= self.own and form.plain for form in exact) and word.lower() in self._kept_written
            if own_name:
                return [form for form in exact if form.plain]  # it is nobody's slip
            shared = any(form.who >= self.own for form in exact)
            return [replace(form, weak=False) if shared and form.kind == "family" else form for form in exact]
        if word.isdigit():
            return ()
        if not word.isascii() and UNVOWELLED.search(word):
            return self._unvowelled(word)
        if not word.isalpha() and any(c.isdigit() for c in word):
            return self._mixed(word, strict)
        folded = readings[0]
        if _HUMP.search(word) and len(word) > 4:
            for piece in _CAMEL.findall(word):
                hits = [f for f in index.get(fold(piece), ()) if len(piece) >= 3 and f.reason == "name"]
                if hits:
                    return [replace(f, score=0.9, reason="glued") for f in hits]
        if len(folded) < 4 or folded in COMMON:
            return ()
        drawn_out = lexicon.single.get(undoubled(folded), ()) if folded not in any_language() else ()
        if drawn_out and (word.isascii() or len(folded) > 4):
            return drawn_out
        mixed = lexicon.letters.get("".join(sorted(folded))) if len(folded) >= 5 and small(word) else None
        if mixed and folded not in any_language():
            return mixed
        if folded[:3] in lexicon.heads or len(readings) > 1:
            for reading in readings:
                hits = self._inflected(reading, word) or self._pet_name(reading)
                if hits:
                    return hits
        if word.isascii() and word.islower():
            return ()
        bones = [skeleton(reading) for reading in readings]
        hits = [form for b in bones for form in lexicon.skeletons.get(b, ())]
        if hits:
            return hits if len(folded) >= 5 else [replace(f, weak=True) for f in hits]
        if not word.isascii():
            hits = [f for b in bones if b[-1:] in "aeiouy" for f in lexicon.bare_skeletons.get(b[:-1], ())]
            if hits:
                return hits
        if lexicon.consonants and word[:1].isupper():
            sounds = consonants(folded)
            near = [form for form in lexicon.coarse.get(coarse(folded), ()) if word.isalpha()]
            return near + [
                replace(f, reason="sounds") if f.weak else replace(f, weak=folded in given_names())
                for key in dict.fromkeys((sounds, sounds.removeprefix("A")))
                for f in lexicon.consonants.get(key, ())
                if lexicon.people[f.who].arabic
            ]
        return ()

    def _inflected(self, folded: str, word: str) -> list[Form]:
        hits: list[Form] = []
        lower = small(word) and word.isascii()
        other = folded in given_names() or folded in family_names()
        for cut in range(7):
            stem, ending = (folded[:-cut], folded[-cut:]) if cut else (folded, "")
            if len(stem) < 3:
                break
            if (
                cut
                and ending not in ENDINGS
                and not (cut == 3 and ending[0] == stem[-1] and ending[1:] in {"al", "el"})
            ):
                continue
            for form, without_vowel in self.lexicon.stems.get(stem, ()):
                if not cut and (not without_vowel or (form.kind != "family" and word.isascii())):
                    continue
                if ending in {"s", "es"} and "ë" not in word:
                    if without_vowel and form.kind != "family":
                        continue
                elif len(stem) < 4 and word.isascii() and not (without_vowel and len(stem) == 3 and not lower):
                    continue
                risky = ending in RISKY_ENDINGS and form.kind != "family" and word.isascii() and not without_vowel
                if risky and (other or ending in {"a", "o", "in", "on", "an", "en"}):
                    continue
                plural = ending in {"s", "es"}
                doubtful = other and bool(ending) and not (plural and form.kind == "family")
                weak = form.weak or doubtful or (lower and len(stem) < 5 and not plural)
                hits.append(replace(form, score=0.85, reason="ending", weak=weak))
        return hits

    def _pet_name(self, folded: str) -> list[Form]:
        """ "Oksanochka": the root of a given name with an ending of endearment."""
        other = folded in family_names()
        for cut in range(2, min(9, len(folded) - 2)):
            stem, ending = folded[:-cut], folded[-cut:]
            if ending not in PET_ENDINGS or len(stem) + min(cut, 3) < 5 or stem[-1] == ending[0]:
                continue
            hits = [
                replace(form, score=0.75, reason="nickname", weak=other)
                for form, _ in self.lexicon.stems.get(stem, ())
                if form.kind in {"given", "middle", "alias"}
            ]
            if hits:
                return hits
        return []

    def _mixed(self, word: str, strict: bool) -> Sequence[Form]:
        """Letters and digits in one word: a user name, or a scanner's 0 for O."""
        for candidate in (word.strip("0123456789"), *(fold(word).translate(table) for table in _LEET)):
            if len(candidate) >= 3 and candidate.isalpha():
                forms = self._look_up(candidate, foldings(candidate), strict)
                if not forms and len(candidate) >= 6:
                    forms = self._near([(candidate, fold(candidate))], strict).get(candidate, [])
                hits = [f for f in forms if f.reason != "nickname" and (not f.weak or f.kind == "weak")]
                if hits:
                    return [replace(f, score=min(f.score, 0.8), reason="digits") for f in hits]
        return ()

    def _unvowelled(self, word: str) -> Sequence[Form]:
        cuts = [word]
        if ARABIC.search(word):
            cuts += [
                word.removeprefix("ال"),
                word[1:] if word[:1] in "وفبلك" else word,
                word[1:].removeprefix("ال") if word[:1] in "وفبلك" else word,
                word[2:] if word[:2] == "لل" else word,
            ]
        elif ABJAD.search(word):
            cuts += [word[1:]] if word[:1] in "והבלמשכ" else []
        for cut in dict.fromkeys(one.strip("0123456789") for one in cuts):
            folded = fold(cut)
            sounds = consonants(folded)
            hits = self.lexicon.index.get(folded) or self.lexicon.consonants.get(sounds)
            if hits and (len(sounds) >= 2 or folded in self.lexicon.index):
                return hits
        return ()

    def _may_be_a_slip(self, word: str, folded: str) -> bool:
        return len(folded) >= (5 if small(word) else 4) and word.isalpha() and folded not in COMMON

    def _near(self, words: list[tuple[str, str]], strict: bool) -> dict[str, list[Form]]:
        """Slips of one key or of the scanner, two in longer names; all the words of a text at once."""
        found: dict[str, list[Form]] = {}
        if not words:
            return found
        folded = [reading for _, reading in words]
        for name in self.lexicon.fuzzy:
            most = 2 if len(name) >= 7 else 1
            for reading, distance, at in process.extract(
                name, folded, scorer=OSA.distance, score_cutoff=most, limit=None
            ):
                word = words[at][0]
                if distance > (1 if len(reading) < 8 else 2) or word in self.lexicon.index:
                    continue
                if distance == 2 and (
                    small(word)
                    or (not strict and name[0] != reading[0] and name[-2:] != reading[-2:])
                    or reading in family_names()
                    or reading in given_names()
                ):
                    continue
                weak = small(word) and len(reading) < 7
                other = reading in given_names() or reading in any_language()
                one_inside = _one_changed_inside(name, reading) and not other
                if small(word) and min(len(reading), len(name)) < 6 and not (_mixed_up(name, reading) or one_inside):
                    continue
                if len(name) == 4 and (len(reading) < 4 or (len(reading) == 4 and not _swapped(name, reading))):
                    continue
                if min(len(reading), len(name)) == 4 and (
                    name[0] != reading[0] or reading in given_names() or reading in family_names()
                ):
                    weak = True
                if len(name) == 5 and len(reading) == 5 and name[0] != reading[0] and not strict:
                    weak = True
                for form in self.lexicon.index[name]:
                    if form.reason == "name":
                        listed_one = reading in given_names() and form.kind != "family"
                        found.setdefault(word, []).append(
                            replace(
                                form, score=0.75 - distance / 20, reason="slip", weak=weak or form.weak or listed_one
                            )
                        )
        best: dict[str, list[Form]] = {}
        for word, forms in found.items():
            top = max(form.score for form in forms)
            if any(form.who < self.own and form.score == top for form in forms):  # else it is nearer to a suspect's
                best[word] = [form for form in forms if form.score == top]
        return best

    # -- one text ------------------------------------------------------------------------------------------------

    def find(
        self, page: Page, *, strict: bool, traits: senses.Traits | None = None
    ) -> tuple[list[Finding], list[tuple[int, int]]]:
        """All mentions in a clean text, which may touch or overlap, and the places of suspects' names that stay."""
        if not self.lexicon.index and not self._native:
            return [], []
        text = page.text
        reading = _Reading(self, page, strict, traits or senses.Traits.of(text))
        found = reading.mentions()
        found += reading.initials()
        found += reading.technical()
        found += reading.spelt()
        if _LOST.search(text):
            found += reading.lost_letters()
        if self._korean:
            found += reading.korean(self._korean, self._korean_given)
        if not text.isascii():
            if self._han and HAN.search(text):
                found += self._chinese(text)
            for form in self._native:
                found += [
                    Finding(at, at + len(form), "name", str(self._owner(form)), 0.95, "native")
                    for at in occurrences(form, text)
                ]
        if strict:
            found += reading.squeezed()
        return found, [reading.tokens[i][1:] for i in sorted(reading.kept)]

    def _owner(self, native: str) -> int:
        return next(who for who, person in enumerate(self.people) if native in person.native)

    def _chinese(self, text: str) -> list[Finding]:
        """Han text has no spaces: native forms as they stand, and any characters that read as the full name."""
        found: list[Finding] = []
        for run in HAN.finditer(text):
            chars = run.group()
            sounds = [fold(char) for char in chars]
            everything = "".join(sounds)
            for who, (pieces, whole, families) in enumerate(self._of_han):
                spans: set[tuple[int, int]] = set()
                for piece in pieces:
                    if piece in chars:
                        places = (m.start() for m in re.finditer(re.escape(piece), chars))
                        spans.update((at, at + len(piece)) for at in places if not _very(chars, at))
                for start in range(len(chars)) if any(sound in everything for sound in whole) else ():
                    sound = ""
                    for end in range(start, min(start + 5, len(chars))):
                        sound += sounds[end]
                        if sound in whole and end > start and not _very(chars, start):
                            spans.add((start, end + 1))
                for family in families:
                    if family in chars:
                        titled = re.finditer(f"{re.escape(family)}(?:{_TITLES_OF_CHINA})", chars)
                        spans.update((m.start(), m.end()) for m in titled)
                found += [Finding(run.start() + a, run.start() + b, "name", str(who), 0.9, "han") for a, b in spans]
        return found


@dataclass(slots=True)
class _Mention:
    """Words `first` to `last` as a mention of person `who`."""

    first: int
    last: int
    who: int
    parts: int
    score: float
    reason: str


_Run = list[tuple[int, int, tuple[Form, ...]]]


class _Reading:
    """One text being read: its words, and which of them are hits."""

    def __init__(self, matcher: NameMatcher, page: Page, strict: bool, traits: senses.Traits) -> None:
        self.matcher, self.text, self.strict, self.page = matcher, page.text, strict, page
        self.people = matcher.lexicon.people
        self.words, self.tokens = page.words, page.tokens
        self.senses = senses.Senses(page, traits)
        facts = matcher.facts(page.distinct, strict)
        self.hits: dict[int, tuple[int, tuple[Form, ...]]] = {}
        self.kept: set[int] = set()
        self.by_person: dict[int, _Run] = {}
        words, last, glued = self.words, len(self.words) - 1, matcher.glued
        for i in page.places(facts):
            fact = facts[words[i]]
            opened = glued(words[i], words[i + 1]) if fact.opens and i < last else None
            joined = self._joined(i, opened) if opened else None
            if joined:
                self.hits[i] = joined
            elif fact.forms:
                self.hits[i] = (i, fact.forms)
        self._parted()
        for i in sorted(self.hits):
            end, forms = self.hits[i]
            if len(forms) == 1:
                self.by_person.setdefault(forms[0].who, []).append((i, end, forms))
                continue
            mine: dict[int, list[Form]] = {}
            for form in forms:
                mine.setdefault(form.who, []).append(form)
            for who, some in mine.items():
                self.by_person.setdefault(who, []).append((i, end, tuple(some)))
        self.by_person = {who: self._worth_a_look(who, hits) for who, hits in self.by_person.items()}
        for who in range(matcher.own, len(self.people)):
            for run in self._runs(who):
                self._keep(who, run)

    def _parted(self) -> None:
        """A family name whose particle was parted from it: "Ben Hammouda" for Benhamouda."""
        lexicon = self.matcher.lexicon
        for i in self.page.places(self.page.folded(_PARTED)):
            after = i + 1
            if (
                after >= len(self.words)
                or after in self.hits
                or self.gap(i, after) not in {" ", "-", "'", "\u00a0", "\n"}
            ):
                continue
            word = self.words[i] + self.words[after].lower()
            if small(self.words[after]) or len(word) < (5 if ABJAD.match(word) else 7):
                continue
            forms = [
                form
                for form in self.matcher._look_up(word, foldings(word), self.strict)
                if form.kind == "family" and not form.weak and form.reason in {"name", "spelling", "other-script"}
            ]
            if forms and lexicon.index:
                self.hits[i] = (after, tuple(replace(form, reason="split", score=0.85) for form in forms))

    def gap(self, i: int, j: int) -> str:
        return self.text[self.tokens[i][2] : self.tokens[j][1]]

    def _joined(self, first: int, glued: Set[str]) -> tuple[int, tuple[Form, ...]] | None:
        """A name broken over a line, hyphenated, or with its letters spaced out, starting at word `first`; `glued` is
        what that and the next word make together."""
        lexicon = self.matcher.lexicon
        best: tuple[int, tuple[Form, ...]] | None = None
        longest = len(self.words[first])
        for j in range(first + 1, min(first + 24, len(self.words))):
            gap = self.gap(j - 1, j)
            longest = max(longest, len(self.words[j]))
            if len(gap) > 4 or not (_SPELT if longest == 1 else _SPLIT).fullmatch(gap) or SHIELD in gap:
                break
            if j > first + 1:
                glued = {g + r for g in glued for r in foldings(self.words[j]) if g + r in lexicon.prefixes}
                if not glued:
                    break
            for whole in glued:
                forms = [f for f in lexicon.index.get(whole, ()) if f.reason in {"name", "glued", "slip"}]
                pieces = j - first + 1
                lone = longest > 1 and (len(self.words[first]) == 1 or len(self.words[j]) == 1)
                if lone and self._lone_word(first, j, gap):
                    continue
                if longest == 1 and forms and self._two_letters(first, j, whole, gap):
                    best = (j, tuple(replace(f, score=0.8, reason="split") for f in forms))
                    continue
                phrase = any(f.kind == "phrase" for f in forms) and not self.words[first][:1].islower()
                broken = "-\n" in gap or "\u00ad" in gap
                if not forms or len(whole) < 3 or (longest > 1 and len(whole) < 4 and not broken):
                    continue
                if longest == 1 and pieces < 3:
                    continue
                if (
                    longest > 1
                    and gap.strip(" ") == ""
                    and "\n" not in gap
                    and not phrase
                    and (len(whole) < 5 or not self.words[first][:1].isupper() or self._all_plain(first, j))
                ):
                    continue
                parts = all(lexicon.index.get(fold(self.words[k])) for k in range(first, j + 1))
                whole_name = gap == "-" and small(self.words[j]) and not small(self.words[first])
                if parts and not phrase and not broken and not whole_name:
                    continue  # each piece is a part by itself: ordinary adjacency, better joined as such
                best = (j, self.matcher.split(whole, forms))
        return best

    def _all_plain(self, first: int, last: int) -> bool:
        """Whether all of these are words of some language."""
        plain = any_language()
        return all(reading in plain for reading in foldings(self.words[first])) and all(
            fold(self.words[k]) in plain for k in range(first + 1, last + 1)
        )

    def _two_letters(self, first: int, last: int, whole: str, gap: str) -> bool:
        """A name of two letters spaced out in capitals, "M Ỷ"; two initials have points behind them."""
        behind = self.text[self.tokens[last][2] : self.tokens[last][2] + 2]
        shouted = all(self.words[k].isupper() for k in (first, last))
        return (
            last == first + 1
            and len(whole) == 2
            and shouted
            and gap == " "
            and not re.match(r"\.\S| [^\W\d_](?!\w)", behind)
        )

    def _lone_word(self, first: int, last: int, gap: str) -> bool:
        """Whether a piece at either end is a word of one letter ("I", "a", "y") and no piece of a name."""
        if gap == "-" or "\n" in gap:
            return False
        if last == first + 1 and len(self.words[first]) == 1 and self._an_article(first):
            return True
        ends = [self.words[k] for k in (first, last) if len(self.words[k]) == 1]
        return any(fold(word) in _LONE_WORDS and (small(word) or word == "I" or "." in gap) for word in ends)

    def _near_enough(self, i: int, j: int) -> bool:
        gap = self.gap(i, j)
        return j == i + 1 and _close(gap) and ". " not in gap

    def _initial_of(self, i: int, j: int, parts: Set[str]) -> bool:
        if len(self.words[i]) > 2:  # most are: no letter with its signs
            return False
        gap = self.gap(i, j)
        if gap in {".", "_", "-"} and small(self.words[j]) and self._in_a_handle(j):
            return _initial(self.words[i].upper(), parts)
        if gap == ". " and small(self.words[i]) and small(self.words[j]):
            return _initial(self.words[i].upper(), parts)
        if len(self.words[i]) == 2 and gap in {". ", ".\u00a0", "."} and self.words[i].istitle():  # one letter: "Lj."
            begun = fold(self.words[i])
            if begun in _DIGRAPHS and any(part.startswith(begun) for part in parts):
                return True
        return bool(_AFTER_INITIAL.fullmatch(gap)) and _initial(self.words[i], parts)

    # -- suspects ----------------------------------------------------------------------------------------------------

    def _keep(self, who: int, run: _Run) -> None:
        """Remember the words of a suspect's full mention."""
        person = self.people[who]
        kinds = {form.kind for _, _, forms in run for form in forms}
        first, last = run[0][0], run[-1][1]
        own = self.matcher.every[who]
        has_family = self.matcher.has_family[who]
        full = "full" in kinds or ("family" in kinds and bool(kinds & {"given", "alias", "middle"}) and len(run) > 1)
        if first > 0 and "family" in kinds and self._initial_of(first - 1, first, own):
            first -= 1
            full = True
        if last + 1 < len(self.words) and "family" in kinds and self._trailing_initial(last, own):
            last += 1
            full = True
        if not has_family or kinds & {"alias", "phrase"}:
            full = full or len(run) >= min(len(person.parts), 2) or bool(kinds & {"alias", "phrase"})
        words = range(first, last + 1)
        if full and not self._wholly(words):
            self.kept.update(words)

    def _wholly(self, words: range) -> bool:
        """Whether every one of the words is a part, or the initial, of one and the same protected person."""
        return bool(frozenset.intersection(*(self.matcher.able(self.words[i]) for i in words)))

    # -- runs of hits become mentions ------------------------------------------------------------------------------

    def _runs(self, who: int) -> list[_Run]:
        runs: list[_Run] = []
        run: _Run = []
        for i, end, mine in self.by_person.get(who, ()):
            if i in self.kept:
                continue
            if run and (i > run[-1][1] + 4 or not self._continues(run, i, mine)):
                runs.append(run)
                run = []
            if not run or i > run[-1][1]:
                run.append((i, end, mine))
        return [*runs, run] if run else runs

    def mentions(self) -> list[Finding]:
        found: list[_Mention] = []
        for who in [one for one in self.by_person if one < self.matcher.own]:
            for run in self._runs(who):
                mention = self._settle(who, run)
                if mention is not None:
                    found.append(mention)
        return self._share(found)

    def _continues(self, run: _Run, i: int, mine: tuple[Form, ...]) -> bool:
        """Whether the hit at word `i`, no more than four words behind the run, belongs to the same mention."""
        last = run[-1][1]
        if i <= last:
            return True
        used = {form.part for _, _, forms in run for form in forms}
        if all(form.part in used for form in mine):
            return False
        between = range(last + 1, i)
        unknown = [k for k in between if fold(self.words[k]) not in PARTICLES and len(self.words[k]) > 1]
        if len(unknown) > 1 or any(not self._perhaps_a_name(k) for k in unknown):
            return False
        gaps = [self.gap(k, k + 1) for k in range(last, i)]
        if any(
            "." in gap and gap[-1:].isspace() and len(self.words[last + n]) > (1 if small(self.words[last + n]) else 2)
            for n, gap in enumerate(gaps)
        ):  # the sentence ends here
            return False
        if all(_close(gap) for gap in gaps):
            return True
        family_first = len(run) == 1 and any(form.kind == "family" for form in run[0][2])
        before = run[0][0] - 1
        lone = before not in self.hits or not self._near_enough(before, run[0][0])
        return len(gaps) == 1 and bool(_COMMA.fullmatch(gaps[0])) and family_first and lone

    def _perhaps_a_name(self, i: int) -> bool:
        """A capitalised word that is no plain word: between two parts of a name it is one more."""
        word = self.words[i]
        return word[:1].isupper() and word.isalpha() and i not in self.hits and fold(word) not in any_language()

    def _settle(self, who: int, run: _Run) -> _Mention | None:
        first, last = run[0][0], run[-1][1]
        person = self.people[who]
        if len(run) == 1 and self._alone_and_weak(first, last, run[0][2], person):
            return None
        parts = {form.part for _, _, forms in run for form in forms}
        everything = self.matcher.every[who]
        strong = any(
            (not form.weak or self._slip_in_a_chat(i, form)) and self._counts(i, end, form)
            for i, end, forms in run
            for form in forms
        )
        together = len(run) > 1 and len(parts) > 1 and any(self.words[i][:1].isupper() for i, _, _ in run)
        if len(run) > 1 and len(parts) > 1 and not together:
            usual = all(any(form.part == n for form in run[n][2]) for n in (0, 1))
            listed_one = any(
                fold(self.words[i]) in given_names() or fold(self.words[i]) in family_names() for i, _, _ in run
            )
            together = (usual and listed_one) or any(fold(self.words[i]) not in any_language() for i, _, _ in run)
        if (
            together
            and not strong
            and all(
                small(self.words[i]) and self.senses.keeps_capitals(i) and self.senses.small_word(i) for i, _, _ in run
            )
        ):
            together = False
        if not strong and all(form.reason == "sounds" for _, _, forms in run for form in forms):
            together = together and sum(len(coarse(fold(self.words[i]))) for i, _, _ in run) >= 6
        first = self._with_particles(first, person)
        initials = 0
        if not strong and not together and not self._letter_beside(first, last):
            return None
        fathers = not self.matcher.has_family[who]  # a single name may follow the father's initial
        for _ in range(2):
            if first > 0 and first - 1 not in self.kept and self._initial_of(first - 1, first, everything):
                if not strong and not together and self._an_article(first - 1):
                    break
                first -= 1
                initials += 1
            else:
                break
        if fathers and first > 0 and _FATHERS_INITIAL.fullmatch(self.words[first - 1] + self.gap(first - 1, first)):
            first -= 1
        for _ in range(2):
            if last + 1 < len(self.words) and self._trailing_initial(last, everything):
                last += 1
                initials += 1
            else:
                break
        if not strong and not together and not initials:
            return None
        named = {form.part for _, _, forms in run for form in forms if form.reason == "name"} or parts
        alone = len(run) == 1 and len({person.parts[n][1] if n >= 0 else () for n in named}) == 1
        sure = any(form.reason in {"name", "split"} for _, _, forms in run for form in forms)
        if not initials and (alone or len(run) == 1) and self.senses.a_place(first, last, sure=sure):
            return None
        if not initials and self._a_saints(run, person):
            return None
        if alone and not initials and self._somebody_else(run, person):
            return None
        first, last, more = self._slips_beside(first, last, person)
        first = self._with_particles(first, person)
        if first > 0 and fold(self.words[first - 1]) in senses.HONORIFICS and first - 1 not in self.hits:
            first -= bool(re.fullmatch(r"\.?[ \n\u00a0]", self.gap(first - 1, first)))
        behind = last + 1
        if (
            behind < len(self.words)
            and fold(self.words[behind]) in senses.BEHIND
            and self.gap(last, behind) in {" ", "-"}
        ):
            last = behind if behind not in self.hits else last
        best = max((form for _, _, forms in run for form in forms), key=lambda form: form.score)
        return _Mention(first, last, who, len(run) + bool(initials) + more, best.score, best.reason)

    def _an_article(self, i: int) -> bool:
        """Whether a lone letter without a point is a word before a plain word in small letters, where names would have
        capitals: "A stone was thrown", "E conti".
        """
        return (
            fold(self.words[i]) in _LONE_WORDS
            and self.gap(i, i + 1) == " "
            and small(self.words[i + 1])
            and self.senses.keeps_capitals(i + 1)
            and self.senses.small_word(i + 1)
        )

    def _a_saints(self, run: _Run, person: Person) -> bool:
        """Whether one part of the name, by itself, is that of a saint: "Santa Maria", "Saint-Jean-Baptiste". With any
        other part beside it, it is the person.
        """
        kinds = {person.parts[form.part][0] if form.part >= 0 else "" for _, _, forms in run for form in forms}
        if kinds <= {"given", "middle"}:
            return len(run) == 1 and self.senses.a_saint(run[0][0], given=True)
        if len(run) == 1 and "phrase" in kinds:
            kinds -= {""}
        return len(kinds) == 1 and self._a_saint_joined(run[0][0], run[-1][1])

    def _a_saint_joined(self, first: int, last: int) -> bool:
        """Whether these words, all of them given names, are joined by hyphens to the word for a saint before them."""
        joined = all(self.gap(k, k + 1) == "-" for k in range(first, last))
        names = all(fold(self.words[k]) in given_names() for k in range(first, last + 1))
        return joined and names and self.senses.a_saint(first, given=False)

    def _worth_a_look(self, who: int, hits: _Run) -> _Run:
        """The hits without those that nothing speaks for: weak, and far from every other hit of the same person."""
        kept: _Run = []
        person = self.people[who]
        for n, (i, end, forms) in enumerate(hits):
            if not self._alone_and_weak(i, end, forms, person) or any(
                self._may_join(forms, hits[k], near)
                for k, near in (
                    (n - 1, n and i - hits[n - 1][1] <= _FAR),
                    (n + 1, n + 1 < len(hits) and hits[n + 1][0] - end <= _FAR),
                )
                if near
            ):
                kept.append((i, end, forms))
        return kept

    @staticmethod
    def _may_join(forms: tuple[Form, ...], other: tuple[int, int, tuple[Form, ...]], near: bool) -> bool:
        """Whether a hit nearby is of another part of the name."""
        return near and (len(forms) > 1 or len(other[2]) > 1 or forms[0].part != other[2][0].part)

    def _alone_and_weak(self, first: int, last: int, forms: tuple[Form, ...], person: Person) -> bool:
        """Whether nothing speaks for the one hit: most of them in most texts."""
        for form in forms:
            if not form.weak or form.reason == "slip":
                return False
        if self._letter_beside(first, last):
            return False
        return not (first and person.particles and fold(self.words[first - 1]) in person.particles)

    def _letter_beside(self, first: int, last: int) -> bool:
        """Whether a lone letter is next to these words."""
        words = self.words
        before = words[first - 1] if first else "..."
        behind = words[last + 1] if last + 1 < len(words) else "..."
        return (
            len(before) == 1
            or len(behind) == 1
            or (len(before) == 2 and not before.isascii())
            or (len(behind) == 2 and not behind.isascii())
        )

    def _with_particles(self, first: int, person: Person) -> int:
        """Where the mention begins when the particles of this person's name before it belong to it."""
        while first > 0 and person.particles:
            word, gap = fold(self.words[first - 1]), self.gap(first - 1, first)
            short = (
                gap == ". " and len(word) == 1 and any(particle[0] == word for particle in person.particles if particle)
            )
            if not short and not (word in person.particles and re.fullmatch(r"[\s'-]{1,3}", gap)):
                break
            first -= 1
        return first

    def _counts(self, i: int, end: int, form: Form) -> bool:
        """Whether a hit that may be a plain word is written as a name here."""
        if end > i or form.reason in {"glued", "digits", "split"}:
            return True
        word = self.words[i]
        if self.senses.by_its_neighbours(i) and not self._with_its_own_article(word, form):
            return False
        if form.reason == "case" and word.isascii() and not self.senses.has_cases:
            return False
        if small(word) and self.senses.keeps_capitals(i) and not self._in_a_handle(i):
            if form.reason not in {"name", "ending", "slip", "spelling"} or self.senses.small_word(i):
                return False
            if form.reason == "ending" and self.senses.foreign:
                return False  # of English there is a large list of words, of other languages a small one
            if form.reason == "ending" and self.senses.listed_word(self.people[form.who].parts[form.part][1][0]):
                return False
        elif small(word) and self.senses.behind_an_article(i):
            return False
        elif (
            small(word)
            and form.reason == "name"
            and form.kind in {"given", "alias"}
            and ((len(word) > 3 and not self.senses.frequent(i)) or (len(word) > 2 and self.senses.called_in_a_chat(i)))
            and not (self._rather_a_family_name(form) and self._a_plain_word(i, form))
        ):
            return True  # where nobody writes capitals, a name is a name
        ordinary = self.senses.ordinary(i) or len(fold(word)) <= 2
        if (form.kind == "family" or self._rather_a_family_name(form)) and small(word) and self._a_plain_word(i, form):
            ordinary = True
        if form.reason == "name" and small(word) and self._in_a_handle(i):
            return True
        if form.reason in {"slip", "spelling"}:
            return not ordinary
        if form.reason == "ending":
            plural = fold(word).removesuffix("s")
            return not ordinary and (plural == fold(word) or not self.senses.plain(plural) or self.senses.as_name(i))
        if form.reason in {"nickname", "family"} and not ordinary:
            return not small(word) or len(word) > 5 or not word.isascii() or self._in_a_handle(i)
        return not ordinary or self.senses.as_name(i)

    def _with_its_own_article(self, word: str, form: Form) -> bool:
        """Whether the name itself is written with the Arabic article: "الهدى" of Nour al-Huda is no plain word."""
        written = self.people[form.who].written
        return word.startswith("ال") and any(word in some for some in written.values())

    def _rather_a_family_name(self, form: Form) -> bool:
        """Whether the same word is a family name by the likelier order of the name."""
        return form.part in self.matcher.rather_family[form.who]

    def _a_plain_word(self, i: int, form: Form) -> bool:
        """Whether a dictionary has the word, or the name that it is a form of, in small letters."""
        listed_word = self.senses.listed_word
        return listed_word(fold(self.words[i])) or (
            form.reason == "ending" and listed_word(self.people[form.who].parts[form.part][1][0])
        )

    def _slip_in_a_chat(self, i: int, form: Form) -> bool:
        """A misspelt name in small letters where nobody writes capitals."""
        word = self.words[i]
        return form.reason == "slip" and len(word) >= 5 and small(word) and not self.senses.keeps_capitals(i)

    def _in_a_handle(self, i: int) -> bool:
        around = self.text[max(0, self.tokens[i][1] - 1) : self.tokens[i][2] + 1]
        return any(c in "@#_." for c in (around[:1], around[-1:])) and around[-1:] != "."

    def _trailing_initial(self, last: int, parts: Set[str]) -> bool:
        if len(self.words[last + 1]) > 2:
            return False
        word, gap = self.words[last + 1], self.gap(last, last + 1)
        if gap in {".", "_", "-"} and small(word) and small(self.words[last]) and self._in_a_handle(last):
            return _initial(word.upper(), parts)
        if not _BEFORE_INITIAL.fullmatch(gap) or not _initial(word, parts):
            return False
        end = self.tokens[last + 1][2]
        if fold(word) in _LONE_WORDS and self.text[end : end + 1] != ".":
            return fold(word) != "i" and gap in {"_", "-", "."}
        return True

    def _slips_beside(self, first: int, last: int, person: Person) -> tuple[int, int, int]:
        """Take in a misspelt part right beside a sure one: "Arra Hoxha" for Arta Hoxha."""
        more = 0
        for side in (-1, 1):
            at = first - 1 if side < 0 else last + 1
            if not 0 <= at < len(self.words) or at in self.hits or at in self.kept:
                continue
            word = self.words[at]
            if not word[:1].isupper() and (side > 0 or not person.particles):
                continue  # mostly
            gap = self.gap(at, first) if side < 0 else self.gap(last, at)
            if (
                side < 0
                and gap == " "
                and any(OSA.distance(fold(word), p) <= 1 for p in person.particles if len(p) > 2)
            ):
                first, more = at, 1
                continue
            if not word[:1].isupper() or len(word) < 3 or gap not in {" ", "\n", ", ", "_", "-", "."}:
                continue
            folded = fold(word)
            if folded in any_language():
                continue
            listed_one = folded in family_names() or folded in given_names()
            for _, readings in person.parts:
                most = 1 if listed_one or len(readings[0]) < 6 else 2
                if OSA.distance(folded, readings[0], score_cutoff=2) <= most:
                    first, last = min(first, at), max(last, at)
                    more = 1
                    break
        return first, last, more

    def _somebody_else(self, run: _Run, person: Person) -> bool:
        """One part of the name beside a listed name of another person: "Maria Popescu" for Ana Popescu."""
        first, last = run[0][0], run[-1][1]
        kinds = {form.kind for _, _, forms in run for form in forms}
        if not self.words[first][:1].isupper():
            return False
        if not kinds <= {"family", "given", "alias", "middle"}:
            return False
        other = False
        if "family" in kinds:
            other = self._beside(first - 1, first, person, given=True)
            other = other or (kinds == {"family"} and self._beside(last, last + 1, person, given=True))
        if kinds & {"given", "alias"} and any(kind == "family" for kind, _ in person.parts):
            other = other or self._beside(last, last + 1, person, given=False)
            other = other or self._beside(first - 1, first, person, given=False)
        return other and not ("family" in kinds and self.senses.of_a_relative(first))

    def _beside(self, left: int, right: int, person: Person, *, given: bool) -> bool:
        """Whether the word that is not the hit is another person's given (else family) name, and close."""
        if left < 0 or right >= len(self.words) or self.gap(left, right) not in {" ", "\u00a0"}:
            return False
        at = left if right in self.hits else right
        if at in self.hits and any(form.who < self.matcher.own for form in self.hits[at][1]):
            return False
        word = self.words[at]
        folded = fold(word)
        if not word[:1].isupper() or len(word) < 3 or not word.isalpha() or senses.title(folded):
            return False
        if (
            self.senses.plain(folded)
            or folded in months()
            or (at == left and self.senses.opens(at) and not (given and folded in given_names()))
        ):
            return False
        if given:
            known = folded in given_names() or skeleton(folded) in given_sounds()
        else:
            known = folded in family_names() or folded in given_names() or skeleton(folded) in family_sounds()
            known = known or bool(_SURNAME.search(folded) and len(folded) > 4)
            known = known or (
                at == right
                and "de" not in self.senses.spoken
                and folded not in senses.AWAY  # "Grace Missing Since Monday"
                and not self.senses.shouted(at)  # there a verb looks like a surname: "UMUT BULUNDU"
                and self._unlike(folded, person)
            )
        known = known or folded in self.matcher.kept_words
        listed_one = folded in family_names() or folded in given_names()
        sound = coarse(folded)
        if given and len(folded) >= 5 and any(reading.endswith(folded) for reading in person.of("given", "middle")):
            return False  # the end of the person's own: "Lotte" for Annelotte
        return known and all(
            OSA.distance(folded, readings[0], score_cutoff=3) > (1 if listed_one or len(readings[0]) < 5 else 2)
            and (len(sound) < 3 or coarse(readings[0]) != sound)  # another spelling of the same name
            for _, readings in person.parts
        )

    @staticmethod
    def _unlike(folded: str, person: Person) -> bool:
        """Whether a word sounds like no part of the name: a surname that nobody listed is another person's then."""
        bones = skeleton(folded)
        return all(
            OSA.distance(bones, skeleton(reading)) > max(2, len(reading) // 3)
            for _, readings in person.parts
            for reading in readings
        )

    def _share(self, mentions: list[_Mention]) -> list[Finding]:
        """One mention belongs to whom most of it fits; where two fit equally, to nobody in particular."""
        found: list[Finding] = []
        taken: dict[int, list[_Mention]] = {}
        for one in sorted(mentions, key=lambda m: (-m.parts, -m.score, m.first)):
            rivals = {id(r): r for k in range(one.first, one.last + 1) for r in taken.get(k, ())}.values()
            if any(
                r.first <= one.first
                and one.last <= r.last
                and (r.parts > one.parts or (r.score >= 0.95 and one.score < 0.9))
                for r in rivals
            ):
                continue
            for k in range(one.first, one.last + 1):
                taken.setdefault(k, []).append(one)
        kept = {id(r): r for several in taken.values() for r in several}.values()
        owners: dict[tuple[int, int], set[int]] = {}
        for one in kept:
            owners.setdefault((one.first, one.last), set()).update(self.matcher.owners[one.who])
        for one in kept:
            of = owners[one.first, one.last]
            whose = None if len(of) > 1 else str(*of)
            found.append(
                Finding(self.tokens[one.first][1], self.tokens[one.last][2], "name", whose, one.score, one.reason)
            )
        return found

    # -- other places ----------------------------------------------------------------------------------------------

    def initials(self) -> list[Finding]:
        """ "O.S." anywhere, "OS" beside a word that speaks of a person; both in capitals."""
        found: list[Finding] = []
        everyone = self.matcher._everyones_initials
        if not everyone:
            return found
        upto = -1
        for i in self.page.places([letter for letter in self.page.letters if not small(letter)]):
            m = _INITIALS.match(self.text, self.tokens[i][1]) if self.tokens[i][1] >= upto else None
            if m is None or any(small(letter) for letter in m.groups() if letter):
                continue
            upto = m.end()
            letters = [letter for letter in m.groups() if letter]
            folded = "".join(fold(letter)[:1] if letter.isupper() else letter.lower() for letter in letters)
            hour = folded in {"am", "pm"} and i and self.words[i - 1].isdigit()
            if folded in everyone and not hour and (folded not in _NOT_INITIALS or self._after_context(m.start())):
                found.append(self._initials_finding(m.start(), m.end(), folded, 0.8))
        for i in self.page.places([letter.upper() for letter in self.matcher._lone]):
            start, end = self.tokens[i][1:]
            lone = _LONE_INITIAL.match(self.text, end)
            if lone and not _INITIAL_BEFORE.search(self.text, max(0, start - 4), start):
                whose = str(self.matcher._lone[self.words[i].lower()])
                found.append(Finding(start, end + len(lone.group(1)), "name", whose, 0.7, "initials"))
        short = [w for w in self.page.folded(everyone) if w.isupper() and len(w) > 1]
        for i in self.page.places(short):
            if i not in self.kept and self._after_context(self.tokens[i][1]):
                found.append(self._initials_finding(self.tokens[i][1], self.tokens[i][2], fold(self.words[i]), 0.7))
        return found

    def _initials_finding(self, start: int, end: int, folded: str, score: float) -> Finding:
        whose = [who for who, some in enumerate(self.matcher._initials) if folded in some]
        return Finding(start, end, "name", str(whose[0]) if len(whose) == 1 else None, score, "initials")

    def _after_context(self, at: int) -> bool:
        before = TOKEN.findall(self.text[max(0, at - 40) : at].rpartition(SHIELD)[2])[-2:]
        return any(fold(word) in _CONTEXT or senses.relation(fold(word)) for word in before)

    def technical(self) -> list[Finding]:
        """Names inside user names, tags, links and file names, where nothing separates them."""
        inside = self.matcher.lexicon.inside
        found: list[Finding] = []
        if inside is None:
            return found
        index = self.matcher.lexicon.index
        done = 0
        for mark in _TECHNICAL.finditer(self.text):
            if mark.start() < done:
                continue
            start = mark.start() - len(_BLANK.split(self.text[max(done, mark.start() - 200) : mark.start()])[-1])
            chunk = _CHUNK.match(self.text, start)
            if chunk is None:
                continue
            done = chunk.end()
            inside_chunk = list(TOKEN.finditer(chunk.group().replace("_", " ")))
            for a, b, who in self._by_sound(inside_chunk):
                found.append(Finding(chunk.start() + a, chunk.start() + b, "name", str(who), 0.7, "sounds"))
            for m in TOKEN.finditer(chunk.group()):
                if fold(m.group()) in self.matcher.kept_words:
                    continue
                for folded in foldings(m.group()):
                    hit = inside.search(folded)
                    if hit and folded not in any_language() and len(folded) > len(hit.group()):
                        named = {f.who for f in index[hit.group()] if f.reason == "name" and f.who < self.matcher.own}
                        whose = {who for n in named for who in self.matcher.owners[n]}
                        if whose:
                            owner = str(min(whose)) if len(whose) == 1 else None
                            a, b = chunk.start() + m.start(), chunk.start() + m.end()
                            found.append(Finding(a, b, "name", owner, 0.85, "inside"))
                        break
        return found

    def korean(self, whole: dict[str, int], given: dict[str, int]) -> list[Finding]:
        """Whole names by their syllables, in Hangul or in up to four words with capitals; given names in Hangul."""
        found: list[Finding] = []
        may_begin = [
            word
            for word in self.page.distinct
            if korean.HANGUL.fullmatch(word)
            or (word[:1].isupper() and word.isascii() and any(w.startswith(korean.key(fold(word))) for w in whole))
        ]
        for i in self.page.places(may_begin):
            word, start, _ = self.tokens[i]
            if korean.HANGUL.fullmatch(word):
                for size in range(min(4, len(word)), 1, -1):
                    sound = korean.key(fold(word[:size]))
                    if sound in whole or (sound in given and size == 2):
                        who = whole.get(sound, given.get(sound))
                        found.append(Finding(start, start + size, "name", str(who), 0.9, "hangul"))
                        break
            elif i not in self.kept:
                sound = korean.key(fold(word))
                if not self._a_syllable(i):
                    continue
                for j in range(i + 1, min(i + 4, len(self.words))):
                    if self.gap(j - 1, j) not in {" ", "-", ", ", "\u00a0"} or not self._a_syllable(j):
                        break
                    sound += korean.key(fold(self.words[j]))
                    if sound in whole:
                        found.append(Finding(start, self.tokens[j][2], "name", str(whole[sound]), 0.8, "hangul"))
        return found

    def _a_syllable(self, i: int) -> bool:
        """Whether word `i` may be a part of a Korean name in another spelling: with a capital, as whoever writes names
        has it (behind a hyphen some do not), and no word of any language, of which many sound alike ("I sang").
        """
        word = self.words[i]
        capital = word[:1].isupper() or (i and self.gap(i - 1, i) == "-") or not self.senses.capitals
        return word.isascii() and i not in self.kept and bool(capital) and fold(word) not in any_language()

    def spelt(self) -> list[Finding]:
        """Names spelt out by words: "T for Tango, I for India", or by an alphabet's words alone, whichever it is."""
        found: list[Finding] = []
        for pattern in (_LETTER_FOR, _WORDS_FOR_LETTERS):
            if pattern is _LETTER_FOR and not (self._may_spell() and len(_ONE_LETTER_FOR.findall(self.text)) >= 4):
                continue
            for m in pattern.finditer(self.text):
                words = list(_EACH_LETTER[pattern].finditer(m.group()))
                letters = "".join(fold(word.group()[0])[:1] or "?" for word in words)
                for name, who in self.matcher.spelt.items():
                    at = letters.find(name)
                    while at >= 0:
                        a, b = m.start() + words[at].start(), m.start() + words[at + len(name) - 1].end()
                        found.append(Finding(a, b, "name", str(who), 0.7, "spelt"))
                        at = letters.find(name, at + 1)
        return found

    def _may_spell(self) -> bool:
        """Whether four single letters have a word such as "for" behind them."""
        words = self.words
        letters = self.page.places(self.page.letters)
        return sum(1 for i in letters if i + 1 < len(words) and words[i + 1] in _FOR_WORDS) >= 4

    def lost_letters(self) -> list[Finding]:
        """Names whose letters with accents a wrong character set turned into question marks: "P?ldm?e"."""
        return [
            Finding(at, at + len(form), "name", str(who), 0.8, "lost letters")
            for form, who in self.matcher.lost.items()
            for at in occurrences(form, self.text)
        ]

    def _by_sound(self, words: list[re.Match[str]]) -> Iterator[tuple[int, int, int]]:
        """Two parts of one name beside each other in a user name, however they are spelt: "sirine.mejri"."""
        lexicon = self.matcher.lexicon
        heard: list[tuple[re.Match[str], str, list[Form]]] = []
        for m in words:
            folded = fold(m.group())
            sounds = consonants(folded)
            forms = [*lexicon.consonants.get(sounds, ()), *lexicon.coarse.get(coarse(folded), ())]
            if sounds[:1] == "A":  # the article: "rahaf_alobeidi"
                forms += lexicon.consonants.get(sounds[1:], ())
            heard.append((m, sounds, forms if len(folded) >= 3 and folded.isalpha() else []))
        for (one, first, some), (two, second, others) in itertools.pairwise(heard):
            if len(first) + len(second) < 5 or two.start() - one.end() > 1:
                continue
            both = {
                a.who for a in some for b in others if a.who == b.who and a.part != b.part and a.who < self.matcher.own
            }
            if both:
                yield one.start(), two.end(), min(self.matcher.owners[n][0] for n in both)

    def squeezed(self) -> list[Finding]:
        """A second look that ignores every separator: full names, wherever the letters were cut."""
        found: list[Finding] = []
        everything = "".join([word if word.isascii() else fold(word) for word in self.words]).lower()
        there = {whole for whole in self.matcher.every_whole if whole in everything}
        if not there:
            return found
        pieces: list[str] = []
        offsets: list[int] = []
        length = 0
        for i, word in enumerate(self.words):
            folded = "\x00" if i in self.kept else fold(word)
            if i and SHIELD in self.gap(i - 1, i):
                folded = "\x00" + folded
            pieces.append(folded)
            offsets.append(length)
            length += len(folded)
        glued = "".join(pieces)
        for who, whole in self.matcher.wholes:
            at = glued.find(whole) if whole in there else -1
            while at >= 0:
                first = bisect_right(offsets, at) - 1
                last = bisect_right(offsets, at + len(whole) - 1) - 1
                decided = first == last and fold(self.words[first]) == whole  # by the rules for words
                decided = decided or self._a_saint_joined(first, last)
                decided = decided or (first == last and self.senses.by_its_neighbours(first))
                if not decided and not all(
                    small(self.words[k])
                    and (self.senses.ordinary(k) or (first == last and self.senses.listed_word(whole)))
                    for k in range(first, last + 1)
                ):
                    a, b = self.tokens[first][1], self.tokens[last][2]
                    found.append(Finding(a, b, "name", str(who), 0.7, "squeezed"))
                at = glued.find(whole, at + 1)
        return found


def _place_in(people: list[Person], person: Person) -> int:
    """Where somebody of these names is in the list; put at its end if nobody is."""
    if person not in people:
        people.append(person)
    return people.index(person)


def _owners(everyone: Iterable[Set[str]]) -> dict[str, frozenset[int]]:
    """Who has each of the words, by the word."""
    found: dict[str, set[int]] = {}
    for who, some in enumerate(everyone):
        for word in some:
            found.setdefault(word, set()).add(who)
    return {word: frozenset(people) for word, people in found.items()}


def _rather_family(person: Person) -> frozenset[int]:
    """The parts that were listed as a family name before they were listed as something else."""
    families: set[tuple[str, ...]] = set()
    found: set[int] = set()
    for number, (kind, readings) in enumerate(person.parts):
        if readings in families:
            found.add(number)
        if kind == "family":
            families.add(readings)
    return frozenset(found)


def _very(chars: str, at: int) -> bool:
    """Whether a word of degree stands before: "very glad" is nobody of that name."""
    return chars[at - 1 : at] in _VERY if at else False


def _close(gap: str) -> bool:
    """Whether two words with this between them may be of one name; a line may end there, a paragraph may not."""
    gap = _LINE_END.sub("\n", gap, count=1)
    return len(gap) < 4 and bool(_CLOSE.fullmatch(gap)) and "\n\n" not in gap


def _mixed_up(name: str, reading: str) -> bool:
    """Whether the same letters stand in another order, or one is doubled or single."""
    return sorted(name) == sorted(reading) or _DOUBLED.sub(r"\1", name) == _DOUBLED.sub(r"\1", reading)


def _one_changed_inside(name: str, reading: str) -> bool:
    """Whether two words of one length begin and end alike."""
    return len(name) == len(reading) and name[0] == reading[0] and name[-1] == reading[-1]


def _swapped(name: str, reading: str) -> bool:
    """Whether two neighbouring letters changed places, and nothing else."""
    return sorted(name) == sorted(reading)


def _initial(word: str, parts: Set[str]) -> bool:
    """Whether a lone letter, a capital where its script has them, begins one of the parts."""
    if len(word) > 2 or (len(word) == 2 and not _SIGN.search(word)) or small(word) or word.isdigit():
        return False
    folded = fold(word)
    return word[0].lower() in parts or (0 < len(folded) < 3 and any(part.startswith(folded) for part in parts))


def _wholes(person: Person) -> set[str]:
    """Folded full names, and single names so long that they are never part of something else."""
    first, last = person.of("given", "alias"), person.of("family")
    wholes = {a + b for x in first for y in last for a, b in ((x, y), (y, x))}
    wholes |= {part for part in (*first, *last) if len(part) >= 9}
    return {whole for whole in wholes if len(whole) >= 8}
