"""The data types for docs/case-files.md, from the catalogue: `python -m tests.docs.catalogue_table` prints them."""

from messages.catalogue import DataType, load

FILLED_IN = ("id", "type", "version", "created", "handling", "assertion", "lawful_basis")
"""Common fields: filled in by the composer, or the same in every object of the page's example."""
HEAD = (
    "| Type | Name | Carries | Parts (purpose) | You must write | Received by |",
    "|---|---|---|---|---|---|",
)


def _received(entry: DataType) -> str:
    """Classes by how they receive it, in the order of the data file."""
    ways: dict[str, list[str]] = {}
    for party_class, how in entry.receivers.items():
        ways.setdefault(how, []).append(party_class.value)
    return "; ".join(f"{how}: {', '.join(classes)}" for how, classes in ways.items())


def _required(entry: DataType) -> list[str]:
    """Fields that nobody fills in for the sender, in the order of the data files."""
    return [name for name, field in entry.fields.items() if field.required and name not in FILLED_IN]


def _row(entry: DataType) -> str:
    parts = ", ".join(f"`{part}` ({entry.purposes[part]})" for part in entry.parts)
    required = ", ".join(f"`{name}`" for name in _required(entry))
    return f"| {entry.id} | {entry.name} | {entry.carries} | {parts} | {required} | {_received(entry)} |"


def rows() -> list[str]:
    """Head and one line for each data type, in the catalogue's order."""
    catalogue = load()
    return [*HEAD, *(_row(catalogue.types[name]) for name in sorted(catalogue.types))]


if __name__ == "__main__":
    print("\n".join(rows()))
