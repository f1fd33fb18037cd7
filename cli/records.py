"""Past decisions, as the broker's records hold them: to rehearse a draft over, and to explain one of them.

Records hold metadata alone. They come from a folder that `safeconduct audit export` wrote, so that officers need no
access to the broker; whether the log holds together is `python -m audit verify`'s to say, and better asked first.
"""

from pathlib import Path

from audit.errors import Unreadable
from audit.logdir import LogDir, write_atomically
from audit.record import DECISION, Record, read_record
from broker.proposals import past as one_past
from cli.ceremonies.rehearsing import progress
from cli.common import out
from keys.fingerprints import fingerprint
from messages.errors import BadInput
from policies import report
from policies.rehearsal import Past
from policies.report import Report


def decisions(folder: Path, since: int = 0) -> list[Record]:
    """The decisions in an exported log from this moment on, in the order of the log, or raise `BadInput`."""
    log = LogDir(folder)
    if "records.jsonl" in log.missing():
        raise BadInput(f"{folder} is no exported log; make one with: safeconduct audit export")
    found = []
    try:
        with progress("reading records") as tick:
            for n, line in enumerate(log.records()):
                if tick is not None:
                    tick(n, 0)
                record = read_record(line.record)
                if isinstance(record, Record) and record.type == DECISION and record.at >= since:
                    found.append(record)
    except Unreadable as error:
        raise BadInput(f"The records in {folder} cannot be read ({error}); export the log again.") from None
    return found


def past(folder: Path, since: int = 0) -> list[Past]:
    """The same as a rehearsal takes them; of one that keeps no facts, or in other words than ours, only that it was."""
    return [one_past(record) for record in decisions(folder, since)]


def write_report(made: Report, page: Path | None, data: Path | None, title: str) -> None:
    """Write a report where the options say so."""
    digits = fingerprint(made.digest)
    if page is not None:
        write_atomically(page, [report.html(made, title, digits).encode()])
        out.print(f"wrote {page}", markup=False, soft_wrap=True)
    if data is not None:
        write_atomically(data, [made.to_bytes()])
        out.print(f"wrote {data}", markup=False, soft_wrap=True)
