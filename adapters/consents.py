"""From a consent record (A23) to the terms that the broker may see: no name, no pseudonym (docs/design.md section 6).

Pure, and the same for sender and guard: the guard makes the terms again from the record it is shown, and attests a
consent's id only where they are equal. The paper's digest is over the whole record, salted by its random id; the
record stays with its collector.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from keys.consents import with_id
from messages.attestations import Consent, ConsentForm, ConsentPurpose, ConsentRoute
from messages.ids import AgencyHandle, ContactHandle
from messages.labels import Flag

ITEMS: Final = tuple((t, (Flag.DIRECT, Flag.LOCATION, Flag.SENSITIVE)) for t in ("A22", "A24"))
"""What a referral under this consent may carry; the record itself names no items finer than what it withholds."""


def terms(record: Mapping[str, Any], collector: ContactHandle, recipient: AgencyHandle) -> Consent:
    """The terms of a validated A23 object towards one agency."""
    salt = UUID(record["id"]).bytes
    return with_id(
        Consent(
            id=bytes(16),
            collector=collector,
            purposes=tuple(sorted(ConsentPurpose(p) for p in record["purposes_allowed"])),
            recipient=recipient,
            party_class=None,
            items=ITEMS,
            form=ConsentForm(record["form"]),
            language=record.get("language_explained", "und"),
            interpreter=False,
            given=_milliseconds(record["given_on"]),
            expires=_milliseconds(record["expires_on"]),
            route=ConsentRoute.CONSENT,
            paper=sha256(salt + json.dumps(record, sort_keys=True).encode()).digest(),
        )
    )


def _milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
