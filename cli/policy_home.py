"""Which trust bundle a folder holds, for commands that only read it."""

from pathlib import Path

from adapters.home import read_bundle
from keys.bundle import Verifier
from keys.metadata import FULL, Audience
from keys.repository import Repository
from messages.catalogue import load as load_catalogue
from messages.directory import Bundle
from messages.errors import BadInput
from policies.agreements import Agreements, read_all
from policies.decide import Engine
from policies.inquiry import Known


def bundle_of(home: Path) -> Bundle:
    """The trust bundle of a folder, its signatures checked again: an agency's extract, or at a broker's the whole."""
    if (home / "broker.json").is_file():
        repository = Repository(home / "trust" / "repository")
        state, root = repository.newest(), home / "trust" / "root.json"
        if state is None or not root.is_file():
            raise BadInput(f"Nothing was published to {home} yet.")
        return Verifier(root.read_bytes(), Audience(FULL)).open(repository, state)
    if (home / "officer.json").is_file():
        raise BadInput("An officer's own folder holds no trust bundle; name the broker's or an agency's with --home.")
    return read_bundle(home)


def known(bundle: Bundle) -> Known:
    """What whoever holds this bundle may know of."""
    return Known(
        directory=bundle.directory,
        agreements=Agreements(read_all(bundle.agreements.items())),
        engine=Engine.load(),
        catalogue=load_catalogue(),
    )
