"""`safeconduct tls`, as the people on both ends of the telephone type it."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import tls_cmd, unlock
from cli.tls_cmd import tls_app
from keys import certificates, keystore, tls
from keys.certificates import Kind
from keys.keystore import Cost
from keys.tls import Files, check_files
from messages.limits import DAY

WORDS = "правильная лошадь"
AGENCY = "aharbour22222"
NOW = 1_795_000_000_000
MISTAKE, REFUSED = 2, 1

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Set the time."""

    def at(moment: int) -> None:
        monkeypatch.setattr(tls_cmd, "clock", lambda: moment)

    at(NOW)
    return at


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, clock: object) -> Call:
    """Run `safeconduct tls ARGUMENTS`, with somebody at a terminal who types `typed`, or with nobody there."""
    monkeypatch.setattr(tls, "Cost", lambda: Cost(1, keystore.MIN_MEMORY))

    def run(*arguments: object, typed: Sequence[str] | None = None) -> tuple[int, str, str]:
        for name in ("SAFECONDUCT_HOME", unlock.DESCRIPTOR_VARIABLE):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(tls_cmd, "_attended", lambda: typed is not None)
        monkeypatch.setattr(unlock, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: typed is not None)))
        done = CliRunner().invoke(tls_app, [str(a) for a in arguments], input="\n".join([*(typed or ()), ""]))
        assert "Traceback" not in done.output and (done.exception is None or isinstance(done.exception, SystemExit))
        return done.exit_code, done.stdout, done.stderr

    return run


def descriptor(words: str = WORDS) -> int:
    """A pipe from which a passphrase can be read once."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="utf-8") as file:
        file.write(words + "\n")
    return reading


@pytest.fixture
def authority(call: Call, tmp_path: Path) -> Path:
    folder = tmp_path / "authority"
    code, out, _ = call("init", folder, "--name", "Task force", "--passphrase-fd", descriptor())
    assert code == 0 and "fingerprint" in out
    return folder


def home_of(tmp_path: Path, settings: dict[str, str] | None = None) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    (home / "agency.json").write_text(json.dumps(settings if settings is not None else {"handle": AGENCY}))
    return home


def digits(call: Call, path: Path) -> str:
    code, out, _ = call("fingerprint", path)
    assert code == 0
    return out.strip()


def equip(call: Call, authority: Path, home: Path, *kind: str, name: str = "cert.pem") -> Path:
    """Request, issue and install; the certificate's file."""
    files = Files(home / "tls")
    made = home.parent / name
    if not files.request.exists():
        assert call("request", "--home", home, *(kind or ("--client",)))[0] == 0
    told = ("--fingerprint", digits(call, files.request))
    code, _, err = call("issue", authority, files.request, "--out", made, *told, "--passphrase-fd", descriptor())
    assert (code, err) == (0, "")
    of_authority = ("--fingerprint", digits(call, authority / "ca.pem"))
    code, _, err = call("install", made, "--home", home, "--ca", authority / "ca.pem", *of_authority)
    assert (code, err) == (0, "")
    return made


def test_an_agency_gets_a_certificate_and_its_key_stays(call: Call, authority: Path, tmp_path: Path) -> None:
    home = home_of(tmp_path)
    made = equip(call, authority, home)
    facts = check_files(Files(home / "tls"), NOW, Kind.CLIENT)
    assert facts.handle == AGENCY and facts.end == NOW + 90 * DAY
    key = Files(home / "tls").key.read_bytes()
    away = [made, *(p for p in authority.rglob("*") if p.is_file())]
    assert len(away) == 4 and not any(b"PRIVATE" in p.read_bytes() for p in away)
    assert key.startswith(b"-----BEGIN PRIVATE KEY-----")


def test_two_people_do_it_at_their_terminals(call: Call, tmp_path: Path) -> None:
    folder, home = tmp_path / "authority", home_of(tmp_path)
    made = tmp_path / "cert.pem"
    code, _, err = call("init", folder, "--name", "Task force", typed=[WORDS, "слон"])
    assert code == MISTAKE and "not the same" in err and not folder.exists()
    assert call("init", folder, "--name", "Task force", typed=[WORDS, WORDS])[0] == 0
    assert call("request", "--home", home, "--server", "--host", "localhost", "--host", "127.0.0.1")[0] == 0
    request = home / "tls" / "request.pem"
    code, out, _ = call("issue", folder, request, "--out", made, typed=["y", WORDS])
    assert code == 0 and "the server localhost, 127.0.0.1" in out and digits(call, request) in out
    code, out, _ = call("install", made, "--home", home, "--ca", folder / "ca.pem", typed=["y"])
    assert code == 0 and digits(call, folder / "ca.pem") in out
    assert check_files(Files(home / "tls"), NOW, Kind.SERVER).hosts == ("localhost", "127.0.0.1")


def test_who_says_no_on_the_telephone_signs_and_installs_nothing(call: Call, authority: Path, tmp_path: Path) -> None:
    home, made = home_of(tmp_path), tmp_path / "cert.pem"
    call("request", "--home", home, "--client")
    request = home / "tls" / "request.pem"
    code, _, err = call("issue", authority, request, "--out", made, typed=["n"])
    assert code == REFUSED and "Nothing was signed." in err
    wrong = digits(call, authority / "ca.pem")
    code, _, err = call("issue", authority, request, "--out", made, "--fingerprint", wrong, "--passphrase-fd", 99)
    assert code == MISTAKE and "not the one that you were told" in err
    assert not made.exists() and not (authority / "issued").exists()
    told = digits(call, request)
    assert (
        call("issue", authority, request, "--out", made, "--fingerprint", told, "--passphrase-fd", descriptor())[0] == 0
    )
    code, _, err = call("install", made, "--home", home, "--ca", authority / "ca.pem", typed=["n"])
    assert code == REFUSED and "Nothing was installed." in err
    code, _, err = call("install", made, "--home", home, "--ca", authority / "ca.pem", "--fingerprint", told)
    assert code == MISTAKE and "Nothing was installed." in err
    assert not (home / "tls" / "cert.pem").exists()


def test_a_renewal_keeps_the_old_until_the_new_is_installed(
    call: Call, authority: Path, tmp_path: Path, clock: Callable[[int], None]
) -> None:
    home = home_of(tmp_path)
    equip(call, authority, home)
    files = Files(home / "tls")
    before = files.certificate.read_bytes(), files.key.read_bytes()
    clock(NOW + 65 * DAY)
    shown = json.loads(call("show", "--home", home, "--json")[1])
    assert shown["health"] == "due" and "tls renew" in shown["do"]
    assert call("renew", "--home", home)[0] == 0
    assert (files.certificate.read_bytes(), files.key.read_bytes()) == before
    made = tmp_path / "renewed.pem"
    told = ("--fingerprint", digits(call, files.request))
    assert call("issue", authority, files.request, "--out", made, *told, "--passphrase-fd", descriptor())[0] == 0
    assert call("install", made, "--home", home)[0] == 0  # the authority is known: nothing to compare
    assert files.key.read_bytes() != before[1]
    assert check_files(files, NOW + 65 * DAY).handle == AGENCY
    assert json.loads(call("show", "--home", home, "--json")[1])["health"] == "good"


def test_a_successor_of_the_authority_is_compared_too(call: Call, authority: Path, tmp_path: Path) -> None:
    home = home_of(tmp_path)
    made = equip(call, authority, home)
    successor, both = tmp_path / "successor", tmp_path / "both.pem"
    assert call("init", successor, "--name", "Next", "--passphrase-fd", descriptor())[0] == 0
    both.write_bytes((authority / "ca.pem").read_bytes() + (successor / "ca.pem").read_bytes())
    code, _, err = call("install", made, "--home", home, "--ca", both)
    assert code == MISTAKE and "--fingerprint" in err
    told = ("--fingerprint", digits(call, successor / "ca.pem"))
    assert call("install", made, "--home", home, "--ca", both, *told)[0] == 0
    assert len(digits(call, home / "tls" / "ca.pem").splitlines()) == 2


def test_show_tells_people_and_programs_what_to_do(call: Call, authority: Path, tmp_path: Path) -> None:
    home = home_of(tmp_path)
    code, out, _ = call("show", "--home", home)
    assert code == 0 and "There is no certificate" in out and "tls request" in out
    call("request", "--home", home, "--client")
    assert "request of the client aharbour22222" in call("show", "--home", home)[1]
    equip(call, authority, home)
    code, out, _ = call("show", "--home", home)
    assert code == 0 and "good for 90 more days" in out and "client aharbour22222" in out
    value: dict[str, Any] = json.loads(call("show", "--home", home, "--json")[1])
    assert value["health"] == "good" and [row["kind"] for row in value["files"]] == ["client", "authority"]
    assert value["files"][0]["days_left"] == 90 and value["files"][0]["fingerprint"]
    rows = json.loads(call("show", authority, "--json")[1])
    assert [(r["kind"], r["for"]) for r in rows] == [("authority", "Task force"), ("client", AGENCY)]
    out = call("show", authority)[1]
    assert AGENCY in out and digits(call, authority / "ca.pem") in " ".join(out.split())
    assert "client aharbour22222" in call("show", home / "tls" / "cert.pem")[1]


def test_every_mistake_ends_in_one_sentence(call: Call, authority: Path, tmp_path: Path) -> None:
    home = home_of(tmp_path)
    made = equip(call, authority, home)
    nobody = tmp_path / "nobody"
    nobody.mkdir()
    waiting = tmp_path / "waiting"
    waiting.mkdir()
    call("request", "--home", waiting, "--client", "--handle", AGENCY)
    request = waiting / "tls" / "request.pem"
    junk = tmp_path / "junk.pem"
    junk.write_text("Ioana Dobrescu")
    new, told = tmp_path / "new.pem", ("--fingerprint", digits(call, request))
    locked = ("--passphrase-fd", descriptor("battery staple"))
    mistakes: dict[str, tuple[list[object], str]] = {
        "authority twice": (["init", authority, "--name", "X", "--passphrase-fd", 99], "already"),
        "nobody to ask": (["init", new, "--name", "X"], "--passphrase-fd"),
        "closed descriptor": (["init", new, "--name", "X", "--passphrase-fd", 99], "not open"),
        "empty passphrase": (["init", new, "--name", "X", "--passphrase-fd", descriptor("")], "not hold a passphrase"),
        "no kind": (["request", "--home", home], "--server"),
        "two kinds": (["request", "--home", home, "--server", "--client"], "--server"),
        "no handle": (["request", "--home", nobody, "--client"], "--handle"),
        "bad handle": (["request", "--home", nobody, "--client", "--handle", "police"], "handle"),
        "no host": (["request", "--home", nobody, "--server"], "hosts"),
        "wildcard": (["request", "--home", nobody, "--server", "--host", "*.example"], "wildcard"),
        "no home": (["request", "--home", tmp_path / "none", "--client"], "--home"),
        "asked twice": (["request", "--home", waiting, "--client", "--handle", AGENCY], "--force"),
        "nothing to renew": (["renew", "--home", nobody], "ask for one first"),
        "no request": (["issue", authority, tmp_path / "none.pem", "--out", new], "none.pem"),
        "junk request": (["issue", authority, junk, "--out", new], "request"),
        "not compared": (["issue", authority, request, "--out", new], "--fingerprint"),
        "no authority": (["issue", nobody, request, "--out", new, *told], "authority's folder"),
        "would overwrite": (["issue", authority, request, "--out", made, *told], "exists already"),
        "wrong passphrase": (["issue", authority, request, "--out", new, *told, *locked], "passphrase does not open"),
        "too long": (
            ["issue", authority, request, "--out", new, *told, "--days", 1000, "--passphrase-fd", descriptor()],
            "397",
        ),
        "no authority named": (["install", made, "--home", nobody], "--ca"),
        "another's certificate": (
            ["install", made, "--home", waiting, "--ca", authority / "ca.pem", "--fingerprint",
             digits(call, authority / "ca.pem")],
            "another request",
        ),
        "junk certificate": (["install", junk, "--home", home], "not a certificate"),
        "no file": (["show", tmp_path / "none.pem"], "none.pem"),
        "junk": (["fingerprint", junk], "certificates"),
        "no authority's folder": (["show", nobody], "--home"),
    }  # fmt: skip
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    for what, (arguments, word) in mistakes.items():
        code, out, err = call(*arguments)
        assert (what, code) == (what, MISTAKE), (what, out, err)
        assert err.startswith("safeconduct: ") and err.count("\n") == 1 and word in err, (what, err)
        assert "Ioana" not in out + err and WORDS not in out + err
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_request_is_forgotten_only_by_force(call: Call, tmp_path: Path) -> None:
    home = home_of(tmp_path)
    call("request", "--home", home, "--client")
    first = digits(call, home / "tls" / "request.pem")
    assert call("request", "--home", home, "--client")[0] == MISTAKE
    assert digits(call, home / "tls" / "request.pem") == first
    assert call("request", "--home", home, "--client", "--force")[0] == 0
    assert digits(call, home / "tls" / "request.pem") != first


def test_what_a_stranger_wrote_is_shown_as_text_and_never_as_markup(call: Call, tmp_path: Path) -> None:
    authority = certificates.new_authority("[red]Task force[/red] [link=x]", NOW)
    path = tmp_path / "ca.pem"
    path.write_bytes(authority.certificate)
    assert "[red]Task force[/red] [link=x]" in call("show", path)[1]
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(authority.certificate)
    assert "[red]" in call("show", folder)[1]


@pytest.mark.parametrize("name", ["init", "request", "issue", "install", "renew", "show", "fingerprint"])
def test_every_command_explains_itself(name: str) -> None:
    done = CliRunner().invoke(tls_app, [name, "--help"])
    assert done.exit_code == 0 and "Usage:" in done.output and len(done.output) > 200
