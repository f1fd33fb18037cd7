"""Why a file, or one form of it, does not leave: a kind from a closed list, with the sentence that says what to do."""

from typing import ClassVar, Final

from messages.errors import NotPermitted

SENTENCES: Final = {
    "attachment-format": "The file is of no format that may be attached, or its bytes are not what its name says.",
    "attachment-unreadable": "The file cannot be read; save it anew with the program that made it.",
    "attachment-too-large": "The file, or what it unpacks to, is too large; send it as an evidence file.",
    "attachment-too-slow": "The file takes too much time or memory to read; make it smaller.",
    "attachment-encrypted": "The file is encrypted; save it without a password, for what travels is encrypted anyway.",
    "attachment-active": "The file holds a macro, a script, a formula that runs, or a form; save it without.",
    "attachment-external": "The file loads something from elsewhere; save it so that it holds everything itself.",
    "attachment-nested": "The file holds other files; take them out and attach each by itself.",
    "attachment-picture": "Pictures do not go to a recipient without identity rights, for nobody can search them.",
    "attachment-no-text": "The file holds no text that can be read, as a scan does; it cannot be searched.",
    "attachment-changes": "The file holds tracked changes, comments or hidden parts; accept or remove them first.",
    "attachment-library": "The program that cleans pictures is not installed: pip install 'safeconduct[attachments]'.",
}
"""Every kind of refusal. The sentences name formats and remedies, never content."""


class AttachmentRefused(NotPermitted):
    """A file, or the form of it that was asked for, does not leave. `kind` is one of `SENTENCES`."""

    code: ClassVar[str] = "attachment-refused"

    def __init__(self, kind: str) -> None:
        super().__init__(SENTENCES[kind])
        self.kind = kind
