"""The catalogue as people look things up in it: types, fields, code lists."""

from rich.table import Table

from cli.common import out
from messages.catalogue import Catalogue, DataType, load
from messages.errors import BadInput


def show(identifier: str | None, *, as_json: bool) -> None:
    """All types, one type's fields, or one code list; raises `BadInput` for anything else."""
    catalogue = load()
    if identifier is None:
        _all(catalogue, as_json=as_json)
    elif identifier in catalogue.types:
        _one(catalogue.types[identifier], as_json=as_json)
    elif identifier in catalogue.codes:
        _codes(catalogue, identifier, as_json=as_json)
    else:
        known = ", ".join([*catalogue.types, *sorted(catalogue.codes)])
        raise BadInput(f"There is no data type or code list {identifier[:40]!r}; known are {known}.")


def _all(catalogue: Catalogue, *, as_json: bool) -> None:
    rows = [
        {
            "id": t.id,
            "title": t.title,
            "parts": list(t.parts),
            "handling": f"TLP:{t.tlp.value} {t.h.value}",
            "receivers": [f"{party.value} {how}" for party, how in t.receivers.items()],
        }
        for t in catalogue.types.values()
    ]
    if as_json:
        out.print_json(data=rows)
        return
    table = Table("id", "title", "parts", "handling", "normal receivers")
    for row in rows:
        table.add_row(
            str(row["id"]), str(row["title"]), " ".join(row["parts"]), str(row["handling"]), ", ".join(row["receivers"])
        )
    out.print(table)


def _one(data_type: DataType, *, as_json: bool) -> None:
    rows = [
        {
            "field": name,
            "required": field.required,
            "parts": list(field.parts),
            "flags": sorted(f.value for f in field.flags),
            "expects": field.expects,
            "list": field.code_list or None,
        }
        for name, field in data_type.fields.items()
    ]
    if as_json:
        out.print_json(data=rows)
        return
    table = Table("field", "part", "flags", "expects", title=f"{data_type.id} {data_type.title}: {data_type.carries}")
    table.columns[0].no_wrap = True
    for row in rows:
        star = "*" if row["required"] else ""
        parts, flags = row["parts"], row["flags"]
        table.add_row(
            f"{row['field']}{star}",
            " ".join(parts if isinstance(parts, list) else ()),
            " ".join(flags if isinstance(flags, list) else ()),
            str(row["expects"]),
        )
    out.print(table)
    out.print("* required; D direct, Q quasi, L location, S sensitive: what the field can do to the person")


def _codes(catalogue: Catalogue, name: str, *, as_json: bool) -> None:
    found = catalogue.codes[name]
    if as_json:
        out.print_json(data=dict(found.codes))
        return
    table = Table("code", "says", title=f"{name} ({found.source})")
    for code, says in found.codes.items():
        table.add_row(code, says)
    out.print(table)
