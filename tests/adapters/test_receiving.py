"""Receiving: each numbered step has a failure of its own, and whatever fails is kept aside with its code."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.receiving import Disagrees, Mislabelled
from audit.record import Record
from audit.record import leaf as commitment
from audit.tree import leaf_hash
from broker import records
from keys.domains import KeyKind, Tag
from keys.signing import Signer, digest
from messages import wire
from messages.envelope import Delivery, View
from messages.errors import Malformed, NewerEpoch, RemoteError, UnknownSender, Unverified
from messages.evidence import Outcome, Stamp
from messages.labels import Flag, Role
from messages.limits import DAY
from tests.support.orchid import FOREIGN, INSPECTORS, PROSECUTOR, SHELTER, TaskForce, task_force
from tests.support.tampering import flipped

FIRMS = "08-organisations.json"
REFERRAL = "03-referral-adult.json"


def delivered(force: TaskForce, case: str, to: str, *others: str) -> bytes:
    views = {v.contact: v.data for v in force.admit(force.send(case, to, *others)).views}
    return views[force.contact(to).handle]


def restamped(
    force: TaskForce,
    data: bytes,
    *,
    view: Callable[[View], View] = lambda v: v,
    stamp: Callable[[Stamp], Stamp] = lambda s: s,
    record: Callable[[Record], Record] = lambda r: r,
    signer: Signer | None = None,
    consistent: bool = True,
) -> bytes:
    """A delivery as a dishonest broker makes it: changed, and stamped again with the worker's real key."""
    delivery = Delivery.from_bytes(data)
    old = Stamp.from_bytes(delivery.stamp.body)
    made = view(wire.decode_view(delivery.view)).to_bytes()
    view_digest = digest("view", made) if consistent else old.view
    manifest = digest("manifest", wire.decode_view(made).manifest_bytes) if consistent else old.manifest
    wanted = stamp(replace(old, view=view_digest, manifest=manifest))
    noted = Record.from_bytes(delivery.record)
    noted = replace(noted, view=wanted.view, manifest=wanted.manifest, rules=wanted.rules) if consistent else noted
    raw = records.write(record(noted))
    if consistent:
        wanted = replace(wanted, leaf=leaf_hash(commitment(delivery.salt, raw)))
    signed = (signer or force.broker.worker).sign(Tag.STAMP, wanted.to_bytes())
    return Delivery(view=made, stamp=signed, record=raw, salt=delivery.salt).to_bytes()


def refused(force: TaskForce, data: bytes, address: str, error: type[RemoteError], words: str, **changes: Any) -> None:
    with pytest.raises(error, match=words) as caught:
        force.open(data, address, **changes)
    assert type(caught.value) is error


def test_an_honest_delivery_opens_and_so_does_one_stamped_again_unchanged(force: TaskForce) -> None:
    for case, to in ((FIRMS, PROSECUTOR), (REFERRAL, SHELTER), ("02-labour-disclosure.json", INSPECTORS)):
        data = delivered(force, case, to)
        assert force.open(data, to) == force.open(restamped(force, data), to)


# (1) parse; the stamp's signer


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_by_a_remote_error(raw: bytes) -> None:
    with pytest.raises(RemoteError):
        task_force().open(raw, PROSECUTOR)


def test_a_stamp_by_a_stranger_or_by_nobodys_key_is_refused(force: TaskForce) -> None:
    data = delivered(force, FIRMS, PROSECUTOR)
    stranger = Signer(KeyKind.WORKER, "wstranger2222", bytes(32))
    impostor = Signer(KeyKind.WORKER, force.broker.worker.handle, bytes(32))
    refused(force, restamped(force, data, signer=stranger), PROSECUTOR, Unverified, "not by a worker")
    refused(force, restamped(force, data, signer=impostor), PROSECUTOR, Unverified, "signature over the stamp")
    delivery = Delivery.from_bytes(data)
    evidence = force.broker.worker.sign(Tag.EVIDENCE, delivery.stamp.body)
    refused(force, replace(delivery, stamp=evidence).to_bytes(), PROSECUTOR, Unverified, "Something else")


def test_a_stamp_dated_outside_its_workers_time_is_refused(force: TaskForce) -> None:
    data = delivered(force, FIRMS, PROSECUTOR)
    late = restamped(force, data, stamp=lambda s: replace(s, admitted=force.now + 3651 * DAY))
    refused(force, late, PROSECUTOR, Unverified, "not in force")


# (2) the stamp is about this view, this recipient and this record


def test_a_stamp_about_another_view_recipient_outcome_or_record_is_refused(force: TaskForce) -> None:
    data = delivered(force, FIRMS, PROSECUTOR)
    other = Delivery.from_bytes(delivered(force, FIRMS, PROSECUTOR))
    mine = Delivery.from_bytes(data)
    handle = force.contact(FOREIGN).handle
    for made, words in (
        (replace(mine, view=other.view).to_bytes(), "another view"),
        (replace(mine, stamp=other.stamp).to_bytes(), "another view"),
        (replace(mine, record=other.record).to_bytes(), "promises to the log"),
        (replace(mine, salt=other.salt).to_bytes(), "promises to the log"),
        (restamped(force, data, stamp=lambda s: replace(s, recipient=handle)), "for this recipient"),
        (restamped(force, data, stamp=lambda s: replace(s, outcome=Outcome.REFUSED)), "for this recipient"),
        (restamped(force, data, record=lambda r: replace(r, recipient=handle)), "something else than the stamp"),
        (restamped(force, data, record=lambda r: replace(r, view=bytes(32))), "something else than the stamp"),
    ):
        refused(force, made, PROSECUTOR, Unverified, words)


def test_a_delivery_to_somebody_else_does_not_open(force: TaskForce) -> None:
    data = delivered(force, FIRMS, FOREIGN, PROSECUTOR)
    refused(force, data, PROSECUTOR, Unverified, "for this recipient")


# (3) the sender's signature and what it covers


def test_a_broker_that_alters_the_view_and_stamps_it_again_is_found_out(force: TaskForce) -> None:
    data = delivered(force, FIRMS, PROSECUTOR)

    def section(view: View) -> View:
        name, sealed = next(iter(view.sections.items()))
        return replace(view, sections={**view.sections, name: flipped(sealed)})

    def left_out(view: View) -> View:
        name = next(iter(view.sections))
        return replace(view, sections={k: v for k, v in view.sections.items() if k != name})

    def redated(view: View) -> View:
        manifest = replace(view.manifest, expires=view.manifest.expires + 1)
        return replace(view, manifest=manifest, manifest_bytes=manifest.to_bytes())

    def grant(view: View) -> View:
        return replace(view, grant=flipped(view.grant))

    def unsigned(view: View) -> View:
        return replace(view, signature=bytes(64))

    def renamed(view: View) -> View:
        manifest = replace(view.manifest, sender=force.contact(INSPECTORS).handle)
        return replace(view, manifest=manifest, manifest_bytes=manifest.to_bytes())

    for change in (section, left_out, redated, grant, unsigned, renamed):
        refused(force, restamped(force, data, view=change), PROSECUTOR, Unverified, ".")


def test_a_sender_whom_the_directory_does_not_name_is_refused(force: TaskForce) -> None:
    data = delivered(force, FIRMS, PROSECUTOR)

    def stranger(view: View) -> View:
        manifest = replace(view.manifest, sender="cstranger2222")  # type: ignore[arg-type]
        return replace(view, manifest=manifest, manifest_bytes=manifest.to_bytes())

    refused(force, restamped(force, data, view=stranger), PROSECUTOR, UnknownSender, ".")


def test_a_stamp_about_another_message_is_refused(force: TaskForce) -> None:
    data = delivered(force, FIRMS, PROSECUTOR)

    def elsewhere(stamp: Stamp) -> Stamp:
        return replace(stamp, manifest=bytes(32))

    refused(force, restamped(force, data, stamp=elsewhere), PROSECUTOR, Unverified, "another message")


# (4) attestations


def test_a_view_without_the_guards_word_or_with_a_strangers_is_refused(force: TaskForce) -> None:
    data = delivered(force, REFERRAL, SHELTER)
    bare = restamped(force, data, view=lambda v: replace(v, attestations=()))
    refused(force, bare, SHELTER, Disagrees, ".")

    def by_stranger(view: View) -> View:
        signed = tuple(
            Signer(KeyKind.GUARD, a.by, bytes(32)).sign(Tag.GUARD, a.body) if a.tag == Tag.GUARD else a
            for a in view.attestations
        )
        return replace(view, attestations=signed)

    refused(force, restamped(force, data, view=by_stranger), SHELTER, Unverified, ".")


def test_a_view_that_tells_of_another_recipient_is_refused(force: TaskForce) -> None:
    envelope = force.release(
        force.compose(force.one("09-person-in-danger.json", PROSECUTOR, FOREIGN)), PROSECUTOR, FOREIGN
    )
    data = next(v.data for v in force.admit(envelope).views if v.contact == force.contact(PROSECUTOR).handle)
    told = restamped(force, data, view=lambda v: replace(v, attestations=envelope.attestations))
    refused(force, told, PROSECUTOR, Unverified, "another recipient")


# (5) deciding again


def test_a_broker_that_permits_what_our_rules_refuse_is_found_out(force: TaskForce) -> None:
    data = delivered(force, FIRMS, PROSECUTOR)
    agreements = {k: v for k, v in force._world.agreements.items() if k != "AGR-2026-01"}
    refused(force, data, PROSECUTOR, Disagrees, ".", agreements=agreements)


def test_other_reasons_than_ours_are_a_difference_too(force: TaskForce) -> None:
    data = delivered(force, FIRMS, PROSECUTOR)
    for rules in (("SC-61",), (*Stamp.from_bytes(Delivery.from_bytes(data).stamp.body).rules, "SC-99"), ()):
        refused(force, restamped(force, data, stamp=lambda s, r=rules: replace(s, rules=r)), PROSECUTOR, Disagrees, ".")


def test_an_admission_outside_the_time_of_the_message_is_a_difference(force: TaskForce) -> None:
    data = delivered(force, FIRMS, PROSECUTOR)
    for days in (-1, 100):
        made = restamped(force, data, stamp=lambda s, d=days: replace(s, admitted=s.admitted + d * DAY))
        refused(force, made, PROSECUTOR, Disagrees, "outside the time")


def test_an_admission_under_a_newer_trust_bundle_waits_for_that_bundle(force: TaskForce) -> None:
    data = delivered(force, FIRMS, PROSECUTOR)
    newer = restamped(force, data, stamp=lambda s: replace(s, epoch=s.epoch + 1))
    with pytest.raises(NewerEpoch, match="newer trust bundle") as caught:
        force.open(newer, PROSECUTOR)
    assert caught.value.epoch == force.bundle.epoch + 1


# (6) opening


def test_without_the_key_it_was_sealed_to_nothing_opens(force: TaskForce) -> None:
    data = delivered(force, FIRMS, PROSECUTOR)
    recipient = force.contact(PROSECUTOR)
    for keys in ((), force.keys(FOREIGN).decryption):
        with pytest.raises(Unverified, match="not here"):
            force.receiver().open(data, recipient, keys)


# (7) what it was declared to be


def test_content_that_is_not_what_a_sender_with_full_rights_declared_is_kept_aside(force: TaskForce) -> None:
    message = force.one("01-full-report.json", PROSECUTOR)
    tried = 0
    for index, draft in enumerate(message.sections):
        if draft.name not in message.recipients[0].granted or draft.type not in ("A02", "A07"):
            continue
        wrong = [replace(draft, roles=(Role.SUSPECT,)), replace(draft, flags=tuple({Flag.QUASI} ^ set(draft.flags)))]
        for other in wrong[: 2 if tried < 8 else 1]:
            sections = (*message.sections[:index], other, *message.sections[index + 1 :])
            admitted = force.admit(force.compose(replace(message, sections=sections)))
            if not admitted.views or (other.roles, other.flags) == (draft.roles, draft.flags):
                continue
            tried += 1
            refused(force, admitted.views[0].data, PROSECUTOR, Mislabelled, "declared")
        if tried > 6:
            break
    assert tried > 3


def test_content_that_does_not_fit_its_type_is_kept_aside(force: TaskForce) -> None:
    message = force.one(FIRMS, PROSECUTOR)
    granted = message.recipients[0].granted
    draft = next(s for s in message.sections if s.type == "A03" and s.name in granted)
    for plaintext in (b"\x00", b"[]", b'{"zzyzx": 1}', draft.plaintext[:-1] + b', "zzyzx": "Ioana"}'):
        sections = tuple(replace(s, plaintext=plaintext) if s is draft else s for s in message.sections)
        admitted = force.admit(force.compose(replace(message, sections=sections)))
        with pytest.raises(RemoteError) as caught:
            force.open(admitted.views[0].data, PROSECUTOR)
        assert caught.value.code == "content" and "Ioana" not in str(caught.value)


def covered(force: TaskForce, plaintext: bytes | None) -> bytes:
    """A report whose sender wrote another cover than its kind demands, or none at all."""
    message = force.one(FIRMS, PROSECUTOR)
    if plaintext is not None:
        sections = tuple(replace(s, plaintext=plaintext) if s.type == "cover" else s for s in message.sections)
        return force.admit(force.compose(replace(message, sections=sections))).views[0].data
    (recipient,) = message.recipients
    without = replace(recipient, granted=tuple(n for n in recipient.granted if n != "cover"))
    sections = tuple(s for s in message.sections if s.type != "cover")
    return force.admit(force.compose(replace(message, sections=sections, recipients=(without,)))).views[0].data


@pytest.mark.parametrize(
    "plaintext",
    [
        b'{"subject_line": "x"}',
        b'{"subject_line": "x", "source_protection": "Ioana"}',
        b'{"subject_line": "x", "source_protection": "source-at-risk", "notice_colour": "red"}',
        b'["x"]',
        None,
    ],
)
def test_a_cover_that_is_not_what_its_kind_demands_is_kept_aside(force: TaskForce, plaintext: bytes | None) -> None:
    data = covered(force, plaintext)
    with pytest.raises(RemoteError) as caught:
        force.open(data, PROSECUTOR)
    assert caught.value.code == "content" and "Ioana" not in str(caught.value)


def test_an_expired_bundle_warns_and_still_opens(force: TaskForce) -> None:
    data = delivered(force, FIRMS, PROSECUTOR)
    expired = replace(force.bundle, expires=force.now - 1)
    assert force.open(data, PROSECUTOR, bundle=expired) == force.open(data, PROSECUTOR)
    trust = force.homes["district-prosecutor"].trust
    assert "expired" in trust.warnings(expired, force.now)[0]
    assert not trust.warnings(force.bundle, force.now)


def test_every_reason_for_keeping_aside_has_a_code_and_a_sentence() -> None:
    for error in (Disagrees, Mislabelled, Unverified, UnknownSender, Malformed):
        assert error.code and error.says.endswith(".")
