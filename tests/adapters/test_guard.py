"""The release guard: it trusts nothing it is told, finds every planted name, and seals only what it has searched."""

import asyncio
import json
import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.guard import (
    PSEUDONYM,
    SHAPED,
    SOCKET,
    GuardClient,
    GuardRefused,
    GuardRequest,
    GuardSection,
    attest,
    examine,
    serving,
)
from keys import composing
from keys.domains import Tag
from keys.sealing import DecryptionKey, open_grant
from keys.signing import verify
from messages.attestations import AttestedSection, GuardAttestation
from messages.catalogue import DataType, load
from messages.errors import DependencyError, Malformed, ShareError, Unverified
from messages.ids import ContactHandle, MessageId, contact_handle
from messages.labels import Flag, Kind, Role
from policies.redaction.engine import Matcher
from policies.redaction.identity import Identity, Name
from tests.messages.catalogue.samples import OBJECTS, sample
from tests.support.orchid import DESK, INSPECTORS, SHELTER, TaskForce
from tests.support.tampering import flipped

CATALOGUE = load()
NAME = "Ilse Vantongeren"
MESSAGE = MessageId(bytes.fromhex("0b1f3a527a514c5e9d0e2b7c1a9f0001"))
SENDER = contact_handle("csender222222")
RECIPIENT = contact_handle("crecipient222")
KEY = DecryptionKey(bytes(range(96)))
STRANGER = {
    "case_pseudonym": "V-R4HD-2WPZ-6N",
    "first_name": "Qwerty",
    "middle_name": None,
    "second_name": "Uiopasdf",
    "also_known_as": None,
}
EXPOSING = {Flag.DIRECT, Flag.LOCATION, Flag.SENSITIVE}


def section(
    name: str,
    type_: str,
    part: str,
    value: Mapping[str, Any] | bytes,
    *,
    granted: bool,
    media: str = "application/json",
) -> GuardSection:
    """Sealed as the sender would, but claiming no roles and no flags at all."""
    plaintext = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
    sealed = composing.seal(
        MESSAGE, name=name, data_type=type_, part=part, media=media, roles=(), flags=(), plaintext=plaintext
    )
    return GuardSection(detail=sealed.detail, sealed=sealed.sealed, key=sealed.key, granted=granted)


def request(*sections: GuardSection, known: tuple[bytes, ...] = ()) -> GuardRequest:
    return GuardRequest(
        message=MESSAGE,
        kind=Kind.VICTIM_REFERRAL,
        sender=SENDER,
        recipient=RECIPIENT,
        public=KEY.public,
        sections=sections,
        known=known,
    )


def person() -> dict[str, Any]:
    """The victim as the sender's register knows her, under a name of that register that nothing here carries."""
    return sample("A02", case_pseudonym="V-R4HD-2WPZ-6N")


def victim() -> bytes:
    return json.dumps(person(), ensure_ascii=False).encode()


def _harmless(text: str) -> str:
    return text if any(c.isdigit() for c in text) else "plain words"  # a telephone number has to stay one


def harmless_part(data_type: DataType, part: str) -> dict[str, Any]:
    """A part of the sample with every free text harmless: what a sender without a planner might grant."""
    value = data_type.split(sample(data_type.id))[part]
    found: dict[str, Any] = data_type.validate_part(part, data_type.map_text(value, _harmless))
    return found


@dataclass(frozen=True)
class Place:
    """One free-form string of the catalogue."""

    type: str
    part: str
    path: str
    number: int


def places() -> list[Place]:
    found = []
    for data_type in CATALOGUE.types.values():
        for part in data_type.split(sample(data_type.id)):
            value = harmless_part(data_type, part)
            for number, (path, _, _) in enumerate(data_type.free_strings(value)):
                found.append(Place(data_type.id, part, path, number))
    assert len(found) > 40 and {p.type for p in found} >= {"A01", "A05", "A13", "A22", "A24"}
    return found


def plant(place: Place, text: str) -> dict[str, Any]:
    data_type = CATALOGUE.type(place.type)
    count = -1

    def replaced(before: str) -> str:
        nonlocal count
        count += 1
        return text if count == place.number else before

    return data_type.map_text(harmless_part(data_type, place.part), replaced)


def ask(place: Place, value: Mapping[str, Any], *, known: bool) -> list[AttestedSection]:
    """Have the guard look at it; the victim's identity is known from a section, or from `known` alone."""
    granted = section("x", place.type, place.part, value, granted=True)
    if known:
        return examine(request(granted, known=(victim(),)), CATALOGUE)[0]
    parts = CATALOGUE.type("A02").split(person())
    own = [section(f"v.{p}", "A02", p, v, granted=False) for p, v in parts.items()]
    return examine(request(granted, *own), CATALOGUE)[0]


@pytest.mark.parametrize("place", places(), ids=lambda p: f"{p.type}/{p.part}:{p.path}")
@pytest.mark.parametrize("form", [NAME, "she told Vantongeren that", "ILSE VANTONGEREN", "Vantongeren, Ilse"])
def test_a_victims_name_in_any_free_form_string_is_found(place: Place, form: str) -> None:
    if place.path.startswith("names[0]") and form == "she told Vantongeren that":
        return  # a suspect who bears a victim's surname may keep his own name
    try:
        (attested,) = ask(place, plant(place, form), known=True)
    except GuardRefused as refusal:
        assert "Vantongeren".lower() not in str(refusal).lower()
        named = place.path.split("[")[0].split(".")[0] in str(refusal)
        assert named or {f.kind for f in refusal.found} == {"other"}  # found where the same section names her too
    else:  # only where the structure itself already says that somebody is identified, so that the rules refuse
        assert set(attested.flags) & EXPOSING
        assert exposes(place)


def exposes(place: Place) -> bool:
    """Whether the section identifies somebody whatever the words: attested so, or refused for somebody else in it."""
    try:
        (clean,) = ask(place, plant(place, "plain words"), known=True)
    except GuardRefused as refusal:
        return {f.kind for f in refusal.found} == {"other"}
    return bool(set(clean.flags) & EXPOSING)


def test_most_strings_are_in_sections_that_would_otherwise_pass() -> None:
    free = [p for p in places() if p.type != "A07"]  # an identifier's value has the form of its kind, and no words
    passing = [p for p in free if not exposes(p)]
    assert len(passing) > 15
    for place in passing:
        with pytest.raises(GuardRefused):
            ask(place, plant(place, NAME), known=True)


def test_the_identity_sections_of_the_message_itself_are_searched_for() -> None:
    place = next(p for p in places() if (p.type, p.path) == ("A01", "narrative"))
    assert ask(place, plant(place, "plain words"), known=False)
    with pytest.raises(GuardRefused, match="known person"):
        ask(place, plant(place, f"and then {NAME} left"), known=False)


def test_a_name_of_the_senders_own_register_never_passes() -> None:
    part = CATALOGUE.type("A22").split(sample("A22"))
    granted = [section(f"x.{p}", "A22", p, harmless_part(CATALOGUE.type("A22"), p), granted=True) for p in part]
    own = json.dumps(sample("A02"), ensure_ascii=False).encode()  # under the pseudonym that the sections carry
    with pytest.raises(GuardRefused, match="register") as caught:
        examine(request(*granted, known=(own,)), CATALOGUE)
    assert "V-" not in str(caught.value)


@pytest.mark.parametrize(("identifier", "part"), [("A04", "assessment"), ("A23", "terms"), ("A22", "screening")])
def test_the_register_holds_sources_and_consents_too(identifier: str, part: str) -> None:
    value = CATALOGUE.type(identifier).split(sample(identifier))[part]
    asked = section("x", identifier, part, value, granted=True)
    stranger = json.dumps(sample("A02", **STRANGER), ensure_ascii=False).encode()
    own = json.dumps(sample(identifier), ensure_ascii=False).encode()
    examine(request(asked, known=(stranger,)), CATALOGUE)
    with pytest.raises(GuardRefused, match="register"):
        examine(request(asked, known=(stranger, own)), CATALOGUE)


def test_words_are_attested_with_nobody_searched_where_nobody_was_known_so_that_the_rules_ask_for_a_reader() -> None:
    place = next(p for p in places() if p.type == "A22")
    _, searched = examine(
        request(section("x", place.type, place.part, plant(place, "plain words"), granted=True)), CATALOGUE
    )
    assert searched == 0


def test_a_name_in_the_cover_or_split_over_lines_or_in_another_writing_is_found() -> None:
    texts = [
        "Re: Vantongeren",
        "met Ilse Van-\ntongeren",
        "ilse  vantongeren",
        "Ms Vantongeren's bag",
        "I. Vantongeren",
    ]
    for text in texts:
        with pytest.raises(GuardRefused, match="section cover: subject_line"):
            examine(
                request(section("cover", "cover", "cover", {"subject_line": text}, granted=True), known=(victim(),)),
                CATALOGUE,
            )


def test_a_script_in_which_it_cannot_search_is_refused() -> None:
    with pytest.raises(GuardRefused, match="script"):
        examine(
            request(section("cover", "cover", "cover", {"subject_line": "ᠮᠣᠩᠭᠣᠯ"}, granted=True), known=(victim(),)),
            CATALOGUE,
        )


def test_type_roles_and_flags_are_computed_whatever_the_sender_claims() -> None:
    for data_type in CATALOGUE.types.values():
        whole = sample(data_type.id)
        for part, value in data_type.split(whole).items():
            # What the sealed section itself shows, and no claim beside it: the description says no roles and no flags.
            stranger = json.dumps(sample("A02", **STRANGER), ensure_ascii=False).encode()
            asked = request(section("x", data_type.id, part, value, granted=True), known=(stranger,))
            (attested,), _ = examine(asked, CATALOGUE)
            roles = data_type.roles(value)
            assert set(attested.roles) == set(roles)
            assert set(attested.flags) == set(data_type.flags(part, value, roles, text_cleared=True))
            assert (attested.type, attested.part) == (data_type.id, part)
    identity = CATALOGUE.type("A02").split(sample("A02"))["identity"]
    (attested,), count = examine(request(section("x", "A02", "identity", identity, granted=True)), CATALOGUE)
    assert Flag.DIRECT in attested.flags and Role.VICTIM in attested.roles and count == 1


def test_what_does_not_fit_its_type_is_refused() -> None:
    a13 = harmless_part(
        CATALOGUE.type("A13"),
        "main" if "main" in CATALOGUE.type("A13").parts else next(iter(CATALOGUE.type("A13").parts)),
    )
    part = next(p for p in CATALOGUE.type("A13").split(sample("A13")))
    wrong: dict[str, GuardSection] = {
        "no JSON": section("x", "A13", part, b"\x00", granted=True),
        "a list": section("x", "A13", part, b"[]", granted=True),
        "a field too many": section("x", "A13", part, {**a13, "zzyzx": "x"}, granted=True),
        "another type": section("x", "A05", part, a13, granted=True),
        "no such type": section("x", "A99", part, a13, granted=True),
        "no such part": section("x", "A13", "zzyzx", a13, granted=True),
        "another media type": section("x", "A13", part, a13, granted=True, media="text/plain"),
        "a cover that is no list of words": section("cover", "cover", "cover", {"subject_line": 7}, granted=True),
    }
    for what, bad in wrong.items():
        with pytest.raises(GuardRefused) as caught:
            examine(request(bad), CATALOGUE)
        assert what and "refuses the section" in str(caught.value)


def test_a_cover_that_is_not_what_its_kind_demands_is_refused() -> None:
    cover = section("cover", "cover", "cover", {"subject_line": "x"}, granted=True)
    assert examine(request(cover, known=(victim(),)), CATALOGUE)
    report = replace(request(cover, known=(victim(),)), kind=Kind.INTEL_REPORT)
    with pytest.raises(GuardRefused, match=r"section cover: .*source_protection"):
        examine(report, CATALOGUE)


def test_a_list_and_a_date_of_a_cover_are_searched_and_its_codes_are_not() -> None:
    words = {
        "subject_line": "x",
        "order_or_basis": "a court order",
        "persons": ["somebody", "nobody"],
        "jurisdictions": ["one"],
        "egmont_consent_chain": ["one"],
        "victims_claims": "yes",
        "no_tipping_off": "yes",
    }
    trace = replace(request(section("cover", "cover", "cover", words, granted=True), known=(victim(),)))
    assert examine(replace(trace, kind=Kind.ASSET_TRACE), CATALOGUE)
    words["persons"] = ["somebody", NAME]
    trace = request(section("cover", "cover", "cover", words, granted=True), known=(victim(),))
    with pytest.raises(GuardRefused, match="section cover: persons"):
        examine(replace(trace, kind=Kind.ASSET_TRACE), CATALOGUE)


def test_what_is_not_granted_is_opened_too_and_refused_if_it_cannot_be_read() -> None:
    good = section("cover", "cover", "cover", {"subject_line": "x"}, granted=True)
    with pytest.raises(GuardRefused):
        examine(request(good, section("v", "A02", "identity", b"{}", granted=False)), CATALOGUE)


def test_another_key_ciphertext_or_description_than_what_travels_is_refused() -> None:
    one = section("cover", "cover", "cover", {"subject_line": "one"}, granted=True)
    two = section("cover", "cover", "cover", {"subject_line": "two"}, granted=True)
    for bad in (
        replace(one, key=two.key),
        replace(one, sealed=two.sealed),
        replace(one, detail=two.detail),
        replace(one, detail=replace(one.detail, commitment=two.detail.commitment)),
        replace(one, detail=replace(one.detail, name="other")),
        replace(one, sealed=flipped(one.sealed)),
    ):
        with pytest.raises(GuardRefused):
            examine(request(bad), CATALOGUE)
    with pytest.raises(GuardRefused):
        examine(replace(request(one), message=MessageId(bytes(16))), CATALOGUE)


@pytest.mark.parametrize("raw", [b"\x00", b"[]", b"{}", b'{"type": "A99"}', b'{"type": "A02", "first_name": "Ilse"}'])
def test_a_known_identity_that_cannot_be_read_refuses_everything(raw: bytes) -> None:
    good = section("cover", "cover", "cover", {"subject_line": "x"}, granted=True)
    with pytest.raises(GuardRefused, match="known identity cannot be read") as caught:
        examine(request(good, known=(victim(), raw)), CATALOGUE)
    assert "Ilse" not in str(caught.value)


def test_nothing_granted_is_nothing_to_seal() -> None:
    with pytest.raises(GuardRefused, match="seal nothing"):
        examine(request(section("cover", "cover", "cover", {"subject_line": "x"}, granted=False)), CATALOGUE)


def test_the_attestation_says_what_was_searched_and_the_grant_opens_for_the_recipient_alone(force: TaskForce) -> None:
    signer = force.guard("harbour-police")
    cover = section("cover", "cover", "cover", {"subject_line": "x"}, granted=True)
    firm = next(iter(CATALOGUE.type("A13").split(sample("A13"))))
    other = section("a", "A13", firm, harmless_part(CATALOGUE.type("A13"), firm), granted=True)
    withheld = section("v", "A02", "identity", CATALOGUE.type("A02").split(sample("A02"))["identity"], granted=False)
    asked = request(cover, other, withheld)
    grant, signed = attest(asked, signer, CATALOGUE, force.now)
    guard = GuardAttestation.from_bytes(verify(signed, Tag.GUARD, signer.public))
    assert (guard.message, guard.sender, guard.recipient) == (MESSAGE, SENDER, RECIPIENT)
    assert (guard.identities, guard.at) == (1, force.now)
    assert [s.name for s in guard.sections] == ["a", "cover"]
    assert {s.commitment for s in guard.sections} == {cover.detail.commitment, other.detail.commitment}
    described = composing.describe_grant(
        grant,
        recipient=RECIPIENT,
        agreement="AGR-1",  # type: ignore[arg-type]
        public=KEY.public,
        sections=["cover", "a"],
        thread=bytes(16),
        case=None,
    ).detail
    assert guard.grant == described.digest
    keys = open_grant(KEY, grant, described, MESSAGE, SENDER)
    assert {n: k.raw for n, k in keys.items()} == {"a": other.key.raw, "cover": cover.key.raw}
    with pytest.raises(Unverified):
        open_grant(DecryptionKey(bytes(96)), grant, described, MESSAGE, SENDER)
    with pytest.raises(Unverified):
        open_grant(KEY, grant, described, MESSAGE, ContactHandle("cother2222222"))


def test_what_the_planner_makes_of_the_example_passes_and_what_it_did_not_redact_does_not(force: TaskForce) -> None:
    for case, to in (("13-notebook-disclosure.json", INSPECTORS), ("03-referral-adult.json", SHELTER)):
        message = force.one(case, to)
        assert force.compose(message).attestations
        full = force.forced(case, to)
        with pytest.raises(GuardRefused):
            harmless = tuple(s for s in full.sections if not set(s.flags) & {Flag.LOCATION, Flag.SENSITIVE})
            recipients = tuple(replace(r, granted=tuple(s.name for s in harmless)) for r in full.recipients)
            force.compose(replace(full, sections=harmless, recipients=recipients, guarded=True, known=message.known))


# The shell


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_malformed(raw: bytes) -> None:
    try:
        GuardRequest.from_bytes(raw)
    except ShareError as error:
        assert isinstance(error, Malformed)


def test_a_request_comes_back_as_it_went() -> None:
    asked = request(section("cover", "cover", "cover", {"subject_line": "x"}, granted=True), known=(victim(),))
    assert GuardRequest.from_bytes(asked.to_bytes()) == asked


async def test_it_answers_on_a_socket_that_only_its_owner_can_open(force: TaskForce, tmp_path: Path) -> None:
    signer = force.guard("harbour-police")
    asked = request(section("cover", "cover", "cover", {"subject_line": "x"}, granted=True), known=(victim(),))
    planted = request(section("cover", "cover", "cover", {"subject_line": NAME}, granted=True), known=(victim(),))
    before = os.umask(0)
    try:
        async with serving(tmp_path, signer, lambda: force.now) as path:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            grant, signed = await GuardClient(path).attest(asked)
            assert grant and verify(signed, Tag.GUARD, signer.public)
            with pytest.raises(GuardRefused, match="known person") as caught:
                await GuardClient(path).attest(planted)
            assert NAME not in str(caught.value)
            answers = await asyncio.gather(*(GuardClient(path).attest(asked) for _ in range(5)))
            assert len({a[0] for a in answers}) == 5
            assert os.umask(0) == 0  # making the socket left the process as it was
    finally:
        os.umask(before)
    assert not (tmp_path / SOCKET).exists()


@pytest.mark.parametrize(
    "raw", [struct.pack(">I", 0), struct.pack(">I", 3) + b"abc", struct.pack(">I", 1 << 31), b"\x00\x00\x01\x00half"]
)
async def test_hostile_bytes_on_the_socket_are_refused_and_the_guard_goes_on(
    force: TaskForce, tmp_path: Path, raw: bytes
) -> None:
    asked = request(section("cover", "cover", "cover", {"subject_line": "x"}, granted=True))
    async with serving(tmp_path, force.guard("harbour-police"), lambda: force.now) as path:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(raw)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        assert b"attestation" not in answer
        assert await GuardClient(path).attest(asked)


async def test_a_guard_that_is_down_or_dies_releases_nothing(tmp_path: Path) -> None:
    asked = request(section("cover", "cover", "cover", {"subject_line": "x"}, granted=True))
    with pytest.raises(DependencyError, match="guard does not answer"):
        await GuardClient(tmp_path / SOCKET).attest(asked)

    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(4)
        writer.close()

    server = await asyncio.start_unix_server(die, tmp_path / SOCKET)
    async with server:
        with pytest.raises(DependencyError, match="guard does not answer"):
            await GuardClient(tmp_path / SOCKET).attest(asked)


def test_every_type_of_the_catalogue_has_a_sample() -> None:
    assert set(OBJECTS) == set(CATALOGUE.types)
    assert DESK


def test_random_letters_of_ids_and_pseudonyms_are_not_taken_for_a_name(force: TaskForce) -> None:
    """Ids hold letters such as "abd7", and pseudonyms end in pairs such as "BD": by chance they look like somebody."""
    matcher = Matcher((Identity(pseudonym="person", names=(Name(given="Abdul", family="Bari", aliases=("ABD",)),)),))
    assert matcher.search("1f6a0c9e-4abd-4d1c-9abd-5f0e2b7c8d9a", strict=True)  # what the guard must not be shown
    assert matcher.search("V-AGZG-ABD2-BD", strict=True)
    for text in ("V-AGZG-ABD2-BD says that V-2ABD-26ZH-8G left.", "It was V-AGZG-ABD2-BD's."):
        assert not matcher.search(PSEUDONYM.sub(" person ", text), strict=True)
    assert matcher.search(PSEUDONYM.sub(" person ", "V-AGZG-ABD2-BD knows Abdul Bari"), strict=True)
    assert {"id", "ref", "pseudonym"} == SHAPED
