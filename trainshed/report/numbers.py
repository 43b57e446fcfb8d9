"""Numbers as a reader wants them: short, with their sign where they are a change."""

_SPACE = "\u00a0"
"""At which no line is broken."""


def number(value: float | None) -> str:
    """Write a number with four decimals, or four digits when it is very small or large."""
    if value is None:
        return "–"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e6 or value == 0 else f"{value:.4g}"


def change(value: float | None) -> str:
    if value is None:
        return "–"
    if value == 0:
        return "±0"
    return f"+{number(value)}" if value > 0 else f"−{number(-value)}"


def change_within(value: float | None, interval: tuple[float, float] | None) -> str:
    """Write a change with its interval, where there is one: `+0.0123 [−0.0040, +0.0286]`."""
    if interval is None:
        return change(value)
    low, high = interval
    return f"{change(value)} [{change(low) if low else '0'}, {change(high) if high else '0'}]"


def percent(share: float) -> str:
    """Write a share as `4.7 %`."""
    if 0 < share < 0.0005:
        return f"<{_SPACE}0.1{_SPACE}%"
    return f"{100 * share:.{1 if share % 1 else 0}f}{_SPACE}%"


def p_value(value: float) -> str:
    shown = f"<{_SPACE}0.001" if value < 0.001 else f"={_SPACE}{value:.2g}"
    return f"p{_SPACE}{shown}"


def count(number: int, word: str) -> str:
    """Write `1 row`, `2,000 rows`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def be(number: int) -> str:
    return "is" if number == 1 else "are"


def level(share: float) -> str:
    """Write the level of an interval: `95 %`, `97.5 %`."""
    return f"{100 * share:.4g} %"
