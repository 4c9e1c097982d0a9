"""Writes a form as `urlencode` does, but quickly for what leads are made of."""

from collections.abc import Mapping
from functools import lru_cache
from string import ascii_letters, digits
from typing import Final
from urllib.parse import quote_plus

_USUAL: Final = [(sign, f"%{ord(sign):02X}") for sign in "%+\"{}:,/[]#\n&=()'"] + [(" ", "+")]
_SAFE: Final = f"{ascii_letters}{digits}_.~-%+".encode()
_SHORT: Final = 128
"""Characters of what is worth keeping: names of fields, and attributes that are the same for thousands of leads."""


def form(fields: Mapping[str, object]) -> bytes:
    """Return fields as the body of a form, in their order."""
    return "&".join([f"{_kept(name)}={_quoted(str(value))}" for name, value in fields.items()]).encode()


def _quoted(text: str) -> str:
    """Return a text as a form takes it: the usual signs by quick replacements, all of it slowly if others remain."""
    if len(text) <= _SHORT:
        return _kept(text)
    safe = text
    for sign, code in _USUAL:
        safe = safe.replace(sign, code)
    return quote_plus(text) if safe.encode().translate(None, _SAFE) else safe


@lru_cache(maxsize=8192)
def _kept(text: str) -> str:
    return quote_plus(text)
