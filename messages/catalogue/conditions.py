"""When a flag depends on the value: the closed list of conditions that a data file may name under `flags_if`.

Each takes one value (one item, for a list) and says whether the flags count. A name that is not here stops the
catalogue from loading: a misspelt condition would silently disarm a flag.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from messages.catalogue import values

SMALL_CELL: Final = 11  # CTDC: nothing is released about fewer than eleven people
PRECISE: Final = frozenset({"street", "point"})
PLATFORMS: Final = frozenset(
    {
        "4Sale",
        "Facebook",
        "FacebookMessenger",
        "Instagram",
        "Line",
        "Other",
        "QQ",
        "QZone",
        "SnapChat",
        "Telegram",
        "TikTok",
        "Twitter",
        "Viber",
        "WeChat",
        "WhatsApp",
    }
)


def _full_date(value: object) -> bool:
    return not isinstance(value, str) or values.full_date(value)


def _transgender(value: object) -> bool:
    return value in ("TransgenderFeminine", "TransgenderMasculine")


def _precise_place(value: object) -> bool:
    """Street or point; a place that does not say how precise it is counts as precise."""
    if not isinstance(value, Mapping):
        return True
    precision = value.get("precision", "point")
    return not isinstance(precision, str) or precision in PRECISE


def _under_eleven(value: object) -> bool:
    return not isinstance(value, int) or value < SMALL_CELL


def _small_group(value: object) -> bool:
    """Fewer than eleven people of one nationality; a group that does not say how many counts as small."""
    return not isinstance(value, Mapping) or _under_eleven(value.get("n"))


def _not_a_platform(value: object) -> bool:
    """Anything but the bare name of a platform: a path or a user name may be the victim's own advert."""
    return not isinstance(value, str) or value not in PLATFORMS


CONDITIONS: Final[Mapping[str, Callable[[object], bool]]] = MappingProxyType(
    {
        "full-date": _full_date,
        "transgender": _transgender,
        "precise-place": _precise_place,
        "under-eleven": _under_eleven,
        "small-group": _small_group,
        "not-a-platform": _not_a_platform,
    }
)
