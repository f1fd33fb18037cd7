"""The JSON Schemas under docs/schemas, from the catalogue: `python -m tests.docs.schemas` writes them again."""

import json
from pathlib import Path
from typing import Final

from messages.catalogue import load
from messages.catalogue.jsonschema import schema

FOLDER: Final = Path(__file__).parents[2] / "docs" / "schemas"


def texts() -> dict[str, str]:
    """Every schema document by its file's name, as it is published."""
    catalogue = load()
    return {
        f"{identifier}.json": json.dumps(schema(data_type, catalogue), indent=2, ensure_ascii=False) + "\n"
        for identifier, data_type in catalogue.types.items()
    }


def write() -> None:
    """Publish them, and take away those of types that are published no more; other schemas in the folder stay."""
    FOLDER.mkdir(exist_ok=True)
    found = texts()
    for path in FOLDER.glob("A*.json"):
        if path.name not in found:
            path.unlink()
    for name, text in found.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
