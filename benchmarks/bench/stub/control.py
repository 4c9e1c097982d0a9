"""What the bench asks of the stand-in: watch a process, tell how far it is, put a message, tell what was seen."""

import json
import time
from typing import Any

from benchmarks.bench.stub.calls import StubAws
from benchmarks.bench.stub.http import Connection, reply
from benchmarks.bench.stub.meter import Meter
from benchmarks.bench.stub.single import OneByOne

_KIND = "application/json"


class Control:
    """Answers `GET /progress`, `GET /report`, `POST /watch` and `POST /close`, on a port of its own."""

    def __init__(self, aws: StubAws, meter: Meter, single: OneByOne | None) -> None:
        self._aws, self._meter, self._single = aws, meter, single

    def answer(self, _connection: Connection, head: bytes, body: bytes) -> bytes:
        """Answer one question with a JSON object."""
        path = head.split(b" ", 2)[1]
        if path == b"/watch":
            self._meter.watch(json.loads(body)["pid"])
            said: dict[str, Any] = {}
        elif path == b"/close":
            self._aws.queue.close()
            said = {}
        elif path == b"/report":
            said = self._report()
        else:
            said = {
                "deleted": len(self._aws.queue.deleted), "undeleted": self._aws.queue.undeleted,
                "published": self._aws.topic.entries, "parked": self._aws.queue.parked,
                "finished": self._single.finished if self._single else not self._aws.queue.undeleted,
            }  # fmt: skip
        return reply(json.dumps(said).encode(), _KIND)

    def _report(self) -> dict[str, Any]:
        return {
            "undeleted": self._aws.queue.undeleted,
            "leads": list(self._aws.topic.leads()),
            "stored": len(self._aws.table.items),
            "calls": dict(self._aws.calls),
            "entries": dict(self._aws.entries),
            "marks": {name: mark._asdict() for name, mark in self._meter.marks.items()},
            "peak_rss_mb": self._meter.peak_rss_mb,
            "latencies_s": self._single.latencies_s if self._single else [],
            "now_s": time.monotonic(),
        }
