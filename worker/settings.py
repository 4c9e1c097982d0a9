"""Every setting of the worker, with its default, its bounds and its purpose."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

PREFIX: Final = "LEADLINE_"


class SettingsError(Exception):
    """The configuration is wrong. The message has a line for each fault."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class Settings(BaseModel):
    """What can be set by `LEADLINE_*`. Times end in their unit."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_min_length=1, title="Leadline settings")

    queue: str | None = Field(None, description="customer events: SQS queue URL, or sqlite:///FILE")
    quarantine: str | None = Field(None, description="queue for rejected events; without it they wait for the DLQ")
    dlq: str | None = Field(None, description="the queue's dead-letter queue, for the dlq verbs")
    store: str = Field("none", description="newest decision per customer: dynamodb://TABLE, sqlite:///FILE, none")
    topic: str = Field("none", description="leads: arn:aws:sns:..., file:///F.jsonl, - (stdout), none")
    model: str | None = Field(None, description="model bundle: a folder, or s3://bucket/prefix/")
    public_key: Path | None = Field(None, description="PEM file that the bundle's signature is checked with")
    allow_unsigned: bool = Field(default=False, description="do not check the signature (a laptop only)")
    scorer: Literal["auto", "pickle", "compiled"] = Field(
        "auto", description="how the model is run; auto: compiled where the bundle has it, else the pickle"
    )
    transport: Literal["boto3", "direct"] = Field("boto3", description="how AWS is spoken to")
    threshold: float | None = Field(None, gt=0, le=1, description="lowest score of a lead, instead of the manifest's")
    campaign: str = Field(
        "default", max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$", description="stored and sent with every decision"
    )
    lead_ttl_days: int = Field(30, ge=1, le=3650, description="days from the event until a lead expires")
    wait_time_s: int = Field(20, ge=0, le=20, description="long poll")
    visibility_timeout_s: int = Field(60, ge=6, le=43200, description="lease of a received message")
    drain_timeout_s: int = Field(35, ge=1, le=3600, description="from SIGTERM to exit")
    max_in_flight: int = Field(2000, ge=1, le=100_000, description="messages in hand at most")
    max_in_flight_bytes: int = Field(512 * 2**20, ge=2**20, le=2**34, description="bytes of messages in hand at most")
    batch_max_size: int = Field(500, ge=1, le=1000, description="messages scored together at most")
    batch_max_wait_ms: int = Field(50, ge=0, le=10_000, description="wait for a batch to fill after its first message")
    retry_base_s: float = Field(1, gt=0, le=3600, description="first back-off of a message that failed")
    retry_cap_s: float = Field(300, gt=0, le=43200, description="longest back-off of a message")
    http_port: int = Field(8080, ge=0, le=65535, description="health and metrics; 0: any free one")
    require_consent: bool = Field(default=False, description="a customer whose consent is not known is no lead")
    models: str | None = Field(None, description="bucket of pushed models and of releases: s3://BUCKET/")
    console_host: str = Field("127.0.0.1", description="address that the console listens on; others want a token")
    console_port: int = Field(8000, ge=0, le=65535, description="port of the console; 0: any free one")
    console_token_file: Path | None = Field(None, description="file that holds the token which the console asks for")


def variable(name: str) -> str:
    """Return the environment's name of a setting."""
    return PREFIX + name.upper()
