"""Calls that take up to ten entries: cut what there is into batches, and read which entries failed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from ports.aws.client import Calls
from ports.aws.faults import Failure, Fault
from ports.aws.sides import UNREADABLE, Common, Reply, Request, Result, Side, not_a_reply

MAX_ENTRIES: Final = 10

Item = TypeVar("Item")
Entry = dict[str, Any]


class BatchCall(NamedTuple):
    """Which call takes the entries, by which name, beside which parameters."""

    side: Side
    operation: str
    common: Common
    entries: str = "Entries"

    @property
    def api(self) -> str:
        """Its name, for the log."""
        return f"{self.side.service}:{self.operation}"


class BatchResult(NamedTuple):
    """What became of each entry, by its `Id`: the reply to it, or its fault."""

    done: dict[str, Mapping[str, Any]]
    faults: dict[str, Fault]


def split(
    items: Sequence[Item], *, size: Callable[[Item], int] = lambda _: 0, max_bytes: int = 0
) -> Iterator[list[Item]]:
    """Cut into batches, in order, of at most ten items whose sizes add up to at most `max_bytes`."""
    batch: list[Item] = []
    filled = 0
    for item in items:
        weight = size(item)
        if batch and (len(batch) == MAX_ENTRIES or filled + weight > max_bytes):
            yield batch
            batch, filled = [], 0
        batch.append(item)
        filled += weight
    if batch:
        yield batch


def send_batches(calls: Calls, call: BatchCall, batches: Sequence[list[Entry]], *, again: bool) -> BatchResult:
    """
    Make a call for each batch of up to ten entries. Nothing is raised for what AWS says: each entry has its result.

    Args:
        calls: Makes the calls.
        call: Which one.
        batches: Entries, each with an `Id` that no other has.
        again: Whether entries that failed, but not by our fault, get one more call.
    """
    results = calls.call_all(call.side, call.operation, [Request(call.common, {call.entries: b}) for b in batches])
    done: dict[str, Mapping[str, Any]] = {}
    faults: dict[str, Fault] = {}
    unlucky: list[list[Entry]] = []
    for batch, result in zip(batches, results, strict=True):
        read = _read(result, batch)
        if isinstance(read, Fault):
            calls.tell(call.api, read)
            faults |= {entry["Id"]: read for entry in batch}
            continue
        done |= read.done
        for fault in read.faults.values():
            calls.tell(call.api, fault)
        faults |= read.faults
        if missed := [e for e in batch if e["Id"] in read.faults and read.faults[e["Id"]].transient]:
            unlucky.append(missed)
    if not again or not unlucky:
        return BatchResult(done, faults)
    second = send_batches(calls, call, unlucky, again=False)
    done |= second.done
    return BatchResult(done, {key: f for key, f in (faults | second.faults).items() if key not in done})


def _read(result: Result, batch: Sequence[Entry]) -> BatchResult | Fault:
    """Return what became of each entry, or the fault that all of them share."""
    if isinstance(result, Failure):
        return result.fault
    try:
        return _entries(result, batch)
    except UNREADABLE:
        return not_a_reply(result.request_id()).fault


def _entries(reply: Reply, batch: Sequence[Entry]) -> BatchResult:
    """Only what the reply lists as done, and not as failed, is done: what it leaves out is what nobody knows about."""
    listed = {entry["Id"]: entry for entry in reply.body.get("Successful") or ()}
    refused = reply.body.get("Failed")
    if not refused and len(listed) == len(batch) and all(entry["Id"] in listed for entry in batch):
        return BatchResult(listed, {})
    request_id = reply.request_id()
    failed = {entry["Id"]: Fault.of_entry(entry, request_id) for entry in refused or ()}
    done = {e["Id"]: listed[e["Id"]] for e in batch if e["Id"] in listed and e["Id"] not in failed}
    unknown = Fault("NotInTheReply", request_id, transient=True)
    return BatchResult(done, {e["Id"]: failed.get(e["Id"], unknown) for e in batch if e["Id"] not in done})
