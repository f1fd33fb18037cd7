"""What the bytes of files go through loads what it needs and nothing else: that is why these are processes."""

import json
import subprocess
import sys

import pytest

from tests.support.processes import ROOT, environment

LOADED = "import importlib, json, sys; importlib.import_module(sys.argv[1]); print(json.dumps(sorted(sys.modules)))"
HEAVY = {"pydantic", "yaml", "cedarpy", "rapidfuzz", "phonenumbers", "tuf", "sqlalchemy", "typer", "policies", "audit"}


@pytest.mark.parametrize("module", ["adapters.evidencefiles.carrier", "broker.chunkserver"])
def test_whoever_carries_files_loads_neither_rules_nor_catalogue_nor_databases(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, module], env=environment(), cwd=ROOT, capture_output=True, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert {module, "nats", "nacl"} <= loaded
    assert loaded & HEAVY == set()
    assert "messages.catalogue" not in loaded
