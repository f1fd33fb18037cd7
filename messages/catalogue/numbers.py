"""Numbers that check themselves: IBAN and LEI (ISO 7064 MOD 97-10), and the machine-readable zone of ICAO 9303.

Each function answers whether the check digits hold, and nothing about whether the number was ever given out. Written
here because each is a few lines, and the libraries that have them all are under the LGPL or bring one that is.
"""

import re
from typing import Final

_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}")
_WEIGHTS: Final = (7, 3, 1)
_TD3: Final = 44  # signs in a line of a passport
_TD2: Final = 36  # of a larger card or a visa
_TD1: Final = 30  # of a card of the size of a credit card


def looks_like_iban(text: str) -> bool:
    """Whether somebody who wrote this meant an IBAN: a country, two digits, and the length of one."""
    return _IBAN.fullmatch(re.sub("[ -]", "", text)) is not None


def iban_holds(text: str) -> bool:
    """Whether the two check digits of an IBAN hold, however it is grouped."""
    plain = re.sub("[ -]", "", text)
    return _IBAN.fullmatch(plain) is not None and _mod97(plain[4:] + plain[:4])


def lei_holds(text: str) -> bool:
    """Whether the last two digits of a legal entity identifier hold."""
    return _mod97(text)


def _mod97(text: str) -> bool:
    return int("".join(str(int(sign, 36)) for sign in text)) % 97 == 1


def mrz_number(zone: str) -> str | None:
    """The document number in a machine-readable zone, or None where one of its check digits does not hold."""
    lines = zone.split("\n")
    width = len(lines[0])
    if width == _TD1:
        first, second = lines[0], lines[1]
        long = first[5:14] + first[15:].split("<")[0]  # more than nine signs go on behind a filler
        number, birth, expiry = first[5:15] if first[14] != "<" else long, second[0:7], second[8:15]
        together = first[5:30] + second[0:7] + second[8:15] + second[18:29] + second[29]
    elif width in (_TD2, _TD3):
        second = lines[1]
        number, birth, expiry = second[0:10], second[13:20], second[21:28]
        last = width - 1
        together = second[0:10] + second[13:20] + second[21:last] + second[last]
    else:
        return None
    checked = [number, birth, expiry]
    if not lines[0].startswith("V"):  # a visa has no digit over the whole line
        checked.append(together)
    if not all(_digit_holds(field) for field in checked):
        return None
    return number[:-1].replace("<", "")


def _digit_holds(field: str) -> bool:
    """The last sign of the field is the check digit of those before it; a filler stands for 0."""
    total = sum(_worth(sign) * _WEIGHTS[place % 3] for place, sign in enumerate(field[:-1]))
    return _worth(field[-1]) == total % 10 and not field[-1].isalpha()


def _worth(sign: str) -> int:
    return 0 if sign == "<" else int(sign, 36)
