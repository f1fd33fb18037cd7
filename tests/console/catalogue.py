"""The texts of the console, collected: `python -m tests.console.catalogue` writes broker/console/locale/console.pot.

Also a pseudo-language, in which every text of the catalogue stands in ⟦brackets⟧: what is on a page outside them was
never in the catalogue. A translator begins with `pybabel init -i console.pot -d broker/console/locale -D console -l nl`
and ends with `pybabel compile -d broker/console/locale -D console`.
"""

from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

CONSOLE = Path(__file__).resolve().parents[2] / "broker" / "console"
POT = CONSOLE / "locale" / "console.pot"
KEYWORDS = {"mark": None, "_": None, "gettext": None, "ngettext": (1, 2)}
METHODS = [("**/templates/**.html", "jinja2"), ("*.py", "python")]
OPTIONS = {"**/templates/**.html": {"trimmed": "true", "silent": "false"}}
ACCENTED = str.maketrans("aeiouncAEIOUNC", "áéíóúñçÁÉÍÓÚÑÇ")


def collected() -> Catalog:
    """Every text, with the file that it stands in; no line numbers and no dates, which would change every time."""
    found = Catalog(project="Safeconduct console", charset="utf-8", fuzzy=False)
    texts: dict[str | tuple[str, ...], set[str]] = {}
    for name, _, message, _, _ in extract_from_dir(CONSOLE, METHODS, OPTIONS, KEYWORDS):
        texts.setdefault(message, set()).add(name)
    for message in sorted(texts, key=str):
        found.add(message, locations=[(name, None) for name in sorted(texts[message])])  # type: ignore[list-item]
    return found


def pot() -> bytes:
    """The file."""
    out = BytesIO()
    write_po(out, collected(), omit_header=True, width=100, include_lineno=False)
    head = b'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
    return head + out.getvalue().strip() + b"\n"


def written() -> dict[str, list[str]]:
    """What the file holds: each text, and where it stands."""
    with POT.open("rb") as file:
        return told(read_po(file))


def told(found: Catalog) -> dict[str, list[str]]:
    """The same of any catalogue; how it is wrapped and ordered does not count."""
    return {str(m.id): sorted(name for name, _ in m.locations) for m in found if m.id}


def pseudo(text: str) -> str:
    """The text in brackets and with accents; what is put in stays as it is."""
    parts = text.split("%")
    made = parts[0].translate(ACCENTED)
    for part in parts[1:]:  # "%(name)s", "%s", "%d": up to the letter that ends it
        end = part.index(")") + 2 if part.startswith("(") else 1
        made += "%" + part[:end] + part[end:].translate(ACCENTED)
    return f"⟦{made}⟧"


def compiled() -> bytes:
    """The pseudo-language as a catalogue that gettext reads."""
    made = Catalog(charset="utf-8", fuzzy=False)
    for message in collected():
        if message.id:
            made.add(message.id, string=pseudo(str(message.id)))
    out = BytesIO()
    write_mo(out, made)
    return out.getvalue()


if __name__ == "__main__":
    POT.parent.mkdir(exist_ok=True)
    POT.write_bytes(pot())
