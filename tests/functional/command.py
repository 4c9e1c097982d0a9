"""The command `leadline`, as a user calls it: a process in a folder of its own."""

import subprocess
import sys
from pathlib import Path

from tests.trained import DemoModel

Ran = subprocess.CompletedProcess[str]


class Leadline:
    """The command, in a folder of its own."""

    def __init__(self, model: DemoModel, folder: Path) -> None:
        self.model = model
        self.folder = folder

    def __call__(self, *arguments: str | Path, **environ: str) -> Ran:
        env = self.model.environ | environ
        command = self._command(*arguments)
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)

    def start(self, *arguments: str | Path, **environ: str) -> "subprocess.Popen[str]":
        """Start it, and do not wait for its end."""
        env = self.model.environ | environ
        pipe = subprocess.PIPE
        return subprocess.Popen(
            self._command(*arguments), cwd=self.folder, env=env, stdout=pipe, stderr=pipe, text=True
        )

    @staticmethod
    def _command(*arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", "leadline", *map(str, arguments)]
