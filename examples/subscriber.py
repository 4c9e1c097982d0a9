"""
How to read the topic: a subscriber that ends right, though messages come more than once and in any order.

`python examples/subscriber.py leads.jsonl` prints the current leads of a topic's file, best first.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

WITHDRAWN = "bank.lead.withdrawn.v1"


class Row(NamedTuple):
    """The newest that is known of one lead. A withdrawn one is kept: its version tells late messages from new ones."""

    version: tuple[str, str]
    withdrawn: bool
    data: dict[str, Any]


class Subscriber:
    """Keeps one row for each `lead_id`. In production a table with `lead_id` as its key, updated where it is older."""

    def __init__(self) -> None:
        self._seen: set[str] = set()  # may forget after some days: the versions alone keep the rows right
        self._rows: dict[str, Row] = {}

    def handle(self, message: dict[str, Any]) -> bool:
        """
        Take one message of the topic.

        Returns:
            Whether it changed a row; a copy and a late message do not. Act on the row, never by counting types:
            `updated` and `withdrawn` can come first.
        """
        if message["id"] in self._seen:
            return False
        self._seen.add(message["id"])
        data = message["data"]
        version = (data["event_time"], data["event_id"])  # times are UTC with six digits: their texts sort as they do
        row = self._rows.get(data["lead_id"])
        if row is not None and row.version >= version:
            return False
        self._rows[data["lead_id"]] = Row(version, message["type"] == WITHDRAWN, data)
        return True

    def leads(self) -> list[dict[str, Any]]:
        """Return the data of the leads that stand, best first."""
        standing = [row.data for row in self._rows.values() if not row.withdrawn]
        return sorted(standing, key=lambda data: (-data["score"], data["lead_id"]))


def messages(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Read JSON lines, each a message of the topic, as it is or in an SNS notification."""
    for line in lines:
        if not line.endswith("\n"):
            return  # somebody is still writing it
        message = json.loads(line)
        yield json.loads(message["Message"]) if message.get("Type") == "Notification" else message


def main(path: str) -> None:
    """Read the topic's file, and print a JSON line for each lead that stands."""
    subscriber = Subscriber()
    with Path(path).open(encoding="utf-8") as file:
        for message in messages(file):
            subscriber.handle(message)
    for lead in subscriber.leads():
        print(json.dumps(lead))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/subscriber.py leads.jsonl")
    main(sys.argv[1])
