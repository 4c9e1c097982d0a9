"""The table that the store needs, and how a decision lies in it: attributes that a marketing tool can read."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from schemas.customer import Consent
from schemas.decision import Decision, ModelId, Reason, StoredDecision

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import CreateTableInputTypeDef

BY_SCORE: Final = "leads-by-score"
BY_TIME: Final = "leads-by-time"
LEAD_CAMPAIGN: Final = "lead_campaign"
"""Only leads bear it, so that the indexes hold nothing but leads."""
SMALLEST_NUMBER: Final = 1e-120
"""DynamoDB's numbers end at 1e-130. A probability below this one is stored as 0."""

Item = dict[str, Any]
"""A row in DynamoDB's own form: name -> {type: value}."""


def table_definition(name: str) -> "CreateTableInputTypeDef":
    """Return what `CreateTable` takes: the key, the two indexes over the leads, paid by request."""
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "customer_id", "AttributeType": "S"},
            {"AttributeName": LEAD_CAMPAIGN, "AttributeType": "S"},
            {"AttributeName": "score", "AttributeType": "N"},
            {"AttributeName": "event_time", "AttributeType": "S"},
        ],
        "KeySchema": [{"AttributeName": "customer_id", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": LEAD_CAMPAIGN, "KeyType": "HASH"},
                    {"AttributeName": sort_key, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
            for index, sort_key in ((BY_SCORE, "score"), (BY_TIME, "event_time"))
        ],
    }


def to_item(decision: Decision) -> Item:
    """Return all attributes of a decision but the key. What is null, or does not apply, is left out."""
    item: Item = {
        "version": {"S": decision.version},
        "event_id": {"S": decision.event_id},
        "event_time": {"S": decision.event_time},
        "source": {"S": decision.source},
        "content_sha256": {"S": decision.content_sha256},
        "score": _number(decision.score),
        "lead": {"BOOL": decision.lead},
        "threshold": _number(decision.threshold),
        "reasons": {"L": [{"M": {k: {"S": v} for k, v in reason}} for reason in decision.reasons]},
        "model_name": {"S": decision.model.name},
        "model_version": {"S": decision.model.version},
        "model_sha256": {"S": decision.model.sha256},
        "campaign": {"S": decision.campaign},
        "expires_at": {"S": decision.expires_at},
    }
    if decision.tier is not None:
        item["tier"] = {"S": decision.tier}
    if decision.consent is not None:
        item["consent"] = {"M": {channel: {"BOOL": given} for channel, given in decision.consent}}
    if decision.lead:
        item[LEAD_CAMPAIGN] = {"S": decision.campaign}
    return item


def from_item(item: Mapping[str, Any]) -> StoredDecision:
    """Return the decision that an item holds."""
    consent = item.get("consent")
    decision = Decision(
        customer_id=item["customer_id"]["S"],
        event_id=item["event_id"]["S"],
        event_time=item["event_time"]["S"],
        source=item["source"]["S"],
        content_sha256=item["content_sha256"]["S"],
        score=float(item["score"]["N"]),
        lead=item["lead"]["BOOL"],
        tier=item["tier"]["S"] if "tier" in item else None,
        threshold=float(item["threshold"]["N"]),
        reasons=tuple(
            Reason.model_validate({k: v["S"] for k, v in reason["M"].items()}) for reason in item["reasons"]["L"]
        ),
        model=ModelId(
            name=item["model_name"]["S"], version=item["model_version"]["S"], sha256=item["model_sha256"]["S"]
        ),
        campaign=item["campaign"]["S"],
        consent=Consent(**{k: v["BOOL"] for k, v in consent["M"].items()}) if consent else None,
        expires_at=item["expires_at"]["S"],
    )
    return StoredDecision(decision=decision, was_lead=item["was_lead"]["BOOL"])


def _number(value: float) -> dict[str, str]:
    """Seventeen digits at most, so that the same float comes back bit for bit."""
    return {"N": repr(value) if value >= SMALLEST_NUMBER else "0"}
