"""How long a test waits for what must come."""

from typing import Final

PATIENCE: Final = 60.0
"""Seconds; reached only by a failing test, so as long as a busy machine may stand still."""
