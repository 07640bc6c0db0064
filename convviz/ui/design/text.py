"""The design at hand: its text, which the link carries, and the texts before it.

The text stays as it was typed, comments and mistakes included. A block is changed by changing its
line, so that table, text, link and file are always the same thing.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import PurePath

import streamlit as st

from convviz.errors import SettingError
from convviz.language import tr
from convviz.networks.design import Design
from convviz.networks.design_blocks import DesignBlock
from convviz.networks.design_link import from_link, to_link
from convviz.networks.design_reading import MOST_CHARACTERS, clean_name
from convviz.networks.design_starts import FIRST
from convviz.ui import state
from convviz.ui.keys import Entry, Key

_MOST_UNDONE = 100


def current() -> str:
    """Return the text of the design at hand."""
    key = state.remember(Key.DESIGN, FIRST, allowed=_is_link)
    return from_link(str(st.session_state[key]))


def _is_link(link: str) -> bool:
    try:
        from_link(link)
    except SettingError:
        return False
    return True


def put(text: str) -> None:
    """Put a text in the place of the one at hand, which can be undone; for callbacks.

    Raises:
        SettingError: It is too long, which no link could carry.
    """
    if len(text) > MOST_CHARACTERS:
        raise SettingError(
            tr(
                "The text would be longer than {most:,} characters, so it stays as it was.",
                most=MOST_CHARACTERS,
            )
        )
    before = from_link(str(st.session_state.get(Key.DESIGN, FIRST)))
    if text == before:
        return
    undone = st.session_state.setdefault(Entry.DESIGN_BEFORE, [])
    undone.append(before)
    del undone[:-_MOST_UNDONE]
    state.put(Key.DESIGN, to_link(text))


def put_blocks(typed: str, before: Design, after: Design) -> None:
    """Write the blocks of a changed design; what does not change stays as it was typed.

    Args:
        typed: The text at hand.
        before: The design that it says.
        after: What it becomes.
    """
    put("\n".join(_merged(lines_of(typed), before.blocks, [block.text for block in after.blocks])))


def _merged(lines: list[str], blocks: Sequence[DesignBlock], changed: list[str]) -> Iterator[str]:
    """Go through the lines of a text with other blocks; comments on lines of their own stay."""
    first = 0  # of the lines that are still to come
    old = [block.text for block in blocks]
    for kind, start, end, new_start, new_end in SequenceMatcher(
        None, old, changed, autojunk=False
    ).get_opcodes():
        for block in blocks[start:end]:
            yield from lines[first : block.line - (kind != "equal")]
            first = block.line
        if kind != "equal":
            yield from changed[new_start:new_end]
    yield from lines[first:]


def undo() -> None:
    """Go back to the text before; for callbacks."""
    if can_undo():
        state.put(Key.DESIGN, to_link(st.session_state[Entry.DESIGN_BEFORE].pop()))


def can_undo() -> bool:
    """Whether there is a text before."""
    return bool(st.session_state.get(Entry.DESIGN_BEFORE))


def lines_of(text: str) -> list[str]:
    """Split a text into lines, as a design is read."""
    return re.split(r"\r\n|\n|\r", text)


def block_lines(text: str) -> dict[int, str]:
    """Return what stands on each line that is a block, or is to be one, by the line's number.

    The name is none where it may stand: at the beginning.
    """
    found = {}
    for number, line in enumerate(lines_of(text), 1):
        if content := " ".join(line.partition("#")[0].split()):
            found[number] = content
    first = next(iter(found), 0)
    if found.get(first, "").partition(" ")[0].lower() == "name":
        del found[first]
    return found


def last_line(text: str) -> int:
    """Return the number of the last line on which anything stands; 0 if nothing does."""
    return max((k for k, line in enumerate(lines_of(text), 1) if line.strip()), default=0)


def change(line: int, block: str) -> None:
    """Write a block on a line, in the place of what is there; its comment stays."""
    lines = lines_of(current())
    comment = lines[line - 1].partition("#")
    kept = f"  #{comment[2]}" if comment[1] and "#" not in block else ""
    lines[line - 1] = " ".join(block.split()) + kept
    put("\n".join(lines))


def add(line: int, block: str) -> None:
    """Write a block on a new line below a line."""
    lines = lines_of(current())
    lines.insert(line, " ".join(block.split()))
    put("\n".join(lines))


def delete(line: int) -> None:
    """Take a line out."""
    lines = lines_of(current())
    del lines[line - 1]
    put("\n".join(lines))


def neighbour(line: int, step: int) -> int | None:
    """Find the line of the block before (-1) or after (1) a line's; None if there is none."""
    numbers = list(block_lines(current()))
    index = numbers.index(line) + step
    return numbers[index] if 0 <= index < len(numbers) else None


def move(line: int, step: int) -> None:
    """Let a block change places with the one before (-1) or after (1) it."""
    other = neighbour(line, step)
    if other is not None:
        lines = lines_of(current())
        lines[line - 1], lines[other - 1] = lines[other - 1], lines[line - 1]
        put("\n".join(lines))


def from_file(name: str, data: bytes) -> str:
    """Read a file that a visitor sends; it is called by its file's name unless it says another.

    Raises:
        SettingError: It is no text, or too long.
    """
    # More bytes are too many characters whichever they are: a character takes 4 at most, and the
    # mark at the beginning 3. A character that this cuts in two is no fault of the file.
    start = data[: 3 + 4 * (MOST_CHARACTERS + 1)]
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        text = decoder.decode(start, final=len(start) == len(data))
    except UnicodeDecodeError as error:
        raise SettingError(
            tr("The file is no text in UTF-8: open one with a block on each line.")
        ) from error
    if len(text) > MOST_CHARACTERS:
        raise SettingError(tr("The file is longer than {most:,} characters.", most=MOST_CHARACTERS))
    has_name = any(
        line.partition("#")[0].split()[:1] == ["name"] for line in lines_of(text.lower())
    )
    stem = clean_name(PurePath(name).stem)
    named = f"name {stem}\n{text}"
    return text if has_name or not stem or len(named) > MOST_CHARACTERS else named
