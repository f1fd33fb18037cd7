"""Waiting between two rounds of what is done again and again, until it is to stop."""

import asyncio


async def stopped(stop: asyncio.Event, seconds: float) -> bool:
    """Wait until `stop` is set, and no longer than `seconds`; whether it is."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return stop.is_set()
    return True
