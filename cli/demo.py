"""Operation Orchid: the whole main job, told in plain words, with every party as a process of its own.

The broker with its embedded server, the police unit's release guard, and an adapter for each recipient run as separate
processes; the police desk sends through the same command a person would type; a rogue adapter with real keys attacks.
What every party holds at the end lies in the output folder.
"""

import asyncio
import base64
import json
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from adapters.home import clock, read_bundle
from adapters.journal import Journal
from cli import practice
from cli.common import JsonOption, command, fail, run
from cli.services import READY
from cli.warm import Running, Warm
from messages.errors import DependencyError
from policies.sentences import says

POLICE: Final = "harbour-police"
PROSECUTOR: Final = "district-prosecutor/trafficking-desk"
FOREIGN: Final = "valea-police/duty-desk"
LABOUR: Final = "labour-inspectorate/inspections"
SHELTER: Final = "wrenfold-support/referrals"
RAPPORTEUR: Final = "national-rapporteur/statistics"
ANALYSTS: Final = "coastal-fiu/analysts"
DESK: Final = f"{POLICE}/desk"
TYPES_SHOWN: Final = 12
KINDS_SHOWN: Final = 8
"""What the demonstration promises to show at least: data types and kinds of message that reached somebody."""
RECIPIENTS: Final = (PROSECUTOR, FOREIGN, LABOUR, SHELTER, RAPPORTEUR)
BUSY: Final = 30
STEPS: Final = 24
TRIES: Final = 5
IN_FORCE: Final = 20
"""Seconds in which a revocation has closed the door also on a busy machine; a test holds what is promised."""

ATTACKS: Final = (
    # attack, case, recipient, what it is in words, code or rule that must answer
    ("undesignated", "06-communications-update", PROSECUTOR, "no designated contact sends", "undesignated-sender"),
    ("expired-mandate", "06-communications-update", PROSECUTOR, "a contact whose mandate has ended sends", "SC-01"),
    ("type-not-agreed", "12-suspect-to-inspectorate", LABOUR, "a type that the agreement does not list", "SC-11"),
    ("identity-without-consent", "03-referral-adult", SHELTER, "a victim's identity to the shelter", "R-07"),
    ("unattested", "03-referral-adult", SHELTER, "sections that the release guard never saw", "SC-40"),
    ("mislabelled", "03-referral-adult", SHELTER, "identity declared as harmless", "SC-41"),
    ("forged-signature", "06-communications-update", PROSECUTOR, "a forged signature", "unverified"),
    ("altered-ciphertext", "06-communications-update", PROSECUTOR, "a genuine message, one bit changed", "unverified"),
    ("stale", "06-communications-update", PROSECUTOR, "a message written eight days ago", "stale"),
)  # fmt: skip


@dataclass(slots=True)
class Story:
    """The narration, and everything that `--json` prints."""

    console: Console
    progress: Progress
    messages: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    task: Any = None

    def step(self, title: str) -> None:
        """A new step."""
        self.progress.update(self.task, advance=1, description=title)
        self.console.print(Rule(title, align="left", style="cyan"))

    def say(self, text: str, style: str = "") -> None:
        """One plain sentence."""
        self.console.print(Text(text, style=style), soft_wrap=False)

    def expect(self, name: str, *, holds: bool, detail: str = "") -> None:
        """Note whether what had to happen did."""
        self.checks.append({"check": name, "holds": holds, "detail": detail})
        mark = Text("  ✓ ", style="green") if holds else Text("  ✗ ", style="bold red")
        self.console.print(mark.append(name + (f" ({detail})" if detail else ""), style=""))
        if not holds:
            self.wrong.append(name)


@command
def demo(
    out: Annotated[Path, typer.Option("--out", help="Where to leave what every party holds.")] = Path("demo-out"),
    as_json: JsonOption = False,
) -> None:
    """Run Operation Orchid: seven parties, real server, real processes, real attacks; about a minute."""
    practice.stage(out)
    console = Console(stderr=as_json, highlight=False, width=None if Console().is_terminal else 110)
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    story = Story(progress.console, progress)
    with progress:
        story.task = progress.add_task("Operation Orchid", total=STEPS)
        head = run(_Play(out, story).all())
    if as_json:
        print(  # noqa: T201
            json.dumps(
                {"messages": story.messages, "refused": story.refusals, "checks": story.checks, "log_head": head},
                indent=1,
                ensure_ascii=False,
            )
        )
    if story.wrong:
        fail(f"The demonstration did not go as it must: {'; '.join(story.wrong)}.", 1)


class _Play:
    def __init__(self, out: Path, story: Story) -> None:
        self.out = out
        self.story = story
        self.example = practice.example_folder()
        self.made = practice.Practice(out)
        self.logs = out / "logs"
        self.broker: Running | None = None
        self.adapters: list[Running] = []
        self.kinds: set[str] = set()
        self.warm = Warm()

    async def all(self) -> dict[str, Any]:
        """Every act, in order; returns the log's head."""
        story = self.story
        story.console.print(
            Panel(
                "Seven parties work on one trafficking case. The broker between them cannot read what they send; each "
                "gets exactly what law, agreement and consent allow it; and an officer can prove what happened.\n"
                "Everything is fictitious. Every party, the broker and the release guard are processes of their own.",
                title="Operation Orchid",
                title_align="left",
            )
        )
        with self.warm:
            await self._acts()
            return await self._proof()

    async def _acts(self) -> None:
        async with AsyncExitStack() as stack:
            await self._cast(stack)
            await self._full_report()
            await self._redacted()
            await self._referral()
            await self._statistics()
            await self._alert()
            await self._questions()
            await self._evidence()
            await self._refusals()
            await self._replay()
            await self._killed()
            await self._collected()
            await self._revoked()

    # the cast

    async def _cast(self, stack: AsyncExitStack) -> None:
        story = self.story
        story.step("Keys, mandates and agreements")
        now = clock()
        practice.make(self.out, self.example, now)
        self.logs.mkdir()
        self.cases = self.out / "cases"
        self.cases.mkdir()
        for path in sorted((self.example / "cases").glob("*.json")):
            practice.moved_file(path, self.cases / path.name, now)
        parties = yaml.safe_load((self.example / "parties.yaml").read_text(encoding="utf-8"))
        table = Table("party", "class", "contacts", box=None)
        for party in parties["parties"]:
            table.add_row(party["title"], party["class"], ", ".join(c["name"] for c in party["contacts"]))
        story.console.print(table)
        story.say(
            "Two security officers signed the trust bundle: every mandate and six agreements. Each party holds its "
            "own extract of it, and learns of nobody else."
        )
        for address, knows in ((PROSECUTOR, 3), (DESK, len(parties["parties"]) - 1)):
            party = address.split("/")[0]
            names = [a.name for a in read_bundle(self.made.party(party)).directory.agencies]
            story.expect(f"{party} knows of {len(names)} agencies", holds=len(names) == knows, detail=", ".join(names))
        story.step("The broker and its NATS server start")
        await self._start_broker()
        stack.push_async_callback(self._stop_broker)
        story.say(
            "It runs on this machine, as one process with an embedded nats-server, and holds no key that opens "
            "anything. It answers itself who may log in, over TLS 1.3 with a certificate on both sides."
        )
        story.step("The police unit's release guard starts")
        guard = await self._service("guard", "run", "--home", str(self.made.party(POLICE)), log="guard")
        stack.push_async_callback(asyncio.to_thread, guard.stop)
        story.say("A process with its own key. Nothing goes to a party without identity rights unless it has looked.")
        story.step("The recipients' adapters start")
        await asyncio.gather(*(self._adapter(address, stack) for address in RECIPIENTS))
        story.say("One process for each agency, each with a login of its own.")

    async def _service(self, *arguments: str, log: str) -> Running:
        """`safeconduct ARGUMENTS` as a process that goes on, and can be used."""

        def ready() -> Running:
            with (self.logs / f"{log}.log").open("ab") as sink:
                running = self.warm.start(arguments, sink)
            if not running.said_first().startswith(READY):
                running.kill()
                raise DependencyError(f"A service did not start; see {self.logs / log}.log.")
            return running

        return await asyncio.to_thread(ready)

    async def _adapter(self, address: str, stack: AsyncExitStack) -> None:
        party, contact = address.split("/")
        adapter = await self._service(
            "adapter", "run", "--home", str(self.made.party(party)), "--as", contact, log=party
        )
        stack.push_async_callback(asyncio.to_thread, adapter.stop)
        self.adapters.append(adapter)

    async def _start_broker(self) -> None:
        self.broker = await self._service("up", "--home", str(self.made.broker), log="broker")
        settings = self.made.broker / "broker.json"
        value = json.loads(settings.read_text(encoding="utf-8"))
        if value["port"] is None:  # the same address after a restart, so that adapters find it again
            address = (self.made.broker / "run" / "address").read_text(encoding="utf-8")
            value["port"] = int(address.rsplit(":", 1)[1])
            settings.write_text(json.dumps(value), encoding="utf-8")

    async def _stop_broker(self) -> None:
        if self.broker is not None:
            await asyncio.to_thread(self.broker.stop)

    # the acts

    async def _typed(self, *arguments: str) -> tuple[int, str, str]:
        """`safeconduct ARGUMENTS` as a process of its own: exit code, standard output and error."""
        return await asyncio.to_thread(self.warm.run, arguments)

    async def _command(self, *arguments: str, expect: Sequence[int] = (0,)) -> dict[str, Any]:
        """`safeconduct ARGUMENTS --json`, as the person at the desk would run it."""
        code, text, error = await self._typed(*arguments)
        if code not in expect:
            raise DependencyError(f"The demonstration's own command failed: {error.strip() or text.strip()}")
        try:
            found: dict[str, Any] = json.loads(text)
        except ValueError:
            return {"says": error.strip(), "code": code}
        return found

    async def _send(self, case: str, *to: str, sender: str = DESK) -> dict[str, Any]:
        recipients = [word for address in to for word in ("--to", address)]
        party, contact = sender.split("/")
        self.kinds.add(json.loads((self.cases / f"{case}.json").read_text(encoding="utf-8"))["kind"])
        return await self._command(
            "send",
            str(self.cases / f"{case}.json"),
            *("--home", str(self.made.party(party)), "--as", contact, "--json"),
            *recipients,
            expect=(0, 1),
        )

    async def _release(self, message: str) -> None:
        await self._command(
            "release", message, "--home", str(self.made.party(POLICE)), "--as", "release-officer", expect=(0,)
        )

    def _note(self, case: str, sent: dict[str, Any]) -> None:
        """Tell what each recipient got, and keep it for `--json`."""
        for one in sent["sent"]:
            for recipient in one["recipients"]:
                self._tell(case, one, recipient)
        for refused in sent["refused"]:
            self._tell(case, None, refused)

    def _tell(self, case: str, one: dict[str, Any] | None, recipient: dict[str, Any]) -> None:
        granted = sorted(recipient["granted_kinds"]) if one else []
        withheld = sorted({w["kind"] for w in recipient["withheld"]})
        permitted = recipient["decision"] == "permit" and one is not None
        row = {
            "case": case,
            "message": one["message"] if one else None,
            "recipient": recipient["recipient"],
            "decision": "permit" if permitted else "refuse",
            "granted": granted,
            "withheld": withheld,
            "rules": recipient["rules"],
        }
        self.story.messages.append(row)
        self.story.say(f"  {recipient['recipient']}", "bold green" if permitted else "bold red")
        if permitted:
            self.story.say(f"    gets {_listed(granted)}")
            if withheld:
                self.story.say(f"    withheld: {', '.join(withheld)}", "yellow")
            for rule in sorted({r for w in recipient["withheld"] for r in w["rules"]})[:2]:
                self.story.say(f"      {says(rule)} [{rule}]", "dim")
        else:
            for rule in recipient["rules"]:
                self.story.say(f"    {says(rule)} [{rule}]", "red")

    def _granted(self, one: dict[str, Any], recipient: dict[str, Any]) -> list[str]:
        return sorted(recipient["granted_kinds"])

    async def _full_report(self) -> None:
        story = self.story
        story.step("One publication, one view per contact: the full report")
        story.say(
            "The police desk reports to the prosecutor and the foreign counterpart, who may know who the victims are."
        )
        sent = await self._send("01-full-report", PROSECUTOR, FOREIGN)
        self._note("01-full-report", sent)
        held = [s["message"] for s in sent["sent"] if s["state"] == "held"]
        story.expect("victims' data for abroad waits for a second person", holds=len(held) == 1)
        story.say("The release officer reads it, and releases this very message.")
        for message in held:
            await self._release(message)
        views = [await self._opened(address, held[0]) for address in (PROSECUTOR, FOREIGN)]
        story.expect(
            "both opened the narrative in full, under the police contact's signature",
            holds=all(v and "a01.1.narrative" in v["sections"] and v["signature"] == "holds" for v in views),
        )
        names = [{s["case_pseudonym"] for s in _of_kind(v, "A02/facts")} for v in views if v]
        story.expect(
            "each agency has pseudonyms of its own: the two cannot be joined",
            holds=len(names) == 2 and all(names) and not names[0] & names[1],
            detail=f"{len(names[0])} persons" if names else "",
        )

    async def _redacted(self) -> None:
        story = self.story
        story.step("The labour inspectorate gets the facts, not the people")
        sent = await self._send("02-labour-disclosure", LABOUR)
        self._note("02-labour-disclosure", sent)
        view = await self._opened(LABOUR, sent["sent"][0]["message"])
        story.expect("the release guard checked it", holds=bool(view and view["guarded"]))
        if view:
            paragraphs = view["sections"]["a01.1.narrative"]["narrative"].split("\n\n")
            words = next((p for p in paragraphs if "V-" in p), paragraphs[0])
            story.console.print(
                Panel(Text(words[:700] + " …"), title="what the inspectorate reads", title_align="left")
            )

    async def _referral(self) -> None:
        story = self.story
        story.step("A redacted referral that still proves who sent it")
        sent = await self._send("03-referral-adult", SHELTER)
        self._note("03-referral-adult", sent)
        view = await self._opened(SHELTER, sent["sent"][0]["message"])
        story.expect(
            "it verifies under the police contact's signature",
            holds=bool(view and view["signature"] == "holds" and view["from"] == f"{POLICE}/desk"),
        )
        story.expect(
            "it names the kinds that were withheld",
            holds=bool(view and "A24/sealed" in view["withheld"]),
            detail=", ".join(view["withheld"]) if view else "",
        )
        if view:
            note = view["sections"]["a22.1.notes"]["indicators"][0]["note"]
            story.console.print(
                Panel(Text(note), title="one of the notes, as the shelter reads it", title_align="left")
            )
        child = await self._send("05-referral-child", SHELTER)
        self._note("05-referral-child", child)

    async def _statistics(self) -> None:
        story = self.story
        story.step("Statistics to the national rapporteur")
        sent = await self._send("04-statistics-return", RAPPORTEUR)
        self._note("04-statistics-return", sent)
        view = await self._opened(RAPPORTEUR, sent["sent"][0]["message"])
        cells = [s["value"] for s in _of_kind(view, "A28/statistics")] if view else []
        story.expect("no cell counts fewer than eleven people", holds=bool(cells) and min(cells) >= 11)

    async def _alert(self) -> None:
        story = self.story
        story.step("A person in danger: urgent, and still two people")
        sent = await self._send("09-person-in-danger", PROSECUTOR, FOREIGN)
        self._note("09-person-in-danger", sent)
        held = [s["message"] for s in sent["sent"] if s["state"] == "held"]
        for message in held:
            await self._release(message)
            view = await self._opened(PROSECUTOR, message)
            story.expect("it arrived on the urgent lane", holds=bool(view and view["urgency"] == "ISD-URGENT-DIRECT"))

    async def _read(self, address: str, message: str) -> dict[str, Any]:
        """What this contact reads of a message, fetched and opened by hand as at a desk."""
        party, contact = address.split("/")
        who = ("--home", str(self.made.party(party)), "--as", contact, "--json")
        for _ in range(TRIES):  # a busy machine may need longer than one look at what has come
            code, text, error = await self._typed("inbox", "list", *who)
            if code:
                raise DependencyError(f"The demonstration's own command failed: {error.strip()}")
            for row in json.loads(text):
                if row["state"] == "new":
                    read = await self._command("inbox", "open", row["view"], *who)
                    if read["message"] == message:
                        return read
        raise DependencyError("The demonstration's own message did not arrive.")

    async def _questions(self) -> None:
        """The other directions: inspectors tell, a prosecutor asks and is answered."""
        story = self.story
        story.step("Others speak: the inspectors tell, the prosecutor asks, the police answer")
        for case in ("10-inspectors-screening", "18-inspection-finding"):
            sent = await self._send(case, DESK, sender=LABOUR)
            self._note(case, sent)
            view = await self._read(DESK, sent["sent"][0]["message"])
            story.expect("the inspectorate's own release guard checked it", holds=bool(view["guarded"]))
        asked = await self._send("14-question-to-the-police", DESK, sender=PROSECUTOR)
        self._note("14-question-to-the-police", asked)
        question = await self._read(DESK, asked["sent"][0]["message"])
        story.say(f"  the police read: {question['sections']['cover']['requested']}", "dim")
        answer = self.cases / "15-answer-to-the-prosecutor.json"
        case = json.loads(answer.read_text(encoding="utf-8"))
        case["cover"]["in_reply_to"] = asked["sent"][0]["message"]
        answer.write_text(json.dumps(case, ensure_ascii=False), encoding="utf-8")
        told = await self._send("15-answer-to-the-prosecutor", PROSECUTOR)
        self._note("15-answer-to-the-prosecutor", told)
        read = await self._opened(PROSECUTOR, told["sent"][0]["message"])
        story.expect(
            "the answer names the question, and says that it may be evidence with consent",
            holds=bool(read and read["sections"]["cover"]["in_reply_to"] == asked["sent"][0]["message"]),
        )

    async def _evidence(self) -> None:
        """Exhibits, and money that nobody else may hear of."""
        story = self.story
        story.step("Exhibits with their custody, and financial intelligence under its unit's consent")
        exhibits = await self._send("17-exhibits", PROSECUTOR)
        self._note("17-exhibits", exhibits)
        money = await self._send("16-asset-trace", PROSECUTOR, sender=ANALYSTS)
        self._note("16-asset-trace", money)
        views = [await self._opened(PROSECUTOR, s["sent"][0]["message"]) for s in (exhibits, money)]
        story.expect("the prosecutor has the exhibit, its custody and the report", holds=all(views))
        code, _, error = await self._typed(
            *("send", str(self.cases / "16-asset-trace.json"), "--to", LABOUR),
            *("--home", str(self.made.party(ANALYSTS.split("/")[0])), "--as", ANALYSTS.split("/")[1]),
        )
        story.expect(
            "the unit cannot send it to the inspectorate: the two do not even know of each other",
            holds=code == 2 and "no designated contact" in error,
        )
        types = {kind.split("/")[0] for m in story.messages for kind in m["granted"]} - {"cover"}
        story.expect(f"{TYPES_SHOWN} data types or more have travelled", holds=len(types) >= TYPES_SHOWN)
        story.expect(f"in {KINDS_SHOWN} kinds of message or more", holds=len(self.kinds) >= KINDS_SHOWN)
        story.say(f"  {len(types)} types: {', '.join(sorted(types))}", "dim")
        story.say(f"  {len(self.kinds)} kinds: {', '.join(sorted(self.kinds))}", "dim")

    async def _rogue(self, attack: str, case: str, to: str, *extra: str) -> list[dict[str, Any]]:
        words = ("rogue", attack, "--home", str(self.made.party(POLICE)), "--case", str(self.cases / f"{case}.json"))
        code, text, error = await asyncio.to_thread(
            partial(self.warm.run, (*words, "--to", to, *extra), script=self.example / "actors.py")
        )
        if code:
            raise DependencyError(f"The rogue adapter itself failed ({attack}): {error.strip()[-200:]}")
        return [json.loads(line) for line in text.splitlines()]

    async def _refusals(self) -> None:
        story = self.story
        story.step("What must not pass: a rogue adapter with real keys")
        story.say("It holds the police unit's keys and login, and sends what its own planning would never make.")
        for attack, case, to, words, expected in ATTACKS:
            (line,) = await self._rogue(attack, case, to)
            self._refused(line, words, expected)

    def _refused(self, line: dict[str, Any], words: str, expected: str) -> None:
        answer = line["answer"] or {}
        code = answer.get("code")
        reasons = answer.get("rules") or ([code] if code else [])
        holds = answer.get("type") == "SubmissionRejection" and expected in reasons
        self.story.refusals.append(
            {"attack": line["attack"], "message": line["message"], "decision": "refuse", "rules": reasons}
        )
        self.story.expect(f"refused: {words}", holds=holds)
        self.story.say(f"      {says(expected)} [{expected}]", "dim")

    async def _replay(self) -> None:
        story = self.story
        story.step("Repeats and replays")
        lines = await self._rogue(
            "replay", "06-communications-update", PROSECUTOR, "--other", str(self.made.party("labour-inspectorate"))
        )
        found = {line["attack"]: line for line in lines}
        repeat = found["repeat"]["answer"] or {}
        story.expect(
            "the same bytes again: the first evidence, marked repeated, and nothing new delivered",
            holds=repeat.get("type") == "SubmissionAcceptance" and repeat.get("repeated") is True,
        )
        self._refused(found["same-id-other-bytes"], "the same id with other content", "replayed")
        self._refused(found["replayed-by-another-agency"], "another agency hands in what the police signed", "replayed")

    async def _killed(self) -> None:
        story = self.story
        story.step(f"The broker is killed while {BUSY} messages are on their way")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(self.example / "actors.py"), "busy", str(BUSY)),
            *("--home", str(self.made.party(POLICE)), "--to", PROSECUTOR),
            *("--case", str(self.cases / "08-organisations.json")),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout is not None and self.broker is not None  # noqa: S101
        lines: list[dict[str, Any]] = []
        killed = False
        async for raw in process.stdout:
            lines.append(json.loads(raw))
            if len(lines) == BUSY // 3 and not killed:
                killed = True
                self.broker.send_signal(signal.SIGKILL)
                await asyncio.to_thread(self.broker.wait)
                story.say(
                    f"SIGKILL after {len(lines)} answers: broker and server are gone, without a chance to tidy up."
                )
                await self._start_broker()
                story.say("Started again on the same files.")
        await process.wait()
        accepted = {line["message"] for line in lines if line["state"] == "accepted"}
        story.expect(
            "every message was accepted in the end", holds=killed and len(accepted) == BUSY, detail=f"{len(accepted)}"
        )
        self.busy = accepted
        await self._wait_for(PROSECUTOR, accepted)
        arrived = [v["message"] for v in self._views(PROSECUTOR) if v.get("message") in accepted]
        story.expect(
            "each was delivered exactly once: nothing lost, nothing doubled",
            holds=len(arrived) == BUSY and len(set(arrived)) == BUSY,
            detail=f"{len(arrived)} views of {len(set(arrived))} messages",
        )
        sample = lines[0]
        for recipient in sample["recipients"]:
            self._tell("08-organisations", sample, recipient)
            story.messages[-1]["times"] = len(accepted)

    async def _collected(self) -> None:
        """Every retrieval evidence has reached the broker before the curtain falls."""
        self.story.step("Every opening was signed before the text was shown")
        for address in RECIPIENTS:
            journal = Journal(self.made.party(address.split("/")[0]) / "journal.db")
            try:
                await _until(partial(_all_sent, journal), 20)
                opened = [i for i in journal.incoming() if i.state == "opened"]
                self.story.say(f"  {address}: {len(opened)} retrievals signed")
            finally:
                journal.close()

    async def _revoked(self) -> None:
        """Two officers revoke a contact while everybody is connected."""
        story = self.story
        story.step("Two officers revoke a contact: the door closes within seconds")
        now = clock()
        state, decided = practice.published(self.out / "officers" / "work")
        agency = next(a for a in decided.agencies.values() if a.name == FOREIGN.split("/")[0])
        contacts = [
            c.model_copy(update={"mandates": tuple(m.model_copy(update={"revoked": now}) for m in c.mandates)})
            if c.name == FOREIGN.split("/")[1]
            else c
            for c in decided.contacts[agency.handle]
        ]
        epoch = practice.publish(self.out, decided.with_contacts(agency.handle, contacts), now).epoch
        await _until(lambda: self._logged("doors-closed", "connections"), 3 * IN_FORCE)
        seconds = (clock() - now) / 1000
        story.expect(
            f"epoch {state.epoch} became {epoch}, and its open connection was closed",
            holds=seconds < IN_FORCE,
            detail=f"{seconds:.1f} s",
        )
        await _until(lambda: self._logged("login-refused", "code"), 30)
        story.expect("it cannot come back", holds=True)
        story.expect("the others go on undisturbed", holds=all(a.poll() is None for a in self.adapters))
        sent = await self._send("08-organisations", PROSECUTOR, FOREIGN)
        story.expect(
            "the next message reaches the prosecutor, and nobody at the foreign desk",
            holds=[r["recipient"] for s in sent["sent"] for r in s["recipients"]] == [PROSECUTOR]
            and [r["recipient"] for r in sent["refused"]] == [FOREIGN],
        )
        for refused in sent["refused"]:
            self._tell("08-organisations", None, refused)

    def _logged(self, event: str, name: str) -> bool:
        """Whether the broker has logged an event in which `name` is more than nothing."""
        lines = (self.logs / "broker.log").read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines if f'"{event}"' in line]
        return any(value.get("event") == event and value.get(name) for value in found)

    # the proof

    async def _proof(self) -> dict[str, Any]:
        story = self.story
        story.step("The officer exports the log and checks it without trusting the broker")
        officer = self.out / "officer"
        log = officer / "log"
        code, text, error = await self._typed("audit", "export", str(log), "--home", str(self.made.broker))
        if code:
            raise DependencyError(f"The log could not be exported: {error.strip()}")
        story.say(text.splitlines()[0])
        code, text, _ = await _process(sys.executable, "-m", "audit", "verify", str(log))
        (officer / "verify.txt").write_text(text, encoding="utf-8")
        story.console.print(Text(text.strip(), style="dim"))
        story.expect("the log holds", holds=code == 0)
        story.step("One record is altered, and the alteration is found")
        forged = officer / "log-altered"
        shutil.copytree(log, forged)
        self._alter(forged / "records.jsonl")
        code, text, _ = await _process(sys.executable, "-m", "audit", "verify", str(forged))
        (officer / "verify-altered.txt").write_text(text, encoding="utf-8")
        broken = next((line for line in text.splitlines() if "BROKEN" in line.upper() or "break" in line.lower()), "")
        story.expect("the altered record is found and named", holds=code == 1, detail=broken.strip())
        story.step("Looking for the victims in everything the broker and the others hold")
        self._search()
        head = (log / "checkpoint").read_text(encoding="utf-8")
        origin, size, root = head.splitlines()[:3]
        story.console.print(
            Panel(
                f"log {origin}: {size} leaves, root {root}\nwhat every party holds: {self.out}/",
                title="The end",
                title_align="left",
            )
        )
        return {"origin": origin, "size": int(size), "root": root}

    @staticmethod
    def _alter(path: Path) -> None:
        """Change one rule in one record, as a dishonest operator would."""
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            value = json.loads(line)
            record = base64.b64decode(value["record"])
            if b"permitted" in record:
                value["record"] = base64.b64encode(record.replace(b"SC-60", b"SC-61")).decode()
                if base64.b64decode(value["record"]) != record:
                    lines[number] = json.dumps(value)
                    break
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _search(self) -> None:
        expected = yaml.safe_load((self.example / "expected.yaml").read_text(encoding="utf-8"))
        needles = practice.sought(map(str, expected["search_for"])).values()
        places = {
            "the NATS store": [self.made.broker / "nats"],
            "the broker's files": [self.made.broker],
            "every log output": [self.logs],
            "the shelter's folder": [self.made.party("wrenfold-support")],
            "the rapporteur's folder": [self.made.party("national-rapporteur")],
            "the inspectorate's folder": [self.made.party("labour-inspectorate")],
            "the exported log": [self.out / "officer"],
        }
        for name, folders in places.items():
            files = [p for folder in folders for p in folder.rglob("*") if p.is_file()]
            hits = sum(bool(n.search(data)) for p in files for data in (p.read_bytes(),) for n in needles)
            self.story.expect(
                f"no victim's name, phone or document in {name}",
                holds=bool(files) and not hits,
                detail=f"{len(needles)} strings, {len(files)} files",
            )

    # what arrived

    def _views(self, address: str) -> list[dict[str, Any]]:
        folder = self.made.party(address.split("/")[0]) / "inbox"
        return [json.loads(p.read_text(encoding="utf-8")) for p in sorted(folder.glob("*.json"))]

    async def _wait_for(self, address: str, messages: set[str]) -> None:
        await _until(lambda: messages <= {v.get("message") for v in self._views(address)}, 60)

    async def _opened(self, address: str, message: str) -> dict[str, Any] | None:
        await self._wait_for(address, {message})
        return next((v for v in self._views(address) if v.get("message") == message), None)


def _of_kind(view: dict[str, Any] | None, kind: str) -> Iterator[dict[str, Any]]:
    if view is not None:
        for name, found in view["kinds"].items():
            if found == kind:
                yield view["sections"][name]


def _listed(kinds: Sequence[str]) -> str:
    counts: dict[str, int] = {}
    for kind in kinds:
        counts[kind] = counts.get(kind, 0) + 1
    return ", ".join(f"{kind} ×{n}" if n > 1 else kind for kind, n in counts.items())


def _all_sent(journal: Journal) -> bool:
    return not journal.unsent_retrievals()


async def _process(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    text, error = await process.communicate()
    return process.returncode or 0, text.decode(), error.decode()


async def _until(condition: Any, seconds: float) -> None:
    """Look until it is so, or raise `DependencyError`."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110  another process does it; there is nothing here to be woken by
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise DependencyError("Something that had to arrive did not; the demonstration stops here.") from None
