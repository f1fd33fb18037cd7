"""A bundle server that lies: a real HTTP server on the loopback that serves, byte by byte, what a test tells it to.

It is the broker itself turned against an agency: it has the online key, so `forged` makes snapshots and timestamps over
whatever parts it likes, old or foreign ones among them. What it has not are the officers' keys. Without the online key
it is whoever stands between; then it can only replay, mangle, delay and withhold.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from keys.metadata import FIELD, Metadata, MetaFile, Snapshot, Targets, Timestamp, moment, parse, sign
from keys.online import export
from keys.signing import Signer
from messages import cbor
from messages.limits import DAY
from tests.keys import trust
from tests.keys.trust import Force
from tests.support import tampering

Lie = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers one request by the first lie whose pattern fits its path, else from the pages, else with 404."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits for the client's delayed acknowledgement of its head
    told: "LyingBundleServer"

    def do_GET(self) -> None:
        path = self.path.removeprefix("/trust/")
        self.told.asked.append(path)
        try:
            for pattern, lie in self.told.lies.items():
                if fnmatch(path, pattern):
                    return lie(self)
            data = self.told.news() if path.startswith("news/") else self.told.pages.get(path)
            self.whole(data if data is not None else b"nothing\n", 200 if data is not None else 404)
        except OSError:
            self.close_connection = True  # the client would have no more of it

    def whole(self, data: bytes, status: int = 200, **headers: str) -> None:
        """An answer as an honest server gives it."""
        self.begin(status, **{"Content-Length": str(len(data))}, **headers)
        self.wfile.write(data)

    def begin(self, status: int = 200, **headers: str) -> None:
        """The head of an answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def honest(self) -> bytes:
        """What stands at this path."""
        return self.told.pages.get(self.path.removeprefix("/trust/"), b"")

    def log_message(self, *_: Any) -> None:
        return


@dataclass
class LyingBundleServer:
    """`pages` is what it serves, by path under /trust/; `lies` by pattern come first; `asked` is what it was asked.

    With `at_once` it gives all its pages as news, but for those it lies about when they are asked for.
    """

    pages: dict[str, bytes] = field(default_factory=dict)
    lies: dict[str, Lie] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    at_once: bool = False
    url: str = ""
    closing: threading.Event = field(default_factory=threading.Event)

    def news(self) -> bytes | None:
        """Every page in one answer, if that is what it does."""
        told = {p: data for p, data in self.pages.items() if not any(fnmatch(p, lie) for lie in self.lies)}
        return cbor.dump(told) if self.at_once else None

    @contextmanager
    def listening(self) -> Iterator["LyingBundleServer"]:
        """Serve while the block runs."""
        handler = type("Told", (Handler,), {"told": self})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}/trust"
        try:
            yield self
        finally:
            self.closing.set()
            server.shutdown()
            thread.join()
            server.server_close()


# Lies about HTTP


def status(code: int, body: bytes = b"no") -> Lie:
    return lambda handler: handler.whole(body, code)


def redirect(to: str) -> Lie:
    return lambda handler: handler.whole(b"", 302, Location=to)


def cut(handler: Handler) -> None:
    """Half of what was announced, then nothing."""
    data = handler.honest()
    handler.begin(200, **{"Content-Length": str(len(data))})
    handler.wfile.write(data[: len(data) // 2])
    handler.wfile.flush()
    handler.close_connection = True


def half(handler: Handler) -> None:
    """Half of it, announced as the whole."""
    data = handler.honest()
    handler.whole(data[: len(data) // 2])


def twice(handler: Handler) -> None:
    """More than was asked for."""
    handler.whole(handler.honest() * 2)


def flipped(handler: Handler) -> None:
    """One bit is another."""
    data = handler.honest()
    handler.whole(tampering.flipped(data, len(data) // 2))


def endless(code: int = 200) -> Lie:
    """Data for ever."""

    def lie(handler: Handler) -> None:
        handler.close_connection = True
        handler.begin(code)
        while not handler.told.closing.is_set():
            handler.wfile.write(b" " * 65536)

    return lie


def endless_chunks(handler: Handler) -> None:
    """Data for ever, in chunks, so that no length is announced."""
    handler.close_connection = True
    handler.begin(200, Transfer_Encoding="chunked")
    while not handler.told.closing.is_set():
        handler.wfile.write(b"10000\r\n" + b" " * 65536 + b"\r\n")


def dripping(handler: Handler) -> None:
    """One byte now and then, and never the last."""
    handler.close_connection = True
    handler.begin(200, **{"Content-Length": "10000"})
    while not handler.told.closing.wait(0.02):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def dripping_head(handler: Handler) -> None:
    """The same before the answer has even begun."""
    handler.close_connection = True
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not handler.told.closing.wait(0.02):
        handler.wfile.write(b"x")
        handler.wfile.flush()


def silent(handler: Handler) -> None:
    """Nothing at all."""
    handler.close_connection = True
    handler.told.closing.wait(30)


def no_http(handler: Handler) -> None:
    """Something else than HTTP."""
    handler.close_connection = True
    handler.wfile.write(b"\x00\xff SSH-2.0 hello\r\n\r\n")


def encoded(data: bytes, encoding: str) -> Lie:
    """Under a content encoding that nobody asked for."""
    return lambda handler: handler.whole(data, Content_Encoding=encoding)


# Lies that the online key can sign


@dataclass(frozen=True, kw_only=True)
class Forged:
    """What a holder of the online key claims. `top` and `roles` are signed parts as the officers made them, of any age;
    `swapped` are bytes that are served in place of the honest ones, though named by their digest.
    """

    audience: str
    epoch: int
    top: bytes
    roles: Mapping[str, bytes]
    at: int = field(default_factory=trust.now)
    signer: Signer = field(default_factory=trust.online)
    told_for: str | None = None
    ends: int = field(default_factory=lambda: trust.now() + 2 * DAY)
    version: int | None = None
    without_digest: tuple[str, ...] = ()
    swapped: Mapping[str, bytes] = field(default_factory=dict)


def forged(force: Force, claim: Forged) -> dict[str, bytes]:
    """The pages of a repository over which only the online signatures are this moment's."""
    version = claim.version if claim.version is not None else (claim.epoch << 24) | 0xFFFFFF
    parts = {"targets": claim.top, **claim.roles}
    pages = {f"metadata/{n}.root.json": data for n, data in enumerate(force.repository.roots(), 1)}
    meta = {}
    for name, data in parts.items():
        signed = parse(data, Targets, "part").signed
        digest = None if name in claim.without_digest else {"sha256": sha256(data).hexdigest()}
        meta[f"{name}.json"] = MetaFile(signed.version, len(data), digest)
        pages[f"metadata/{signed.version}.{name}.json"] = data
        for target in signed.targets.values():
            folder, slash, base = target.path.rpartition("/")
            pages[f"targets/{folder}{slash}{target.hashes['sha256']}.{base}"] = force.repository.file(
                target.hashes["sha256"]
            )
    told = {FIELD: {"for": claim.told_for or claim.audience, "epoch": claim.epoch, "at": claim.at}}
    snapshot = Metadata(Snapshot(version=version, expires=moment(claim.ends), meta=meta, unrecognized_fields=told))
    sign(snapshot, claim.signer)
    data = snapshot.to_bytes()
    pages[f"metadata/{version}.snapshot.json"] = data
    stamp = Metadata(
        Timestamp(
            version=version,
            expires=moment(claim.ends),
            snapshot_meta=MetaFile(version, len(data), {"sha256": sha256(data).hexdigest()}),
        )
    )
    sign(stamp, claim.signer)
    pages["metadata/timestamp.json"] = stamp.to_bytes()
    return pages | dict(claim.swapped)


def honest(force: Force, audience: str, at: int | None = None) -> dict[str, bytes]:
    """The pages of the honest broker."""
    return export(force.extracts, trust.Audience(audience), trust.now() if at is None else at)
