"""People of the demonstration who do not go through the ordinary command: a rogue adapter, and a busy one.

Run as a process of its own, with the keys and the NATS login of a real agency: what an insider or a stolen machine has.
It prints one JSON line for each submission, with what the broker answered.

    python actors.py rogue ATTACK --home POLICE [--other HOME] --case FILE
    python actors.py busy COUNT --home POLICE --case FILE --to ADDRESS
"""

import argparse
import asyncio
import json
import secrets
import sys
from dataclasses import replace
from pathlib import Path

from adapters.casefile import read_file
from adapters.client import AgencyClient, Sent, connect
from adapters.home import ContactKeys, clock
from adapters.planning import MessagePlan
from cli.common import passphrase, quiet_logs
from cli.show import sent_json
from keys import composing
from keys.domains import KeyKind
from keys.signing import Signer
from keys.unlocking import Passphrase
from messages.envelope import Envelope
from messages.evidence import Evidence
from messages.ids import message_text
from messages.labels import Flag
from messages.limits import DAY


def forced(plan: MessagePlan) -> MessagePlan:
    """Everything granted to everybody, whatever the rules said."""
    everything = tuple(s.name for s in plan.sections)
    return replace(plan, recipients=tuple(replace(r, granted=everything) for r in plan.recipients))


async def plan_one(agency: AgencyClient, case: Path, to: str, **header: object) -> MessagePlan:
    """One message for one recipient, also where the planner would refuse it."""
    read = read_file(case)
    planner = agency._planner(read)
    contact = agency.home.bundle.directory.find(to)
    owner = agency.home.bundle.directory.agency_of(contact)
    now = clock()
    identifier = composing.new_message_id()
    guarded = planner._guarded(read, owner, contact, identifier, now)
    message = planner._message(read, identifier, [(owner, [contact])], now, guarded=guarded)
    message = replace(message, header=replace(message.header, **header))  # type: ignore[arg-type]
    if not message.recipients[0].agreement:
        agreements = planner.agreements
        message = replace(message, recipients=tuple(replace(r, agreement=agreements[0]) for r in message.recipients))
    return message


def report(name: str, message: bytes, answer: tuple[Evidence, bool] | None) -> None:
    """One JSON line on standard output."""
    line: dict[str, object] = {"attack": name, "message": message_text(message), "answer": None}
    if answer is not None:
        evidence, repeated = answer
        line["answer"] = {
            "type": evidence.type.value,
            "code": evidence.code,
            "repeated": repeated,
            "rules": sorted({r for o in evidence.outcomes for r in o.rules if o.outcome.value == "refused"}),
        }
    print(json.dumps(line), flush=True)


async def hand_in(agency: AgencyClient, name: str, envelope: Envelope | bytes, message: bytes) -> None:
    """Submit past the journal, and report."""
    data = envelope if isinstance(envelope, bytes) else envelope.to_bytes()
    report(name, message, await agency.hand_in(data))


async def compose(agency: AgencyClient, message: MessagePlan) -> Envelope:
    """The ordinary way: sealed, attested by the guard where the plan says so, signed."""
    return await agency.compose(message)


async def unguarded(agency: AgencyClient, message: MessagePlan) -> Envelope:
    """Sealed by the sender itself: the guard never sees it."""
    return await agency.compose(replace(message, guarded=False))


async def rogue(options: argparse.Namespace) -> None:
    """One attack."""
    home, case, to = Path(options.home), Path(options.case), options.to
    secret = passphrase(home)
    async with connect(home, options.contact, secret) as agency:
        attack = options.attack
        if attack == "undesignated":
            stranger = Signer(KeyKind.CONTACT, "c" + "stranger2222", secrets.token_bytes(32))
            agency.keys = ContactKeys(agency.keys.contact, stranger, (), agency.keys.nkey_seed)
            message = await plan_one(agency, case, to, sender=stranger.handle)
            await hand_in(agency, attack, await compose(agency, message), message.header.id)
        elif attack == "expired-mandate":
            former = agency.home.unlock(options.former)
            message = await plan_one(agency, case, to, sender=former.contact.handle)
            agency.keys = former
            await hand_in(agency, attack, await compose(agency, forced(message)), message.header.id)
        elif attack in ("type-not-agreed", "identity-without-consent"):
            message = await plan_one(agency, case, to)
            await hand_in(agency, attack, await compose(agency, forced(message)), message.header.id)
        elif attack == "unattested":
            message = await plan_one(agency, case, to)
            await hand_in(agency, attack, await unguarded(agency, message), message.header.id)
        elif attack == "mislabelled":
            message = forced(await plan_one(agency, case, to))
            harmless = tuple(replace(s, flags=tuple(f for f in s.flags if f is Flag.QUASI)) for s in message.sections)
            await hand_in(agency, attack, await compose(agency, replace(message, sections=harmless)), message.header.id)
        elif attack == "stale":
            old = clock() - 8 * DAY
            message = await plan_one(agency, case, to, created=old, expires=old + 30 * DAY)
            await hand_in(agency, attack, await compose(agency, message), message.header.id)
        else:
            await tampered(agency, options, secret)


async def tampered(agency: AgencyClient, options: argparse.Namespace, secret: Passphrase) -> None:
    """Attacks on a genuine message: its signature, its ciphertext, its id."""
    attack = options.attack
    message = await plan_one(agency, Path(options.case), options.to)
    genuine = await compose(agency, message)
    identifier = message.header.id
    if attack == "forged-signature":
        wrong = bytes([genuine.signature[0] ^ 1]) + genuine.signature[1:]
        await hand_in(agency, attack, replace(genuine, signature=wrong), identifier)
    elif attack == "altered-ciphertext":
        name, sealed = next(iter(genuine.sections.items()))
        flipped = sealed[:-1] + bytes([sealed[-1] ^ 1])
        await hand_in(agency, attack, replace(genuine, sections={**genuine.sections, name: flipped}), identifier)
    elif attack == "replay":
        data = genuine.to_bytes()
        await hand_in(agency, "genuine", data, identifier)
        await hand_in(agency, "repeat", data, identifier)
        later = await compose(
            agency, replace(message, header=replace(message.header, expires=message.header.expires + 1))
        )
        await hand_in(agency, "same-id-other-bytes", later, identifier)
        async with connect(Path(options.other), options.other_contact, secret) as other:
            await hand_in(other, "replayed-by-another-agency", data, identifier)
    else:
        sys.exit(f"there is no attack {attack}")


async def busy(options: argparse.Namespace) -> None:
    """Send one case many times, going on through whatever happens to the broker."""
    home = Path(options.home)
    case = read_file(Path(options.case))
    async with connect(home, options.contact, passphrase(home)) as agency:
        waiting = asyncio.Semaphore(8)

        async def one() -> Sent:
            async with waiting:
                (message,) = agency.plan(case, [options.to]).messages
                return await agency.submit(await agency.compose(message), message)

        for done in asyncio.as_completed([asyncio.create_task(one()) for _ in range(options.count)]):
            sent = await done
            print(json.dumps(sent_json(agency.home.bundle.directory, sent)), flush=True)


def main() -> None:
    """Read the command line and act."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    commands = parser.add_subparsers(dest="command", required=True)
    attacker = commands.add_parser("rogue")
    attacker.add_argument("attack")
    many = commands.add_parser("busy")
    many.add_argument("count", type=int)
    for sub in (attacker, many):
        sub.add_argument("--home", required=True)
        sub.add_argument("--contact", default="desk")
        sub.add_argument("--case", required=True)
        sub.add_argument("--to", required=True)
    attacker.add_argument("--former", default="former-liaison")
    attacker.add_argument("--other")
    attacker.add_argument("--other-contact", default="inspections")
    options = parser.parse_args()
    quiet_logs()
    asyncio.run(rogue(options) if options.command == "rogue" else busy(options))


if __name__ == "__main__":
    main()
