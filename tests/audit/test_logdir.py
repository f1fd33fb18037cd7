from collections.abc import Iterator
from pathlib import Path

import pytest

from audit import logdir
from audit.errors import Unreadable
from audit.logdir import LogDir, write_atomically
from tests.audit.genuine import genuine


def test_what_was_written_is_read(tmp_path: Path) -> None:
    parts = genuine()
    log = LogDir(parts.write(tmp_path))
    assert not log.missing()
    assert log.leaves() == parts.leaves
    assert list(log.records()) == parts.records
    assert list(log.entries()) == parts.entries
    assert list(log.deliveries()) == parts.deliveries
    assert log.workers() == parts.workers
    assert log.vkey() == parts.vkey
    assert log.checkpoint() == parts.checkpoint
    assert not log.torn


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    def full_disk() -> Iterator[bytes]:
        yield b"half of it"
        raise OSError(28, "No space left on device")

    file = tmp_path / logdir.LEAVES
    write_atomically(file, [b"old"])
    with pytest.raises(OSError, match="No space"):
        write_atomically(file, full_disk())
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == [logdir.LEAVES]


def test_a_leaf_of_another_length_is_not_written(tmp_path: Path) -> None:
    parts = genuine()
    parts.leaves.append(b"short")
    with pytest.raises(ValueError, match="32 bytes"):
        parts.write(tmp_path)


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    genuine().write(tmp_path)
    for name in logdir.WRITE_ORDER:
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "line",
    [
        '{"index": -1, "salt": "", "record": ""}',
        '{"index": true, "salt": "", "record": ""}',
        '{"index": 1.0, "salt": "", "record": ""}',
        '{"index": 1, "salt": "AAAA", "record": "AAAA"}',
        '{"index": 1, "salt": null, "record": "AAAA"}',
        '{"index": 1, "record": "AAAA"}',
        '{"index": 1, "index": 2, "record": "AAAA"}',
        f'{{"index": 1, "index": 2, "salt": "{"A" * 43}=", "record": "AAAA"}}',
        "[]",
        "1" * 5000,
        "",
    ],
)
def test_a_line_that_is_no_record_is_unreadable_and_named(line: str, tmp_path: Path) -> None:
    (tmp_path / logdir.RECORDS).write_text(line + "\n", "utf-8")
    with pytest.raises(Unreadable, match=r"records\.jsonl line 1"):
        list(LogDir(tmp_path).records())
