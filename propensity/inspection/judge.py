"""Judge a pickle without running any of it: every opcode, every name, every size, and whether its trees are trees."""

from typing import Any, Final, NamedTuple

from propensity.inspection.calls import array_of, check_call
from propensity.inspection.machine import Machine
from propensity.inspection.models import check_part
from propensity.inspection.opcodes import Refused
from propensity.inspection.values import Made
from propensity.unpickle import MADE

MAX_BYTES: Final = 256 * 1024 * 1024
MAX_REASONS: Final = 20


class Inspection(NamedTuple):
    """
    What was found.

    Attributes:
        reasons: Why it is refused, one text for each fault; empty if it passes.
        names: All that it names, as `module.name`, in order.
        opcodes: How many were walked through.
        size: Of the pickle, in bytes.
        array_bytes: Of all arrays of numbers together.
        depth: How deep values lie in each other at most.
    """

    reasons: tuple[str, ...]
    names: tuple[str, ...]
    opcodes: int
    size: int
    array_bytes: int
    depth: int

    @property
    def passes(self) -> bool:
        """Whether it may be loaded."""
        return not self.reasons

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that loading it would import, each once."""
        return tuple(dict.fromkeys(name.rpartition(".")[0] for name in self.names))


def inspect(data: bytes) -> Inspection:
    """
    Judge a pickle.

    Nothing of it runs, nothing is imported, and what it would make is not made. A pickle that passes holds a
    classifier built of listed parts whose arrays and trees fit each other. It may still score nonsense: that is for
    the golden rows to find out.
    """
    machine, reasons, array_bytes = Machine(), [], 0
    try:
        _check_size(len(data))
        machine.run(data)
        if not machine.forbidden:
            array_bytes = _check_all(machine.made, len(data))
            _check_result(machine.result)
    except Refused as refused:
        reasons.append(str(refused))
    except RecursionError:
        reasons.append("its values lie too deep in each other; no classifier of ours is like that")
    names = tuple(map(str, machine.names))
    return Inspection(
        (*machine.forbidden[:MAX_REASONS], *reasons), names, machine.count, len(data), array_bytes, machine.deepest
    )


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise Refused(f"it has {size} bytes, and {MAX_BYTES} are allowed; train a smaller model")


def _check_all(made: list[Made], size: int) -> int:
    """Check every object, and return how many bytes their arrays have."""
    for one in made:
        check_call(one)
    arrays = [array for one in made if (array := array_of(one)) is not None]
    total = sum(len(array.data) for array in arrays if isinstance(array.data, memoryview))
    if total > size:
        raise Refused(f"its arrays have {total} bytes, and the file {size}: it shares bytes so as to eat memory")
    for one in made:
        check_part(one)
    return total


def _check_result(result: Any) -> None:  # noqa: ANN401  anything that a pickle can hold
    if not isinstance(result, Made) or result.of not in MADE:
        what = result.of if isinstance(result, Made) else type(result).__name__
        raise Refused(f"it holds a {what}, which is no fitted classifier; write the estimator itself")
