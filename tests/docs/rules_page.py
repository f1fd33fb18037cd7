"""docs/rules.md from rules, twins and the table of protection: `python -m tests.docs.rules_page` writes it."""

import re
from pathlib import Path

from messages.catalogue.across import ACROSS
from messages.catalogue.laws import LAWS
from policies import protection
from policies.decide import HOUSE, Engine, Rule, packaged_texts
from policies.sentences import FLOW
from tests.policies.casebook import TWINS, twins

ROOT = Path(__file__).parents[2]
ELSEWHERE = {"remote", "certificate-refused"}
"""A branch of the tree of errors, and a refusal that is about connections, not messages."""
PAGE = ROOT / "docs" / "rules.md"

HEAD = """# The rules

Every rule by which Safeconduct decides, with its source and with the cases that prove it. This page is written by
`python -m tests.docs.rules_page` from `policies/rules`, `policies/protection.yaml` and the fixtures in
`tests/policies/twins`; a test compares it. What may be said at all is in the [catalogue](catalogue.md).

A decision is taken for one section and one recipient, by the sender while it plans, by the broker, and by the recipient
before it shows a word. **A forbid beats any number of permits. Silence refuses. A rule that cannot be judged refuses.**
A *hard* rule cannot be overridden by an agreement or a setting. A *default* is on in every edition of the rules; to
relax one takes another edition, which two officers sign after they saw its rehearsal.

Each fixture is a pair of twins: two cases that differ in one fact, the first permitted, the second refused for this
rule. The tests take every rule away in turn and expect some twin to be decided differently.
"""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _themes() -> dict[str, tuple[str, list[str]]]:
    """File name to its first comment and the ids of its rules, in order."""
    found = {}
    for name, text in packaged_texts().items():
        if name.endswith(".cedar"):
            words = " ".join(line.removeprefix("//").strip() for line in text.splitlines() if line.startswith("//"))
            found[name] = (words, re.findall(r'^@id\("([^"]+)"\)', text, flags=re.M))
    return found


def _fixtures(rule: str) -> str:
    files = {}
    for path in sorted(TWINS.glob("*.yaml")):
        if f"rule: {rule}\n" in path.read_text(encoding="utf-8"):
            files[path.name] = path
    stories = [t.story for t in twins() if t.rule == rule]
    links = ", ".join(f"[{name}](../tests/policies/twins/{name})" for name in files)
    return f"{'; '.join(stories)} ({links})"


def _rule(rule: Rule) -> str:
    effect = "permits" if rule.permits else "forbids"
    return (
        f'| <a id="{rule.id.lower()}"></a>{rule.id} | {effect}, {rule.kind} | {_cell(rule.says)} | '
        f"{_cell(rule.source)} | {_cell(_fixtures(rule.id))} |"
    )


def _held(way: str, name: str, known: set[str]) -> str:
    if way == "rule" and name in known:
        return f"rule [{name}](#{name.lower()})"
    if way == "law":
        return f"law of content `{name}`"
    if way == "fact":
        return f"fact `{name}`"
    if way == "test":
        path, _, test = name.partition(":")
        return f"test [{test.replace('_', ' ').removeprefix('test ') or path}](../{path})"
    module, _, symbol = name.partition(":")
    return f"[`{symbol}`](../{module.replace('.', '/')}.py)"


def laws_of(rule: str) -> list[tuple[str, str]]:
    """The laws of content that say that they hold this rule: (file, name)."""
    found = []
    for module, laws in (("laws", LAWS), ("across", ACROSS)):
        found += [(module, name) for name, law in laws.items() if re.search(rf"\b{rule}\b", law.source)]
    return found


def page() -> str:
    """The whole page."""
    engine = Engine.load()
    known = {r.id for r in engine.rules}
    out = [HEAD]
    for name, (words, rules) in _themes().items():
        out.append(f"## {name.removesuffix('.cedar').capitalize()}\n\n{words}\n")
        out.append("| Rule | Effect | Says | Source | Fixtures |\n|---|---|---|---|---|")
        out.extend(_rule(engine.rule(r)) for r in rules)
        out.append("")
    out.append("## The house's own\n\nNo file can change or drop these.\n")
    out.append("| Rule | Says | Source |\n|---|---|---|")
    out.extend(f"| {r.id} | {_cell(r.says)} | {r.source} |" for r in HOUSE)
    out.append("\n## What is refused before any rule is asked\n")
    out.append("| Code | Says |\n|---|---|")
    out.extend(f"| `{code}` | {_cell(says)} |" for code, says in sorted(FLOW.items()) if code not in ELSEWHERE)
    out.append(
        "\n## The field's rules of protection, and what holds each\n\n"
        "R-01 to R-35 are the rules that the field asks of such a system, C.3 its rules of passage. Some are a rule of "
        "Cedar, some a law of the content, some the way in which messages are built. What is not held yet is said.\n"
    )
    out.append("| Id | Says | Source | Decided at | Kind | Held by | Not held |\n|---|---|---|---|---|---|---|")
    for row in protection.load().values():
        laws = [f"law [`{name}`](../messages/catalogue/{module}.py)" for module, name in laws_of(row.id)]
        held = "; ".join([*(_held(way, name, known) for way, name in row.held if way != "law"), *laws])
        out.append(
            f"| {row.id} | {_cell(row.says)} | {_cell(row.source)} | {row.point} | {row.kind} | {held} | {row.open} |"
        )
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
