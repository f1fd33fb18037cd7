"""Case files: what `safeconduct send FILE` takes (docs/case-files.md). Reading one is pure once its bytes are here.

A case file is JSON: the message's codes, the cover in words, and typed objects in the catalogue's field names with
local ids ("v1"). Local ids never leave: each message gives its objects fresh opaque ids. Errors name the object and
field, never a value: what is typed there may be a victim's name.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from adapters.attachments.preparing import Prepared, prepare
from adapters.evidencefiles.exhibits import Exhibit, Progress, examine, is_exhibit, quiet
from messages.catalogue import Catalogue, DataType, MessageKind
from messages.catalogue import load as load_catalogue
from messages.catalogue.jsontext import parse_json
from messages.catalogue.loader import TYPE_IDS
from messages.errors import BadInput, ContentRefused, Malformed
from messages.ids import country
from messages.labels import Basis, Caveat, CrimeArea, EvidenceUse, HCode, Kind, Lineage, Pap, Purpose, Tlp, Urgency
from messages.manifest import Handling
from policies.inherit import Floor, Source

_CODES: Final[dict[str, Any]] = {
    "kind": Kind,
    "area": CrimeArea,
    "purpose": Purpose,
    "basis": Basis,
    "urgency": Urgency,
    "lineage": Lineage,
    "evidence_use": EvidenceUse,
}
_DEFAULTS: Final = {
    "urgency": Urgency.NONE,
    "lineage": Lineage.ORIGINAL,
    "evidence_use": EvidenceUse.INTELLIGENCE_ONLY,
}
_FIELDS: Final = frozenset(
    {
        *_CODES,
        "handling",
        "case",
        "cover",
        "objects",
        "known",
        "narratives",
        "exercise",
        "draws_on",
        "consents",
        "attachments",
    }
)
MAX_SOURCES: Final = 16
ATTACHMENTS: Final = 8
ATTACHED_BYTES: Final = 3 * 1024 * 1024  # an envelope has 4 MiB, for objects, keys and padding too
MAX_FILE: Final = 4 * 1024 * 1024
_VIEW: Final = re.compile(r"[0-9a-f]{4,32}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """One case file: codes checked, objects as written (local ids, common fields not filled in yet).

    `draws_on` names views in the sender's own journal; `sources` are what they say, found by whoever has the journal.
    """

    kind: Kind
    area: CrimeArea
    purpose: Purpose
    basis: Basis
    urgency: Urgency
    lineage: Lineage
    evidence_use: EvidenceUse
    handling: Handling
    case: str
    cover: Mapping[str, Any]  # as the kind demands it
    objects: tuple[Mapping[str, Any], ...]
    known: tuple[Mapping[str, Any], ...]
    exercise: bool
    typed: bool = False  # whether the file says its lineage
    draws_on: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    floor: Floor | None = None  # what the sources demand, once it is known to whom the message goes
    consents: tuple[str, ...] = ()  # ids of consents that we keep, or how they begin
    attachments: tuple[Prepared, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()  # evidence files
    accepts: bytes | None = None  # the offer that a provider accepted, where this message completes it


def write(case: CaseFile) -> bytes:
    """The case as a file of this form that `read` reads again; what was found out about its sources is left out."""
    handling = case.handling
    value = {
        **{name: getattr(case, name).value for name in _CODES if name != "lineage" or case.typed},
        "handling": {
            "tlp": handling.tlp.value,
            "h": handling.h.value,
            "pap": handling.pap.value,
            "caveats": [c.value for c in handling.caveats],
            "rel_to": list(handling.rel_to),
        },
        "case": case.case,
        "cover": dict(case.cover),
        "objects": list(case.objects),
        "known": list(case.known),
        "exercise": case.exercise,
        "draws_on": list(case.draws_on),
        "consents": list(case.consents),
    }
    return json.dumps(value, ensure_ascii=False).encode()


def read_file(path: Path, progress: Progress = quiet) -> CaseFile:
    """Read a case file and the narratives it names, or raise `BadInput` with what to mend."""
    value = load_value(path)
    attached = value.pop("attachments", [])
    return with_attachments(read(value, str(path)), _named(attached, path), progress)


def load_value(path: Path) -> dict[str, Any]:
    """A case file as it is written, with its narratives in their places and nothing else checked."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"The case file {path} cannot be read ({error.strerror}).") from None
    value = _parse(data, str(path))
    narratives = value.get("narratives") or {}
    if not isinstance(narratives, dict) or not all(isinstance(n, str) for n in narratives.values()):
        raise BadInput(f'{path}: narratives names a text file for each field, such as {{"r1.narrative": "told.txt"}}.')
    for target, name in narratives.items():
        _fill(value, target, path.parent / name, str(path))
    return value


def _named(value: object, path: Path) -> list[tuple[Path, str]]:
    """Files and the local ids that they belong to, as a case file names them."""
    if not isinstance(value, list) or not all(
        isinstance(a, dict) and set(a) == {"file", "for"} and all(isinstance(v, str) for v in a.values()) for a in value
    ):
        raise BadInput(f'{path}: attachments is a list such as [{{"file": "report.docx", "for": "r1"}}].')
    return [(path.parent / a["file"], a["for"]) for a in value]


def with_attachments(case: CaseFile, files: Sequence[tuple[Path, str]], progress: Progress = quiet) -> CaseFile:
    """The case with these files beside it, each for the object of that local id ("" for the first), or `BadInput`.

    Each attachment is looked into by a process of its own; what there is no safe form of is planned as withheld. What
    is too large for one, or the file of an exhibit itself, goes as an evidence file.
    """
    known = [str(o["id"]) for o in case.objects]
    if len(case.attachments) + len(case.exhibits) + len(files) > ATTACHMENTS:
        raise BadInput(f"A case file has at most {ATTACHMENTS} attachments; split it.")
    prepared, exhibits = list(case.attachments), list(case.exhibits)
    objects = {str(o["id"]): o for o in case.objects}
    for file, identifier in files:
        if not known or identifier not in ("", *known):
            raise BadInput(f"The attachment {file} is for {identifier!r}, which is no object of the case file.")
        about = identifier or known[0]
        if is_exhibit(file, objects[about]):
            exhibits.append(examine(file, objects[about], load_catalogue(), progress))
        else:
            prepared.append(prepare(file, about))
    if sum(len(p.clean or b"") for p in prepared) > ATTACHED_BYTES:
        raise BadInput(f"The attachments have more than {ATTACHED_BYTES // 1024 // 1024} MB together; split the case.")
    return replace(case, attachments=tuple(prepared), exhibits=tuple(exhibits))


def _parse(data: bytes, source: str) -> dict[str, Any]:
    if len(data) > MAX_FILE:
        raise BadInput(f"{source} has more than {MAX_FILE // 1024 // 1024} MB; send large papers as evidence files.")
    try:
        value = parse_json(data)
    except ContentRefused:
        raise BadInput(f"{source} is not JSON of the form that docs/case-files.md shows{_where(data)}.") from None
    if not isinstance(value, dict):
        raise BadInput(f"{source} is not a case file: it begins with {{ and names its kind, handling and objects.")
    return value


def _where(data: bytes) -> str:
    try:
        json.loads(data)
    except json.JSONDecodeError as error:
        return f" (line {error.lineno}, column {error.colno})"
    except (ValueError, RecursionError):
        return ""
    return ""


def _fill(value: dict[str, Any], target: str, path: Path, source: str) -> None:
    identifier, _, field = target.partition(".")
    objects = value.get("objects")
    listed = objects if isinstance(objects, list) else []
    found = [o for o in listed if isinstance(o, dict) and o.get("id") == identifier]
    if not found or not field:
        raise BadInput(f"{source}: narratives names {identifier!r}, which is no object of this file.")
    try:
        found[0][field] = path.read_text(encoding="utf-8")
    except (OSError, ValueError):  # also what is no UTF-8, and a name that no file can have
        raise BadInput(f"{source}: the narrative {path.name} cannot be read as UTF-8 text.") from None


def read(value: Mapping[str, Any], source: str = "the case file") -> CaseFile:
    """Check a case file's codes and shape, or raise `BadInput`."""
    if unknown := sorted(set(map(str, value)) - _FIELDS):
        raise BadInput(f"{source}: there is no field {unknown[0][:40]!r}; known are {', '.join(sorted(_FIELDS))}.")
    if "attachments" in value:
        raise BadInput(f"{source}: attachments are files, so they belong into a case file on disk.")
    codes: dict[str, Any] = {}
    for name, of in _CODES.items():
        try:
            codes[name] = of(value.get(name, _DEFAULTS.get(name)))
        except ValueError:
            raise BadInput(f"{source}: {name} must be one of {', '.join(of)}.") from None
    kind = load_catalogue().kinds[codes["kind"]]
    draws_on = _views(value.get("draws_on", []), source)
    return CaseFile(
        **codes,
        handling=_handling(value.get("handling"), source),
        case=_text(value.get("case", ""), f"{source}: case"),
        cover=_cover(value.get("cover"), kind, source, answering=bool(draws_on)),
        objects=_carried(
            _objects(value.get("objects", []), f"{source}: objects", least=int(not kind.alone)), kind, source
        ),
        known=_objects(value.get("known", []), f"{source}: known", least=0),
        exercise=value.get("exercise", False) is True,
        typed="lineage" in value,
        draws_on=draws_on,
        consents=_consents(value.get("consents", []), f"{source}: consents"),
    )


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or len(value) > 2_000:
        raise BadInput(f"{where} must be text of at most 2,000 characters.")
    return value


def _handling(value: object, source: str) -> Handling:
    if not isinstance(value, dict) or not {"tlp", "h", "pap"} <= set(value) <= {"tlp", "h", "pap", "caveats", "rel_to"}:
        raise BadInput(f"{source}: handling names tlp, h and pap, and may name caveats and rel_to.")
    try:
        return Handling(
            tlp=Tlp(str(value["tlp"]).removeprefix("TLP:")),
            h=HCode(value["h"]),
            pap=Pap(str(value["pap"]).removeprefix("PAP:")),
            caveats=tuple(sorted({Caveat(c) for c in value.get("caveats", [])})),
            rel_to=tuple(sorted({country(c) for c in value.get("rel_to", [])})),
        )
    except (ValueError, TypeError, Malformed):
        raise BadInput(
            f"{source}: handling has a word that is not known: tlp is one of {', '.join(Tlp)}; h of "
            f"{', '.join(HCode)}; pap of {', '.join(Pap)}; caveats of {', '.join(Caveat)}; rel_to "
            "lists countries as codes of two capital letters."
        ) from None


def _views(value: object, source: str) -> tuple[str, ...]:
    if (
        not isinstance(value, list)
        or len(value) > MAX_SOURCES
        or not all(isinstance(v, str) and _VIEW.fullmatch(v) for v in value)
        or len(set(value)) != len(value)
    ):
        raise BadInput(
            f"{source}: draws_on lists at most {MAX_SOURCES} views of your inbox by their ids, each once; see: "
            "safeconduct inbox list"
        )
    return tuple(value)


def _cover(value: object, kind: MessageKind, source: str, *, answering: bool) -> dict[str, Any]:
    try:
        return kind.check(value, filled_in=("in_reply_to",) if answering else ())
    except ContentRefused as error:
        raise BadInput(f"{source}: cover: {error}") from None


def _carried(objects: tuple[Mapping[str, Any], ...], kind: MessageKind, source: str) -> tuple[Mapping[str, Any], ...]:
    """The objects, if the kind carries them all: the sender hears of it before anything is planned."""
    for number, obj in enumerate(objects):
        where, data_type = f"{source}: objects[{number}]", obj.get("type")
        if not isinstance(data_type, str) or data_type not in TYPE_IDS:
            continue  # `complete` says so
        if data_type not in kind.types:
            carried = f"it carries {', '.join(sorted(kind.types))}" if kind.types else "its cover goes alone"
            raise BadInput(f"{where}: a message of the kind {kind.kind.value} does not carry {data_type}; {carried}.")
        if data_type in kind.evaluated and "evaluation" not in obj:
            raise BadInput(f"{where}: in a message of the kind {kind.kind.value}, {data_type} needs an evaluation.")
    return objects


def _consents(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(v, str) and len(v) >= 8 for v in value):
        raise BadInput(f"{where} lists ids of consents, of at least 8 characters each; see: safeconduct consent list")
    return tuple(dict.fromkeys(value))


def _objects(value: object, where: str, least: int) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(value, list) or len(value) < least or not all(isinstance(o, dict) for o in value):
        raise BadInput(f"{where} must be a list of {'at least one' if least else 'any number of'} objects.")
    identifiers = [o.get("id") for o in value]
    if any(not isinstance(i, str) or not i for i in identifiers) or len(set(identifiers)) != len(identifiers):
        raise BadInput(f'{where}: every object needs an id of its own, such as "v1".')
    return tuple(value)


def opaque_id(message: bytes, local: str) -> str:
    """The id an object has in one message: looks random, says nothing, and differs in every message."""
    raw = bytearray(blake2b(local.encode(), key=message, digest_size=16, person=b"sc1-object\0\0\0\0\0\0").digest())
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    return str(UUID(bytes=bytes(raw)))


def complete(case: CaseFile, message: bytes, now: int, catalogue: Catalogue) -> list[dict[str, Any]]:
    """The objects with common fields filled in and local ids replaced, each checked against its data type.

    Raises `BadInput` naming object and field.
    """
    return [_complete(o, f"objects[{i}]", case, message, now, catalogue) for i, o in enumerate(case.objects)]


def complete_known(case: CaseFile, message: bytes, now: int, catalogue: Catalogue) -> list[dict[str, Any]]:
    """The same for the identities that are known and not sent."""
    return [_complete(o, f"known[{i}]", case, message, now, catalogue) for i, o in enumerate(case.known)]


def _complete(
    obj: Mapping[str, Any], where: str, case: CaseFile, message: bytes, now: int, catalogue: Catalogue
) -> dict[str, Any]:
    local = [*(str(o["id"]) for o in (*case.objects, *case.known)), *case.consents]
    names = {identifier: opaque_id(message, identifier) for identifier in local}
    try:
        data_type = catalogue.type(obj.get("type"))
        filled: dict[str, Any] = {
            "version": data_type.version,
            "created": datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "handling": {
                "tlp": case.handling.tlp.value,
                "h": case.handling.h.value,
                "pap": case.handling.pap.value,
            },
            "lawful_basis": case.basis.value,
            **obj,
        }
        if case.floor is not None:
            filled = _inherited(filled, case.floor)
        linked = {name: _link(value, data_type, name, names) for name, value in filled.items()}
        return data_type.validate(linked)
    except ContentRefused as error:
        raise BadInput(f"In {where}: {error}") from None


def _inherited(filled: dict[str, Any], floor: Floor) -> dict[str, Any]:
    """The object with the originators' date of deletion and conditions, as far as it does not bring stricter ones."""
    found = dict(filled)
    handling, marks = found.get("handling"), found.get("originator_conditions", [])
    if isinstance(handling, dict):
        own = handling.get("delete_on")
        until = min(own, floor.delete_on) if isinstance(own, str) else floor.delete_on
        found["handling"] = {**handling, "delete_on": until}
    if floor.marks and isinstance(marks, list) and all(isinstance(m, str) for m in marks):
        found["originator_conditions"] = sorted({*marks, *floor.marks})
    return found


def _link(value: Any, data_type: DataType, name: str, names: Mapping[str, str]) -> Any:
    """Replace local ids by opaque ones wherever the catalogue says that a field is an id or a reference."""
    field = data_type.fields.get(name)
    if field is None:
        return value
    return _linked(value, field, names)


def _linked(value: Any, field: Any, names: Mapping[str, str]) -> Any:
    if field.kind in ("id", "ref"):
        if isinstance(value, list):
            return [names.get(v, v) if isinstance(v, str) else v for v in value]
        return names.get(value, value) if isinstance(value, str) else value
    if field.fields and isinstance(value, list):
        return [_linked_map(v, field, names) for v in value]
    return _linked_map(value, field, names) if field.fields else value


def _linked_map(value: Any, field: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(value, dict):
        return value
    return {k: _linked(v, field.fields[k], names) if k in field.fields else v for k, v in value.items()}
