"""Brings the catalogues of texts up to date with the code, and compiles them.

    python scripts/catalogues.py            rewrites convviz/locale/*/LC_MESSAGES/convviz.po and .mo

New messages are added without a translation, messages that are gone are dropped; the list of what
is still to be translated is printed.
"""

from __future__ import annotations

import ast
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from convviz.language import LANGUAGES

ROOT = Path(__file__).parent.parent
LOCALE = ROOT / "convviz" / "locale"
_SOME_DAY = datetime(2026, 11, 30, tzinfo=UTC)


def messages() -> Catalog:
    """Return every message of the code, with the files that it stands in.

    Babel's own reader passes over what is called inside an f-string or another message's values.
    """
    found = Catalog(project="convviz", charset="utf-8")
    files = [*(ROOT / "convviz").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]
    for file in sorted(files):
        place = (file.relative_to(ROOT).as_posix(), 0)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(ast.Name("tr" | "later"), [ast.Constant(str(message)), *_]):
                    found.add(message, locations=[place])
                case ast.Call(
                    ast.Name("trn"), [ast.Constant(str(one)), ast.Constant(str(many)), *_]
                ):
                    found.add((one, many), locations=[place])
                case ast.Call(
                    ast.Name("trp"), [ast.Constant(str(context)), ast.Constant(str(message)), *_]
                ):
                    found.add(message, locations=[place], context=context)
    return found


def read(path: Path) -> Catalog:
    """Read a catalogue."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name)


def brought_up_to_date(catalogue: Catalog, found: Catalog) -> Catalog:
    """Return a catalogue with exactly the messages of the code, and what it says to each."""
    fresh = Catalog(
        catalogue.locale,
        header_comment=f"# The texts of convviz in {LANGUAGES[str(catalogue.locale)]}.",
        project="convviz",
        version="",
        last_translator="the convviz authors",
        language_team="the convviz authors",
        creation_date=_SOME_DAY,  # a date of today would change the file with every run
        revision_date=_SOME_DAY,
        charset="utf-8",
        fuzzy=False,
    )
    for message in found:
        if message.id:
            known = catalogue.get(message.id, message.context)
            fresh.add(
                message.id,
                known.string if known else "",
                locations=sorted(set(message.locations)),
                context=message.context,
                user_comments=known.user_comments if known else (),
            )
    return fresh


def write(catalogue: Catalog, path: Path) -> None:
    """Write a catalogue as text, and compiled beside it."""
    with path.open("wb") as file:
        write_po(file, catalogue, width=100, sort_by_file=True, include_lineno=False)
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, catalogue)


def main() -> int:
    """Update every catalogue, and say what is to be translated."""
    found = messages()
    missing = 0
    for path in sorted(LOCALE.glob("*/LC_MESSAGES/convviz.po")):
        catalogue = brought_up_to_date(read(path), found)
        write(catalogue, path)
        for message in catalogue:
            if message.id and not (
                all(message.string) if isinstance(message.string, tuple) else message.string
            ):
                missing += 1
                print(f"{path.parent.parent.name}: {message.id!r}")
    print(f"{len(found)} messages, {missing} to be translated")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
