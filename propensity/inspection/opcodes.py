"""Read a pickle's opcodes one by one, and only those that fitted classifiers are written with."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

MAX_OPCODES: Final = 2_000_000
"""A forest of 300 trees has 44,000, a boosting of 1,000 trees about 130,000."""

MAX_NUMBER_BYTES: Final = 32
"""Random states hold numbers of 16 bytes."""

_WAY_OUT: Final = "write the fitted estimator with pickle.dump(model, file, protocol=5)"

_PLAIN: Final = {
    b".": "STOP",
    b"N": "NONE",
    b"\x88": "NEWTRUE",
    b"\x89": "NEWFALSE",
    b"(": "MARK",
    b")": "EMPTY_TUPLE",
    b"\x85": "TUPLE1",
    b"\x86": "TUPLE2",
    b"\x87": "TUPLE3",
    b"t": "TUPLE",
    b"]": "EMPTY_LIST",
    b"a": "APPEND",
    b"e": "APPENDS",
    b"}": "EMPTY_DICT",
    b"s": "SETITEM",
    b"u": "SETITEMS",
    b"\x94": "MEMOIZE",
    b"\x93": "STACK_GLOBAL",
    b"R": "REDUCE",
    b"\x81": "NEWOBJ",
    b"b": "BUILD",
}
_NUMBERS: Final = {
    b"\x80": ("PROTO", struct.Struct("<B")),
    b"\x95": ("FRAME", struct.Struct("<Q")),
    b"J": ("BININT", struct.Struct("<i")),
    b"K": ("BININT1", struct.Struct("<B")),
    b"M": ("BININT2", struct.Struct("<H")),
    b"G": ("BINFLOAT", struct.Struct(">d")),
    b"h": ("BINGET", struct.Struct("<B")),
    b"j": ("LONG_BINGET", struct.Struct("<I")),
    b"q": ("BINPUT", struct.Struct("<B")),
    b"r": ("LONG_BINPUT", struct.Struct("<I")),
}
_COUNTED: Final = {
    b"\x8a": ("LONG1", struct.Struct("<B")),
    b"\x8c": ("SHORT_BINUNICODE", struct.Struct("<B")),
    b"X": ("BINUNICODE", struct.Struct("<I")),
    b"C": ("SHORT_BINBYTES", struct.Struct("<B")),
    b"B": ("BINBYTES", struct.Struct("<I")),
    b"\x8e": ("BINBYTES8", struct.Struct("<Q")),
    b"\x96": ("BYTEARRAY8", struct.Struct("<Q")),
}
_NEVER_NEEDED: Final = {
    "0": "POP",
    "1": "POP_MARK",
    "2": "DUP",
    "F": "FLOAT",
    "I": "INT",
    "L": "LONG",
    "P": "PERSID",
    "Q": "BINPERSID",
    "S": "STRING",
    "T": "BINSTRING",
    "U": "SHORT_BINSTRING",
    "V": "UNICODE",
    "d": "DICT",
    "g": "GET",
    "i": "INST",
    "l": "LIST",
    "o": "OBJ",
    "p": "PUT",
    "\x82": "EXT1",
    "\x83": "EXT2",
    "\x84": "EXT4",
    "\x8b": "LONG4",
    "\x8d": "BINUNICODE8",
    "\x8f": "EMPTY_SET",
    "\x90": "ADDITEMS",
    "\x91": "FROZENSET",
    "\x92": "NEWOBJ_EX",
    "\x97": "NEXT_BUFFER",
    "\x98": "READONLY_BUFFER",
}


class Refused(Exception):
    """The pickle is refused; the text says at which byte, why, and what to do."""


class Opcode(NamedTuple):
    """
    One step of the program that a pickle is.

    Attributes:
        position: Of its first byte in the file.
        name: As `pickletools` spells it.
        argument: A number, a text, a view of the bytes; None where it takes none.
    """

    position: int
    name: str
    argument: "int | float | str | memoryview | None" = None


def opcodes(data: bytes) -> Iterator[Opcode]:
    """
    Read up to the first STOP.

    Raises:
        Refused: An opcode that no fitted classifier needs, one that is cut off, or too many.
    """
    view, position = memoryview(data), 0
    for _ in range(MAX_OPCODES):
        opcode, position = _read(data, view, position)
        yield opcode
        if opcode.name == "STOP":
            return
    raise Refused(f"it has more than {MAX_OPCODES} opcodes; no classifier of ours is so large")


def _read(data: bytes, view: memoryview, position: int) -> tuple[Opcode, int]:
    code = data[position : position + 1]
    if code in _PLAIN:
        return Opcode(position, _PLAIN[code]), position + 1
    if code in _NUMBERS:
        name, number = _NUMBERS[code]
        raw = _take(view, position, position + 1, number.size, name)
        return Opcode(position, name, number.unpack(raw)[0]), position + 1 + number.size
    if code in _COUNTED:
        return _counted(view, position, *_COUNTED[code])
    if code == b"c":
        return _named(data, position)
    if not code:
        raise Refused(f"it ends at byte {position} without a STOP: it is empty or cut off; fetch it again")
    text = code.decode("latin-1")
    name = _NEVER_NEEDED.get(text, f"{code!r}")
    raise Refused(f"byte {position}: opcode {name}, which no fitted classifier needs; {_WAY_OUT}")


def _counted(view: memoryview, position: int, name: str, size: struct.Struct) -> tuple[Opcode, int]:
    begin = position + 1 + size.size
    (length,) = size.unpack(_take(view, position, position + 1, size.size, name))
    raw = _take(view, position, begin, length, name)
    if name == "LONG1":
        if length > MAX_NUMBER_BYTES:
            raise Refused(f"byte {position}: LONG1 of {length} bytes, and {MAX_NUMBER_BYTES} are allowed; {_WAY_OUT}")
        return Opcode(position, name, int.from_bytes(raw, "little", signed=True)), begin + length
    if name.endswith("UNICODE"):
        return Opcode(position, name, _text(raw, position)), begin + length
    return Opcode(position, name, raw), begin + length


def _named(data: bytes, position: int) -> tuple[Opcode, int]:
    """Read GLOBAL, as protocol 3 writes it: two lines, returned with the line break between them."""
    middle = data.find(b"\n", position, position + 300)
    end = data.find(b"\n", middle + 1, middle + 301) if middle > 0 else -1
    if end < 0:
        raise Refused(f"byte {position}: GLOBAL without two lines of text; {_WAY_OUT}")
    return Opcode(position, "GLOBAL", _text(memoryview(data)[position + 1 : end], position)), end + 1


def _take(view: memoryview, position: int, begin: int, length: int, name: str) -> memoryview:
    if length > len(view) - begin:
        raise Refused(
            f"byte {position}: {name} says that {length} bytes follow, and the file has {max(0, len(view) - begin)}; "
            "it is cut off or made to eat memory: fetch it again"
        )
    return view[begin : begin + length]


def _text(raw: memoryview, position: int) -> str:
    try:
        return str(raw, "utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"byte {position}: a text that is not UTF-8; {_WAY_OUT}") from error
