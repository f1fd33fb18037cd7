"""The console's routes. Each asks who is there, records what was looked up, and only then reads and shows it.

Every page says what may run in it: our own style sheet and scripts, nothing inline, nothing from anywhere else. Errors
are one sentence; what was typed is never shown back unescaped, and nothing is said of records to whoever is not in.
"""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import structlog
from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http import HttpProcessingError
from jinja2 import Environment, PackageLoader, StrictUndefined

from audit.record import ActRecord, Record, TrustRecord
from broker import alarms, misuse
from broker.admit import Admitted
from broker.console.access import ANSWER_BYTES, Access, Person
from broker.console.kept import NAME, PROPOSALS, HandedIn, Kept
from broker.console.live import Live
from broker.console.packing import packed
from broker.console.picture import picture
from broker.console.reading import Reading
from broker.console.reviewing import PROPOSAL_BYTES, Reviewed, Reviewer
from broker.console.waiting import SHOWN, Waits
from broker.console.words import Words, mark
from broker.holds import gathered, on_hold
from broker.lookups import Deed, asked, look_up, named, viewed
from broker.naming import Names, as_csv, day, moment, query_of, subject_text
from broker.recordsdb import FACETS, Query
from keys import accounts
from keys.fingerprints import fingerprint
from messages.errors import BadInput, DependencyError, ShareError, Unverified
from messages.limits import HOUR
from policies import sentences
from policies.decide import Engine

log = structlog.get_logger("broker.console")

COOKIE: Final = "safeconduct-console"
LIVE: Final = "/overview/live"
"""What the overview asks for by itself whenever it is told to."""
STREAM: Final = "/overview/stream"
"""Where it is told so."""
SLOW: Final = 10.0
"""Seconds for a browser to take one word of a stream."""
EXPORTED: Final = 10_000
"""Records of one export at most, the newest."""
STATIC: Final = Path(__file__).parent / "static"
FILES: Final = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "htmx-2.0.11.min.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "publickey-credentials-get=(self), publickey-credentials-create=(self)",
    "Referrer-Policy": "same-origin",  # not `no-referrer`: under that a browser sends our own forms with Origin: null
    "Server": "safeconduct",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
OWED: Final = 100
"""Of each kind of what is owed that is shown, the oldest."""
REPLAYED: Final = 2_000
"""Past decisions that a proposal is held against, the newest."""
READS_RECORDS: Final = frozenset({"officer", "auditor"})
DECIDES: Final = frozenset({"officer"})
MANAGES: Final = frozenset({"officer", "administrator"})
SCREENS: Final = (
    ("/", "overview", READS_RECORDS | MANAGES), ("/decisions", "decisions", READS_RECORDS),
    ("/matrix", "matrix", READS_RECORDS | MANAGES), ("/trust", "trust", READS_RECORDS | MANAGES),
    ("/proposals", "proposals", DECIDES), ("/log", "log", READS_RECORDS | MANAGES), ("/tasks", "tasks", READS_RECORDS),
)  # fmt: skip
"""Where it is, what it is called, and which roles it opens for."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def templates(words: Words) -> Environment:
    """The pages in a language."""
    made = Environment(
        loader=PackageLoader("broker.console"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )  # fmt: skip
    made.install_gettext_translations(words.catalogue, newstyle=True)  # type: ignore[attr-defined]
    made.filters["w"] = words.say
    made.globals.update(
        t=words,
        w=words.say,
        lang=words.language.replace("_", "-"),
        moment=moment,
        subject_text=subject_text,
        says=sentences.says,
    )
    return made


class Announces(Protocol):
    """How an entry gets into the log."""

    async def announce(self, entries: list[Admitted]) -> None: ...


class Console:
    """Handlers of one running console."""

    def __init__(
        self, access: Access, reading: Reading, waits: Waits, worker: Announces, words: Words | None = None
    ) -> None:
        self.access = access
        self.live = Live(self._moves)
        self._reading = reading
        self._waits = waits
        self._worker = worker
        self._kept = Kept(reading.home.folder)
        self._reviewer = Reviewer(reading.home.folder / "trust")
        self._reviewed: dict[tuple[bytes, int], Reviewed] = {}
        self._words = words or Words()
        self._templates = templates(self._words)

    def application(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=ANSWER_BYTES, middlewares=[self._guarded])
        app.add_routes(
            [
                web.get("/static/{name}", self._static),
                web.get("/login", self._login),
                web.post("/login/begin", self._begin),
                web.post("/login/finish", self._finish),
                web.post("/logout", self._logout),
                web.get("/enrol", self._enrol),
                web.post("/enrol/begin", self._register),
                web.post("/enrol/finish", self._registered),
                web.post("/enrol/invite", self._invite),
                web.get("/", self._overview),
                web.get(LIVE, self._live),
                web.get(STREAM, self._stream),
                web.get("/decisions", self._decisions),
                web.get("/decisions/export", self._export),
                web.post("/searches", self._save),
                web.post("/searches/{id:[0-9a-f]{16}}/remove", self._forget),
                web.get("/records/{index:[0-9]{1,15}}", self._record),
                web.get("/messages/{id:[0-9a-f]{32}}/packet", self._packet),
                web.get("/matrix", self._matrix),
                web.get("/matrix/{sender}/{recipient}", self._cell),
                web.get("/trust", self._trust),
                web.get("/proposals", self._proposals),
                web.post("/proposals", self._hand_in),
                web.get("/proposals/{digest:[0-9a-f]{64}}", self._proposal),
                web.get("/proposals/{digest:[0-9a-f]{64}}/proposal.json", self._fetch),
                web.post("/proposals/{digest:[0-9a-f]{64}}/discard", self._discard),
                web.get("/log", self._log),
                web.post("/log/check", self._check),
                web.get("/tasks", self._tasks),
            ]
        )
        app.on_shutdown.append(self._closing)
        return app

    async def _closing(self, _: web.Application) -> None:
        self.live.close()  # before requests that are being answered are waited for

    # Around every request

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what does not come from a page of ours, say errors in one sentence, and set the headers."""
        site = self.access.site
        try:
            if not site.may_read(request.host):
                response: web.StreamResponse = web.Response(status=421, text="This is not the console's address.\n")
            elif request.method not in ("GET", "HEAD") and not site.may_act(request.headers):
                response = web.Response(status=403, text="Refused.\n")
            else:
                response = await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                response = web.Response(status=error.status, headers={"Location": error.headers["Location"]})
            else:
                response = self._failed(request, error.status, _SAYS.get(error.status, mark("That did not work.")))
        except BadInput as error:
            response = self._failed(request, 400, str(error))
        except DependencyError as error:
            log.warning("console", code=error.code)
            response = self._failed(request, 503, str(error))
        except ShareError as error:
            response = self._failed(request, 403, str(error))
        except Exception as error:
            log.error("console-internal", error=type(error).__name__)
            response = self._failed(
                request, 500, mark("Something inside the console failed; it is in the broker's log.")
            )
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    def _failed(self, request: web.Request, status: int, says: str) -> web.Response:
        if request.method == "POST" and request.content_type == "application/json":
            return web.json_response({"says": self._words.say(says)}, status=status)
        return self._page("failed.html", request, status=status, says=says, title="")

    def _page(self, template: str, request: web.Request, *, status: int = 200, **shown: Any) -> web.Response:
        person = self._whoever(request)
        text = self._templates.get_template(template).render(
            person=person,
            screens=[
                (path, getattr(self._words, name)) for path, name, roles in SCREENS if person and person.role in roles
            ],
            path=request.path,
            **shown,
        )
        return web.Response(text=text, content_type="text/html", status=status)

    def _whoever(self, request: web.Request) -> Person | None:
        secret, browser = request.cookies.get(COOKIE, ""), request.headers.get("User-Agent", "")
        return self.access.person(secret, browser, renews=request.path not in (LIVE, STREAM))

    def _person(self, request: web.Request, roles: frozenset[str] = READS_RECORDS | MANAGES) -> Person:
        """Who asks; to the log-in page where nobody is logged in, 403 where the role is another."""
        person = self._whoever(request)
        if person is None:
            raise web.HTTPSeeOther("/login")
        if person.role not in roles:
            raise web.HTTPForbidden
        return person

    async def _told(self, person: Person, deed: Deed, what: bytes) -> None:
        """Into the log, before anything is shown."""
        world = self._reading.home.world()
        now = self.access.clock()
        try:
            await self._worker.announce([look_up(person.officer, deed, what, world, now, secrets.token_bytes(16))])
        except ShareError as error:
            log.error("look-up-not-recorded", code=error.code)
            raise DependencyError(
                mark("Your look-up cannot be recorded now, so nothing is shown. Try again.")
            ) from None

    @property
    def _names(self) -> Names:
        return Names(self._reading.bundle)

    async def _static(self, request: web.Request) -> web.StreamResponse:
        kind = FILES.get(request.match_info["name"])
        if kind is None:
            raise web.HTTPNotFound
        return web.Response(body=(STATIC / request.match_info["name"]).read_bytes(), content_type=kind, charset="utf-8")

    # Logging in and registering

    async def _login(self, request: web.Request) -> web.StreamResponse:
        if self._whoever(request) is not None:
            raise web.HTTPSeeOther("/")
        return self._page("login.html", request, title=self._words.log_in, none_yet=not self.access.usable())

    async def _begin(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self.access.begin())

    async def _finish(self, request: web.Request) -> web.StreamResponse:
        try:
            account = self.access.finish(await request.read())
        except Unverified as error:
            log.warning("console-log-in-refused")
            return web.json_response({"says": self._words.say(str(error))}, status=403)
        person = Person(account.officer, account.role, account.title)
        await self._told(person, Deed.LOGGED_IN, b"")
        secret = self.access.admit(account, request.headers.get("User-Agent", ""))
        response = web.json_response({"next": "/"})
        secure = self.access.site.secure
        response.set_cookie(COOKIE, secret, httponly=True, samesite="Strict", path="/", secure=secure)
        return response

    async def _logout(self, request: web.Request) -> web.StreamResponse:
        self.access.leave(request.cookies.get(COOKIE, ""))
        response = web.Response(status=303, headers={"Location": "/login"})
        response.del_cookie(COOKIE, path="/", samesite="Strict", httponly=True)
        return response

    async def _enrol(self, request: web.Request) -> web.StreamResponse:
        return self._page("enrol.html", request, title=self._words.enrol)

    async def _register(self, request: web.Request) -> web.StreamResponse:
        value = await _json(request)
        return web.json_response(self.access.register(_text(value, "code"), _text(value, "title")))

    async def _registered(self, request: web.Request) -> web.StreamResponse:
        value = await _json(request)
        account = self.access.registered(await request.read(), _text(value, "code"), _text(value, "title"))
        text = accounts.request(account).decode()
        return web.json_response({"request": text, "fingerprint": fingerprint(text.encode())})

    async def _invite(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request, MANAGES)
        return self._page("invite.html", request, title=self._words.invite, code=self.access.invite(person.officer))

    # Overview

    async def _overview(self, request: web.Request) -> web.StreamResponse:
        self._person(request)
        return self._page("overview.html", request, title=self._words.overview, **await self._figures())

    async def _live(self, request: web.Request) -> web.StreamResponse:
        if "HX-Request" in request.headers and self._whoever(request) is None:
            return web.Response(headers={"HX-Redirect": "/login"})  # the whole page, not this part of it
        self._person(request)
        return self._page("live.html", request, title="", **await self._figures())

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request)
        with self.live.watching(person.officer) as words:
            if words is None:
                return web.Response(status=204)  # by which a browser knows not to ask again
            response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
            try:
                await response.prepare(request)
                async for _ in words:
                    there = self._whoever(request) is not None
                    async with asyncio.timeout(SLOW):  # what nobody reads is given up, and nothing is kept for it
                        await response.write(b"event: %b\ndata:\n\n" % (b"renew" if there else b"over"))
                    if not there:
                        break
            except (ConnectionError, TimeoutError):
                if request.transport is not None:
                    request.transport.abort()
            return response

    async def _moves(self) -> object:
        """Differs as soon as the overview has something new to show."""
        head, _ = await self._reading.head()
        leaves = await asyncio.to_thread(self._reading.db.next)
        return leaves, head, await self._waits.look(), self._reading.bundle.epoch

    async def _figures(self) -> dict[str, Any]:
        reading, now = self._reading, self.access.clock()
        counted = await asyncio.to_thread(reading.counted, now)
        names, head, known = self._names, await reading.head(), await reading.tasks()
        return {
            "now": now,
            "counted": counted,
            "flows": picture((sender, to, n.permitted, n.refused) for sender, to, n in counted.flows),
            "waiting": await self._waits.look(),
            "shown": SHOWN,
            "hour": HOUR,
            "head": head[0],
            "witnessed": await reading.witnessed(),
            "head_says": head[1],
            "indexed": await asyncio.to_thread(reading.db.next),
            "open": sum(t.closed is None for t in known),
            "overdue": sum(t.overdue(now) for t in known),
            "bundle": reading.bundle,
            "soon": [e for e in reading.mandates() if e.state == "soon"][:8],
            "names": names,
        }

    # Decisions

    def _query(self, given: Mapping[str, Any]) -> tuple[Query, dict[str, str]]:
        asked_for = {name: _text(given, name).strip() for name in _FIELDS}
        if not given:
            asked_for["form"] = "decision"  # what the screen is called; `any` shows everything
        names = self._names
        query = query_of(
            names,
            start=day(asked_for["from"]),
            end=day(asked_for["to"], last=True),
            party=asked_for["party"],
            message=asked_for["message"],
            sender=asked_for["sender"],
            recipient=asked_for["recipient"],
            rule=asked_for["rule"],
            type=asked_for["type"],
            kind=asked_for["kind"],
            outcome=asked_for["outcome"],
            form=asked_for["form"],
        )
        return query, asked_for

    async def _decisions(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request, READS_RECORDS)
        query, asked_for = self._query(request.query)
        after = request.query.get("older") or None
        offered = await asyncio.to_thread(self._reading.db.values, *(f for f in FACETS if f != "party"))
        offers = {facet: values[:500] for facet, values in offered.items()}
        await self._told(person, Deed.SEARCHED, asked(query, **({"older": after} if after else {})))
        page = await asyncio.to_thread(self._reading.db.search, query, after=after)
        saved = await asyncio.to_thread(self._kept.searches, person.officer)
        return self._page(
            "decisions.html", request, title=self._words.decisions, page=page, asked=asked_for, offers=offers,
            names=self._names, addresses=sorted(self._reading.bundle.directory.addresses()),
            filter={k: v for k, v in asked_for.items() if v}, most=EXPORTED, saved=saved, longest=NAME,
        )  # fmt: skip

    async def _save(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request, READS_RECORDS)
        given = await request.post()
        query, asked_for = self._query(given)
        conditions = {name: text for name, text in asked_for.items() if text}
        if not conditions:
            raise BadInput(mark("A search without a condition finds everything; there is nothing to save."))
        await self._told(person, Deed.SAVED, asked(query))
        known = [account.officer for account in self.access.usable()]
        await asyncio.to_thread(self._kept.save, person.officer, _text(given, "name"), conditions, known)
        raise web.HTTPSeeOther(f"/decisions?{urlencode(conditions)}")

    async def _forget(self, request: web.Request) -> web.StreamResponse:
        person, number = self._person(request, READS_RECORDS), request.match_info["id"]
        await self._told(person, Deed.FORGOTTEN, named("search", number))
        if not await asyncio.to_thread(self._kept.forget, person.officer, number):
            raise web.HTTPNotFound
        raise web.HTTPSeeOther("/decisions")

    async def _export(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request, READS_RECORDS)
        query, _ = self._query(request.query)
        form = request.query.get("as", "csv")
        if form not in ("csv", "json"):
            raise BadInput(mark("Records are exported as csv or json."))
        await self._told(person, Deed.EXPORTED, asked(query))
        lines, more = await asyncio.to_thread(self._reading.db.newest, query, EXPORTED)
        names = self._names
        text = as_csv(names, lines) if form == "csv" else json.dumps([names.row(x) for x in lines], indent=1)
        kind = "text/csv" if form == "csv" else "application/json"
        name = f"records-newest-{EXPORTED}" if more else "records"  # whoever gets the file sees that it is a part
        headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
        return web.Response(text=text, content_type=kind, headers=headers)

    async def _record(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request, READS_RECORDS)
        index = int(request.match_info["index"])
        await self._told(person, Deed.VIEWED, viewed(index))
        detail = await self._reading.detail(index)
        if detail is None:
            raise web.HTTPNotFound
        record = detail.record
        known, names = {rule.id: rule for rule in Engine.load().rules}, self._names
        return self._page(
            "record.html", request, title=self._words.say(mark("Leaf %s")) % index,
            detail=detail, record=record, names=names,
            rules=[(i, known.get(i)) for i in (record.rules if isinstance(record, Record) else ())],
            whole=record if isinstance(record, Record) else None,
            told=names.within(record.says) if isinstance(record, TrustRecord | ActRecord) else "",
            hold=on_hold(index, await self._reading.holds()),
        )  # fmt: skip

    async def _packet(self, request: web.Request) -> web.StreamResponse:
        person, subject = self._person(request, READS_RECORDS), request.match_info["id"]
        await self._told(person, Deed.EXPORTED, named("packet", subject))
        found = await packed(self._reading, subject)
        if found is None:
            raise web.HTTPNotFound
        headers = {"Content-Disposition": f'attachment; filename="message-{subject[:12]}.packet"'}
        return web.Response(body=found, content_type="application/octet-stream", headers=headers)

    # Matrix and trust

    async def _matrix(self, request: web.Request) -> web.StreamResponse:
        self._person(request)
        cells: dict[tuple[str, str], set[str]] = {}
        for row in self._reading.matrix():
            if row.open:
                cells.setdefault((row.sender, row.recipient), set()).add(row.data_type)
        agencies = sorted(a.name for a in self._reading.bundle.directory.agencies if a.retired is None)
        counts = {pair: len(types) for pair, types in cells.items()}
        return self._page("matrix.html", request, title=self._words.matrix, agencies=agencies, cells=counts)

    async def _cell(self, request: web.Request) -> web.StreamResponse:
        self._person(request)
        sender, recipient = request.match_info["sender"], request.match_info["recipient"]
        known = {a.name for a in self._reading.bundle.directory.agencies}
        if not {sender, recipient} <= known:
            raise web.HTTPNotFound
        rows = [r for r in self._reading.matrix() if (r.sender, r.recipient) == (sender, recipient)]
        pair = {"sender": sender, "recipient": recipient}
        title = self._words.say(mark("%(sender)s to %(recipient)s")) % pair
        asking = {"form": "decision", **pair}
        return self._page("cell.html", request, title=title, sender=sender, recipient=recipient, rows=rows, pair=asking)

    async def _trust(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request)
        reading = self._reading
        return self._page(
            "trust.html", request, title=self._words.trust, bundle=reading.bundle, mandates=reading.mandates(),
            signers=[self._names.of(handle) for handle in reading.bundle.officers],
            names=self._names, now=self.access.clock(), may_invite=person.role in MANAGES,
        )  # fmt: skip

    # Proposals

    async def _proposals(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request, DECIDES)
        await self._told(person, Deed.REVIEWED, b'{"proposals":"all"}')
        found = await asyncio.to_thread(self._kept.open, self._reading.bundle.epoch, self.access.clock())
        return self._page(
            "proposals.html", request, title=self._words.proposals, proposals=found, names=self._names, digits=_digits
        )

    async def _hand_in(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request, DECIDES)
        data = await _uploaded(request, "proposal", PROPOSAL_BYTES)
        found = await self._review(data)
        await self._told(person, Deed.HANDED_IN, named("proposal", found.digest))
        await asyncio.to_thread(self._kept.keep, data, found, person.officer, self.access.clock())
        raise web.HTTPSeeOther(f"/proposals/{found.digest}")

    async def _proposal(self, request: web.Request) -> web.StreamResponse:
        note, data = await self._held(request, Deed.REVIEWED)
        found = await self._review(data)
        return self._page(
            "proposal.html", request, title=self._words.say(mark("Proposal for epoch %s")) % found.epoch,
            proposal=found, note=note, names=self._names, now=self.access.clock(),
        )  # fmt: skip

    async def _fetch(self, request: web.Request) -> web.StreamResponse:
        _, data = await self._held(request, Deed.FETCHED)
        headers = {"Content-Disposition": 'attachment; filename="proposal.json"'}
        return web.Response(body=data, content_type="application/json", headers=headers)

    async def _discard(self, request: web.Request) -> web.StreamResponse:
        await self._held(request, Deed.DISCARDED)
        await asyncio.to_thread(self._kept.discard, request.match_info["digest"])
        raise web.HTTPSeeOther("/proposals")

    async def _held(self, request: web.Request, deed: Deed) -> tuple[HandedIn, bytes]:
        """The proposal that is asked for, after that is in the log; 404 where it is not here or no longer open."""
        person, digest = self._person(request, DECIDES), request.match_info["digest"]
        await self._told(person, deed, named("proposal", digest))
        found = await asyncio.to_thread(self._kept.proposal, digest)
        if found is None or found[0].base != self._reading.bundle.epoch:
            raise web.HTTPNotFound
        return found

    async def _review(self, data: bytes) -> Reviewed:
        """The proposal in words, worked out once for each epoch in force."""
        key = (sha256(data).digest(), self._reading.bundle.epoch)
        found = self._reviewed.get(key)
        if found is None:
            past = await self._reading.decided(REPLAYED)
            found = await self._reviewer.review(data, past, self.access.clock())
            if found.base != self._reading.bundle.epoch:
                raise DependencyError(mark("A newer trust bundle is being taken over just now; try again."))
            while len(self._reviewed) >= PROPOSALS:
                self._reviewed.pop(next(iter(self._reviewed)))
            self._reviewed[key] = found
        return found

    # Log and tasks

    async def _log(self, request: web.Request) -> web.StreamResponse:
        self._person(request)
        head, why = await self._reading.head()
        behind = await asyncio.to_thread(self._reading.db.next)
        return self._page(
            "log.html", request, title=self._words.log, head=head, why=why, indexed=behind,
            checked=self._reading.checked, witnessed=await self._reading.witnessed(),
            operator=self._reading.bundle.directory.operator, alarms=await self._reading.alarms(), means=alarms.SAYS,
            raised=await self._reading.raised(), names=self._names, shown=OWED,
        )  # fmt: skip

    async def _check(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request)
        await self._told(person, Deed.SEARCHED, b'{"check":"log"}')
        await self._reading.check()
        raise web.HTTPSeeOther("/log")

    async def _tasks(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request, READS_RECORDS)
        await self._told(person, Deed.SEARCHED, b'{"tasks":"all"}')
        now = self.access.clock()
        signs = await self._reading.signs()
        known = sorted(await self._reading.tasks(), key=lambda t: (t.closed is not None, t.decision.at))
        return self._page(
            "tasks.html", request, title=self._words.tasks, tasks=known, now=now, names=self._names,
            leaks=await self._reading.leaks(), owed=await self._reading.owed(), raised=await self._reading.raised(),
            holds=gathered(await self._reading.holds()),
            aside=(await self._waits.look()).aside, shown=OWED, signs=signs,
            counted=misuse.COUNTED if signs.more else None,
        )  # fmt: skip


_FIELDS: Final = ("from", "to", "party", "sender", "recipient", "message", "rule", "type", "kind", "outcome", "form")
_SAYS: Final = {
    403: mark("Your role does not open this."),
    404: mark("There is nothing here, or no longer."),
    405: mark("That cannot be done here."),
    413: mark("That was too large."),
}


def _digits(digest: str) -> str:
    return fingerprint(bytes.fromhex(digest))


async def _uploaded(request: web.Request, name: str, most: int) -> bytes:
    """The file that a form sends, or raise `BadInput`, or 413 as soon as it is longer than it may be."""
    nothing = BadInput(mark("No file came; choose the proposal.json of your common folder."))
    if request.content_type != "multipart/form-data":
        raise nothing
    found = bytearray()
    try:
        part = await MultipartReader(request.headers, request.content).next()
        if not isinstance(part, BodyPartReader) or part.name != name:
            raise nothing
        while chunk := await part.read_chunk(65_536):
            found += chunk
            if len(found) > most:
                raise web.HTTPRequestEntityTooLarge(most, len(found))
    except (ValueError, AssertionError, RuntimeError, EOFError, HttpProcessingError):  # as its reader pleases
        raise nothing from None
    if not found:
        raise nothing
    return bytes(found)


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        value = json.loads(await request.read())
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BadInput(mark("The browser sent something that cannot be read; load the page again."))
    return value


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""
