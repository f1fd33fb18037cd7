"""The agency side: SDK, journal, planning, release guard. Start reading at `adapters.client`."""
