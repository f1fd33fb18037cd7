"""The whole demonstration, run as a newcomer runs it: real server, real processes, real attacks."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.practice import sought
from tests.support.folders import contents
from tests.support.processes import environment

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "operation-orchid"
UNENTITLED = ("broker", "logs", "wrenfold-support", "national-rapporteur", "labour-inspectorate", "officer")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The folder that the demonstration leaves, and the one object that it prints."""
    out = tmp_path_factory.mktemp("orchid") / "out"
    playing = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "demo", "--out", str(out), "--json"],
        env=environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        text, error = playing.communicate(timeout=480)
    finally:
        if playing.poll() is None:
            os.killpg(playing.pid, signal.SIGKILL)
            playing.wait()
    assert playing.returncode == 0, error[-3000:]
    yield out, json.loads(text)


@pytest.fixture(scope="module")
def needles() -> dict[str, re.Pattern[bytes]]:
    expected = yaml.safe_load((EXAMPLE / "expected.yaml").read_text(encoding="utf-8"))
    found = sought(map(str, expected["search_for"]))
    assert len(found) > 100
    return found


def hits(folder: Path, needles: dict[str, re.Pattern[bytes]]) -> set[str]:
    files = list(contents(folder))
    assert files, f"nothing to search in {folder.name}"
    return {word for _, data in files for word, look in needles.items() if look.search(data)}


def test_everything_that_must_happen_happens(played: tuple[Path, dict[str, Any]]) -> None:
    checks = played[1]["checks"]
    assert len(checks) >= 30
    assert [c["check"] for c in checks if not c["holds"]] == []


def test_every_message_is_told_with_recipient_sections_decision_and_rules(
    played: tuple[Path, dict[str, Any]],
) -> None:
    messages = played[1]["messages"]
    assert {m["recipient"].split("/")[0] for m in messages} == {
        "district-prosecutor",
        "valea-police",
        "labour-inspectorate",
        "wrenfold-support",
        "national-rapporteur",
        "harbour-police",
    }
    for message in messages:
        assert message["decision"] in ("permit", "refuse")
        assert message["rules"]
        assert bool(message["granted"]) == (message["decision"] == "permit")
        assert isinstance(message["withheld"], list)
    refused = [(m["case"], m["recipient"].split("/")[0], m["rules"]) for m in messages if m["decision"] == "refuse"]
    # Whose mandate was revoked meanwhile; its cover would also have had to be released to go abroad.
    assert refused == [("08-organisations", "valea-police", ["R-29", "SC-02"])]


def test_every_refusal_names_its_rule(played: tuple[Path, dict[str, Any]]) -> None:
    refused = played[1]["refused"]
    assert {r["attack"] for r in refused} == {
        "undesignated",
        "expired-mandate",
        "type-not-agreed",
        "identity-without-consent",
        "unattested",
        "mislabelled",
        "forged-signature",
        "altered-ciphertext",
        "stale",
        "same-id-other-bytes",
        "replayed-by-another-agency",
    }
    assert all(r["decision"] == "refuse" and r["rules"] for r in refused)


def test_the_log_head_is_told(played: tuple[Path, dict[str, Any]]) -> None:
    head = played[1]["log_head"]
    assert head["size"] > 80
    assert len(head["root"]) == 44


@pytest.mark.parametrize("holder", UNENTITLED)
def test_no_victims_name_phone_or_document_is_with(
    holder: str, played: tuple[Path, dict[str, Any]], needles: dict[str, re.Pattern[bytes]]
) -> None:
    assert hits(played[0] / holder, needles) == set()


def every_form() -> tuple[set[str], set[str]]:
    """Every string of the ground truth that identifies a victim, and the names that are also ordinary words."""
    cases = yaml.safe_load((EXAMPLE / "expected.yaml").read_text(encoding="utf-8"))["cases"]
    strings: set[str] = set()
    words: set[str] = set()
    for case in cases.values():
        for victim in case["victims"].values():
            words |= set(victim.get("words", ()))
            for kind in ("names", "phones", "documents", "emails", "handles", "addresses", "birthdates", "marks"):
                strings |= {str(form) for form in victim.get(kind, ())}
    assert len(strings) > 200 and len(words) > 8
    return strings, words


@pytest.mark.parametrize("party", ["wrenfold-support", "national-rapporteur", "labour-inspectorate"])
def test_no_form_of_a_victims_identity_can_be_read_in_what_was_opened_by(
    party: str, played: tuple[Path, dict[str, Any]]
) -> None:
    strings, words = every_form()
    opened = list((played[0] / party / "inbox").glob("*.json"))
    assert opened
    for path in opened:
        text = json.dumps(json.loads(path.read_text(encoding="utf-8")), ensure_ascii=False).replace("\\n", "\n")
        assert [form for form in strings if form in text] == []
        assert [word for word in words if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)] == []


def test_the_same_search_finds_the_victims_where_they_may_be(
    played: tuple[Path, dict[str, Any]], needles: dict[str, re.Pattern[bytes]]
) -> None:
    assert len(hits(played[0] / "district-prosecutor", needles)) > 50
