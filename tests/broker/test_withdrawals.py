"""Withdrawals at the worker: in memory where calls must fail, on a real server where it matters most."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from adapters.consents import Held
from adapters.erasure import check
from audit.record import ActRecord, read_record
from broker.admit import retrieved_key
from broker.copies import copies
from broker.withdrawals import confirmation_key, order_key
from broker.worker import Worker
from bus import subjects
from bus.queue import Admission, View
from bus.subjects import Lane
from keys.domains import Tag
from keys.signing import Signer, verify
from messages import cbor
from messages.attestations import Withdrawal
from messages.errors import ShareError, UnknownSender, Unverified
from messages.evidence import Entry, Evidence, EvidenceType
from messages.ids import AgencyHandle, MessageId, ViewId
from messages.limits import CONSENTS, DAY, MINUTE
from messages.signed import Signed
from messages.waiting import claimed
from messages.withdrawals import (
    Erasure,
    ErasureConfirmation,
    Holding,
    KeepGround,
    Notice,
    NoticeDelivery,
    Part,
    WithdrawalSubmission,
)
from tests.broker.test_worker import Desk, a_desk, fake_desk, flood, take, views, waiting
from tests.fakes.bus import FakeBus
from tests.support.consenting import OTHER, Consenting, consenting
from tests.support.orchid import DESK, PROSECUTOR, RELEASER, SAFEGUARDING, SHELTER


@pytest.fixture(scope="module")
def force() -> Consenting:
    return consenting()


@pytest.fixture(params=["in-memory", "nats-server"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path, force: Consenting) -> AsyncIterator[Desk]:
    async with a_desk(request.param, tmp_path / "bus", force) as made:
        yield made


def consent(force: Consenting, **changes: Any) -> Held:
    return force.countersigned(force.take_down(**changes))


def message(force: Consenting, *held: Held) -> bytes:
    return force.compose(force.resting(*held)).to_bytes()


def withdrawn(force: Consenting, held: Held, by: str = DESK, at: int | None = None, **changes: Any) -> bytes:
    body = Withdrawal(consent=held.consent.id, at=force.now if at is None else at)
    signed = force.keys(by).signer.sign(Tag.CONSENT_WITHDRAWAL, body.to_bytes())
    return WithdrawalSubmission(**({"withdrawal": signed, "terms": held.consent.to_bytes()} | changes)).to_bytes()


def confirmed(force: Consenting, held: Held, holding: Holding, by: str = SHELTER, **changes: Any) -> bytes:
    keys = force.keys(by)
    fields: dict[str, Any] = {
        "consent": held.consent.id,
        "message": holding.message,
        "view_id": holding.view_id,
        "view": holding.view,
        "recipient": keys.contact.handle,
        "outcome": Erasure.ERASED,
        "ground": None,
        "at": force.now,
    }
    return keys.signer.sign(Tag.ERASURE, ErasureConfirmation(**(fields | changes)).to_bytes()).to_bytes()


async def holdings(desk: Desk, held: Held) -> list[Holding]:
    return [Holding.from_bytes(Signed.from_bytes(raw).body) for raw in await desk.port.holdings(held.consent.id)]


async def act(desk: Desk, agency: AgencyHandle, key: str) -> ActRecord:
    stored = await desk.port.entry(agency, key)
    assert stored is not None
    ((_, raw),) = Entry.from_bytes(Signed.from_bytes(stored.data).body).records
    record = read_record(raw)
    assert isinstance(record, ActRecord)
    return record


async def notices(desk: Desk, address: str) -> int:
    """How many notices wait for a contact, looked for by the ids that they would have."""
    contact = desk.force.contact(address)
    found = await take_all(desk, address)
    assert all(claimed(data) == "notice" for data in found), contact.name
    return len(found)


async def take_all(desk: Desk, address: str) -> list[bytes]:
    """Everything that is handed out to a contact before a marker that is stored after it."""
    contact = desk.force.contact(address)
    lanes: tuple[Lane, ...] = ("normal", "urgent")  # each is read by itself, so each has a marker
    ends = [View(contact.agency, contact.handle, n, ViewId(f"{k}" * 32), b"end", 60) for k, n in enumerate(lanes)]
    await desk.port.store([Admission(desk.force.agency(DESK), "x" + "0" * 32, b"marker", 60, ends)])
    found: list[bytes] = []
    ended = 0
    stream = desk.agency(address).deliveries(contact.handle)
    async with asyncio.timeout(10):
        while ended < len(ends):
            delivery = await anext(stream)
            await delivery.ack()
            if delivery.data == b"end":
                ended += 1
            else:
                found.append(delivery.data)
    await stream.aclose()
    return found


def code(answer: tuple[Evidence, bool]) -> tuple[str | None, bool]:
    return answer[0].code, answer[1]


# On both buses


async def test_from_a_withdrawal_on_nothing_that_rests_on_the_consent_passes(desk: Desk) -> None:
    force: Any = desk.force
    held, other = consent(force), consent(force)
    ((before, _),) = await desk.work(message(force, held))
    assert before.type is EvidenceType.SUBMISSION_ACCEPTANCE
    assert [code(a) for a in await desk.work(withdrawn(force, held), kind="withdrawal")] == [(None, False)]
    ((after, _),) = await desk.work(message(force, held))
    assert after.code == "not-permitted" and "R-08" in after.outcomes[0].rules
    ((elsewhere, _),) = await desk.work(message(force, other))
    assert elsewhere.type is EvidenceType.SUBMISSION_ACCEPTANCE


async def test_a_withdrawal_counts_and_is_confirmed_whatever_garbage_else_its_agencies_hand_in(
    force: Consenting,
) -> None:
    _, desk = fake_desk(force)
    held = consent(force)
    await desk.work(message(force, held))
    (holding,) = await holdings(desk, held)
    await flood(desk, DESK, SHELTER)
    bare, whole = withdrawn(force, held, terms=None), withdrawn(force, held)  # what has a form is never dropped
    assert [code(a)[0] for a in await desk.work(bare, kind="withdrawal")] == ["unverified"]
    assert [code(a)[0] for a in await desk.work(whole, kind="withdrawal")] == [None]
    ((after, _),) = await desk.work(message(force, held))
    assert "R-08" in after.outcomes[0].rules
    ((evidence, _),) = await desk.work(confirmed(force, held, holding), by=SHELTER, kind="erasure")
    assert evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE


async def test_a_withdrawal_counts_before_the_messages_of_its_own_batch(desk: Desk) -> None:
    force: Any = desk.force
    held = consent(force)
    await desk.submit(message(force, held))
    await desk.submit(withdrawn(force, held), kind="withdrawal")
    done = 0
    while done < 2:
        done += await desk.worker.step(5.0)
    answers = [await desk.answer(), await desk.answer()]
    assert {e.code for e, _ in answers} <= {None, "not-permitted"}
    assert await notices(desk, SHELTER) <= 1  # no view


async def test_what_waits_is_taken_away_and_holder_and_sender_are_told_in_a_signed_notice(desk: Desk) -> None:
    force: Any = desk.force
    held = consent(force)
    await desk.work(message(force, held))
    (holding,) = await holdings(desk, held)
    await desk.work(withdrawn(force, held), kind="withdrawal")
    assert not await desk.port.remove_view(holding.agency, holding.contact, holding.view_id)
    told = {}
    for address in (SHELTER, DESK):
        (raw,) = await take(desk, address, 1)
        told[address] = check(raw, force.contact(address).handle, force.bundle)
    assert {a: t.notice.part for a, t in told.items()} == {SHELTER: Part.HOLDER, DESK: Part.SENDER}
    for one in told.values():
        assert (one.notice.view_id, one.notice.view, one.notice.message) == (
            holding.view_id, holding.view, holding.message,
        )  # fmt: skip
        assert not one.notice.retrieved and one.notice.confirm_by == force.now + 3 * DAY
        assert one.withdrawal.consent == held.consent.id
    record = await act(desk, subjects.OPERATOR, order_key(held.consent.id, holding.contact, holding.view))
    assert (record.act, record.outcome, record.recipient) == ("erasure-ordered", "undelivered", holding.contact)
    stored = await desk.port.entry(subjects.OPERATOR, order_key(held.consent.id, holding.contact, holding.view))
    assert stored is not None
    evidence = Evidence.from_bytes(Entry.from_bytes(Signed.from_bytes(stored.data).body).evidence.body)
    assert (evidence.type, evidence.message, evidence.code) == (
        EvidenceType.NON_DELIVERY, holding.message, "consent-withdrawn",
    )  # fmt: skip


async def test_a_view_that_was_retrieved_is_ordered_to_be_erased_too(desk: Desk) -> None:
    from tests.broker.test_worker import signed_retrieval

    force: Any = desk.force
    held = consent(force)
    await desk.work(message(force, held))
    (holding,) = await holdings(desk, held)
    (data,) = await take(desk, SHELTER, 1)
    await desk.work(signed_retrieval(force, holding.view_id, data), by=SHELTER, kind="retrieval")
    assert await desk.port.entry(holding.agency, retrieved_key(holding.contact, holding.view_id))
    await desk.work(withdrawn(force, held), kind="withdrawal")
    record = await act(desk, subjects.OPERATOR, order_key(held.consent.id, holding.contact, holding.view))
    assert record.outcome == "retrieved"


async def test_a_repeated_withdrawal_gets_the_first_answer_and_another_ones_hears_that_it_is_withdrawn(
    desk: Desk,
) -> None:
    force: Any = desk.force
    held = consent(force)
    await desk.work(message(force, held))
    raw = withdrawn(force, held)
    ((first, _),) = await desk.work(raw, kind="withdrawal")
    later = Worker(desk.port, force.world(secret=bytes(32)), lambda: force.now + DAY)
    for worker in (desk.worker, later):
        desk.worker = worker
        assert await desk.work(raw, kind="withdrawal") == [(first, True)]
    ((second, _),) = await desk.work(withdrawn(force, held, by=RELEASER), kind="withdrawal")
    assert second.code == "consent-withdrawn"
    assert held.consent.id in later.world.withdrawn
    assert await notices(desk, SHELTER) == 1  # one, whoever tells


async def test_a_worker_that_has_not_heard_of_it_stores_nothing_that_rests_on_it(desk: Desk) -> None:
    """Two brokers on one store: the other one judges by what it knows, and the store refuses."""
    force: Any = desk.force
    held, whole = consent(force), consent(force)
    late = Worker(desk.port, force.world(secret=bytes(32)), lambda: force.now)
    await desk.work(withdrawn(force, held), kind="withdrawal")
    assert held.consent.id not in late.world.withdrawn
    desk.worker = late
    await desk.submit(message(force, held), message(force, whole))
    done = 0
    while done < 2:
        done += await late.step(5.0)
    answers = [await desk.answer(), await desk.answer()]
    assert sorted(str(e.code) for e, _ in answers) == ["None", "not-permitted"]
    refused = next(e for e, _ in answers if e.code)
    assert "R-08" in refused.outcomes[0].rules
    assert await waiting(desk, SHELTER) == 1 and held.consent.id in late.world.withdrawn
    assert await holdings(desk, held) == []


async def test_a_holder_s_word_is_recorded_once_for_each_outcome_and_its_notice_leaves(desk: Desk) -> None:
    force: Any = desk.force
    held = consent(force)
    await desk.work(message(force, held))
    (holding,) = await holdings(desk, held)
    await desk.work(withdrawn(force, held), kind="withdrawal")
    ground = {"outcome": Erasure.IMPOSSIBLE, "ground": KeepGround.COURT_ORDER}
    kept, erased = confirmed(force, held, holding, **ground), confirmed(force, held, holding)
    for raw in (kept, erased, erased):
        ((evidence, _),) = await desk.work(raw, by=SHELTER, kind="erasure")
        assert evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE
    assert await notices(desk, SHELTER) == 0
    key = confirmation_key(held.consent.id, holding.contact, holding.view, Erasure.IMPOSSIBLE)
    assert (await act(desk, holding.agency, key)).ground == "court-order"
    key = confirmation_key(held.consent.id, holding.contact, holding.view, Erasure.ERASED)
    assert (await act(desk, holding.agency, key)).outcome == "erased"


async def test_the_collector_alone_is_told_what_became_of_copies_and_no_name_that_its_extract_lacks(desk: Desk) -> None:
    force: Any = desk.force
    held = consent(force)
    await desk.work(message(force, held))
    (holding,) = await holdings(desk, held)
    question = cbor.dump({"consent": held.consent.id, "terms": held.consent.to_bytes()})
    everybody = frozenset(a.handle for a in force.bundle.directory.agencies)

    async def told(asker: str, seen: Any = everybody) -> Any:
        return cbor.load(
            await copies(question, force.agency(asker), seen, force.bundle.directory, desk.port), 10**6, "answer"
        )

    assert await told(DESK) == {"withdrawn": None, "copies": []}
    await desk.work(withdrawn(force, held), kind="withdrawal")
    answer = await told(DESK)
    assert answer["withdrawn"] == force.now
    assert answer["copies"] == [{"recipient": holding.contact, "ordered": force.now, "outcome": None, "record": None}]
    await desk.work(confirmed(force, held, holding), by=SHELTER, kind="erasure")
    (copy,) = (await told(DESK))["copies"]
    assert copy["outcome"] == "erased" and ActRecord.from_bytes(copy["record"][1]).recipient == holding.contact
    hidden = await told(DESK, frozenset({force.agency(DESK)}))
    assert hidden["copies"] == [{"recipient": None, "ordered": force.now, "outcome": "erased", "record": None}]
    assert holding.contact.encode() not in cbor.dump(hidden)
    for asker in (SHELTER, OTHER):
        with pytest.raises(UnknownSender):
            await told(asker)
    forged = cbor.dump({"consent": bytes(16), "terms": held.consent.to_bytes()})
    with pytest.raises(ShareError):
        await copies(forged, force.agency(DESK), everybody, force.bundle.directory, desk.port)


# Who may, and what is refused: the fake alone


REFUSED = {
    "by a stranger to the consent": (SHELTER, {}, "unverified"),
    "by an agency that knows neither": (PROSECUTOR, {}, "unverified"),
    "without the terms": (DESK, {"terms": None}, "unverified"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_nobody_else_withdraws(force: Consenting, name: str) -> None:
    by, changes, expected = REFUSED[name]
    _, desk = fake_desk(force)
    held = consent(force)
    raw = withdrawn(force, held, by=by, **changes)
    assert [code(a) for a in await desk.work(raw, by=by, kind="withdrawal")] == [(expected, False)]
    assert held.consent.id not in desk.worker.world.withdrawn


async def test_other_terms_than_the_consent_s_prove_nothing(force: Consenting) -> None:
    _, desk = fake_desk(force)
    held, own = consent(force), consent(force, collector=SHELTER, recipient="harbour-police")
    raw = withdrawn(force, held, by=SHELTER, terms=own.consent.to_bytes())
    moved = replace(held.consent, collector=force.contact(SHELTER).handle)
    for data in (raw, withdrawn(force, held, by=SHELTER, terms=moved.to_bytes())):
        assert [code(a) for a in await desk.work(data, by=SHELTER, kind="withdrawal")] == [("unverified", False)]


async def test_a_withdrawal_of_tomorrow_or_of_another_agency_s_contact_is_refused(force: Consenting) -> None:
    _, desk = fake_desk(force)
    held = consent(force)
    late = withdrawn(force, held, at=force.now + 3 * MINUTE)
    assert [code(a) for a in await desk.work(late, kind="withdrawal")] == [("stale", False)]
    assert [code(a) for a in await desk.work(withdrawn(force, held), by=SHELTER, kind="withdrawal")] == [
        ("replayed", False)
    ]
    assert [code(a) for a in await desk.work(b"garbage", kind="withdrawal")] == [("malformed", False)]


async def test_an_officer_withdraws_through_any_agency_and_the_collector_is_told(force: Consenting) -> None:
    from cli.enrol import officer_signer

    _, desk = fake_desk(force)
    held = consent(force)
    signer: Signer = officer_signer(force.practice.folder / "officers" / "officer-one", force.passphrase)
    signed = signer.sign(Tag.CONSENT_WITHDRAWAL, Withdrawal(consent=held.consent.id, at=force.now).to_bytes())
    raw = WithdrawalSubmission(withdrawal=signed, terms=held.consent.to_bytes()).to_bytes()
    assert [code(a) for a in await desk.work(raw, by=SHELTER, kind="withdrawal")] == [(None, False)]
    bus: FakeBus = desk.port.bus  # type: ignore[attr-defined]
    (collector,) = [k for k in bus.flow.values() if k.subject.startswith("deliver.")]
    told = check(collector.data, force.contact(DESK).handle, force.bundle)
    assert told.notice.part is Part.COLLECTOR and told.notice.view is None
    bare = WithdrawalSubmission(withdrawal=signed, terms=None).to_bytes()
    _, fresh = fake_desk(force)
    assert [code(a) for a in await fresh.work(bare, by=SHELTER, kind="withdrawal")] == [(None, False)]


async def test_nobody_says_what_became_of_another_s_copy(force: Consenting) -> None:
    _, desk = fake_desk(force)
    held = consent(force)
    await desk.work(message(force, held))
    (holding,) = await holdings(desk, held)
    forged = confirmed(force, held, holding, by=SAFEGUARDING, recipient=holding.contact)
    ahead = confirmed(force, held, holding, at=force.now + DAY)
    for raw, expected in ((forged, "undesignated-sender"), (ahead, "stale"), (b"x", "malformed")):
        assert [code(a) for a in await desk.work(raw, by=SHELTER, kind="erasure")] == [(expected, False)]


async def test_a_holding_that_no_worker_signed_is_reported_and_ordered_nothing(force: Consenting) -> None:
    bus, desk = fake_desk(force)
    held = consent(force)
    await desk.work(message(force, held))
    (holding,) = await holdings(desk, held)
    stranger = Signer(desk.worker.world.worker.kind, desk.worker.world.worker.handle, bytes(32))
    planted = replace(holding, contact=force.contact(SAFEGUARDING).handle)
    bus.put_flow(
        f"holding.{held.consent.id.hex()}.{'f' * 32}", stranger.sign(Tag.HOLDING, planted.to_bytes()).to_bytes(), None
    )
    bus.put_flow(f"holding.{held.consent.id.hex()}.{'e' * 32}", b"junk", None)
    await desk.work(withdrawn(force, held), kind="withdrawal")
    assert desk.port.foreign == 2
    told = [k.subject.split(".")[2] for k in bus.flow.values() if k.subject.startswith("deliver.")]
    assert sorted(told) == sorted([holding.contact, force.contact(DESK).handle])


async def test_a_message_that_rests_on_more_consents_than_one_batch_holds_is_refused_alone(
    force: Consenting, monkeypatch: pytest.MonkeyPatch
) -> None:
    from messages import limits

    _, desk = fake_desk(force)
    held = consent(force)
    assert CONSENTS + limits.GRANTS + 1 < 1000
    monkeypatch.setattr(limits, "CONSENTS", 0)
    assert [code(a) for a in await desk.work(message(force, held))] == [("malformed", False)]
    monkeypatch.setattr(limits, "CONSENTS", 1)
    assert [code(a) for a in await desk.work(message(force, held))] == [(None, False)]


async def test_what_breaks_the_flow_of_a_withdrawal_is_refused_on_record(
    force: Consenting, monkeypatch: pytest.MonkeyPatch
) -> None:
    from broker import worker as module

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "withdraw", broken)
    bus, desk = fake_desk(force)
    assert [code(a) for a in await desk.work(withdrawn(force, consent(force)), kind="withdrawal")] == [
        ("broker-failed", False)
    ]
    assert not views(bus)


# What a notice must be before anything is erased


async def test_a_notice_that_does_not_hold_in_all_its_parts_is_none(force: Consenting) -> None:
    bus, desk = fake_desk(force)
    held, other = consent(force), consent(force)
    await desk.work(message(force, held))
    await desk.work(withdrawn(force, held), kind="withdrawal")
    shelter = force.contact(SHELTER).handle
    (genuine,) = [k.data for k in bus.flow.values() if k.subject.startswith(f"deliver.{force.agency(SHELTER)}.")]
    delivery = NoticeDelivery.from_bytes(genuine)
    notice = Notice.from_bytes(delivery.notice.body)
    worker = desk.worker.world.worker

    def resigned(by: Any = worker, **changes: Any) -> Signed:
        signed: Signed = by.sign(Tag.NOTICE, replace(notice, **changes).to_bytes())
        return signed

    stranger = force.keys(PROSECUTOR).signer.sign(
        Tag.CONSENT_WITHDRAWAL, Withdrawal(consent=held.consent.id, at=force.now).to_bytes()
    )
    of_another = WithdrawalSubmission.from_bytes(withdrawn(force, other))
    colleague = WithdrawalSubmission.from_bytes(withdrawn(force, held, by=RELEASER))
    forged = Signer(worker.kind, worker.handle, bytes(32))
    for bad in (
        replace(delivery, notice=resigned(forged)),
        replace(delivery, notice=replace(delivery.notice, by=force.keys(DESK).signer.handle)),
        replace(delivery, notice=resigned(to=force.contact(SAFEGUARDING).handle, part=Part.SENDER)),
        replace(delivery, notice=resigned(consent=other.consent.id)),
        replace(delivery, notice=resigned(at=0)),
        replace(delivery, salt=bytes(32)),
        replace(delivery, record=delivery.record + b"x"),
        replace(delivery, terms=None),
        replace(delivery, terms=other.consent.to_bytes()),
        replace(delivery, withdrawal=colleague.withdrawal),
        replace(delivery, withdrawal=of_another.withdrawal),
        replace(
            delivery, withdrawal=of_another.withdrawal, terms=of_another.terms,
            notice=resigned(withdrawal=sha256(of_another.withdrawal.to_bytes()).digest()),
        ),
        replace(
            delivery, withdrawal=stranger, notice=resigned(withdrawal=sha256(stranger.to_bytes()).digest())
        ),
    ):  # fmt: skip
        with pytest.raises((Unverified, UnknownSender)):
            check(bad.to_bytes(), shelter, force.bundle)
    assert check(genuine, shelter, force.bundle).notice == notice
    verify(delivery.notice, Tag.NOTICE, worker.public)


def test_a_view_rests_on_the_consents_that_its_guard_names(force: Consenting) -> None:
    held = consent(force)
    admitted = force.admit(message(force, held))
    (out,) = admitted.holdings
    holding = Holding.from_bytes(verify(Signed.from_bytes(out.data), Tag.HOLDING, force.world().worker.public))
    (view,) = admitted.views
    assert (holding.consent, holding.view_id, holding.contact) == (held.consent.id, view.view_id, view.contact)
    assert (holding.sender, holding.message) == (force.contact(DESK).handle, MessageId(holding.message))
    assert not force.admit(force.send("08-organisations.json", PROSECUTOR)).holdings
