"""A consumer in a process of its own, on one core."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.bench.models import Model
from benchmarks.bench.stand_in import TABLE_NAME, TOPIC_ARN, StandIn
from benchmarks.bench.table import Who

PYTHON: Final = Path(".venv-bench/bin/python")
"""Has what a worker has. Beside the packages of training scikit-learn would import pandas, and so weigh more."""

STATIC_KEYS: Final = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_STOP_WITHIN_S: Final = 60
_NOT_OURS: Final = ("LEADLINE_", "AWS_", "PYTHONDONTWRITEBYTECODE")
"""What a consumer does not get of this environment. Like an image, it has bytecode from its second start on."""


def environment(who: Who, aws: StandIn, model: Model, keys: Mapping[str, str] = STATIC_KEYS) -> dict[str, str]:
    """Return the whole environment of a consumer."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
    given = _of_leadline(who, aws, model) if who.is_ours else _of_others(who, aws, model)
    return {**ours, **_ONE_THREAD, **aws.environment(), **keys, **given}


@contextmanager
def consumer(who: Who, aws: StandIn, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[Any]]:
    """Run a consumer, watched by the stand-in, as long as the context lasts."""
    with subprocess.Popen([PYTHON.absolute(), "-m", who.module], env=dict(environ)) as process:
        try:
            aws.ask("watch", {"pid": process.pid})
            yield process
            process.terminate()
            aws.ask("close", {})
            process.wait(_STOP_WITHIN_S)
        finally:
            process.kill()


def _of_leadline(who: Who, aws: StandIn, model: Model) -> dict[str, str]:
    store = f"dynamodb://{TABLE_NAME}" if who.places == "store+topic" else "none"
    given = {f"LEADLINE_{name}": value for name, value in (who.settings or {}).items()}
    return {
        "LEADLINE_QUEUE": aws.queue, "LEADLINE_TOPIC": TOPIC_ARN, "LEADLINE_STORE": store,
        "LEADLINE_MODEL": str(model.bundle), "LEADLINE_PUBLIC_KEY": str(model.public_key),
        "LEADLINE_HTTP_PORT": "0", "LOG_LEVEL": "WARNING", **given,
    }  # fmt: skip


def _of_others(who: Who, aws: StandIn, model: Model) -> dict[str, str]:
    table = {"BENCH_TABLE": TABLE_NAME} if who.places == "store+topic" else {}
    return {"BENCH_QUEUE": aws.queue, "BENCH_TOPIC": TOPIC_ARN, "BENCH_MODEL": str(model.bundle), **table}
