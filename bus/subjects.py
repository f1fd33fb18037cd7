"""Every subject and stream, and who may touch each. Pure: no connection, no clock.

| Subject                                      | Stream  | Published by          | Read by                          |
|----------------------------------------------|---------|-----------------------|----------------------------------|
| `submit.<agency>.<kind>`                     | SUBMIT  | that agency           | broker workers                   |
| `entry.<agency>.<key>`                       | FLOW    | broker workers        | broker workers, sequencer        |
| `deliver.<agency>.<contact>.<lane>.<view>`   | FLOW    | broker workers        | that contact, by its consumers   |
| `holding.<consent>.<view>`                   | FLOW    | broker workers        | broker workers                   |
| `log.leaf`                                   | LOG     | sequencer             | sequencer, proofs, fsck          |
| `record.<index>`                             | RECORDS | sequencer             | proofs, search                   |
| `dead.<agency>.<kind>.<digest>`              | DEAD    | broker workers        | the operator's command           |
| `head`                                       | HEADS   | sequencer             | proofs, witnesses                |
| `final`                                      | HEADS   | broker                | adapters, exports                |
| `file.<agency>.<object>.<part>`              | FILES   | broker workers        | broker workers                   |
| `answer.<agency>`                            | none    | broker workers        | that agency                      |
| `ask.<agency>.<verb>`                        | none    | that agency, as a request | broker workers               |

A `<part>` is `head`, or the number of a chunk. A `<kind>` is `message`, `urgent` (a message that asks to be taken
first), `retrieval` (signed retrieval evidence), `statement` (a signed key statement), `withdrawal` (of a consent),
`erasure` (what became of a copy), `leak` (that something was kept aside), `acknowledgement` (of a view), `recall` (of a
message) or `alarm` (of an adapter). The `<agency>` of an entry is the word `operator` where no agency submitted
anything (a step of a ceremony, a new epoch), and for a withdrawn consent, which counts once for everybody; a step of a
delivery stands under the agency that sent the message.

**Two accounts.** Workers and all streams live in the account BROKER; agencies live in AGENCIES, which has no
JetStream and imports from BROKER exactly the subjects of the table. The reason: a server's reply (a PubAck, a pulled
view, "404 no messages") is published to whatever subject the asker named as reply, *past the asker's permissions*. In
one account an agency could so write into `log.leaf`, which nobody can delete from, into `entry.…`, or into another's
`submit.…`. An account border holds such a reply on the agencies' side, where it can reach only another agency's inbox
or `answer.…`; readers there drop whatever has the wrong shape or no worker's signature, and count it.

Two more accounts keep the door. AUTH holds nothing but the service that the server asks about every login
(`callout.py`); SYS is the server's own, in which `doorkeeper.py` lists and cuts connections, and may do nothing else.

Handles only: every function that makes a subject checks each token, so a dot, a space or a wildcard never gets into
one. Workers and the sequencer share one kind of login in v1; that only one sequencer writes is the store's doing, by
compare-and-set.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from bus import bounds
from messages.errors import LocalError
from messages.ids import AgencyHandle, ContactHandle, ViewId

Lane = Literal["urgent", "normal"]
Kind = Literal[
    "message", "urgent", "retrieval", "statement", "withdrawal", "erasure", "leak", "acknowledgement", "recall", "alarm"
]
Account = Literal["BROKER", "AGENCIES", "AUTH", "SYS"]

LANES: Final[tuple[Lane, ...]] = ("urgent", "normal")  # in the order in which a reader drains them
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
OPERATOR: Final = AgencyHandle("operator")  # stands for the agency in entries that no agency submitted
WORKERS: Final = "workers"  # queue group of all workers, and how their consumers on SUBMIT begin
URGENT_KINDS: Final[frozenset[Kind]] = frozenset({"urgent", "withdrawal"})  # taken before anything else
UNHURRIED_KINDS: Final[frozenset[Kind]] = frozenset({"retrieval"})  # as many as messages, and nobody waits for one
LEAF: Final = "log.leaf"
RECORDS_OF_LEAVES: Final = "record.*"  # all of `record`
HEAD: Final = "head"
TRIES: Final = "Tries"  # header of a dead letter: how often it was tried by itself
WATCH: Final = "Sc-Watch"  # header of a view: when it was admitted, until when it waits, how long its clock runs
FINAL: Final = "final"  # heads that enough witnesses cosigned
FLOW_SEQUENCE: Final = "Flow-Seq"  # header of a leaf: the FLOW sequence of the entry it came from
ASKS: Final = "ask.*.*"
ALL_VERBS: Final = frozenset({"*"})
ENTRIES: Final = "entry.>"
BROKER_INBOX: Final = "_INBOX_broker"
CALLOUT: Final = "$SYS.REQ.USER.AUTH"  # where the server asks about a login, in AUTH
CALLOUT_INBOX: Final = "_INBOX_callout"
DOORKEEPER_INBOX: Final = "_INBOX_doorkeeper"
CONNECTIONS: Final = "$SYS.REQ.SERVER.PING.CONNZ"  # every server answers with its connections
SERVERS: Final = "$SYS.REQ.SERVER.PING"  # every server answers with its name and how many servers it sees

_AGENCY = re.compile(r"a[a-z2-7]{12}", re.ASCII)
_CONTACT = re.compile(r"c[a-z2-7]{12}", re.ASCII)
_VIEW = re.compile(r"[0-9a-f]{32}", re.ASCII)
# What an entry is about: nothing, a message; x, a stray that names none; r, a retrieval; s, a key statement; d, the
# destruction of a key; c, a step of a ceremony; e, an epoch; w, a withdrawn consent; o, an order to erase a copy; k,
# what became of a copy; t, a review that was closed; l, a report of a leak; v, a delivery step of a view; a, an
# acknowledgement; u, a stage of an unopened urgent view; m, a recalled
# message; n, the order to one holder of it; q, a look-up; i, an adapter's alarm; h, a hold on
# records.
_KEY = re.compile(r"[xrsdcewoktlvaumnqpih]?[0-9a-f]{32}", re.ASCII)
_CONSENT = re.compile(r"[0-9a-f]{32}", re.ASCII)
_OBJECT = re.compile(r"[0-9a-f]{32}", re.ASCII)
_SERVER = re.compile(r"N[A-Z2-7]{55}", re.ASCII)
_VERB = re.compile(r"[a-z]{1,32}", re.ASCII)


def _token(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise LocalError(f"This is not {what}, so it cannot stand in a subject.")
    return text


def _agency(agency: str) -> str:
    return _token(_AGENCY, agency, "an agency's handle")


def _submitter(agency: str) -> str:
    return agency if agency == OPERATOR else _agency(agency)


def _contact(contact: str) -> str:
    return _token(_CONTACT, contact, "a contact's handle")


def _lane(lane: str) -> str:
    if lane not in LANES:
        raise LocalError("A lane is urgent or normal.")
    return lane


# Subjects


def submit(agency: AgencyHandle, kind: Kind) -> str:
    """Where `agency` hands in its envelopes ("message"), signed retrieval evidences ("retrieval"), signed key
    statements ("statement"), withdrawals of consents ("withdrawal"), what became of copies ("erasure"), reports of
    leaks ("leak"), words on views ("acknowledgement"), recalls ("recall") and its adapters' alarms ("alarm").
    """
    if kind not in KINDS:
        raise LocalError(f"A submission is of one of the kinds {', '.join(KINDS)}.")
    return f"submit.{_agency(agency)}.{kind}"


def entry(agency: AgencyHandle, key: str) -> str:
    """Where the signed entry of one submission of `agency` stands, or of an act of the `OPERATOR`; one key is stored at
    most once.
    """
    return f"entry.{_submitter(agency)}.{_token(_KEY, key, 'the key of an entry')}"


def entry_of_operator() -> str:
    """A filter for the entries that stand under the operator."""
    return f"entry.{OPERATOR}.*"


def withdrawn(consent: bytes) -> str:
    """Where the entry stands if this consent was withdrawn, by whomever."""
    return entry(OPERATOR, withdrawn_key(consent))


def withdrawn_key(consent: bytes) -> str:
    """The key of that entry."""
    return "w" + _token(_CONSENT, consent.hex(), "a consent's id")


def read_withdrawn(key: str) -> bytes | None:
    """Of which consent the entry with this key is the withdrawal; None where it is of something else."""
    return bytes.fromhex(key[1:]) if key[:1] == "w" and _CONSENT.fullmatch(key[1:]) else None


def holding(consent: bytes, view: ViewId) -> str:
    """Where it stands that a view which rests on a consent was stored."""
    return f"holding.{_token(_CONSENT, consent.hex(), 'the id of a consent')}.{_token(_VIEW, view, 'a view id')}"


def holdings(consent: bytes) -> str:
    """A filter for all views that rest on a consent."""
    return f"holding.{_token(_CONSENT, consent.hex(), 'the id of a consent')}.*"


def file_head(owner: AgencyHandle, stored: bytes) -> str:
    """Where it stands what is reserved for one evidence file of an agency."""
    return f"file.{_agency(owner)}.{_object(stored)}.head"


def file_heads(owner: AgencyHandle) -> str:
    """A filter for what is reserved for an agency."""
    return f"file.{_agency(owner)}.*.head"


def file_chunk(owner: AgencyHandle, stored: bytes, number: int) -> str:
    """Where one sealed chunk stands; numbers begin at 0."""
    if number < 0:
        raise LocalError("The number of a chunk is not negative.")
    return f"file.{_agency(owner)}.{_object(stored)}.{number}"


def file_parts(owner: AgencyHandle, stored: bytes) -> str:
    """A filter for one file, with its head."""
    return f"file.{_agency(owner)}.{_object(stored)}.*"


def _object(stored: bytes) -> str:
    return _token(_OBJECT, stored.hex(), "the id of a stored file")


def deliver(agency: AgencyHandle, contact: ContactHandle, lane: Lane, view: ViewId) -> str:
    """Where one view waits for one contact."""
    return f"deliver.{_agency(agency)}.{_contact(contact)}.{_lane(lane)}.{_token(_VIEW, view, 'a view id')}"


def deliver_any_lane(agency: AgencyHandle, contact: ContactHandle, view: ViewId) -> str:
    """A filter for one view whose lane is not known."""
    return f"deliver.{_agency(agency)}.{_contact(contact)}.*.{_token(_VIEW, view, 'a view id')}"


def deliveries() -> str:
    """A filter for everything that waits for anybody."""
    return "deliver.>"


def deliver_contact(agency: AgencyHandle, contact: ContactHandle) -> str:
    """A filter for all views that wait for one contact."""
    return f"deliver.{_agency(agency)}.{_contact(contact)}.>"


def deliver_lane(agency: AgencyHandle, contact: ContactHandle, lane: Lane) -> str:
    """A filter for the views of one lane of one contact."""
    return f"deliver.{_agency(agency)}.{_contact(contact)}.{_lane(lane)}.*"


def record(index: int) -> str:
    """Where the readable form of the leaf `index` stands until its retention ends."""
    if index < 0:
        raise LocalError("The index of a leaf is not negative.")
    return f"record.{index}"


def answer(agency: AgencyHandle) -> str:
    """Where workers tell an agency what became of its submissions. Never a subject that a message names."""
    return f"answer.{_agency(agency)}"


def ask(agency: AgencyHandle, verb: str) -> str:
    """Where an agency asks a worker (bundle, proof, head …) and gets one reply."""
    return f"ask.{_agency(agency)}.{_token(_VERB, verb, 'a verb')}"


def inbox(agency: AgencyHandle) -> str:
    """The prefix of the only inboxes that an agency's own login may read."""
    return f"_INBOX_{_agency(agency)}"


def contact_inbox(contact: ContactHandle) -> str:
    """The prefix of the only inboxes that a contact's login may read: not even a colleague hears its replies."""
    return f"_INBOX_{_contact(contact)}"


def consumer(contact: ContactHandle, lane: Lane) -> str:
    """The durable consumer on FLOW shared by all devices of a contact, one for each lane."""
    return f"{_contact(contact)}-{_lane(lane)}"


# Reading subjects back. None means that the subject is not one of ours: drop and count, never guess.


def read_submit(subject: str) -> tuple[AgencyHandle, Kind] | None:
    """Who submitted what, from the subject alone: the server let only that agency publish to it."""
    tokens = subject.split(".")
    if len(tokens) != 3 or tokens[0] != "submit" or not _AGENCY.fullmatch(tokens[1]):
        return None
    return next(((AgencyHandle(tokens[1]), kind) for kind in KINDS if kind == tokens[2]), None)


def dead(agency: AgencyHandle, kind: Kind, digest: bytes) -> str:
    """Where a submission that was set aside waits for the operator, by the beginning of its digest."""
    return f"dead.{submit(agency, kind).partition('.')[2]}.{digest.hex()[:32]}"


def read_dead(subject: str) -> tuple[AgencyHandle, Kind, str] | None:
    """Whose dead letter it is, of what kind, and its name."""
    tokens = subject.split(".")
    read = read_submit(".".join(["submit", *tokens[1:3]]))
    return (*read, tokens[3]) if len(tokens) == 4 and tokens[0] == "dead" and read is not None else None


def read_deliver(subject: str) -> tuple[AgencyHandle, ContactHandle, Lane, ViewId] | None:
    """For whom a view is, by its subject; its stamp says so too, and the reader compares them."""
    tokens = subject.split(".")
    if len(tokens) != 5 or tokens[0] != "deliver" or tokens[3] not in LANES:
        return None
    if not (_AGENCY.fullmatch(tokens[1]) and _CONTACT.fullmatch(tokens[2]) and _VIEW.fullmatch(tokens[4])):
        return None
    lane: Lane = "urgent" if tokens[3] == "urgent" else "normal"
    return AgencyHandle(tokens[1]), ContactHandle(tokens[2]), lane, ViewId(tokens[4])


def read_entry(subject: str) -> tuple[AgencyHandle, str] | None:
    """Whose entry it is (`OPERATOR` where no agency's), and its key."""
    tokens = subject.split(".")
    if len(tokens) != 3 or tokens[0] != "entry" or not _KEY.fullmatch(tokens[2]):
        return None
    if tokens[1] != OPERATOR and not _AGENCY.fullmatch(tokens[1]):
        return None
    return AgencyHandle(tokens[1]), tokens[2]


def asks(verb: str) -> str:
    """Where all agencies ask a worker this, or anything ("*")."""
    return f"ask.*.{verb if verb in ALL_VERBS else _token(_VERB, verb, 'a verb')}"


def read_ask(subject: str) -> tuple[AgencyHandle, str] | None:
    """Who asks for what."""
    tokens = subject.split(".")
    if len(tokens) != 3 or tokens[0] != "ask" or not _AGENCY.fullmatch(tokens[1]) or not _VERB.fullmatch(tokens[2]):
        return None
    return AgencyHandle(tokens[1]), tokens[2]


# What stands beside a view


@dataclass(frozen=True, slots=True)
class Watch:
    """What whoever watches a waiting view goes by, without reading it. Milliseconds; unsigned, so it starts a closer
    look and decides nothing.
    """

    admitted: int
    until: int
    clock: int  # how long the urgency's or kind's clock runs; 0: it has none

    def header(self) -> str:
        """As it stands beside the view."""
        return f"{self.admitted},{self.until},{self.clock}"

    @classmethod
    def read(cls, text: str) -> "Watch | None":
        """Read it; None where it is of another form."""
        parts = text.split(",")
        if len(parts) != 3 or not all(p.isascii() and p.isdecimal() and len(p) < 20 for p in parts):
            return None
        return cls(*map(int, parts))


# Streams and consumers


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpec:
    """One stream as the server is asked for it; `request` adds the number of replicas."""

    name: str
    subjects: tuple[str, ...]
    why: str
    retention: Literal["limits", "workqueue"] = "limits"
    duplicate_seconds: float = 0.0
    max_msgs: int = -1
    max_msgs_per_subject: int = -1
    allow_atomic: bool = False
    allow_msg_ttl: bool = False
    allow_direct: bool = False
    deny_delete: bool = False
    deny_purge: bool = False
    refuse_more: bool = False  # at `max_msgs_per_subject`: refuse what comes, instead of letting the oldest go

    def request(self, replicas: int) -> dict[str, object]:
        """The body of a stream create or update request."""
        body: dict[str, object] = {
            "name": self.name,
            "subjects": list(self.subjects),
            "retention": self.retention,
            "storage": "file",
            "discard": "new" if self.retention == "workqueue" else "old",
            "max_consumers": bounds.CONSUMERS,
            "max_msgs": self.max_msgs,
            "max_msgs_per_subject": self.max_msgs_per_subject,
            "max_bytes": -1,
            "max_age": 0,
            "max_msg_size": -1,
            "num_replicas": replicas,
            "allow_direct": self.allow_direct,
            "allow_atomic": self.allow_atomic,
            "allow_msg_ttl": self.allow_msg_ttl,
            "deny_delete": self.deny_delete,
            "deny_purge": self.deny_purge,
            "allow_rollup_hdrs": False,
        }
        if self.refuse_more:
            body["discard_new_per_subject"] = True
        if self.duplicate_seconds:
            body["duplicate_window"] = round(self.duplicate_seconds * 1e9)
        return body


SUBMIT: Final = StreamSpec(
    name="SUBMIT",
    subjects=tuple(f"submit.*.{kind}" for kind in KINDS),
    why="What agencies handed in and no worker has finished. Its duplicate window is as short as the server allows,"
    " because one agency's message id could swallow another's message in it; repeats are caught by `entry.…`.",
    retention="workqueue",
    duplicate_seconds=bounds.DUPLICATE_SECONDS,
    max_msgs_per_subject=bounds.PER_SUBJECT,
    refuse_more=True,
)
FLOW: Final = StreamSpec(
    name="FLOW",
    subjects=("entry.*.*", "deliver.*.*.*.*", "holding.*.*"),
    why="Entries and views, stored together in one atomic batch, with who holds what on which consent. Views leave by"
    " retrieval, expiry, recall or withdrawal; entries by expiry. No agency has any right to delete.",
    allow_atomic=True,
    allow_msg_ttl=True,
)
LOG: Final = StreamSpec(
    name="LOG",
    subjects=(LEAF,),
    why="The leaves of the audit log. Leaf index = sequence - 1, for ever: nobody, the operator included, can delete or"
    " purge, and the server refuses to take these two settings back.",
    allow_atomic=True,
    allow_direct=True,
    deny_delete=True,
    deny_purge=True,
)
RECORDS: Final = StreamSpec(
    name="RECORDS",
    subjects=(RECORDS_OF_LEAVES,),
    why="The readable form of each leaf with its salt, until its retention ends. Written before LOG; writing an index"
    " again replaces it.",
    max_msgs_per_subject=1,
    allow_atomic=True,
    allow_direct=True,
)
HEADS: Final = StreamSpec(
    name="HEADS",
    subjects=(HEAD, FINAL),
    why="The latest checkpoints, and the latest that are final.",
    max_msgs_per_subject=bounds.HEADS_KEPT,
    allow_direct=True,
)
DEAD: Final = StreamSpec(
    name="DEAD",
    subjects=("dead.*.*.*",),
    why="Dead letters: submissions on which the flow failed, or workers ended again and again, for the operator.",
    max_msgs=bounds.DEAD_KEPT,
    max_msgs_per_subject=1,
)
FILES: Final = StreamSpec(
    name="FILES",
    subjects=("file.*.*.*",),
    why="Sealed chunks of evidence files. Each is written once and goes by its time to live, at the latest when its"
    " message expires. Apart from FLOW, so that no file stands in the way of a message.",
    allow_atomic=True,
    allow_msg_ttl=True,
    allow_direct=True,
)
STREAMS: Final[tuple[StreamSpec, ...]] = (SUBMIT, FLOW, LOG, RECORDS, HEADS, DEAD, FILES)


def lane_of(kind: Kind) -> Lane:
    """In which lane the workers take what was handed in as this."""
    return "urgent" if kind in URGENT_KINDS else "normal"


def intake(agency: AgencyHandle, lane: Lane) -> str:
    """The durable consumer on SUBMIT that all workers share for one agency and lane: each agency has a queue of its
    own, so that a flood of one lies in nobody else's way.
    """
    return f"{WORKERS}-{_lane(lane)}-{_agency(agency)}"


def intake_consumer(agency: AgencyHandle, lane: Lane) -> dict[str, object]:
    """That consumer as the server is asked for it."""
    name = intake(agency, lane)
    return {
        "durable_name": name,
        "name": name,
        "filter_subjects": [submit(agency, kind) for kind in KINDS if lane_of(kind) == lane],
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "ack_wait": round(bounds.ACK_SECONDS * 1e9),
        "max_deliver": -1,
        "max_ack_pending": bounds.ACK_PENDING_WORKERS,
        "max_waiting": bounds.WAITING_PULLS,
        "replay_policy": "instant",
    }


def contact_consumer(agency: AgencyHandle, contact: ContactHandle, lane: Lane) -> dict[str, object]:
    """The durable consumer of one contact and lane. Two lanes, because filters in one consumer do not overtake."""
    name = consumer(contact, lane)
    return {
        "durable_name": name,
        "name": name,
        "filter_subject": deliver_lane(agency, contact, lane),
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "ack_wait": round(bounds.ACK_DELIVERY_SECONDS * 1e9),
        "max_deliver": -1,
        "max_ack_pending": bounds.ACK_PENDING_CONTACT,
        "max_waiting": bounds.WAITING_PULLS,
        "replay_policy": "instant",
    }


# Who may do what


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What one login may publish and subscribe. Everything else is denied."""

    account: Account
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    replies: bool = False  # may answer a request that it received, once


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A public NKEY ("U…") and what its holder may do. There is no other way to log in."""

    public_key: str
    permissions: Permissions

    def __post_init__(self) -> None:
        check_login(self.public_key)


def check_login(public_key: str) -> str:
    """`public_key` if it has the form of one, or raise `LocalError`."""
    if not re.fullmatch(r"U[A-Z2-7]{55}", public_key, re.ASCII):
        raise LocalError("A login of the bus is the public half of a user NKEY; it begins with U.")
    return public_key


def agency_permissions(agency: AgencyHandle, contacts: Iterable[ContactHandle]) -> Permissions:
    """What the adapter of `agency` may do: hand in, ask, read its own inbox and answers, and pull and acknowledge
    what waits for its own `contacts`. It may not create, see or change a consumer, read a stream, delete, or hear
    anybody else.
    """
    pulls: list[str] = []
    for contact in sorted(contacts):
        for lane in LANES:
            name = consumer(contact, lane)
            pulls += (f"$JS.API.CONSUMER.MSG.NEXT.FLOW.{name}", f"$JS.ACK.FLOW.{name}.>")
    return Permissions(
        account="AGENCIES",
        publish=(*(submit(agency, kind) for kind in KINDS), f"ask.{_agency(agency)}.*", *pulls),
        subscribe=(f"{inbox(agency)}.>", answer(agency)),
    )


def contact_permissions(agency: AgencyHandle, contact: ContactHandle) -> Permissions:
    """What the devices of one contact may do: hand in for its agency, ask, hear its agency's answers, and pull and
    acknowledge what waits for this contact alone. Of its colleagues it hears nothing.
    """
    pulls: list[str] = []
    for lane in LANES:
        name = consumer(contact, lane)
        pulls += (f"$JS.API.CONSUMER.MSG.NEXT.FLOW.{name}", f"$JS.ACK.FLOW.{name}.>")
    return Permissions(
        account="AGENCIES",
        publish=(*(submit(agency, kind) for kind in KINDS), f"ask.{_agency(agency)}.*", *pulls),
        subscribe=(f"{contact_inbox(contact)}.>", answer(agency)),
    )


def worker_permissions() -> Permissions:
    """What a broker worker and the sequencer may do. Not even they may delete a stream or touch what LOG holds."""
    streams = [spec.name for spec in STREAMS]
    return Permissions(
        account="BROKER",
        publish=(
            *FLOW.subjects,
            *FILES.subjects,
            LEAF,
            RECORDS_OF_LEAVES,
            HEAD,
            FINAL,
            "answer.*",
            *(f"$JS.API.STREAM.{verb}.{name}" for name in streams for verb in ("CREATE", "UPDATE", "INFO")),
            *(f"$JS.API.STREAM.MSG.GET.{name}" for name in ("FLOW", "LOG", "RECORDS", "HEADS", "DEAD", "FILES")),
            *(f"$JS.API.DIRECT.GET.{name}" for name in ("LOG", "RECORDS", "HEADS", "FILES")),
            "$JS.API.STREAM.MSG.DELETE.FLOW",
            "$JS.API.STREAM.PURGE.FLOW",
            *DEAD.subjects,
            "$JS.API.STREAM.PURGE.DEAD",
            "$JS.API.STREAM.PURGE.FILES",
            "$JS.API.STREAM.MSG.DELETE.RECORDS",  # retention
            "$JS.API.STREAM.PURGE.RECORDS",
            "$JS.API.CONSUMER.CREATE.SUBMIT.*",
            "$JS.API.CONSUMER.INFO.SUBMIT.*",
            "$JS.API.CONSUMER.DELETE.SUBMIT.*",
            "$JS.API.CONSUMER.MSG.NEXT.SUBMIT.*",
            "$JS.ACK.SUBMIT.>",
            "$JS.API.CONSUMER.CREATE.FLOW.>",
            "$JS.API.CONSUMER.INFO.FLOW.*",
            "$JS.API.CONSUMER.DELETE.FLOW.*",
            "$JS.API.CONSUMER.MSG.NEXT.FLOW.*",
        ),
        subscribe=(f"{BROKER_INBOX}.>", ASKS),
        replies=True,
    )


def callout_permissions() -> Permissions:
    """What the service behind the auth callout may do: hear the server's requests and answer each, once."""
    return Permissions(account="AUTH", publish=(), subscribe=(CALLOUT, f"{CALLOUT_INBOX}.>"), replies=True)


def doorkeeper_permissions() -> Permissions:
    """What the doorkeeper may do: ask who is connected, and close a connection."""
    return Permissions(
        account="SYS",
        publish=(SERVERS, CONNECTIONS, "$SYS.REQ.SERVER.*.KICK"),
        subscribe=(f"{DOORKEEPER_INBOX}.>",),
    )


def kick(server: str) -> str:
    """Where the server with this id is told to close a connection."""
    return f"$SYS.REQ.SERVER.{_token(_SERVER, server, 'the id of a server')}.KICK"


@dataclass(frozen=True, slots=True)
class Border:
    """What BROKER lets AGENCIES import: (subject, whether one request may have many replies)."""

    services: tuple[tuple[str, bool], ...] = field(
        default=(
            ("submit.*.*", False),
            (ASKS, False),
            ("$JS.API.CONSUMER.MSG.NEXT.FLOW.*", True),
            ("$JS.ACK.FLOW.>", False),
        )
    )
    streams: tuple[str, ...] = ("answer.*",)


BORDER: Final = Border()


def split_logins(logins: Sequence[Login]) -> dict[Account, list[Login]]:
    """The logins of each account; one key in two places is refused, because the server would pick one."""
    keys = [login.public_key for login in logins]
    if len(set(keys)) != len(keys):
        raise LocalError("One NKEY is given twice among the logins of the bus.")
    found: dict[Account, list[Login]] = {account: [] for account in get_args(Account)}
    for login in logins:
        found[login.permissions.account].append(login)
    return found
