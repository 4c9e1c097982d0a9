"""Texts as a form takes them, quickly for what leads are made of."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from string import ascii_letters, digits
from typing import Final
from urllib.parse import quote_plus

_USUAL: Final = "%+\"{}:,/[]#&=()' "
_CODES: Final = [(sign.encode(), quote_plus(sign).encode()) for sign in _USUAL]
_SAFE: Final = f"{ascii_letters}{digits}_.~-".encode()
_BETWEEN: Final = "\n"
_KNOWN: Final = _SAFE + f"{_USUAL}{_BETWEEN}".encode()
_SHORT: Final = 128
"""Characters of what is worth keeping: names of fields, and attributes that are the same for thousands of leads."""


def quoted(texts: Sequence[str]) -> list[bytes]:
    """Return what `quote_plus` does of each: all at once by quick replacements, or slowly if there are other signs."""
    safe = _BETWEEN.join(texts).encode()
    if safe.translate(None, _KNOWN) or safe.count(_BETWEEN.encode()) != len(texts) - 1:
        return [quote_plus(text).encode() for text in texts]
    for sign, code in _CODES:
        safe = safe.replace(sign, code)
    return safe.split(_BETWEEN.encode())


def form(fields: Mapping[str, object]) -> bytes:
    """Return fields as the body of a form, in their order, as `urlencode` does."""
    return b"&".join([_kept(name) + b"=" + _value(str(value)) for name, value in fields.items()])


def _value(text: str) -> bytes:
    return _kept(text) if len(text) <= _SHORT else quoted([text])[0]


@lru_cache(maxsize=8192)
def _kept(text: str) -> bytes:
    return quote_plus(text).encode()
