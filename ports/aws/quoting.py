"""Texts as a form takes them, quickly for what leads are made of."""

from collections.abc import Mapping
from functools import lru_cache
from string import ascii_letters, digits
from typing import Final
from urllib.parse import quote_plus

_USUAL: Final = [(sign.encode(), b"%%%02X" % ord(sign)) for sign in "%+\"{}:,/[]#\n&=()'"] + [(b" ", b"+")]
_SAFE: Final = f"{ascii_letters}{digits}_.~-%+".encode()
_SHORT: Final = 128
"""Characters of what is worth keeping: names of fields, and attributes that are the same for thousands of leads."""


def quoted(text: str) -> bytes:
    """Return what `quote_plus` does: the usual signs by quick replacements, all of it slowly if others remain."""
    safe = text.encode()
    for sign, code in _USUAL:
        safe = safe.replace(sign, code)
    return quote_plus(text).encode() if safe.translate(None, _SAFE) else safe


def form(fields: Mapping[str, object]) -> bytes:
    """Return fields as the body of a form, in their order, as `urlencode` does."""
    return b"&".join([_kept(name) + b"=" + _value(str(value)) for name, value in fields.items()])


def _value(text: str) -> bytes:
    return _kept(text) if len(text) <= _SHORT else quoted(text)


@lru_cache(maxsize=8192)
def _kept(text: str) -> bytes:
    return quote_plus(text).encode()
