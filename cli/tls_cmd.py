"""`safeconduct tls`: certificates of the task force's own small authority.

Private keys stay where they are made. A request travels to whoever keeps the authority, and a certificate travels
back. Both sides compare a fingerprint over the telephone: the signer that of the request, the installer that of the
authority.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from audit.logdir import write_atomically
from cli.common import HomeOption, JsonOption, command, out
from cli.unlock import DescriptorOption, asked, own_passphrase
from keys import certificates, tls
from keys.certificates import CertificateFacts, Kind, Request
from keys.tls import Files
from keys.unlocking import Passphrase, Source
from messages.errors import BadInput, Malformed, NotPermitted, ShareError, Unverified

tls_app = typer.Typer(
    help="TLS certificates, signed by a small authority of the task force's own.", no_args_is_help=True
)

AuthorityArgument = Annotated[Path, typer.Argument(metavar="AUTHORITY", help="The authority's folder.")]
FingerprintOption = Annotated[
    list[str] | None,
    typer.Option("--fingerprint", help="The digits that you were told over the telephone.", show_default="asked for"),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Forget a request that still waits.")]


@tls_app.command("init")
@command
def init(
    folder: Annotated[Path, typer.Argument(metavar="AUTHORITY", help="A new folder for the authority.")],
    name: Annotated[str, typer.Option("--name", help="Its name, seen by everybody who connects.")],
    years: Annotated[int, typer.Option("--years", help="How long it lasts.")] = certificates.YEARS,
    passphrase_fd: DescriptorOption = None,
) -> None:
    """Make the task force's authority. Keep its folder on a machine of its own, and a copy of it elsewhere."""
    if (folder / "ca.key").exists() or (folder / "ca.pem").exists():  # before anybody thinks of a passphrase
        raise BadInput(f"{folder} holds an authority already; name a new folder.")
    authority = tls.make_authority(folder, name, _new_passphrase(), clock(), years=years)
    facts = certificates.inspect(authority.certificate)
    _say(f"made {folder}: its certificate ca.pem is for everybody, its key ca.key for nobody")
    _say(f"good until {certificates.day(facts.end)}; fingerprint, for the telephone: {facts.fingerprint}")


@tls_app.command("request")
@command
def request(
    home: HomeOption = Path(),
    server: Annotated[bool, typer.Option("--server", help="For a server: name its hosts.")] = False,
    client: Annotated[bool, typer.Option("--client", help="For an agency, a worker or an officer.")] = False,
    node: Annotated[bool, typer.Option("--node", help="For a server of a cluster: server and client in one.")] = False,
    host: Annotated[list[str] | None, typer.Option("--host", help="A DNS name or address of the server.")] = None,
    handle: Annotated[
        str | None,
        typer.Option("--handle", help="Whose certificate it is (a…, w… or o…).", show_default="the folder's"),
    ] = None,
    force: ForceOption = False,
) -> None:
    """Make a private key, which stays here, and a request for a certificate, to be sent to the authority."""
    chosen = [kind for kind, said in ((Kind.SERVER, server), (Kind.CLIENT, client), (Kind.NODE, node)) if said]
    if len(chosen) != 1:
        raise BadInput("Say what the certificate is for: one of --server, --client and --node.")
    files = _files(home)
    if chosen[0] is Kind.CLIENT and handle is None and not host:
        handle = _own_handle(home)
    _say_request(files, tls.ask(files, chosen[0], hosts=tuple(host or ()), handle=handle, force=force))


@tls_app.command("renew")
@command
def renew(home: HomeOption = Path(), force: ForceOption = False) -> None:
    """Make a new key and a request for what the present certificate says; that one stays in use until `install`."""
    files = _files(home)
    _say_request(files, tls.ask_again(files, force=force))


@tls_app.command("issue")
@command
def issue(
    folder: AuthorityArgument,
    request_file: Annotated[Path, typer.Argument(metavar="REQUEST", help="The request that was sent to you.")],
    target: Annotated[Path, typer.Option("--out", help="Where to write the certificate.")],
    fingerprint: FingerprintOption = None,
    days: Annotated[int, typer.Option("--days", help="How long it lasts.")] = certificates.DAYS,
    passphrase_fd: DescriptorOption = None,
) -> None:
    """Sign what was asked for, once its fingerprint has been compared over the telephone."""
    wanted = certificates.read_request(_read(request_file))
    if target.exists():
        raise BadInput(f"{target} exists already; name a new file.")
    if not (folder / "ca.key").exists():
        raise BadInput(f"{folder} is not an authority's folder; name the right one, or make it: safeconduct tls init")
    _say(f"asked for: a certificate for {_whose(wanted.kind, wanted.hosts, wanted.handle)}")
    _compare([wanted.fingerprint], fingerprint, "the request", "Nothing was signed.")
    authority = tls.open_authority(folder, own_passphrase("the authority"))
    certificate = certificates.issue(authority, wanted, clock(), days)
    tls.remember_issued(folder, certificate)
    write_atomically(target, [certificate])
    _say(f"wrote {target}, good until {certificates.day(certificates.inspect(certificate).end)}")
    _say(f"send it back with {folder / 'ca.pem'}; there: safeconduct tls install --home HOME {target.name} --ca ca.pem")


@tls_app.command("install")
@command
def install(
    certificate: Annotated[Path, typer.Argument(metavar="CERTIFICATE", help="The certificate that came back.")],
    home: HomeOption = Path(),
    ca: Annotated[
        Path | None, typer.Option("--ca", help="The authority's certificate, or the old and the new one in one file.")
    ] = None,
    fingerprint: FingerprintOption = None,
) -> None:
    """Put a certificate into use. An authority that is new here is compared over the telephone first."""
    files = _files(home)
    known = files.authorities.read_bytes() if files.authorities.exists() else b""
    if ca is None and not known:
        raise BadInput("Name the authority's certificate with --ca; it comes with yours.")
    authorities = known if ca is None else _read(ca)
    trusted = certificates.inspect_all(authorities)
    before = {one.public for one in certificates.inspect_all(known)} if known else set()
    pem = _read(certificate)
    certificates.check(pem, authorities, clock())
    unknown = [one.fingerprint for one in trusted if one.public not in before]
    if unknown:
        _compare(unknown, fingerprint, "the authority", "Nothing was installed.")
    facts = tls.install(files, pem, authorities, clock())
    _say(f"installed in {files.folder}: {_whose(facts.kind, facts.hosts, facts.handle)}")
    _say(f"good until {certificates.day(facts.end)}; restart what uses it")


@tls_app.command("show")
@command
def show(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A certificate, a request, or an authority's folder.", show_default=False),
    ] = None,
    home: HomeOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """What is installed in a folder, how many days are left, and what to do; or what a file says."""
    now = clock()
    if path is not None and path.is_dir():
        _show_authority(path, now, as_json=as_json)
    elif path is not None:
        rows = _of_file(_read(path), now)
        _show_rows(rows, as_json=as_json)
    else:
        files = _files(home)
        found = tls.look(files, now)
        rows = [row for each in (files.certificate, files.authorities, files.request) for row in _if_there(each, now)]
        if as_json:
            out.print_json(data={"health": found.health, "says": found.says, "do": found.do, "files": rows})
            return
        _say(found.says)
        if found.do:
            _say(f"to do: {found.do}")
        _show_rows(rows, as_json=False)


@tls_app.command("fingerprint")
@command
def fingerprint(path: Annotated[Path, typer.Argument(metavar="FILE", help="A certificate or a request.")]) -> None:
    """The digits to read over the telephone: of each key in a file, one line each."""
    for row in _of_file(_read(path), clock()):
        _say(row["fingerprint"])


def clock() -> int:
    """Milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


# what is said


def _say(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)


def _say_request(files: Files, wanted: Request) -> None:
    _say(f"wrote {files.request} for {_whose(wanted.kind, wanted.hosts, wanted.handle)}")
    _say(f"send it to whoever keeps the authority; fingerprint, for the telephone: {wanted.fingerprint}")
    _say(f"next: safeconduct tls install --home {files.folder.parent} CERTIFICATE --ca ca.pem")


def _whose(kind: Kind, hosts: Sequence[str], handle: str | None) -> str:
    if kind is Kind.AUTHORITY:
        return "an authority"
    return f"the {kind} {handle or ', '.join(hosts)}"


def _row(facts: CertificateFacts, now: int) -> dict[str, Any]:
    left = certificates.due(facts, now)
    return {
        "is": "certificate",
        "kind": facts.kind.value,
        "for": facts.handle or ", ".join(facts.hosts) or facts.name,
        "from": certificates.day(facts.start),
        "until": certificates.day(facts.end),
        "days_left": left.days_left,
        "renew": left.renew,
        "serial": facts.serial,
        "fingerprint": facts.fingerprint,
    }


def _of_file(pem: bytes, now: int) -> list[dict[str, Any]]:
    """A row for what the file holds: a request, or certificates."""
    if b"CERTIFICATE REQUEST-----" in pem:
        wanted = certificates.read_request(pem)
        whose = wanted.handle or ", ".join(wanted.hosts)
        return [{"is": "request", "kind": wanted.kind.value, "for": whose, "fingerprint": wanted.fingerprint}]
    try:
        return [_row(certificates.inspect(pem), now)]
    except Malformed:
        return [_row(facts, now) for facts in certificates.inspect_all(pem)]


def _if_there(path: Path, now: int) -> list[dict[str, Any]]:
    """The rows of an installed file; none where it is missing, or where `look` has already said what is wrong."""
    try:
        return _of_file(path.read_bytes(), now)
    except (OSError, ShareError):
        return []


def _show_rows(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        out.print_json(data=rows)
        return
    for row in rows:
        until = f", until {row['until']} ({row['days_left']} days left)" if "until" in row else ""
        _say(f"{row['is']} of the {row['kind']} {row['for']}{until}")
        _say(f"    fingerprint {row['fingerprint']}")


def _show_authority(folder: Path, now: int, *, as_json: bool) -> None:
    """The authority, and the newest certificate that it gave to each holder."""
    if not (folder / "ca.pem").is_file():
        raise BadInput(f"{folder} is not an authority's folder; to look at another folder, use --home.")
    issued = [certificates.inspect(path.read_bytes()) for path in (folder / "issued").glob("*.pem")]
    newest = {(f.kind, f.handle, f.hosts): f for f in sorted(issued, key=lambda f: f.end)}
    own = _of_file((folder / "ca.pem").read_bytes(), now)
    rows = [*own, *(_row(facts, now) for facts in sorted(newest.values(), key=lambda f: f.end))]
    if as_json:
        out.print_json(data=rows)
        return
    table = Table("kind", "for", "until", "days left")
    for row in rows:
        left = f"{row['days_left']}, renew" if row["renew"] else str(row["days_left"])
        table.add_row(row["kind"], escape(row["for"]), row["until"], left)
    out.print(table)
    _say(f"fingerprint of the authority: {own[0]['fingerprint']}")


# what is asked


def _compare(wanted: Sequence[str], told: Sequence[str] | None, whose: str, otherwise: str) -> None:
    """Return only if every fingerprint wanted is one that a person was told, or says to have compared."""
    digits = {"".join(text.split()) for text in told or ()}
    if digits:
        if any("".join(text.split()) not in digits for text in wanted):
            raise Unverified(f"The fingerprint of {whose} is not the one that you were told. {otherwise}")
        return
    if not _attended():
        raise BadInput(f"Compare the fingerprint of {whose} over the telephone, and give it with --fingerprint.")
    for text in wanted:
        _say(f"fingerprint of {whose}: {text}")
    if not typer.confirm("Were you told these very digits over the telephone?", err=True):
        raise NotPermitted(otherwise)


def _attended() -> bool:
    """Whether somebody is there who can be asked."""
    return sys.stdin.isatty()


def _new_passphrase() -> Passphrase:
    """Typed twice: nothing opens the authority if it was mistyped."""
    chosen = own_passphrase("the authority, a new one")
    if chosen.source is Source.PROMPT and asked("The same again").reveal() != chosen.reveal():
        raise BadInput("The two were not the same; nothing was made.")
    return chosen


def _files(home: Path) -> Files:
    if not home.is_dir():
        raise BadInput(f"There is no folder {home}; name the agency's or the broker's with --home.")
    return Files(home / "tls")


def _own_handle(home: Path) -> str:
    """The handle that the folder's settings name."""
    for name in ("agency.json", "broker.json"):
        try:
            settings = json.loads((home / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(settings, dict) and isinstance(settings.get("handle"), str):
            return str(settings["handle"])
    raise BadInput(f"{home} does not say whose it is; give the handle (a…, w… or o…) with --handle.")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(certificates.PEM_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError):
        raise BadInput(f"There is no file {path}.") from None
