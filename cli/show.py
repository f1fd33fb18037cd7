"""How plans, evidences and views look in a terminal, and as JSON for programs."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from adapters.client import Received, Sent
from adapters.planning import MessagePlan, Plan, RecipientPlan
from adapters.threads import due_at
from messages.attachment import FILE, of_value
from messages.catalogue import load
from messages.directory import Directory
from messages.envelope import COVER
from messages.evidence import Evidence, Outcome
from messages.ids import message_text
from messages.labels import HCode
from policies.sentences import says

EXERCISE = "EXERCISE: nothing in this message is real"
CONDITIONS = (
    "Its originator set conditions in words (H3); read them, then open it with --acknowledge-conditions to say that"
    " you will keep them."
)


def banner() -> Text:
    """What stands over everything of an exercise."""
    return Text(EXERCISE, style="bold reverse yellow")


def worded(received: Received) -> bool:
    """Whether its originator set conditions in words, which a person has to acknowledge before the content is shown."""
    return received.opened is not None and received.opened.manifest.handling.h is HCode.H3


def conditions(received: Received) -> str:
    """The conditions in words, as far as they were granted."""
    cover = received.opened.sections.get(COVER) if received.opened is not None else None
    return str(cover.get("conditions", "")) if isinstance(cover, Mapping) else ""


def moment(milliseconds: int) -> str:
    """A time as people read it, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def address(directory: Directory, handle: str) -> str:
    """The address of a contact, or its handle where the directory does not know it."""
    contact = directory.contact(handle)
    return directory.address(contact) if contact else handle


def rules_text(rules: Iterable[str]) -> str:
    """Each rule's sentence with its id."""
    return "\n".join(f"{says(rule)} [{rule}]" for rule in rules)


def recipient_json(directory: Directory, recipient: RecipientPlan, message: MessagePlan | None) -> dict[str, Any]:
    """One recipient of a plan."""
    return {
        "recipient": directory.address(recipient.contact),
        "agreement": recipient.agreement.id if recipient.agreement else None,
        "granted": [
            {"section": d.name, "kind": d.kind, "content": d.value(), "passages_replaced": d.replaced}
            for d in (message.sections if message else ())
            if d.name in recipient.granted
        ],
        "granted_sections": list(recipient.granted),
        "withheld": [{"section": w.name, "kind": w.kind, "rules": list(w.rules)} for w in recipient.withheld],
        "decision": "permit" if recipient.permitted else "refuse",
        "rules": list(recipient.rules),
        "needs_release": recipient.needs_release,
        "needs_review": recipient.needs_review,
        "needs_break_glass": recipient.needs_break_glass,
    }


def plan_json(directory: Directory, plan: Plan) -> dict[str, Any]:
    """A whole plan."""
    return {
        "messages": [
            {
                "message": message_text(m.header.id),
                "exercise": m.header.exercise,
                "lineage": m.header.lineage.value,
                "guarded": m.guarded,
                "recipients": [recipient_json(directory, r, m) for r in m.recipients],
            }
            for m in plan.messages
        ],
        "refused": [recipient_json(directory, r, None) for r in plan.refused],
        "dropped": list(plan.dropped),
    }


def plan_view(directory: Directory, plan: Plan, *, content: bool) -> RenderableType:
    """A plan as panels: for each recipient what it will see, and what is withheld and why."""
    parts: list[RenderableType] = []
    if any(m.header.exercise for m in plan.messages):
        parts.append(banner())
    for message in plan.messages:
        parts += [_recipient_panel(directory, message, r, content=content) for r in message.recipients]
    for refused in plan.refused:
        parts.append(
            Panel(
                Text(rules_text(refused.rules)),
                title=f"{directory.address(refused.contact)}: refused",
                title_align="left",
                border_style="red",
            )
        )
    if plan.dropped:
        parts.append(Text(f"Never leaves its originator, so dropped: {', '.join(plan.dropped)}", style="yellow"))
    return Group(*parts)


def _recipient_panel(
    directory: Directory, message: MessagePlan, recipient: RecipientPlan, *, content: bool
) -> RenderableType:
    inside: list[RenderableType] = []
    table = Table(box=None, show_header=True, header_style="bold", pad_edge=False)
    for heading in ("section", "kind", "replaced"):
        table.add_column(heading)
    shown = [d for d in message.sections if d.name in recipient.granted]
    for draft in shown:
        table.add_row(draft.name, draft.kind, str(draft.replaced or ""))
    inside.append(table)
    if content:
        for draft in shown:
            text = json.dumps(draft.value(), ensure_ascii=False, indent=2)
            inside.append(Panel(Syntax(text, "json", word_wrap=True, background_color="default"), title=draft.name))
    for kind, rules in _grouped((w.kind, w.rules) for w in recipient.withheld):
        inside.append(Text(f"withheld: {kind}", style="yellow"))
        inside.append(Text(rules_text(rules), style="dim"))
    if recipient.needs_release:
        inside.append(Text("needs a second contact's release before it goes", style="bold yellow"))
    if recipient.needs_review:
        inside.append(Text("needs a second contact who reads it before it goes", style="bold yellow"))
    if recipient.needs_break_glass:
        inside.append(Text("needs a second contact who breaks the glass before it goes", style="bold yellow"))
    how = "checked and sealed by the release guard" if message.guarded else "full, identities included"
    return Panel(
        Group(*inside),
        title=f"{directory.address(recipient.contact)}: {how}",
        title_align="left",
        border_style="green",
    )


def _grouped(items: Iterable[tuple[str, tuple[str, ...]]]) -> list[tuple[str, tuple[str, ...]]]:
    """Equal kinds refused by equal rules, once, with their number."""
    counts: dict[tuple[str, tuple[str, ...]], int] = {}
    for item in items:
        counts[item] = counts.get(item, 0) + 1
    return [(f"{kind} ({n} sections)" if n > 1 else kind, rules) for (kind, rules), n in counts.items()]


def evidence_json(directory: Directory, evidence: Evidence) -> dict[str, Any]:
    """A worker's word, for programs."""
    return {
        "type": evidence.type.value,
        "message": message_text(evidence.message) if evidence.message else None,
        "at": evidence.at,
        "epoch": evidence.epoch,
        "code": evidence.code,
        "outcomes": [
            {
                "recipient": address(directory, o.recipient),
                "outcome": o.outcome.value,
                "rules": list(o.rules),
                "leaf": o.leaf.hex(),
            }
            for o in evidence.outcomes
        ],
        "leaf": evidence.leaf.hex(),
        "include_by": evidence.include_by,
    }


def evidence_lines(directory: Directory, evidence: Evidence, *, repeated: bool = False) -> RenderableType:
    """A worker's word, for people."""
    lines = Text()
    if evidence.code and evidence.code != "not-permitted":
        lines.append(f"refused: {says(evidence.code)} [{evidence.code}]\n", style="red")
    for outcome in evidence.outcomes:
        permitted = outcome.outcome is Outcome.PERMITTED
        lines.append("delivered to " if permitted else "refused to ", style="green" if permitted else "red")
        lines.append(f"{address(directory, outcome.recipient)}\n")
        lines.append("".join(f"    {says(r)} [{r}]\n" for r in outcome.rules), style="dim")
    if repeated:
        lines.append("This was handed in before; the broker repeats its first evidence.\n", style="yellow")
    return lines


def sent_json(directory: Directory, sent: Sent) -> dict[str, Any]:
    """A sent message, for programs."""
    return {
        "message": message_text(sent.message),
        "exercise": sent.plan.header.exercise,
        "state": sent.state,
        "bytes": sent.bytes,
        "repeated": sent.repeated,
        "says": sent.says or None,
        "recipients": [
            {
                **recipient_json(directory, r, None),
                "granted_kinds": [d.kind for d in sent.plan.sections if d.name in r.granted],
            }
            for r in sent.plan.recipients
        ],
        "evidence": evidence_json(directory, sent.evidence) if sent.evidence else None,
    }


def received_json(directory: Directory, received: Received, *, acknowledged: bool = False) -> dict[str, Any]:
    """An opened view, for programs: content included, unless its conditions have to be acknowledged first."""
    opened = received.opened
    if opened is None:
        return {"view": received.view_id, "quarantined": received.code, "says": received.sentence}
    if worded(received) and not acknowledged:
        return {
            "view": received.view_id,
            "message": message_text(opened.manifest.id),
            "kind": opened.manifest.kind.value,
            "from": directory.address(opened.sender),
            "exercise": opened.manifest.exercise,
            "conditions": conditions(received),
            "acknowledged": False,
            "says": CONDITIONS,
        }
    return {
        "view": received.view_id,
        "message": message_text(opened.manifest.id),
        "kind": opened.manifest.kind.value,
        "from": directory.address(opened.sender),
        "created": opened.manifest.created,
        "admitted": opened.stamp.admitted,
        "handling": opened.manifest.handling.to_value(),
        "purpose": opened.manifest.purpose.value,
        "urgency": opened.manifest.urgency.value,
        "due": due(received),
        "lineage": opened.manifest.lineage.value,
        "evidence_use": opened.manifest.evidence_use.value,
        "thread": opened.thread.hex(),
        "exercise": opened.manifest.exercise,
        "signature": "holds",
        "guarded": opened.guarded,
        "rules": list(opened.judgement.rules),
        "sections": {name: opened.sections[name] for name in sorted(opened.sections)},
        "kinds": {name: detail.kind for name, detail in sorted(opened.details.items())},
        "withheld": list(opened.withheld),
        "leaf": opened.stamp.leaf.hex(),
        "aside": [{"section": p.section, "place": p.place, "kind": p.kind} for p in opened.aside],
        "warnings": list(opened.warnings),
    }


def due(received: Received) -> int | None:
    """When an answer is due, counted from the receipt; None where there is no clock."""
    opened = received.opened
    if opened is None:
        return None
    return due_at(opened.manifest.kind, opened.manifest.urgency, received.received, load())


_TECHNICAL = frozenset({"id", "type", "version", "created", "handling", "lawful_basis"})
"""Fields that every section repeats; `--json` shows them."""


def _fields(value: Mapping[str, Any]) -> RenderableType:
    """A section's own fields, one a line, as people read them."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column()
    for name, content in value.items():
        if name not in _TECHNICAL:
            table.add_row(name.replace("_", " "), Text(_words(content)))
    return table


def _file(value: Mapping[str, Any]) -> RenderableType:
    """An attachment: its name and format, and its words where it is plain text."""
    if "sha256" in value:  # an evidence file, fetched by itself
        return Text(
            f"{value['name']}  {value['media']}, {value['size']:,} bytes, SHA-256 {value['sha256']}", style="bold"
        )
    size = len(of_value(value))
    head = Text(f"{value['name']}  {value['media']}, {size:,} bytes", style="bold")
    return Group(head, Text(value["text"])) if "text" in value else head


def _words(content: Any) -> str:
    if isinstance(content, bool):
        return "yes" if content else "no"
    if isinstance(content, Mapping):
        return "; ".join(f"{k.replace('_', ' ')}: {_words(v)}" for k, v in content.items())
    if isinstance(content, list):
        plain = all(isinstance(item, str | int) for item in content)
        return ", ".join(map(_words, content)) if plain else "\n".join(f"- {_words(item)}" for item in content)
    return str(content)


def received_view(directory: Directory, received: Received) -> RenderableType:
    """An opened view, for people."""
    opened = received.opened
    if opened is None:
        withdrawn = received.code == "consent-withdrawn"
        title = "not shown" if withdrawn else f"kept aside [{received.code}]"
        return Panel(Text(received.sentence), title=title, border_style="red")
    manifest = opened.manifest
    head = Table(box=None, show_header=False, pad_edge=False)
    head.add_column(style="bold")
    head.add_column()
    head.add_row("from", f"{directory.address(opened.sender)}  (signature holds)")
    head.add_row("kind", manifest.kind.value)
    head.add_row(
        "handling",
        f"TLP:{manifest.handling.tlp.value}  {manifest.handling.h.value}  PAP:{manifest.handling.pap.value}",
    )
    head.add_row("purpose", f"{manifest.purpose.value} on the basis {manifest.basis.value}")
    head.add_row("urgency", manifest.urgency.value)
    if (until := due(received)) is not None:
        head.add_row("answer due", moment(until))
    head.add_row("lineage", f"{manifest.lineage.value}, {manifest.evidence_use.value}")
    head.add_row("signed", moment(manifest.created))
    head.add_row("admitted", moment(opened.stamp.admitted))
    head.add_row("allowed by", ", ".join(opened.judgement.rules))
    if opened.guarded:
        head.add_row("checked by", "the sender's release guard")
    parts: list[RenderableType] = []
    if manifest.exercise:
        parts.append(banner())
    parts.append(head)
    parts += [Text(w, style="bold yellow") for w in opened.warnings]
    cover = opened.sections.get(COVER)
    if isinstance(cover, Mapping):
        parts.append(
            Panel(Text("\n".join(f"{k}: {_words(v)}" for k, v in cover.items())), title="cover", title_align="left")
        )
    for name in sorted(n for n in opened.sections if n != COVER):
        detail, value = opened.details[name], opened.sections[name]
        shown = _file(value) if detail.part == FILE else _fields(value)
        parts.append(Panel(shown, title=f"{name}  {detail.kind}", title_align="left"))
    if opened.withheld:
        counted = _grouped((kind, ()) for kind in opened.withheld)
        parts.append(Text("withheld from you: " + ", ".join(kind for kind, _ in counted), style="yellow"))
    return Group(*parts)
