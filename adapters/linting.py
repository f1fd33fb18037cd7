"""What a subject line may not say: it introduces a message in lists and notices, so it carries no personal data (C.1).

Pure. It is looked at before anything is sealed, for every recipient alike, those with identity rights included: whoever
reads over a shoulder sees the subject first.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from adapters.known import known_persons, suspects, to_identity
from messages.catalogue import Catalogue
from messages.errors import BadInput
from policies.redaction.engine import redact, search
from policies.redaction.errors import RedactionError
from policies.redaction.identity import Identity

LENGTH: Final = 120
_DIGITS: Final = re.compile(r"\d(?:[\s()./+-]{0,3}\d){4,}")
_MEND: Final = "write what it is about in a few words, without names, numbers or dates."


def check_subject(text: str, objects: Iterable[Mapping[str, Any]], catalogue: Catalogue) -> None:
    """Raise `BadInput` where the line is long, holds a number or date, or names anybody whom `objects` know.

    `objects` (validated) are those of the message and those that are known; suspects count too.
    """
    known = list(objects)
    if len(text) > LENGTH or "\n" in text:
        raise BadInput(f"The subject line is one line of at most {LENGTH} characters; {_MEND}")
    identities = [to_identity(person, "person") for person in known_persons(known)]
    identities += [Identity(pseudonym="person", names=(name,)) for name in suspects(known, catalogue)]
    everybody = tuple(dict.fromkeys(identities))
    try:
        found = {f.kind for f in (*search(text, everybody, strict=True), *redact(text, everybody).findings)}
    except RedactionError:
        raise BadInput(f"The subject line cannot be searched for names in this script; {_MEND}") from None
    if "name" in found:
        raise BadInput(f"The subject line names somebody who is known to this message; {_MEND}")
    if found or _DIGITS.search(text):
        raise BadInput(f"The subject line holds a number, a date or an address; {_MEND}")
