"""How a name is usually written in another script, and back in Latin letters by several systems.

Tables of letters, no dictionary: for a name in Latin letters, its usual Cyrillic by the spelling rules of a dozen
languages, from there Greek, Arabic, Hebrew and Georgian; for a name in Cyrillic, its Latin letters by the rules of
passports, libraries and neighbouring languages. A form too many costs little, since only whole words count.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_BASE = (
    "a а b б c к d д e е f ф g г h х i и j й k к l л m м n н o о p п q к r р s с t т u у v в w в x кс y и z з "
    "ck к ph ф qu к ya я yu ю ye е yo йо ja я ju ю jo йо je е ia ия "
    "ä е ö о ü ю ß с ø о å о æ е á а à а â а ã ан é е è е ê е ë е í и ì и î и ó о ò о ô о õ о ú у ù у û у ý и "
    "ç с ñ нь č ч ć ч š ш ž ж đ дж ř рж ě е ů у ď д ť т ň н ľ ль ł л ż ж ź з ś с ń н ą он ę ен ș ш ş ш ț ц ţ ц ă а "
    "ğ г ı ы ā а ē е ī и ū у ė е ų у į и ő ё ű ю"
)
_RULES = {
    "en": "sh ш ch ч zh ж kh х gh г ts ц tz ц j дж oo у ee и th т w у y и shch щ ya я ay ай ey ей oy ой ai ай ou у "
    "x кс",
    "en2": "sh ш ch ч zh ж kh х ts ц j ж th з w в h г y й ou оу c с",
    "pl": "sz ш cz ч rz ж ż ж ź з ś с ć ць ń нь ł л ó у w в c ц ch х j й y ы szcz щ dż дж ck цк ie е ia я io ё iu ю "
    "ski ский ska ская cki цкий cka цкая ja я ju ю trz тш prz пш krz кш zi зи",
    "pl2": "sz ш cz ч rz ж ż ж ś сь ć ч ń н ł л ó у w в c ц ch х j й y и szcz щ ie є ia я ck цк ski ський ska ська",
    "de": "sch ш tsch ч ch х ck к w в z ц tz ц ei ай ie и eu ой äu ой ä е ö ё ü ю j й ja я ju ю v ф ph ф th т st шт sp шп "
    "ey ай ai ай s с",
    "de2": "sch ш tsch ч ch х ck к w в z ц tz ц ei ей ie и eu ей ä э ö э ü у v в th т h г",
    "uk": "h г kh х zh ж ch ч sh ш shch щ sch щ ts ц y и yi ї ya я ia я yu ю iu ю ye є ie є yo йо j й i і w в ck к "
    "skyi ський skyy ський sky ський ska ська",
    "bg": "sht щ zh ж ts ц tz ц ya я yu ю iu ю j ж h х y й ch ч sh ш ia ия",
    "ru": "kh х zh ж ch ч sh ш shch щ ts ц ya я ia я yu ю iu ю ye е yo ё j й y ы iy ий ii ий yi ий sky ский skiy ский skaya ская "
    "skaia ская ey ей ay ай oy ой h х",
    "tr": "c дж ç ч ş ш ğ г ı ы ö ё ü ю y й j ж ya я yu ю",
    "tr2": "c дж ç ч ş ш ğ  ı и ö о ü у y й j ж ya я yu ю h г",
    "ro": "ș ш ş ш ț ц ţ ц ce че ci чи cio чо cia ча ciu чу ge дже gi джи gio джо giu джу ghe ге ghi ги che ке chi ки ă э "
    "â ы î ы j ж h х x кс ea я ia я c к iu ю",
    "ro2": "ș ш ş ш ț ц ţ ц ce че ci чи cio чио cia чия ge же gi жи ghe ге ghi ги che ке chi ки ă а â а î и j ж h г",
    "hu": "cs ч sz с s ш zs ж gy дь ny нь ly й c ц ö ё ő ё ü ю ű ю j й ty ть y и th т",
    "fr": "ou у ch ш j ж ge же gi жи eau о au о oi уа gn нь qu к ph ф tch ч dj дж y и é е è е th т ck к ai е ei е un ен",
    "es": "ñ нь ll ль j х ch ч ge хе gi хи qu к z с ce се ci си h  gu г y и ia ия",
    "it": "gn нь ci чи ce че ch к gi джи ge дже gio джо gia джа ciu чу cio чо cia ча sci ши sce ше z ц gli льи",
    "pt": "nh нь lh ль ç с ão ан ch ш j ж x ш ge же gi жи ce се ci си h ",
    "sq": "xh дж zh ж sh ш ç ч gj дж q ч ë е x дз c ц j й dh д th т y ю ll л rr р h х",
    "sq2": "xh дж zh ж sh ш ç ч gj гь q кь ë ы x дз c ц j й nj нь lj ль h х",
    "vi": "đ д th т ng нг nh нь ph ф kh х tr ч ch ч x с gi з d з qu к gh г ơ о ư ы y и h х c к",
    "hr": "č ч ć ч š ш ž ж đ дж lj ль nj нь c ц j й dž дж ch х",
    "letters": "sh ш ch ч j дж h х y й x кс c к",
}
_KYRILLIC = "абвгґдеёєжзиіїйклмнопрстуфхцчшщъыьэюяўђјљњћџѓќѕ"
_SYSTEMS = {
    "icao": "a b v g g d e e ie zh z i i i i k l m n o p r s t u f kh ts ch sh shch ie y  e iu ia u dj j lj nj c dz g k dz",
    "bgn": "a b v g g d ye yo ye zh z i i yi y k l m n o p r s t u f kh ts ch sh shch  y  e yu ya w dj y ly ny ch dzh g k dz",
    "e": "a b v g g d e yo ye zh z i i yi y k l m n o p r s t u f kh ts ch sh shch  y  e yu ya w dj y lj nj ch dzh g k dz",
    "uk": "a b v h g d e io ie zh z y i i i k l m n o p r s t u f kh ts ch sh shch  y  e iu ia u dj j l n c dz g k dz",
    "uk2": "a b v h g d e yo ye zh z y i yi y k l m n o p r s t u f kh ts ch sh shch  y  e yu ya u dj j l n c dz g k dz",
    "sci": "a b v g g d e e je z z i i ji j k l m n o p r s t u f h c c s sc  y  e ju ja u dj j lj nj c dz g k dz",
    "scih": "a b v h g d e e je z z y i ji j k l m n o p r s t u f h c c s sc  y  e ju ja u dj j lj nj c dz g k dz",
    "gost": "a b v g g d e jo je zh z i i ji j k l m n o p r s t u f x cz ch sh shh  y  e yu ya u dj j lj nj c dz g k dz",
    "gost2": "a b v g g d e e e zh z i i i i k l m n o p r s t u f kh tc ch sh shch  y  e iu ia u dj j l n c dz g k dz",
    "ch": "a b v h g d e yo je zh z y i ji j k l m n o p r s t u f ch c c s sc  y  e ju ja u dj j l n c dz g k dz",
    "fr": "a b v g g d e io ie j z i i i i k l m n o p r s t ou f kh ts tch ch chtch  y  e iou ia ou dj j l n c dj g k dz",
    "fr2": "a b v g g d e io ie j z i i yi y k l m n o p r ss t ou f kh ts tch ch chtch  y  e you ya ou dj j l n c dj g k dz",
    "de": "a b w g g d e jo je sch s i i ji j k l m n o p r s t u f ch z tsch sch schtsch  y  e ju ja u dj j l n c dsch g k ds",
    "deh": "a b w h g d e jo je sch s y i ji j k l m n o p r s t u f ch z tsch sch schtsch  y  e ju ja u dj j l n c dsch g k ds",
    "de2": "a b w g g d e jo je sh s i i i i k l m n o p r s t u f ch z tsch sch schtsch  y  e ju ja u dj j l n c dsch g k ds",
    "pl": "a b w g g d e io ie z z i i ji j k l m n o p r s t u f ch c cz sz szcz  y  e ju ja u dj j l n c dz g k dz",
    "plh": "a b w h g d e io ie z z y i ji j k l m n o p r s t u f ch c cz sz szcz  y  e iu ia u dj j l n c dz g k dz",
    "hu": "a b v g g d e jo je zs z i i ji j k l m n o p r sz t u f h c cs s scs  i  e ju ja u dj j l n c dzs g k dz",
    "bg": "a b v g g d e yo ye zh z i i yi y k l m n o p r s t u f h ts ch sh sht a y y e yu ya u dj y ly ny ch dzh g k dz",
    "bg2": "a b v g g d e yo ye j z i i i i k l m n o p r s t u f h tz ch sh sht u i i e iu ia u dj y l n ch dj g k dz",
    "tr": "a b v g g d e yo ye j z i i yi y k l m n o p r s t u f h ts c s sc i i  e yu ya u c y l n c c g k dz",
    "plain": "a b v g g d e e e j z i i i i k l m n o p r s t u f h c ch sh sch  i  e yu ya u dj j l n c dj g k dz",
}
_TO_OTHERS = {
    "greek": (
        "а α б μπ в β г γ ґ γκ д ντ е ε ё ιο є ιε ж ζ з ζ и ι і ι ї ι й ι к κ л λ м μ н ν о ο п π р ρ с σ т τ у ου ф φ "
        "х χ ц τσ ч τσ ш σ щ στσ ъ  ы ι ь  э ε ю ιου я ια дж τζ кс ξ дз τζ",
        "а α б β в β г γκ ґ γκ д δ е ε ё ιο є ιε ж ζ з ζ и ι і ι ї ι й γι к κ л λ м μ н ν о ο п π р ρ с σ т τ у ου ф φ "
        "х χ ц τσ ч τσ ш σ щ στσ ъ  ы υ ь  э ε ю γιου я για дж τζ кс ξ дз ντζ",
    ),
    "arabic": (
        "а ا б ب в ف г غ ґ ج д د е ي ё يو є ي ж ج з ز и ي і ي ї ي й ي к ك л ل м م н ن о و п ب р ر с س т ت у و ф ف "
        "х خ ц تس ч تش ш ش щ شتش ъ  ы ي ь  э ي ю يو я يا дж ج кс كس",
        "а ا б ب в و г ج ґ ج д د е ه ё يو є ي ж ز з ز и ي і ي ї ي й ي к ق л ل м م н ن о و п ب р ر с ص т ط у و ф ف "
        "х ه ц س ч ج ш ش щ ش ъ  ы ي ь  э ي ю يو я يا дж ج кс كس",
    ),
    "georgian": (
        "а ა б ბ в ვ г გ ґ გ д დ е ე ё იო є იე ж ჟ з ზ и ი і ი ї ი й ი к კ л ლ м მ н ნ о ო п პ р რ с ს т ტ у უ ф ფ "
        "х ხ ц ც ч ჩ ш შ щ შჩ ъ  ы ი ь  э ე ю იუ я ია дж ჯ",
        "а ა б ბ в ვ г გ ґ გ д დ е ე ё იო є იე ж ჟ з ზ и ი і ი ї ი й ი к ქ л ლ м მ н ნ о ო п ფ р რ с ს т თ у უ ф ფ "
        "х ჰ ц წ ч ჭ ш შ щ შჩ ъ  ы ი ь  э ე ю იუ я ია дж ჯ",
    ),
}
_GREEK_LETTERS = (
    "a α b μπ c κ d ντ e ε f φ g γκ h χ i ι j τζ k κ l λ m μ n ν o ο p π q κ r ρ s σ t τ u ου v β w β x ξ y ι z ζ "
    "sh σ ch τσ ts τσ th θ ph φ kh χ zh ζ",
    "a α b β c κ d δ e ε f φ g γ h χ i ι j ι k κ l λ m μ n ν o ο p π q κ r ρ s σ t τ u ου v β w ου x ξ y υ z ζ "
    "sh σ ch τσ ts τσ th θ ph φ kh χ zh ζ",
)
_ARABIC_LETTERS = (
    "a ا b ب c ج d د e  f ف g غ h ه i ي j ج k ك l ل m م n ن o و p ب q ق r ر s س t ت u و v ف w و x كس y ي z ز "
    "sh ش ch تش th ث dh ذ kh خ gh غ ou و oo و ee ي",
    "a ا b ب c ك d د e ي f ف g ج h ح i ي j ج k ك l ل m م n ن o و p ب q ق r ر s ص t ط u و v ف w و x كس y ي z ز "
    "sh ش ch ش th ث dh ض kh خ gh غ ou و oo و ee ي",
    "a ا b ب c س d د e ي f ف g ك h ه i ي j ي k ك l ل m م n ن o و p ب q ك r ر s س t ت u و v و w ف x كس y ي z ز sh ش ch خ",
)


def _table(words: str, base: dict[str, str] | None = None) -> dict[str, str]:
    pieces = words.split(" ")
    found = dict(base or {})
    at = 0
    while at < len(pieces):
        if pieces[at]:
            found[pieces[at]] = pieces[at + 1] if at + 1 < len(pieces) else ""
        at += 2
    return found


_BASE_TABLE = _table(_BASE)
_TO_CYRILLIC = {language: _table(rules, _BASE_TABLE) for language, rules in _RULES.items()}
_FROM_CYRILLIC = {name: dict(zip(_KYRILLIC, values.split(" "), strict=True)) for name, values in _SYSTEMS.items()}
_FROM_CYRILLIC_OTHERS = {script: tuple(_table(words) for words in several) for script, several in _TO_OTHERS.items()}
_LETTERS = tuple(_table(words) for words in (*_GREEK_LETTERS, *_ARABIC_LETTERS))
_CYRILLIC = re.compile("[\u0400-\u052f]")
_NOT_LETTERS = re.compile(r"[^\w]|[\d_]")


def _written(word: str, table: dict[str, str]) -> str:
    """The word by a table, the longest piece first; what the table does not know falls away with its accent."""
    written: list[str] = []
    at = 0
    while at < len(word):
        for size in (4, 3, 2, 1):
            piece = word[at : at + size]
            if len(piece) == size and piece in table:
                written.append(table[piece])
                at += size
                break
        else:
            plain = unicodedata.normalize("NFD", word[at])[0]
            written.append(table.get(plain, ""))
            at += 1
    return "".join(written)


def _plain(word: str) -> str:
    return _NOT_LETTERS.sub("", unicodedata.normalize("NFC", word).lower().replace("i̇", "i"))


def _cyrillics(word: str) -> Iterable[str]:
    return dict.fromkeys(_written(word, table) for table in _TO_CYRILLIC.values())


@lru_cache(maxsize=1024)
def in_other_scripts(word: str) -> tuple[str, ...]:
    """A word of a name in Latin or Cyrillic letters as it may stand in Cyrillic, Greek, Arabic and Georgian."""
    plain = _plain(word)
    found: dict[str, None] = {}
    if _CYRILLIC.search(plain):
        cyrillic: Iterable[str] = (plain,)
    elif any("a" <= c <= "z" for c in plain):
        cyrillic = _cyrillics(plain)
        letters = "".join(unicodedata.normalize("NFD", c)[0] for c in plain.replace("ı", "i").replace("ł", "l"))
        found.update(dict.fromkeys(_written(letters, table) for table in _LETTERS))
    else:
        return ()
    for one in cyrillic:
        found[one] = None
        for tables in _FROM_CYRILLIC_OTHERS.values():
            found.update(dict.fromkeys(_written(one, table) for table in tables))
    found.pop(plain, None)
    return tuple(form for form in found if len(form) >= 2)


@lru_cache(maxsize=1024)
def in_latin(word: str) -> tuple[str, ...]:
    """A word of a name as it may be written in Latin letters once it went through Cyrillic, by several systems."""
    plain = _plain(word)
    native = bool(_CYRILLIC.search(plain))
    found: dict[str, None] = {}
    for one in (plain,) if native else _cyrillics(plain):
        for table in _FROM_CYRILLIC.values():
            found[_written(one, table)] = None
            for ending, others in (
                ("ий", ("y", "i", "yi", "iy", "ij")),
                ("ый", ("y", "yi", "iy")),
                ("ия", ("ia", "iya", "ija", "iia", "ja")),
            ):
                if one.endswith(ending):
                    found.update(dict.fromkeys(_written(one[: -len(ending)], table) + other for other in others))
    found.pop(plain, None)
    return tuple(form for form in found if len(form) >= 3)
