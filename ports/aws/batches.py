"""Calls that take up to ten entries: cut what there is into batches, and read which entries failed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from ports.aws.client import Calls
from ports.aws.faults import AwsError, Fault
from ports.aws.replies import reading

MAX_ENTRIES: Final = 10

Item = TypeVar("Item")
Entry = dict[str, Any]
BatchCall = Callable[[list[Any]], Mapping[str, Any]]


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


def send_batch(calls: Calls, api: str, call: BatchCall, entries: Sequence[Entry], *, again: bool) -> BatchResult:
    """
    Make one call with up to ten entries. Nothing is raised for what AWS says: each entry has its result.

    Args:
        calls: Makes the call.
        api: Its name, for the log.
        call: Takes the entries, returns the reply with its lists `Successful` and `Failed`.
        entries: Each with an `Id`.
        again: Whether entries that failed, but not by our fault, get one more call.
    """
    try:
        reply = calls.retried(lambda: call(list(entries)))
        with reading():
            result = _read(reply, entries)
    except AwsError as error:
        fault = Fault.of(error)
        calls.tell(api, fault)
        return BatchResult({}, {entry["Id"]: fault for entry in entries})
    for fault in result.faults.values():
        calls.tell(api, fault)
    unlucky = [e for e in entries if e["Id"] in result.faults and result.faults[e["Id"]].transient]
    if not again or not unlucky:
        return result
    second = send_batch(calls, api, call, unlucky, again=False)
    done = result.done | second.done
    return BatchResult(done, {key: f for key, f in (result.faults | second.faults).items() if key not in done})


def _read(reply: Mapping[str, Any], entries: Sequence[Entry]) -> BatchResult:
    """Only what the reply lists as done, and not as failed, is done: what it leaves out is what nobody knows about."""
    request_id = reply.get("ResponseMetadata", {}).get("RequestId", "unknown")
    failed = {entry["Id"]: Fault.of_entry(entry, request_id) for entry in reply.get("Failed", [])}
    listed = {entry["Id"]: entry for entry in reply.get("Successful", [])}
    done = {e["Id"]: listed[e["Id"]] for e in entries if e["Id"] in listed and e["Id"] not in failed}
    unknown = Fault("NotInTheReply", request_id, transient=True)
    return BatchResult(done, {e["Id"]: failed.get(e["Id"], unknown) for e in entries if e["Id"] not in done})
