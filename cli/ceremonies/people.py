"""`safeconduct officer|agency|contact|operator`: making keys where their owner is, and proposals about that party."""

import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table

from adapters.home import clock
from audit.logdir import write_atomically
from cli import enrol
from cli.ceremonies.work import (
    AsOption,
    FingerprintOption,
    SecondOption,
    WorkArgument,
    compare,
    midnight,
    moment,
    moment_text,
    new_passphrase,
    propose,
    say,
    span,
    work_of,
)
from cli.common import HomeOption, JsonOption, command, out
from cli.enrol import Sealing, read_request
from cli.unlock import own_passphrase
from keys import accounts, decisions, enrolment
from keys.bundle import Verifier
from keys.content import Content
from keys.decisions import FAR, Hand
from keys.domains import KeyKind
from keys.enrolment import Request, Wanted
from keys.fingerprints import fingerprint as digits
from keys.metadata import FULL, Audience
from keys.pkcs11 import TokenKey
from keys.sealing import key_id
from keys.updating import TrustCopy
from messages import ids
from messages.catalogue.loader import TYPE_IDS
from messages.ceremony import StepCode
from messages.directory import ALL_TYPES, Bundle, Contact, Mandate, Span, key_id_text
from messages.errors import BadInput
from messages.labels import CrimeArea, Duty, Keeping, PartyClass

officer_app = typer.Typer(help="Security officers, who sign the trust bundle two at a time.", no_args_is_help=True)
agency_app = typer.Typer(help="Agencies: their keys, joining and retiring.", no_args_is_help=True)
contact_app = typer.Typer(help="Designated contacts: their keys, mandates and history.", no_args_is_help=True)
operator_app = typer.Typer(help="Whoever runs the broker.", no_args_is_help=True)

RequestArgument = Annotated[Path, typer.Argument(metavar="REQUEST", help="The request that came, as a file.")]
ContactArgument = Annotated[str, typer.Argument(metavar="CONTACT", help="Its address, such as harbour-police/desk.")]
FromOption = Annotated[str | None, typer.Option("--from", help="From this day (UTC) on; else from now on.")]
TypesOption = Annotated[str, typer.Option("--types", help="Data types, such as A01,A02; or all.")]
AreasOption = Annotated[str, typer.Option("--areas", help="Crime areas, such as THB-SEX,THB-LAB.")]
SendOption = Annotated[bool, typer.Option("--may-send", help="It may send.")]
ReceiveOption = Annotated[bool, typer.Option("--may-receive", help="It may receive.")]
DutiesOption = Annotated[str, typer.Option("--duties", help="Further powers: release, review, break-glass.")]
ExerciseOption = Annotated[bool, typer.Option("--exercise", help="It takes part in exercises.")]
DeputyOption = Annotated[str | None, typer.Option("--deputy-for", help="Only in the absences of this contact.")]
UntilOption = Annotated[str, typer.Option("--until", help="Until the end of this day (UTC).")]

CHECKLIST = {
    "keys": "The agency has destroyed its keys: contacts', guard's, adapter's and head's; it says so in writing.",
    "copies": "The agency has listed the copies that it holds of what others sent, with the retention of each.",
    "erasure": "Erasure orders have gone to the agency for what it may keep no longer, and are answered.",
    "held-by-others": "The others know what they hold of this agency, and who answers for it now.",
    "witness": "Its witness, if it ran one, is out of the list of witnesses.",
    "agreements": "Its agreements are ended: safeconduct bundle end-agreement",
    "tls": "Its TLS certificates are not renewed, and its adapters are switched off.",
}


def _sealing(whose: str) -> Sealing:
    return Sealing(new_passphrase(whose))


def _made(request: Request, path: Path) -> None:
    say(f"wrote {path}: send it to a security officer; it holds no secret")
    say(f"fingerprint, to read over the telephone when you are called: {request.fingerprint}")


@command
def fingerprint(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Requests, as files.")],
    as_json: JsonOption = False,
) -> None:
    """The digits to read over the telephone: of a request as a whole, and of each key in it."""
    requests = {str(path): read_request(path) for path in paths}
    keys = {name: {w: digits(k) for w, k in enrolment.keys_of(r).items()} for name, r in requests.items()}
    if as_json:
        out.print_json(
            data=[
                {"file": name, "wanted": r.wanted.value, "fingerprint": r.fingerprint, "keys": keys[name]}
                for name, r in requests.items()
            ]
        )
        return
    for name, request in requests.items():
        say(f"{name}, request of the {request.wanted.value}: {request.fingerprint}")
        for whose, text in keys[name].items():
            say(f"    key {whose}: {text}")


# Officers and operator


@officer_app.command("init")
@command
def officer_init(
    home: Annotated[Path, typer.Argument(help="A new folder, on your own machine.")],
    title: Annotated[str, typer.Option(help="Your title, as others read it.")],
    with_root: Annotated[bool, typer.Option("--with-root", help="A root holder's key too.")] = False,
    root_only: Annotated[bool, typer.Option("--root-only", help="A root holder's key and no officer's.")] = False,
) -> None:
    """Make an officer's key, or a root holder's, and the request that goes to the other officers."""
    sealing = _sealing(title)
    if not root_only:
        _made(enrol.make_officer(home, title=title, now=clock(), sealing=sealing), home / "request.json")
    if with_root or root_only:
        request = enrol.make_officer(home, title=title, now=clock(), sealing=sealing, kind=KeyKind.ROOT)
        _made(request, home / "root-request.json")
        say(f"keep {home / enrol.ROOT_KEY} apart from this machine, on a stick in a safe: it is seldom used")


@officer_app.command("list")
@command
def officer_list(work: WorkArgument, home: AsOption, as_json: JsonOption = False) -> None:
    """Who is an officer, and who was."""
    content = _in_force(work, home)
    now = clock()
    rows = [
        {
            "handle": o.handle,
            "title": o.title,
            "from": moment_text(o.start),
            "to": moment_text(o.end),
            "in office": o.start <= now < o.end,
            "key": digits(o.key),
        }
        for o in content.officers
    ]
    if as_json:
        out.print_json(data=rows)
        return
    for row in rows:
        now_not = "" if row["in office"] else ", not in office"
        say(f"{row['title']} ({row['handle']}): {row['from']} to {row['to']}{now_not}")
        say(f"    key {row['key']}")


@officer_app.command("account")
@command
def officer_account(
    work: WorkArgument,
    request: RequestArgument,
    home: AsOption,
    role: Annotated[str, typer.Option(help=f"What it may see: {', '.join(accounts.ROLES)}.")],
    second: SecondOption = None,
    told: Annotated[str | None, typer.Option("--fingerprint", help="The digits, as told over the telephone.")] = None,
) -> None:
    """Propose an account of the officers' console: the request comes from the console, where a passkey was made."""
    wanted = accounts.read_request(request.read_bytes())
    if told is None or "".join(told.split()) != "".join(digits(accounts.request(wanted)).split()):
        raise BadInput("Have the digits read to you over the telephone, and name them with --fingerprint.")

    def change(content: Content, hand: Hand) -> tuple[Content, str]:
        return accounts.add(content, wanted, role), wanted.officer

    propose(work, home, second, StepCode.PROPOSE, change)


@officer_app.command("end-account")
@command
def officer_end_account(
    work: WorkArgument,
    account: Annotated[str, typer.Argument(help="Its title or handle.")],
    home: AsOption,
    second: SecondOption = None,
) -> None:
    """Propose that an account of the console opens nothing any longer."""

    def change(content: Content, hand: Hand) -> tuple[Content, str]:
        return accounts.end(content, account, hand), accounts.find(content, account).officer

    propose(work, home, second, StepCode.PROPOSE, change)


@officer_app.command("replace")
@command
def officer_replace(
    work: WorkArgument,
    officer: Annotated[str, typer.Argument(help="Whose key is lost, or who leaves: title or handle.")],
    home: AsOption,
    request: Annotated[Path | None, typer.Option("--with", help="The new officer's request.")] = None,
    holders: Annotated[
        list[Path] | None, typer.Option("--root-holder", help="A root holder's request; all of them anew, if any.")
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option("--keep-root-holder", help="With --root-holder: digits of a key that stays.")
    ] = None,
    second: SecondOption = None,
    told: FingerprintOption = None,
) -> None:
    """Propose that another officer takes an officer's place; the root holders sign the root that says so."""
    new = read_request(request) if request is not None else None
    wanted = [read_request(p) for p in holders or ()]
    asked = [r for r in (new, *wanted) if r is not None]
    for one, kind in ((new, Wanted.OFFICER), *((w, Wanted.ROOT) for w in wanted)):
        if one is not None and one.wanted is not kind:
            raise BadInput(f"This is the request of the {one.wanted.value}; a {kind.value}'s is needed.")
    compare(asked, told)

    def change(content: Content, hand: Hand) -> tuple[Content, str]:
        old = decisions.find_officer(content, officer)
        return decisions.replace_officer(content, old, new.officer() if new else None, hand), old.handle

    from cli.ceremonies.bundle import next_root

    propose(
        work, home, second, StepCode.REPLACE_OFFICER, change, compared=asked,
        root=next_root([w.officer() for w in wanted], keep or ()), renew=True,
        instead=(officer, new.officer() if new is not None else None),
    )  # fmt: skip


@operator_app.command("init")
@command
def operator_init(
    home: Annotated[Path, typer.Argument(help="A new folder, on the broker's machine.")],
    name: Annotated[str, typer.Option(help="The operator's name, such as orchid-task-force.")],
    port: Annotated[int | None, typer.Option(help="Port of the bus; else a free one.")] = None,
    trust_url: Annotated[str | None, typer.Option(help="Where adapters fetch the trust bundle, if not here.")] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Use TLS; see: safeconduct tls --help")] = False,
) -> None:
    """Make a broker's keys, and the request that goes to the officers."""
    settings = {"tls": True} if tls else {}
    request = enrol.make_operator(
        home, name=name, now=clock(), sealing=_sealing(f"the broker of {name}"), port=port, trust_url=trust_url,
        settings=settings,
    )  # fmt: skip
    _made(request, home / "request.json")


# Agencies


@agency_app.command("init")
@command
def agency_init(
    home: Annotated[Path, typer.Argument(help="A new folder, on the agency's machine.")],
    name: Annotated[str, typer.Option(help="Short name, such as harbour-police.")],
    title: Annotated[str, typer.Option(help="Full name.")],
    party_class: Annotated[PartyClass, typer.Option("--class", help="What kind of agency it is.")],
    country: Annotated[str, typer.Option(help="Country, such as GB.")],
    head_title: Annotated[str | None, typer.Option(help="The head's title, if its head is to co-sign.")] = None,
    broker: Annotated[Path | None, typer.Option(help="The broker's folder, if it is on this machine.")] = None,
    bus: Annotated[str | None, typer.Option(help="Else the address of its bus, such as tls://broker:4222.")] = None,
    trust: Annotated[str | None, typer.Option(help="And of its trust endpoint, such as https://broker/trust.")] = None,
) -> None:
    """Make an agency's keys (adapter, release guard, head), and the request that goes to the officers."""
    places = {"broker": str(broker.resolve()) if broker is not None else None, "url": bus, "trust": trust}
    sealing = _sealing(f"the adapter and the guard of {name}")
    request = enrol.make_agency(
        home,
        name=name,
        title=title,
        party_class=party_class,
        country=country,
        now=clock(),
        sealing=sealing,
        head_title=head_title,
        head_sealing=_head_sealing(sealing, head_title),
        settings={name: value for name, value in places.items() if value is not None},
    )
    _made(request, home / "requests" / "agency.json")


def _head_sealing(sealing: Sealing, head_title: str | None) -> Sealing | None:
    """The head is a person, whose passphrase nobody else knows; a descriptor gives one passphrase for all."""
    given = sealing.passphrase
    prompted = not isinstance(given, str) and given.source.value == "prompt"
    return _sealing(head_title) if head_title is not None and prompted else None


@agency_app.command("request")
@command
def agency_request(home: HomeOption = Path(), as_json: JsonOption = False) -> None:
    """The agency's request again, with its fingerprint."""
    _again(home / "requests" / "agency.json", as_json=as_json)


@agency_app.command("add")
@command
def agency_add(
    work: WorkArgument,
    request: RequestArgument,
    home: AsOption,
    second: SecondOption = None,
    told: FingerprintOption = None,
) -> None:
    """Propose that an agency joins."""
    asked = read_request(request)
    agency = asked.agency()
    compare([asked], told)
    propose(
        work, home, second, StepCode.ADD_AGENCY, lambda c, _: (decisions.add_agency(c, agency), agency.handle),
        compared=[asked],
    )  # fmt: skip


@agency_app.command("head")
@command
def agency_head(
    work: WorkArgument,
    agency: Annotated[str, typer.Argument(help="The agency.")],
    home: AsOption,
    request: Annotated[Path | None, typer.Option("--with", help="The new head's request; without one, none.")] = None,
    second: SecondOption = None,
    told: FingerprintOption = None,
) -> None:
    """Propose another head for an agency: its key was lost, or somebody else leads it now."""
    asked = read_request(request) if request is not None else None
    compare([asked] if asked is not None else [], told)

    def change(content: Content, hand: Hand) -> tuple[Content, str]:
        found = decisions.find_agency(content, agency)
        return decisions.replace_head(content, found, asked.officer() if asked else None, hand), found.handle

    propose(work, home, second, StepCode.REPLACE_OFFICER, change, compared=[asked] if asked is not None else ())


@agency_app.command("retire")
@command
def agency_retire(
    work: WorkArgument,
    agency: Annotated[str, typer.Argument(help="The agency.")],
    home: AsOption,
    second: SecondOption = None,
) -> None:
    """Propose that an agency leaves: its mandates end, nobody logs in for it, and a checklist is opened."""

    def change(content: Content, hand: Hand) -> tuple[Content, str]:
        found = decisions.find_agency(content, agency)
        return decisions.retire_agency(content, found, hand), found.handle

    found = propose(work, home, second, StepCode.RETIRE_AGENCY, change)
    name = decisions.find_agency(found.after, agency).name
    _write_checklist(work, name, {})
    _show_checklist(work, name)


@agency_app.command("checklist")
@command
def agency_checklist(
    work: WorkArgument,
    agency: Annotated[str, typer.Argument(help="The agency that has retired.")],
    tick: Annotated[list[str] | None, typer.Option("--tick", help="What is done.")] = None,
    note: Annotated[str, typer.Option("--note", help="Who saw to it, and where that is written down.")] = "",
) -> None:
    """What is left to do for an agency that has retired; tick what is done."""
    done = _read_checklist(work, agency)
    for item in tick or ():
        if item not in CHECKLIST:
            raise BadInput(f"The checklist has no {item!r}; it has: {', '.join(CHECKLIST)}.")
        done[item] = f"{moment_text(clock())} {note}".strip()
    _write_checklist(work, agency, done)
    _show_checklist(work, agency)


def _checklist(work: Path, agency: str) -> Path:
    return work / "checklists" / f"{ids.name(agency)}.json"


def _read_checklist(work: Path, agency: str) -> dict[str, str]:
    try:
        value = json.loads(_checklist(work, agency).read_text("utf-8"))
    except FileNotFoundError:
        raise BadInput(f"There is no checklist for {agency}; see: safeconduct agency retire --help") from None
    except ValueError:
        raise BadInput(f"{_checklist(work, agency)} cannot be read; mend it, or restore it from a copy.") from None
    return {k: str(v) for k, v in value.items() if k in CHECKLIST}


def _write_checklist(work: Path, agency: str, done: dict[str, str]) -> None:
    path = _checklist(work, agency)
    if path.exists() and not done:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(path, [json.dumps(done, ensure_ascii=False, indent=1).encode()])


def _show_checklist(work: Path, agency: str) -> None:
    done = _read_checklist(work, agency)
    for item, words in CHECKLIST.items():
        say(f"[{'x' if item in done else ' '}] {item}: {words}{' (' + done[item] + ')' if item in done else ''}")


# Contacts: keys


@contact_app.command("init")
@command
def contact_init(
    name: Annotated[str, typer.Argument(help="Short name, such as duty-desk.")],
    title: Annotated[str, typer.Option(help="Who that is, as others read it.")],
    keeping: Annotated[Keeping, typer.Option(help="Who unlocks its keys: a person, or a service that may sign alone.")],
    home: HomeOption = Path(),
    token: Annotated[
        str | None, typer.Option("--token", help="Make the signing key in the token of this label.")
    ] = None,
    module: Annotated[
        Path | None, typer.Option("--token-module", help="The token's PKCS#11 library, as a full path.")
    ] = None,
) -> None:
    """Make a contact's keys (to sign, to decrypt, to log in), and the request that goes to the officers.

    With --token the signing key is made inside a PKCS#11 token and never leaves it.
    """
    agency = read_request(home / "requests" / "agency.json").agency()
    if (token is None) != (module is None):
        raise BadInput("A key in a token needs both --token and --token-module.")
    place = None
    if token is not None and module is not None:
        pin = own_passphrase(f"the token {token} (its PIN)").reveal()
        place = TokenKey(module=str(module), token=token, label=f"{agency.name}/{ids.name(name)}", pin=pin)
    request = enrol.make_contact(
        home,
        agency=agency,
        name=name,
        title=title,
        keeping=keeping,
        now=clock(),
        sealing=_sealing(f"{agency.name}/{name}"),
        token=place,
    )
    _made(request, home / "requests" / f"{name}.json")


@contact_app.command("request")
@command
def contact_request(
    name: Annotated[str, typer.Argument(help="The contact's short name.")],
    home: HomeOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """A contact's request again, with its fingerprint."""
    _again(home / "requests" / f"{ids.name(name)}.json", as_json=as_json)


def _again(path: Path, *, as_json: bool) -> None:
    request = read_request(path)
    if as_json:
        out.print_json(data={"file": str(path), "fingerprint": request.fingerprint})
        return
    _made(request, path)


@contact_app.command("rotate")
@command
def contact_rotate(
    name: Annotated[str, typer.Argument(help="The contact's short name.")],
    home: HomeOption = Path(),
    lost: Annotated[
        bool, typer.Option("--lost", help="The present key is lost: the agency's head has to co-sign.")
    ] = False,
    done: Annotated[
        bool, typer.Option("--published", help="The officers have published it: use the new keys now.")
    ] = False,
) -> None:
    """Make new keys for a contact of ours, and the request; later, with --published, use them."""
    if done:
        enrol.take_rotation(home, ids.name(name))
        say(f"{name} uses its new keys from now on; restart its adapter")
        return
    settings = json.loads((home / "agency.json").read_text("utf-8")) if (home / "agency.json").is_file() else {}
    copy = TrustCopy(home / "trust", Audience(ids.agency_handle(settings.get("handle"))))
    own = copy.load().directory.contacts_of(ids.agency_handle(settings.get("handle")))
    contact = next((c for c in own if c.name == name), None)
    if contact is None:
        raise BadInput(f"The trust bundle knows no contact {name!r} of this agency.")
    number = max((s.number for s in contact.statements), default=0) + 1
    whose = f"{settings.get('agency')}/{name}"
    secret = new_passphrase(whose) if lost else own_passphrase(whose)
    request = enrol.make_rotation(home, contact=contact, now=clock(), sealing=Sealing(secret), number=number, lost=lost)
    _made(request, home / "requests" / f"{name}-rotation.json")
    say(f"when it is published: safeconduct contact rotate {name} --home {home} --published")


# Contacts: proposals


@contact_app.command("add")
@command
def contact_add(
    work: WorkArgument,
    request: RequestArgument,
    home: AsOption,
    types: TypesOption,
    areas: AreasOption,
    until: UntilOption,
    may_send: SendOption = False,
    may_receive: ReceiveOption = False,
    duties: DutiesOption = "",
    exercise: ExerciseOption = False,
    deputy_for: DeputyOption = None,
    start: FromOption = None,
    second: SecondOption = None,
    told: FingerprintOption = None,
) -> None:
    """Propose that a contact joins, with its mandate."""
    asked = read_request(request)
    contact = asked.contact()
    compare([asked], told)
    terms = _terms(types, areas, start, until, duties, may_send=may_send, may_receive=may_receive, exercise=exercise)

    def change(content: Content, hand: Hand) -> tuple[Content, str]:
        mandate = _for_deputy(terms, content, deputy_for)
        return decisions.add_contact(content, contact, mandate, hand), contact.handle

    propose(work, home, second, StepCode.ADD_CONTACT, change, compared=[asked])


@contact_app.command("mandate")
@command
def contact_mandate(
    work: WorkArgument,
    contact: ContactArgument,
    home: AsOption,
    types: TypesOption,
    areas: AreasOption,
    until: UntilOption,
    may_send: SendOption = False,
    may_receive: ReceiveOption = False,
    duties: DutiesOption = "",
    exercise: ExerciseOption = False,
    deputy_for: DeputyOption = None,
    start: FromOption = None,
    second: SecondOption = None,
) -> None:
    """Propose another mandate for a contact; the one that it has ends where this begins."""
    terms = _terms(types, areas, start, until, duties, may_send=may_send, may_receive=may_receive, exercise=exercise)

    def change(content: Content, hand: Hand) -> tuple[Content, str]:
        found = decisions.find_contact(content, contact)
        return decisions.give_mandate(content, found, _for_deputy(terms, content, deputy_for), hand), found.handle

    propose(work, home, second, StepCode.CHANGE_MANDATE, change)


@contact_app.command("suspend")
@command
def contact_suspend(
    work: WorkArgument,
    contact: ContactArgument,
    home: AsOption,
    start: FromOption = None,
    until: Annotated[str | None, typer.Option("--until", help="Until the end of this day; else until resumed.")] = None,
    second: SecondOption = None,
) -> None:
    """Propose that a contact's mandates rest; it cannot log in meanwhile."""

    def change(content: Content, hand: Hand) -> tuple[Content, str]:
        found = decisions.find_contact(content, contact)
        begins, ends = span(start, until, hand.at, FAR)
        return decisions.suspend(content, found, Span(start=begins, end=ends)), found.handle

    propose(work, home, second, StepCode.SUSPEND, change)


@contact_app.command("resume")
@command
def contact_resume(work: WorkArgument, contact: ContactArgument, home: AsOption, second: SecondOption = None) -> None:
    """Propose that a suspension ends now."""

    def change(content: Content, hand: Hand) -> tuple[Content, str]:
        found = decisions.find_contact(content, contact)
        return decisions.resume(content, found, hand), found.handle

    propose(work, home, second, StepCode.RESUME, change)


@contact_app.command("revoke")
@command
def contact_revoke(
    work: WorkArgument, contact: ContactArgument, home: AsOption, start: FromOption = None, second: SecondOption = None
) -> None:
    """Propose that a contact's mandates end; its connections are cut as soon as that is published."""

    def change(content: Content, hand: Hand) -> tuple[Content, str]:
        found = decisions.find_contact(content, contact)
        return decisions.revoke(content, found, moment(start, hand.at)), found.handle

    propose(work, home, second, StepCode.REVOKE, change)


@contact_app.command("absence")
@command
def contact_absence(
    work: WorkArgument,
    deputy: Annotated[str, typer.Argument(metavar="DEPUTY", help="The deputy's address.")],
    home: AsOption,
    until: UntilOption,
    start: FromOption = None,
    second: SecondOption = None,
) -> None:
    """Propose when a deputy has duty: while the contact that it stands in for is away."""

    def change(content: Content, hand: Hand) -> tuple[Content, str]:
        found = decisions.find_contact(content, deputy)
        begins, ends = span(start, until, hand.at)
        return decisions.stand_in(content, found, Span(start=begins, end=ends), hand), found.handle

    propose(work, home, second, StepCode.ABSENCE, change)


@contact_app.command("rekey")
@command
def contact_rekey(
    work: WorkArgument,
    request: RequestArgument,
    home: AsOption,
    second: SecondOption = None,
    told: FingerprintOption = None,
) -> None:
    """Propose the new keys that a contact asks for (see: safeconduct contact rotate)."""
    asked = read_request(request)
    new = asked.contact()
    compare([asked], told)

    def change(content: Content, hand: Hand) -> tuple[Content, str]:
        old = decisions.find_contact(content, new.handle)
        vouched = enrolment.vouched(asked, old.signing_key)
        return decisions.rotate(content, old, new, hand, vouched=vouched), old.handle

    propose(work, home, second, StepCode.ROTATE_SIGNING_KEY, change, compared=[asked])


def _terms(
    types: str,
    areas: str,
    start: str | None,
    until: str,
    duties: str,
    *,
    may_send: bool,
    may_receive: bool,
    exercise: bool,
) -> Mandate:
    begins, ends = span(start, until, midnight(clock()))
    if not (may_send or may_receive):
        raise BadInput("Say what the contact may do: --may-send, --may-receive, or both.")
    chosen = frozenset({ALL_TYPES}) if types == "all" else frozenset(_listed("data type", types, TYPE_IDS))
    return Mandate(
        start=begins,
        end=ends,
        areas=frozenset(CrimeArea(a) for a in _listed("crime area", areas, tuple(CrimeArea))),
        types=chosen,
        may_send=may_send,
        may_receive=may_receive,
        exercise=exercise,
        duties=frozenset(Duty(d) for d in _listed("duty", duties, tuple(Duty))),
    )


W = TypeVar("W", bound=str)


def _listed(what: str, text: str, known: tuple[W, ...]) -> list[str]:
    words = [w.strip() for w in text.split(",") if w.strip()]
    for word in words:
        if word not in {str(k) for k in known}:
            raise BadInput(f"There is no {what} {word!r}; there are: {', '.join(map(str, known))}.")
    return words


def _for_deputy(terms: Mandate, content: Content, deputy_for: str | None) -> Mandate:
    if deputy_for is None:
        return terms
    return terms.model_copy(update={"deputy_for": decisions.find_contact(content, deputy_for).handle})


# History


@contact_app.command("history")
@command
def contact_history(
    contact: ContactArgument,
    at: Annotated[str | None, typer.Option("--at", help="The day or moment; else now.")] = None,
    home: HomeOption = Path(),
    work: Annotated[
        Path | None, typer.Option("--work", help="For officers: the common folder; --home is your own.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """What a contact's mandate was at a moment, who granted it, and the proof: from the signed bundle of that day."""
    when = moment(at, clock())
    state_epoch, published_at, bundle = _bundle_at(home, work, when)
    found = _whose(bundle, contact)
    mandate = found.mandate_at(when)
    directory = bundle.directory
    row: dict[str, Any] = {
        "contact": directory.address(found),
        "handle": found.handle,
        "at": moment_text(when),
        "epoch": state_epoch,
        "published": moment_text(published_at),
        "signed by": [_title(bundle, o) for o in bundle.officers],
        "mandate": _mandate_row(mandate, bundle) if mandate is not None else None,
        "suspended": any(s.holds(when) for s in found.suspended),
        "signing key": digits(found.key_at(when)),
        "encryption key": key_id_text(key_id(s.key)) if (s := found.statement_at(when)) is not None else None,
        "mandates": [_mandate_row(m, bundle) for m in found.mandates],
        "proof": "verified: the signatures of that epoch hold, from the root of trust in this folder",
    }
    if as_json:
        out.print_json(data=row)
        return
    say(f"{row['contact']} ({found.handle}) at {row['at']}")
    if mandate is None:
        say("no mandate was in force" + (": it was suspended" if row["suspended"] else ""))
        for earlier in row["mandates"]:
            if earlier["revoked"] is not None:
                say(f"a mandate from {earlier['from']} was revoked at {earlier['revoked']}")
    else:
        table = Table("", "", show_header=False)
        for name, value in _mandate_row(mandate, bundle).items():
            if value not in (None, [], ""):
                table.add_row(name, ", ".join(value) if isinstance(value, list) else str(value))
        out.print(table)
    say(f"signing key {row['signing key']}")
    say(f"by epoch {state_epoch}, published {row['published']}, signed by {' and '.join(row['signed by'])}")
    say(row["proof"])


def _bundle_at(home: Path, work: Path | None, when: int) -> tuple[int, int, Bundle]:
    """Epoch, publication and bundle that were newest at that moment, verified again."""
    if work is None:
        try:
            whose = ids.agency_handle(json.loads((home / "agency.json").read_text("utf-8"))["handle"])
        except (OSError, ValueError, KeyError, TypeError):
            raise BadInput(
                f"{home} is not an agency's folder; officers name theirs with --home and add --work."
            ) from None
        state, bundle = TrustCopy(home / "trust", Audience(whose)).at(when)
        return state.epoch, state.at, bundle
    own = work_of(work, home)
    root = own.person.root()
    if root is None:
        raise BadInput("You have no root of trust yet: see: safeconduct bundle install-root --help")
    for epoch in reversed(own.repository.epochs()):
        state = own.repository.state(epoch)
        if state.at <= when:
            return state.epoch, state.at, Verifier(root, Audience(FULL)).open(own.repository, state)
    raise BadInput("Nothing was published by then.")


def _whose(bundle: Bundle, wanted: str) -> Contact:
    return bundle.directory.contact(wanted) or bundle.directory.find(wanted)


def _title(bundle: Bundle, handle: str) -> str:
    officer = bundle.directory.officer(handle)
    return f"{officer.title} ({handle})" if officer is not None else handle


def _mandate_row(mandate: Mandate, bundle: Bundle) -> dict[str, Any]:
    deputy = bundle.directory.contact(mandate.deputy_for) if mandate.deputy_for else None
    return {
        "from": moment_text(mandate.start),
        "to": moment_text(mandate.end),
        "may": " and ".join(w for w, yes in (("send", mandate.may_send), ("receive", mandate.may_receive)) if yes),
        "types": sorted(mandate.types),
        "areas": sorted(a.value for a in mandate.areas),
        "duties": sorted(d.value for d in mandate.duties),
        "exercises": "takes part" if mandate.exercise else "takes no part",
        "deputy for": bundle.directory.address(deputy) if deputy is not None else None,
        "revoked": moment_text(mandate.revoked) if mandate.revoked is not None else None,
        "granted by": [_title(bundle, o) for o in mandate.granted_by],
        "granted in epoch": mandate.granted_in,
    }


def _in_force(work: Path, home: Path) -> Content:
    content = work_of(work, home).standing().content
    if content is None:
        raise BadInput("Nothing is published yet.")
    return content
