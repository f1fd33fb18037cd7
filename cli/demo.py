"""Operation Orchid."""


def demo() -> None:
    """Run it."""
