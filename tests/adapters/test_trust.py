"""Whether an agency may send under the trust bundle it holds, and how it keeps that bundle; on real files."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters import trust as adapters_trust
from adapters.trust import AgencyTrust, Refused
from keys.nkey import new_nkey
from keys.updating import Taken, install_root
from messages.directory import Bundle
from messages.errors import BadInput, BundleRefused, DependencyError, Stale
from messages.limits import DAY
from tests.hostile.lying_bundle_server import LyingBundleServer, status
from tests.keys import trust
from tests.keys.trust import COURT, POLICE, Force

SEED = new_nkey()[0]


class Sticks:
    """One task force at two epochs, each on a stick, and what may be offered instead."""

    def __init__(self, folder: Path) -> None:
        self.force = Force(folder / "officers")
        self.force.publish()
        self.first = self.force.stick(folder / "first", POLICE)
        court = self.force.content.agencies[COURT]
        self.force.publish(self.force.content.with_agency(court.model_copy(update={"title": "another"})))
        self.second = self.force.stick(folder / "second", POLICE)
        self.frozen = self.force.stick(folder / "frozen", POLICE, trust.now() - 5 * DAY)
        self.foreign = self.force.stick(folder / "foreign", COURT)
        self.mixed = self.force.stick(folder / "mixed", POLICE)
        old = next(p for p in (self.first / "metadata").iterdir() if p.name.endswith("1.targets.json"))
        (self.mixed / "metadata" / "2.targets.json").write_bytes(old.read_bytes())


@pytest.fixture(scope="module")
def sticks(tmp_path_factory: pytest.TempPathFactory) -> Sticks:
    return Sticks(tmp_path_factory.mktemp("sticks"))


@pytest.fixture
def early(sticks: Sticks, tmp_path: Path) -> AgencyTrust:
    """The folder of the police, which holds the first epoch."""
    install_root(tmp_path / "trust", sticks.force.root)
    made = AgencyTrust(tmp_path / "trust", POLICE, None)
    made.carry_in(sticks.first)
    return made


@pytest.fixture
def ours(early: AgencyTrust, sticks: Sticks) -> AgencyTrust:
    """The same, which holds the second epoch."""
    early.carry_in(sticks.second)
    return early


def again(ours: AgencyTrust, url: str | None = None, tls: Path | None = None) -> AgencyTrust:
    """The same folder, as the next process sees it."""
    return AgencyTrust(ours.copy.folder, POLICE, url, tls)


def offered(ours: AgencyTrust, stick: Path) -> BundleRefused:
    with pytest.raises(BundleRefused) as caught:
        ours.carry_in(stick)
    return caught.value


LIES: dict[str, Callable[[Sticks], Path]] = {
    "rolled-back": lambda s: s.first,
    "frozen": lambda s: s.frozen,
    "mixed": lambda s: s.mixed,
    "not-for-us": lambda s: s.foreign,
}


def test_under_an_honest_bundle_in_its_time_there_is_nothing_to_say(ours: AgencyTrust) -> None:
    bundle, now = ours.load(), trust.now()
    ours.check_sendable(bundle, now)
    assert ours.refused() is None and ours.warnings(bundle, now) == []


def test_under_an_expired_bundle_nothing_is_sent_and_who_opens_is_warned(ours: AgencyTrust) -> None:
    bundle = ours.load()
    ours.check_sendable(bundle, bundle.expires - 1)
    assert ours.warnings(bundle, bundle.expires - 1) == []
    with pytest.raises(Stale, match="expired"):
        ours.check_sendable(bundle, bundle.expires)
    (warning,) = ours.warnings(bundle, bundle.expires)
    assert "has expired" in warning and "before you rely on who sent this" in warning


@pytest.mark.parametrize("why", LIES)
def test_what_was_refused_is_named_stops_sending_and_is_remembered_by_the_next_process(
    early: AgencyTrust, sticks: Sticks, why: str
) -> None:
    ours = early
    if why == "rolled-back":
        ours.carry_in(sticks.second)
    bundle, now = ours.load(), trust.now()
    with capture_logs() as logs:
        refusal = offered(ours, LIES[why](sticks))
    assert refusal.why == why
    assert {"event": "alarm", "what": "bundle-refused", "why": why, "log_level": "error"} in logs
    for one in (ours, again(ours)):
        assert one.refused() == Refused(why, str(refusal))
        assert one.load() == bundle, "the bundle before stays in use"
        with pytest.raises(Stale) as caught:
            one.check_sendable(bundle, now)
        assert str(refusal) in str(caught.value) and "until an honest trust bundle was fetched" in str(caught.value)
        (warning,) = one.warnings(bundle, now)
        assert str(refusal) in warning


def test_an_honest_bundle_lets_send_again(ours: AgencyTrust, sticks: Sticks) -> None:
    offered(ours, sticks.first)
    taken = again(ours).carry_in(sticks.second)
    assert not taken.changed
    for one in (ours, again(ours)):
        assert one.refused() is None
        one.check_sendable(taken.bundle, trust.now())


def test_the_newest_refusal_is_the_one_that_is_named(early: AgencyTrust, sticks: Sticks) -> None:
    for why in ("frozen", "mixed", "not-for-us"):
        offered(early, LIES[why](sticks))
        assert early.refused() == Refused(why, (again(early).refused() or pytest.fail()).sentence)


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b"null", b'{"why": "x"}', b"\xff"])
def test_a_note_that_cannot_be_read_stops_sending(ours: AgencyTrust, note: bytes) -> None:
    (ours.copy.folder / "refused.json").write_bytes(note)
    with pytest.raises(Stale, match="cannot be read"):
        ours.check_sendable(ours.load(), trust.now())


def test_a_full_disk_does_not_make_a_refusal_unsaid(
    ours: AgencyTrust, sticks: Sticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(adapters_trust, "write_atomically", full)
    refusal = offered(ours, sticks.first)
    assert ours.refused() == Refused("rolled-back", str(refusal))
    with pytest.raises(Stale, match="older"):
        ours.check_sendable(ours.load(), trust.now())
    ours.carry_in(sticks.second)
    assert ours.refused() is None


def test_what_could_not_be_fetched_at_all_accuses_nobody(ours: AgencyTrust, tmp_path: Path) -> None:
    bundle = ours.load()
    with pytest.raises((DependencyError, BadInput)):
        ours.carry_in(tmp_path / "no-such-stick")
    with pytest.raises(DependencyError):
        again(ours, "http://127.0.0.1:1/trust").refresh(SEED, trust.now)
    assert ours.refused() is None
    ours.check_sendable(bundle, trust.now())


def test_a_login_that_is_refused_does_not_stop_sending(ours: AgencyTrust) -> None:
    with LyingBundleServer(lies={"*": status(403)}).listening() as server, pytest.raises(BundleRefused) as caught:
        again(ours, server.url).refresh(SEED, trust.now)
    assert caught.value.why == "refused"
    assert again(ours).refused() is None
    ours.check_sendable(ours.load(), trust.now())


def test_it_is_fetched_from_the_endpoint_and_the_same_again_is_no_news(sticks: Sticks, tmp_path: Path) -> None:
    install_root(tmp_path / "trust", sticks.force.root)
    pages = {str(p.relative_to(sticks.second)): p.read_bytes() for p in sticks.second.rglob("*") if p.is_file()}
    with LyingBundleServer(pages=pages).listening() as server:
        found = [AgencyTrust(tmp_path / "trust", POLICE, server.url).refresh(SEED, trust.now) for _ in range(2)]
    assert [t.changed for t in found] == [True, False]
    assert isinstance(found[0], Taken) and isinstance(found[0].bundle, Bundle) and found[0].bundle.epoch == 2


def test_without_an_address_it_says_to_start_the_broker(ours: AgencyTrust) -> None:
    with pytest.raises(DependencyError, match="address of the broker's trust endpoint is not known"):
        ours.refresh(SEED, trust.now)


def test_https_without_our_tls_files_says_how_to_get_them(ours: AgencyTrust, tmp_path: Path) -> None:
    with pytest.raises(DependencyError, match="wants TLS"):
        again(ours, "https://127.0.0.1:1/trust").refresh(SEED, trust.now)
    with pytest.raises((DependencyError, BadInput)) as caught:
        again(ours, "https://127.0.0.1:1/trust", tmp_path / "tls").refresh(SEED, trust.now)
    assert str(tmp_path / "tls") in str(caught.value)
    assert ours.refused() is None


def test_nothing_that_a_bundle_says_of_its_end_outlasts_what_the_broker_vouches_for(ours: AgencyTrust) -> None:
    bundle = ours.load()
    assert bundle.expires <= trust.now() + 3 * DAY
    with pytest.raises(Stale):
        ours.check_sendable(replace(bundle, expires=0), 0)
