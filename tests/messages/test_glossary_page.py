"""docs/glossary.md names the codes that the code has: no more, no fewer."""

import re
from pathlib import Path

from messages import errors
from messages.errors import ShareError
from messages.labels import HCode, InformationGrade, Pap, PartyClass, Role, SourceGrade, Tlp, Urgency
from messages.limits import DAY, HOUR

PAGE = (Path(__file__).parents[2] / "docs/glossary.md").read_text(encoding="utf-8")
FLAT = " ".join(PAGE.split())


def listed(members: object) -> str:
    return ", ".join(f"`{m.value}`" for m in members)  # type: ignore[attr-defined]


def span(limit: int | None) -> str:
    if limit is None:
        return "none"
    return f"{limit // DAY} days" if limit > DAY else f"{limit // HOUR} hours"


def codes() -> list[str]:
    found = [getattr(errors, n) for n in dir(errors)]
    tree = [e for e in found if isinstance(e, type) and issubclass(e, ShareError) and e is not ShareError]
    return [f"| `{e.code}` | {e.says if 'says' in vars(e) else (e.__doc__ or '').split('.')[0] + '.'} |" for e in tree]


def urgencies() -> list[str]:
    return [f"| `{u.value}` | {span(u.limit)} | {u.lane.value} |" for u in Urgency]


def lists() -> dict[str, str]:
    return {
        "CLASSES": listed(PartyClass),
        "PROTECTED": listed(r for r in Role if r.protected),
        "OPEN": listed(r for r in Role if not r.protected),
        "TLP": listed(Tlp),
        "H": listed(HCode),
        "PAP": listed(Pap),
        "SOURCE": listed(SourceGrade),
        "INFO": listed(InformationGrade),
    }


def test_every_error_code_stands_with_its_sentence() -> None:
    assert [line for line in PAGE.splitlines() if re.match(r"\| `[a-z-]+` \| [A-Z]", line)] == codes()


def test_every_urgency_stands_with_its_time_and_lane() -> None:
    assert [line for line in PAGE.splitlines() if re.match(r"\| `[A-Z0-9-]+` \|", line)] == urgencies()


def test_every_list_of_codes_is_that_of_the_code() -> None:
    for name, text in lists().items():
        assert text in FLAT, name


def test_the_words_stand_in_order_and_once() -> None:
    words = re.findall(r"^\| ([a-z][a-z -]+) \| ", PAGE, re.MULTILINE)
    assert len(words) > 40
    assert len(set(words)) == len(words)
