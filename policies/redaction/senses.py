"""Is a word that is also a name ("Hope", "Rose", "Will", "Sunday") the plain word here, or the name?

No grammar is parsed: case, the place in the sentence and the words beside it are looked at. Where they do not decide,
the word counts as a name, because a wrongly hidden word costs less than a person.
"""

from __future__ import annotations

import re

from policies.redaction.lexica import any_language, languages, months, words_of
from policies.redaction.page import Page
from policies.redaction.scripts import fold
from policies.redaction.words import listed

_SENTENCE_END = re.compile(r"[.!?:;\n•…。？！](?:[\s\"'“”«»„(\[*-]*)$")

TITLES = listed(
    """
    mr mrs ms miss mx dr prof sir madam lady lord judge justice inspector detective officer sergeant constable captain
    agent lawyer attorney witness victim suspect applicant accused defendant minor child nurse doctor sister father
    brother chief colonel major lieutenant general president minister
    herr frau fraulein doktor zeugin zeuge richter richterin
    monsieur madame mademoiselle mme mlle maitre temoin juge
    senor senora senorita sr sra srta don dona testigo juez
    signor signora signorina sig dott dottoressa avv
    senhor senhora dom
    domnul doamna domnisoara dl dna dra martora martorul judecator
    pan pani panna panstwo swiadek
    gospodin gospodja gospozha gospodyn gospodynya hospodar pani svidetel svidok
    gospodin gospozha gospozhitsa
    kyrios kyria kiria
    bay bayan bey hanim
    ur asszony kisasszony
    mevrouw meneer heer dhr mevr
    zoti zonja zonjusha
    ponas ponia kungs kundze rouva
    """
)
HONORIFICS = listed(
    """
    mr mrs ms miss mx dr prof sir madam lady herr frau fraulein monsieur madame mademoiselle mme mlle senor senora
    senorita sr sra srta don dona signor signora signorina sig dott dottoressa senhor senhora domnul doamna
    domnisoara dl
    dna dra dnei domnului doamnei pan pani panna panu gospodin gospodja gospozha gospodyn kyrios kyria kiria
    mevrouw meneer
    zoti zonja zonjusha ponas ponia kungs kundze rouva
    """
)
"""Mere forms of address: they tell sex or marriage, and go with the name."""
RELATIONS = listed(
    """
    mother father sister brother daughter son husband wife aunt uncle cousin niece nephew grandmother grandfather
    grandma grandpa mum mom mummy dad daddy parents parent siblings sibling sisters brothers family fiance fiancee
    girlfriend boyfriend partner stepfather stepmother stepsister stepbrother godmother godfather twin children
    mama tata sora fratele frate fiica fiul sotul sotia matusa unchiul varul vara bunica bunicul parintii
    familia surorii fratelui
    mutter vater schwester bruder tochter sohn ehemann ehefrau mann tante onkel cousine oma opa eltern familie
    mere pere soeur frere fille fils mari epouse oncle grand parents famille
    madre padre hermana hermano hija hijo marido esposa esposo tia tio prima primo abuela abuelo padres
    sorella fratello figlia figlio marito moglie zia zio cugina cugino nonna nonno genitori famiglia
    mae pai irma irmao filha filho mulher avo
    matka ojciec siostra siostry siostre brat brata corka syn maz zona ciotka wujek kuzynka babcia dziadek
    rodzice rodzina
    maty mati batko sestra sestry sestru brat brata dochka syn cholovik druzhyna titka dyadko babusya didus rodyna
    mat otets sestroi doch muzh zhena tetya babushka dedushka semya
    mayka bashta mazh lelya chicho baba dyado
    anne baba kiz kardes kardesi abla ablasi agabey oglu kizi esi teyze amca
    anya apa nover hug fiver lanya fia ferje felesege nagynene nagybacsi
    anyja apja novere huga bátyja occse
    moeder vader zus broer dochter zoon man vrouw oom
    mitera pateras adelfi adelfos kori gios syzygos
    motra motren vellai vellain nena babai vajza djali burri gruaja
    motina tevas sesuo brolis mate tevs masa bralis
    aiti isa sisko veli
    """
)
_CALENDAR_BEFORE = listed(
    """
    on in since by until till from during last next every this of early late mid each before after between and the
    """
)
_WEEKDAYS = listed("monday tuesday wednesday thursday friday saturday sunday")
_PLACES = listed(
    """
    street road avenue lane hotel hospital church centre center house school cathedral clinic bank park college court
    bay river lake island square hall inn valley hill county university foundation shelter bridge
    """
)
_FUNCTION = listed(
    """
    a an and am are as at be by but can could day did do does for from go had has have he her him his i if in is
    it la le man may me might more most must my no nor not now of off on one or our out she should so son sun than
    that the then they this to too under up us van was we were when who why will with would yes yet you your long
    min ha hi ok may mark sue
    """
)
_ALWAYS_A_WORD = listed("the a an of to in on at by for is was be and or as it he she we they i this that so no not")
_PERSON_VERBS = listed(
    """
    said says told tells asked asks was is had has went came left arrived worked works stated states explained
    described spoke called phoned escaped ran fled lived lives stayed wanted wants feared fears cried showed gave
    refused agreed recalled remembered testified reported and with who whose knew knows thought thinks felt feels
    took takes got gets made makes saw sees met meets brought brings sent sends wrote writes paid pays sold sells
    bought buys kept keeps held holds found finds lost loses slept sleeps ate eats drank drinks drove drives began
    begins broke breaks chose fell falls flew forgot gave gives grew hid hides hit hits hurt hurts led leads let lets
    quit read reads rode sat sits spent spends stood stands stole struck swore taught threw understood woke wore
    won can could would should did does also never always then still just later now again already soon nodded smiled
    tried tries needs became becomes comes goes leaves arrives stays says looks looked
    """
)
_WORD_NEXT = listed(
    """
    the of to that you we they i he she it this these those a an your our their my his for in on up from against as
    what not be there against all any every such than through at by out but if because until
    """
)


def title(folded: str) -> bool:
    """A form of address or a role that stands before a name."""
    return folded in TITLES or folded in RELATIONS


def relation(folded: str) -> bool:
    """A word for a relative, in one of the listed languages."""
    return folded in RELATIONS


class Senses:
    """The words of one text, and the languages it is taken to be in."""

    def __init__(self, page: Page, spoken: tuple[str, ...] = ()) -> None:
        self.text, self.words, self.tokens = page.text, page.words, page.tokens
        self._spoken = spoken
        self._plain: frozenset[str] | None = None
        self._capitals: bool | None = None

    @property
    def spoken(self) -> tuple[str, ...]:
        """The languages given, or those the words speak for."""
        if not self._spoken:
            self._spoken = languages({fold(word) for word in self.words[:2000]})
        return self._spoken

    def ordinary(self, i: int) -> bool:
        """Whether word `i` is also a plain word of the text's languages."""
        if self._plain is None:
            self._plain = frozenset().union(*(words_of(language) for language in self.spoken))
        return fold(self.words[i]) in self._plain

    def opens(self, i: int) -> bool:
        """Whether word `i` is the first of a sentence."""
        start = self.tokens[i][1]
        before = self.text[max(0, start - 12) : start]
        return bool(_SENTENCE_END.search(before)) or i == 0

    def of_a_relative(self, i: int) -> bool:
        """Whether one of the four words before speaks of a relative."""
        return any(relation(fold(word)) for word in self.words[max(0, i - 4) : i])

    def _next(self, i: int) -> str:
        near = i + 1 < len(self.words) and self.text[self.tokens[i][2] : self.tokens[i + 1][1]] in {" ", "\n", "\u00a0"}
        return fold(self.words[i + 1]) if near else ""

    def _previous(self, i: int) -> str:
        near = i > 0 and self.text[self.tokens[i - 1][2] : self.tokens[i][1]] in {" ", "\n", "\u00a0", ". "}
        return fold(self.words[i - 1]) if near else ""

    def as_name(self, i: int) -> bool:
        """Whether word `i`, which is also a plain word, is written as the name here."""
        word, following, before = self.words[i], self._next(i), self._previous(i)
        folded = fold(word)
        if not word[:1].isupper():
            if word[:1].islower():
                return self._without_capitals() and following in _PERSON_VERBS and folded not in _FUNCTION
            return True  # a script without capitals
        if before in TITLES or before in RELATIONS or before in {"named", "called", "name", "alias", "aka"}:
            return True
        if following.isdigit() or before.isdigit():
            return folded not in months()
        if folded in months() or folded in _WEEKDAYS:
            return self._not_the_calendar(i, before, following)
        starts = self.opens(i)
        shouted = word.isupper() and len(word) > 1 and self._shouting(i)
        if following in _PLACES and self.words[i + 1][:1].isupper():
            return False
        if starts or shouted or self._heading(i):
            return self._first(folded, following, shouted)
        if "de" in self.spoken and before in {"der", "die", "das", "ein", "eine", "einer", "den", "dem"}:
            return False
        return folded not in _ALWAYS_A_WORD or not word.isupper() or len(word) > 1

    def _not_the_calendar(self, i: int, before: str, following: str) -> bool:
        if before in _CALENDAR_BEFORE:
            return False
        if self.opens(i):
            return following in _PERSON_VERBS and following not in {"is", "was", "and", "can", "could", "would"}
        return following not in {"morning", "afternoon", "evening", "night", "and"}

    def _first(self, folded: str, following: str, shouted: bool) -> bool:
        """A word that is capitalised for its place: its next word decides."""
        if folded in _FUNCTION or (folded in words_of(self.spoken[0]) and self.spoken[0] != "en"):
            return following in _PERSON_VERBS and not shouted
        if following in _WORD_NEXT:
            return False
        if not following or following in _PERSON_VERBS or following.endswith(("ed", "ly")):
            return True
        return following not in any_language()

    def _heading(self, i: int) -> bool:
        """Whether the words around are capitalised without being names."""
        near = [k for k in (i - 2, i - 1, i + 1, i + 2) if 0 <= k < len(self.words)]
        capital = [k for k in near if self.words[k][:1].isupper() and fold(self.words[k]) in any_language()]
        return len(capital) >= 3

    def _shouting(self, i: int) -> bool:
        near = [w for w in self.words[max(0, i - 3) : i + 4] if w.isalpha() and len(w) > 1]
        return sum(w.isupper() for w in near) > 0.7 * len(near) and len(near) > 2

    def _without_capitals(self) -> bool:
        if self._capitals is None:
            self._capitals = any(word[:1].isupper() for word in self.words)
        return not self._capitals
