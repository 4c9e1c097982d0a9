"""Calls that take up to ten entries: cut what there is into batches, and read what became of each entry."""

from collections.abc import Mapping, Sequence
from itertools import chain, groupby
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


def split(items: Sequence[Item], sizes: Sequence[int], max_bytes: int) -> list[list[Item]]:
    """
    Cut into batches, in order, of at most ten items.

    Args:
        items: What is cut.
        sizes: How large each is.
        max_bytes: How large the items of a batch may be together; one that is larger by itself stands alone.
    """
    if MAX_ENTRIES * max(sizes, default=0) <= max_bytes:
        return tens(items)
    batches: list[list[Item]] = [[]]
    filled = 0
    for item, size in zip(items, sizes, strict=True):
        if batches[-1] and (len(batches[-1]) == MAX_ENTRIES or filled + size > max_bytes):
            batches.append([])
            filled = 0
        batches[-1].append(item)
        filled += size
    return batches


def tens(items: Sequence[Item]) -> list[list[Item]]:
    """Cut into batches of ten, in order, the last one of what is left."""
    return [list(items[begin : begin + MAX_ENTRIES]) for begin in range(0, len(items), MAX_ENTRIES)]


class BatchResult(NamedTuple):
    """What became of the entries, by their places in the order of all: the reply to each, and the faults of some."""

    replies: list[Mapping[str, Any] | None]
    faults: dict[int, Fault]


def send_batches(calls: Calls, call: BatchCall, batches: Sequence[list[Entry]], *, again: bool) -> BatchResult:
    """
    Make a call for each batch of up to ten entries. Nothing is raised for what AWS says: each entry has its result.

    Args:
        calls: Makes the calls.
        call: Which one.
        batches: Entries. Each gets an `Id` that no other has, so that a reply to another call counts for nothing.
        again: Whether entries that failed, but not by our fault, get one more call.
    """
    entries = list(chain.from_iterable(batches))
    ids = list(map(str, range(len(entries))))
    for key, entry in zip(ids, entries, strict=True):
        entry["Id"] = key
    replies, faults = _sent(calls, call, batches, ids)
    # Where the call itself failed, it has had its further tries.
    unlucky = [place for place, fault in faults.items() if fault.transient and fault.by_entry] if again else []
    if unlucky:
        batch_of = [number for number, batch in enumerate(batches) for _ in batch]
        # Each within its own batch: those of two may be too large for one call.
        cut = [list(places) for _, places in groupby(unlucky, batch_of.__getitem__)]
        second = _sent(calls, call, [[entries[place] for place in places] for places in cut], [ids[p] for p in unlucky])
        for number, place in enumerate(unlucky):
            del faults[place]
            replies[place] = second.replies[number]
        faults |= {unlucky[number]: fault for number, fault in second.faults.items()}
    return BatchResult(replies, faults)


def _sent(calls: Calls, call: BatchCall, batches: Sequence[list[Entry]], ids: Sequence[str]) -> BatchResult:
    """Make the calls once, the ids being those of all entries, and tell what went wrong."""
    results = calls.call_all(call.side, call.operation, [Request(call.common, {call.entries: b}) for b in batches])
    sent = BatchResult([], {})
    for batch, result in zip(batches, results, strict=True):
        begin = len(sent.replies)
        wanted = ids[begin : begin + len(batch)]
        if (done := _all_done(result, wanted)) is not None:
            sent.replies.extend(done)
            continue
        read = _read(result, wanted)
        faults = {begin + place: one for place, one in enumerate(read) if isinstance(one, Fault)}
        for fault in dict.fromkeys(faults.values()):
            calls.tell(call.api, fault)
        sent.faults.update(faults)
        sent.replies.extend(None if isinstance(one, Fault) else one for one in read)
    return sent


def _all_done(result: Result, wanted: Sequence[str]) -> Sequence[Mapping[str, Any]] | None:
    """Return the replies to all entries; None where not all are done, or not in their order: it happens rarely."""
    if isinstance(result, Failure) or result.body.get("Failed"):
        return None
    listed = result.body.get("Successful") or ()
    try:
        return listed if [entry["Id"] for entry in listed] == wanted else None
    except UNREADABLE:
        return None


def _read(result: Result, wanted: Sequence[str]) -> Sequence[Mapping[str, Any] | Fault]:
    """Return what became of each entry of a call."""
    if isinstance(result, Failure):
        return [result.fault] * len(wanted)
    try:
        return _sorted(result, wanted)
    except UNREADABLE:
        return [not_a_reply(result.request_id()).fault] * len(wanted)


def _sorted(reply: Reply, wanted: Sequence[str]) -> list[Mapping[str, Any] | Fault]:
    """Only what the reply lists as done, and not as failed, is done: what it leaves out is what nobody knows about."""
    unknown = Fault("NotInTheReply", reply.request_id(), transient=True, by_entry=True)
    found: dict[str, Mapping[str, Any] | Fault] = {entry["Id"]: entry for entry in reply.body.get("Successful") or ()}
    found |= {entry["Id"]: Fault.of_entry(entry, unknown.request_id) for entry in reply.body.get("Failed") or ()}
    return [found.get(key, unknown) for key in wanted]
