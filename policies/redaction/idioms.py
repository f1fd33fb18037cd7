"""Turns of speech in which a word that is also a name can only be the word: "a necklace of jade", "hope dies last".

Each takes more than one neighbour to hold, and none holds where the same words could be said of a person: "a photo of
jade" may be Jade's, "Hope died last" may be told of her, "Vera in the town" is somebody. A capital in the middle of
a sentence is a name whatever stands around it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from policies.redaction.lexica import given_names
from policies.redaction.scripts import fold
from policies.redaction.words import listed


def _folded(words: str) -> frozenset[str]:
    """A list in the scripts of its languages, as the words of a text are compared."""
    return frozenset(map(fold, listed(words)))


_HOPE = _folded(
    "hope esperanza esperança speranza speranța espoir espérance hoffnung"
    " hoop nadzieja надія надежда naděje nádej nada"
    " ελπίδα umut shpresa remény viltis"
)
_HOPES = _folded("надежды надежду надії надію nadziei nadzieję")  # in other cases
_DIES = _folded(  # in the present alone: a past tense may tell of somebody's death
    "dies die stirbt sterft meurt mourir muere morir pierde morre morrer muore morire moare umiera вмирає помирає"
    " умирает умира umírá zomiera umire πεθαίνει ölür vdes hal"
)
_LAST = _folded(
    "last zuletzt laatst última último ultima ultimo dernier dernière ostatnia останньою последней последна poslední"
    " posledná posljednja zadnja τελευταία fundit utoljára"
)
_FAITH = _folded("faith fe fede fé foi credința glaube geloof wiara віра вера вяра víra viera πίστη besimi hit")
_IN = _folded("in en em în an w в у във v na")
_BELIEVED_IN = _folded(
    "людей людям правосудие добро закон"
    " god gods dios dio dieu deus dumnezeu gott boga bogu бога господа майбутнє будущее бъдещето"
    " справедливість справедливость justice justicia giustizia θεό"
)
_FOR = _folded("for на na pe pentru auf por per")
_HOPED_FOR = _folded(
    "возврат возвращение спасение повернення порятунок"
    " justice лучшее будущее справедливость чудо краще майбутнє диво справедливість lepsze przyszłość cud"
    " sprawiedliwość бъдеще"
)
_BELIEVES = re.compile("ver[aiu]|vir[iyu]|believ|cr[eo]|wierz|glaub|nad[ei]|spod|licz|czek|zhd|chek|rasschit")
"""How words begin that turn "faith in God" into "Vera believes in God", in languages that may put the verb last."""
_OF_THEM = _folded("of von unter dei delle degli di de des din dintre z ze spośród из среди з із серед от nga")
_AND = _folded("and und et e y i и і й та și si ve dhe και és en och og")
_CLASSES = (
    _HOPE
    | _FAITH
    | _folded(
        "love joy grace mercy patience peace fear sorrow despair death freedom justice religion courage trust mercy"
        " amor alegría paz miedo dolor muerte libertad fe amore gioia pace paura morte libertà amour joie paix peur"
        " mort liberté liebe freude friede frieden angst tod freiheit dragoste pace frică moarte miłość radość pokój"
        " strach śmierć wolność любов любовь радість радость мир страх смерть"
        " смърт воля свобода религия релігія терпение"
        " терпіння sevgi barış korku ölüm αγάπη χαρά ειρήνη φόβος θάνατος dashuria paqja szerelem béke félelem"
        " relief pride shame law order hunger soledad orden ley hambre vergüenza tristeza dolor rabia sollievo rabbia"
        " dolore ordine legge fame soulagement colère honte ordre loi tristesse erleichterung trauer ordnung tristeza"
        " ordem fome vergonha medo закон порядок ганьба стыд злость гнів ασφάλεια τάξη düzen adalet hukuk"
        " tristețe rușine ordine siguranță ulga smutek wstyd prawo"
    ),
    _folded(
        "luz agua gas internet comida água gás comida luce acqua cibo"
        " lumière eau gaz nourriture licht wasser strom"
        " light water heat electricity rent lumină apă gaz căldură światło woda prąd gaz"
        " світло вода газ свет вода газ φως νερό ρεύμα dritë ujë víz fény elektrik"
    ),
    _folded(
        "ríos río barrancos montes monte campos campo valles valle bosques caminos sierra mar playa"
        " fiumi fiume monti boschi valli campi mare rios serras vales rivières rivière forêts montagnes mer champs"
        " flüsse felder wälder berge rivers hills fields stones woods roads річки гори поля ліси реки горы леса"
    ),
    _folded(
        "rose roses lily lilies daisy daisies iris irises violet violets jasmine tulips carnations orchids"
        " rosa rosas lirio lirios margarita margaritas violeta violetas jazmín tulipanes claveles"
        " rose gigli margherite viole tulipani garofani lys marguerite marguerites violettes jasmin tulipes œillets"
        " rosen lilien veilchen tulpen nelken margeriten trandafiri crini crin lalele garoafe margarete"
        " róże lilie fiołki tulipany goździki троянди лілії фіалки тюльпани розы лилии фиалки тюльпаны рози лалета"
    ),
)
_SOMEBODYS = _folded("love amor amore amour liebe любов любовь dragoste miłość")  # it may be somebody
_MATERIALS = _folded(
    "jade giada amber ambra ambre ámbar âmbar coral corallo corail pearl"
    " pearls perla perle perlas perles pérola pérolas"
    " ruby rubino rubí rubis rubin sapphire zaffiro zafiro saphir emerald smeraldo smeraldi esmeralda esmeraldas"
    " esmeralda émeraude smarald opal opale ópalo crystal cristallo"
    " cristal turquoise turchese turquesa agata ágata agate"
    " jaspe jaspis onice perły pereł bursztyn bursztynu бурштину перлів янтаря жемчуга нефрита perlă"
)
_JEWELS = _folded(
    "necklace bracelet earrings ring brooch pendant beads collana collane"
    " bracciale braccialetto orecchini anello spilla"
    " ciondolo filo collar pulsera pendientes aretes anillo broche colgante collier bracelet anneau bague broche"
    " pendentif colar pulseira brincos anel colier brățară cercei inel broșă kette halskette armband ohrringe ring"
    " naszyjnik kolczyki bransoletka bransoletkę pierścionek кольє намисто"
    " сережки перстень браслет бусы ожерелье серьги"
    " кольцо"
)
_OF = _folded("of de di d din aus z ze iz із из з від")
_ONE = _folded(
    "a an one some two three un una uno une des um uma dois duas dos due deux o două ein eine einen einem einer zwei"
)
_MADE_OF = _folded(  # neither wood of Portugal nor cloth of Spain: Madeira and Tela are places
    "plastic plástico plastica plastique plastik plastiku paper papel carta papier papieru hârtie wood legno bois lemn"
    " holz drewna wax wachs plush peluche plüsch chocolate cioccolato chocolat ciocolată schokolade czekolady"
    " пластика пластику пластмаси пластмассы бумаги паперу дерева шоколада glass vetro vidrio vidro verre sticlă glas"
    " szkła стекла скла"
)
_TRADE = re.compile(
    r" (?:by (?:trade|profession)|de (?:métier|oficio|profesión|profissão|meserie)|von Beruf"
    r"|di (?:mestiere|professione)|z zawodu|за фахом|по профессии|по професия|op beroep)(?=[ ]?[,;.)\n]|$)"
)
_COMPOUNDS = {  # what the word is with the one behind it, in languages that put it first
    fold(head): listed(tails)
    for head, tails in {
        "luz": "verde roja eléctrica solar artificial natural elétrica",
        "luce": "verde rossa elettrica solare artificiale naturale",
        "rosa": "claro oscuro pálido palo chillón pastel choque",
        "rose": "bonbon foncé vif",
        "mar": "adentro gruesa",
        "cruz": "roja vermelha",
        "croix": "rouge",
        "petit": "déjeuner",
        "petite": "enfance",
        "floarea": "soarelui",
        "klein": "geschriebene geschriebener geschriebenes geschriebenen gedruckte gedruckter gedrucktes geschnittene",
        "lang": "dauerte dauert währte",
        "lange": "dauerte dauert währte",
        "yağmur": "yağıyor yağıyordu yağdı yağmaya yağmış yağınca yağdığında yağarken",
        "an": "toàn ninh",
        "bình": "thường",
        "hải": "quan sản",
        "hoa": "quả",
        "hương": "vị",
        "minh": "bạch",
        "phúc": "lợi",
        "tâm": "lý trạng",
        "thanh": "toán niên",
        "thu": "nhập",
        "trang": "trại",
    }.items()
}
_UNLESS = {  # where the second begins something else: "Thu nhập viện", Thu went to hospital; "Luz verde de envidia"
    "nhập": listed("viện học cảnh cư ngũ hộ"),
    "quả": listed("quyết cảm nhiên thật tình"),
    "thường": listed("xuyên hay trực"),
    "quan": listed("sát tâm trọng hệ"),
    "lợi": listed("dụng hại"),
    "lý": listed("luận giải sự"),
    "toàn": listed("tâm bộ quyền thân thể"),
    "natural": listed("de del"),  # "Luz natural de Bolivia", who comes from there
    "naturale": listed("di del della"),
    "claro": listed("que"),  # "Rosa claro que sabía"
    "verde": listed("rabbia rabia invidia envidia inveja raiva ira coraje celos"),
    "roja": listed("rabia ira vergüenza coraje"),
    "rossa": listed("rabbia ira vergogna"),
}
_COLD = _folded("мороз frost mróz ger")
_DEGREES = re.compile("[gh]radus|stopni|grade?$")  # "Frost graduated" is somebody
_BETWEEN_GANGS = _folded("bandas clanes mafias pandillas grupos narcos bande clan gangs quadrilhas")
_WITHOUT = _folded("δεν")
_WAS_THERE = _folded("υπήρχε υπάρχει")
_NO_MORE = _folded("για πια καμία πλέον")
_LEFT_TO = _folded("le les nos me te os")
_REMAINS = re.compile("qued|rest|riman|rimas")
_THEIRS = _folded("lor noastră mea ei lui")
_WERE = _folded("era este e")
_THAT = _folded("să că ca")
_ROOMS = _folded("dhomës diellit hënës rrugës korridorit makinës llambës kuzhinës banjës")
_ABSTRACT_IN_ARABIC = listed(
    "أمل نور سلام هدى إيمان حياة رحمة فرح وردة قمر شمس صباح إخلاص وفاء رجاء دعاء سماء ضحى ندى منى سحر فجر دنيا"
)
"""Given names of women that never have the article, with which they are the plain word."""
_NO_ARABIC = listed("لا بلا ولا")
_OF_WHAT = listed("في له لها لهم لنا لي لديهم لديها من")

_SEASONS = _folded("spring summer autumn winter frühling frühjahr sommer herbst")
_BEFORE_SEASONS = listed("in im since during early late last this seit ende anfang mitte bis vom zum dem")
_YEAR = re.compile(r"(?:19|20)\d\d")
_PLANTS = listed("rose jasmine ginger olive violet lily hazel saffron rosemary heather clover cherry daisy poppy iris")
_OF_PLANTS = listed("tea rice oil perfume syrup soap petals bush bushes juice")  # not "leaves": Rose may leave
_FLOWERS_OF_VIETNAM = listed("hồng cúc sen huệ nhài")  # "mai" is tomorrow, and "đào" to dig
_GLOSS = re.compile(
    r" (?:en|in|em|auf|po|în|på|op|по|на)[ -](?:its )?"
    r"(malgache|malagasy|albanais|albanese|albanian|albaneză|albanisch|albańsku|arabe|arabic|arabo|árabe|arabă|arabisch"
    r"|anglais|english|inglese|inglés|inglês|engleză|englisch|angielsku|bulgare|bulgarian|bulgaro|búlgaro|bulgară|bulgarisch"
    r"|chinois|chinese|cinese|chino|chinês|chineză|chinesisch|espagnol|spanish|spagnolo|español|spaniolă|spanisch"
    r"|français|french|francese|francés|francês|franceză|französisch|francusku|grec|greek|greco|griego|greacă|griechisch"
    r"|hongrois|hungarian|ungherese|húngaro|maghiară|ungarisch|italien|italian|italiano|italiană|italienisch|włosku"
    r"|polonais|polish|polacco|polaco|poloneză|polnisch|polsku|portugais|portuguese|portoghese|portugués|portugheză"
    r"|roumain|romanian|romeno|rumano|rumänisch|rumuńsku|romani|romanes|russe|russian|russo|ruso|rusă|russisch|rosyjsku"
    r"|turc|turkish|turco|turcă|türkisch|turecku|ukrainien|ukrainian|ucraino|ucraniano|ucraineană|ukrainisch|ukraińsku"
    r"|vietnamien|vietnamese|vietnamita|vietnamesisch|yoruba|igbo|twi|tagalog|swahili|wolof|lingala|amharique|amharic"
    r"|hindi|urdu|bengali|thai|thaï|thailandese|ourdou|польськи|українськи|російськи|турецьки|польски|русски|украински"
    r"|турецки|английски|немецки|румънски|български)(?=[,.;:)!?]|$)",
    re.IGNORECASE,
)
_SAYS_A_NAME = _folded(  # or speaks with somebody: then the small letters are haste, and the word is a person
    "name names named call calls called known alias nom noms nomme prénom prénoms appelle appelait surnom surnomme"
    " nombre llama llamaba apellido apodo nome chiama chiamava cognome"
    " chama chamava apelido nume numele cheamă prenume"
    " porecla heißt heiße hieß vorname nachname genannt imię imienia nazywa nazywała nazwisko ім'я імені звати зовуть"
    " прізвище имя имени зовут звали фамилия име казва фамилно ad adı isim emër emri"
    " mean means meant meaning signifie veut bedeutet significa quiere vuol înseamnă oznacza znaczy означає означает"
    " значит spoke speaks talked talk told said wrote parlé parle parlait"
    " dit disait écrit répondu sagte sprach schrieb"
    " habló dijo escribió parlato detto scritto falou disse escreveu vorbit spus scris mówiła powiedziała napisała"
    " говорила сказала писала написала with avec mit con com cu z z з із с със"
)
_MEN = listed(
    """
    أبوها أباها أبوه أباه أبي والدها والده والدهم زوجها أخوها أخاها أخي عمها خالها جدها ابنها شقيقها خطيبها جارها
    الرجل السائق المالك المدير الأب الزوج الأخ الابن الجار
    """
)
_SUBJECT_FIRST = listed("إن أن بأن وأن وإن لأن لكن ولكن كأن")
_VERBS_OF_MEN = {  # given names of women that are also what a man did, and the small words that such a verb governs
    "هاجر": listed("من إلى الى"),
    "دنا": listed("من"),
    "رنا": listed("إلى الى"),
    "سها": listed("عن"),
    "هدى": listed("إلى الى"),
    "جنى": listed("من على"),
    "علا": listed("على عن"),
    "سما": listed("إلى الى على عن"),
}
_ONLY_BEFORE_VERBS = listed("قد وقد لقد ولقد")  # not "فقد", which is also to lose


_WORDS = (
    _HOPE
    | _FAITH
    | _MATERIALS
    | _SEASONS
    | _PLANTS
    | _COMPOUNDS.keys()
    | _COLD
    | _folded("hoa thu vera claire wilk guerra guerre drita besa надежды надежду надії надію nadziei nadzieję")
    | frozenset(map(fold, _ABSTRACT_IN_ARABIC))
    | frozenset(fold("ال" + word) for word in _ABSTRACT_IN_ARABIC)
    | frozenset(map(fold, _VERBS_OF_MEN))
    | frozenset().union(*_CLASSES)
)
_BEHIND = _OF | listed("by de von di z за по op en in em auf po în på на")


def may_be_plain(word: str, following: str) -> bool:
    """Whether a turn of speech is worth looking for: the word or the one behind it is of some."""
    return following.lower() in _BEHIND or fold(word) in _WORDS


def plain_with_a_capital(word: str) -> bool:
    """Whether a turn of speech may make the word plain also where it has a capital inside its sentence."""
    return "\u0600" <= word[0] <= "\u06ff" or fold(word) in _SEASONS


@dataclass(frozen=True, slots=True)
class Place:
    """Where a word stands: the words of its sentence on both sides, nearest first, and its text from there on."""

    word: str
    before: Sequence[str]
    after: Sequence[str]
    behind: str  # the text right behind the word
    small: bool  # written with a small letter
    opens: bool  # first in its sentence
    keeps_capitals: bool  # names have capitals here
    apart: bool  # a comma, a bracket or a dash stands before it

    @property
    def _next(self) -> str:
        return fold(self.after[0]) if self.after else ""

    @property
    def _second(self) -> str:
        return fold(self.after[1]) if len(self.after) > 1 else ""

    def plain(self) -> bool:
        """Whether a turn of speech makes this the plain word and nobody's name."""
        if not self.word[:1].isalpha():
            return False
        if not self.word.isascii() and "\u0600" <= self.word[0] <= "\u06ff":
            return self._a_mans_verb() or self._no_woman()
        if not (self.small or self.opens):
            return self._a_season(fold(self.word))
        folded = fold(self.word)
        return (
            self._hope_or_faith(folded)
            or self._one_of_a_pair(folded)
            or self._a_jewels(folded)
            or self._of_a_material()
            or _TRADE.match(self.behind) is not None
            or self._a_season(folded)
            or (folded in _PLANTS and bool(self.after) and self.after[0] in _OF_PLANTS)
            or (folded == "hoa" and bool(self.after) and self.after[0] in _FLOWERS_OF_VIETNAM)
            or self._a_gloss()
            or self._a_compound(folded)
            or self._a_saying(folded)
        )

    def _a_compound(self, folded: str) -> bool:
        """ "Luz verde", "Thu nhập"."""
        if not self.after or not self.after[0][:1].islower() or not self.keeps_capitals:
            return False
        second = self.after[0]
        if not self.behind.startswith((f" {second}", f"-{second}")):  # "Luz, natural de Bolivia"
            return False
        return second in _COMPOUNDS.get(folded, ()) and _UNLESS.get(second, frozenset()).isdisjoint(self.after[1:3])

    def _a_saying(self, folded: str) -> bool:
        """Turns of one language each, with enough words that nobody can be meant."""
        ahead = list(map(fold, self.after[:7]))
        two = [*ahead[:2], "", ""]
        if folded in _COLD:
            told = [word for word in ahead if word != "de"]  # "20 de grade"; a degree without its number is a school's
            return any(
                _DEGREES.match(word) and (number.isdigit() or not self.word.isascii())
                for number, word in pairwise(["", *told])
            )
        if folded == "vera":
            return bool(self.before) and fold(self.before[0]) == "aloe"
        if folded == "wilk":
            return two[0] == "syty" and "owca" in ahead
        if folded in {"guerra", "guerre"}:
            return two[0] in {"entre", "tra", "fra"} and two[1] in _BETWEEN_GANGS
        if folded == "drita":
            return two[0] == "e" and two[1] in _ROOMS
        if folded == "besa":
            return two[:2] == ["e", "dhene"]
        if folded == "claire":
            return ahead[:2] == ["comme", "de"] and "roche" in ahead
        if folded in _HOPE:
            nothing = two[0] in _WITHOUT and two[1] in _WAS_THERE and (len(ahead) == 2 or ahead[2] in _NO_MORE)
            left = len(ahead) > 2 and two[1] in _LEFT_TO and _REMAINS.match(ahead[2]) is not None
            none_left = two[0] in {"no", "non"} and left and not {"ninguna", "nessuna"}.isdisjoint(ahead)
            of_theirs = two[0] in _THEIRS and len(ahead) > 2 and two[1] in _WERE and ahead[2] in _THAT
            return nothing or none_left or of_theirs
        return folded in _SEASONS and two[0] == "wie" and two[1] in _SEASONS

    def _no_woman(self) -> bool:
        """ "لا أمل في", no hope of; "الأمل", the hope, where the name has no article (`names` sees to that)."""
        if self.word.startswith("ال"):
            return self.word[2:] in _ABSTRACT_IN_ARABIC
        return (
            self.word in _ABSTRACT_IN_ARABIC
            and bool(self.before)
            and self.before[0] in _NO_ARABIC
            and bool(self.after)
            and self.after[0] in _OF_WHAT
            and not self.apart
        )

    def _hope_or_faith(self, folded: str) -> bool:
        """ "Надежда умирает последней", "Вера в Бога"."""
        if folded in _HOPE | _HOPES:
            ahead = set(map(fold, self.after[:7]))
            if ahead & _DIES and ahead & _LAST:
                return not ahead & _OF_THEM
            meant = self._next in _FOR and self._second in _HOPED_FOR
        else:
            meant = folded in _FAITH and self._next in _IN and self._second in _BELIEVED_IN
        return meant and not any(_BELIEVES.match(fold(word)) for word in (*self.before, *self.after[2:]))

    def _one_of_a_pair(self, folded: str) -> bool:
        """ "Hope and fear", "Roses and lilies": beside another word of its kind in small letters."""
        return (
            self._next in _AND
            and len(self.after) > 1
            and self.after[1][:1].islower()
            and self.keeps_capitals
            and self._second not in _SOMEBODYS
            and self._second not in given_names()  # written in haste, it may be two people
            and any(folded in words and self._second in words for words in _CLASSES)
        )

    def _a_jewels(self, folded: str) -> bool:
        """What a jewel is made of, where it is any: "una collana di giada", but "la foto di giada"."""
        if folded not in _MATERIALS or not self.small or len(self.before) < 3:
            return False
        of, jewel, one = map(fold, self.before[:3])
        return of in _OF and jewel in _JEWELS and one in _ONE

    def _of_a_material(self) -> bool:
        """ "Crini de plastic"."""
        small = len(self.after) > 1 and self.after[1][:1].islower()
        return self.keeps_capitals and small and self._next in _OF and self._second in _MADE_OF

    def _a_season(self, folded: str) -> bool:
        """ "im Sommer 2019"."""
        before = fold(self.before[0]) if self.before else ""
        return (
            folded in _SEASONS
            and before in _BEFORE_SEASONS
            and bool(self.after)
            and _YEAR.fullmatch(self.after[0]) is not None
        )

    def _a_gloss(self) -> bool:
        """A word of another language that is explained: "the scent, hanitra in Malagasy, came from the soap"."""
        if not (self.small and self.keeps_capitals and self.apart and _GLOSS.match(self.behind)):
            return False
        return not any(fold(word) in _SAYS_A_NAME for word in (*self.before, *self.after))

    def _a_mans_verb(self) -> bool:
        """ "إن أباها هاجر إلى ...", that her father emigrated: behind these small words the subject stands first, so
        that a man before the word did it. Without them he may have done something to her, as the verb stands first.
        """
        governed = _VERBS_OF_MEN.get(self.word)
        if governed is None or not self.after or not self.before:
            return False
        if self.before[0] in _ONLY_BEFORE_VERBS:
            return True
        by_a_man = self.before[0] in _MEN and len(self.before) > 1 and self.before[1] in _SUBJECT_FIRST
        return by_a_man and self.after[0] in governed
