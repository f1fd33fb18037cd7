"""The process that reads one file: `python -I -m adapters.attachments.worker`, with the file on its standard input.

It has bounds on time, memory, open files and file sizes, starts no process, opens no socket and writes no file: the
operating system holds the first, a hook of the interpreter the rest. What it answers, whoever asked reads with bounds.
"""

import os
import resource
import sys
from typing import Final

from adapters.attachments import formats
from adapters.attachments.errors import AttachmentRefused
from messages import cbor, limits
from messages.attachment import check_bytes
from messages.cbor import Reader
from messages.errors import ContentRefused

SECONDS: Final = 10
MEMORY: Final = 768 * 1024 * 1024
FILES: Final = 64
INPUT: Final = 16 * 1024 * 1024
_FORBIDDEN: Final = (
    "socket.",
    "subprocess.",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "ctypes.dlopen",
)


def _close_off() -> None:
    """From here on only memory and the two pipes."""
    sys.dont_write_bytecode = True
    for what, bound in (
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (bound, bound))

    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        if event.startswith(_FORBIDDEN) or (event == "open" and _writes(arguments)):
            raise PermissionError(event)

    sys.addaudithook(refuse)


def _writes(arguments: tuple[object, ...]) -> bool:
    _, mode, flags, *_ = (*arguments, None, None, None)
    by_mode = isinstance(mode, str) and any(sign in mode for sign in "wax+")
    return by_mode or (isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)))


def answer(request: bytes) -> bytes:
    """Both forms of one file, or the kinds for which there are none."""
    reader = Reader(cbor.load(request, INPUT, "file"), "file")
    extension, data, most = reader.text("extension", 16), reader.raw("data", 0, INPUT), reader.number("most", INPUT)
    reader.end()
    reply: dict[str, object] = {
        "media": "",
        "clean": None,
        "clean_refused": "",
        "text": None,
        "text_refused": "",
        "left_out": [],
    }
    try:
        found = formats.format_of(extension, data)
    except AttachmentRefused as refusal:
        return cbor.dump({**reply, "clean_refused": refusal.kind, "text_refused": refusal.kind})
    reply["media"] = found.media
    try:
        clean = found.clean(data)
        if len(clean) > most:
            raise AttachmentRefused("attachment-too-large")
        check_bytes(clean, found.media)
        reply["clean"] = clean
    except AttachmentRefused as refusal:
        reply["clean_refused"] = refusal.kind
    except ContentRefused:  # whoever gets it would refuse it
        reply["clean_refused"] = "attachment-format"
    try:
        rendition = found.text_of(data)
        if len(rendition.text.encode()) > most:
            raise AttachmentRefused("attachment-too-large")
        reply["text"], reply["left_out"] = rendition.text, list(rendition.left_out)
    except AttachmentRefused as refusal:
        reply["text_refused"] = refusal.kind
    return cbor.dump(reply)


def main() -> None:
    """Read one request to its end, answer, and end."""
    _close_off()
    sys.stdout.buffer.write(answer(sys.stdin.buffer.read(INPUT + limits.SECTION_BYTES)))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
