"""Who looks records up is recorded; signs of misuse are counts with reasons; exports are safe to open."""

import csv
import io
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from audit.record import ACTS, LOOKED_UP, ActRecord, read_record
from broker import misuse
from broker.lookups import Deed, asked, look_up, named, viewed
from broker.misuse import Sign, Thresholds
from broker.naming import COLUMNS, Names, as_csv, query_of, safe_cell, subject_of, subject_text
from broker.recordsdb import Line, Query, line_of
from bus.subjects import OPERATOR
from messages.directory import Directory
from messages.errors import BadInput
from messages.evidence import Entry
from messages.ids import message_text
from messages.signed import Signed
from tests.broker.test_recordsdb import HOSTILE, line
from tests.support.orchid import DESK, SHELTER, TaskForce

NUMBER = bytes(range(16))


@pytest.fixture(scope="module")
def names(force: TaskForce) -> Names:
    return Names(force.bundle)


def recorded(force: TaskForce, who: str, deed: Deed, what: bytes) -> ActRecord:
    admitted = look_up(who, deed, what, force.world(), force.now, NUMBER)
    assert (admitted.agency, admitted.key, admitted.views) == (OPERATOR, "q" + NUMBER.hex(), ())
    ((_, raw),) = Entry.from_bytes(Signed.from_bytes(admitted.entry).body).records
    record = read_record(raw)
    assert isinstance(record, ActRecord)
    return record


def test_a_look_up_is_recorded_with_who_when_and_the_digest_of_what_was_asked(force: TaskForce) -> None:
    officer = force.bundle.directory.officers[0].handle
    query = Query(party=force.agency(DESK), rule="SC-63")
    record = recorded(force, officer, Deed.SEARCHED, asked(query))
    assert (record.signer, record.at, record.outcome, record.subject) == (officer, force.now, "searched", NUMBER)
    assert record.digest == sha256(f'{{"party":"{force.agency(DESK)}","rule":"SC-63"}}'.encode()).digest()
    assert b"SC-63" not in record.to_bytes() and record.says == f"{officer} searched the records."
    assert recorded(force, officer, Deed.VIEWED, viewed(7)).digest == sha256(b'{"leaf":7}').digest()
    assert (
        recorded(force, officer, Deed.REVIEWED, named("proposal", "0f")).digest == sha256(b'{"proposal":"0f"}').digest()
    )
    said = [recorded(force, officer, deed, b"") for deed in Deed]
    assert {record.outcome for record in said} == ACTS[LOOKED_UP]
    assert len({record.says for record in said}) == len(said), "each is told in words of its own"
    assert line_of(1, record).signers == (officer,)


def test_another_question_has_another_digest() -> None:
    asks = [
        asked(Query()),
        asked(Query(start=0)),
        asked(Query(rule="x")),
        asked(Query(type="x")),
        asked(Query(), signs=7),
    ]
    assert len(set(asks)) == len(asks)
    assert asked(Query(rule="x")) == asked(Query(rule="x", party=""))


def signs(lines: list[Line], thresholds: Thresholds | None = None) -> list[misuse.Told]:
    return misuse.signs(((made, 1) for made in lines), thresholds)


def submitted(agency: str, count: int, **changes: Any) -> list[Line]:
    fields: dict[str, Any] = {"form": "submission", "agency": agency, "recipient": "", "rules": (), "types": ()}
    return [line(n, **fields, **changes) for n in range(count)]


def looked(count: int, outcome: str) -> list[Line]:
    return [line(n, form="act", kind="looked-up", outcome=outcome, signers=("o1",)) for n in range(count)]


A, B, C = ("a" + x * 12 for x in "bcd")
SIGNS: dict[Sign, tuple[list[Line], str, int]] = {
    Sign.REFUSALS: (submitted(A, 20, outcome="refused") + submitted(A, 20, outcome="accepted"), A, 20),
    Sign.PROBING: ([line(n, outcome="refused", rules=("recipient-full",)) for n in range(3)], line(0).agency, 3),
    Sign.VOLUME: (submitted(A, 50, outcome="accepted") + submitted(B, 10) + submitted(C, 9), A, 50),
    Sign.FAN_OUT: ([line(n, recipient=f"c{n}") for n in range(10)], line(0).sender, 10),
    Sign.BREAK_GLASS: ([line(n, rules=("SC-62", "SC-63")) for n in range(2)], line(0).sender, 2),
    Sign.LOOK_UPS: (looked(200, "viewed"), "o1", 200),
    Sign.EXPORTS: (looked(5, "exported"), "o1", 5),
}  # fmt: skip


@pytest.mark.parametrize("sign", Sign)
def test_each_sign_is_told_from_its_threshold_on_and_not_one_before(sign: Sign) -> None:
    lines, party, count = SIGNS[sign]
    (told,) = [t for t in signs(lines) if t.sign is sign]
    assert (told.party, told.count, told.threshold) == (party, count, count)
    assert "{party}" in told.says and str(count) in told.says
    assert sign not in {t.sign for t in signs(lines[1:])}


def test_thresholds_can_be_tuned_and_not_switched_off() -> None:
    lines = [line(n, recipient=f"c{n}") for n in range(4)]
    assert [t.sign for t in signs(lines, Thresholds(fan_out=4))] == [Sign.FAN_OUT]
    assert signs(lines) == [] and signs([]) == []
    for bad in ({"fan_out": 0}, {"probing": -1}, {"refused_share": 1.5}):
        with pytest.raises(BadInput):
            Thresholds(**bad)


def test_lines_that_are_alike_may_be_counted_together() -> None:
    every = [made for lines, _, _ in SIGNS.values() for made in lines]
    alike = Counter(replace(made, index=-1, at=0, epoch=0, subject="", types=()) for made in every)
    assert len(alike) < len(every) / 5
    assert misuse.signs(alike.items()) == signs(every) != []


def test_refusals_count_only_where_they_are_a_large_part() -> None:
    few = submitted(A, 20, outcome="refused") + submitted(A, 21, outcome="accepted")
    assert signs(few) == []


def test_names_lead_to_handles_and_back(force: TaskForce, names: Names) -> None:
    desk = force.contact(DESK).handle
    assert names.find(DESK) == desk and names.of(desk) == DESK and names.find(f" {desk} ") == desk
    assert names.of(names.find("harbour-police")) == "harbour-police"
    officer = force.bundle.directory.officers[0]
    assert names.of(officer.handle) == officer.title and names.find(officer.title) == officer.handle
    assert names.of("c" + "z" * 12) == "c" + "z" * 12
    for text in [*HOSTILE, "harbour-police/nobody", "nobody"]:
        with pytest.raises(BadInput) as raised:
            names.find(text)
        assert text not in str(raised.value)


@pytest.mark.parametrize("name", ["coastguardnow", "officetrustee"])
def test_a_name_of_the_form_of_a_handle_is_that_name_and_a_handle_that_nobody_is_called_by_is_one(
    force: TaskForce, name: str
) -> None:
    known = force.bundle.directory
    renamed = [a.model_copy(update={"name": name}) if a.name == "harbour-police" else a for a in known.agencies]
    fields = {f: getattr(known, f) for f in Directory.model_fields} | {"agencies": tuple(renamed)}
    names = Names(replace(force.bundle, directory=Directory(**fields)))
    assert names.find(name) == force.agency("harbour-police") and names.of(names.find(name)) == name
    assert names.find(f"{name}/desk") == force.contact(DESK).handle
    assert Names(force.bundle).find(name) == name


def test_people_are_told_of_by_their_names(force: TaskForce, names: Names) -> None:
    desk, officer = force.contact(DESK).handle, force.bundle.directory.officers[0]
    stranger = "c" + "z" * 12
    said = f"{desk} was told; {officer.handle}, {stranger} and x{desk} were not."
    assert names.within(said) == f"{DESK} was told; {officer.title}, {stranger} and x{desk} were not."
    assert names.row(line(0, form="trust", subject=desk))["message"] == DESK


def test_a_message_s_id_is_read_in_both_ways_of_writing_it(force: TaskForce, names: Names) -> None:
    text = message_text(bytes.fromhex("0f0e0d0c0b0a4908870605040302aabb"))
    assert subject_of(text) == text.replace("-", "") == subject_of(text.upper().replace("-", ""))
    assert subject_text(line(0, subject=text.replace("-", ""))) == text
    assert subject_text(line(0, subject="0" * 32)) == "0" * 32
    for bad in ("1", "g" * 32, "0" * 33, "²" * 32):
        with pytest.raises(BadInput):
            subject_of(bad)
    query = query_of(names, party=SHELTER, message=text, rule=" SC-01 ", start=3)
    assert query == Query(party=force.contact(SHELTER).handle, subject=subject_of(text), rule="SC-01", start=3)


def test_no_cell_of_an_export_is_a_formula(names: Names) -> None:
    made = as_csv(names, [line(0, kind="=1+1", sender="+x", rules=("@SUM", 'a"b,c'), outcome="-1")])
    head, row = list(csv.reader(io.StringIO(made)))
    assert head == list(COLUMNS)
    assert [row[head.index(c)] for c in ("kind", "sender", "rules", "outcome")] == [
        "'=1+1",
        "'+x",
        "'@SUM a\"b,c",
        "'-1",
    ]
    for start in "=+-@\t\r\n":
        assert safe_cell(f"{start}x") == f"'{start}x"
