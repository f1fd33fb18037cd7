"""Decide whether one section may go to one recipient: same facts in, same decision out.

A forbid beats any number of permits. Silence refuses. A rule that cannot be judged refuses: Cedar skips a rule whose
evaluation errs, which would disarm a broken forbid, and answers Allow beside an error; so any error at all, and the
answer NoDecision (a word outside the schema), is a refusal here. The schema is always passed, and the rules are
validated against it when they are loaded; a rule without id, source, sentence or kind does not load.

Rules see `Facts` only, which hold no time and no identity; so decisions are remembered under their facts, and answers
of single rules under those that the rule looks at (`policies.quick`).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from operator import attrgetter
from typing import Any, Final

import cedarpy

from policies import cedartext
from policies.alike import WORDS, Alike
from policies.cedartext import Statement
from policies.facts import Facts
from policies.quick import Compact, Quick, Slice, Whole, from_row
from policies.words import BOOLEANS
from policies.yamltext import Fault

REMEMBERED: Final = 65_536
"""Decisions kept. Facts of real traffic number in the hundreds; the bound is against a sender who varies them."""

KINDS: Final = frozenset({"hard", "default"})
_ANNOTATIONS: Final = frozenset({"id", "source", "says", "kind"})
_NAMES: Final = tuple(f.name for f in fields(Facts))
_KEY: Final = attrgetter(*WORDS, *BOOLEANS)

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
    looks_at: frozenset[str] = field(default=frozenset(), compare=False)  # names of the facts it depends on
    words: frozenset[str] = field(default=frozenset(), compare=False)  # its literals: 'Role::"victim"'
    source_file: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)


class RulesBroken(Exception):
    """Rules do not load, and every fault of theirs that is known, with file and line.

    Of the packaged rules a fault of this installation; of a draft its writer's. Never a message's.
    """

    def __init__(self, says: str, faults: Iterable[Fault] = ()) -> None:
        super().__init__(says)
        self.faults = tuple(faults)


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
        self._read({"rules": policies}, schema, entities)

    def _read(self, texts: Mapping[str, str], schema: str, entities: str) -> None:
        policies = "\n".join(texts.values())
        try:
            self._schema = cedarpy.Schema.from_str(schema)
            self._policies = cedarpy.PolicySet.from_str(policies)
            self._entities = cedarpy.Entities.from_json_str(entities, self._schema)
            found = cedarpy.validate_policies(policies, self._schema)
            described = json.loads(cedarpy.policies_to_json_str(policies))
        except ValueError as error:
            faults = _misread(texts, schema)
            raise RulesBroken(f"The rules do not parse: {_listed(faults) or error}", faults) from None
        written = [s for name, text in texts.items() for s in cedartext.statements(name, text)]
        if described["templates"] or described.get("templateLinks"):
            raise RulesBroken("The rules contain a template; every rule stands for itself.")
        static = described["staticPolicies"]
        placed = dict(zip(static, written, strict=True)) if len(static) == len(written) else {}
        if not found.validation_passed:
            faults = _misfits(found.errors, placed)
            said = _listed(faults) or "; ".join(map(str, found.errors))
            raise RulesBroken(f"The rules do not fit their schema: {said}", faults)
        declared = _declared(schema)
        unknown = _unasked(static, placed, declared.keys() & set(BOOLEANS) if declared else set(BOOLEANS))
        if unknown:  # Cedar's validator lets `context has misspelt` pass: it is false, which disarms a forbid
            raise RulesBroken(f"The rules ask for a fact that does not exist: {_listed(unknown)}", unknown)
        self._ids = _rule_ids(static)
        self._rules = {rule.id: rule for rule in (*HOUSE, *_rules(static, placed))}
        if len(self._rules) != len(HOUSE) + len(self._ids):
            faults = _twice(self._ids, placed)
            raise RulesBroken(f"A rule id stands twice: {_listed(faults)}", faults)
        strange = sorted(declared.keys() - {*_NAMES, "sender"})
        if strange:
            raise RulesBroken(f"The schema declares facts that nothing here finds out: {', '.join(strange)}.")
        self._told = tuple(name for name in BOOLEANS if not declared or name in declared)
        self._always = tuple(name for name in self._told if declared.get(name) is False)
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._judge_key)
        self._compactly = lru_cache(maxsize=REMEMBERED)(self._decide_compact)
        self._alike = Alike.of(static.values(), schema)
        self._written = {self._ids[name]: {name: policy} for name, policy in static.items()}
        self._alone: dict[str, Any] = {}
        alike = {self._ids[name]: self._alike.of_one(policy) for name, policy in static.items()}
        slices = [Slice(i, self._rules[i].permits, self._rules[i].looks_at, words) for i, words in alike.items()]
        self._quick = Quick(slices, self._alike, self._ask_alone, self._ask_whole)
        # Rules that see more than one form of a request, or a world of entities, depend on more than their own words.
        self._slices = entities == "[]" and len(_ACTIONS.findall(schema)) == 1

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> "Engine":
        """The rules in files by name, their schema among them, or raise `RulesBroken` with file and line of each fault.

        Rules of another edition may know fewer facts than we do; they are told only those that their schema declares.
        """
        rules = {name: text for name, text in texts.items() if name.endswith(".cedar")}
        if _SCHEMA not in texts or not rules:
            raise RulesBroken(f"Rules are files that end in .cedar, and {_SCHEMA} beside them.")
        made = cls.__new__(cls)
        made._read(rules, texts[_SCHEMA], "[]")
        return made

    @staticmethod
    @cache
    def load() -> "Engine":
        """The packaged rules, parsed on the first call and shared after that."""
        return Engine.of(packaged_texts())

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

    @property
    def alike(self) -> Alike:
        """Which facts these rules cannot tell apart."""
        return self._alike

    def decide_alike(self, facts: Facts) -> Decision:
        """The same decision, remembered for all facts that no rule tells apart: for whoever asks about very many."""
        return self.decide(self._alike.facts(facts))

    def decide_compact(self, of: Compact) -> Decision:
        """The decision for facts in their short form: for whoever asks about very many that differ in little."""
        return self._compactly(of)

    def _decide_compact(self, of: Compact) -> Decision:
        found = self._quick.decide(of) if self._slices else None
        return self._judge(of.facts) if found is None else _decision(*found)

    def short(self, of: Compact) -> Compact:
        """Facts that are decided as these are: the same for all that no rule tells apart."""
        return (self._quick.short(of) if self._slices else None) or of

    def applies(self, identifier: str, of: Compact) -> bool | None:
        """Whether this rule alone applies to these facts; None where there is no such rule, or it cannot be judged."""
        if self._slices:
            return self._quick.applies(identifier, of)
        return self._ask_alone(identifier, frozenset(_NAMES), of.facts) if identifier in self._written else None

    def decide_afresh(self, facts: Facts) -> Decision:
        """The same without any memory, asked of all rules at once: for measurements, and for whoever doubts it."""
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
        return self._decide_compact(from_row(key))

    def _judge(self, facts: Facts) -> Decision:
        answer = self._answer(self._policies, facts, self._told)
        if answer is None:
            return Decision(Effect.REFUSE, (UNKNOWN.id,))
        because = tuple(sorted(self._ids[policy] for policy in answer.diagnostics.reasons))
        if answer.diagnostics.errors:
            # Forbids that did apply are named too, but the permits of a refusal are not its reasons.
            denied = because if answer.decision is cedarpy.Decision.Deny else ()
            return Decision(Effect.REFUSE, (*denied, UNJUDGED.id))
        return _decision(answer.decision is cedarpy.Decision.Allow, because)

    def _answer(self, policies: Any, facts: Facts, told: Sequence[str]) -> Any:
        """What Cedar says.

        None where it cannot say: not even a request (text that is no Unicode), or a strange word.
        """
        try:
            request = _request(facts, told, self._always)
            found = cedarpy.is_authorized(request, policies, self._entities, schema=self._schema)
        except (ValueError, TypeError):
            return None
        return None if found.decision is cedarpy.Decision.NoDecision else found

    def _ask_alone(self, rule: str, looks_at: frozenset[str], facts: Facts) -> bool | None:
        """Whether one rule applies, told no more than it looks at; None where that cannot be judged."""
        policies = self._alone.get(rule)
        if policies is None:
            policies = self._alone[rule] = cedarpy.PolicySet.from_json_str(_alone(self._written[rule]))
        found = self._answer(policies, facts, [n for n in self._told if n in looks_at or n in self._always])
        return None if found is None or found.diagnostics.errors else bool(found.diagnostics.reasons)

    def _ask_whole(self, facts: Facts) -> Whole:
        found = self._answer(self._policies, facts, self._told)
        if found is None or found.diagnostics.errors:
            return Whole(False, (), judged=False)
        because = tuple(sorted(self._ids[policy] for policy in found.diagnostics.reasons))
        return Whole(found.decision is cedarpy.Decision.Allow, because, judged=True)


def _decision(permitted: bool, because: tuple[str, ...]) -> Decision:
    """Of rules that were all judged."""
    if permitted and because:
        return Decision(Effect.PERMIT, because)
    return Decision(Effect.REFUSE, because or (SILENCE.id,))


def packaged() -> tuple[str, str]:
    """The packaged rules (all themes, in the order of their names) and their schema, as text."""
    texts = packaged_texts()
    return "\n".join(text for name, text in texts.items() if name.endswith(".cedar")), texts[_SCHEMA]


def packaged_texts() -> dict[str, str]:
    """What officers sign as the rules, by file name: the themes in order, their schema, and who has which right."""
    folder = files("policies.rules")
    themes = sorted((f for f in folder.iterdir() if f.name.endswith(".cedar")), key=lambda f: f.name)
    if not themes:
        raise RulesBroken("There are no rules in this installation.")
    rights = files("policies").joinpath("rights.yaml")
    return {f.name: f.read_text(encoding="utf-8") for f in (*themes, folder.joinpath(_SCHEMA), rights)}


def decide(facts: Facts) -> Decision:
    """Decide by the packaged rules."""
    return Engine.load().decide(facts)


def decide_view(sections: Sequence[tuple[str, Facts]]) -> ViewDecision:
    """Decide one recipient's view by the packaged rules."""
    return Engine.load().decide_view(sections)


def _alone(policy: Mapping[str, Any]) -> str:
    """One rule as a set of its own, in Cedar's JSON form."""
    return json.dumps({"staticPolicies": policy, "templates": {}, "templateLinks": []})


def _unasked(policies: Mapping[str, Any], placed: Mapping[str, Statement], known: Set[str]) -> list[Fault]:
    """Where rules ask for a fact that does not exist, or that their schema does not declare."""
    faults = []
    for name, policy in policies.items():
        for asked in sorted(set(_asked_for(policy)) - known):
            at = placed.get(name)
            inside = cedartext.find_word(f"`{asked}`", {"": at.text}) if at is not None else None
            line, column = (inside[1], inside[2]) if inside is not None else (1, 1)
            source, first, indent = (at.source, at.line, at.column) if at is not None else ("rules", 1, 1)
            here = column + indent - 1 if line == 1 else column
            faults.append(Fault(source, first + line - 1, here, f"no fact is called {asked}."))
    return faults


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


def _rules(policies: Mapping[str, Any], placed: Mapping[str, Statement]) -> Iterable[Rule]:
    for name, policy in policies.items():
        notes = policy.get("annotations", {})
        at = placed.get(name)
        if set(notes) != _ANNOTATIONS or not all(notes.values()) or notes["kind"] not in KINDS:
            says = f"Rule {notes.get('id') or name} needs @id, @source, @says and @kind (hard or default)."
            raise RulesBroken(f"{at.fault(says)}" if at else says, [at.fault(says)] if at else [])
        yield Rule(
            notes["id"],
            notes["source"],
            notes["says"],
            notes["kind"],
            policy["effect"] == "permit",
            looks_at=frozenset(_looked_at(policy)),
            words=frozenset(_literals(policy)),
            source_file=at.source if at else "",
            line=at.line if at else 0,
        )


_SCOPES: Final = {"principal": "recipient_class", "action": "kind", "resource": "part"}


def _looked_at(policy: Mapping[str, Any]) -> Iterator[str]:
    """Names of the facts that a rule depends on; `part` stands for type and part together.

    A rule that does something with its facts as a whole depends on all of them.
    """
    yield from (name for scope, name in _SCOPES.items() if policy[scope].get("op") != "All")
    stack: list[Any] = [c["body"] for c in policy.get("conditions", ())]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack += item
        elif isinstance(item, dict):
            access = item.get(".") or item.get("has")
            if isinstance(access, dict) and access.get("left") == {"Var": "context"}:
                attribute = str(access["attr"])
                yield "sender_class" if attribute == "sender" else attribute
                continue
            if item.get("Var") == "context":
                yield from _NAMES
            elif item.get("Var") in _SCOPES:
                yield _SCOPES[item["Var"]]
            stack += item.values()


def _literals(policy: object) -> Iterator[str]:
    """Every word of a code list that a rule names, as Cedar writes it."""
    stack = [policy]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack += item
        elif isinstance(item, dict):
            if isinstance(item.get("type"), str) and isinstance(item.get("id"), str):
                yield f'{item["type"]}::"{item["id"]}"'
            stack += [v for k, v in item.items() if k != "annotations"]


_ACTIONS: Final = re.compile(r"^\s*action\b", re.MULTILINE)
_DECLARED: Final = re.compile(r"^\s*(\w+)(\??):\s*[\w<>]+,?\s*$", re.MULTILINE)


def _declared(schema: str) -> dict[str, bool]:
    """The facts that a schema declares, and whether each may be left out; empty where we cannot read how it is written.

    Rules of an edition that lets none be left out ask for their values; they are told false ones too.
    """
    return {name: bool(mark) for name, mark in _DECLARED.findall(schema[schema.rfind("context:") :])}


def _listed(faults: Sequence[Fault]) -> str:
    return " ".join(map(str, faults))


def _misread(texts: Mapping[str, str], schema: str) -> list[Fault]:
    """The first fault of every file that does not parse."""
    found = [cedartext.locate(name, text, cedarpy.PolicySet.from_str) for name, text in texts.items()]
    faults = [f for f in found if f is not None]
    try:
        cedarpy.Schema.from_str(schema)
    except ValueError as error:
        # A schema that parses may still name what it does not declare: then the word is all there is to go by.
        said = _once_each(str(error))
        place = cedartext.find_word(said, {_SCHEMA: schema}) if "error parsing" not in said else None
        at = Fault(*place, f"{said}.") if place else cedartext.locate(_SCHEMA, schema, _schema_syntax)
        faults += [at] if at else []
    return faults


def _schema_syntax(text: str) -> None:
    """Raise `ValueError` for a text that does not parse; what it names may be declared elsewhere."""
    try:
        cedarpy.Schema.from_str(text)
    except ValueError as error:
        if "error parsing" in str(error):
            raise


def _once_each(said: str) -> str:
    """The message with each word of the list that it ends in once: Cedar says it again for every action."""
    what, colon, words = said.rpartition(": ")
    return f"{what}{colon}{', '.join(dict.fromkeys(words.split(', ')))}"


def _misfits(errors: Iterable[Any], placed: Mapping[str, Statement]) -> list[Fault]:
    """Each rule that does not fit the schema, once: Cedar says it again for every action."""
    found: dict[str, Fault] = {}
    for error in errors:
        at = placed.get(error.policy_id)
        if at is not None and error.policy_id not in found:
            said = str(error.error).removeprefix(f"for policy `{error.policy_id}`").lstrip(",: ")
            said = re.sub(r" in context for Action::\"[^\"]*\"", " in the facts", said)
            inside = cedartext.find_word(said, {at.source: at.text})
            line = at.line + inside[1] - 1 if inside else at.line
            column = inside[2] + (at.column - 1 if inside[1] == 1 else 0) if inside else at.column
            found[error.policy_id] = Fault(at.source, line, column, f"{said.rstrip('.')}.")
    return list(found.values())


def _twice(names: Mapping[str, str], placed: Mapping[str, Statement]) -> list[Fault]:
    seen: set[str] = {rule.id for rule in HOUSE}
    faults = []
    for name, identifier in names.items():
        if identifier in seen and name in placed:
            faults.append(placed[name].fault(f"the id {identifier} is used already."))
        seen.add(identifier)
    return faults


def _request(facts: Facts, told: Sequence[str] = BOOLEANS, always: Sequence[str] = ()) -> dict[str, Any]:
    """Facts as Cedar's request. The context is written as text: half the time of a decision was building dicts.

    `told` are the facts that the rules know, `always` those of them that are said where they are false too.
    """
    booleans = "".join([f',"{name}":true' for name in told if getattr(facts, name)])
    booleans += "".join([f',"{name}":false' for name in always if not getattr(facts, name)])
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
