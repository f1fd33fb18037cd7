"""Find the known people's names in a clean text.

A word is looked up once however often it occurs; then its place decides. Rules, all failing towards a finding:

- a form that is no ordinary word counts wherever it stands, in any case;
- a form that is also a word ("Hope", "Rose") counts where it is capitalised inside a sentence or stands beside another
  part of the name; at the start of a sentence it counts unless the next word shows the plain word ("Hope to …");
- a near match (a slip of one key or of the scanner) needs five letters, and is never an ordinary word;
- a suspect's mention stays where two of the suspect's own parts, or an initial and the family name, stand together and
  are not also a full name of a protected person. A shared surname *alone* always goes, whoever it means;
- a mention that fits several protected people is a finding of nobody in particular (`whose` None).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from rapidfuzz import process
from rapidfuzz.distance import OSA

from policies.redaction.forms import ENDINGS, PARTICLES, RISKY_ENDINGS, TOKEN, Form, Lexicon, Person, Tokens, person_of
from policies.redaction.identity import Finding, Identity, Name
from policies.redaction.scripts import ARABIC, HAN, SHIELD, consonants, fold, foldings, skeleton
from policies.redaction.words import COMMON, listed

Facts = tuple[tuple[Form, ...], bool, bool]

_CLOSE = re.compile(r"[\s.\-_/'·]{0,3}")
_COMMA = re.compile(r"\s?,\s{1,2}")
_SPLIT = re.compile(r"[\-_.·*|/'+~=]{0,2}\n?[ \t]{0,2}|[\-_.·*|/'+~= ]{1,3}")
_LATIN_WORD = re.compile(r"[A-Za-z]")
_CAMEL = re.compile(r"[^\W\d_](?:[^\W\d_]*?(?=[A-Z])|[^\W\d_]*)")
_HUMP = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]")
_INITIALS = re.compile(r"(?<![\w.])([^\W\d_])\.\s?-?([^\W\d_])(?:\.\s?-?([^\W\d_]))?(?:\.|(?!\w))")
_TECHNICAL = re.compile(r"[@#_/\\]|\.(?=[A-Za-z][A-Za-z0-9]{1,4}(?!\w))")
_CHUNK = re.compile(r"[^\s\x00]{1,400}")
_SENTENCE_END = re.compile(r"[.!?:;\n•](?:[\s\"'“”«»(\[*-]*)$")
_LEET = (str.maketrans("0134567890", "oleasgtbgo"), str.maketrans("0134567890", "oieasgtbgo"))

_FUNCTION_WORDS = listed(
    """
    a an and am are as at be but by can could day did do does for from go had has have he her him his i if in is
    it la le man may me might more most must my no nor not now of off on one or our out she should so son sun than
    that the then they this to too under up us van was we were when who why will with would yes yet you your long
    min ha hi ok may mark sue
    """
)
_PERSON_VERBS = listed(
    """
    said says told tells asked asks was is had has went came left arrived worked works stated states explained
    described spoke called phoned escaped ran fled lived lives stayed wanted wants feared fears cried showed gave
    refused agreed recalled remembered testified reported and with who whose
    """
)
_WORD_NEXT = listed(
    """
    the of to that you we they i he she it this these those a an your our their for in on up from against as what
    not be
    """
)
_CONTEXT = listed(
    """
    victim victims witness witnesses complainant survivor minor child girl boy woman applicant ms mrs mr miss
    initials client named called known alias aka person subject identified patient daughter sister mother
    """
)
_NOT_INITIALS = listed(
    """
    us uk un eu am pm dc ny ps po ie eg bc
    """
)
_TITLES = "先生|女士|小姐|太太|某某|某"


class NameMatcher:
    """Names of `identities` in a text, but for full mentions of `kept` (suspects). Stateless apart from a memo."""

    def __init__(self, identities: tuple[Identity, ...], kept: tuple[Name, ...]) -> None:
        self.lexicon = Lexicon(identities)
        self.kept = [person_of((name,)) for name in kept]
        self._kept_words = {reading for person in self.kept for _, readings in person.parts for reading in readings}
        self._memo: tuple[dict[str, Facts | None], dict[str, Facts | None]] = ({}, {})
        self._initials = [
            self._initials_of(person.of("given", "alias"), person.of("middle"), person.of("family"))
            for person in self.lexicon.people
        ]
        self.wholes = [(who, whole) for who, person in enumerate(self.lexicon.people) for whole in _wholes(person)]
        self._han = {form for person in self.lexicon.people for form in person.han}

    @staticmethod
    def _initials_of(first: list[str], middle: list[str], last: list[str]) -> set[str]:
        some = {a[:1] + b[:1] for x in first for y in last for a, b in ((x, y), (y, x))}
        some |= {x[:1] + m[:1] + y[:1] for x in first for m in middle for y in last}
        some |= {x[:1] + y[:1] + z[:1] for x in first for y in last for z in last if y != z}
        some |= {x[:1] + y[:1] + z[:1] for x in first for y in first for z in last if x != y}
        return some

    # -- one word ------------------------------------------------------------------------------------------------

    def facts(self, word: str, strict: bool) -> Facts | None:
        """What a word may stand for, whether a split name may start with it, and whether it is a suspect's."""
        memo = self._memo[strict]
        try:
            return memo[word]
        except KeyError:
            pass
        if len(memo) > 200_000:
            memo.clear()
        readings = foldings(word)
        fact = (
            tuple(self._look_up(word, strict)),
            any(reading in self.lexicon.prefixes for reading in readings),
            any(reading in self._kept_words for reading in readings),
        )
        memo[word] = fact if any(fact) else None
        return memo[word]

    def forms(self, word: str, strict: bool) -> tuple[Form, ...]:
        """What a word may stand for, wherever it stands."""
        fact = self.facts(word, strict)
        return fact[0] if fact else ()

    def _look_up(self, word: str, strict: bool) -> Sequence[Form]:
        index = self.lexicon.index
        readings = foldings(word)
        exact = [form for reading in readings for form in index.get(reading, ())]
        suspect = any(reading in self._kept_words for reading in readings)
        if exact:
            return [f for f in exact if f.reason in {"name", "glued"}] if suspect else exact
        if suspect or word.isdigit():
            return ()
        if not word.isalpha():
            return self._mixed(word, strict)
        folded = readings[0]
        if _HUMP.search(word) and len(word) > 4:
            for piece in _CAMEL.findall(word):
                hits = [f for f in index.get(fold(piece), ()) if len(piece) >= 3 and f.reason == "name"]
                if hits:
                    return [replace(f, score=0.9, reason="glued", word=False) for f in hits]
        for reading in readings:
            hits = self._inflected(reading, word)
            if hits:
                return hits
        if len(folded) < 4 and not ARABIC.search(word):
            return ()
        common = folded in COMMON
        if ARABIC.search(word):
            return self._arabic(word)
        if not common:
            hits = [form for reading in readings for form in self.lexicon.skeletons.get(skeleton(reading), ())]
            if hits and len(folded) >= 5:
                return hits
            if hits:
                return [replace(f, weak=True) for f in hits]
            if not word.isascii():
                bones = [skeleton(reading) for reading in readings]
                hits = [
                    form for b in bones if b[-1:] in "aeiouy" for form in self.lexicon.bare_skeletons.get(b[:-1], ())
                ]
                if hits:
                    return hits
            if word[:1].isupper() and len(folded) >= 4:
                hits = [
                    f
                    for f in self.lexicon.consonants.get(consonants(folded), ())
                    if self.lexicon.people[f.who].arabic and not f.weak
                ]
                if hits:
                    return hits
            for reading in readings:
                hits = self._near(reading, word, strict)
                if hits:
                    return hits
        return ()

    def _inflected(self, folded: str, word: str) -> list[Form]:
        hits: list[Form] = []
        if folded in COMMON:
            return hits
        for cut in range(1, 5):
            stem, ending = folded[:-cut], folded[-cut:]
            if len(stem) < 3:
                break
            if ending not in ENDINGS:
                continue
            for form, without_vowel in self.lexicon.stems.get(stem, ()):
                if ending in {"s", "es"}:
                    if without_vowel or len(stem) < 3:
                        continue
                elif (len(stem) < 4 and not (len(stem) == 3 and not word.isascii())) or (
                    ending in RISKY_ENDINGS
                    and form.kind != "family"
                    and word.isascii()
                    and not (without_vowel and ending in {"i", "e", "ie", "ei"})
                ):
                    continue
                hits.append(
                    replace(
                        form,
                        score=0.85,
                        reason="ending",
                        word=False,
                        weak=word.islower() and len(stem) < 5 and word.isascii() and ending not in {"s", "es"},
                    )
                )
        return hits

    def _mixed(self, word: str, strict: bool) -> Sequence[Form]:
        """Letters and digits in one word: a user name, or a scanner's 0 for O."""
        for candidate in (word.strip("0123456789"), *(fold(word).translate(table) for table in _LEET)):
            if len(candidate) >= 3 and candidate.isalpha():
                hits = [f for f in self.forms(candidate, strict) if f.reason != "nickname"]
                if hits:
                    return [replace(f, score=min(f.score, 0.8), reason="digits") for f in hits]
        return ()

    def _arabic(self, word: str) -> Sequence[Form]:
        for cut in (
            word,
            word.removeprefix("ال"),
            word[1:] if word[:1] in "وفبلك" else word,
            word[1:].removeprefix("ال") if word[:1] in "وفبلك" else word,
            word[2:] if word[:2] == "لل" else word,
        ):
            folded = fold(cut)
            hits = self.lexicon.index.get(folded) or self.lexicon.consonants.get(consonants(folded))
            if hits and (len(consonants(folded)) >= 2 or folded in self.lexicon.index):
                return hits
        return ()

    def _near(self, folded: str, word: str, strict: bool) -> list[Form]:
        if len(folded) < 5:
            return []
        allowed = 1 if len(folded) < 8 else 2
        near = process.extract(folded, self.lexicon.fuzzy, scorer=OSA.distance, score_cutoff=allowed, limit=4)
        hits: list[Form] = []
        for choice, distance, _ in near:
            if distance == 2 and not strict and choice[0] != folded[0] and choice[-2:] != folded[-2:]:
                continue
            if distance == 2 and len(choice) < 7:
                continue
            weak = word.islower() and len(folded) < 6
            if len(choice) == 5 and len(folded) == 5 and choice[0] != folded[0] and not strict:
                weak = True
            hits += [
                replace(f, score=0.75 - distance / 20, reason="slip", weak=weak or f.weak)
                for f in self.lexicon.index[choice]
                if f.reason == "name"
            ]
        return hits

    # -- one text ------------------------------------------------------------------------------------------------

    def find(self, text: str, tokens: Tokens, *, strict: bool) -> list[Finding]:
        """All mentions in a clean text; spans may touch or overlap, the caller merges them."""
        if not self.lexicon.index and not self._han:
            return []
        reading = _Reading(self, text, tokens, strict)
        found = reading.mentions()
        found += reading.initials()
        found += reading.technical()
        if HAN.search(text):
            found += self._chinese(text)
        if strict:
            found += reading.squeezed()
        return found

    def _chinese(self, text: str) -> list[Finding]:
        """Han text has no spaces: native forms as they stand, and any characters that read as the full name."""
        found: list[Finding] = []
        for run in HAN.finditer(text):
            chars = run.group()
            sounds = [fold(char) for char in chars]
            for who, person in enumerate(self.lexicon.people):
                whole = {a + b for a in person.of("family") for b in person.of("given")}
                whole |= {
                    g for g in person.of("given") if person.han and any(g in "".join(map(fold, h)) for h in person.han)
                }
                families = {family[0] for family in person.han}
                spans: set[tuple[int, int]] = set()
                for form in person.han:
                    for piece in (form, form[1:]) if len(form) > 2 else (form,):
                        spans.update((m.start(), m.end()) for m in re.finditer(re.escape(piece), chars))
                for start in range(len(chars)):
                    sound = ""
                    for end in range(start, min(start + 5, len(chars))):
                        sound += sounds[end]
                        if sound in whole and end > start:
                            spans.add((start, end + 1))
                for family in families:
                    spans.update((m.start(), m.end()) for m in re.finditer(f"{re.escape(family)}(?:{_TITLES})", chars))
                found += [Finding(run.start() + a, run.start() + b, "name", str(who), 0.9, "han") for a, b in spans]
        return found


class _Reading:
    """One text being read: its words, and which of them are hits."""

    def __init__(self, matcher: NameMatcher, text: str, tokens: Tokens, strict: bool) -> None:
        self.matcher, self.text, self.strict = matcher, text, strict
        self.people = matcher.lexicon.people
        self.words = [token[0] for token in tokens]
        self.starts = [token[1] for token in tokens]
        self.ends = [token[2] for token in tokens]
        distinct = set(self.words)
        facts = {word: fact for word in distinct if (fact := matcher.facts(word, strict)) is not None}
        hot = {word for word, fact in facts.items() if fact[0]}
        opening = {word for word, fact in facts.items() if fact[1]}
        kept = {word for word, fact in facts.items() if fact[2]}
        self.kept = self._kept([i for i, word in enumerate(self.words) if word in kept]) if kept else set()
        self.hits: dict[int, tuple[int, tuple[Form, ...]]] = {}
        either = hot | opening
        for i in [i for i, word in enumerate(self.words) if word in either]:
            if i in self.kept:
                continue
            joined = self._joined(i) if self.words[i] in opening else None
            if joined:
                self.hits[i] = joined
            elif self.words[i] in hot:
                self.hits[i] = (i, matcher.forms(self.words[i], strict))

    def gap(self, i: int, j: int) -> str:
        return self.text[self.ends[i] : self.starts[j]]

    def _joined(self, first: int) -> tuple[int, tuple[Form, ...]] | None:
        """A name broken over a line, hyphenated, or with its letters spaced out, starting at word `first`."""
        lexicon = self.matcher.lexicon
        best: tuple[int, tuple[Form, ...]] | None = None
        glued = {reading for reading in foldings(self.words[first]) if reading in lexicon.prefixes}
        longest = len(self.words[first])
        common = all(reading in COMMON for reading in foldings(self.words[first]))
        for j in range(first + 1, min(first + 24, len(self.words))):
            gap = self.gap(j - 1, j)
            if not _SPLIT.fullmatch(gap) or SHIELD in gap or j in self.kept:
                break
            longest = max(longest, len(self.words[j]))
            common = common and fold(self.words[j]) in COMMON
            glued = {g + r for g in glued for r in foldings(self.words[j]) if g + r in lexicon.prefixes}
            if not glued:
                break
            for whole in glued:
                forms = [f for f in lexicon.index.get(whole, ()) if f.reason in {"name", "glued", "slip"}]
                pieces = j - first + 1
                phrase = any(f.kind == "phrase" for f in forms) and self.words[first][:1].isupper()
                if not forms or len(whole) < 3 or (longest > 1 and len(whole) < 4):
                    continue
                if longest == 1 and pieces < 3:
                    continue
                if (
                    longest > 1
                    and gap.strip(" ") == ""
                    and "\n" not in gap
                    and not phrase
                    and (common or len(whole) < 5 or not self.words[first][:1].isupper())
                ):
                    continue
                if all(self.matcher.lexicon.index.get(fold(self.words[k])) for k in range(first, j + 1)) and not phrase:
                    continue  # each piece is a part by itself: ordinary adjacency, better joined as such
                best = (j, tuple(replace(f, score=0.9, reason="split", word=False) for f in forms))
        return best

    def _kept(self, at: list[int]) -> set[int]:
        """Words of suspects' full mentions."""
        kept: set[int] = set()
        for person in self.matcher.kept:
            first = {r for kind, readings in person.parts if kind in {"given", "alias", "middle"} for r in readings}
            last = {r for kind, readings in person.parts if kind == "family" for r in readings}
            both = first | last
            mine = [i for i in at if any(r in both for r in foldings(self.words[i]))]
            runs: list[list[int]] = []
            for i in mine:
                if runs and self._near_enough(runs[-1][-1], i):
                    runs[-1].append(i)
                else:
                    runs.append([i])
            for run in runs:
                folded = [r for i in run for r in foldings(self.words[i])]
                full = any(r in first for r in folded) and any(r in last for r in folded) and len(run) > 1
                if not full and run[0] > 0 and self._initial_of(run[0] - 1, run[0], first):
                    run = [run[0] - 1, *run]
                    full = any(r in last for r in folded)
                if (full or (not last and len(run) >= len(person.parts) > 0)) and not self._protected_full(run):
                    kept.update(range(run[0], run[-1] + 1))
        return kept

    def _near_enough(self, i: int, j: int) -> bool:
        gap = self.gap(i, j)
        return j == i + 1 and bool(_CLOSE.fullmatch(gap)) and "\n\n" not in gap and ". " not in gap

    def _initial_of(self, i: int, j: int, parts: set[str]) -> bool:
        word = self.words[i]
        return (
            len(word) == 1
            and word.isupper()
            and bool(re.fullmatch(r"\.?[ -]?", self.gap(i, j)))
            and any(part.startswith(fold(word)) for part in parts)
            and bool(fold(word))
        )

    def _protected_full(self, run: list[int]) -> bool:
        """Whether every word of the run is a part, or the initial, of one and the same protected person."""
        for person in self.people:
            own = {r for _, readings in person.parts for r in readings}
            if not own:
                continue
            if all(
                any(r in own or (len(r) == 1 and any(o.startswith(r) for o in own)) for r in foldings(self.words[i]))
                for i in run
            ):
                return True
        return False

    # -- runs of hits become mentions ------------------------------------------------------------------------------

    def mentions(self) -> list[Finding]:
        runs: list[tuple[int, int, int, int, float, str]] = []  # words from, to, who, parts, score, reason
        order = sorted(self.hits)
        for who in {form.who for _, forms in self.hits.values() for form in forms}:
            run: list[tuple[int, int, tuple[Form, ...]]] = []
            for i in order:
                end, forms = self.hits[i]
                mine = tuple(form for form in forms if form.who == who)
                if not mine:
                    continue
                if run and not self._continues(run, i, mine):
                    runs += self._settle(who, run)
                    run = []
                if not run or i > run[-1][1]:
                    run.append((i, end, mine))
            runs += self._settle(who, run)
        return self._share(runs)

    def _continues(self, run: list[tuple[int, int, tuple[Form, ...]]], i: int, mine: tuple[Form, ...]) -> bool:
        last = run[-1][1]
        if i <= last:
            return True
        used = {(form.part) for _, _, forms in run for form in forms}
        if all(form.part in used for form in mine):
            return False
        if i > last + 3:
            return False
        between = range(last + 1, i)
        if not all(fold(self.words[k]) in PARTICLES or len(self.words[k]) == 1 for k in between):
            return False
        gaps = [self.gap(k, k + 1) for k in range(last, i)]
        if all(_CLOSE.fullmatch(gap) and "\n\n" not in gap for gap in gaps):
            return True
        family_first = len(run) == 1 and any(form.kind == "family" for form in run[0][2])
        before = run[0][0] - 1
        lone = before not in self.hits or not self._near_enough(before, run[0][0])
        return len(gaps) == 1 and bool(_COMMA.fullmatch(gaps[0])) and family_first and lone

    def _settle(
        self, who: int, run: list[tuple[int, int, tuple[Form, ...]]]
    ) -> list[tuple[int, int, int, int, float, str]]:
        if not run:
            return []
        first, last = run[0][0], run[-1][1]
        parts = {form.part for _, _, forms in run for form in forms}
        strong = any(not form.weak and (not form.word or self._as_name(i)) for i, _, forms in run for form in forms)
        together = len(run) > 1 and len(parts) > 1 and any(self.words[i][:1].isupper() for i, _, _ in run)
        person = self.people[who]
        everything = {reading for _, readings in person.parts for reading in readings}
        initial = False
        for _ in range(2):
            if first > 0 and first - 1 not in self.kept and self._initial_of(first - 1, first, everything):
                first -= 1
                initial = True
        for _ in range(2):
            if last + 1 < len(self.words) and self._trailing_initial(last, everything):
                last += 1
                initial = True
        if not strong and not together and not initial:
            return []
        while (
            first > 0
            and fold(self.words[first - 1]) in person.particles
            and re.fullmatch(r"[\s'-]{1,2}", self.gap(first - 1, first))
        ):
            first -= 1
        best = max((form for _, _, forms in run for form in forms), key=lambda form: form.score)
        return [(first, last, who, len(run) + initial, best.score, best.reason)]

    def _trailing_initial(self, last: int, parts: set[str]) -> bool:
        word = self.words[last + 1]
        if len(word) != 1 or not word.isupper() or not re.fullmatch(r",? |[._-]", self.gap(last, last + 1)):
            return False
        if fold(word) == "i" and self.text[self.ends[last + 1] : self.ends[last + 1] + 1] != ".":
            return False
        return any(part.startswith(fold(word)) for part in parts)

    def _as_name(self, i: int) -> bool:
        """Whether a word that is also a name is written as the name here."""
        word = self.words[i]
        if not word[:1].isupper():
            return not _LATIN_WORD.match(word) and not word[:1].islower()
        folded = fold(word)
        following = fold(self.words[i + 1]) if i + 1 < len(self.words) and self.gap(i, i + 1) in {" ", "\n"} else ""
        if following.isdigit() or (i and self.words[i - 1].isdigit() and self.gap(i - 1, i) == " "):
            return folded not in {"may", "june", "april", "august", "march"}
        before = self.text[max(0, self.starts[i] - 12) : self.starts[i]]
        starts = bool(_SENTENCE_END.search(before)) or (self.starts[i] < 12 and not TOKEN.search(before))
        shouted = word.isupper() and len(word) > 1 and self._shouting(i)
        if folded in _FUNCTION_WORDS and (starts or shouted or len(word) == 1):
            return following in _PERSON_VERBS and not shouted
        if starts:
            return following not in _WORD_NEXT
        return True

    def _shouting(self, i: int) -> bool:
        near = [w for w in self.words[max(0, i - 3) : i + 4] if w.isalpha() and len(w) > 1]
        return sum(w.isupper() for w in near) > 0.7 * len(near) and len(near) > 2

    def _share(self, runs: list[tuple[int, int, int, int, float, str]]) -> list[Finding]:
        """One mention belongs to whom most of it fits; where two fit equally, to nobody in particular."""
        found: list[Finding] = []
        taken: dict[int, list[tuple[int, int, int, int, float, str]]] = {}
        for run in sorted(runs, key=lambda r: (-r[3], -r[4], r[0])):
            first, last, who, parts, score, reason = run
            rivals = {id(r): r for k in range(first, last + 1) for r in taken.get(k, ())}.values()
            if any(r[0] <= first and last <= r[1] and (r[3] > parts or (r[4] >= 0.95 and score < 0.9)) for r in rivals):
                continue
            for k in range(first, last + 1):
                taken.setdefault(k, []).append(run)
        kept = {id(r): r for several in taken.values() for r in several}.values()
        owners: dict[tuple[int, int], set[int]] = {}
        for first, last, who, *_ in kept:
            owners.setdefault((first, last), set()).add(who)
        for first, last, who, _, score, reason in kept:
            same = len(owners[first, last]) > 1
            found.append(
                Finding(self.starts[first], self.ends[last], "name", None if same else str(who), score, reason)
            )
        return found

    # -- other places ----------------------------------------------------------------------------------------------

    def initials(self) -> list[Finding]:
        """ "O.S." anywhere, "OS" beside a word that speaks of a person; both in capitals."""
        found: list[Finding] = []
        matcher = self.matcher
        if not any(matcher._initials):
            return found
        for m in _INITIALS.finditer(self.text):
            letters = [g for g in m.groups() if g]
            if not all(letter.isupper() for letter in letters):
                continue
            folded = "".join(fold(letter)[:1] for letter in letters)
            whose = [who for who, some in enumerate(matcher._initials) if folded in some]
            if folded in _NOT_INITIALS and not self._after_context(m.start()):
                continue
            if whose:
                found.append(
                    Finding(m.start(), m.end(), "name", str(whose[0]) if len(whose) == 1 else None, 0.8, "initials")
                )
        everyone = set().union(*matcher._initials)
        short = {word for word in set(self.words) if 2 <= len(word) <= 3 and word.isupper() and fold(word) in everyone}
        if short:
            for i, word in enumerate(self.words):
                if word in short and i not in self.kept and self._after_context(self.starts[i]):
                    whose = [who for who, some in enumerate(matcher._initials) if fold(word) in some]
                    found.append(
                        Finding(
                            self.starts[i],
                            self.ends[i],
                            "name",
                            str(whose[0]) if len(whose) == 1 else None,
                            0.7,
                            "initials",
                        )
                    )
        return found

    def _after_context(self, at: int) -> bool:
        before = TOKEN.findall(self.text[max(0, at - 40) : at].rpartition(SHIELD)[2])[-2:]
        return any(fold(word) in _CONTEXT for word in before)

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
            start = max(done, mark.start() - 200)
            start += max((m.end() for m in re.finditer(r"[\s\x00]", self.text[start : mark.start()])), default=0)
            chunk = _CHUNK.match(self.text, start)
            if chunk is None:
                continue
            done = chunk.end()
            for m in TOKEN.finditer(chunk.group()):
                if m.group() in COMMON or fold(m.group()) in self.matcher._kept_words:
                    continue
                for folded in foldings(m.group()):
                    hit = inside.search(folded)
                    if hit and folded not in COMMON and len(folded) > len(hit.group()):
                        forms = index[hit.group()]
                        whose = {form.who for form in forms if form.reason == "name"}
                        found.append(
                            Finding(
                                chunk.start() + m.start(),
                                chunk.start() + m.end(),
                                "name",
                                str(min(whose)) if len(whose) == 1 else None,
                                0.85,
                                "inside",
                            )
                        )
                        break
        return found

    def squeezed(self) -> list[Finding]:
        """A second look that ignores every separator: full names, wherever the letters were cut."""
        found: list[Finding] = []
        everything = "".join(self.words).lower() if self.text.isascii() else "".join(map(fold, self.words))
        if not any(whole in everything for _, whole in self.matcher.wholes):
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
            at = glued.find(whole)
            while at >= 0:
                first = _at(offsets, at)
                last = _at(offsets, at + len(whole) - 1)
                found.append(Finding(self.starts[first], self.ends[last], "name", str(who), 0.7, "squeezed"))
                at = glued.find(whole, at + 1)
        return found


def _wholes(person: Person) -> set[str]:
    """Folded full names, and single names so long that they are never part of something else."""
    first, last = person.of("given", "alias"), person.of("family")
    wholes = {a + b for x in first for y in last for a, b in ((x, y), (y, x))}
    wholes |= {part for part in (*first, *last) if len(part) >= 9}
    return {whole for whole in wholes if len(whole) >= 8}


def _at(offsets: list[int], position: int) -> int:
    return bisect_right(offsets, position) - 1
