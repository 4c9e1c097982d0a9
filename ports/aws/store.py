"""The newest decision for each customer, in an Amazon DynamoDB table: one conditional update a decision, no read."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from ports.addresses import table_name
from ports.aws.client import Calls
from ports.aws.endpoints import region_of
from ports.aws.faults import Failure, Fault
from ports.aws.sides import UNREADABLE, Common, Request, Result, Side, not_a_reply
from ports.aws.table import BY_SCORE, BY_TIME, LEAD_CAMPAIGN, SMALLEST_NUMBER, Item, from_item, to_item
from ports.aws.transport import open_side
from ports.protocols import CountCall, Put, Transport, put_result
from schemas.decision import Decision, StoredDecision

# docs/decisions/0002-delivery.md; one event id is applied once, whatever time it bears when it comes again.
_CONDITION: Final = "attribute_not_exists(#version) OR (#version < :version AND #event_id <> :event_id)"
_OPTIONAL: Final = ("tier", "consent", LEAD_CAMPAIGN)
_FALSE: Final = {"BOOL": False}
_UPDATE: Final = "dynamodb:UpdateItem"
_REFUSED: Final = "ConditionalCheckFailedException"


def open_dynamodb(
    url: str, *, campaign: str, in_flight: int | None, on_call: CountCall, transport: Transport = "boto3"
) -> "DynamoStore":
    """
    Open a table by its URL; no call is made.

    Raises:
        BadAddress: The URL names no table, or nobody names the region.
    """
    side = open_side("dynamodb", region_of(None), transport=transport, in_flight=in_flight, on_call=on_call)
    return DynamoStore(table_name(url), side, Calls(url), campaign=campaign)


class DynamoStore:
    """A DynamoDB table as `table_definition` describes it. Many updates are in flight at a time."""

    def __init__(self, table: str, side: Side, calls: Calls, *, campaign: str = "default") -> None:
        """
        Take a table.

        Args:
            table: Its name.
            side: Makes single attempts, several at a time.
            calls: Retries, and the log.
            campaign: Whose leads `newest` and `best` show.
        """
        self._table, self._side, self._calls, self._campaign = table, side, calls, campaign
        self._settling = Common(
            TableName=table,
            UpdateExpression="SET #ever_lead = :false",
            ConditionExpression="#version = :version",
            ExpressionAttributeNames={"#ever_lead": "ever_lead", "#version": "version"},
        )

    def put(self, decisions: Sequence[Decision]) -> list[Put]:
        """Store each decision unless the same event or a newer one is there. Results are in order."""
        requests = [_update(self._table, decision) for decision in decisions]
        results = self._calls.call_all(self._side, "UpdateItem", requests)
        return [self._put_of(decision, result) for decision, result in zip(decisions, results, strict=True)]

    def settle_withdrawals(self, decisions: Sequence[Decision]) -> None:
        """Note that withdrawals were published. If that fails, the next event withdraws once more."""
        requests = [
            Request(
                self._settling,
                {
                    "Key": _key(decision.customer_id),
                    "ExpressionAttributeValues": {":false": _FALSE, ":version": {"S": decision.version}},
                },
            )
            for decision in decisions
        ]
        for result in self._calls.call_all(self._side, "UpdateItem", requests):
            # Where the condition does not hold, a newer event has taken over.
            if isinstance(result, Failure) and result.fault.code != _REFUSED:
                self._calls.tell(_UPDATE, result.fault)

    def get(self, customer_id: str) -> StoredDecision | None:
        """
        Return what is stored for one customer.

        Raises:
            Unavailable: DynamoDB did not answer, or refused.
        """
        asked = Request(Common(TableName=self._table, ConsistentRead=True), {"Key": _key(customer_id)})
        result = self._calls.call(self._side, "GetItem", asked)
        if not isinstance(result, Failure):
            try:
                return from_item(result.body["Item"]) if "Item" in result.body else None
            except UNREADABLE:
                result = not_a_reply(result.request_id())
        raise self._calls.unavailable("dynamodb:GetItem", result.fault)

    def newest(self, limit: int) -> list[StoredDecision]:
        """Return the campaign's leads with the newest events, newest first; raises as `get` does."""
        return self._leads(BY_TIME, limit)

    def best(self, limit: int) -> list[StoredDecision]:
        """Return the campaign's leads with the highest scores, best first; raises as `get` does."""
        return self._leads(BY_SCORE, limit)

    def scan(self) -> Iterator[StoredDecision]:
        """Go through all that is stored, in no order; raises as `get` does."""
        return self._pages("Scan", Common(TableName=self._table, ConsistentRead=True))

    def _put_of(self, decision: Decision, result: Result) -> Put:
        """Say what has become of a decision."""
        try:
            if not isinstance(result, Failure):
                return Put("applied", _applied(decision, result.body["Attributes"]))
            if result.fault.code == _REFUSED:
                return put_result(decision, from_item(result.body["Item"]))
            fault = result.fault
        except UNREADABLE:
            request_id = result.fault.request_id if isinstance(result, Failure) else result.request_id()
            fault = not_a_reply(request_id).fault
        self._calls.tell(_UPDATE, fault)
        return Put("failed", None)

    def _leads(self, index: str, limit: int) -> list[StoredDecision]:
        if limit < 1:
            return []
        asked = Common(
            TableName=self._table,
            IndexName=index,
            KeyConditionExpression="#campaign = :campaign",
            ExpressionAttributeNames={"#campaign": LEAD_CAMPAIGN},
            ExpressionAttributeValues={":campaign": {"S": self._campaign}},
            ScanIndexForward=False,
            Limit=limit,
        )
        return list(islice(self._pages("Query", asked), limit))

    def _pages(self, operation: str, asked: Common) -> Iterator[StoredDecision]:
        start: dict[str, Any] = {}
        while True:
            result = self._calls.call(self._side, operation, Request(asked, start))
            page = _rows(result)
            if isinstance(page, Fault):
                raise self._calls.unavailable(f"dynamodb:{operation}", page)
            rows, last = page
            yield from rows
            if last is None:
                return
            start = {"ExclusiveStartKey": last}


def _rows(result: Result) -> tuple[list[StoredDecision], Mapping[str, Any] | None] | Fault:
    """Return the rows of one page, and the key of the last where there are more."""
    if isinstance(result, Failure):
        return result.fault
    try:
        return [from_item(item) for item in result.body["Items"]], result.body.get("LastEvaluatedKey")
    except UNREADABLE:
        return not_a_reply(result.request_id()).fault


def _applied(decision: Decision, new: Item) -> StoredDecision:
    """
    Return what is stored now that the condition has held: the decision that was sent, and what was there before.

    Only `was_lead` is read, once the reply is clearly to this: see docs/decisions/0012-a-thin-transport.md.
    """
    if min(decision.score, decision.threshold) < SMALLEST_NUMBER:
        return from_item(new)  # stored as 0
    if new["version"]["S"] != decision.version or new["customer_id"]["S"] != decision.customer_id:
        raise ValueError("the reply shows another row")
    return StoredDecision(decision=decision, was_lead=new["was_lead"]["BOOL"])


def _key(customer_id: str) -> Item:
    return {"customer_id": {"S": customer_id}}


def _update(table: str, decision: Decision) -> Request:
    """Return the one conditional update. Its right-hand sides see the old item, so that no read is needed."""
    item = to_item(decision)
    values = {f":{name}": value for name, value in item.items()}
    values[":false"] = _FALSE
    common = _common(table, tuple(item), lead=decision.lead)
    return Request(common, {"Key": _key(decision.customer_id), "ExpressionAttributeValues": values})


@lru_cache(maxsize=64)
def _common(table: str, names: tuple[str, ...], *, lead: bool) -> Common:
    """Return all of an update that depends on nothing but which attributes there are."""
    absent = [name for name in _OPTIONAL if name not in names]
    before = "if_not_exists(#ever_lead, :false)"
    sets = [f"#{name} = :{name}" for name in names]
    sets += [f"#was_lead = {before}", f"#ever_lead = {':lead' if lead else before}"]
    removes = "".join(f"{', ' if i else ' REMOVE '}#{name}" for i, name in enumerate(absent))
    return Common(
        TableName=table,
        UpdateExpression=f"SET {', '.join(sets)}{removes}",
        ConditionExpression=_CONDITION,
        ExpressionAttributeNames={f"#{name}": name for name in (*names, *absent, "was_lead", "ever_lead")},
        ReturnValues="ALL_NEW",
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )
