"""The release guard: an independent process of the sending agency, with its own key (docs/design.md section 7.3).

For each recipient without identity rights it gets every section as it will travel, with its key, the recipient's public
key, and the identities that the sender knows. It trusts none of the sender's words about them: it opens each section
with the key it was given, validates it against its type, computes roles and flags itself, searches every string of
every granted section for every identity in two ways of its own, and only then seals the grant itself and signs what it
found.

`adapters.guarding` holds its parts: `examining` is the pure core, `service` the process, `client` the adapter's line to
it. What the guard answers names sections, places, kinds and rules, never a word of content.
"""

from adapters.guarding.client import SOCKET, GuardClient, GuardUnreachable, socket_of
from adapters.guarding.examining import PSEUDONYM, SHAPED, examine
from adapters.guarding.protocol import Found, GuardRefused, GuardRequest, GuardSection, known_bytes
from adapters.guarding.service import KEY_FILE, attest, check_folder, load_net, open_key, same_user, serving
from adapters.guarding.settings import GuardSettings, Strictness

__all__ = [
    "KEY_FILE",
    "PSEUDONYM",
    "SHAPED",
    "SOCKET",
    "Found",
    "GuardClient",
    "GuardRefused",
    "GuardRequest",
    "GuardSection",
    "GuardSettings",
    "GuardUnreachable",
    "Strictness",
    "attest",
    "check_folder",
    "examine",
    "known_bytes",
    "load_net",
    "open_key",
    "same_user",
    "serving",
    "socket_of",
]
