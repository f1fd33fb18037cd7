"""Decide whether one section may go to one recipient: same facts in, same decision out.

A forbid beats any number of permits. Silence refuses. A rule that cannot be judged refuses: Cedar skips a rule whose
evaluation errs, which would disarm a broken forbid, and answers Allow beside an error; so any error at all, and the
answer NoDecision (a word outside the schema), is a refusal here. The schema is always passed, and the rules are
validated against it when they are loaded; a rule without id, source, sentence or kind does not load.

Rules see `Facts` only, which hold no time and no identity; so decisions are remembered under their facts.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from operator import attrgetter
from typing import Any, Final

import cedarpy

from policies.facts import Facts

REMEMBERED: Final = 65_536
"""Decisions kept. Facts of real traffic number in the hundreds; the bound is against a sender who varies them."""

KINDS: Final = frozenset({"hard", "default"})
_ANNOTATIONS: Final = frozenset({"id", "source", "says", "kind"})
_WORDS: Final = frozenset({"kind", "purpose", "sender_class", "recipient_class", "data_type", "part", "roles", "flags"})
_NAMES: Final = tuple(f.name for f in fields(Facts))
_KEY: Final = attrgetter(*_NAMES)
_BOOLEANS: Final = tuple(f.name for f in fields(Facts) if f.name not in _WORDS)

_SCHEMA: Final = "schema.cedarschema"


class Effect(StrEnum):
    """What was decided."""

    PERMIT = "permit"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Decision:
    """Permit or refuse, and the ids of the rules that decided: never empty, somebody will ask."""

    effect: Effect
    because: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.because:
            raise ValueError("a decision without a reason is none")

    @property
    def permitted(self) -> bool:
        return self.effect is Effect.PERMIT


@dataclass(frozen=True, slots=True)
class ViewDecision:
    """What one recipient gets: the whole view, or nothing of it with the rules that refused."""

    effect: Effect
    because: tuple[str, ...]
    sections: tuple[tuple[str, Decision], ...]

    @property
    def permitted(self) -> bool:
        return self.effect is Effect.PERMIT


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as people read it. `permits` tells a permit from a forbid; `kind` is "hard" or "default"."""

    id: str
    source: str
    says: str
    kind: str
    permits: bool = False


class RulesBroken(Exception):
    """The packaged rules do not load: a fault of this installation, never of a message."""


SILENCE: Final = Rule("SC-00", "docs/design.md law 2", "No rule permits this, and silence refuses.", "hard")
UNJUDGED: Final = Rule(
    "SC-98", "docs/design.md law 2", "A rule could not be judged, and what cannot be judged is refused.", "hard"
)
UNKNOWN: Final = Rule(
    "SC-99", "docs/design.md law 2", "The request uses a type, part or word that the rules do not know.", "hard"
)
EMPTY: Final = Rule("SC-97", "docs/design.md section 4", "Nothing in the message is granted to this recipient.", "hard")
HOUSE: Final = (SILENCE, UNJUDGED, UNKNOWN, EMPTY)
"""Rules that no file can change or drop."""


class Engine:
    """Rules, parsed once. Immutable but for the memory of decisions, which is safe to share between threads."""

    def __init__(self, policies: str, schema: str, entities: str = "[]") -> None:
        """Parse and validate, or raise `RulesBroken`. `load` is the way to the packaged rules."""
        try:
            self._schema = cedarpy.Schema.from_str(schema)
            self._policies = cedarpy.PolicySet.from_str(policies)
            self._entities = cedarpy.Entities.from_json_str(entities, self._schema)
            found = cedarpy.validate_policies(policies, self._schema)
            described = json.loads(cedarpy.policies_to_json_str(policies))
        except ValueError as error:
            raise RulesBroken(f"The rules do not parse: {error}") from None
        if not found.validation_passed:
            raise RulesBroken(f"The rules do not fit their schema: {'; '.join(map(str, found.errors))}")
        if described["templates"] or described.get("templateLinks"):
            raise RulesBroken("The rules contain a template; every rule stands for itself.")
        strange = sorted(set(_asked_for(described["staticPolicies"])) - set(_BOOLEANS))
        if strange:  # Cedar's validator lets `context has misspelt` pass: it is false, which disarms a forbid
            raise RulesBroken(f"The rules ask for a fact that does not exist: {', '.join(strange)}.")
        self._ids = _rule_ids(described["staticPolicies"])
        self._rules = {rule.id: rule for rule in (*HOUSE, *_rules(described["staticPolicies"]))}
        if len(self._rules) != len(HOUSE) + len(self._ids):
            raise RulesBroken("A rule id stands twice.")
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._judge_key)

    @staticmethod
    @cache
    def load() -> "Engine":
        """The packaged rules, parsed on the first call and shared after that."""
        return Engine(*packaged())

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule, the house's own included, in the order of their ids."""
        return tuple(self._rules[key] for key in sorted(self._rules))

    def rule(self, identifier: str) -> Rule:
        """The rule with this id, or `KeyError`."""
        return self._rules[identifier]

    def decide(self, facts: Facts) -> Decision:
        """The decision for one recipient and one section. Never raises for facts, whatever they are."""
        return self._remembered(_KEY(facts))  # a tuple compares faster than the facts themselves

    def decide_afresh(self, facts: Facts) -> Decision:
        """The same without the memory: for measurements, and for whoever doubts it."""
        return self._judge(facts)

    def decide_view(self, sections: Sequence[tuple[str, Facts]]) -> ViewDecision:
        """The outcome for one recipient: if one granted section is refused, the whole view is, with those rules."""
        decided = tuple((name, self.decide(facts)) for name, facts in sections)
        if not decided:
            return ViewDecision(Effect.REFUSE, (EMPTY.id,), ())
        refused = [d for _, d in decided if not d.permitted]
        effect = Effect.REFUSE if refused else Effect.PERMIT
        counted = refused or [d for _, d in decided]
        return ViewDecision(effect, tuple(sorted({i for d in counted for i in d.because})), decided)

    def _judge_key(self, key: tuple[Any, ...]) -> Decision:
        return self._judge(Facts(**dict(zip(_NAMES, key, strict=True))))

    def _judge(self, facts: Facts) -> Decision:
        try:
            answer = cedarpy.is_authorized(_request(facts), self._policies, self._entities, schema=self._schema)
        except (ValueError, TypeError):  # not even a request, such as text that is no Unicode
            return Decision(Effect.REFUSE, (UNKNOWN.id,))
        if answer.decision is cedarpy.Decision.NoDecision:
            return Decision(Effect.REFUSE, (UNKNOWN.id,))
        because = tuple(sorted(self._ids[policy] for policy in answer.diagnostics.reasons))
        if answer.diagnostics.errors:
            # Forbids that did apply are named too, but the permits of a refusal are not its reasons.
            denied = because if answer.decision is cedarpy.Decision.Deny else ()
            return Decision(Effect.REFUSE, (*denied, UNJUDGED.id))
        if answer.decision is cedarpy.Decision.Allow and because:
            return Decision(Effect.PERMIT, because)
        return Decision(Effect.REFUSE, because or (SILENCE.id,))


def packaged() -> tuple[str, str]:
    """The packaged rules (all themes, in the order of their names) and their schema, as text."""
    texts = packaged_texts()
    schema = texts.pop(_SCHEMA)
    return "\n".join(texts.values()), schema


def packaged_texts() -> dict[str, str]:
    """The packaged rules by file name, in that order, and their schema, as officers sign them."""
    folder = files("policies.rules")
    themes = sorted((f for f in folder.iterdir() if f.name.endswith(".cedar")), key=lambda f: f.name)
    if not themes:
        raise RulesBroken("There are no rules in this installation.")
    return {f.name: f.read_text(encoding="utf-8") for f in (*themes, folder.joinpath(_SCHEMA))}


def decide(facts: Facts) -> Decision:
    """Decide by the packaged rules."""
    return Engine.load().decide(facts)


def decide_view(sections: Sequence[tuple[str, Facts]]) -> ViewDecision:
    """Decide one recipient's view by the packaged rules."""
    return Engine.load().decide_view(sections)


def _asked_for(tree: object) -> Iterator[str]:
    """Every name after `context has` in rules in their JSON form."""
    if isinstance(tree, Mapping):
        asked = tree.get("has")
        if isinstance(asked, Mapping) and asked.get("left") == {"Var": "context"}:
            yield str(asked.get("attr"))
        for value in tree.values():
            yield from _asked_for(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _asked_for(value)


def _rule_ids(policies: Mapping[str, Any]) -> dict[str, str]:
    """Cedar's positional names (policy0 …) to our ids."""
    return {name: policy.get("annotations", {}).get("id", "") for name, policy in policies.items()}


def _rules(policies: Mapping[str, Any]) -> Iterable[Rule]:
    for name, policy in policies.items():
        notes = policy.get("annotations", {})
        if set(notes) != _ANNOTATIONS or not all(notes.values()) or notes["kind"] not in KINDS:
            raise RulesBroken(f"Rule {notes.get('id', name)} needs @id, @source, @says and @kind (hard or default).")
        yield Rule(notes["id"], notes["source"], notes["says"], notes["kind"], policy["effect"] == "permit")


def _request(facts: Facts) -> dict[str, Any]:
    """Facts as Cedar's request. The context is written as text: half the time of a decision was building dicts."""
    booleans = "".join([f',"{name}":true' for name in _BOOLEANS if getattr(facts, name)])
    context = (
        f'{{"sender":{_uid("Class", facts.sender_class)},"purpose":{_uid("Purpose", facts.purpose)},'
        f'"data_type":{_uid("DataType", facts.data_type)},'
        f'"roles":[{",".join([_uid("Role", r) for r in facts.roles])}],'
        f'"flags":[{",".join([_uid("Flag", f) for f in facts.flags])}]{booleans}}}'
    )
    return {
        "principal": {"type": "Class", "id": facts.recipient_class},
        "action": {"type": "Action", "id": facts.kind},
        "resource": {"type": "Part", "id": facts.section_kind},
        "context": context,
    }


@lru_cache(maxsize=1024)
def _uid(entity: str, word: str) -> str:
    return json.dumps({"type": entity, "id": word})
