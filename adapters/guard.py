"""The release guard: an independent process of the sending agency, with its own key (docs/design.md section 7.3).

For each recipient without identity rights it gets every section as it will travel, with its key, the recipient's public
key, and the identities that the sender knows. It trusts none of the sender's words about them: it opens each section
with the key it was given, validates it against its type, computes roles and flags itself, searches every string of
every granted section for every identity, and only then seals the grant itself and signs what it found.

`examine` is the pure core; `serve` and `GuardClient` are the shell: CBOR over a Unix socket that only its owner can
open. What the guard answers names sections, kinds and rules, never a word of content.
"""

import asyncio
import json
import os
import re
import struct
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import structlog

from adapters.consents import at_guard, person_of, renamed
from adapters.known import known_persons, register_names, suspects, to_identity
from keys import keystore
from keys.domains import KeyKind, Tag
from keys.sealing import SectionKey, open_section, seal_grant
from keys.signing import Signer
from keys.unlocking import Passphrase
from messages import attachment, cbor, ids, limits
from messages.attachment import FILE
from messages.attestations import AttestedSection, Consent, GuardAttestation
from messages.catalogue import Catalogue
from messages.catalogue import load as load_catalogue
from messages.catalogue.jsontext import parse_json
from messages.cbor import Reader
from messages.envelope import COVER, SectionDetail
from messages.errors import ContentRefused, DependencyError, KeyTrouble, Malformed, NotPermitted, ShareError
from messages.ids import ContactHandle, MessageId
from messages.labels import Flag, Kind, Role
from messages.signed import Signed
from policies.consent import chosen
from policies.redaction.engine import Matcher
from policies.redaction.errors import RedactionError

log = structlog.get_logger("adapters.guard")

RULES: Final = "guard-1/known-identities-1"
REQUEST_BYTES: Final = 64 * 1024 * 1024
KEY_FILE: Final = "guard.key"
SOCKET: Final = "guard.sock"
_SHAPED: Final = frozenset({"id", "ref", "pseudonym"})
_PSEUDONYM: Final = re.compile(r"(?<![\w-])[A-Z]-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{2}(?![\w-])")
_IDENTIFYING: Final = frozenset({Flag.DIRECT, Flag.LOCATION, Flag.SENSITIVE})


class GuardRefused(NotPermitted):
    """The guard does not let this pass. The sentence names section and kind of finding."""

    code = "guard-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSection:
    """One section as it will travel, with its key; `granted` tells whether this recipient is to open it."""

    detail: SectionDetail
    sealed: bytes
    key: SectionKey
    granted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRequest:
    """What the sender asks the guard to check and seal for one recipient."""

    message: MessageId
    kind: Kind  # what the cover has to say
    sender: ContactHandle
    recipient: ContactHandle
    public: bytes  # the recipient's encryption key
    sections: tuple[GuardSection, ...]
    known: tuple[bytes, ...]  # JSON objects whose identities must not appear, beyond the sections' own
    consents: tuple[bytes, ...] = ()  # that travel beside the message, as `adapters.consents.for_guard` makes them
    names: tuple[str, ...] = ()  # by which a consent record may name the recipient's agency: name, handle, class

    def to_bytes(self) -> bytes:
        """The request as it travels to the guard."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "message": self.message,
                "kind": self.kind.value,
                "sender": self.sender,
                "recipient": self.recipient,
                "public": self.public,
                "sections": [
                    {"detail": s.detail.to_bytes(), "sealed": s.sealed, "key": s.key.raw, "granted": s.granted}
                    for s in self.sections
                ],
                "known": list(self.known),
                "consents": list(self.consents),
                "names": list(self.names),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "GuardRequest":
        """Read it, or raise `Malformed`."""
        reader = Reader(cbor.load(data, REQUEST_BYTES, "request"), "request")
        reader.version()
        request = cls(
            message=ids.message_id(reader.fixed("message", 16)),
            kind=reader.code("kind", Kind),
            sender=reader.code("sender", ids.contact_handle),
            recipient=reader.code("recipient", ids.contact_handle),
            public=reader.raw("public", 1, 4096),
            sections=tuple(map(_read_section, reader.items("sections", limits.SECTIONS))),
            known=cbor.bytes_list(reader.items("known", 1000), "known identities", 1, limits.SECTION_BYTES),
            consents=cbor.bytes_list(reader.items("consents", 64), "consents", 1, 4 * limits.ATTESTATION_BYTES),
            names=tuple(_text(n) for n in reader.items("names", 8)),
        )
        reader.end()
        return request


def _text(value: object) -> str:
    if type(value) is not str or len(value) > limits.TEXT:
        raise Malformed("A name of the recipient's agency has the wrong form.")
    return value


def _read_section(value: object) -> GuardSection:
    reader = Reader(value, "section")
    section = GuardSection(
        detail=SectionDetail.from_bytes(reader.raw("detail", 1, limits.OPENING_BYTES)),
        sealed=reader.raw("sealed", 1),
        key=SectionKey(reader.fixed("key", limits.SECTION_KEY)),
        granted=reader.flag("granted"),
    )
    reader.end()
    return section


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One opened section, and what it was found to be."""

    section: GuardSection
    value: Mapping[str, Any]
    roles: frozenset[Role]
    flags: frozenset[Flag]


def examine(request: GuardRequest, catalogue: Catalogue) -> tuple[list[AttestedSection], int]:
    """What each granted section is, and how many identities were searched for; raises `GuardRefused`.

    Fail closed: a section that cannot be opened, validated, read or searched refuses the whole recipient. Where nobody
    was known to search for, finding nobody proves nothing: that is attested as it is, and the rules demand a person who
    reads the words (SC-43).
    """
    opened = [_open(section, request, catalogue) for section in request.sections]
    granted = [e for e in opened if e.section.granted]
    if not granted:
        raise GuardRefused("The guard was asked to seal nothing.")
    objects = [e.value for e in opened if e.section.detail.type != COVER and e.section.detail.part != FILE]
    known = [_known(raw, catalogue) for raw in request.known]
    persons = known_persons([*(o for o in objects), *known])
    identities = tuple(dict.fromkeys(to_identity(p, "person") for p in persons))
    matcher = Matcher(identities, suspects([*known, *objects], catalogue))
    register = register_names(known, catalogue)
    consents = _consents(request, known, objects)
    if consents and not request.names:
        raise GuardRefused("The guard refuses: it was not told how a consent may name the recipient.")
    attested: list[AttestedSection] = []
    for examined in granted:
        _search(examined, request.kind, matcher, register, catalogue)
        detail = examined.section.detail
        own = consents.get(person_of(examined.value) or "", [])
        consent = chosen(own, detail.type, examined.flags, examined.roles)
        attested.append(
            AttestedSection(
                name=detail.name,
                type=detail.type,
                part=detail.part,
                media=detail.media,
                roles=tuple(sorted(examined.roles)),
                flags=tuple(sorted(examined.flags)),
                consent=consent.id if consent is not None else None,
                digest=detail.digest,
                commitment=detail.commitment,
            )
        )
    return attested, len(identities)


def _consents(
    request: GuardRequest, known: Sequence[Mapping[str, Any]], objects: Sequence[Mapping[str, Any]]
) -> dict[str, list[Consent]]:
    """The consents by the name that this recipient has for the person whose they are."""
    theirs = renamed(known, objects)
    found: dict[str, list[Consent]] = {}
    for data in request.consents:
        try:
            held = at_guard(data, request.names)
        except ShareError as error:
            raise GuardRefused(f"The guard refuses: {error}") from None
        if held.about in theirs:
            found.setdefault(theirs[held.about], []).append(held.consent)
    return found


def _open(section: GuardSection, request: GuardRequest, catalogue: Catalogue) -> Examined:
    """Open what will really travel, and compute what it is: nothing of the sender's claim is taken over."""
    detail = section.detail
    try:
        plaintext = open_section(section.key, section.sealed, detail, request.message)
        if detail.part == FILE:
            return _open_file(section, plaintext, catalogue)
        if detail.media != "application/json":
            raise ContentRefused("The guard reads application/json only.")
        value = parse_json(plaintext)
        if detail.type == COVER:
            cover = catalogue.kinds[request.kind].check(value)
            return Examined(section=section, value=cover, roles=frozenset(), flags=frozenset())
        data_type = catalogue.type(detail.type)
        checked = data_type.validate_part(detail.part, value)
        roles = data_type.roles(checked)
        flags = data_type.flags(detail.part, checked, text_cleared=True)
    except ShareError as error:
        raise GuardRefused(f"The guard refuses the section {detail.name}: {error}") from None
    return Examined(section=section, value=checked, roles=roles, flags=flags)


def _open_file(section: GuardSection, plaintext: bytes, catalogue: Catalogue) -> Examined:
    """An attachment: of a recipient without identity rights, plain text under a name that says nothing, or nothing."""
    detail = section.detail
    catalogue.type(detail.type)
    file = attachment.read(plaintext, detail.media)
    if section.granted and detail.media != attachment.PLAIN:
        raise ContentRefused("Nobody can search a file that is not plain text.")
    if section.granted and not attachment.is_generic(file.name):
        raise ContentRefused("The file's name may say something; it has to be attachment-1.txt or the like.")
    return Examined(
        section=section,
        value={"type": detail.type, FILE: file.text if detail.media == attachment.PLAIN else ""},
        roles=attachment.ROLES,
        flags=attachment.flags(detail.media, cleared=True),
    )


def _known(raw: bytes, catalogue: Catalogue) -> Mapping[str, Any]:
    try:
        value = parse_json(raw)
        if not isinstance(value, dict):
            raise ContentRefused("A known identity is an object.")
        return catalogue.type(value.get("type")).validate(value)
    except ShareError:
        raise GuardRefused(
            "The guard refuses: a known identity cannot be read, so it cannot be searched for."
        ) from None


def _search(examined: Examined, kind: Kind, matcher: Matcher, register: frozenset[str], catalogue: Catalogue) -> None:
    """Look for every identity in every string, unless the section is openly about that identity.

    A section whose structure already shows D, L or S is attested as such, and the rules decide over it: searching it
    for the names it was made to carry would tell nothing.
    """
    detail = examined.section.detail
    if any(name in json.dumps(examined.value) for name in register):
        # The sender's own register name: with it two agencies could join what they know of one person.
        raise GuardRefused(f"The guard refuses the section {detail.name}: it carries a name of the sender's register.")
    if examined.flags & _IDENTIFYING:
        return
    if detail.type == COVER:
        strings = list(catalogue.kinds[kind].words(examined.value))
    elif detail.part == FILE:
        strings = [(FILE, examined.value[FILE])]
    else:
        # Ids and pseudonyms have a closed shape that was validated; by chance their random letters look like names.
        strings = [
            (path, text)
            for path, field, text in catalogue.type(detail.type).strings(examined.value)
            if field.kind not in _SHAPED
        ]
    for path, text in strings:
        try:
            found = matcher.search(_PSEUDONYM.sub(" person ", text), strict=True)
        except RedactionError:
            raise GuardRefused(
                f"The guard refuses the section {detail.name}: {path} holds a script in which it cannot search."
            ) from None
        if found:
            kinds = ", ".join(sorted({f.kind for f in found}))
            raise GuardRefused(
                f"The guard refuses the section {detail.name}: {path} still points to a known person ({kinds})."
            )


def attest(request: GuardRequest, signer: Signer, catalogue: Catalogue, now: int) -> tuple[bytes, Signed]:
    """The grant, sealed by the guard, and its signed word; raises `GuardRefused`."""
    sections, identities = examine(request, catalogue)
    ordered = sorted((s for s in request.sections if s.granted), key=lambda s: s.detail.name)
    grant = seal_grant([s.key for s in ordered], request.public, request.message, request.sender, request.recipient)
    attestation = GuardAttestation(
        message=request.message,
        sender=request.sender,
        recipient=request.recipient,
        sections=tuple(sorted(sections, key=lambda s: s.name)),
        grant=sha256(grant).digest(),
        identities=identities,
        rules=RULES,
        at=now,
    )
    return grant, signer.sign(Tag.GUARD, attestation.to_bytes())


# the shell


async def _read_frame(reader: asyncio.StreamReader) -> bytes:
    header = await reader.readexactly(4)
    (length,) = struct.unpack(">I", header)
    if length > REQUEST_BYTES:
        raise Malformed("The request to the guard is too large.")
    return await reader.readexactly(length)


def _frame(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def open_key(folder: Path, passphrase: Passphrase | str) -> Signer:
    """The guard's own key, from the guard's own folder."""
    secrets = keystore.read(folder / KEY_FILE, passphrase)
    handle = secrets.get("handle")
    if not isinstance(handle, str):
        raise KeyTrouble("This is not a release guard's key file.")
    return Signer(KeyKind.GUARD, handle, keystore.secret(secrets, "sign"))


@asynccontextmanager
async def serving(folder: Path, signer: Signer, clock: Callable[[], int]) -> AsyncIterator[Path]:
    """Answer on `folder/guard.sock` while the block runs."""
    catalogue = load_catalogue()
    path = folder / SOCKET
    path.unlink(missing_ok=True)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = GuardRequest.from_bytes(await _read_frame(reader))
                try:
                    grant, signed = await asyncio.to_thread(attest, request, signer, catalogue, clock())
                    reply: dict[str, object] = {"grant": grant, "attestation": signed.to_bytes()}
                    log.info("attested", sections=len(request.sections))
                except GuardRefused as refusal:
                    reply = {"refused": str(refusal)}
                    log.info("refused", sections=len(request.sections))
                except Exception as error:  # fail closed, and never a traceback: its text may quote what it choked on
                    reply = {"refused": f"The guard failed ({type(error).__name__}), so nothing is released."}
                    log.error("failed", error=type(error).__name__)
                writer.write(_frame(cbor.dump(reply)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        except ShareError as error:
            writer.write(_frame(cbor.dump({"refused": str(error)})))
            await writer.drain()
        finally:
            writer.close()

    before = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(answer, path)
    finally:
        os.umask(before)
    async with server:
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


class GuardClient:
    """The adapter's line to its guard. Whatever goes wrong on it, nothing is released."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def attest(self, request: GuardRequest) -> tuple[bytes, Signed]:
        """The grant and the attestation, or raise `GuardRefused` or `DependencyError`."""
        try:
            async with asyncio.timeout(120):
                reader, writer = await asyncio.open_unix_connection(self._socket)
                try:
                    writer.write(_frame(request.to_bytes()))
                    await writer.drain()
                    answer = cbor.load(await _read_frame(reader), REQUEST_BYTES, "guard's answer")
                finally:
                    writer.close()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            raise DependencyError(
                "The release guard does not answer, so nothing goes to a recipient without identity rights; start it "
                "with: safeconduct guard run"
            ) from None
        reply = Reader(answer, "guard's answer")
        refused = reply.value("refused") if reply.has("refused") else None
        if isinstance(refused, str):
            raise GuardRefused(refused)
        return reply.raw("grant", 1, limits.ENVELOPE_BYTES), Signed.from_bytes(
            reply.raw("attestation", 1, limits.ATTESTATION_BYTES)
        )


def known_bytes(objects: Sequence[Mapping[str, Any]]) -> tuple[bytes, ...]:
    """Objects as a request carries them."""
    return tuple(json.dumps(o, ensure_ascii=False).encode() for o in objects)
