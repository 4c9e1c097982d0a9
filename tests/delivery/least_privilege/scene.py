"""Where the parts of Leadline run: on the stack, in a folder, with a bundle."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from leadline.__main__ import main
from ports import open_queue
from propensity.features import FEATURES, matrix_from_columns
from propensity.scoring import score
from tests.bundles import Keys, likely_above, make_bundle, rewrite_manifest, table
from tests.delivery.stack import Stack, client
from worker.settings import variable


class Scene(NamedTuple):
    """The stack, a folder, and the keys of a bundle."""

    stack: Stack
    folder: Path
    keys: Keys

    def settings(self, lane: str = "") -> dict[str, str]:
        """Return a worker's settings by field."""
        model = {"model": str(self.bundle), "public_key": str(self.keys.public)}
        return self.stack.settings(lane) | model | {"wait_time_s": "0", "http_port": "0"}

    @property
    def bundle(self) -> Path:
        """A bundle that is sure of who spends more than 100, with golden rows of both kinds."""
        folder = self.folder / "bundle"
        if not folder.exists():
            model = likely_above(100)
            make_bundle(folder, model, self.keys)
            matrix = matrix_from_columns(table()[0], FEATURES)
            rows = [
                {"row": row, "score": value}
                for row, value in zip(matrix.tolist(), score(model, matrix).tolist(), strict=True)
            ]
            rewrite_manifest(folder, self.keys, {"golden": rows})
        return folder

    @contextmanager
    def environ(self, lane: str = "") -> Iterator[None]:
        """Set the environment's settings, for what reads them from there."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for name, value in self.settings(lane).items():
                patch.setenv(variable(name), value)
            yield

    def verb(self, *arguments: str | Path) -> Any:  # noqa: ANN401  JSON
        """Run a verb in this process, which must succeed, and return the JSON that it ends with."""
        here = {variable(name): self.stack.settings()[name] for name in ("queue", "quarantine", "dlq", "store")}
        here |= {"LEADLINE_MODELS": f"s3://{self.bucket}/", "XDG_CONFIG_HOME": str(self.folder)}
        told = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(told):
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", ["leadline", *map(str, arguments), "--json"])
            for name, value in here.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as left:
                main()
        assert left.value.code in (0, None), told.getvalue()
        return json.loads(told.getvalue().splitlines()[-1])

    @property
    def bucket(self) -> str:
        """The bucket of models."""
        return self.stack.outputs["ModelsBucketName"]

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """Put an object, as somebody else does."""
        with self.stack.server.aside():
            client("s3").put_object(Bucket=bucket, Key=key, Body=content)

    def send(self, queue: str, *bodies: bytes) -> None:
        """Put messages on a queue, as somebody else does."""
        with self.stack.server.aside():
            assert None not in open_queue(queue).send(bodies)


class Component(NamedTuple):
    """A part of Leadline, and what must be there before it runs."""

    run: Callable[[Scene], object]
    arrange: Callable[[Scene], object] = lambda _: None
