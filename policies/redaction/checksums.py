"""Check digits: they tell a number that is an identifier from one that only looks like it. Nothing is kept or known."""

from __future__ import annotations

import hashlib


def digits_of(text: str) -> list[int]:
    """The decimal digits of a text."""
    return [int(char) for char in text if char.isdecimal()]


def mod97(text: str) -> bool:
    """IBAN: country, check digits and account number, without separators."""
    plain = "".join(char for char in text.upper() if char.isascii() and char.isalnum())
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def luhn(text: str) -> bool:
    """Cards, IMEI, and national numbers of several countries."""
    digits = digits_of(text)
    doubled = [d if n % 2 == 0 else (d * 2 if d < 5 else d * 2 - 9) for n, d in enumerate(reversed(digits))]
    return len(set(digits)) > 1 and sum(doubled) % 10 == 0


def _weighted(digits: list[int], weights: str, modulus: int) -> int:
    return sum(d * int(w) for d, w in zip(digits, weights, strict=False)) % modulus


def national(text: str) -> bool:
    """A national personal number whose own check digits hold: of Romania, Poland, Bulgaria, Spain, Italy, Estonia,
    Lithuania, Latvia, Turkey, Sweden, Finland, Croatia, the former Yugoslav states, Ukraine."""
    plain = "".join(char for char in text.upper() if char.isascii() and char.isalnum())
    digits = digits_of(plain)
    if plain.isdigit() and len(set(digits)) > 1:
        if len(plain) == 13:
            return _of_romania(digits) or _of_yugoslavia(digits)
        if len(plain) == 11:
            return _of_poland(digits) or _of_turkey(digits) or _of_the_baltics(digits) or _of_croatia(digits)
        if len(plain) == 10:
            return _of_bulgaria(digits) or _of_ukraine(digits) or (_day(digits[2:6], month_first=True) and luhn(plain))
        return False
    return _of_spain(plain) or _of_italy(plain) or _of_finland(plain)


def _day(four: list[int], *, month_first: bool, shift: int = 0) -> bool:
    a, b = four[0] * 10 + four[1], four[2] * 10 + four[3]
    month, day = (a, b) if month_first else (b, a)
    return 1 <= month - shift <= 12 and 1 <= day <= 31


def _of_romania(d: list[int]) -> bool:
    rest = _weighted(d[:12], "279146358279", 11)
    return d[0] > 0 and _day(d[3:7], month_first=True) and d[12] == (1 if rest == 10 else rest)


def _of_yugoslavia(d: list[int]) -> bool:
    rest = 11 - _weighted(d[:12], "765432765432", 11)
    return _day(d[:4], month_first=False) and d[12] == (0 if rest > 9 else rest)


def _of_poland(d: list[int]) -> bool:
    month = (d[2] * 10 + d[3]) % 20
    return 1 <= month <= 12 and 1 <= d[4] * 10 + d[5] <= 31 and (10 - _weighted(d[:10], "1379137913", 10)) % 10 == d[10]


def _of_turkey(d: list[int]) -> bool:
    odd, even = sum(d[0:9:2]), sum(d[1:8:2])
    return d[0] != 0 and (odd * 7 - even) % 10 == d[9] and sum(d[:10]) % 10 == d[10]


def _of_the_baltics(d: list[int]) -> bool:
    if not (1 <= d[0] <= 8 and _day(d[3:7], month_first=True)):
        return False
    rest = _weighted(d[:10], "1234567891", 11)
    if rest == 10:
        rest = _weighted(d[:10], "3456789123", 11) % 10
    return rest == d[10]


def _of_croatia(d: list[int]) -> bool:
    rest = 10
    for digit in d[:10]:
        rest = ((rest + digit) % 10 or 10) * 2 % 11
    return (11 - rest) % 10 == d[10]


def _of_bulgaria(d: list[int]) -> bool:
    month = (d[2] * 10 + d[3]) % 20
    rest = sum(x * w for x, w in zip(d[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6), strict=True)) % 11 % 10
    return 1 <= month <= 12 and 1 <= d[4] * 10 + d[5] <= 31 and rest == d[9]


def _of_ukraine(d: list[int]) -> bool:
    rest = sum(x * w for x, w in zip(d[:9], (-1, 5, 7, 9, 4, 6, 10, 5, 7), strict=True)) % 11 % 10
    return rest == d[9] and d[0] in (2, 3, 4)


def _of_spain(plain: str) -> bool:
    if len(plain) != 9 or not plain[-1].isalpha():
        return False
    number = plain[:-1]
    if number[0] in "XYZ":
        number = str("XYZ".index(number[0])) + number[1:]
    return number.isdigit() and "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == plain[-1]


def _of_italy(plain: str) -> bool:
    if len(plain) != 16 or not (plain[:6].isalpha() and plain[8].isalpha() and plain[-1].isalpha()):
        return False
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
    total = 0
    for n, char in enumerate(plain[:15]):
        value = int(char) if char.isdigit() else ord(char) - 65
        total += odd[value] if n % 2 == 0 else value
    return chr(65 + total % 26) == plain[-1]


def _of_finland(plain: str) -> bool:
    if len(plain) not in (10, 11) or not plain[:6].isdigit() or not _day(digits_of(plain[:4]), month_first=False):
        return False
    number = plain[:6] + plain[-4:-1]
    return number.isdigit() and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(number) % 31] == plain[-1]


_BASE58 = {char: n for n, char in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")}


def base58check(text: str) -> bool:
    """Bitcoin, Litecoin, Tron and others: the last four bytes are a digest of the rest."""
    if not 25 <= len(text) <= 36 or any(char not in _BASE58 for char in text):
        return False
    number = 0
    for char in text:
        number = number * 58 + _BASE58[char]
    raw = number.to_bytes(40, "big").lstrip(b"\x00")
    raw = b"\x00" * (len(text) - len(text.lstrip("1"))) + raw
    if len(raw) != 25:
        return False
    return hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]
