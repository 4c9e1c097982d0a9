"""Walk through a pickle as an unpickler would, with stand-ins for all that it would make."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final

from propensity.inspection.opcodes import Opcode, Refused, opcodes
from propensity.inspection.values import MAX_ROW_DEPTH, Made, Name, Row
from propensity.unpickle import ALLOWED, CALLED, HELD, MADE

MAX_STACK: Final = 20_000
MAX_MARKS: Final = 256
PROTOCOLS: Final = range(3, 6)

_BUILT: Final = MADE | {
    ("numpy", "dtype"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.random._pickle", "__bit_generator_ctor"),
    ("numpy.random._pickle", "__randomstate_ctor"),
    ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"),
    ("sklearn.tree._tree", "Tree"),
}
_FILLED: Final = ("sklearn.utils._bunch", "Bunch")
_NAMES_HELD_UNDER: Final = ("dtype", "_asarray")
_CONSTANTS: Final = MappingProxyType({"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": Row()})
_KEYS: Final = (str, int, float, type(None), Made)

_MARK: Final = object()

Step = Callable[[Opcode], None]
"""What an opcode does to the machine."""


class Machine:
    """
    The walk through one pickle.

    Attributes:
        names: All that the pickle names, in order.
        forbidden: A reason for each name that is not on the list.
        made: All objects, in the order in which they would be made.
        count: How many opcodes there were.
        deepest: The most marks that were open at a time.
        result: What STOP leaves.
    """

    def __init__(self) -> None:
        self.names: dict[Name, None] = {}
        self.forbidden: list[str] = []
        self.made: list[Made] = []
        self.count = 0
        self.deepest = 0
        self.result: Any = None
        self._marks = 0
        self._size = 0
        self._stack: list[Any] = []
        self._memo: list[Any] = []
        self._steps: dict[str, Step] = {
            "PROTO": self._proto,
            "STOP": self._stop,
            "FRAME": self._frame,
            "MARK": self._mark,
            **dict.fromkeys(("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"), self._tuple),
            "EMPTY_LIST": self._list,
            "EMPTY_DICT": self._dict,
            **dict.fromkeys(("APPEND", "APPENDS"), self._append),
            **dict.fromkeys(("SETITEM", "SETITEMS"), self._set),
            **dict.fromkeys(("MEMOIZE", "BINPUT", "LONG_BINPUT"), self._memoize),
            **dict.fromkeys(("BINGET", "LONG_BINGET"), self._get),
            **dict.fromkeys(("GLOBAL", "STACK_GLOBAL"), self._name),
            "REDUCE": self._reduce,
            "NEWOBJ": self._newobj,
            "BUILD": self._build,
        }

    def run(self, data: bytes) -> None:
        """
        Walk to the end.

        Raises:
            Refused: Anything but what fitted classifiers are made of, except for names: those stand in `forbidden`.
        """
        end, self._size = 0, len(data)
        for opcode in opcodes(data):
            self.count += 1
            self._step(opcode)
            end = opcode.position + 1
        if end != len(data):
            raise Refused(f"byte {end}: {len(data) - end} bytes follow the end of the pickle; write it again, alone")

    def _step(self, opcode: Opcode) -> None:
        position, name, argument = opcode
        if (position == 0) != (name == "PROTO"):
            raise Refused(f"byte {position}: PROTO must come first and once; write it with protocol 5")
        if name in self._steps:
            self._steps[name](opcode)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name])
        else:  # a number, a text or bytes
            self._stack.append(argument)
        if len(self._stack) > MAX_STACK:
            raise Refused(f"byte {position}: more than {MAX_STACK} values wait; no classifier of ours needs so many")

    def _proto(self, opcode: Opcode) -> None:
        if opcode.argument not in PROTOCOLS:
            raise Refused(f"byte 0: protocol {opcode.argument}; write it with protocol 5 (3 and 4 are read too)")

    def _stop(self, opcode: Opcode) -> None:
        self.result = self._pop(opcode)
        if self._stack:
            raise Refused(f"byte {opcode.position}: STOP leaves {len(self._stack)} values; it was put together by hand")

    def _frame(self, opcode: Opcode) -> None:
        """A frame only says how much may be read ahead."""
        if int(str(opcode.argument)) > self._size - opcode.position:
            raise Refused(f"byte {opcode.position}: FRAME of {opcode.argument} bytes, beyond the end; fetch it again")

    def _mark(self, opcode: Opcode) -> None:
        self._marks += 1
        self.deepest = max(self.deepest, self._marks)
        if self._marks > MAX_MARKS:
            raise Refused(f"byte {opcode.position}: values lie more than {MAX_MARKS} deep in each other")
        self._stack.append(_MARK)

    def _tuple(self, opcode: Opcode) -> None:
        count = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}.get(opcode.name)
        items = self._since_mark(opcode) if count is None else [self._pop(opcode) for _ in range(count)][::-1]
        row = Row.of(items)
        if row.depth > MAX_ROW_DEPTH:
            raise Refused(f"byte {opcode.position}: tuples lie more than {MAX_ROW_DEPTH} deep in each other")
        for item in items:
            if isinstance(item, Name) and item not in HELD:
                self._misplaced(item, opcode)
        self._stack.append(row)

    def _list(self, _opcode: Opcode) -> None:
        self._stack.append([])

    def _dict(self, _opcode: Opcode) -> None:
        self._stack.append({})

    def _append(self, opcode: Opcode) -> None:
        items = self._since_mark(opcode) if opcode.name == "APPENDS" else [self._pop(opcode)]
        target = self._stack[-1] if self._stack else None
        if type(target) is not list:
            raise Refused(f"byte {opcode.position}: {opcode.name} to what is no list; it was put together by hand")
        for item in items:
            if isinstance(item, Name):
                self._misplaced(item, opcode)
        target.extend(items)

    def _set(self, opcode: Opcode) -> None:
        items = self._since_mark(opcode) if opcode.name == "SETITEMS" else [self._pop(opcode), self._pop(opcode)][::-1]
        target = self._stack[-1] if self._stack else None
        if isinstance(target, Made) and target.of == _FILLED:
            target = target.items
        if type(target) is not dict or len(items) % 2:
            raise Refused(f"byte {opcode.position}: {opcode.name} to what is no dict; it was put together by hand")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, _KEYS):
                raise Refused(f"byte {opcode.position}: a key that is neither text nor number")
            if isinstance(value, Name) and (key not in _NAMES_HELD_UNDER or value not in HELD):
                self._misplaced(value, opcode)
            target[key] = value

    def _memoize(self, opcode: Opcode) -> None:
        """Numbers in the memo rise by one; any other would only serve to eat memory, or to mislead."""
        if opcode.name != "MEMOIZE" and opcode.argument != len(self._memo):
            raise Refused(f"byte {opcode.position}: {opcode.name} {opcode.argument} out of turn; write it again")
        if not self._stack or self._stack[-1] is _MARK:
            raise Refused(f"byte {opcode.position}: {opcode.name} of nothing; it was put together by hand")
        self._memo.append(self._stack[-1])

    def _get(self, opcode: Opcode) -> None:
        number = opcode.argument
        if not isinstance(number, int) or number >= len(self._memo):
            raise Refused(f"byte {opcode.position}: {opcode.name} {number} of a memo of {len(self._memo)}")
        self._stack.append(self._memo[number])

    def _name(self, opcode: Opcode) -> None:
        if opcode.name == "GLOBAL":
            module, _, attribute = str(opcode.argument).partition("\n")
        else:
            attribute, module = self._pop(opcode), self._pop(opcode)
        if not isinstance(module, str) or not isinstance(attribute, str):
            raise Refused(f"byte {opcode.position}: a name that is put together from what is no text")
        name = Name(module, attribute)
        self.names[name] = None
        if name not in ALLOWED:
            self.forbidden.append(
                f"byte {opcode.position}: it names {name}, which is not on the list of propensity/unpickle.py; "
                "train a model without it, or propose the name with a test that shows what needs it"
            )
        self._stack.append(name)

    def _reduce(self, opcode: Opcode) -> None:
        arguments, called = self._pop(opcode), self._pop(opcode)
        self._make(called, arguments, CALLED, opcode)

    def _newobj(self, opcode: Opcode) -> None:
        arguments, made = self._pop(opcode), self._pop(opcode)
        if arguments != ():
            raise Refused(f"byte {opcode.position}: NEWOBJ with arguments, which no fitted classifier needs")
        self._make(made, arguments, MADE, opcode)

    def _build(self, opcode: Opcode) -> None:
        state, target = self._pop(opcode), self._stack[-1] if self._stack else None
        if not isinstance(target, Made) or (target.of in ALLOWED and target.of not in _BUILT):
            raise Refused(f"byte {opcode.position}: BUILD on what takes no state; it was put together by hand")
        if target.state is not None:
            raise Refused(
                f"byte {opcode.position}: BUILD of {target.of} for a second time; it was put together by hand"
            )
        if isinstance(state, Name):
            self._misplaced(state, opcode)
        # Copied as __setstate__ does: what is put into a dict later is not in the object.
        if isinstance(state, Row):
            state = Row.of(dict(part) if type(part) is dict else part for part in state)
        if isinstance(state, dict):
            state = dict(state)
            if bad := [key for key in state if not isinstance(key, str) or key.startswith("__")]:
                raise Refused(f"byte {opcode.position}: BUILD of {target.of} would set {bad[0]!r}")
        target.state = state

    def _make(self, what: object, arguments: object, allowed: frozenset[tuple[str, str]], opcode: Opcode) -> None:
        if not isinstance(what, Name) or not isinstance(arguments, Row):
            raise Refused(
                f"byte {opcode.position}: {opcode.name} of what is no listed name; it was put together by hand"
            )
        if what in ALLOWED and what not in allowed:
            raise Refused(f"byte {opcode.position}: {opcode.name} of {what}, which is not made in this way")
        made = Made(what, arguments, opcode.position)
        self.made.append(made)
        self._stack.append(made)

    def _misplaced(self, name: Name, opcode: Opcode) -> None:
        """A class or a function as a value could stand in for a method."""
        if name in ALLOWED:  # otherwise the reason is there already
            raise Refused(f"byte {opcode.position}: {name} as a value, where a classifier has data")

    def _pop(self, opcode: Opcode) -> Any:  # noqa: ANN401  anything that a pickle can hold
        if not self._stack or self._stack[-1] is _MARK:
            raise Refused(f"byte {opcode.position}: {opcode.name} finds too little on the stack; it is damaged")
        return self._stack.pop()

    def _since_mark(self, opcode: Opcode) -> list[Any]:
        items = []
        while self._stack and self._stack[-1] is not _MARK:
            items.append(self._stack.pop())
        if not self._stack:
            raise Refused(f"byte {opcode.position}: {opcode.name} finds no mark on the stack; it is damaged")
        self._stack.pop()
        self._marks -= 1
        return items[::-1]
