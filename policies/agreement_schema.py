"""The form of an agreement as JSON Schema, so that an editor completes and checks it while it is written.

`docs/schemas/agreement.json` is what this module makes, and a test holds the two together: `python -m
policies.agreement_schema` writes it again. What a schema cannot say (that the parties are the ones exchanged, what the
law allows) `safeconduct agreement check` says.
"""

import json
from pathlib import Path
from typing import Any, Final

from messages.catalogue import load
from messages.catalogue.loader import TYPE_IDS
from messages.labels import Basis, CrimeArea, HCode, Kind, Purpose, Tlp
from policies.agreements import Agreement
from policies.summary import AREAS, PURPOSES
from policies.words import TLP, H

FILE: Final = Path(__file__).resolve().parent.parent / "docs" / "schemas" / "agreement.json"
ID: Final = "urn:safeconduct:agreement:1"


def words() -> dict[str, dict[str, str]]:
    """The words of each field of an agreement, with what they mean, as far as the catalogue says it."""
    catalogue = load()
    types = {t: catalogue.types[t].title if t in catalogue.types else "not in the catalogue yet" for t in TYPE_IDS}
    bases = catalogue.codes["lawful-bases"].codes
    return {
        "purposes": {p: PURPOSES[p] for p in Purpose},
        "bases": {b: bases.get(b, "") for b in Basis},
        "areas": {a: AREAS[a] for a in CrimeArea},
        "max_tlp": {t: TLP[t] for t in Tlp},
        "h": {h: H[h] for h in HCode},
        "kinds": {k: catalogue.kinds[k].title for k in Kind},
        "types": types,
        "identity": types,
    }


def schema() -> dict[str, Any]:
    """The schema; each word of a list with what it means."""
    made = Agreement.model_json_schema(by_alias=True)
    definitions, meanings = made["$defs"], words()
    for name, field in (
        ("Purpose", "purposes"),
        ("Basis", "bases"),
        ("CrimeArea", "areas"),
        ("Tlp", "max_tlp"),
        ("HCode", "h"),
        ("Kind", "kinds"),
    ):
        definitions[name]["enumDescriptions"] = list(meanings[field].values())
    exchange = definitions["Exchange"]["properties"]
    for field in ("types", "identity"):
        exchange[field]["items"]["enumDescriptions"] = list(meanings[field].values())
    for definition in (made, *definitions.values()):
        _plain(definition)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "Sharing agreement",
        "description": "One sharing agreement between two agencies of a task force; see docs/policy.md",
        **{k: v for k, v in made.items() if k not in ("title", "description")},
    }


def _plain(definition: dict[str, Any]) -> None:
    """Without the titles that pydantic makes of field names, and with lists whose words differ."""
    for spec in definition.get("properties", {}).values():
        spec.pop("title", None)
        if spec.get("type") == "array":
            spec["uniqueItems"] = True


def text() -> str:
    """The file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text(), encoding="utf-8")
