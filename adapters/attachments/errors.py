"""Why a file, or one form of it, does not leave: a kind from a closed list, with the sentence that says what to do."""

from typing import ClassVar

from messages.attachment import REFUSALS
from messages.errors import NotPermitted


class AttachmentRefused(NotPermitted):
    """A file, or the form of it that was asked for, does not leave. `kind` is one of `REFUSALS`."""

    code: ClassVar[str] = "attachment-refused"

    def __init__(self, kind: str) -> None:
        super().__init__(REFUSALS[kind])
        self.kind = kind
