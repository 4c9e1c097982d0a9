"""The stand-in for AWS, started and asked by the bench."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.request import Request, urlopen

from benchmarks.bench.certificate import Certificate

ACCOUNT: Final = "111122223333"
REGION: Final = "eu-west-1"
QUEUE: Final = "leadline-events"
TOPIC_ARN: Final = f"arn:aws:sns:{REGION}:{ACCOUNT}:leadline-leads"
TABLE_NAME: Final = "leadline-decisions"
_ASK_EVERY_S: Final = 0.05


class RunFailed(Exception):
    """A run came to nothing, and why."""


class StandIn(NamedTuple):
    """A stand-in that serves."""

    url: str
    control: str
    certificate: Certificate | None

    def ask(self, path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the control port; with content it is a POST."""
        data = None if content is None else json.dumps(content).encode()
        with urlopen(Request(f"{self.control}/{path}", data=data), timeout=120) as reply:  # noqa: S310  our own child
            answered: dict[str, Any] = json.load(reply)
            return answered

    def wait(self, process: subprocess.Popen[Any], until: Callable[[dict[str, Any]], bool], patience_s: float) -> None:
        """
        Wait until the progress is as wanted.

        Raises:
            RunFailed: The consumer has ended, or it takes too long.
        """
        give_up_at = time.monotonic() + patience_s
        while not until(progress := self.ask("progress")):
            if process.poll() is not None:
                raise RunFailed(f"the consumer ended with {process.returncode} before its work was done: {progress}")
            if time.monotonic() > give_up_at:
                raise RunFailed(f"not done within {patience_s:.0f} s: {progress}")
            time.sleep(_ASK_EVERY_S)

    def environment(self) -> dict[str, str]:
        """Return what leads any AWS SDK here."""
        trust = {"AWS_CA_BUNDLE": str(self.certificate.authority)} if self.certificate else {}
        return {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, **trust}

    @property
    def queue(self) -> str:
        """URL of the queue."""
        return f"{self.url}/{ACCOUNT}/{QUEUE}"


@contextmanager
def stand_in(
    messages: Path, latency_ms: float = 0, certificate: Certificate | None = None, *, one_by_one: bool = False
) -> Iterator[StandIn]:
    """
    Serve these messages in a process beside this one, as long as the context lasts.

    Args:
        messages: A file with one a line.
        latency_ms: The pause before each reply.
        certificate: Serve over TLS with it.
        one_by_one: Send each message when the one before is done.
    """
    command = [sys.executable, "-m", "benchmarks.bench.stub", "--messages", str(messages)]
    command += ["--latency-ms", str(latency_ms), *(["--one-by-one"] if one_by_one else [])]
    command += ["--certificate", str(certificate.server)] if certificate else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            ports = json.loads(process.stdout.readline() if process.stdout else "")
            scheme = "https" if certificate else "http"
            yield StandIn(f"{scheme}://127.0.0.1:{ports['port']}", f"http://127.0.0.1:{ports['control']}", certificate)
        finally:
            process.kill()
