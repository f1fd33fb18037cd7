"""What the text pass refuses with. Every message names kinds, places and pseudonyms, never a word of the text.

RedactionError
├─ UnsupportedScript   the text holds a script outside `scripts.SUPPORTED`: we cannot promise anything about it
├─ NetMissing          the named-entity net was demanded, and it is not there or failed
└─ StillIdentifying    after replacement the looser search still found somebody: do not release
"""

from __future__ import annotations

from typing import ClassVar


class RedactionError(ValueError):
    """The text cannot be promised to be free of identities: it is not released."""

    code: ClassVar[str] = "redaction"


class UnsupportedScript(RedactionError):
    """A letter outside the supported scripts; `script` is its name in words, `at` its offset."""

    code: ClassVar[str] = "redaction-script"

    def __init__(self, script: str, at: int) -> None:
        super().__init__(f"character {at} is of a script that is not supported ({script}); the text is not released")
        self.script = script
        self.at = at


class NetMissing(RedactionError):
    """The net for other people is demanded and cannot be had."""

    code: ClassVar[str] = "redaction-net"

    def __init__(self, why: str = "it is not installed") -> None:
        super().__init__(
            f"the named-entity net is demanded, but {why}; install it with: pip install 'safeconduct[ner]'"
        )


class StillIdentifying(RedactionError):
    """The redacted text still points to somebody: `found` lists (kind, pseudonym or None)."""

    code: ClassVar[str] = "redaction-leak"

    def __init__(self, found: tuple[tuple[str, str | None], ...]) -> None:
        places = ", ".join(sorted({f"{kind} of {whose or 'more than one person'}" for kind, whose in found}))
        super().__init__(f"the text still identifies after redaction: {places}; it is not released")
        self.found = found
