"""What marketing subscribes to: a CloudEvent that says a lead came, changed or went."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.customer import Consent
from schemas.decision import ModelId, Probability, Reason, Tier

LeadType = Literal["bank.lead.created.v1", "bank.lead.updated.v1", "bank.lead.withdrawn.v1"]


class LeadData(BaseModel):
    """The lead itself. No age, no ZIP code and no amount leaves the bank in it."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    lead_id: str = Field(description="hash of campaign and customer: the same through a lead's life")
    customer_id: str
    event_id: str
    event_time: str = Field(description="with event_id the lead's version: the newer one is right")
    score: Probability
    tier: Tier | None = Field(description="A is best; null in a withdrawal")
    threshold: Probability
    reasons: tuple[Reason, ...] = ()
    model: ModelId
    campaign: str
    consent: Consent | None = Field(None, description="null: not known")
    expires_at: str


class Lead(BaseModel):
    """A CloudEvents 1.0 event. Every copy of it bears the same `id` and the same body."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(description="hash of campaign, customer, source and event id")
    source: Literal["/leadline"] = "/leadline"
    type: LeadType = Field(description="created and updated are both upserts; withdrawn takes the lead back")
    subject: str = Field(description="the customer's number")
    time: str
    datacontenttype: Literal["application/json"] = "application/json"
    data: LeadData
