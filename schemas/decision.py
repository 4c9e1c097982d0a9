"""What Leadline decided about one customer: the row that the store keeps, and that the marketing tool may read."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.customer import Consent, Name

Tier = Literal["A", "B", "C"]
Probability = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Reason(BaseModel):
    """One reason for a score, in words that may be shown to a customer adviser."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    code: str
    text: str
    direction: Literal["raises", "lowers"]


class ModelId(BaseModel):
    """Which model decided. `sha256` is the digest of `model.pkl`, so that it names one model and no other."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    name: str
    version: str
    sha256: Sha256


class Decision(BaseModel):
    """The decision that one event led to. It is taken once; every copy of a lead is made from what was stored."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    customer_id: Name
    event_id: str
    event_time: str = Field(description="UTC with six digits of fraction")
    source: str
    content_sha256: Sha256 = Field(description="digest of the event's canonical data")
    score: Probability = Field(description="probability that the customer takes the loan")
    lead: bool
    tier: Tier | None = Field(description="null where there is no lead")
    threshold: Probability
    reasons: tuple[Reason, ...] = ()
    model: ModelId
    campaign: str
    consent: Consent | None = None
    expires_at: str

    @property
    def version(self) -> str:
        """What orders two decisions about one customer: event time, then event id, as bytes in UTF-8."""
        return version_of(self.event_time, self.event_id)


class StoredDecision(BaseModel):
    """A decision as the store holds it, with what the store knew of the customer before."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    decision: Decision
    was_lead: bool = Field(description="whether a lead was out for the customer when this decision was stored")


def version_of(event_time: str, event_id: str) -> str:
    """Return the version of an event: a text whose order is that of (event_time, event_id)."""
    return f"{event_time}#{event_id}"
