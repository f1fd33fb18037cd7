"""An edition of the rules: Cedar files with their schema, who has which right, and the catalogue.

Which one this installation has, and whether it is the one that the officers signed; and any other one, read from its
texts, so that a draft can be held against what is in force. A draft that does not load is `BadInput` that names file
and line, and nothing that runs is touched by it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from hashlib import sha256
from typing import Final

from messages.catalogue import Catalogue, load
from messages.catalogue.loader import CatalogueBroken, build, catalogue_texts
from messages.directory import Bundle
from messages.errors import BadInput
from policies import cedartext, rights
from policies.decide import Engine, RulesBroken, packaged_texts
from policies.rights import Rights

RIGHTS: Final = "rights.yaml"


@dataclass(frozen=True, kw_only=True)
class Edition:
    """Everything that decides but the bundle's own agreements and mandates."""

    engine: Engine
    catalogue: Catalogue
    rights: Rights
    texts: Mapping[str, str] = field(repr=False)  # of the rules, by file name

    @property
    def digests(self) -> tuple[str, str]:
        """Of rules and catalogue, as a bundle names them."""
        return digest(self.texts), self.catalogue.digest

    @cached_property
    def statements(self) -> Mapping[str, str]:
        """Each rule's text as it is written, by its id."""
        found = {}
        for name, text in self.texts.items():
            if name.endswith(".cedar"):
                by_line = {s.line: s.text for s in cedartext.statements(name, text)}
                rules = (r for r in self.engine.rules if r.source_file == name and r.line in by_line)
                found.update({rule.id: by_line[rule.line] for rule in rules})
        return found

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """While the block runs, facts are gathered by this edition's rights."""
        with rights.using(self.rights):
            yield


def digest(texts: Mapping[str, str]) -> str:
    """SHA-256 over the files of the rules, each as length and name, length and text, in hexadecimal."""
    found = sha256()
    for name in sorted(texts):
        for part in (name.encode(), texts[name].encode()):
            found.update(b"%d %b" % (len(part), part))
    return found.hexdigest()


@cache
def rules_digest() -> str:
    """The digest of the packaged rules, their schema and the table of rights."""
    return digest(packaged_texts())


@cache
def installed() -> Edition:
    """The edition of this installation."""
    return Edition(engine=Engine.load(), catalogue=load(), rights=rights.load(), texts=packaged_texts())


def read(rules: Mapping[str, str], catalogue: Mapping[str, str] | None = None) -> Edition:
    """An edition from its texts by file name, or raise `BadInput` with file, line and sentence of every fault.

    Without texts of a catalogue, this installation's; a file of rights that is missing is this installation's too.
    """
    texts = {RIGHTS: packaged_texts()[RIGHTS], **rules}
    try:
        if texts == packaged_texts() and (catalogue is None or catalogue == catalogue_texts()):
            return installed()
        return Edition(
            engine=Engine.of(texts),
            catalogue=load() if catalogue is None else build({n: t.encode() for n, t in catalogue.items()}),
            rights=rights.read(texts[RIGHTS], RIGHTS),
            texts=texts,
        )
    except (RulesBroken, CatalogueBroken) as error:
        raise BadInput(str(error)) from None


def check(bundle: Bundle) -> None:
    """Raise `BadInput` unless the officers signed exactly these rules and this catalogue.

    Deciding by other rules than the ones that were signed would be one person's change of policy (law 7).
    """
    if (bundle.rules_digest, bundle.catalogue_digest) != (rules_digest(), load().digest):
        raise BadInput(
            "The rules or the catalogue of this installation are not those that the officers signed; install the "
            "edition that the task force uses, or have the officers sign this one."
        )
