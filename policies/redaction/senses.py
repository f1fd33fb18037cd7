"""Is a word that is also a name ("Hope", "Rose", "Will", "Sunday") the plain word here, or the name?

No grammar is parsed: case, the place in the sentence and the words beside it are looked at. Where they do not decide,
the word counts as a name, because a wrongly hidden word costs less than a person.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from policies.redaction.idioms import Place, may_be_plain, plain_with_a_capital
from policies.redaction.lexica import (
    any_language,
    dictionary,
    family_names,
    function_words,
    given_names,
    languages,
    months,
    name_words,
    plain_words,
    words_of,
)
from policies.redaction.page import Page, tokens_of
from policies.redaction.scripts import SHIELD, TOKEN, fold
from policies.redaction.words import COMMON, listed

_BEGINNING = 20_000  # characters that tell what a text is like
_FIRST_WORDS = 2000  # words that tell its language
_FIRST_LETTERS = 600  # tell Vietnamese
# Each begins with a set of characters, and only then looks behind: many times as fast.
_ENDS = re.compile(r"[.!?\n•…。？！](?:(?<!\.)|(?:(?<=[^\W\d_]{3}\.)|(?<=\x00\.))(?=\s))")
_FIRST_LETTER = re.compile(
    r"[.!?\n•…。？！](?:(?<!\.)|(?<=[^\W\d_]{3}\.)|(?<=\x00\.))\s(?:[^\w\x00]|[\d_]){0,12}([^\W\d_]|\x00)"
)
_VERY_FIRST_LETTER = re.compile(r"(?:[^\w\x00]|[\d_]){0,12}([^\W\d_]|\x00)")
_LETTER = re.compile(r"[^\W\d_]|\x00")  # what is shielded began with a capital
_VIETNAMESE = re.compile("[\u01a1\u01b0\u1ea4-\u1eb7\u1ebe-\u1ec7\u1ed0-\u1ee3\u1ee8-\u1ef1]+")  # two signs on a vowel
_STOP = re.compile(r"[.?!](?=\s|$)")
_AGE = re.compile(r", \d\d(?:,| years| y\.?o)")
_APART = frozenset({",", "،", "(", "-", '"', "«", "“", "„"})
_SENTENCE_END = re.compile(r"[.!?:;\n•…。？！](?:[\s\"'“”«»„(\[*-]*)$")

TITLES = listed(
    """
    mr mrs ms miss mx dr prof sir madam lady lord judge justice inspector detective officer sergeant constable captain
    agent lawyer attorney witness victim suspect applicant accused defendant minor child nurse doctor sister father
    brother chief colonel major lieutenant general president minister
    herr frau fraulein doktor zeugin zeuge richter richterin fall akte
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
BEHIND = listed(
    "neni bacsi asszony kisasszony hanim hanimin abla teyze bey ji bhai didi begum apa opa khanom khanum hanum"
)
"""Forms of address that stand behind a name, and go with it."""
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
_ENGLISH_MONTHS = listed("january february march april may june july august september october november december")
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
    tried tries needs became becomes comes goes leaves arrives stays says looks looked cannot might must
    bled bent bit bore bred built burnt caught clung crept dealt drew dreamt dug fed fought forgave froze hung knelt
    lay leant leapt learnt lent lit meant mistook overheard rang ran rose sang sank sewed shook shot shut slid sought
    spat sped spun sprang stank stuck stung swam swept swung tore trod wept withdrew wound
    """
)
_CALENDARS = listed(
    """
    quiet quieter hot hotter cold colder wet wetter dry drier warm warmer mild rainy snowy windy foggy busy busier slow
    worse worst when unseasonably exceptionally unusually
    """
)  # what a month or a season is said to be
_CALENDAR_NOUNS = listed(
    """
    month months season seasons day days time times period deadline date peak start beginning end holiday holidays
    weekend weekends
    """
)
_SEASONS = listed("summer winter autumn spring")
_NOT_ENDING = listed("ended passed")  # what a month does, of all the words in -ed
_OBJECTS = listed(
    """
    the a an his her their my our its your this these those him them me us you it up down out off away back home alone
    often never always well too nobody someone something everything nothing everyone
    """
)  # behind "Rose waters the plants" a verb, behind "Rose petals lay" a noun
_LEAVES = listed("leaves breaks falls hides looks stays")  # verbs of people, and plurals
_FINITE = listed("is are was were has have had will would can could may might must lay lie lies stood stand do did")
_BEING = listed("was is")
_SPOTS = listed(
    """
    corner seat seats room kitchen bed bunk car van truck lorry house flat apartment cellar basement attic hall hallway
    corridor queue doorway door window office ward cell hospital shelter photo photograph picture video gate bathroom
    station yard garden shop bar street floor village town group agency
    tears shock custody detention labour stairs stairwell front middle home work school reception desk table counter
    """
)  # where somebody may be, and no virtue
_WILLED = listed("live survive fight win")  # "Will to live kept them going"
_NOT_NOTED = listed("a the to an only but in for because justice")
_SAID_BY = listed(
    """
    statement statements report reports signed written told seen made call calls accompanied witnessed filed given
    letter message account interview complaint
    """
)
_GIVEN = listed("give gave send sent show showed lend lent pay paid owe help let")
_KEPT = listed("keep keeps kept hide hides hid leave left put locked")
_TO_HER = listed("the her his my your back money some")
_VIETNAMESE_KIN = listed("chị em cô anh bà bé cháu bạn dì")
_FUNCTIONS_OF_NAMES = listed("will mark sue")
_ABOUT = listed("of by from with to for re on about")
_TALKS = listed(
    "interviews referral update note notes examination exam photo hearing transfer meeting contact visit text"
)
_AND_OTHERS = listed("two three four five other others another a the her his their i me")
AWAY = listed("missing absent found seen safe located hospitalised detained unwell pregnant")
_BEING_WITH = listed(
    "am is was are were im dey be been stay stays stayed live lives lived go went come came talk talked"
)
_ME = listed("me you him her us them i she he")
_AFTER_WISHES = listed("birthday new easter christmas day lord please pls and you he she they u")
_BEFORE_PLAIN = listed(
    """
    a an the no some any much more most little my your his her our their its this that these those such what great good
    bad every each all of in by for from to without on at as about into or nor but not than like
    so very too how really am are is was were be been being im feel feels felt look looks looked still never
    i we you u he she it they who one two three new old big small true pure real only own
    have has had having lost lose losing need needs needed want wants find found show shows showed give gives gave
    keep keeps kept bring brings brought take takes took get gets got make makes made hold beg begged begging lack
    price prices debt rent water sun full dont didnt cant wont would could should must
    """
)  # what stands before a virtue, a feeling or a thing, and before a verb
_VOCATIVE = listed("i im u ur where wheres why pls plz please ans answer call its my dont")
_PERSONS = listed(
    """
    victim witness girl boy woman man child minor patient client applicant complainant elder older younger youngest
    eldest oldest other driver cook cleaner maid nanny waitress waiter worker survivor
    """
)
_FAMILIES = listed("family household case file victim daughter sister")
_DOES_OR_IS = listed("with who whose has had can could would should does did also")
_TO_A_PERSON = listed(
    """
    ask asked asking tell told telling saw seen met meet call called calling texted text phone phoned hit beat slapped
    hurt took brought bring fetch pick picked drove visit visited warn warned thank thanked miss remember know knew
    visto vi viste vimos vieron vio pregunte dije avisa conoces conoci llama llame llame dile digale pregunta preguntale
    vu vois voyait connais appelle appele rencontre
    gesehen sah kennst kenne frag sag ruf
    vista ho hai ha conosci chiama chiedi
    vi viu chama conhece diz
    vazut vad vezi stii suna cheama
    """
)  # what is done to people, in small letters
_DONE_TO_A_PERSON = listed("gesehen getroffen gefragt angerufen gehort geschlagen mitgenommen")
_ADVERBS = listed("also never always then still just later now again already soon")
_SALUTES = listed(
    """
    hi hey hello dear yo hiya thanks sorry pls oye hola oiga ciao salut bonjour coucou hallo servus alo buna salut oi
    ola merhaba selam privet privit czesc hej ahoj zdravo szia geia
    """
)
_IF_SHE = listed("if that when where because cos coz cuz")
_PRONOUNS = listed("she he shes hes ella lei elle ela ea ona vona sie er il lui lei el")
_CLAUSES = listed(
    """
    so ok okay and but because if when where that then why now yes no today cos coz cuz think know says said does
    did is was has can will
    """
)
_ASKING = listed("does did is was has can will could would should")
_DONE_NOW = listed("here there ok okay back home gone up out coming going still also not now alive safe with")
_CONNECTIVES = listed(
    """
    and with who whose is was had has can could would should did does also just now still then later soon
    """
)
_VERBS = listed(
    """
    accept accuse act add admit afford agree aim allow answer appear apply argue arrange arrive ask avoid bear
    beat become
    beg begin behave believe belong bite blame bleed blink block blow borrow break breathe bring build burn buy
    call care
    carry catch cause change charge chase check choose claim clean climb close collect come complain confirm consider
    contact contain continue control cook cough count cover crawl cross cry cut dance deal decide deny depend describe
    deserve die disappear discover do drag dream dress drink drive drop earn eat end enjoy enter escape exist
    expect explain
    face fail fall fear feel fight fill find finish fit flee fly fold follow force forget forgive get give go
    grab greet grow
    guess happen hate hear help hesitate hide hire hit hold hope hug hurry hurt imagine insist invite join jump
    keep kick
    kiss kneel knock know lack laugh lead lean learn leave lend let lie lift like listen live lock look lose
    love make manage
    marry mean meet mention miss move need nod notice obey offer open order owe own pack pass pay phone pick
    play plan point
    pray prefer pretend promise protect prove pull push put reach read realise recall recognise refuse regret
    remain remember
    remove repeat reply report rescue rest return ride ring rise run say scream see seem sell send serve share
    shake shout
    show shut sigh sign sing sit sleep slip smell smile smoke sob speak spend stand stare start stay steal step
    stop study
    suffer suggest support suspect swear swim take talk teach tell tend testify text thank think threaten throw
    touch travel
    treat trust try turn understand use visit wait wake walk want warn wash watch wave wear weep whisper win
    wish wonder work
    worry write yell
    abscond allege assert attend cease comply conceal consent crave decline disclose dislike doubt endure express flinch
    grieve identify indicate insist limp loathe maintain mourn object panic persist plead possess reappear recount
    recover reject rely remark repay request require resent reside resist respond retract sew snore specify stammer
    bathe bruise brush camp comb crouch dial dig dine dive fast feed fish iron itch knit limp mop nap nurse peel plait
    pluck queue rinse rub scrub shave shiver sneeze sob sort spit squat stitch stumble sweat sweep tidy tie type
    wipe yawn
    struggle submit survive swallow tremble urge vanish vomit wander withdraw withhold yearn
    """
)
_CASED = listed("pl uk ru bg cs sk hr sl sr mk be ro sq lt lv")
_NOT = listed("non no nu ne nie nije nem nicht nuk niet nao ei")
_TURKISH_SHORES = ("kenari", "kiyisi", "sahili")  # of the sea, a river, a field: "Deniz kenarında"
_SAID = {  # what follows a person's name, in other languages
    "ro": listed("a s si era este spune spunea avea are plange"),
    "es": listed("dijo fue era estaba tiene tenia ha salio llego conto es"),
    "fr": listed("a est etait dit avait disait raconte pleure"),
    "it": listed("ha era e disse aveva dice racconta stava"),
    "pt": listed("disse foi era estava tem tinha contou saiu"),
    "de": listed("sagte war hat ist hatte kam ging erzahlte weinte sagt"),
    "nl": listed("zei was heeft is had kwam ging vertelde"),
    "pl": listed("powiedziala byla jest miala powiedzial byl mowi"),
    "uk": listed("skazala bula rozpovila kazhe skazav buv maye"),
    "ru": listed("skazala byla rasskazala govorit skazal byl"),
    "bg": listed("kaza beshe e razkaza ima"),
    "tr": listed("dedi vardi geldi gitti soyledi idi"),
    "hu": listed("azt volt elmondta mondta"),
    "el": listed("eipe itan itane exei leei"),
    "sq": listed("tha ishte kishte eshte ka"),
    "vi": listed("noi da la co dang"),
}
_GERMAN_ARTICLES = listed(
    """
    der die das ein eine einer einem einen eines den dem des keine kein jede jeder jeden jedem zum zur im am vom beim
    letzten letztem letzter diesen diesem dieser nachsten nachstem vorigen vorigem naechsten
    """
)
_INDEFINITE = listed("a an un una uno une um uma ein eine einen einem einer egy")
_ARTICLES = listed(
    """
    der die das den dem des ein eine einen einem einer eines im am vom zum zur kein keine
    le la les l d un une des du au aux ce cette son sa
    el los las unos unas del al una su
    il lo gli uno dei degli delle dello della dell nel nella
    o os as um uma ao do da dos das no na nos nas seu sua
    unui unei niste unor
    az egy
    bir
    to ton tin enas enan mia ti ta tou tis toys
    nje
    edin edna edno
    """
)
_ARABIC_HAVING = frozenset(
    map(
        fold,
        """
        لدي لديه لديها لديهم عنده عندها عندهم عندي هناك بلا بدون دون كل بكل أي بأي ثمة فيه فيها له لها غير
        """.split(),  # noqa: SIM905
    )
)
_BEFORE_STREETS = listed(
    """
    calle avenida plaza paseo rua travessa praca rue avenue boulevard place via viale piazza corso vicolo strada
    bulevardul calea aleea piata ulica ulicy ul plac placu aleja alei vul vulytsia vulitsia vulitsi vulytsi ulitsa
    ulitse ulitsi ploshchad ploshchadi ploshcha ploshchi ploshtad prospekt prospekti pereulok provulok odos odo odou
    plateia rruga rrugen duong pho
    """
)
_SAINTS = listed(
    """
    saint sainte sankt santo santa sfantul sfanta sveti sveta svyatoi svyata agios agia agioi aghios swiety swieta
    szent
    """
)
_BEFORE_THINGS = listed(
    """
    restaurant restorant restoran ristorante restaurante restauracja hotel hostel khotel bar cafe kafe klub club city
    grad gorod misto miasto oras orasul ciudad cidade citta ville stadt selo village satul sat firma firm company bank
    banca banka reka rijeka rio river lac lago jezioro ozero more
    """
)
_AFTER_STREETS = listed(
    """
    utca utcan ut uton ter teren sokak sokagi sokaginda cadde caddesi caddesinde mahallesi strasse platz gasse weg
    straat laan plein street road avenue lane
    """
)
_FIRMS = listed(
    """
    srl ltd llc gmbh inc sa sarl kft ooo tov eood spa plc corp company agency shop sh pk zoo bt doo as oy
    """
)
_TRADES = listed(
    """
    relief foundation trust fund charity aid group brothers bros sons holding holdings logistics transport trans travel
    bakery restaurant cafe motors services solutions trading traders enterprise enterprises consulting recruitment
    cleaning hotel farms farm foods textiles garments construction builders associates partners industries markets
    stores laundry nursery academy institute
    stiftung verein reisen bau haus fondation fundacion fondazione fundacja fundatia fundatsiya alapitvany vakfi
    """
)
_BEFORE_FIRMS = listed("at for by the a an called named bei la chez w u v")  # "Ms Haddad Travel Document" is her
_OF = listed("de del da do di des du von der della z ze od")
_WITH = listed("z ze")  # also "with": "Любов з дитиною"
_COMING_FROM = _OF | {"of", "from", "din", "dalla", "iz", "aus", "desde", "vom"}
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


def _vietnamese(text: str) -> bool:
    """Whether the text may be Vietnamese, as its own letters stand in every fourth word: its frequent words are too
    short to tell. No more than may: a Vietnamese name in a short text of another language has them too."""
    marked = len(_VIETNAMESE.findall(text))
    return bool(marked) and 4 * marked >= text.count(" ") + 1


@dataclass(frozen=True, slots=True)
class Traits:
    """What is true of a whole text, however small the piece of it that is looked at."""

    spoken: tuple[str, ...]
    capitals: bool  # whether any word begins with one
    kept_capitals: bool  # whether sentences begin with one

    @classmethod
    def of(cls, text: str, spoken: tuple[str, ...] = (), page: Page | None = None) -> Traits:
        """The traits of a clean text; `spoken` are its languages where somebody said them, `page` its words where
        somebody has cut it into them."""
        rest: Iterator[re.Match[str]] = iter(())
        if page is None:  # of a long text only what is needed
            tokens, rest = tokens_of(text[:_BEGINNING]), TOKEN.finditer(text, _BEGINNING)
        else:
            tokens = page.tokens
        if not spoken and page is not None and len(text) <= _BEGINNING and len(tokens) <= _FIRST_WORDS:
            spoken = languages(page.folds)
        elif not spoken:
            beginning = {word[: _BEGINNING - start] for word, start, _ in tokens[:_FIRST_WORDS] if start < _BEGINNING}
            spoken = languages(set(map(fold, beginning)))
        if "" in spoken and "vi" not in spoken and not text.isascii() and _vietnamese(text[:_FIRST_LETTERS]):
            spoken = (*spoken, "vi")
        opening = _VERY_FIRST_LETTER.match(text)
        first = [opening.group(1)] if opening else []
        first += _FIRST_LETTER.findall(text[:_BEGINNING], opening.end() if opening else 0)
        cased = [letter for letter in first if letter == SHIELD or letter.lower() != letter.upper()]
        return cls(
            spoken,
            any(word[0].isupper() for word, _, _ in tokens) or any(m.group()[0].isupper() for m in rest),
            4 * sum(not letter.islower() for letter in cased) >= 3 * len(cased),
        )


@lru_cache(maxsize=64)
def _plain(spoken: tuple[str, ...]) -> frozenset[str]:
    """The plain words of these languages."""
    plain: frozenset[str] = frozenset().union(*(words_of(language) for language in spoken))
    if "" in spoken:  # a guess: then a common name is no word of a language that it may not be in
        names = (given_names() | family_names()).difference(*(name_words().get(language, ()) for language in spoken))
        plain = (plain - names) | COMMON
    return plain


class Senses:
    """The words of one text or of a piece of it, and the languages it is taken to be in."""

    def __init__(self, page: Page, traits: Traits) -> None:
        self.text, self.words, self.tokens = page.text, page.words, page.tokens
        self._traits = traits
        self._plain: frozenset[str] | None = None
        self._first_letters: dict[int, tuple[int, str]] = {}  # place and letter, by where a sentence begins

    @cached_property
    def _ends(self) -> list[int]:
        """Where the sentences end, in order."""
        return [m.end() for m in _ENDS.finditer(self.text)]

    @property
    def spoken(self) -> tuple[str, ...]:
        """The languages given, or those the words of the text speak for."""
        return self._traits.spoken

    def ordinary(self, i: int) -> bool:
        """Whether word `i` is also a plain word of the text's languages."""
        return self.plain(fold(self.words[i]))

    def plain(self, folded: str) -> bool:
        """Whether a folded word is a plain word of the text's languages."""
        if self._plain is None:
            self._plain = _plain(self.spoken)
        return folded in self._plain

    def small_word(self, i: int) -> bool:
        """Whether word `i`, in small letters though the text writes names with capitals, is a plain word."""
        folded = fold(self.words[i])
        if (
            self.spoken == ("vi",)
            or folded in COMMON
            or folded.removesuffix("s") in COMMON
            or self._previous(i) in _ARTICLES
        ):
            return True
        before = self.text[max(0, self.tokens[i][1] - 2) : self.tokens[i][1]]
        return before.lower() in {"l'", "d'"} or self.listed_word(folded)

    def listed_word(self, folded: str) -> bool:
        """Whether a dictionary of the text's languages has the folded word in small letters."""
        forms = {folded, folded.removesuffix("s"), folded.removesuffix("es")}  # the dictionaries have base forms
        return any(
            folded in words_of(language)
            or not forms.isdisjoint(plain_words().get(language, ()))
            or not forms.isdisjoint(dictionary(language))
            for language in self.spoken
        )

    def frequent(self, i: int) -> bool:
        """Whether word `i` is a plain word that nobody would miss: one of the most frequent, or common English."""
        folded = fold(self.words[i])
        return (folded in COMMON and not self.foreign) or any(
            language in self.spoken for language in function_words().get(folded, ())
        )

    def behind_an_article(self, i: int) -> bool:
        """Whether word `i` is a plain word in small letters behind an article: "un leone"."""
        before = self._previous(i)
        if (before == "du" and "de" in self.spoken) or (before == "la" and self.words[i].endswith("s")):
            return False  # a pronoun; and "la dolores" is no plural
        return before in _ARTICLES and self.listed_word(fold(self.words[i]))

    def keeps_capitals(self, i: int) -> bool:
        """Whether names would have capitals where word `i` stands: its sentence and most of the text begin with one."""
        if not self._traits.kept_capitals:
            return False
        start = self.tokens[i][1]
        at = bisect_right(self._ends, start)
        begin = max(self._ends[at - 1] if at else 0, start - 400, 0)
        letter = self._first_letters.get(begin)
        if letter is None:
            found = _LETTER.search(self.text, begin)
            self._first_letters[begin] = letter = (found.start(), found.group()) if found else (start + 1, "")
        return letter[0] > start or not letter[1].islower()

    @property
    def capitals(self) -> bool:
        """Whether anything in the text begins with a capital."""
        return self._traits.capitals

    @property
    def has_cases(self) -> bool:
        """Whether the text may be in a language in which a name's last vowel changes with its case."""
        return not _CASED.isdisjoint(self.spoken) or ("" in self.spoken and not self.text.isascii())

    @property
    def foreign(self) -> bool:
        """Whether the text is surely in another language than English."""
        return not {"", "en"} & set(self.spoken)

    def a_place(self, first: int, last: int, *, sure: bool) -> bool:
        """Whether the words are the name of a street, a church or a firm: "calle Vega", "Vega Trans SRL"; of anything
        that has a name, where they are not `sure` to be the person's."""
        before = self._previous(first) or (
            fold(self.words[first - 1])
            if first and self.text[self.tokens[first - 1][2] : self.tokens[first][1]] == "-"
            else ""
        )
        if not sure and before in _BEFORE_THINGS:
            return True
        if before in _BEFORE_STREETS or self._next(last) in _AFTER_STREETS:
            return True
        for k in range(last + 1, min(last + 4, len(self.words))):
            gap = self.text[self.tokens[k - 1][2] : self.tokens[k][1]]
            if gap not in {" ", "\u00a0", " & "} or not self.words[k][:1].isupper():
                return False
            if fold(self.words[k]) in _FIRMS and len(self.words[k]) > 1:
                return True
            if k == last + 1 and fold(self.words[k]) in _TRADES and self._a_firm_may_follow(first):
                return True
        return False

    def _a_firm_may_follow(self, first: int) -> bool:
        """Whether what stands before word `first` speaks of no person, and its capitals are not those of shouting."""
        before = self._previous(first)
        of_the_name = before == "name" and self._previous(first - 1) == "the"
        shouted = len(self.words[first]) > 1 and self.words[first].isupper()
        return (before in _BEFORE_FIRMS or of_the_name) and not shouted

    def a_saint(self, first: int, *, given: bool) -> bool:
        """Whether a word for a saint stands before: a church, a place, a day. Before what is no `given` name a hyphen
        has to join the two, as in "Saint-Jean-Baptiste"; else it may be somebody's own name: "Santa Popescu".
        """
        if not first or fold(self.words[first - 1]) not in _SAINTS:
            return False
        gap = self.text[self.tokens[first - 1][2] : self.tokens[first][1]]
        return gap == "-" or (given and gap in {" ", ". ", "\u00a0"})

    def opens(self, i: int) -> bool:
        """Whether word `i` is the first of a sentence."""
        start = self.tokens[i][1]
        before = self.text[max(0, start - 12) : start]
        if before[-1:] == " " and before[-2:-1].isalpha():  # as most words stand
            return i == 0
        return bool(_SENTENCE_END.search(before)) or i == 0

    def of_a_relative(self, i: int) -> bool:
        """Whether one of the four words before, or of the three after, speaks of a relative."""
        near: list[str] = []
        for places in (range(i - 1, max(i - 5, -1), -1), range(i + 1, min(i + 4, len(self.words)))):
            for k in places:
                gap = self.text[self.tokens[k if k < i else k - 1][2] : self.tokens[k + 1 if k < i else k][1]]
                if "\n" in gap or (". " in gap and len(self.words[k]) > 1):
                    break
                near.append(fold(self.words[k]))
        return any(relation(word) and (word != "man" or "nl" in self.spoken) for word in near)

    def _next(self, i: int) -> str:
        near = i + 1 < len(self.words) and self.text[self.tokens[i][2] : self.tokens[i + 1][1]] in {" ", "\n", "\u00a0"}
        return fold(self.words[i + 1]) if near else ""

    def _previous(self, i: int) -> str:
        near = i > 0 and self.text[self.tokens[i - 1][2] : self.tokens[i][1]] in {" ", "\n", "\u00a0", ". "}
        return fold(self.words[i - 1]) if near else ""

    def by_its_neighbours(self, i: int) -> bool:
        """Whether a turn of speech makes word `i` the plain word: "una collana di giada"."""
        word, _, end = self.tokens[i]
        if not may_be_plain(word, self.words[i + 1] if i + 1 < len(self.words) else ""):
            return False
        small, opens = word[:1].islower(), self.opens(i)
        if not small and not opens and not plain_with_a_capital(word):
            return False
        before = self._beside(range(i - 1, max(i - 13, -1), -1))
        apart = i > 0 and self.text[self.tokens[i - 1][2] : self.tokens[i][1]].strip() in _APART
        return Place(
            word=word,
            before=before,
            after=self._beside(range(i + 1, min(i + 13, len(self.words)))),
            behind=self.text[end : end + 40],
            small=small,
            opens=opens,
            keeps_capitals=self.keeps_capitals(i),
            apart=apart,
        ).plain()

    def _beside(self, places: range) -> list[str]:
        """The words at these places, up to the end of the sentence, the paragraph or what is hidden."""
        found: list[str] = []
        for k in places:
            left = k if places.step < 0 else k - 1
            gap = self.text[self.tokens[left][2] : self.tokens[left + 1][1]]
            if SHIELD in gap or _SENTENCE_END.search(gap) or "\n\n" in gap:
                break
            found.append(self.words[k])
        return found

    def as_name(self, i: int) -> bool:
        """Whether word `i`, which is also a plain word, is written as the name here."""
        word, following, before = self.words[i], self._next(i), self._previous(i)
        folded = fold(word)
        if not word[:1].isupper():
            if word[:1].islower():
                return self._without_capitals() and self._spoken_of(i, folded, before, following)
            return before not in _ARABIC_HAVING  # a script without capitals
        if before in TITLES or before in RELATIONS or before in {"named", "called", "name", "alias", "aka"}:
            return True
        if following.isdigit() or before.isdigit():
            return folded not in months()
        if folded in months() or folded in _WEEKDAYS:
            return self._not_the_calendar(i, folded, before, following)
        starts = self.opens(i)
        shouted = word.isupper() and len(word) > 1 and self._shouting(i)
        if following in _PLACES and self.words[i + 1][:1].isupper():
            return False
        if "tr" in self.spoken and following.startswith(_TURKISH_SHORES):
            return False  # a person's would be "Deniz'in kenarı"
        if shouted and before in {"the", "an"}:
            return following in _PERSONS or following in RELATIONS or following in _FAMILIES
        heading = self._heading(i)
        if (shouted or heading) and self._called_aloud(i, folded, before, following):
            return True
        if starts or shouted or heading:
            return self._first(i, folded, following, shouted)
        if before in _INDEFINITE and (before not in {"a", "an"} or set(self.spoken) <= {"", "en"}):
            return False
        if "de" in self.spoken and before in _GERMAN_ARTICLES:
            return False
        return folded not in _ALWAYS_A_WORD or not word.isupper() or len(word) > 1

    def _spoken_of(self, i: int, folded: str, before: str, following: str) -> bool:
        """Whether a word in small letters, in a text that has no others, is spoken of or to as people are."""
        if before in {"the", "an"} or (before == "a" and self._previous(i - 1) not in _TO_A_PERSON):
            return False
        if before in _TO_A_PERSON and following not in _OF | {"in", "for", "and", "or"}:
            return True
        if before and self.words[i - 1] in _VIETNAMESE_KIN and "vi" in self.spoken:
            return True
        if folded in _FUNCTION:
            return False
        if before in _SALUTES and before != folded:
            return True
        if before == "is" and "name" in {self._previous(i - 1), self._previous(i - 2)}:
            return True
        if (before in _GIVEN and following in _TO_HER) or (before in _KEPT and self._somewhere(i, following)):
            return True
        if not before and following in _VOCATIVE and folded != "hope":
            return True
        clause = not before or before in _CLAUSES
        if following in _PERSON_VERBS and following not in _CONNECTIVES:
            return clause or before == "of" or following not in _ADVERBS  # "the price rose again"
        if (before == "a" and self._previous(i - 1) in _TO_A_PERSON) or following in _DONE_TO_A_PERSON:
            return True
        coming = [*(fold(word) for word in self.words[i + 1 : i + 3]), "", ""]
        tied = following in _IF_SHE or self.text[self.tokens[i][2] : self.tokens[i][2] + 1] == ","
        she = coming[0] in _PRONOUNS if following or tied else False
        if (she or (tied and following and coming[1] in _PRONOUNS)) and before not in _FUNCTION | _OF:
            return True
        if folded in _WEEKDAYS:
            return False
        if before in _ASKING:
            return not following or following in _VERBS or following in _DONE_NOW or following.endswith("ing")
        return clause and (following in _FINITE or (following.endswith("s") and self._a_verb(i + 1)))

    def called_in_a_chat(self, i: int) -> bool:
        """Whether word `i`, a given name in a text without any capitals, has nothing before it that a plain word has:
        no article, no adverb of degree, no verb that goes with a virtue ("have mercy", but "they lock mercy").
        """
        word, before, following = fold(self.words[i]), self._previous(i), self._next(i)
        if not self._without_capitals() or word in _FUNCTION or word in months() or word in _WEEKDAYS:
            return False
        earlier = self._previous(i - 1) if before else ""
        if following == "of":
            return False
        if before in RELATIONS:
            return True
        if not before and any(following in _SAID.get(language, ()) for language in self.spoken):
            return True
        if before == "with":
            return earlier in _BEING_WITH
        if before == "and":
            return earlier in _ME
        if not before:
            return i == 0 and following not in _WORD_NEXT and following not in _AFTER_WISHES
        return before not in _BEFORE_PLAIN and not before.endswith("ly")

    def _called_aloud(self, i: int, folded: str, before: str, following: str) -> bool:
        """Whether the words around speak of a person where capitals tell nothing: "INTERVIEW OF GRACE", "GRACE HAS NO
        PASSPORT", "Grace Missing Since Monday"."""
        if before in _TO_A_PERSON or (before in _ABOUT and self._previous(i - 1) in _SAID_BY | _TALKS):
            return True
        if folded in _FUNCTION:
            return folded in _FUNCTIONS_OF_NAMES and following in (_PERSON_VERBS - _CONNECTIVES) | {"was", "has"}
        if before and (before in _BEFORE_PLAIN or before == "and") and before not in _CLAUSES:
            return False
        if following == "and":
            return self._next(i + 1) in _AND_OTHERS
        if following in AWAY:
            return True
        return following in _FINITE - {"do"} or following in _PERSON_VERBS - _CONNECTIVES

    def _said_of_the_calendar(self, i: int) -> bool:
        """Whether what begins at word `i`, "was" or "is", tells how a month, a day or a season was."""
        ahead = [fold(word) for word in self.words[i + 1 : i + 9]]
        while ahead and ahead[0] in {"not", "very", "so", "too", "also", "always", "usually", "still", "often", "a"}:
            ahead = ahead[1:]
        if not ahead:
            return False
        return ahead[0] in _CALENDARS or (
            ahead[0] in {"the", "one", "our", "their", *_CALENDARS} and not _CALENDAR_NOUNS.isdisjoint(ahead[1:4])
        )

    def _a_month_acts(self, i: int, following: str) -> bool:
        """Whether a month or a day that opens its sentence does what only people do. In doubt it does."""
        ahead = [fold(word) for word in self.words[i + 1 : i + 9]]
        if not following:  # a comma, a colon, a full stop: a heading, a list or a table of months has others beside it
            if _AGE.match(self.text, self.tokens[i][2]):
                return True
            near = [*ahead[:2], *(fold(word) for word in self.words[max(0, i - 2) : i])]
            return not any(word.isdigit() or word in months() or word in _WEEKDAYS for word in near)
        if following in _BEING:
            return not self._said_of_the_calendar(i + 1)
        if self._somewhere(i, following) or self._noted(i, fold(self.words[i]), following):
            return True
        if following in {"and", "or"}:
            return not any(word in months() or word in _WEEKDAYS or word in _CALENDAR_NOUNS for word in ahead)
        if following in _DOES_OR_IS:
            return True
        if following.endswith("ed"):
            return following not in _NOT_ENDING
        if following.endswith("s") and self.words[i + 1].islower():
            return self._a_verb(i + 1)
        return following in _PERSON_VERBS and following not in _CONNECTIVES

    def _a_verb(self, i: int) -> bool:
        """Whether word `i`, in small letters and in -s, is what the word before it does, and no plural with it."""
        after = self._next(i)
        second = self._next(i + 1) if after else ""
        if after == "that":
            return second not in _FINITE
        if after in _OBJECTS or (not after and self.text[self.tokens[i][2] : self.tokens[i][2] + 1] == "."):
            return True  # the latter is a whole sentence, which needs a verb
        if after.endswith("ly") and not second:
            return True
        folded = fold(self.words[i])
        if after in _FINITE:
            return False
        if folded[:-1] in _VERBS or folded[:-2] in _VERBS or folded.removesuffix("ies") + "y" in _VERBS:
            return True
        return (
            len(after) > 3
            and after not in _PERSON_VERBS
            and not after.endswith(("ed", "ing", "ly", "s"))
            and "en" not in function_words().get(after, ())
            and self.words[i + 1].islower()
            and (after in dictionary("en") or after in COMMON)
            and after not in {"worth", "eternal"}
        )

    def _asked(self, i: int) -> bool:
        """Whether the sentence of word `i` is a question."""
        start = self.tokens[i][2]
        end = _STOP.search(self.text, start, start + 400)
        return end is not None and end.group() == "?"

    def _noted(self, i: int, folded: str, following: str) -> bool:
        """Whether the word opens a note about somebody: "Rose to be moved", "Rose not seen since", "Rose alone knew",
        "Will the driver left", which is no question."""
        second = self._next(i + 1)
        if following == "to":
            wish = folded == "hope" or (folded == "will" and second in _WILLED)
            return not wish and (second == "be" or second in _VERBS)
        if following == "not":
            return bool(second) and second not in _NOT_NOTED
        if following == "alone":
            return second in _PERSON_VERBS - _CONNECTIVES - _FINITE
        if folded == "will" and following == "the":
            return not self._asked(i)
        return False

    def _somewhere(self, i: int, following: str) -> bool:
        """Whether the word is said to be in a place where people are: "Joy in the corner seat", "Joy at the time"."""
        ahead = [fold(word) for word in self.words[i + 2 : i + 6]]
        if following == "the":
            return ahead[:1] != [] and ahead[0] in _PERSONS and not self._asked(i)
        if following == "of":
            return ahead[:1] == ["the"] and not _SPOTS.isdisjoint(ahead[1:3])
        if following not in {"in", "at", "on", "from", "by", "near", "behind", "inside", "under"} or not ahead:
            return False
        if following == "at" and ahead[:2] == ["the", "time"]:
            return ahead[2:3] != ["of"]
        head = ahead[1:3] if ahead[0] in {"the", "a", "her", "his", "my", "our", "their", "this", "that"} else ahead[:1]
        return not _SPOTS.isdisjoint(head)

    def _not_the_calendar(self, i: int, folded: str, before: str, following: str) -> bool:
        """Months and days are capitalised anywhere: words of time and numbers tell them from a name."""
        if before in _CALENDAR_BEFORE:
            return before == "by" and self._previous(i - 1) in _SAID_BY
        if following in {"and", "or", "to"} and i + 2 < len(self.words):
            other = fold(self.words[i + 2])
            if other in months() or other in _WEEKDAYS or other.isdigit():
                return False
        if self._possessive(i):
            return folded in months()
        if self.opens(i):
            # Months and days of other languages have small letters, but in German.
            english = folded in _ENGLISH_MONTHS or folded in _WEEKDAYS or folded in COMMON
            if (self.foreign or not english) and "de" not in self.spoken:
                return self._first(i, folded, following, shouted=False)
            said = self.foreign and any(following in _SAID.get(language, ()) for language in self.spoken)
            return said or self._a_month_acts(i, following)
        return following not in {"morning", "afternoon", "evening", "night"}

    def _possessive(self, i: int) -> bool:
        end = self.tokens[i][2]
        return self.text[end : end + 2] == "'s"

    def _first(self, i: int, folded: str, following: str, shouted: bool) -> bool:
        """A word that is capitalised for its place: its next word decides."""
        if not shouted and folded in given_names() and following in _COMING_FROM and self._named_next(i + 1):
            return True  # "Rosa de Honduras no vino", which "rosa de papel" is not
        others = [language for language in self.spoken if language != "en" and folded in words_of(language)]
        if others:
            content = any(folded in name_words().get(language, ()) for language in others)
            if folded in given_names():  # "Sara", which may be "sarà" as well; "Mia piangeva", but "mia madre"
                content = content or len(folded) > 3 or following in _NOT or not self.listed_word(following)
            said = any(following in _SAID.get(language, ()) for language in others)
            if folded not in COMMON or self.foreign:
                return (
                    said
                    or following in _PERSON_VERBS - _CONNECTIVES
                    or (content and (following not in _OF - _WITH or self._next(i + 1).isdigit()))
                )
            if said:  # it is a word of English too, which this may be: "Rose a pleuré"
                return True
        if following == folded and self.words[i + 1].islower():  # "Will will come"
            return True
        if not shouted and (self._somewhere(i, following) or self._noted(i, folded, following)):
            return True
        if folded in _FUNCTION:
            acts = following.endswith("s") and self.words[i + 1].islower() and self._a_verb(i + 1)
            return not shouted and (following in _PERSON_VERBS or (acts and not self._asked(i)))
        if following in _BEING and folded in _SEASONS and self._said_of_the_calendar(i + 1):
            return False
        if following in _WORD_NEXT or (shouted and following in _CONNECTIVES):
            return False
        if following in AWAY:
            return True
        if following in _LEAVES and self._next(i + 1) in _FINITE:  # "Rose leaves were dried"
            return False
        if not following or following in _PERSON_VERBS or following.endswith(("ed", "ly")) or self._possessive(i):
            return True
        tongues = function_words().get(following, ())
        if "en" not in tongues and following not in _OF | {"des"} and not set(self.spoken).isdisjoint(tongues):
            return True  # "Rose sans nouvelles", where the language is a guess
        if following.endswith("s") and self.words[i + 1].islower():  # "Rose petals", but "Rose walks"
            return self._a_verb(i + 1)  # "Rose walks home"
        return following not in any_language()

    def _named_next(self, i: int) -> bool:
        """Whether a word with a capital follows, or an article and such a word."""
        if i + 2 < len(self.words) and fold(self.words[i + 1]) in _ARTICLES and self.words[i + 1].islower():
            i += 1
        return i + 1 < len(self.words) and self.words[i + 1][:1].isupper()

    def _heading(self, i: int) -> bool:
        """Whether the words around are capitalised without being names."""
        near = [k for k in (i - 2, i - 1, i + 1, i + 2) if 0 <= k < len(self.words)]
        capital = [k for k in near if self.words[k][:1].isupper() and fold(self.words[k]) in any_language()]
        return len(capital) >= 3

    def shouted(self, i: int) -> bool:
        """Whether word `i` and those around it are in capitals."""
        near = [word for word in self.words[max(0, i - 3) : i + 4] if word.isalpha() and len(word) > 1]
        return self.words[i].isupper() and len(near) > 1 and all(word.isupper() for word in near)

    def _shouting(self, i: int) -> bool:
        near = [w for w in self.words[max(0, i - 3) : i + 4] if w.isalpha() and len(w) > 1]
        return sum(w.isupper() for w in near) > 0.7 * len(near) and len(near) > 2

    def _without_capitals(self) -> bool:
        return not self._traits.capitals
