"""The second detector's own few words: months by how they begin, titles, and names that are words first."""

from collections.abc import Iterator
from typing import Final

from adapters.guarding.folding import letters_of


def _list(text: str) -> Iterator[str]:
    return map(letters_of, text.split())


MONTHS: Final[dict[int, tuple[str, ...]]] = {
    1: tuple(
        _list("jan ian enero ene genn gen styc sijec sichn sich yanv yan ocak leden led gian yanay kanunalth ynayr")
    ),
    2: tuple(_list("feb fev lut lyut velj fevr subat unor febr shkurt fbrayr shbat phevr fevrou")),
    3: tuple(_list("mar mär maerz marz ozuj berezn berez mart brezen brez martie adhar mars")),
    4: tuple(_list("apr avr abr avri kwie trav kvitn kvit nisan dub prill abryl nysan apri")),
    5: tuple(_list("may mai mag maj svib trav mayis kvet mayo ayar mayou mau")),
    6: tuple(_list("jun juin iun giu czerw lip cherv iyun haz cerv qersh yuni hzyran yunyw ioun")),
    7: tuple(_list("jul juil iul lug lip srp lyp iyul tem cervenec korr tmwz ywlyw ioul")),
    8: tuple(_list("aug aou ago sierp kolov serp avg agu srp gusht ab aghsts aughous")),
    9: tuple(_list("sep set wrzes ruj veres sent eyl zar shta aylwl sbtmbr septem")),
    10: tuple(_list("oct okt out ott pazd lis zhovt ekim rij tet tshryn aktwbr okto")),
    11: tuple(_list("nov listop stud lystop noyab kas nent noem nwfmbr noiem")),
    12: tuple(_list("dec dez dic des grud pros hrud dek aral dhj dysmbr deke")),
}
"""How the names of months begin in the supported languages, folded. A day and a year have to stand beside one."""

TITLES: Final = frozenset(
    _list("""
    alanisa alsayyida asszony bay bayan boy case chica child dl dna dnul doamna domnul don dona donna dr dziewczyna
    fata femeia femme file fille frau fraulein girl gospodin gospodja gospozha hanim herr id kirie kisasszony
    kobieta kyria lady m madam madame madchen man migrant miss mlle mme monsieur mr mrs ms mujer mx nina no nr pan
    pane pani passenger prof ragazza ref sayyid sayyida senor senora senorita sig signor signora sir sr sra srta
    tenant ur ustadh victim witness woman worker zonja zoti
    """)
)
"""What stands beside a name and is none."""

ORDINARY: Final = frozenset(
    _list("""
    abbot abril africa agosto alba amber amen america amir and angel aout april are art asia august autumn avril
    azul bach baker baron bauer bear bell berg best bianco big bill bird bishop black blanc blanco blessing bloom
    blue blume braun bravo bridge brother brown butcher campo carolina carpenter carter chad chance charity chase
    china christ christian church cliff constance consuelo cook cooper coral cruz crystal daisy dale daughter dawn
    day dean dear december delgado destiny dezember diamond dick dolores domingo dove drew driver duke eagle earl
    eight enero esperanza europe evening faith farmer father februar february feld felicity field fish fisher five
    fleur floarea flor flora florence flores fluss for forest four fox france frank freitag friday from fruhling
    garden gardener georgia gift glen gold good grace grant gray great green grey grun guerra guy hall happy harmony
    haus have hawk heather her herbst hill him his hof holly holy home hope house hunter hussein iarna imam india
    invierno iris iron islam israel ivy jack jade januar january jasmine jesus jordan joy juillet juin juli julio
    july june juni junio justice king knight koch lake lamb lane laura leon liberty lily little london long love
    lucky luna lundi lunes luz mahdi mai malik malina march mark mars marz marzo mason max may mayo meister melody
    mercedes mercy mill miller molina monday monk montag moon morning mother muller navarro negro nero nick nieves
    night nine noir not november october oktober old olive one opal page paris park pasha pat patience paz pearl
    pilar pop pope poppy porter precious priest primavera prince princess prudence queen rain ray red reyes rich
    richter rio river road rob rock rojas rojo rome rosa rose rosso rot rouge ruby saint san sankt santa santo
    saturday schmidt schneider schwarz september serenity seven shah she sheikh shepherd short silver sister six sky
    small smith snow soare sofia sol sommer son sonntag spring star steel stein stella stone storm street strong sue
    sultan summer sun sunday swan tailor ten that the them they this three thursday toamna torres trinity tuesday
    turner two vara vega vendredi verano verde vert victoria viernes violet virginia vita wald walker was weaver
    wednesday weiss were white will winter wise with wolf wood woods young
    """)
)
"""Names that are words first, in a few languages: they count as part of a whole name, never alone. This list is short
on purpose: the matcher, which knows how words are used, has looked before.
"""

SMALL: Final = frozenset(
    _list("年 月 日 of de del da di den der le la el a th st nd rd do dei il am on у го года року г на")
)
"""What stands between the parts of a date."""

DOCUMENT: Final = "|".join(
    """
    passport pasaport pasaportul pasaporte passeport reisepass paszport passaporto passaporte útlevél pasaportu
    паспорт паспорта cnp pesel personalausweis id\\s?card identity\\s?card carte\\s?d'identit[ée] buletin
    """.split()  # noqa: SIM905
)
"""What stands before a document's number."""

LIKE_A_NAME: Final = "|".join(
    """
    aka alias i\\.e\\. née born real\\sname really\\snamed whose\\sname\\sis
    """.split()  # noqa: SIM905
)
"""What stands between a pseudonym and the name behind it."""

BORN: Final = "|".join(
    """
    born d\\.?o\\.?b\\.? date\\sof\\sbirth birth\\sdate geb\\.? geboren née nascut născut nascuta născută nacida nacido
    nata nato urodzona urodzony народилася народився родилась родился született doğumlu
    """.split()  # noqa: SIM905
)
"""What stands before a date of birth."""
