"""
moto behind a server of ours, one call at a time: with several at once it loses count of messages.

Workers make as many calls at a time as they like, as they do to AWS; a lock puts them in order. A long poll waits
outside of the lock, and one that asks for no wait takes a moment as well, as over a network.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import Client

from leadline.demo.places import Place
from ports import open_queue
from ports.aws.local import make_resources
from schemas.lead import Lead
from tests.contract.answering import Answer, Answering, Request

POLL_INTERVAL_S: Final = 0.05
_SENT_BY_SERVER: Final = frozenset({"content-length", "connection", "date", "server"})


class SerialMoto:
    """Answers requests by moto."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        """Held while moto works: who holds it sees moto's state stand still."""
        self._client = Client(DomainDispatcherApplication(create_backend_app))

    def __call__(self, request: Request) -> Answer:
        if request.api != "sqs:ReceiveMessage":
            return self._ask(request)
        asked = json.loads(request.body)
        give_up = time.monotonic() + max(asked.get("WaitTimeSeconds", 0), POLL_INTERVAL_S)
        at_once = request._replace(body=json.dumps(asked | {"WaitTimeSeconds": 0}).encode())
        while (answer := self._ask(at_once)).body == b"{}" and time.monotonic() < give_up:
            time.sleep(POLL_INTERVAL_S)
        return answer

    def reset(self) -> None:
        """Forget everything: moto keeps its state in this process."""
        with self.lock:
            self._client.post("/moto-api/reset")

    def _ask(self, request: Request) -> Answer:
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
        with self.lock:
            reply = self._client.open(request.path, method=request.method, headers=headers, data=request.body)
        kept = {name: value for name, value in reply.headers.items() if name.lower() not in _SENT_BY_SERVER}
        return Answer(reply.status_code, reply.data, kept)


@contextmanager
def serial_moto() -> Iterator[tuple[SerialMoto, Answering, Place]]:
    """Serve moto with everything that a worker needs, and set the AWS_* variables to reach it."""
    moto = SerialMoto()
    moto.reset()
    with Answering(moto) as server, pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_ENDPOINT_URL", server.url)
        patch.setenv("AWS_REGION", "eu-west-1")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "local")
        made = make_resources()
        read: list[Lead] = []

        def read_leads() -> list[Lead]:
            subscriber = open_queue(made.subscriber, wait_time_s=1)
            while received := subscriber.receive(100, 0, 60):
                read.extend(Lead.model_validate_json(message.body) for message in received)
                assert subscriber.delete(received) == []
            return list(read)

        yield moto, server, Place(made.queue, made.quarantine, made.dlq, made.store, made.topic, read_leads)
        moto.reset()


def messages_of(queue_url: str) -> list[Any]:
    """Return moto's own messages of a queue, visible or not."""
    from moto.sqs.models import sqs_backends

    _, account, name = queue_url.rsplit("/", 2)
    return list(sqs_backends[account]["eu-west-1"].queues[name]._messages)
