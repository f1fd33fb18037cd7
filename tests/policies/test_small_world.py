"""The laws of decide(), exhaustively over a small world: every role, flag, class and fact of protection that matters.

More facts of protection (a further role, a further flag, a right or a consent less) never turn a refusal into a permit.
"""

from dataclasses import replace
from itertools import combinations, product

import pytest

from messages.labels import Flag, Kind, PartyClass, Purpose, Role
from policies.decide import SILENCE, Engine
from policies.facts import RELAXING, Facts
from tests.policies.casebook import BOOLEANS

ENGINE = Engine.load()
ROLES = [frozenset(c) for n in range(3) for c in combinations((Role.SUSPECT, Role.VICTIM, Role.UNKNOWN), n)]
FLAGS = [frozenset(c) for n in range(4) for c in combinations((Flag.DIRECT, Flag.QUASI, Flag.SENSITIVE), n)]
FACTS = ("attested", "identity_right", "consent_demanded", "consent_covers", "released")
SWITCHES = tuple(product((False, True), repeat=len(FACTS)))
CLASSES = (PartyClass.PRO, PartyClass.LAB, PartyClass.NGO_S, PartyClass.FOR)
KINDS = (Kind.INTEL_REPORT, Kind.EVIDENCE_TRANSFER, Kind.DUTY_TO_NOTIFY)


def _base(kind: Kind, party: PartyClass) -> Facts:
    """Everything as favourable as it can be, abroad for a counterpart."""
    good = {name: name in RELAXING | {"as_evidence"} for name in BOOLEANS}
    good |= {"abroad": party is PartyClass.FOR, "vital_interest": False, "accepted": False}
    return Facts(
        kind=kind,
        purpose=Purpose.INVESTIGATE,
        sender_class=PartyClass.POL,
        recipient_class=party,
        data_type="A02",
        part="identity",
        roles=frozenset(),
        flags=frozenset(),
        **good,
    )


@pytest.fixture(scope="module", params=list(product(KINDS, CLASSES)), ids=lambda p: "/".join(p))
def world(request: pytest.FixtureRequest) -> dict[tuple[frozenset[Role], frozenset[Flag], tuple[bool, ...]], bool]:
    """Every case of one kind and one class, and whether it is permitted."""
    base = _base(*request.param)
    return {
        (roles, flags, switch): ENGINE.decide(
            replace(base, roles=roles, flags=flags, **dict(zip(FACTS, switch, strict=True)))
        ).permitted
        for roles, flags, switch in product(ROLES, FLAGS, SWITCHES)
    }


def test_a_further_role_or_flag_never_turns_a_refusal_into_a_permit(
    world: dict[tuple[frozenset[Role], frozenset[Flag], tuple[bool, ...]], bool],
) -> None:
    assert any(world.values()) and not all(world.values())
    for (roles, flags, switch), permitted in world.items():
        if permitted:
            for fewer in (roles - {r} for r in roles):
                assert world[fewer, flags, switch]
            for fewer_flags in (flags - {f} for f in flags):
                assert world[roles, fewer_flags, switch]


def test_a_right_a_consent_or_a_release_less_never_turns_a_refusal_into_a_permit(
    world: dict[tuple[frozenset[Role], frozenset[Flag], tuple[bool, ...]], bool],
) -> None:
    for (roles, flags, switch), permitted in world.items():
        for index, name in enumerate(FACTS):
            if name in RELAXING and not switch[index] and permitted:
                with_it = (*switch[:index], True, *switch[index + 1 :])
                assert world[roles, flags, with_it], name


def test_silence_refuses_wherever_no_permit_applies() -> None:
    """Without a right, an attestation or a vital interest nothing permits, whatever else holds."""
    for kind, party in product(Kind, PartyClass):
        for roles, flags in product(ROLES[:3], (FLAGS[0], FLAGS[1], FLAGS[-1])):
            bare = replace(_base(kind, party), roles=roles, flags=flags, attested=False, identity_right=False)
            refused = ENGINE.decide(bare)
            assert not refused.permitted
            assert SILENCE.id in refused.because or all(not ENGINE.rule(i).permits for i in refused.because)


def test_no_right_lets_pass_what_any_single_forbid_refuses() -> None:
    """Forbid wins: turn each adverse fact on beside every favourable one, and whatever refuses keeps refusing."""
    adverse = [n for n in BOOLEANS if n not in RELAXING]
    for kind, party in product(KINDS, CLASSES):
        base = replace(_base(kind, party), roles=frozenset({Role.VICTIM}), flags=frozenset({Flag.DIRECT}))
        alone = {n: ENGINE.decide(replace(base, **{n: True})).permitted for n in adverse}
        refusing = [n for n, permitted in alone.items() if not permitted]
        for first, second in combinations(refusing, 2):
            assert not ENGINE.decide(replace(base, **{first: True, second: True})).permitted
