"""A proposal on the console: worked out in words without trust in it, and kept without losing a signature."""

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from audit.errors import Unreadable
from audit.record import DECISION, read_record
from broker.admit import admit
from broker.console.access import Person
from broker.console.app import templates
from broker.console.kept import PROPOSALS, SEARCHES, HandedIn, Kept
from broker.console.reviewing import Reviewed, Reviewer, worked_out
from broker.console.words import Words
from broker.naming import Names
from cli.practice import Practice
from keys.ceremony import Proposal
from keys.metadata import TARGETS_LIFETIME
from messages.errors import BadInput, DependencyError, Malformed, ShareError, Stale, Unverified
from messages.evidence import Entry
from messages.ids import OfficerHandle
from messages.signed import Signed
from tests.console.test_console import said
from tests.support.orchid import RAPPORTEUR, TaskForce, task_force


@dataclass
class Officers:
    """A task force on disk whose officers have proposed to suspend a contact."""

    force: TaskForce
    trust: Path
    data: bytes

    @property
    def proposal(self) -> Proposal:
        return Proposal.from_bytes(self.data)

    def changed(self, **values: object) -> bytes:
        return json.dumps({**json.loads(self.data), **values}).encode()

    def run(self, *words: str) -> str:
        officers = self.force.practice.folder / "officers"
        own = [str(officers / w) if w in ("work", "officer-one", "officer-two") else w for w in words]
        return said(self.force, *own)

    def again(self) -> bytes:
        return (self.force.practice.folder / "officers" / "work" / "proposal.json").read_bytes()


@pytest.fixture(scope="module")
def officers(tmp_path_factory: pytest.TempPathFactory) -> Officers:
    folder, made = tmp_path_factory.mktemp("proposals") / "force", task_force()
    shutil.copytree(made.practice.folder, folder)
    force = TaskForce(Practice(folder), made.now)
    found = Officers(force, force.practice.broker / "trust", b"")
    found.run("contact", "suspend", "work", RAPPORTEUR, "--as", "officer-one")
    found.data = found.again()
    return found


def review(
    officers: Officers, data: bytes | None = None, records: list[bytes] | None = None, later: int = 0
) -> Reviewed:
    proposal = officers.proposal
    return worked_out(data if data is not None else officers.data, officers.trust, records or [], proposal.at + later)


@pytest.fixture(scope="module")
def reviewed(officers: Officers) -> Reviewed:
    return review(officers)


def test_a_proposal_is_told_in_the_words_and_digits_of_the_command(officers: Officers, reviewed: Reviewed) -> None:
    told, found = officers.run("bundle", "review", "work", "--as", "officer-two"), reviewed
    assert found.changes and all(line in told for line in found.changes)
    assert found.digits in told and found.rehearsal_digits in told and found.headline in told
    assert found.rehearsal is not None and "Newly blocked" in dict(found.rehearsal)
    assert [s.signed for s in found.signers] == [False, False] and not found.complete
    assert all(f"to sign: {s.title} ({s.handle})" in told for s in found.signers)


def test_past_decisions_are_held_against_it_and_nothing_else_is(officers: Officers, reviewed: Reviewed) -> None:
    assert reviewed.past == ()
    made = task_force()
    envelope = made.send("04-statistics-return.json", RAPPORTEUR)
    admitted = admit(envelope.to_bytes(), made.agency("harbour-police"), made.world(), made.now)
    records = [raw for _, raw in Entry.from_bytes(Signed.from_bytes(admitted.entry).body).records]
    decisions = [raw for raw in records if getattr(read_record(raw), "type", "") == DECISION]
    past = dict(review(officers, records=decisions).past)
    assert past["Past traffic"] == ("1 past decisions were looked at; 0 would come out as before.",)
    assert len(past["Past messages that would newly be blocked"]) == 1
    for wrong in (records, [b"no record"]):
        with pytest.raises((BadInput, Unreadable)):
            review(officers, records=wrong)


def test_a_signature_is_seen_and_does_not_change_the_digits(officers: Officers, reviewed: Reviewed) -> None:
    officers.run("bundle", "sign", "work", "--as", "officer-two", "--yes")
    after = review(officers, officers.again())
    assert [s.signed for s in after.signers] == [False, True] and after.digits == reviewed.digits
    assert set(reviewed.signatures) < set(after.signatures)


PASSES = rb"\"change\":\"newly %b\""


def test_a_new_root_is_told_with_how_many_of_its_holders_have_signed(officers: Officers, tmp_path: Path) -> None:
    work = tmp_path / "work"
    shutil.copytree(officers.force.practice.folder / "officers" / "work" / "repository", work / "repository")
    officers.run("bundle", "rotate-root", str(work), "--as", "officer-one")
    data = (work / "proposal.json").read_bytes()
    found = worked_out(data, officers.trust, [], Proposal.from_bytes(data).at)
    assert found.root == (0, 2) and found.rehearsal is None and found.renews and not found.complete
    assert any("root of trust becomes version 2" in line for line in found.changes)
    person = Person("o" + "a" * 12, "officer", "Officer")  # type: ignore[arg-type]
    page = templates(Words()).get_template("proposal.html").render(
        person=person, screens=[], path="/", title="", proposal=found, names=Names(officers.force.bundle), now=0,
        note=HandedIn(
            digest=found.digest, base=1, by="o1", at=1, expires=2, changes=3, signed=(), missing=(), signatures=()
        ),
    )  # fmt: skip
    assert "0 of 2 needed" in page and "safeconduct bundle sign-root WORK" in page and "nothing to rehearse" in page


SPOILT: dict[str, tuple[Callable[[Officers], bytes], type[ShareError]]] = {
    "nothing": (lambda o: b"", Malformed),
    "no JSON": (lambda o: b"[" * 5000, Malformed),
    "another format": (lambda o: o.changed(format="x"), Malformed),
    "a lone surrogate": (lambda o: o.data.replace(b'"changes": {', b'"changes": {"x": "\\ud800",', 1), Malformed),
    "another epoch": (lambda o: o.changed(base=o.proposal.base + 1), BadInput),
    "a strange path": (lambda o: o.changed(changes={"../../x": "y"}), ShareError),
    "no rehearsal": (lambda o: o.changed(rehearsal=""), BadInput),
    "another rehearsal": (lambda o: o.data.replace(PASSES % b"blocked", PASSES % b"passes"), BadInput),
    "a foreign signature": (lambda o: o.changed(signatures={"top/full": {"ab" * 32: "cd" * 64}}), ShareError),
    "a foreign step": (lambda o: o.changed(steps=["00"]), ShareError),
    "strangers who sign": (lambda o: o.changed(signers=["o" + "a" * 12, "o" + "b" * 12]), BadInput),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILT)
def test_a_proposal_that_does_not_hold_is_refused_with_a_sentence(officers: Officers, what: str) -> None:
    spoil, error = SPOILT[what]
    with pytest.raises(error):
        review(officers, spoil(officers))


def test_a_signature_over_anything_else_is_refused(officers: Officers) -> None:
    signed = Proposal.from_bytes(officers.again())
    (part, given), *_ = signed.signatures.items()
    wrong = {**signed.signatures, part: dict.fromkeys(given, "00" * 64)}
    with pytest.raises(Unverified):
        review(officers, replace(signed, signatures=wrong).to_bytes())


def test_one_that_is_too_old_or_of_tomorrow_is_refused(officers: Officers) -> None:
    for later in (TARGETS_LIFETIME, -3_600_000):
        with pytest.raises(Stale):
            review(officers, later=later)


def test_whatever_bytes_come_they_are_worked_out_or_refused(officers: Officers) -> None:
    chance = random.Random(7)
    for _ in range(12):
        raw = bytearray(officers.data)
        for _ in range(chance.randrange(1, 4)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        try:
            review(officers, bytes(raw))
        except ShareError:
            continue


async def test_the_process_of_its_own_answers_the_same_and_gets_no_secret(
    officers: Officers, reviewed: Reviewed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker" / "__init__.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)  # where it was started lies a folder of that name: it is no module of ours
    monkeypatch.setenv("SAFECONDUCT_PASSPHRASE_FD", "0")
    reviewer, at = Reviewer(officers.trust), officers.proposal.at
    assert await reviewer.review(officers.data, [], at) == reviewed
    with pytest.raises(BadInput, match="your own machine"):
        await Reviewer(tmp_path).review(officers.data, [], at)  # there is no root of trust: it fails inside
    monkeypatch.setattr("broker.console.reviewing.SECONDS", 0)
    with pytest.raises(DependencyError):
        await reviewer.review(officers.data, [], at)


# What is kept


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def other(found: Reviewed, number: int) -> Reviewed:
    return replace(found, digest=f"{number:064x}")


def test_a_copy_with_more_signatures_takes_the_place_and_one_with_fewer_does_not(
    reviewed: Reviewed, kept: Kept
) -> None:
    found = replace(reviewed, signatures=("one",))
    signed = replace(found, signatures=("one", "two"))
    kept.keep(b"first\nfile", found, "o1", 5)
    kept.keep(b"second", signed, "o2", 6)
    with pytest.raises(BadInput, match="a signature that yours lacks"):
        kept.keep(b"first\nfile", found, "o1", 7)
    note, data = kept.proposal(found.digest) or pytest.fail("it is gone")
    assert (data, note.by, note.at, note.signatures) == (b"second", "o2", 6, ("one", "two"))
    assert kept.open(found.base, 7) == [note]


def test_what_is_no_longer_open_is_not_shown_and_makes_room(reviewed: Reviewed, kept: Kept) -> None:
    found = reviewed
    for number in range(PROPOSALS):
        kept.keep(b"x", other(found, number), "o1", found.at + number)
    with pytest.raises(BadInput, match="too many"):
        kept.keep(b"x", other(found, 99), "o1", found.at)
    assert [n.at for n in kept.open(found.base, found.at)] == [found.at + n for n in reversed(range(PROPOSALS))]
    assert kept.open(found.base + 1, found.at) == [] and kept.open(found.base, found.expires) == []
    kept.keep(b"x", replace(found, base=found.base + 1), "o1", found.at)
    assert [n.digest for n in kept.open(found.base + 1, found.at)] == [found.digest]
    assert kept.open(found.base, found.at) == []


def test_everybody_has_searches_of_their_own_in_bounded_number(kept: Kept, tmp_path: Path) -> None:
    one, two, gone = (OfficerHandle("o" + letter * 12) for letter in "abc")
    assert kept.searches(one) == [] and not kept.forget(one, "0" * 16)
    for who in (gone, two):
        kept.save(who, "Mine", {"rule": who}, [one, two, gone])
    for number in range(SEARCHES):
        kept.save(one, f"search {number:02}", {"rule": "SC-63"}, [one, two])
    assert [s.name for s in kept.searches(one)] == [f"search {n:02}" for n in range(SEARCHES)]
    with pytest.raises(BadInput, match="as many"):
        kept.save(one, "one more", {"rule": "x"}, [one, two])
    kept.save(one, "search 07", {"kind": "RFI"}, [one, two])
    assert [s.asked for s in kept.searches(one) if s.name == "search 07"] == [{"kind": "RFI"}]
    assert kept.searches(gone) == [], "what an ended account saved goes"
    (mine,) = kept.searches(two)
    assert not kept.forget(one, mine.id) and kept.searches(two) == [mine]
    assert kept.forget(two, mine.id) and kept.searches(two) == []
    path = tmp_path / "console" / "searches" / one
    assert path.stat().st_mode & 0o077 == 0
    path.write_bytes(b"[{}]")
    assert kept.searches(one) == []


def test_only_a_digest_names_a_proposal_and_a_spoilt_file_is_none(
    reviewed: Reviewed, kept: Kept, tmp_path: Path
) -> None:
    found = reviewed
    kept.keep(b"x", found, "o1", 5)
    for name in ("", "..", "../searches", found.digest.upper(), found.digest + "\n", "0" * 64):
        assert kept.proposal(name) is None and not kept.discard(name)
    path = tmp_path / "console" / "proposals" / found.digest
    assert path.stat().st_mode & 0o077 == 0 and path.parent.stat().st_mode & 0o077 == 0
    assert kept.discard(found.digest) and not path.exists()
    for junk in (b"", b"x", b"[]\n", b"{}\n", b"\xff\n", b"{" * 100_000):
        path.write_bytes(junk)
        assert kept.proposal(found.digest) is None and kept.open(found.base, 6) == []
