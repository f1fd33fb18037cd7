"""The catalogue of permitted information types: data files, and the models that are made of them. Start at `load`."""

from messages.catalogue.datatype import DataType, Field, RoleSource
from messages.catalogue.jsontext import parse_json
from messages.catalogue.kinds import CoverField, Deadline, MessageKind
from messages.catalogue.loader import Catalogue, CatalogueBroken, CodeList, catalogue_texts, load
from messages.catalogue.persons import KnownPerson, identities

__all__ = [
    "Catalogue",
    "CatalogueBroken",
    "CodeList",
    "CoverField",
    "DataType",
    "Deadline",
    "Field",
    "KnownPerson",
    "MessageKind",
    "RoleSource",
    "catalogue_texts",
    "identities",
    "load",
    "parse_json",
]
