"""Korean names in Hangul and in any of their Latin spellings: "Park Soo-jin", "Pak Su Jin", "Bak Sujin", "박수진".

There are four official systems and as many habits; what they have in common is the syllables. `key` brings a spelling
to classes of sounds that all of them agree on. A class is coarse (three vowels are one), so a key counts for a whole
name only, or for a given name of two syllables written out in Hangul.
"""

from __future__ import annotations

import itertools
import re
from functools import lru_cache

from policies.redaction.words import listed

HANGUL = re.compile("[\uac00-\ud7a3]+")
SURNAMES = listed(
    """
    kim gim lee yi rhee ri park pak bak choi choe chey jung jeong chung chong kang gang cho jo joh yoon yun youn jang
    chang lim im rim yim han oh seo suh sur shin sin kwon gwon hwang whang ahn an song ryu yoo you yu ryoo hong jeon jun
    chun cheon ko go koh moon mun yang ryang son sohn bae pae baek paik back heo hur huh nam sim shim noh no roh ha joo
    ju chu choo koo gu ku goo min na ra jin chin ji chi um eom uhm chae won cha byun byeon bang pang ma wang kum geum
    """
)
_SOUNDS = (
    (re.compile("r(?=k|$)"), ""),  # "Park", "Hur": how English speakers lengthen a vowel
    (re.compile("wh"), "hw"),
    (re.compile("ck|kk|[kgq]"), "k"),
    (re.compile("tt|[td]"), "t"),
    (re.compile("pp|[pb]"), "p"),
    (re.compile("tch|ch|jj|[jz]"), "c"),
    (re.compile("ss|sh"), "s"),
    (re.compile("ll|rr|[rl]"), "l"),
    (re.compile("yeo|you|yoo|yu|yo|ieo|iu"), "Y"),
    (re.compile("ui|eui|ee|yi|ih"), "i"),
    (re.compile("y(?=[iI])"), ""),
    (re.compile("woo|wu"), "U"),
    (re.compile("weo|wo"), "W"),
    (re.compile("oi|oe"), "Ue"),
    (re.compile("eo|eu|oo|ou|oh|uh|[uo]"), "U"),
    (re.compile("yae|ye|yai"), "E"),
    (re.compile("ay|ae|ai|eh|ei|ey"), "e"),
    (re.compile("ah"), "a"),
    (re.compile("(?<=[^aeiUYWE])y(?![a-zA-Z])"), "i"),
    (re.compile(r"(.)\1+"), r"\1"),
)
_GIVEN = re.compile(
    r"(?:(?:[bcdghjkmnprstyw]|ch|sh|ky|hy|gy|my|ny|by|jj|kw|gw|hw)?(?:yeo|you|yoo|yu|yo|ya|ye|eo|eu|oo|ee|ou|ae|ai|ui|wo|woo|wi|oe|a|e|i|o|u)"
    r"(?:ng|n|m|k|l|p|t|h|ck|r)?){1,2}"
)


@lru_cache(maxsize=4096)
def key(folded: str) -> str:
    """The classes of sounds of a name in any Latin spelling of Korean, or of anyascii's Hangul."""
    if folded in {"lee", "yi", "rhee", "ri", "i"}:
        return "i"
    for pattern, sound in _SOUNDS:
        folded = pattern.sub(sound, folded)
    return folded


def keys(words: list[str]) -> tuple[frozenset[str], frozenset[str]]:
    """The keys of whole names, in both orders, and of given names of two syllables, from the folded words of a name in
    any order; none unless one of them is a Korean family name and the others are Korean syllables."""
    whole: set[str] = set()
    given: set[str] = set()
    for family in SURNAMES.intersection(words):
        others = [word for word in words if word != family]
        for one in (*others, *(a + b for a, b in itertools.permutations(others, 2))):
            if len(one) >= 4 and family not in one and _GIVEN.fullmatch(one):
                whole |= {key(family) + key(one), key(one) + key(family)}
                given |= {key(one)} if len(key(one)) >= 4 else set()
    return frozenset(whole), frozenset(given)
