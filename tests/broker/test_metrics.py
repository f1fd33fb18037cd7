"""What a broker shows of itself: numbers and the names of streams, on the loopback alone."""

from dataclasses import replace

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from broker.metrics import LABELS, Readings, text, watched
from bus import subjects
from messages.errors import DependencyError

STATE = {"messages": 3, "bytes": 900, "first_seq": 1, "last_seq": 7}
WELL = Readings(
    now=1_000_000,
    admitted=5,
    dropped=1,
    set_aside=2,
    foreign=0,
    shut_out=4,
    leaves=9,
    epoch=4,
    expires=1_060_000,
    keeps_up=True,
    streams={spec.name: STATE for spec in subjects.STREAMS},
)


def samples(readings: Readings) -> dict[tuple[str, str], float]:
    found = {}
    for family in text_string_to_metric_families(text(readings).decode()):
        for one in family.samples:
            assert one.labels.keys() <= LABELS
            found[one.name, one.labels.get("stream", "")] = one.value
    return found


def test_prometheus_own_parser_reads_every_number_and_no_label_names_anybody() -> None:
    found = samples(WELL)
    assert found["safeconduct_submissions_done", ""] == 5
    assert found["safeconduct_shut_out", ""] == 4
    assert found["safeconduct_bundle_expires_seconds", ""] == 60
    assert found["safeconduct_stream_sequence", "FLOW"] == 7
    assert found["safeconduct_ready", ""] == 1
    assert {label for _, label in found} == {"", *(spec.name for spec in subjects.STREAMS)}


@pytest.mark.parametrize(
    ("readings", "trouble"),
    [
        (WELL, None),
        (replace(WELL, streams={}), "bus-down"),
        (replace(WELL, now=WELL.expires), "bundle-expired"),
        (replace(WELL, keeps_up=False), "log-behind"),
    ],
)
def test_it_is_ready_exactly_while_messages_are_admitted(readings: Readings, trouble: str | None) -> None:
    assert readings.trouble() == trouble
    assert samples(readings)["safeconduct_ready", ""] == (trouble is None)


async def test_it_answers_on_the_loopback_and_says_when_it_is_not_ready() -> None:
    now = WELL

    async def read() -> Readings:
        return now

    async with watched(read, 0) as address, aiohttp.ClientSession() as session:
        assert address.startswith("http://127.0.0.1:")
        assert (await session.get(f"{address}/health/live")).status == 200
        assert (await session.get(f"{address}/health/ready")).status == 200
        assert (await (await session.get(f"{address}/metrics")).read()) == text(WELL)
        now = replace(WELL, keeps_up=False)
        late = await session.get(f"{address}/health/ready")
        assert (late.status, await late.text()) == (503, "log-behind\n")
        assert (await session.get(f"{address}/else")).status == 404
        with pytest.raises(DependencyError, match="cannot be served"):
            async with watched(read, int(address.rpartition(":")[2])):
                raise AssertionError
