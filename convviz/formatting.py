"""convviz.formatting."""

from __future__ import annotations


def percent(share: float) -> str:
    """Write a share in 0…1 as a percentage; only exactly none and all become 0 and 100."""
    if 0 < share < 0.001:
        return "less than 0.1 %"
    if 0.999 < share < 1:
        return "more than 99.9 %"
    digits = 1 if 0 < share < 0.1 or 0.99 < share < 1 else 0
    return f"{100 * share:.{digits}f} %"


def short(number: float) -> str:
    """Write a large number in a few characters: 138.4 M, 15.5 G."""
    for power, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= power:
            return f"{number / power:.{0 if abs(number) >= 1000 * power else 1}f} {letter}"
    return f"{number:.0f}"


MINUS, TIMES = "−", "·"


def grouped(number: int) -> str:
    """Write a whole number with its thousands apart: 61,100,840."""
    return f"{number:,}"


def product(*factors: int) -> str:
    """Write a product: 3·3·64·128."""
    return TIMES.join(grouped(factor) for factor in factors)


def size_text(count: int) -> str:
    """Write a number of bytes for people, in megabytes of 1,000,000 bytes or in kilobytes."""
    if 1_000 <= count < 100_000:
        return f"{count / 1e3:.0f} kB"
    return f"{count / 1e6:.0f} MB" if count >= 10e6 else f"{count / 1e6:.1f} MB"


def say_seconds(seconds: float) -> str:
    """Say a time as one would to a person: "about 40 seconds", "about 3 minutes"."""
    if seconds < 3:
        return "a moment"
    if seconds < 90:
        return f"about {5 * max(1, round(seconds / 5))} seconds"
    return f"about {round(seconds / 60)} minutes"
