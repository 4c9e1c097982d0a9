"""What was set aside, as a file: complete, or not there; closed to others where it holds customer data."""

import base64
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from leadline.output import Failed
from leadline.setaside import Item


def write_jsonl(file: Path, items: Iterable[Item], *, bodies: bool, tell: Callable[[], object] = lambda: None) -> int:
    """
    Write a record a line.

    Args:
        file: Where to; one that is there is replaced.
        items: What to write.
        bodies: Write the events too: as `body`, or as `body_base64` where one is no UTF-8. The file's mode is 0600.
        tell: Called after each line.

    Returns:
        How many lines there are.

    Raises:
        Failed: The file cannot be written.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if bodies else 0o666)
        try:
            count = _write(descriptor, items, tell, bodies=bodies)
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise Failed(f"{file} cannot be written: {error.strerror}; name another file") from error
    return count


def body_as_json(body: bytes) -> dict[str, str]:
    """Return an event as a field of a JSON object: `body`, or `body_base64` where it is no UTF-8."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


def _write(descriptor: int, items: Iterable[Item], tell: Callable[[], object], *, bodies: bool) -> int:
    count = 0
    with open(descriptor, "w", encoding="utf-8") as lines:
        for item in items:
            lines.write(json.dumps(item.record | (body_as_json(item.body) if bodies else {})) + "\n")
            count += 1
            tell()
        lines.flush()
        os.fsync(lines.fileno())
    return count
