"""The wording of numbers: percentages, bytes, factors, times, near matches of a name.

Every text that people read takes its numbers from here, on pages, in charts and on the command
line, unless a single format specification in a message is enough (`tr("{count:,} maps", …)`).
Signs are typographic: a minus is "−" and a product is "3·3·64". The examples are English; other
languages write their own signs, as `convviz.language` says.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Sequence

from convviz.language import again, in_english, numeral, tr

MINUS, TIMES = "−", "·"
_POWERS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# Between a number and its unit, where a line may break.
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:%|(?:px|kB|MB|GB|ms|s|min|dB)\b))")
_FURTHER = 9  # digits at most that are added: float32 has no more


def percent(share: float, digits: int | None = None) -> str:
    """Write a share in 0…1 as a percentage: "38 %", "less than 0.1 %".

    Args:
        share: In 0…1; a saving may be negative.
        digits: After the point. None: as many as are needed so that only exactly 0 and 1 become
            0 and 100 %.
    """
    if 0 < share < 0.001:
        return tr("less than 0.1 %")
    if digits is None:
        if 0.999 < share < 1:
            return tr("more than 99.9 %")
        digits = 1 if 0 < share < 0.1 or 0.99 < share < 1 else 0
    return numeral(f"{_decimals(100 * share, digits)} %")


def signed_percent(share: float, digits: int = 1) -> str:
    """Write a difference as a percentage: "+1.2 %", "−0.3 %"; "0.0 %" if it rounds to nothing.

    Args:
        share: 0.012 for 1.2 %.
        digits: After the point.
    """
    return numeral(f"{in_english(with_sign(100 * share, digits))} %")


def probability(share: float, digits: int = 1) -> str:
    """Write a probability for a narrow column: "21.3 %", "< 0.1 %", "> 99.9 %".

    Args:
        share: In 0…1; both ends are rounded numbers.
        digits: After the point, from 1 up.
    """
    least = 10**-digits
    if 100 * share < least:
        return numeral(f"< {least:.{digits}f} %")
    text = f"{100 * share:.{digits}f} %"
    return numeral(f"> {100 - least:.{digits}f} %" if text.startswith("100.") else text)


def unbroken(text: str) -> str:
    """Keep every number on one line with its unit: "47 %" does not end a line with 47."""
    return _BEFORE_UNIT.sub("\u00a0", text)


def apart(values: Sequence[float], write: Callable[[float, int], str], digits: int) -> list[str]:
    """Write numbers that are compared with as many digits as tell those apart that differ.

    Args:
        values: The numbers.
        write: Writes one of them, given it and how many digits stand after the point.
        digits: How many at least.
    """
    for count in range(digits, digits + _FURTHER + 1):
        texts = [write(value, count) for value in values]
        if len(set(texts)) == len(set(values)):
            return texts
    return [write(value, digits) for value in values]


def digits_of(*numbers: float) -> int:
    """Return how many digits after the point leave the largest of some numbers two that count.

    Never fewer than two: 2 for 8.74 and 0.31, 3 for 0.062, 5 for 0.00031.
    """
    largest = max(map(abs, numbers), default=0.0)
    if not 0 < largest < 0.1:
        return 2
    return min(1 - math.floor(math.log10(largest)), _FURTHER)


def size_text(count: int, digits: int | None = None) -> str:
    """Write a number of bytes in megabytes of 1,000,000 bytes or in kilobytes of 1,000.

    Args:
        count: Bytes.
        digits: After the point. None: none, or one below 10 MB.
    """
    kilobytes = count < 100_000 and (count >= 1_000 or digits is not None)
    if digits is None:
        digits = 0 if kilobytes or count >= 10e6 else 1
    size, unit = (count / 1e3, "kB") if kilobytes else (count / 1e6, "MB")
    return numeral(f"{size:,.{digits}f} {unit}")


def times(factor: float, *, digits: int = 1, whole_from: float = 20) -> str:
    """Write a factor: "0.53", "2.3", "21", "1,250".

    Args:
        factor: Above 0.
        digits: After the point, from 1 up.
        whole_from: From this factor on, no digits after the point.
    """
    if factor >= whole_from:
        return numeral(f"{factor:,.0f}")
    return numeral(f"{factor:.{digits}f}" if factor >= 1 else f"{factor:.2g}")


def called(title: str, name: str) -> str:
    """Name a layer by its title and its dotted name, "conv1 (features.0)"; by one if they are one.

    Args:
        title: The title, which is told again.
        name: The dotted name.
    """
    return name if title == name else f"{again(title)} ({name})"


def grouped(number: int) -> str:
    """Write a whole number with its thousands separated: "61,100,840"."""
    return numeral(f"{number:,}")


def short(number: float) -> str:
    """Write a large number in a few characters: "138.4 M", "15.5 G"."""
    scaled, letter = _scaled(number)
    digits = 1 if letter and abs(scaled) < 1000 else 0
    return numeral(f"{scaled:.{digits}f}{letter}")


def short_round(number: float) -> str:
    """Write a round number, as an axis has them, in a few characters: "20 M", "2.5 G", "0"."""
    scaled, letter = _scaled(number)
    return numeral(f"{scaled:.10g}{letter}")


def _scaled(number: float) -> tuple[float, str]:
    for power, letter in _POWERS:
        if abs(number) >= power:
            return number / power, f" {letter}"
    return number, ""


def significant(number: float, digits: int = 3) -> str:
    """Write a number with so many significant digits: "0.123", "1.5e4"."""
    return numeral(_significant(number, digits))


def in_words(number: float, digits: int = 3) -> str:
    """Write a number with so many significant digits for a sentence: "−0.123", "1.18 × 10⁻¹¹"."""
    factor, _, power = _significant(number, digits).partition("e")
    factor = factor.replace("-", MINUS)
    return numeral(f"{factor} × 10{power.translate(_RAISED)}" if power else factor)


def decimals(number: float, digits: int = 2) -> str:
    """Write a number with a fixed number of digits after the point: "−0.12"; never "−0.00"."""
    return numeral(_decimals(number, digits))


def with_sign(number: float, digits: int = 2) -> str:
    """Write a number with its sign: "+0.65", "−0.30"; "0.00" if it rounds to nothing."""
    text = f"{abs(number):.{digits}f}"
    sign = "" if not float(text) else MINUS if number < 0 else "+"
    return numeral(f"{sign}{text}")


def signed(term: float) -> str:
    """Write a number as a further term of a sum: " + 0.120", " − 0.120"."""
    return numeral(f" {MINUS if term < 0 else '+'} {abs(term):.3f}")


def product(*factors: int) -> str:
    """Write a product: "3·3·64·128"."""
    return TIMES.join(grouped(factor) for factor in factors)


def say_seconds(seconds: float) -> str:
    """Write a duration roughly, in words: "about 40 seconds", "about 3 minutes"."""
    if seconds < 3:
        return tr("a moment")
    if seconds < 90:
        return tr("about {seconds} seconds", seconds=5 * max(1, round(seconds / 5)))
    return tr("about {minutes} minutes", minutes=round(seconds / 60))


def near_matches(text: str, names: Iterable[str], *, cutoff: float = 0.6) -> list[str]:
    """Return the names that a mistyped one may have meant, at most three, the nearest first.

    Args:
        text: What was typed.
        names: The names that exist.
        cutoff: The least similarity, from 0 to 1.
    """
    return difflib.get_close_matches(text, list(names), n=3, cutoff=cutoff)


def did_you_mean(text: str, names: Iterable[str], otherwise: str) -> str:
    """Ask for the near matches of a mistyped name: "did you mean vgg16 or vgg19?".

    Args:
        text: What was typed.
        names: The names that exist.
        otherwise: The text where no name is near.
    """
    return ask_which(near_matches(text, names), otherwise)


def ask_which(names: Sequence[str], otherwise: str) -> str:
    """Ask which of the names that somebody may have meant it is: "did you mean vgg16 or vgg19?".

    Args:
        names: The names.
        otherwise: The text where there is none.
    """
    if not names:
        return otherwise
    return tr("did you mean {names}?", names=tr(" or ").join(names))


def _decimals(number: float, digits: int) -> str:
    text = f"{number:.{digits}f}"
    return (text if float(text) else text.lstrip("-")).replace("-", MINUS)


def _significant(number: float, digits: int) -> str:
    return f"{number:.{digits}g}".replace("e+0", "e").replace("e-0", "e-")
