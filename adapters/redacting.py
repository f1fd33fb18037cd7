"""Redaction at the command line: one text, or a file of them a line each. No network, no keys, nothing is kept.

A line of a batch is answered by a line: the redacted text with its findings, or one sentence saying why it cannot be
promised. A line that is refused never stops the others, and its answer never quotes it.
"""

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, BinaryIO, Final

from messages.errors import BadInput
from policies.redaction.engine import Matcher, Net
from policies.redaction.errors import RedactionError
from policies.redaction.identity import DEFAULT, Finding, Redacted, Settings
from policies.redaction.intake import identities_of, kept_of

TEXT_CHARACTERS: Final = 16_000_000
LINE_BYTES: Final = 128 * 1024 * 1024
_MATCHERS: Final = 16


def found(finding: Finding) -> dict[str, Any]:
    """A finding as programs read it; `reason` says first whether the person was known."""
    reason = f"known: {finding.reason}" if finding.whose is not None else finding.reason
    return {"start": finding.start, "end": finding.end, "kind": finding.kind, "reason": reason}


class Redactor:
    """Redacts texts, each with its own identities; keeps the last few matchers, since batches repeat them.

    `patterns` says whether what looks like an identifier goes whoever's it is; None: only where nobody is known, since
    whoever names a person wants that person hidden and the rest of the text to be of use.
    """

    def __init__(
        self,
        *,
        settings: Settings = DEFAULT,
        patterns: bool | None = None,
        net: Net | None = None,
        demand_net: bool = False,
    ) -> None:
        self._net, self._demand, self._patterns = net, demand_net, patterns
        self._all = replace(settings, patterns=True, generalise_dates=True)
        self._known_alone = replace(settings, patterns=False, generalise_dates=False)
        self._made: OrderedDict[str, Matcher] = OrderedDict()

    def redact(self, text: str, *, identity: object = None, keep: object = None, lang: str | None = None) -> Redacted:
        """Raises `BadInput` for a wrong identity and `RedactionError` where nothing can be promised."""
        if len(text) > TEXT_CHARACTERS:
            raise BadInput(f"The text is longer than {TEXT_CHARACTERS:,} characters; send it in pieces.")
        key = json.dumps([identity, keep], sort_keys=True, default=str)
        matcher = self._made.pop(key, None)
        if matcher is None:
            matcher = Matcher(identities_of(identity), kept_of(keep), self._net)
        self._made[key] = matcher
        if len(self._made) > _MATCHERS:
            self._made.popitem(last=False)
        wanted = self._patterns if self._patterns is not None else not matcher.knows_somebody
        settings = self._all if wanted else self._known_alone
        return matcher.redact(text, settings=settings, lang=lang, demand_net=self._demand)

    def line(self, raw: bytes, number: int) -> dict[str, Any]:
        """The answer to one line of a batch, whatever the line holds."""
        identifier: object = None
        try:
            value = _parsed(raw, number)
            identifier = value.get("id")
            text, lang = value.get("text"), value.get("lang")
            if not isinstance(text, str):
                raise BadInput(f"Line {number} has no text.")
            done = self.redact(
                text,
                identity=value.get("identity"),
                keep=value.get("keep_names"),
                lang=lang[:2].lower() if isinstance(lang, str) and lang.strip() else None,
            )
        except BadInput as error:
            return {"id": identifier, "refused": str(error)}
        except RedactionError as error:
            sentence = str(error)
            return {"id": identifier, "refused": f"{sentence[:1].upper()}{sentence[1:]}."}
        return {"id": identifier, "redacted": done.text, "findings": [found(f) for f in done.findings]}

    def batch(self, lines: BinaryIO) -> Iterator[tuple[int, dict[str, Any]]]:
        """For each line that is not empty: its length in bytes, and its answer."""
        number = 0
        while raw := lines.readline(LINE_BYTES):
            number += 1
            if len(raw) == LINE_BYTES and not raw.endswith(b"\n"):
                raise BadInput(f"Line {number} is longer than {LINE_BYTES // (1024 * 1024)} MiB; split the file.")
            if raw.strip():
                yield len(raw), self.line(raw, number)


def _parsed(raw: bytes, number: int) -> Mapping[str, Any]:
    try:
        value = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise BadInput(f"Line {number} is not JSON in UTF-8.") from None
    if not isinstance(value, dict):
        raise BadInput(f"Line {number} is not an object with a text.")
    return value
