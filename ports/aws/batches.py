"""Calls that take up to ten entries: cut what there is into batches, and read what became of each entry."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple, TypeVar

from ports.aws.client import Calls
from ports.aws.faults import Failure, Fault
from ports.aws.sides import UNREADABLE, Common, Reply, Request, Result, Side, not_a_reply

MAX_ENTRIES: Final = 10

Item = TypeVar("Item")
Entry = dict[str, Any]
Entered = Mapping[str, Any] | Fault
"""What became of an entry: the reply to it, or its fault."""


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


def send_batches(calls: Calls, call: BatchCall, batches: Sequence[list[Entry]], *, again: bool) -> list[Entered]:
    """
    Make a call for each batch of up to ten entries. Nothing is raised for what AWS says: each entry has its result.

    Args:
        calls: Makes the calls.
        call: Which one.
        batches: Entries. Each gets an `Id` that no other has, so that a reply to another call counts for nothing.
        again: Whether entries that failed, but not by our fault, get one more call.

    Returns:
        What became of each, in the order of all entries.
    """
    entries = list(chain.from_iterable(batches))
    ids = list(map(str, range(len(entries))))
    for key, entry in zip(ids, entries, strict=True):
        entry["Id"] = key
    entered = _sent(calls, call, batches, ids)
    if again and (unlucky := [place for place, one in enumerate(entered) if _may_do_later(one)]):
        cut = [unlucky[i : i + MAX_ENTRIES] for i in range(0, len(unlucky), MAX_ENTRIES)]
        second = _sent(calls, call, [[entries[place] for place in places] for places in cut], [ids[p] for p in unlucky])
        for place, one in zip(unlucky, second, strict=True):
            entered[place] = one
    return entered


def _sent(calls: Calls, call: BatchCall, batches: Sequence[list[Entry]], ids: Sequence[str]) -> list[Entered]:
    """Make the calls once, the ids being those of all entries, and tell what went wrong."""
    results = calls.call_all(call.side, call.operation, [Request(call.common, {call.entries: b}) for b in batches])
    entered: list[Entered] = []
    for batch, result in zip(batches, results, strict=True):
        wanted = ids[len(entered) : len(entered) + len(batch)]
        if (done := _all_done(result, wanted)) is not None:
            entered += done
            continue
        read = _read(result, wanted)
        for fault in dict.fromkeys(one for one in read if isinstance(one, Fault)):
            calls.tell(call.api, fault)
        entered += read
    return entered


def _may_do_later(one: Entered) -> bool:
    """Tell whether the call went well, and one entry failed for now."""
    return isinstance(one, Fault) and one.transient and one.by_entry


def _all_done(result: Result, wanted: Sequence[str]) -> Sequence[Entered] | None:
    """Return the replies to all entries; None where not all are done, or not in their order: it happens rarely."""
    if isinstance(result, Failure) or result.body.get("Failed"):
        return None
    listed = result.body.get("Successful") or ()
    try:
        return listed if [entry["Id"] for entry in listed] == wanted else None
    except UNREADABLE:
        return None


def _read(result: Result, wanted: Sequence[str]) -> Sequence[Entered]:
    """Return what became of each entry of a call."""
    if isinstance(result, Failure):
        return [result.fault] * len(wanted)
    try:
        return _sorted(result, wanted)
    except UNREADABLE:
        return [not_a_reply(result.request_id()).fault] * len(wanted)


def _sorted(reply: Reply, wanted: Sequence[str]) -> list[Entered]:
    """Only what the reply lists as done, and not as failed, is done: what it leaves out is what nobody knows about."""
    unknown = Fault("NotInTheReply", reply.request_id(), transient=True, by_entry=True)
    found: dict[str, Entered] = {entry["Id"]: entry for entry in reply.body.get("Successful") or ()}
    found |= {entry["Id"]: Fault.of_entry(entry, unknown.request_id) for entry in reply.body.get("Failed") or ()}
    return [found.get(key, unknown) for key in wanted]
