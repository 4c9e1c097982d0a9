"""Figures as the sentences of the exploration write them."""

from typing import Final

_MINUS: Final = "\N{MINUS SIGN}"
_FEW_DIGITS: Final = 1000


def whole(count: int) -> str:
    """Write a count."""
    return f"{count:,}"


def percent(share: float, digits: int = 1) -> str:
    """Write a share."""
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def signed(value: float, digits: int = 3) -> str:
    """Write a figure whose sign matters."""
    return f"{value:+.{digits}f}".replace("-", _MINUS)


def amount(value: float) -> str:
    """Write an amount of the data as short as it is."""
    text = f"{value:,.0f}" if abs(value) >= _FEW_DIGITS else f"{value:.3g}"
    return text.replace("-", _MINUS)


def factor(value: float) -> str:
    """Write a variance inflation factor."""
    return f"{value:.1f}" if value < _FEW_DIGITS else "more than a thousand"


def listed(names: list[str]) -> str:
    """Write names as a list."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
