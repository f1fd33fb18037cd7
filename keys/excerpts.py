"""Parts of one extract of the trust bundle that prove who somebody was: what a packet takes along (docs/packet.md).

They are bytes as they were published, signatures and all. Nothing is verified here: whoever keeps a repository has done
that, and whoever gets the excerpt does it again.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from keys.bundle import line
from keys.metadata import Audience
from keys.repository import Repository
from messages.errors import BadInput
from messages.ids import AgencyHandle, agency_handle

_ROLE: Final = "contacts/{}.json"
_AGENCY: Final = "agency/{}.json"
_ALWAYS: Final = ("operator.json", "officers.json", "witnesses.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """The chain of roots, the extract's top, the lists of contacts of some agencies, and the files that these name."""

    roots: tuple[bytes, ...]
    top: bytes
    lists: Mapping[str, bytes]
    files: tuple[bytes, ...]


def excerpt(
    kept: Repository,
    root: bytes,
    audience: Audience,
    epoch: int,
    agencies: Collection[AgencyHandle],
    agreements: Collection[str] = (),
) -> Excerpt:
    """Of the extract for `audience` in this epoch, what it has about these agencies, and agreements by their ids.

    `root`: the first root of the chain. Raises `BadInput` where the epoch is not kept.
    """
    if epoch not in kept.epochs():
        raise BadInput(f"The trust bundle of epoch {epoch} is not kept here, so nothing can be proved by it.")
    state = kept.state(epoch)
    first = json.loads(root)["signed"]["version"]
    roots = [data for version in range(first, state.root + 1) if (data := kept.root(version)) is not None]
    top = kept.top(audience, state.tops[audience])
    named = _targets(top)
    lists = {a: kept.role(a, state.roles[a]) for a in sorted(agencies) if _AGENCY.format(a) in named}
    wanted = [named[path] for path in (*_ALWAYS, *(_AGENCY.format(a) for a in lists)) if path in named]
    wanted += [_targets(data)[_ROLE.format(a)] for a, data in lists.items()]
    texts = {digest: kept.file(digest) for path, digest in named.items() if path.startswith("agreement/")}
    wanted += [d for d, text in texts.items() if any(f"id: {a}".encode() in text.splitlines() for a in agreements)]
    files = tuple(kept.file(digest) for digest in sorted(set(wanted)))
    return Excerpt(roots=tuple(roots), top=top, lists={str(a): data for a, data in lists.items()}, files=files)


def _targets(part: bytes) -> dict[str, str]:
    return {path: t["hashes"]["sha256"] for path, t in json.loads(part)["signed"]["targets"].items()}


def lines(kept: Repository, epoch: int, top: bytes) -> tuple[str, ...]:
    """Those of all lists of contacts of the extract with this top, as its listing has them."""
    state = kept.state(epoch)
    agencies = [agency_handle(p[7:-5]) for p in _targets(top) if p.startswith("agency/")]
    found = (line(a, sha256(kept.role(a, state.roles[a])).digest()) for a in agencies)
    return tuple(sorted(found))
