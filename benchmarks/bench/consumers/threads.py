"""
(d): boto3 with eight threads, as a good engineer writes it; with a table also (d-store).

Each thread gathers up to 200 messages by receives of ten, validates them, scores them by one prediction, stores each
event if there is a table, publishes the leads and deletes the messages. All threads share the clients.
"""

import os
import threading
import traceback
from collections.abc import Sequence
from typing import Any, Final

from threadpoolctl import threadpool_limits

from benchmarks.bench.consumers.common import (
    Event,
    Message,
    Place,
    Scored,
    client,
    delete,
    publish,
    receive_ten,
)

THREADS: Final = 8
MICRO_BATCH: Final = 200
_WAIT_S: Final = 20


class Lane:
    """One thread's work."""

    def __init__(self, place: Place, clients: dict[str, Any]) -> None:
        self._place, self._sqs, self._sns = place, clients["sqs"], clients["sns"]
        self._table = clients.get("dynamodb")

    def run(self) -> None:
        """Work until the process ends; a fault ends it."""
        try:
            while True:
                if messages := self._gather():
                    self._work(messages)
        except Exception:  # noqa: BLE001  whatever it is ends the process
            traceback.print_exc()
            os._exit(1)  # the bench sees it, and measures nothing

    def _gather(self) -> list[Message]:
        messages = receive_ten(self._sqs, self._place.queue, _WAIT_S)
        while messages and len(messages) < MICRO_BATCH:
            if not (more := receive_ten(self._sqs, self._place.queue, 0)):
                break
            messages += more
        return messages

    def _work(self, messages: Sequence[Message]) -> None:
        events = [Event.model_validate_json(message["Body"]) for message in messages]
        scored = [Scored(event, score) for event, score in zip(events, self._place.score(events).tolist(), strict=True)]
        if self._table is not None:
            for one in scored:
                self._store(one)
        publish(self._sns, self._place.topic, [one for one in scored if one.score >= self._place.threshold])
        delete(self._sqs, self._place.queue, messages)

    def _store(self, scored: Scored) -> None:
        """Keep the newest of each customer."""
        event = scored.event
        try:
            self._table.update_item(
                TableName=self._place.table,
                Key={"customer_id": {"S": event.customer_id}},
                UpdateExpression="SET #version = :version, #event_id = :event_id, #score = :score, #lead = :lead",
                ConditionExpression="attribute_not_exists(#version) OR #version < :version",
                ExpressionAttributeNames={f"#{name}": name for name in ("version", "event_id", "score", "lead")},
                ExpressionAttributeValues={
                    ":version": {"S": f"{event.event_time}#{event.event_id}"},
                    ":event_id": {"S": event.event_id},
                    ":score": {"N": repr(scored.score)},
                    ":lead": {"BOOL": scored.score >= self._place.threshold},
                },
            )
        except self._table.exceptions.ConditionalCheckFailedException:
            return  # a newer event is there


def main() -> None:
    """Work until the process is ended."""
    place = Place.here()
    services = ["sqs", "sns", *(["dynamodb"] if place.table else [])]
    clients = {service: client(service, THREADS) for service in services}
    with threadpool_limits(1):
        lanes = [threading.Thread(target=Lane(place, clients).run) for _ in range(THREADS)]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()


if __name__ == "__main__":
    main()
