"""The broker's own copy of the trust bundle, and what it serves of it to each agency.

The officers publish into `trust/repository/`; a running broker notices a new epoch by itself, verifies it whole, and
only then goes on under it. What does not hold is reported and changes nothing; it is looked at again and again, for
what is half copied now may be whole in a moment. Every broker has a whole copy: each epoch names the one before it.

    trust/root.json      the root of trust, installed by hand
    trust/repository/    every epoch that was published (`keys.repository`)
    trust/places/        of every epoch that was in force here what the log was told, and each extract's place in it
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from pathlib import Path
from threading import Lock
from typing import Final

import structlog

from audit.logdir import write_atomically
from keys.bundle import Verifier
from keys.epochs import EpochTree, epoch_leaves, epoch_tree, lined_up
from keys.loading import all_stays
from keys.metadata import FULL, Audience
from keys.online import Extracts
from keys.repository import Repository, State, follows
from keys.signing import Signer
from messages import cbor, limits
from messages.ceremony import EpochStatement
from messages.directory import Bundle
from messages.errors import BadInput, BundleRefused, RemoteError, ShareError
from messages.ids import AgencyHandle

log = structlog.get_logger("broker.bundles")

PLACES: Final = "places"
MOST_PLACES: Final = 100_000  # extracts of one epoch
PLACES_BYTES: Final = 16 * 1024 * 1024
LEAVES: Final = 1024
"""Leaves of an epoch's tree at least: up to so many extracts its size tells nothing of their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One epoch as the broker took it over: its bundle, its statement for the log, and each extract's place in it."""

    state: State
    bundle: Bundle
    statement: EpochStatement
    leaves: dict[Audience, bytes] = field(repr=False)
    tree: EpochTree = field(repr=False)


class BrokerTrust:
    """The folder `trust/`. `current` is the epoch in force here; only `look` changes it, in whatever thread it runs."""

    def __init__(self, folder: Path, online: Signer, check: Callable[[Bundle], None]) -> None:
        """`check` raises where a bundle that holds is still not one to go on under."""
        self.folder = folder
        self._check = check
        self.repository = Repository(folder / "repository")
        try:
            root = (folder / "root.json").read_bytes()
        except OSError:
            raise BadInput(f"{folder} lacks root.json, the task force's root of trust; install it first.") from None
        self._verifier = Verifier(root, Audience(FULL))
        self.extracts = Extracts(self.repository, online)
        self._online = online
        self._refused: dict[int, str] = {}
        self._serving = Lock()
        with all_stays():
            self.current = self._first()
        self._keep(self.current)

    def _first(self) -> Epoch:
        """The newest epoch that holds; where the newest does not, the one before, and a log line says so."""
        found, refusal = self._newest(0, None)
        if found is not None:
            return found
        if refusal is not None:
            raise refusal
        raise BadInput(f"No trust bundle was published into {self.folder} yet; see: safeconduct bundle publish --help")

    def look(self) -> Epoch | None:
        """The newest epoch that holds, if it is newer than the current one, and go on under it; else None."""
        found, _ = self._newest(self.current.state.epoch, self.current.state)
        if found is not None:
            self.current = found
            self._keep(found)
        return found

    def _newest(self, than: int, last: State | None) -> tuple[Epoch | None, ShareError | None]:
        """The newest epoch above `than` that holds, and why the newest of all did not. Each reason is logged once."""
        refusal: ShareError | None = None
        for number in reversed(self.repository.epochs()):
            if number <= than:
                break
            try:
                found = self._take(self.repository.state(number), last)
            except ShareError as error:
                refusal = refusal or error
                if self._refused.get(number) != str(error):
                    self._refused[number] = str(error)
                    log.error("epoch-refused", epoch=number, code=error.code, says=str(error))
            else:
                return found, refusal
        return None, refusal

    def _take(self, state: State, last: State | None = None) -> Epoch:
        bundle = self._verifier.open(self.repository, state)
        if state.root != self._verifier.root.signed.version:
            raise BundleRefused("rolled-back", "The epoch names an older root than the newest one. Tell the officers.")
        for before in self._before(state, last):
            follows(before, state)
        self._check(bundle)
        leaves = epoch_leaves(state.epoch, self.extracts.leaves(state))
        tree = epoch_tree(lined_up(leaves.values(), _drawn(self._online, state.epoch), LEAVES))
        statement = EpochStatement(
            epoch=state.epoch,
            at=state.at,
            root=tree.root,
            extracts=len(tree.leaves),
            full=bundle.digest,
            previous=self._digest_of_last(state, last),
        )
        with self._serving:
            self.extracts.take(state)
        return Epoch(state=state, bundle=bundle, statement=statement, leaves=leaves, tree=tree)

    def _before(self, state: State, last: State | None) -> Iterator[State]:
        """What `state` has to follow: what was in force last, and the epoch before it, if that is another one."""
        if last is not None:
            yield last
        before = [e for e in self.repository.epochs() if e < state.epoch]
        if before and (last is None or last.epoch != before[-1]):
            yield self.repository.state(before[-1])

    def _digest_of_last(self, state: State, last: State | None) -> bytes | None:
        """Names the epoch before by its stored state, which is the same at every broker."""
        before = [e for e in self.repository.epochs() if e < state.epoch]
        if not before:
            return None
        if last is None or last.epoch != before[-1]:
            last = self.repository.state(before[-1])
        return sha256(last.to_bytes()).digest()

    def steps(self, since: int, after: int = 0) -> Iterator[bytes]:
        """Signed steps of the ceremonies that led to the epochs published since `since`, oldest first: also to those
        that were never in force here, because the next one was there already. Of epochs up to `after` nothing is read:
        they were told, and there are more of them every day.
        """
        current = self.current.state
        for number in self.repository.epochs():
            if after < number <= current.epoch:
                try:
                    state = current if number == current.epoch else self.repository.state(number)
                except BundleRefused:
                    continue  # it was refused and said when it came
                if state.at >= since:
                    yield from state.steps

    def audience_of(self, nkey: str, now: int) -> Audience | None:
        """Whose extract the holder of this login may fetch: its agency's; the operator's own fetches the whole."""
        directory = self.current.bundle.directory
        if nkey == directory.operator.nkey:
            return Audience(FULL)
        found = directory.login(nkey, now)
        return Audience(found[0].handle) if found is not None else None

    def answer(self, audience: Audience, path: str, now: int) -> bytes | None:
        """What an audience finds at a path of its extract, or None. Never begun in one epoch and ended in another."""
        with self._serving:
            return self.extracts.answer(audience, path, now)

    def place(
        self, agency: AgencyHandle, epoch: int | None = None
    ) -> tuple[EpochStatement, int, tuple[bytes, ...]] | None:
        """An epoch's statement, and the place of an agency's extract in its tree: index and path. Of the current epoch
        or one before; None where that was not in force here, or had no such agency.
        """
        current = self.current
        if epoch is None or epoch == current.state.epoch:
            statement, leaf, tree = current.statement, current.leaves.get(Audience(agency)), current.tree
        else:
            found = self._kept(epoch, agency)
            if found is None:
                return None
            statement, leaf, tree = found
        if leaf is None:
            return None
        index, path = tree.path(leaf)
        return statement, index, path

    def _keep(self, epoch: Epoch) -> None:
        """Keep what proves an extract's place once the epoch is past: fillers and order cannot be made again when the
        online key has changed. Where the disk does not take it, the epoch is in force all the same.
        """
        path = self.folder / PLACES / str(epoch.state.epoch)
        leaves = {str(audience): leaf for audience, leaf in epoch.leaves.items()}
        value = {"statement": epoch.statement.to_bytes(), "leaves": list(epoch.tree.leaves), "of": leaves}
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            write_atomically(path, [cbor.dump(value)])
        except OSError:
            log.warning("places-not-kept", epoch=epoch.state.epoch)

    def _kept(self, epoch: int, agency: AgencyHandle) -> tuple[EpochStatement, bytes | None, EpochTree] | None:
        """What was kept of a past epoch, if it is whole: whoever gets a place has it proved all the same."""
        try:
            data = (self.folder / PLACES / str(epoch)).read_bytes()
            reader = cbor.Reader(cbor.load(data, PLACES_BYTES, "places"), "places")
            statement = EpochStatement.from_bytes(reader.raw("statement"))
            leaves = cbor.bytes_list(reader.items("leaves", MOST_PLACES), "places", limits.DIGEST, limits.DIGEST)
            leaf = reader.map("of", MOST_PLACES).get(agency)
            reader.end()
        except (OSError, RemoteError):
            return None
        tree = epoch_tree(leaves)
        whole = statement.epoch == epoch and (tree.root, len(leaves)) == (statement.root, statement.extracts)
        return (statement, leaf if leaf in leaves else None, tree) if whole else None


def _drawn(online: Signer, epoch: int) -> Callable[[int], bytes]:
    """Filler leaves that look random to all, and are the same at every broker that holds the online key.

    An Ed25519 signature is the same each time for one text, and this one is shown to nobody.
    """
    secret = sha256(online.sign_metadata(b"safeconduct filler leaves of epoch %d" % epoch)).digest()
    count = iter(range(1 << 32))
    return lambda size: blake2b(b"%d" % next(count), key=secret, digest_size=size).digest()
