"""Of whom each agency's extract of the trust bundle tells: of itself, and of those with whom it ever had an agreement.

Membership is confidential: without an agreement, two agencies do not learn from their extracts that the other exists.
Extracts never forget: an agreement that has ended still counts, so that what was sent under it can be proved.
"""

from collections.abc import Mapping

from messages.directory import Agency
from messages.errors import BadInput
from messages.ids import AgencyHandle
from policies.agreements import Agreement, Agreements, read_all


def shares(
    agencies: Mapping[AgencyHandle, Agency], agreements: Mapping[str, str]
) -> dict[AgencyHandle, tuple[frozenset[AgencyHandle], frozenset[str]]]:
    """For each agency the agencies and the agreements (by file name) that its extract holds.

    `agreements` maps file names to YAML texts. Raises `BadInput` for one that cannot be read, or that names a party
    which is no agency of the task force.
    """
    named = {a.name: a.handle for a in agencies.values()}
    seen = {h: {h} for h in agencies}
    held: dict[AgencyHandle, set[str]] = {h: set() for h in agencies}
    for file, agreement in zip(agreements, read_all(agreements.items()), strict=True):
        for name in agreement.parties:
            if name not in named:
                raise BadInput(f"{file}: {name} is no agency of this task force.")
        parties = {named[name] for name in agreement.parties}
        for party in parties:
            seen[party] |= parties
            held[party].add(file)
    return {h: (frozenset(seen[h]), frozenset(held[h])) for h in agencies}


def own_agreements(agreements: Mapping[str, Agreement], agency: str) -> Agreements:
    """Those of them that an agency's extract holds: the ones to which it (by name) is a party."""
    if isinstance(agreements, Agreements):
        return agreements.of(agency)
    return Agreements(a for a in agreements.values() if agency in a.parties)


class Sight:
    """Who sees whom, worked out again only when the agencies or the agreements are others than the last time."""

    def __init__(self) -> None:
        self._of: tuple[object, object] | None = None
        self._seen: dict[AgencyHandle, frozenset[AgencyHandle]] = {}

    def under(
        self, agencies: tuple[Agency, ...], agreements: Mapping[str, Agreement]
    ) -> Mapping[AgencyHandle, frozenset[AgencyHandle]]:
        """For each agency those of which its extract tells, as `shares` gives them."""
        if self._of is None or self._of[0] is not agencies or self._of[1] is not agreements:
            named = {a.name: a.handle for a in agencies}
            seen = {a.handle: {a.handle} for a in agencies}
            for agreement in agreements.values():
                parties = {named[name] for name in agreement.parties if name in named}
                for party in parties:
                    seen[party] |= parties
            self._of = agencies, agreements
            self._seen = {h: frozenset(others) for h, others in seen.items()}
        return self._seen
