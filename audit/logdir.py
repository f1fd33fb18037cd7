"""A log as a directory of files: what `python -m audit verify DIR` reads and the broker's export writes.

    leaves.bin        32 bytes a leaf, in order
    records.jsonl     {"index": 0, "salt": "…", "record": "…"}    one line a record that is still held
    entries.jsonl     {"seq": 1, "subject": "entry.…", "entry": "…"}    in the order in which they were stored
    deliveries.jsonl  {"subject": "deliver.…", "delivery": "…"}    what still waits
    workers.json      {"w…": "…"}    the public keys of the broker's workers
    log.vkey          the log's verifier key (C2SP signed-note)
    checkpoint        the newest signed head (C2SP tlog-checkpoint)
    final             the newest that enough witnesses cosigned (C2SP tlog-cosignature), if there is one

Bytes are standard base64. Each file is replaced whole: written beside, synced, renamed. They are replaced in the order
of `WRITE_ORDER`, so an export that dies between two of them leaves a directory that still holds: entries not yet
sequenced, or leaves not yet under a checkpoint. For the same reason an exporter of a running log *reads* the other way
round: first checkpoint, then leaves, records, deliveries, and entries last.
"""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audit.errors import Unreadable
from audit.readers.fields import UINT_LIMIT, as_handle, base64_bytes, base64_text
from audit.readers.signed import KEY_BYTES

LEAVES: Final = "leaves.bin"
RECORDS: Final = "records.jsonl"
ENTRIES: Final = "entries.jsonl"
DELIVERIES: Final = "deliveries.jsonl"
WORKERS: Final = "workers.json"
VKEY: Final = "log.vkey"
CHECKPOINT: Final = "checkpoint"
FINAL: Final = "final"

WRITE_ORDER: Final = (WORKERS, VKEY, ENTRIES, DELIVERIES, RECORDS, LEAVES, CHECKPOINT)

LEAF_BYTES: Final = 32
MAX_LINE_BYTES: Final = 32 * 1024 * 1024  # the largest payload of the message server in base64, twice
MAX_SMALL_FILE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLine:
    """A record that is still held, with its salt, and the leaf it claims to open."""

    index: int
    salt: bytes
    record: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLine:
    """An entry: its place in the store, its subject, and the signed object."""

    seq: int
    subject: str
    entry: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLine:
    """A delivery that still waits."""

    subject: str
    delivery: bytes


class LogDir:
    """Reads an exported log. Every method returns shapes or raises `Unreadable`; `OSError` passes through.

    Files with lines are read one line at a time. A last line without its line end that does not parse is a torn
    write: it is left out and named in `torn`.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.torn: set[str] = set()

    def missing(self) -> tuple[str, ...]:
        """Which of the files are not there."""
        return tuple(name for name in sorted(WRITE_ORDER) if not (self.directory / name).is_file())

    def leaves(self) -> list[bytes]:
        """All whole leaves, in order."""
        raw = (self.directory / LEAVES).read_bytes()
        whole = len(raw) - len(raw) % LEAF_BYTES
        if whole != len(raw):
            self.torn.add(LEAVES)
        return [raw[start : start + LEAF_BYTES] for start in range(0, whole, LEAF_BYTES)]

    def records(self) -> Iterator[RecordLine]:
        for number, values in self._lines(RECORDS, {"index", "salt", "record"}):
            where = f"{RECORDS} line {number}"
            yield RecordLine(
                index=_uint(values["index"], where),
                salt=base64_bytes(values["salt"], f"{where}: salt", 32),
                record=base64_bytes(values["record"], f"{where}: record"),
            )

    def entries(self) -> Iterator[EntryLine]:
        for number, values in self._lines(ENTRIES, {"seq", "subject", "entry"}):
            where = f"{ENTRIES} line {number}"
            yield EntryLine(
                seq=_uint(values["seq"], where),
                subject=_text(values["subject"], where),
                entry=base64_bytes(values["entry"], f"{where}: entry"),
            )

    def deliveries(self) -> Iterator[DeliveryLine]:
        for number, values in self._lines(DELIVERIES, {"subject", "delivery"}):
            where = f"{DELIVERIES} line {number}"
            yield DeliveryLine(
                subject=_text(values["subject"], where),
                delivery=base64_bytes(values["delivery"], f"{where}: delivery"),
            )

    def workers(self) -> dict[str, bytes]:
        """The workers' public keys by key name."""
        value = load_json(self._small(WORKERS), WORKERS)
        if not isinstance(value, dict):
            raise Unreadable(f"{WORKERS}: not an object")
        return {
            as_handle(name, f"{WORKERS}: a worker's name", "w"): base64_bytes(key, f"{WORKERS}: a key", KEY_BYTES)
            for name, key in value.items()
        }

    def vkey(self) -> str:
        try:
            return self._small(VKEY).decode("utf-8").strip()
        except UnicodeDecodeError:
            raise Unreadable(f"{VKEY}: not text") from None

    def checkpoint(self) -> bytes:
        return self._small(CHECKPOINT)

    def final(self) -> bytes:
        """The head that witnesses cosigned; empty where the export holds none."""
        return self._small(FINAL) if (self.directory / FINAL).exists() else b""

    def _small(self, name: str) -> bytes:
        with (self.directory / name).open("rb") as file:
            raw = file.read(MAX_SMALL_FILE_BYTES + 1)
        if len(raw) > MAX_SMALL_FILE_BYTES:
            raise Unreadable(f"{name}: larger than such a file can be")
        return raw

    def _lines(self, name: str, keys: set[str]) -> Iterator[tuple[int, dict[str, object]]]:
        with (self.directory / name).open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                where = f"{name} line {number}"
                ended = line.endswith(b"\n")
                if len(line) > MAX_LINE_BYTES and not ended:
                    raise Unreadable(f"{where}: too long")
                try:
                    value = load_json(line, where)
                except Unreadable:
                    if ended:
                        raise
                    self.torn.add(name)
                    return
                if not isinstance(value, dict) or value.keys() != keys:
                    raise Unreadable(f"{where}: not an object with the fields {', '.join(sorted(keys))}")
                yield number, value


def write_log_dir(
    directory: Path,
    *,
    leaves: Iterable[bytes],
    records: Iterable[RecordLine],
    entries: Iterable[EntryLine],
    deliveries: Iterable[DeliveryLine],
    workers: Mapping[str, bytes],
    vkey: str,
    checkpoint: bytes,
    final: bytes | None = None,
) -> None:
    """Write or replace an exported log. The iterables are read one after another in the order of `WRITE_ORDER`."""
    directory.mkdir(parents=True, exist_ok=True)
    keys = {name: base64_text(key) for name, key in sorted(workers.items())}
    write_atomically(directory / WORKERS, [json.dumps(keys, indent=1).encode() + b"\n"])
    write_atomically(directory / VKEY, [vkey.encode() + b"\n"])
    write_atomically(directory / ENTRIES, (_entry_line(line) for line in entries))
    write_atomically(directory / DELIVERIES, (_delivery_line(line) for line in deliveries))
    write_atomically(directory / RECORDS, (_record_line(line) for line in records))
    write_atomically(directory / LEAVES, (_leaf(leaf) for leaf in leaves))
    write_atomically(directory / CHECKPOINT, [checkpoint])
    if final is not None:
        write_atomically(directory / FINAL, [final])


def write_atomically(path: Path, pieces: Iterable[bytes]) -> None:
    """Replace the file at `path` by all of `pieces` or leave it as it was; durable on return."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load_json(raw: bytes, what: str) -> object:
    """Read one JSON value in which no name stands twice, or raise `Unreadable`."""
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError):  # includes text that is not UTF-8 and numbers too long to convert
        raise Unreadable(f"{what}: not JSON, or a name in it stands twice") from None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _uint(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < UINT_LIMIT:
        raise Unreadable(f"{where}: not a whole number in range")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or len(value) > 512 or not value.isascii() or not value.isprintable():
        raise Unreadable(f"{where}: the subject is not one")
    return value


def _line(values: dict[str, object]) -> bytes:
    return json.dumps(values).encode() + b"\n"


def _leaf(leaf: bytes) -> bytes:
    if len(leaf) != LEAF_BYTES:
        raise ValueError(f"a leaf has {LEAF_BYTES} bytes")
    return leaf


def _record_line(line: RecordLine) -> bytes:
    return _line({"index": line.index, "salt": base64_text(line.salt), "record": base64_text(line.record)})


def _entry_line(line: EntryLine) -> bytes:
    return _line({"seq": line.seq, "subject": line.subject, "entry": base64_text(line.entry)})


def _delivery_line(line: DeliveryLine) -> bytes:
    return _line({"subject": line.subject, "delivery": base64_text(line.delivery)})
