"""Checking the numbers a lesson is asked for, and writing numbers for people."""

from convviz.errors import SettingError

MINUS, TIMES = "−", "·"


def at_least(what: str, value: int, least: int, why: str = "") -> None:
    """Insist on a whole number that is large enough.

    Raises:
        SettingError: It is no whole number or too small; the sentence says why that matters.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise SettingError(f"The {what} must be a whole number, not {value!r}.")
    if value < least:
        reason = f" {why}" if why else ""
        raise SettingError(f"The {what} cannot be {value}:{reason} choose {least} or more.")


def grouped(number: int) -> str:
    """Write a whole number with its thousands apart: 61,100,840."""
    return f"{number:,}"


def product(*factors: int) -> str:
    """Write a product: 3·3·64·128."""
    return TIMES.join(grouped(factor) for factor in factors)
