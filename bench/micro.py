"""Single functions, in this process: the best mean of several rounds, because whatever disturbs a round slows it."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from adapters import ner
from adapters.casefile import complete, complete_known, read_file
from adapters.home import Home, clock
from adapters.known import known_persons, suspects, to_identity
from adapters.receiving import Receiver
from audit.checkpoint import Checkpoint, VerifierKey, sign_checkpoint
from audit.tree import FileStore, Tree, leaf_hash
from bench import world
from bench.figures import Figure, Target, resident
from bench.world import Bench
from broker.admit import admit
from broker.sequencer import BATCH, LeafIndex
from cli import practice
from keys import composing
from keys.domains import Tag
from keys.sealing import DecryptionKey
from keys.signing import check
from messages import wire
from messages.attestations import Papers
from messages.catalogue import load as load_catalogue
from messages.ids import ContactHandle
from messages.labels import Flag, Kind, PartyClass, Purpose, Role
from policies import judge as judging
from policies.agreements import read_all
from policies.decide import HOUSE, Engine, packaged_texts
from policies.facts import Facts
from policies.redaction.engine import Matcher
from policies.redaction.errors import NetMissing, RedactionError
from policies.words import BOOLEANS

ROUNDS = 9


def best(call: Callable[[Any], object], items: Sequence[Any], rounds: int = ROUNDS) -> float:
    """Microseconds for one `call` over `items`: the best round's mean, after one to warm up (0: that one)."""
    means = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        for item in items:
            call(item)
        means.append((time.perf_counter() - start) / len(items) * 1e6)
    return min(means[1:] or means)


def core(bench: Bench, count: int) -> list[Figure]:
    """The broker's pure core and its parts, over distinct messages."""
    messages = world.compose_many(bench, count)
    envelopes = [wire.decode(m) for m in messages]
    state, agency, now = bench.world, bench.sender.contact.agency, clock()
    verifying = best(
        lambda e: check(bench.sender.contact.signing_key, Tag.MANIFEST, e.manifest_bytes, e.signature), envelopes
    )
    signing = best(lambda e: state.worker.signature(Tag.ENTRY, e.manifest_bytes), envelopes)
    admitting = best(lambda m: admit(m, agency, state, now), messages)
    if not admit(messages[0], agency, state, now).views:
        raise AssertionError("the measured message is permitted")
    return [
        Figure("admit", "admit, 3 kB, one recipient", admitting, "µs", Target("<=", 150)),
        Figure("verify", "of that, one Ed25519 verify", verifying, "µs"),
        Figure("sign", "of that, each of three Ed25519 signatures", signing, "µs"),
        Figure("admit-in-verifies", "admit, counted in Ed25519 verifies", admitting / verifying, "x", Target("<=", 3)),
        Figure("decode", "wire.decode", best(wire.decode, messages), "µs"),
        Figure("message-bytes", "size of the message", float(len(messages[0])), "bytes"),
    ]


def sealing(bench: Bench, count: int) -> list[Figure]:
    """Seal four sections for five recipients; open one view with every check."""
    plan = bench.plan
    drafts = [replace(plan.sections[0], name=f"a05.{n}.event") for n in range(1, 5)]
    agreement = plan.recipients[0].agreement
    assert agreement is not None
    keys = [DecryptionKey(random.randbytes(96)).public for _ in range(5)]
    names = [ContactHandle("c" + letter * 12) for letter in "abcde"]

    def seal(_: object) -> object:
        header = replace(plan.header, id=composing.new_message_id())
        sections = world.seal_drafts(header, drafts)
        grants = [
            composing.grant(
                header.id,
                header.sender,
                sections,
                recipient=recipient,
                agreement=agreement.id,
                public=public,
                thread=header.id,
            )
            for recipient, public in zip(names, keys, strict=True)
        ]
        return composing.sign_envelope(bench.sender.signer, header, sections, grants).to_bytes()

    state, now = bench.world, clock()
    agency = bench.sender.contact.agency
    deliveries = [admit(m, agency, state, now).views[0].data for m in world.compose_many(bench, count)]
    home = Home.open(bench.folder / world.PROSECUTOR, bench.passphrase, url="unused")
    recipient = home.unlock(world.TO.partition("/")[2])
    receiver = Receiver(
        bundle=home.bundle,
        agreements={a.id: a for a in read_all(home.bundle.agreements.items())},
        engine=Engine.load(),
        catalogue=load_catalogue(),
    )
    opening = best(lambda d: receiver.open(d, recipient.contact, recipient.decryption), deliveries)
    return [
        Figure("seal", "seal 4 sections for 5 recipients", best(seal, range(count)) / 1000, "ms", Target("<=", 1)),
        Figure("open", "open one view, all seven steps", opening, "µs", Target("<=", 250)),
    ]


def deciding(bench: Bench, count: int) -> list[Figure]:
    """One decision: remembered, and asked of the rules anew."""
    state, now = bench.world, clock()
    verified = wire.decode(world.compose(bench).to_bytes())
    detail = composing.seal(
        verified.manifest.id,
        name="a05.1.event",
        data_type="A05",
        part="event",
        media="application/json",
        roles=bench.plan.sections[0].roles,
        flags=bench.plan.sections[0].flags,
        plaintext=b"{}",
    ).detail
    agreement = bench.plan.recipients[0].agreement

    def judged(_: object) -> judging.Judgement:
        return judging.judge(
            manifest=verified.manifest,
            sender=bench.sender.contact,
            recipient=bench.recipient,
            sections=[detail],
            attested=lambda _: None,
            papers=Papers(),
            searched=0,
            agreement=agreement,
            directory=state.bundle.directory,
            engine=state.engine,
            catalogue=state.catalogue,
            admitted=now,
        )

    facts = judged(None).decisions[0][1]
    asked, others = Engine.of(packaged_texts()), iter(_varied(facts, (ROUNDS + 1) * count))
    rounds = []
    for _ in range(ROUNDS + 1):
        new = list(islice(others, count))
        rounds.append(best(asked.decide, new, 0))
    afresh = best(lambda _: state.engine.decide_afresh(facts), range(count), 3)
    return [
        Figure("judge", "facts and decision of one section", best(judged, range(count)), "µs"),
        Figure(
            "decide", "decide, facts seen before", best(lambda _: state.engine.decide(facts), range(count)), "µs",
            Target("<=", 2),
        ),
        Figure("decide-new", "decide, facts not seen before", min(rounds[1:]), "µs", Target("<=", 150)),
        Figure("decide-first", f"decide, the first {count} ever asked", rounds[0], "µs"),
        Figure(
            "decide-afresh", "decide, all rules asked at once", afresh, "µs",
            note=f"{len(state.engine.rules) - len(HOUSE)} rules",
        ),
    ]  # fmt: skip


def _varied(facts: Facts, count: int) -> list[Facts]:
    """Facts that differ from these and from each other, in words and in up to four booleans, as no traffic does."""
    chance = random.Random(20260101)  # the same facts in every run
    found: dict[Facts, None] = {}
    while len(found) < count:
        turned = {name: not getattr(facts, name) for name in chance.sample(BOOLEANS, chance.randint(0, 4))}
        found[
            replace(
                facts,
                kind=chance.choice(list(Kind)),
                purpose=chance.choice(list(Purpose)),
                recipient_class=chance.choice(list(PartyClass)),
                roles=frozenset(chance.sample(list(Role), chance.randint(0, 2))),
                flags=frozenset(chance.sample(list(Flag), chance.randint(0, 3))),
                **turned,
            )
        ] = None
    return list(found)


def redaction(rounds: int) -> list[Figure]:
    """Operation Orchid's narratives: with the persons of one case known, with those of all, and with the model."""
    example, catalogue, now = practice.example_folder(), load_catalogue(), clock()
    cases: list[list[dict[str, Any]]] = []
    for path in sorted((example / "cases").glob("*.json")):
        case = read_file(path)
        message = composing.new_message_id()
        cases.append(complete(case, message, now, catalogue) + complete_known(case, message, now, catalogue))
    everyone = [one for objects in cases for one in objects]
    people = known_persons(everyone)
    identities = tuple(to_identity(p, f"V-{n:04}-PERSON") for n, p in enumerate(people))
    kept = suspects(everyone, catalogue)
    start = time.perf_counter()
    matcher = Matcher(identities, kept)
    making = (time.perf_counter() - start) * 1000
    texts, refused = [], 0
    for path in sorted((example / "narratives").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        try:
            matcher.redact(text)
            texts.append(text)
        except RedactionError:
            refused += 1
    size = sum(len(t.encode()) for t in texts) / len(texts)
    redacting, searching = (
        size / best(call, texts, rounds) for call in (matcher.redact, lambda text: matcher.search(text, strict=True))
    )
    note = f"{len(people)} known persons, {len(texts)} narratives, {refused} refused whole"
    of_one = max((known_persons(objects) for objects in cases), key=len)
    one_case = tuple(to_identity(p, f"V-{n:04}-PERSON") for n, p in enumerate(of_one))
    with_one = size / best(Matcher(one_case, kept).redact, texts, rounds)
    figures = [
        Figure(
            "redact-case",
            "redaction, the known persons of one case: redact and search again",
            with_one,
            "MB/s",
            Target(">=", 0.5),
            f"{len(of_one)} known persons, the case with most",
        ),
        Figure("redact", "redaction, those of all cases at once", redacting, "MB/s", Target(">=", 0.5), note),
        Figure("search", "the guard's strict search alone", searching, "MB/s", note=note),
        Figure("matcher", f"making ready for {len(people)} known persons", making, "ms"),
    ]
    try:
        net = ner.load()
    except NetMissing:  # the extra is not installed: nothing to measure
        return figures
    with_net = 1000 * size / best(Matcher(one_case, kept, net).redact, texts, min(rounds, 3))
    return [*figures, Figure("redact-net", "redaction with the model", with_net, "kB/s", Target(">=", 30))]


WHOLE: Final = 1_000_000
"""Leaves up to which each batch is signed and indexed, as the sequencer does; beyond, only the tree grows."""
HURRIED: Final = 20_000
"""Leaves of a batch beyond."""


def auditing(bench: Bench, folder: Path, sizes: Sequence[int], step: Callable[[str], None]) -> list[Figure]:
    """The log's projection as the sequencer keeps it: tree, fsync, index and signed head for every batch of entries."""
    folder.mkdir()
    store, index = FileStore(folder / "tree"), LeafIndex(folder / "leaves.db")
    tree = Tree(store)
    operator, signer = bench.broker.bundle.directory.operator, bench.broker.log_signer
    key = VerifierKey.parse(operator.log_vkey)
    figures: list[Figure] = []
    rates: list[float] = []
    entry = 2  # leaves: one for the submission, one for its recipient
    before = 0.0
    for size in sizes:
        step(f"log of {size:,} leaves")
        whole = size <= WHOLE
        before = resident()
        while tree.size < size:
            first = tree.size
            leaves = [random.randbytes(32) for _ in range(min(entry * BATCH if whole else HURRIED, size - first))]
            start = time.perf_counter()
            tree.extend(leaves)
            store.sync()
            if whole:
                index.add(first, [leaf_hash(leaf) for leaf in leaves])
                sign_checkpoint(Checkpoint(origin=key.name, size=tree.size, root=tree.root()), key, signer.sign_note)
                rates.append(len(leaves) / entry / (time.perf_counter() - start))
        if not figures:
            rates.sort()
            figures.append(
                Figure(
                    "append",
                    "log: entries of two leaves, fsync and signed head each 400",
                    rates[len(rates) // 2],
                    "entries/s",
                    Target(">=", 10_000),
                    "the median batch",
                )
            )
        places = [random.randrange(size) for _ in range(500)]
        proving = best(tree.inclusion_proof, places, 3) / 1000
        target = Target("<=", 1)
        figures.append(Figure(f"proof-{size}", f"inclusion proof, {size:,} leaves", proving, "ms", target))
    if len(sizes) > 1:
        grown, says = resident() - before, f"memory, from {sizes[-2]:,} leaves to {sizes[-1]:,}"
        figures.append(Figure("log-memory", says, max(0.0, grown), "MB", Target("<=", 10)))
    store.close()
    index.close()
    return figures
