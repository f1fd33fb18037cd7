"""What stands in the place of a finding: a pseudonym or a bracketed kind, the same for the same thing everywhere.

Nothing of the original is kept: no length, no first letter, no last digits. A possessive ending stays because it lies
outside the finding. An exact date keeps its month and year when every reading of it agrees on them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from policies.redaction.dates import MONTHS_IN_ENGLISH
from policies.redaction.identity import Finding

NOWHERE: Mapping[str, str] = MappingProxyType({})
LABELS = {
    "name": "[name]",
    "birthdate": "[date of birth]",
    "phone": "[phone]",
    "document": "[document number]",
    "address": "[address]",
    "email": "[e-mail]",
    "handle": "[account]",
    "account": "[account number]",
    "plate": "[plate]",
    "url": "[link]",
    "wallet": "[wallet]",
    "case": "[case number]",
    "number": "[number]",
    "device": "[device number]",
    "ip": "[network address]",
    "coordinates": "[coordinates]",
}

_MONTHS = "|".join(MONTHS_IN_ENGLISH)
PLACEHOLDER = re.compile(
    r"\[(?:"
    + "|".join(re.escape(label[1:-1]) for label in LABELS.values())
    + r"|removed|an address in [^\]\n]{1,60}|aged [\d+-]{2,6}"
    + rf"|a date(?: in (?:(?:{_MONTHS}) )?\d{{4}}| in (?:{_MONTHS}))?)\]"
)


def replacement(finding: Finding, regions: Mapping[str, str] = NOWHERE) -> str:
    """The words for one finding; an unknown kind still gets words, never the original.

    `regions` tells for a pseudonym what may be said of that person's address.
    """
    if finding.kind == "address" and finding.whose is not None and finding.whose in regions:
        return f"[an address in {regions[finding.whose]}]"
    if finding.kind == "age":
        return f"[aged {finding.reason}]"
    if finding.kind == "name" and finding.whose:
        return finding.whose
    if finding.kind == "date":
        year, _, month = finding.reason.removeprefix("in ").partition("-")
        if len(year) == 2:
            year, month = "", year
        words = " ".join(part for part in (MONTHS_IN_ENGLISH[int(month) - 1] if month else "", year) if part)
        return f"[a date in {words}]" if words else "[a date]"
    return LABELS.get(finding.kind, "[removed]")


def replaced(text: str, findings: tuple[Finding, ...], regions: Mapping[str, str] = NOWHERE) -> str:
    """`text` with every finding replaced; the findings are in order and do not overlap."""
    pieces: list[str] = []
    at = 0
    for finding in findings:
        pieces += [text[at : finding.start], replacement(finding, regions)]
        at = finding.end
    return "".join([*pieces, text[at:]])
