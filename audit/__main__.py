"""`python -m audit …`: an auditor's commands. Needs this folder and `cryptography`, nothing else.

Exit codes: 0 it holds; 1 it does not; 2 the question was put wrongly (no such directory, unreadable file,
a root of trust that the packet cannot be held against).
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from audit import checkpoint as heads
from audit import fsck, logdir, packet
from audit.checkpoint import VerifierKey
from audit.errors import AuditError, ProofFailed, Unreadable
from audit.expiry import expiries, naming
from audit.findings import Report, many
from audit.proofs import verify_consistency, verify_inclusion
from audit.readers.fields import base64_bytes
from audit.record import ActRecord, Record, TrustRecord, leaf, read_record
from audit.tree import Tree, leaf_hash
from audit.witness import WitnessKey

HOLDS, BROKEN, MISTAKE = 0, 1, 2

_ABOUT = "Check what a Safeconduct broker did, offline and without trusting it."
_CODES = "exit codes: 0 it holds, 1 it does not hold, 2 the command was given wrongly"


class _Mistake(Exception):
    """What the person asked cannot be done; one sentence that says why and what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Prints; never raises for what a file or an argument holds."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return command(arguments)
    except _Mistake as mistake:
        print(f"audit: {mistake}", file=sys.stderr)
    except OSError as error:
        name = error.filename if isinstance(error.filename, str) else "a file"
        print(f"audit: {name} cannot be read: {error.strerror or 'the system gave no reason'}.", file=sys.stderr)
    return MISTAKE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m audit", description=_ABOUT, epilog=_CODES)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    verify = commands.add_parser(
        "verify",
        help="check an exported log completely and name the first break",
        description="Check an exported log: signed head, leaves, records, entries, their order, deliveries.",
        epilog=_CODES,
    )
    verify.add_argument("directory", type=Path, metavar="DIR", help="the exported log")
    verify.add_argument("--json", action="store_true", help="print one JSON object instead of words")
    verify.add_argument("--key", metavar="KEY", help="the log's verifier key as you know it, or a file that holds it")
    verify.add_argument("--known", type=Path, metavar="FILE", help="a checkpoint you kept, which the log must continue")
    verify.add_argument(
        "--witness", metavar="KEY", action="append", default=[],
        help="a witness's key as you know it, or a file that holds it; two of them must have seen the log",
    )  # fmt: skip
    verify.set_defaults(run=_verify)

    proof = commands.add_parser(
        "check-proof",
        help="check Merkle proofs in JSON files",
        description="Check inclusion proofs (leafIdx, treeSize, root, leafHash, proof) and consistency proofs (size1,"
        " size2, root1, root2, proof); hashes are base64. Prints one line a file.",
        epilog=_CODES,
    )
    proof.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a proof as JSON")
    proof.set_defaults(run=_check_proofs)

    packets = commands.add_parser("packet", help="check one message with all that proves it", epilog=_CODES)
    about = packets.add_subparsers(required=True, metavar="COMMAND")
    whole = about.add_parser(
        "verify",
        help="check a packet, step by step, and say what it does not show",
        description="Check a packet offline: trust bundle, mandates of then, message, stamp, record, retrieval, log.",
        epilog=_CODES,
    )
    whole.add_argument("file", type=Path, metavar="FILE", help="the packet")
    whole.add_argument("--root", type=Path, metavar="FILE", help="the root of trust (root.json) as you know it")
    whole.add_argument("--json", action="store_true", help="print one JSON object instead of words")
    whole.set_defaults(run=_packet)

    inspect = commands.add_parser(
        "inspect-record",
        help="show one record and prove that it is in the log",
        description="Show one record in words, and check that it opens its leaf and that the checkpoint covers it.",
        epilog=_CODES,
    )
    inspect.add_argument("directory", type=Path, metavar="DIR", help="the exported log")
    inspect.add_argument("index", type=int, metavar="INDEX", help="the leaf index, counted from 0")
    inspect.set_defaults(run=_inspect)
    return parser


def _verify(arguments: argparse.Namespace) -> int:
    _need_log(arguments.directory)
    key = _given_key(arguments.key) if arguments.key else None
    known = arguments.known.read_bytes() if arguments.known else None
    witnesses = [_given_witness(text) for text in arguments.witness]
    report = fsck.check(arguments.directory, key=key, known=known, witnesses=witnesses)
    if arguments.json:
        print(json.dumps(report.to_json(), indent=1))
    else:
        _print_report(report, pinned=key is not None)
    return HOLDS if report.holds else BROKEN


def _print_report(report: Report, *, pinned: bool) -> None:
    for number, step in enumerate(report.steps, 1):
        print(f"{number}  {step.name:<11} {'holds ' if step.holds else 'BROKEN'}  {step.says}")
    for note in report.notes:
        print(f"   note: {note}")
    first = report.first
    if first is not None:
        where = first.where if first.index is None else f"{first.where}, index {first.index}"
        print(f"The log is BROKEN. First break: {first.kind} ({where}). {first.says}")
        return
    if not pinned:
        print("   note: The log's key was taken from the directory; give --key to hold it to one you got another way.")
    print(f"The log holds: {many(report.size, 'leaf')} under a checkpoint with root {report.root.hex()}.")


def _check_proofs(arguments: argparse.Namespace) -> int:
    result = HOLDS
    for path in arguments.files:
        try:
            _check_proof(path)
        except ProofFailed as error:
            print(f"{path} does not hold: {error}")
            result = max(result, BROKEN)
        except Unreadable as error:
            print(f"audit: {path} is not a proof this command can read: {error}.", file=sys.stderr)
            result = MISTAKE
        except OSError as error:
            print(f"audit: {path} cannot be read: {error.strerror}.", file=sys.stderr)
            result = MISTAKE
        else:
            print(f"{path} holds")
    return result


def _check_proof(path: Path) -> None:
    """Return if the proof in the file holds; raise `ProofFailed`, or `Unreadable` where the file is no proof."""
    value = logdir.load_json(path.read_bytes(), "the file")
    if not isinstance(value, dict):
        raise Unreadable("not a JSON object")
    inclusion = {"leafIdx", "treeSize", "root", "leafHash"} <= value.keys()
    consistency = {"size1", "size2", "root1", "root2"} <= value.keys()
    if inclusion == consistency:
        raise Unreadable("it has the fields of neither an inclusion nor a consistency proof")
    steps = value.get("proof")
    if steps is not None and not isinstance(steps, list):
        raise ProofFailed("the proof is not a list of hashes")
    path_hashes = [_hash(item, "a hash of the proof") for item in steps or []]
    if inclusion:
        verify_inclusion(
            _number(value["leafIdx"], "leafIdx"),
            _number(value["treeSize"], "treeSize"),
            _hash(value["leafHash"], "leafHash"),
            path_hashes,
            _hash(value["root"], "root"),
        )
    else:
        verify_consistency(
            _number(value["size1"], "size1"),
            _number(value["size2"], "size2"),
            _hash(value["root1"], "root1"),
            _hash(value["root2"], "root2"),
            path_hashes,
        )


def _packet(arguments: argparse.Namespace) -> int:
    root = arguments.root.read_bytes() if arguments.root else None
    verdict = packet.check(arguments.file.read_bytes(), root)
    if arguments.json:
        steps = [{"name": s.name, "holds": s.holds, "says": s.says} for s in verdict.steps]
        told = {"holds": verdict.holds, "comparable": verdict.comparable, "steps": steps}
        print(json.dumps(told | {"unchecked": list(verdict.unchecked)}, indent=1))
        return _code(verdict)
    for number, step in enumerate(verdict.steps, 1):
        state = "holds " if step.holds else "BROKEN" if step.comparable else "NOT COMPARABLE"
        print(f"{number:>2}  {step.name:<10} {state}  {_shown(step.says)}")
    for what in verdict.unchecked:
        print(f"    not checked: {_shown(what)}")
    if not verdict.comparable:
        print("The packet is NOT COMPARABLE with the root of trust that you gave: nothing of it is proved or broken.")
    else:
        print("The packet holds." if verdict.holds else f"The packet is BROKEN. First break: {verdict.steps[-1].name}.")
    return _code(verdict)


def _code(verdict: packet.Verdict) -> int:
    if not verdict.comparable:
        return MISTAKE
    return HOLDS if verdict.holds else BROKEN


def _shown(says: str) -> str:
    """A sentence for a terminal: names in it are those of the packet, which may hold anything."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in says)


def _number(value: object, what: str) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ProofFailed(f"{what} is not a whole number")
    return value


def _hash(value: object, what: str) -> bytes:
    try:
        return base64_bytes(value, what)
    except Unreadable as error:
        raise ProofFailed(str(error)) from None


def _inspect(arguments: argparse.Namespace) -> int:
    _need_log(arguments.directory)
    log, index = logdir.LogDir(arguments.directory), arguments.index
    try:
        leaves = log.leaves()
        if not 0 <= index < len(leaves):
            raise _Mistake(f"there is no leaf {index}: the log has {many(len(leaves), 'leaf')}, counted from 0.")
        head = heads.verify(log.checkpoint(), VerifierKey.parse(log.vkey()))
        tree = Tree()
        tree.extend(leaves[: head.size])
        lines = list(log.records())
        held = next((line for line in lines if line.index == index), None)
        print(f"leaf       {index}, {leaves[index].hex()}")
        if held is None:
            said = naming(expiries(_opened(lines, leaves)), index)
            if said is None:
                print("The record is not held, and no record of the log says that it expired: it was removed.")
                return BROKEN
            print(f"record     expired, {said.days} days after it was written, as leaf {said.index} says")
        else:
            _print_record(read_record(held.record))
            if leaf(held.salt, held.record) != leaves[index]:
                print(f"The record does not open leaf {index}: it was changed.")
                return BROKEN
        if index >= head.size:
            print(f"The record opens its leaf, which the checkpoint over {many(head.size, 'leaf')} does not cover yet.")
            return BROKEN
        if tree.size < head.size:
            raise ProofFailed(f"the checkpoint covers {many(head.size, 'leaf')}, and only {tree.size} are there")
        proof = tree.inclusion_proof(index, head.size)
        verify_inclusion(index, head.size, leaf_hash(leaves[index]), proof, head.root)
    except AuditError as error:
        print(f"It does not hold: {error}.")
        return BROKEN
    opens = "The record opens its leaf, and the" if held else "The"
    print(f"{opens} leaf is under the signed checkpoint over {many(head.size, 'leaf')}: {many(len(proof), 'hash')}.")
    return HOLDS


def _opened(lines: list[logdir.RecordLine], leaves: list[bytes]) -> dict[int, Record | TrustRecord | ActRecord]:
    """The records that open their leaves."""
    found: dict[int, Record | TrustRecord | ActRecord] = {}
    for line in lines:
        with suppress(Unreadable):
            if line.index < len(leaves) and leaf(line.salt, line.record) == leaves[line.index]:
                found[line.index] = read_record(line.record)
    return found


def _print_record(record: Record | TrustRecord | ActRecord) -> None:
    year_9999 = 253_402_300_000_000
    moment = datetime.fromtimestamp(min(record.at, year_9999 - 1) / 1000, UTC)
    at = f"{moment.isoformat(timespec='milliseconds')} (epoch {record.epoch})"
    if isinstance(record, ActRecord):
        rows = _act_rows(record, at)
    else:
        rows = _trust_rows(record, at) if isinstance(record, TrustRecord) else _rows(record, at)
    for name, value in rows:
        print(f"{name:<10} {value}")


def _trust_rows(record: TrustRecord, at: str) -> list[tuple[str, str]]:
    return [
        ("type", "trust"),
        ("says", record.says),
        ("step", record.step),
        ("at", at),
        ("worker", record.by),
        ("subject", record.subject or "-"),
        ("number", "-" if record.number is None else str(record.number)),
        ("digest", record.digest.hex()),
        ("signers", ", ".join(record.signers) or "-"),
    ]


def _act_rows(record: ActRecord, at: str) -> list[tuple[str, str]]:
    return [
        ("type", "act"),
        ("says", record.says),
        ("act", record.act),
        ("outcome", record.outcome),
        ("ground", record.ground or "-"),
        ("at", at),
        ("worker", record.by),
        ("agency", record.agency or "-"),
        ("subject", record.subject.hex()),
        ("recipient", record.recipient or "-"),
        ("view", record.view.hex() if record.view else "-"),
        ("digest", record.digest.hex()),
        ("signer", record.signer),
    ]


def _rows(record: Record, at: str) -> list[tuple[str, str]]:
    return [
        ("type", record.type),
        ("outcome", record.outcome),
        ("rules", ", ".join(record.rules) or "-"),
        ("at", at),
        ("worker", record.by),
        ("agency", record.agency),
        ("kind", record.kind or "-"),
        ("message", record.message.hex() if record.message else "-"),
        ("sender", record.sender or "-"),
        ("recipient", record.recipient or "-"),
        ("submission", record.submission.hex()),
        ("manifest", record.manifest.hex() if record.manifest else "-"),
        ("view", record.view.hex() if record.view else "-"),
        *(("section", f"{name} ({kind}): {outcome}") for name, kind, outcome in record.sections),
    ]


def _need_log(directory: Path) -> None:
    if not directory.is_dir():
        raise _Mistake(f"{directory} is not a directory; give the directory of an exported log.")
    if len(logdir.LogDir(directory).missing()) == len(logdir.WRITE_ORDER):
        raise _Mistake(f"{directory} holds no exported log; give the directory that holds {logdir.LEAVES}.")


def _given_key(text: str) -> VerifierKey:
    try:
        if "+" not in text or Path(text).is_file():
            text = Path(text).read_text("utf-8")
        return VerifierKey.parse(text)
    except (Unreadable, UnicodeDecodeError):
        raise _Mistake("--key is no verifier key; give name+id+key, or a file that holds it.") from None


def _given_witness(text: str) -> WitnessKey:
    try:
        if "+" not in text or Path(text).is_file():
            text = Path(text).read_text("utf-8")
        return WitnessKey.parse(text.strip())
    except (Unreadable, UnicodeDecodeError):
        raise _Mistake("--witness is no witness's key; give name+id+key, or a file that holds it.") from None


if __name__ == "__main__":
    sys.exit(main())
