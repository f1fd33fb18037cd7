"""Whom a text must not name: the identities a sender knows, and what a search reports about them.

Everything here is a frozen value. An `Identity` holds victim data: it lives in memory for the length of one
redaction and is never logged, so its `repr` shows the pseudonym alone.
"""

from __future__ import annotations

from dataclasses import dataclass

GENERIC_ROLE = "victim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """One name of a person. `aliases` are nicknames and working names, `native` other-script forms in full."""

    given: str = ""
    middle: str = ""
    family: str = ""
    aliases: tuple[str, ...] = ()
    native: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "Name(...)"

    @classmethod
    def of(cls, full: str, *, aliases: tuple[str, ...] = (), native: tuple[str, ...] = ()) -> Name:
        """Split a full name: "Family, Given Middle" at the comma, else the last word is the family name."""
        if "," in full:
            family, _, rest = full.partition(",")
            given, _, middle = rest.strip().partition(" ")
        else:
            words = full.split()
            given, middle, family = (
                (words[0], " ".join(words[1:-1]), words[-1]) if len(words) > 1 else (full.strip(), "", "")
            )
        return cls(given=given, middle=middle, family=family.strip(), aliases=aliases, native=native)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A person who must not be recognised, and the pseudonym that stands in their place.

    `numbers` are document and national numbers, `others` what fits nowhere else; `birthdates` are "1998", "1998-04" or
    "1998-04-17". `region` is what may be told of an address: "[an address in REGION]".
    """

    pseudonym: str
    names: tuple[Name, ...] = ()
    numbers: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    handles: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    birthdates: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    plates: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    role: str = GENERIC_ROLE
    region: str = ""

    def __repr__(self) -> str:
        return f"Identity({self.pseudonym!r}, ...)"


@dataclass(frozen=True, slots=True)
class Finding:
    """One place that identifies: `text[start:end]` of the text as it was given.

    `whose` is a pseudonym; None where it belongs to nobody known, or to more than one person.
    """

    start: int
    end: int
    kind: str
    whose: str | None
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Redacted:
    """The text to release, and what was replaced (offsets into the original, in order, not overlapping)."""

    text: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one agreement wants hidden beside the known identities."""

    patterns: bool = True
    generalise_dates: bool = True
    plates: bool = True
    relatives: bool = True
    ages: bool = False  # "17 years old" becomes an age band


DEFAULT = Settings()
ENQUIRY = Settings(plates=False)
"""For intelligence: vehicles are lines of enquiry and stay, unless they are a protected person's."""
