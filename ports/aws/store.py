"""The newest decision for each customer, in an Amazon DynamoDB table: one conditional update a decision, no read."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

import boto3

from ports.addresses import table_name
from ports.aws.client import Calls, config, region_of
from ports.aws.faults import AwsError, Fault
from ports.aws.replies import reading, watch_calls
from ports.aws.table import BY_SCORE, BY_TIME, LEAD_CAMPAIGN, Item, from_item, to_item
from ports.protocols import CountCall, Put, put_result
from schemas.decision import Decision, StoredDecision

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

# docs/decisions/0002-delivery.md; one event id is applied once, whatever time it bears when it comes again.
_CONDITION: Final = "attribute_not_exists(#version) OR (#version < :version AND #event_id <> :event_id)"
_OPTIONAL: Final = ("tier", "consent", LEAD_CAMPAIGN)


def open_dynamodb(url: str, *, campaign: str, in_flight: int, on_call: CountCall) -> "DynamoStore":
    """
    Open a table by its URL; no call is made.

    Raises:
        BadAddress: The URL names no table, or nobody names the region.
    """
    client = boto3.client("dynamodb", region_name=region_of(None), config=config(in_flight))
    watch_calls(client, on_call)
    return DynamoStore(table_name(url), client, Calls(url, in_flight=in_flight), campaign=campaign)


class DynamoStore:
    """A DynamoDB table as `table_definition` describes it. Many updates are in flight at a time."""

    def __init__(self, table: str, client: "DynamoDBClient", calls: Calls, *, campaign: str = "default") -> None:
        """
        Take a table.

        Args:
            table: Its name.
            client: Makes the calls.
            calls: Retries, several calls in flight, the log.
            campaign: Whose leads `newest` and `best` show.
        """
        self._table, self._client, self._calls, self._campaign = table, client, calls, campaign

    def put(self, decisions: Sequence[Decision]) -> list[Put]:
        """Store each decision unless the same event or a newer one is there. Results are in order."""
        return self._calls.each(self._put, decisions)

    def settle_withdrawals(self, decisions: Sequence[Decision]) -> None:
        """Note that withdrawals were published. If that fails, the next event withdraws once more."""
        self._calls.each(self._settle, decisions)

    def get(self, customer_id: str) -> StoredDecision | None:
        """
        Return what is stored for one customer.

        Raises:
            Unavailable: DynamoDB did not answer, or refused.
        """
        try:
            reply = self._calls.retried(
                lambda: self._client.get_item(TableName=self._table, Key=_key(customer_id), ConsistentRead=True)
            )
            with reading():
                return from_item(reply["Item"]) if "Item" in reply else None
        except AwsError as error:
            raise self._calls.unavailable("dynamodb:GetItem", error) from error

    def newest(self, limit: int) -> list[StoredDecision]:
        """Return the campaign's leads with the newest events, newest first; raises as `get` does."""
        return self._leads(BY_TIME, limit)

    def best(self, limit: int) -> list[StoredDecision]:
        """Return the campaign's leads with the highest scores, best first; raises as `get` does."""
        return self._leads(BY_SCORE, limit)

    def scan(self) -> Iterator[StoredDecision]:
        """Go through all that is stored, in no order; raises as `get` does."""
        return self._pages(
            "dynamodb:Scan", lambda start: self._client.scan(TableName=self._table, ConsistentRead=True, **start)
        )

    def _put(self, decision: Decision) -> Put:
        try:
            return self._apply(decision)
        except AwsError as error:
            self._calls.tell("dynamodb:UpdateItem", Fault.of(error))
            return Put("failed", None)

    def _apply(self, decision: Decision) -> Put:
        try:
            reply = self._calls.retried(lambda: self._client.update_item(TableName=self._table, **_update(decision)))
        except self._client.exceptions.ConditionalCheckFailedException as error:
            with reading():
                old = cast("dict[str, Any]", error.response)["Item"]  # the stubs do not know of it
                return put_result(decision, from_item(old))
        with reading():
            return Put("applied", from_item(reply["Attributes"]))

    def _settle(self, decision: Decision) -> None:
        try:
            self._calls.retried(
                lambda: self._client.update_item(
                    TableName=self._table,
                    Key=_key(decision.customer_id),
                    UpdateExpression="SET #ever_lead = :false",
                    ConditionExpression="#version = :version",
                    ExpressionAttributeNames={"#ever_lead": "ever_lead", "#version": "version"},
                    ExpressionAttributeValues={":false": {"BOOL": False}, ":version": {"S": decision.version}},
                )
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # a newer event has taken over
        except AwsError as error:
            self._calls.tell("dynamodb:UpdateItem", Fault.of(error))

    def _leads(self, index: str, limit: int) -> list[StoredDecision]:
        if limit < 1:
            return []
        pages = self._pages(
            "dynamodb:Query",
            lambda start: self._client.query(
                TableName=self._table,
                IndexName=index,
                KeyConditionExpression="#campaign = :campaign",
                ExpressionAttributeNames={"#campaign": LEAD_CAMPAIGN},
                ExpressionAttributeValues={":campaign": {"S": self._campaign}},
                ScanIndexForward=False,
                Limit=limit,
                **start,
            ),
        )
        return list(islice(pages, limit))

    def _pages(self, api: str, call: Callable[[dict[str, Any]], Any]) -> Iterator[StoredDecision]:
        start: dict[str, Any] = {}
        while True:
            try:
                page = self._calls.retried(partial(call, start))
                with reading():
                    rows = [from_item(item) for item in page["Items"]]
            except AwsError as error:
                raise self._calls.unavailable(api, error) from error
            yield from rows
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _key(customer_id: str) -> Item:
    return {"customer_id": {"S": customer_id}}


def _update(decision: Decision) -> dict[str, Any]:
    """Return the one conditional update. Its right-hand sides see the old item, so that no read is needed."""
    item = to_item(decision)
    absent = [name for name in _OPTIONAL if name not in item]
    before = "if_not_exists(#ever_lead, :false)"
    sets = [f"#{name} = :{name}" for name in item]
    sets += [f"#was_lead = {before}", f"#ever_lead = {':lead' if decision.lead else before}"]
    removes = "".join(f"{', ' if i else ' REMOVE '}#{name}" for i, name in enumerate(absent))
    return {
        "Key": _key(decision.customer_id),
        "UpdateExpression": f"SET {', '.join(sets)}{removes}",
        "ConditionExpression": _CONDITION,
        "ExpressionAttributeNames": {f"#{name}": name for name in (*item, *absent, "was_lead", "ever_lead")},
        "ExpressionAttributeValues": {f":{name}": value for name, value in item.items()} | {":false": {"BOOL": False}},
        "ReturnValues": "ALL_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
