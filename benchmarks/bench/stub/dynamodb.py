"""A table: an update is answered with the item that it leaves; it refuses what is not newer."""

import json
import re
from functools import lru_cache
from typing import Any, Final

Item = dict[str, Any]
_CLAUSE: Final = re.compile(r"(#?\w+) *= *(?:if_not_exists\( *(#?\w+) *, *(:\w+) *\)|(:\w+))")
_REFUSED: Final = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"


class ConditionFailed(Exception):
    """The condition of an update does not hold; the message is the reply's body."""


class StubTable:
    """Items by their key. It knows one condition: there is no item, or its `version` is lower."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}

    def update(self, body: bytes) -> bytes:
        """
        Do the `SET` part of an update.

        Raises:
            ConditionFailed: What is there is not older.
        """
        asked = json.loads(body)
        key = json.dumps(asked["Key"], sort_keys=True)
        names, values = asked.get("ExpressionAttributeNames", {}), asked.get("ExpressionAttributeValues", {})
        old = self.items.get(key)
        new = {**(old or {}), **asked["Key"]}
        for target, read, fallback, value in clauses(asked["UpdateExpression"]):
            held = (old or {}).get(names.get(read, read)) if read else None
            new[names.get(target, target)] = held or values[fallback or value]
        if old is not None and "ConditionExpression" in asked and not _is_newer(new, old):
            shown = {"Item": old} if asked.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" else {}
            raise ConditionFailed(json.dumps({"__type": _REFUSED, "message": "The conditional request failed"} | shown))
        self.items[key] = new
        return json.dumps({"Attributes": new} if asked.get("ReturnValues") == "ALL_NEW" else {}).encode()


@lru_cache(maxsize=64)
def clauses(expression: str) -> tuple[tuple[str, str, str, str], ...]:
    """Return what an expression sets: target, the field of `if_not_exists` and its fallback, or the value."""
    return tuple(_CLAUSE.findall(expression.split(" REMOVE ")[0]))


def _is_newer(new: Item, old: Item) -> bool:
    return bool(new.get("version", {}).get("S", "") > old.get("version", {}).get("S", ""))
