"""The guard's own configuration: `guard/settings.json` in its folder, read once when it starts.

The guard looks more strictly than the sender's redactor by default. A setting can make it stricter or, where an agency
has its reasons, less so, but never switch it off: what is not written stands at its default, and an unknown word stops
the guard. The digest of what is in force stands in every attestation (`rules`).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from messages.errors import BadInput

SETTINGS: Final = "settings.json"
RULES: Final = "guard-2/known-identities-1/second-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Strictness:
    """How the second detector looks. Lengths are of folded letters."""

    part: int = 4  # shortest part of a name that counts alone
    one_slip: int = 6  # from this length a part may have one letter wrong
    two_slips: int = 11  # from this length two
    anywhere: int = 11  # a whole name of this length counts inside a longer word too
    skeletons: bool = True  # whether consonants alone count, for names carried from another alphabet

    def __post_init__(self) -> None:
        bounds = (3 <= self.part <= 6, 4 <= self.one_slip <= 9, 7 <= self.two_slips <= 16, 8 <= self.anywhere <= 20)
        if not all(bounds):
            raise BadInput(
                "The guard's settings: part is 3 to 6, one_slip 4 to 9, two_slips 7 to 16, anywhere 8 to 20."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """All that a guard can be told."""

    uids: tuple[int, ...] = ()  # numbers of the users who may ask; none: the guard's own user alone
    at_once: int = 4
    seconds: int = 60  # that one request may take, from its first byte to its answer
    strictness: Strictness = field(default_factory=Strictness)
    languages: tuple[str, ...] = ()  # of those in the trust bundle; none: all of them
    net: bool = False  # whether the named-entity net is demanded: without it everything is refused

    def rules(self) -> str:
        """The guard's version and the digest of what it was told, as attestations name them."""
        told = {"strictness": asdict(self.strictness), "languages": sorted(self.languages), "net": self.net}
        return f"{RULES}/{sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]}"


def read(folder: Path) -> GuardSettings:
    """The settings in the guard's folder, or the defaults where there is no such file; raises `BadInput`."""
    path = folder / SETTINGS
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return GuardSettings()
    except (OSError, ValueError):
        raise BadInput(f"The guard's settings {path} cannot be read as JSON.") from None
    return of_value(value, str(path))


def of_value(value: object, where: str = "the guard's settings") -> GuardSettings:
    """Settings from JSON, or `BadInput` with what to mend."""
    strict = value.get("strictness", {}) if isinstance(value, dict) else {}
    if not isinstance(value, dict) or not isinstance(strict, dict):
        raise BadInput(f"{where}: an object is expected, such as {{}}; see docs/guard.md.")
    _known(value, GuardSettings, where)
    _known(strict, Strictness, where)
    for name, low, high in (("at_once", 1, 64), ("seconds", 5, 600)):
        if name in value and not (type(value[name]) is int and low <= value[name] <= high):
            raise BadInput(f"{where}: {name} is a number from {low} to {high}.")
    lists: dict[str, type] = {"uids": int, "languages": str}
    for name, of in lists.items():
        if name in value and not (isinstance(value[name], list) and all(type(v) is of for v in value[name])):
            raise BadInput(f"{where}: {name} is a list.")
    if "net" in value and type(value["net"]) is not bool:
        raise BadInput(f"{where}: net is true or false.")
    for name, item in strict.items():
        if type(item) is not (bool if name == "skeletons" else int):
            raise BadInput(f"{where}: strictness.{name} has the wrong form.")
    default = GuardSettings()
    return GuardSettings(
        uids=tuple(value.get("uids", ())),
        at_once=value.get("at_once", default.at_once),
        seconds=value.get("seconds", default.seconds),
        strictness=Strictness(**strict),
        languages=tuple(value.get("languages", ())),
        net=value.get("net", default.net),
    )


def _known(value: Mapping[str, Any], of: type, where: str) -> None:
    unknown = sorted(set(value) - set(of.__dataclass_fields__))  # type: ignore[attr-defined]
    if unknown:
        raise BadInput(f"{where}: there is no setting {unknown[0][:40]!r}; see docs/guard.md.")
