"""How a check of a release speaks: one line on stdout, its reasons in it, and an exit code for whoever started it."""

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from worker.exits import EXIT_CODES

DOES_NOT_HOLD: Final = 3


class Check(NamedTuple):
    """One thing that must be so, as texts: it holds where they are the same."""

    name: str
    expected: str
    seen: str

    @property
    def holds(self) -> bool:
        """Whether it is so."""
        return self.expected == self.seen


class Result(NamedTuple):
    """What was checked, and what there is to say if all of it holds."""

    checks: Sequence[Check]
    told: str

    @property
    def failed(self) -> list[Check]:
        """The checks that do not hold."""
        return [check for check in self.checks if not check.holds]


class Expected(NamedTuple):
    """Which bundle a release says that its image holds, as SHA-256; None where nobody has said it."""

    model: str | None = None
    manifest: str | None = None

    def compared(self, model: str, manifest: str) -> list[Check]:
        """
        Compare it with what the image holds.

        Args:
            model: SHA-256 of its `model.pkl`.
            manifest: SHA-256 of its `manifest.json`.
        """
        pairs = (("model.pkl", self.model, model), ("manifest.json", self.manifest, manifest))
        return [Check(f"{name} in the image", wanted, seen) for name, wanted, seen in pairs if wanted is not None]


def add_expected(parser: argparse.ArgumentParser) -> None:
    """Let a command be told which bundle it must find."""
    for name, what in (("model", "model.pkl"), ("manifest", "manifest.json")):
        parser.add_argument(
            f"--expect-{name}", type=_sha256, metavar="SHA256", help=f"what {what} must have; anything else is exit 3"
        )


def _sha256(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no SHA-256: give 64 hex digits, in lower case")
    return text


def finish(name: str, work: Callable[[], Result], *, as_json: bool) -> int:
    """
    Do the work, say in one line what has come of it, and return the exit code.

    Args:
        name: Of the check.
        work: Returns its result, or raises what a worker's start raises.
        as_json: Say it as one JSON object.
    """
    try:
        result = work()
    except tuple(EXIT_CODES) as error:
        return _tell(name, str(error).replace("\n", "; "), [], _code_of(error), as_json=as_json)
    if result.failed:
        text = "; ".join(f"{check.name}: expected {check.expected}, seen {check.seen}" for check in result.failed)
        return _tell(name, text, result.checks, DOES_NOT_HOLD, as_json=as_json)
    return _tell(name, result.told, result.checks, 0, as_json=as_json)


def _code_of(error: Exception) -> int:
    return next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))


def _tell(name: str, text: str, checks: Sequence[Check], code: int, *, as_json: bool) -> int:
    if as_json:
        listed = [{**check._asdict(), "holds": check.holds} for check in checks]
        line = json.dumps({"check": name, "ok": code == 0, "exit_code": code, "message": text, "checks": listed})
    else:
        line = f"{name} {'holds' if code == 0 else 'FAILED' if code == DOES_NOT_HOLD else 'could not run'}: {text}"
    print(line)
    sys.stdout.flush()
    return code
