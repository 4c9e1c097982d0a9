"""Which leads a request asks for."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from console.errors import Refused
from console.store import Order

MAX_LEADS: Final = 1000
USUAL_LEADS: Final = 50
_ORDERS: Final[dict[str, Order]] = {"newest": "newest", "best": "best"}


class Wanted(NamedTuple):
    """An order, and how many at most."""

    order: Order
    limit: int


def wanted_leads(arguments: Mapping[str, str]) -> Wanted:
    """
    Read `order` and `limit` of a query.

    Raises:
        Refused: 400, the order is none of the two, or the limit no whole number within its bounds.
    """
    order, limit = arguments.get("order", "newest"), arguments.get("limit", str(USUAL_LEADS))
    if order not in _ORDERS:
        raise Refused(400, "bad_order", f"order is {_shown(order)}: give newest or best", field="order")
    # `isdecimal` alone takes the digits of other scripts, and Python converts none of thousands of digits.
    if not (limit.isascii() and limit.isdecimal() and len(limit) <= 6 and 1 <= int(limit) <= MAX_LEADS):
        raise Refused(
            400,
            "bad_limit",
            f"limit is {_shown(limit)}: give a whole number from 1 to {MAX_LEADS}",
            field="limit",
        )
    return Wanted(_ORDERS[order], int(limit))


def _shown(value: str) -> str:
    return repr(value[:20] + "..." if len(value) > 20 else value)
