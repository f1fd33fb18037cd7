"""`safeconduct bundle`: found a task force, review, sign and publish its trust bundle, and change its root."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from adapters.home import clock, read_trust
from audit.errors import AuditError
from audit.witness import WitnessKey, readable
from broker.proposals import assemble, difference, explain, root_lines
from cli import enrol
from cli.agreements_cmd import held_against
from cli.ceremonies import rehearsing
from cli.ceremonies.work import (
    AsOption,
    FingerprintOption,
    Person,
    SecondOption,
    Work,
    WorkArgument,
    compare,
    compare_root,
    moment,
    moment_text,
    propose,
    say,
    show,
    told_files,
    work_of,
)
from cli.common import BrokerOption, HomeOption, JsonOption, command, out, passphrase
from cli.enrol import read_request
from cli.practice import edition_files
from cli.records import past as records_of
from cli.records import write_report
from cli.unlock import own_passphrase
from keys import ceremony, content, decisions, differences, keystore
from keys.bundle import Verifier, first_root
from keys.ceremony import Proposal, Standing
from keys.content import Content
from keys.decisions import Hand
from keys.domains import KeyKind
from keys.enrolment import Request, Wanted
from keys.fingerprints import fingerprint
from keys.metadata import FULL, THRESHOLD, Audience, titles_of
from keys.online import Extracts, export
from keys.repository import Repository, copy
from keys.signing import Signer
from keys.updating import Taken, install_root
from messages.ceremony import StepCode
from messages.directory import Account, Officer, Witness
from messages.errors import BadInput, NotPermitted
from messages.ids import OfficerHandle
from policies import agreements

bundle_app = typer.Typer(
    help="The trust bundle: what the officers decide, and sign two at a time.", no_args_is_help=True
)


def next_root(
    holders: Sequence[Officer] = (), keep: Sequence[str] = (), threshold: int | None = None
) -> Callable[[Content, Standing, Proposal], bytes]:
    """How the next root is made: these holders and those kept (by their digits), or the same as before."""

    def root(after: Content, standing: Standing, proposal: Proposal) -> bytes:
        last = standing.root
        if last is None:
            raise BadInput("There is no root yet; see: safeconduct bundle init --help")
        before = ceremony.root_keys(last, "root")
        wanted = {"".join(text.split()) for text in keep}
        kept = [k for k in before if "".join(fingerprint(k).split()) in wanted]
        if len(kept) != len(wanted):
            raise BadInput("These digits are no present root holder's; see: safeconduct bundle status WORK")
        chosen = [*kept, *(h.key for h in holders)] if holders or keep else before
        titles = titles_of(last) | {h.key: h.title for h in holders}
        (online,) = ceremony.root_keys(last, "timestamp")
        needed = threshold or last.signed.roles["root"].threshold
        return ceremony.make_root(chosen, after, online, standing, proposal.at, needed, titles)

    return root


@bundle_app.command("init")
@command
def init(
    work: WorkArgument,
    officers: Annotated[list[Path], typer.Option("--officer", help="An officer's request; at least two.")],
    holders: Annotated[list[Path], typer.Option("--root-holder", help="A root holder's request; better three.")],
    operator: Annotated[Path, typer.Option(help="The operator's request.")],
    home: AsOption,
    threshold: Annotated[int, typer.Option(help="How many root holders change the root.")] = THRESHOLD,
    second: SecondOption = None,
    told: FingerprintOption = None,
) -> None:
    """Found a task force: propose its root of trust, its officers and its broker."""
    person = Person.of(home)
    place = Work(work, person)
    if work.is_dir() and (place.path.exists() or place.repository.newest() is not None):
        raise BadInput(f"{work} holds a task force already; name a new folder.")
    asked = {
        Wanted.OFFICER: [read_request(p) for p in officers],
        Wanted.ROOT: [read_request(p) for p in holders],
        Wanted.OPERATOR: [read_request(operator)],
    }
    requests = [r for given in asked.values() for r in given]
    for wanted, given in asked.items():
        for request in given:
            if request.wanted is not wanted:
                raise BadInput(
                    f"A request of the {request.wanted.value} stands where one of the {wanted.value} is needed."
                )
    broker = asked[Wanted.OPERATOR][0].broker()
    chosen = tuple(r.officer() for r in asked[Wanted.OFFICER])
    keys = [o.key for o in chosen]
    holding = {r.officer().key: r.officer().title for r in asked[Wanted.ROOT]}
    held = [r.officer().key for r in asked[Wanted.ROOT]]
    if len(set(keys)) < max(2, len(keys)) or len(set(held)) < max(threshold, len(held)):
        raise BadInput(
            "A task force needs two officers, and as many root holders as sign together, each with another key."
        )
    compare([r for r in requests if not _own(r, home)], told)
    signer = person.unlock()
    at = clock()
    files = edition_files()
    decided = Content(
        operator=broker.operator,
        officers=chosen,
        agencies={},
        contacts={},
        agreements={},
        rules=files[content.RULES],
        catalogue=files[content.CATALOGUE],
        accounts=tuple(Account(officer=o.handle, role="officer") for o in chosen),
    )
    standing = Standing(content=None, state=None, repository=place.repository)
    signers = (OfficerHandle(signer.handle), _other(decided, signer, second))
    proposal = ceremony.edited(Proposal(base=0, at=at, signers=signers), standing, decided, at)
    root = ceremony.make_root(held, decided, broker.key, standing, at, threshold, holding)
    proposal = replace(proposal, root=root)
    found = assemble(proposal, standing)
    for _ in requests:
        proposal = ceremony.stepped(proposal, found, signer, StepCode.FINGERPRINT_COMPARED, "", at)
    proposal = ceremony.stepped(proposal, found, signer, StepCode.INIT, "", at)
    place.save(proposal)
    show(found)
    say(f"next, {threshold} root holders each: safeconduct bundle sign-root {work} --as THEIR_FOLDER")


def _own(request: Request, home: Path) -> bool:
    """Whether this is the very request that lies in the own folder: nobody calls themselves."""
    data = request.to_bytes()
    return any(p.is_file() and p.read_bytes() == data for p in (home / "request.json", home / "root-request.json"))


def _other(decided: Content, signer: Signer, second: str | None) -> OfficerHandle:
    if signer.handle not in {o.handle for o in decided.officers}:
        raise NotPermitted("Only one of the officers founds the task force; name your own folder with --as.")
    others = [o for o in decided.officers if o.handle != signer.handle]
    if second is not None:
        others = [decisions.find_officer(decided, second)]
        if others[0].handle == signer.handle:
            raise NotPermitted("One person cannot be both signatures; name somebody else with --second.")
    if len(others) != 1:
        raise BadInput(f"Say who signs with you, with --second: {', '.join(o.title for o in others)}.")
    return others[0].handle


@bundle_app.command("sign-root")
@command
def sign_root(
    work: WorkArgument,
    home: AsOption,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: the digits were compared.")] = False,
) -> None:
    """Sign the proposed root of trust, as one of its holders."""
    place = Work(work, Person.of(home))
    proposal = place.wanted()
    standing = place.standing()
    found = assemble(proposal, standing)
    for line in root_lines(found):
        say(line)
    _agree("Sign this root of trust?", yes=yes)
    signer = enrol.root_signer(home, own_passphrase("the root holder's key"))
    place.save(ceremony.sign_root(proposal, signer, standing))
    have = len(assemble(place.wanted(), standing).root_holders())
    say(f"signed: {have} of {found.root.signed.roles['root'].threshold if found.root else 0} root holders needed")


@bundle_app.command("root")
@command
def root(
    folder: Annotated[Path, typer.Argument(metavar="WORK|FILE", help="The common folder, or a root as a file.")],
) -> None:
    """The fingerprint of a root of trust, to read over the telephone to whoever installs it."""
    path = folder / "repository" / "root" / "1.json" if folder.is_dir() else folder
    (data,) = told_files([path]).values()
    say(f"{path}: {ceremony.root_fingerprint(first_root(data))}")


@bundle_app.command("install-root")
@command
def install(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The root of trust, as an officer sent it.")],
    home: Annotated[Path, typer.Option("--home", help="Your folder: an agency's, a broker's or an officer's.")],
    told: Annotated[str | None, typer.Option("--fingerprint", help="The digits that you were told.")] = None,
) -> None:
    """Install the root of trust, once, after an officer read its fingerprint to you over the telephone."""
    if not any((home / name).is_file() for name in ("agency.json", "broker.json", "officer.json")):
        raise BadInput(f"{home} is no agency's, broker's or officer's folder; name yours with --home.")
    (data,) = told_files([path]).values()
    compare_root(ceremony.root_fingerprint(first_root(data)), told)
    install_root(home / "trust", data)
    say(f"installed {home / 'trust' / 'root.json'}: everything is verified from it")


@bundle_app.command("status")
@command
def status(work: WorkArgument, home: AsOption, as_json: JsonOption = False) -> None:
    """Which epoch is in force, until when, and what is proposed."""
    place = work_of(work, home)
    standing = place.standing()
    proposal = place.proposal()
    ends = _expires(standing)
    rows = {
        "epoch": standing.epoch,
        "published": moment_text(standing.state.at) if standing.state is not None else None,
        "expires": moment_text(ends) if ends is not None else None,
        "proposal for epoch": proposal.epoch if proposal is not None else None,
    }
    if as_json:
        out.print_json(data=rows)
        return
    say(f"epoch {standing.epoch} is in force" if standing.epoch else "nothing is published yet")
    if ends is not None:
        late = " - it has expired: sign it again with: safeconduct bundle renew" if ends <= clock() else ""
        say(f"it expires on {moment_text(ends)}{late}")
    if standing.root is not None:
        for key in ceremony.root_keys(standing.root, "root"):
            say(f"root holder: {ceremony.holder(standing.root, key)}")
    if proposal is None:
        say("nothing is proposed")
        return
    show(assemble(proposal, standing))


def _expires(standing: Standing) -> int | None:
    if standing.state is None or standing.scope is not None:
        return None
    return ceremony.expires(standing)


@bundle_app.command("review")
@command
def review(work: WorkArgument, home: AsOption, as_json: JsonOption = False) -> None:
    """What the open proposal changes, in plain words; the most important stands first."""
    place = work_of(work, home)
    found = assemble(place.wanted(), place.standing())
    if as_json:
        signed = [p.handle for p in found.given()]
        rows = {
            "epoch": found.proposal.epoch,
            "changes": difference(found),
            "digits": fingerprint(found.digest),
            "expires": moment_text(found.expires),
            "signers": list(found.proposal.signers),
            "signed": signed,
        }
        out.print_json(data=rows)
        return
    show(found)


@bundle_app.command("sign")
@command
def sign(
    work: WorkArgument,
    home: AsOption,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: it was reviewed.")] = False,
) -> None:
    """Review the open proposal and sign all of it, as one of the two people whom it names."""
    place = work_of(work, home)
    place.person.check_key()
    proposal = place.wanted()
    found = assemble(proposal, place.standing())
    rehearsal = rehearsing.checked(found)
    show(found, rehearsal)
    _agree("Sign all of this?", yes=yes)
    signer = place.person.unlock()
    seen = rehearsal.digest if rehearsal is not None else b""
    place.save(ceremony.signed_by(found, signer, clock(), seen))
    if found.root is not None and found.standing.root is None and place.person.root() is None:
        install_root(place.person.home / "trust", found.root.to_bytes())
        say(f"installed the root of trust in {place.person.home}: you verify from it from now on")
    done = len(assemble(place.wanted(), found.standing).given())
    say(
        "signed; now the other has to sign"
        if done < THRESHOLD
        else f"signed by both; next: safeconduct bundle publish {work} --as {home}"
    )


@bundle_app.command("rehearse")
@command
def rehearse(
    work: WorkArgument,
    home: AsOption,
    records: Annotated[
        Path | None, typer.Option("--records", help="Past decisions: a folder of safeconduct audit export.")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", help="Only decisions from this day on.")] = None,
    page: Annotated[Path | None, typer.Option("--html", help="Write the report as a page of its own.")] = None,
    data: Annotated[Path | None, typer.Option("--json", help="Write the report for programs.")] = None,
) -> None:
    """Work out again what the open proposal would let pass, block and expose, also in what was decided before.

    Every proposal is rehearsed when it is made, over all that could be sent. This adds past decisions, and a report to
    read and keep. Both signers sign over its digest, so signatures that were given before fall away.
    """
    place = work_of(work, home)
    place.person.check_key()
    proposal = place.wanted()
    standing = place.standing()
    found = assemble(proposal, standing)
    past = records_of(records, moment(since, 0)) if records is not None else None
    changed, made = rehearsing.carrying(found, past)
    if made is None:
        say("nothing in the proposal changes who may get what; there is nothing to rehearse")
        return
    signer = place.person.unlock()
    if changed.rehearsal != proposal.rehearsal:
        changed = ceremony.stepped(changed, assemble(changed, standing), signer, StepCode.REHEARSE, "", clock())
        place.save(changed)
    for line in rehearsing.lines(made):
        say(line)
    write_report(made, page, data, f"Rehearsal of epoch {proposal.epoch}")


@bundle_app.command("publish")
@command
def publish(
    work: WorkArgument,
    home: AsOption,
    targets: Annotated[list[Path] | None, typer.Option("--to", help="A broker's folder; it notices by itself.")] = None,
) -> None:
    """Put the signed proposal into force, and bring everything that was published to the brokers."""
    place = work_of(work, home)
    proposal = place.proposal()
    if place.person.root() is None:
        raise BadInput("You have no root of trust yet: see: safeconduct bundle install-root --help")
    for target in targets or ():
        _check_broker(target)
    if proposal is not None and proposal.base == place.standing().epoch:
        found = assemble(proposal, place.standing())
        signer = place.person.unlock()
        state = ceremony.publish(found, signer, clock())
        place.standing()  # proves that what lies there now holds, as every reader will
        place.path.unlink()
        say(f"published epoch {state.epoch}; it expires on {moment_text(found.expires)}")
    elif proposal is not None:
        raise BadInput(
            f"The proposal was made for epoch {proposal.epoch}, but epoch {place.standing().epoch} is published; "
            "discard it and propose again."
        )
    elif not targets:
        raise BadInput(f"Nothing is proposed in {work}, and no broker's folder is named with --to.")
    for target in targets or ():
        there = Repository(target / "trust" / "repository")
        newest = there.newest()
        if newest is not None and newest.to_bytes() != _published(place.repository, newest.epoch):
            raise BadInput(
                f"{target} holds another epoch {newest.epoch} than this folder: two folders were published from. "
                "Find out which is right before anything else is signed."
            )
        for epoch in sorted(set(place.repository.epochs()) - set(there.epochs())):
            copy(place.repository, there, place.repository.state(epoch))
        say(f"brought to {target}")


def _published(repository: Repository, epoch: int) -> bytes | None:
    return repository.state(epoch).to_bytes() if epoch in repository.epochs() else None


def _check_broker(target: Path) -> None:
    if not (target / "broker.json").is_file():
        raise BadInput(f"{target} is not a broker's folder.")
    if not (target / "trust" / "root.json").is_file():
        raise BadInput(f"{target} has no root of trust yet; its operator installs it: safeconduct bundle install-root")


@bundle_app.command("discard")
@command
def discard(
    work: WorkArgument,
    home: AsOption,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Throw the open proposal away; what is in force stays."""
    place = work_of(work, home)
    if not place.path.exists():
        raise BadInput(f"Nothing is proposed in {work}.")
    _agree("Throw the open proposal away?", yes=yes)
    place.path.unlink()
    say("discarded; what is in force stays")


@bundle_app.command("show")
@command
def show_epoch(
    work: WorkArgument,
    home: AsOption,
    epoch: Annotated[int | None, typer.Option(help="Which epoch; else the newest.")] = None,
) -> None:
    """Everything that an epoch says, in plain words, verified again."""
    place = work_of(work, home)
    known = place.repository.epochs()
    wanted = epoch if epoch is not None else (known[-1] if known else 0)
    if wanted not in known:
        raise BadInput(f"There is no epoch {wanted}; there are: {', '.join(map(str, known)) or 'none'}.")
    state = place.repository.state(wanted)
    found = ceremony.verified(place.repository, state, place.person.root())
    say(f"epoch {wanted}, published {moment_text(state.at)}, root version {state.root}")
    for line in differences.describe(None, found, explain=explain):
        say(f"  {line}")


# At agencies and brokers


@bundle_app.command("refresh")
@command
def refresh(home: HomeOption = Path()) -> None:
    """Fetch the agency's own extract from the broker, and verify it; a running adapter does this by itself."""
    trust = read_trust(home)
    secrets = keystore.read(home / enrol.ADAPTER_KEY, passphrase(home))
    _say_taken(trust.refresh(keystore.secret(secrets, "nkey"), clock))


@bundle_app.command("carry-out")
@command
def carry_out(
    agency: Annotated[str, typer.Argument(help="For which agency: name or handle.")],
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder, on a stick.")],
    home: BrokerOption,
) -> None:
    """Write one agency's extract into a folder, for an agency without a connection."""
    if target.exists():
        raise BadInput(f"{target} exists already; name a new folder.")
    secrets = keystore.read(home / enrol.BROKER_KEY, passphrase(home))
    online = Signer(KeyKind.ONLINE, str(secrets.get("worker")), keystore.secret(secrets, "online-seed"))
    repository = Repository(home / "trust" / "repository")
    state = repository.newest()
    if state is None:
        raise BadInput(f"Nothing was published to {home} yet.")
    (root,) = told_files([home / "trust" / "root.json"]).values()
    directory = Verifier(root, Audience(FULL)).open(repository, state).directory
    extracts = Extracts(repository, online)
    extracts.take(state)
    found = next((a for a in directory.agencies if agency in (a.name, a.handle)), None)
    if found is None:
        raise BadInput(f"There is no agency {agency!r}.")
    for name, data in export(extracts, Audience(found.handle), clock()).items():
        (target / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (target / name).write_bytes(data)
    say(f"wrote the extract of {found.name} to {target}; it is for that agency alone")


@bundle_app.command("carry-in")
@command
def carry_in(
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder, as it came on the stick.")],
    home: HomeOption = Path(),
) -> None:
    """Take the agency's extract from a folder, and verify it as if it had been fetched."""
    if not (source / "metadata").is_dir():
        raise BadInput(f"{source} holds no extract of a trust bundle.")
    _say_taken(read_trust(home).carry_in(source))


def _say_taken(taken: Taken) -> None:
    news = "took" if taken.changed else "nothing new:"
    say(f"{news} epoch {taken.bundle.epoch}; it expires on {moment_text(taken.bundle.expires)}")


# Proposals about the whole


@bundle_app.command("renew")
@command
def renew(
    work: WorkArgument,
    home: AsOption,
    stated: Annotated[Path | None, typer.Option("--stated", help="Encryption keys that the broker accepted.")] = None,
    second: SecondOption = None,
) -> None:
    """Propose to sign everything again for seven days: once a week, and before it expires."""
    propose(work, home, second, StepCode.RENEW, _taking(stated), renew=True)


@bundle_app.command("take-statements")
@command
def take_statements(
    work: WorkArgument,
    stated: Annotated[Path, typer.Argument(metavar="FILE", help="BROKER_HOME/trust/stated.jsonl")],
    home: AsOption,
    second: SecondOption = None,
) -> None:
    """Propose the encryption keys that contacts stated since, so that every sender learns them."""
    propose(work, home, second, StepCode.PROPOSE, _taking(stated))


def _taking(stated: Path | None) -> Callable[[Content, Hand], tuple[Content, str]]:
    found = decisions.read_stated(next(iter(told_files([stated]).values()))) if stated is not None else {}
    return lambda content, _: (decisions.take_statements(content, found), "")


@bundle_app.command("take-edition")
@command
def take_edition(work: WorkArgument, home: AsOption, second: SecondOption = None) -> None:
    """Propose the rules and the catalogue of this installation; every broker and adapter then needs the same."""
    files = edition_files()

    def change(decided: Content, hand: Hand) -> tuple[Content, str]:
        return replace(decided, rules=files[content.RULES], catalogue=files[content.CATALOGUE]), ""

    propose(work, home, second, StepCode.PROPOSE, change)


@bundle_app.command("trust-url")
@command
def trust_url(
    work: WorkArgument,
    url: Annotated[str, typer.Argument(help="Where adapters fetch the trust bundle: https://…")],
    home: AsOption,
    second: SecondOption = None,
) -> None:
    """Propose another address from which adapters fetch the trust bundle."""

    def change(decided: Content, hand: Hand) -> tuple[Content, str]:
        return replace(decided, operator=decided.operator.model_copy(update={"trust_url": url})), ""

    propose(work, home, second, StepCode.PROPOSE, change)


@bundle_app.command("add-agreement")
@command
def add_agreement(
    work: WorkArgument,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The agreement, as YAML.")],
    home: AsOption,
    second: SecondOption = None,
) -> None:
    """Propose a sharing agreement between two agencies: from then on they know of each other."""
    (data,) = told_files([path]).values()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not text.") from None
    found = agreements.read(text, str(path))
    name = f"{found.id}.yaml"

    def change(decided: Content, hand: Hand) -> tuple[Content, str]:
        for party in found.parties:
            decisions.find_agency(decided, party)
        agreements.read_all({**decided.agreements, name: text}.items())
        for line in held_against(decided, {str(path): text}, hand.at):
            say(f"  {line}")
        return decisions.add_agreement(decided, name, text), ""

    propose(work, home, second, StepCode.ADD_AGREEMENT, change)


_UNTIL = re.compile(r"(?m)(\buntil:\s*)(\d{4}-\d{2}-\d{2})")


@bundle_app.command("end-agreement")
@command
def end_agreement(
    work: WorkArgument,
    agreement: Annotated[str, typer.Argument(help="Its id.")],
    home: AsOption,
    until: Annotated[str, typer.Option("--until", help="Its last day (UTC), such as 2026-12-31.")],
    second: SecondOption = None,
) -> None:
    """Propose that an agreement ends earlier; what was given under it stays provable."""
    name = f"{agreement.removesuffix('.yaml')}.yaml"

    def change(decided: Content, hand: Hand) -> tuple[Content, str]:
        named = next((n for n, t in decided.agreements.items() if agreements.read(t, n).id == agreement), name)
        old = decided.agreements.get(named, "")
        text, count = _UNTIL.subn(lambda m: m[1] + until, old)
        if not old or count != 1:
            return decisions.end_agreement(decided, named, old if old else ""), ""
        before, after = agreements.read(old, named), agreements.read(text, named)
        if after.end >= before.end:
            raise BadInput(
                f"{agreement} ends on {before.valid.until}; an agreement is ended earlier, never made longer."
            )
        if before.model_copy(update={"valid": after.valid}) != after:
            raise BadInput(f"{agreement} cannot be ended by its last day alone; write a new agreement.")
        return decisions.end_agreement(decided, named, text), ""

    propose(work, home, second, StepCode.END_AGREEMENT, change)


@bundle_app.command("add-witness")
@command
def add_witness(
    work: WorkArgument,
    vkey: Annotated[str, typer.Argument(metavar="KEY", help="The line that `adapter witness` printed.")],
    home: AsOption,
    second: SecondOption = None,
) -> None:
    """Propose a witness of the log: its word, with another one's, makes a head of the log final."""

    try:
        key = WitnessKey.parse(vkey.strip())
    except AuditError:
        raise BadInput("This is not a witness's key; the witness prints it: safeconduct adapter witness") from None

    def change(decided: Content, hand: Hand) -> tuple[Content, str]:
        if any(key.public == known.public for known in readable(w.vkey for w in decided.witnesses)):
            raise BadInput("Another witness has this very key; two labels of one key would be two witnesses.")
        return decisions.add_witness(decided, Witness(label=key.name, vkey=str(key))), ""

    propose(work, home, second, StepCode.PROPOSE, change)


@bundle_app.command("add-alarm")
@command
def add_alarm(
    work: WorkArgument,
    to: Annotated[str, typer.Argument(metavar="ADDRESS", help="https://… or mailto:duty@ministry.example")],
    home: AsOption,
    outside: Annotated[bool, typer.Option("--outside", help="It is not the operator's: somebody else's duty.")] = False,
    second: SecondOption = None,
) -> None:
    """Propose an address to which alarms go: a kind, a count and a time, and never content. Every agency can see it."""

    def change(decided: Content, hand: Hand) -> tuple[Content, str]:
        return decisions.add_alarm(decided, to, outside=outside), ""

    propose(work, home, second, StepCode.PROPOSE, change)


@bundle_app.command("end-alarm")
@command
def end_alarm(
    work: WorkArgument,
    to: Annotated[str, typer.Argument(metavar="ADDRESS", help="The address, as it was added.")],
    home: AsOption,
    second: SecondOption = None,
) -> None:
    """Propose that alarms no longer go to an address."""

    def change(decided: Content, hand: Hand) -> tuple[Content, str]:
        return decisions.end_alarm(decided, to), ""

    propose(work, home, second, StepCode.PROPOSE, change)


@bundle_app.command("end-witness")
@command
def end_witness(
    work: WorkArgument,
    label: Annotated[str, typer.Argument(help="Its label, such as witness-3f0c9a51d2.")],
    home: AsOption,
    second: SecondOption = None,
) -> None:
    """Propose that a witness's word counts no longer."""

    def change(decided: Content, hand: Hand) -> tuple[Content, str]:
        return decisions.end_witness(decided, label), ""

    propose(work, home, second, StepCode.PROPOSE, change)


@bundle_app.command("rotate-root")
@command
def rotate_root(
    work: WorkArgument,
    home: AsOption,
    holders: Annotated[list[Path] | None, typer.Option("--root-holder", help="A new root holder's request.")] = None,
    keep: Annotated[
        list[str] | None, typer.Option("--keep-root-holder", help="Digits of a present holder's key that stays.")
    ] = None,
    threshold: Annotated[int | None, typer.Option(help="How many holders change the root; else as before.")] = None,
    second: SecondOption = None,
    told: FingerprintOption = None,
) -> None:
    """Propose other root holders, or the same for two more years; holders of the old and the new root sign it."""
    asked = [read_request(p) for p in holders or ()]
    if any(r.wanted is not Wanted.ROOT for r in asked):
        raise BadInput("A root holder's request is needed: safeconduct officer init --root-only")
    compare(asked, told)
    made = next_root([r.officer() for r in asked], keep or (), threshold)
    propose(work, home, second, StepCode.ROTATE_ROOT, lambda c, _: (c, ""), compared=asked, root=made, renew=True)


def _agree(question: str, *, yes: bool) -> None:
    if not yes and not typer.confirm(question, err=True):
        raise NotPermitted("Nothing was done.")
