"""What a model bundle says of itself: every claim that the worker, the gate and a validator check."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.decision import ModelId, Probability, Sha256

FileName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
_FROZEN = ConfigDict(strict=True, frozen=True, allow_inf_nan=False, extra="forbid")


class Feature(BaseModel):
    """One column of the matrix, with the range that it had in the training data."""

    model_config = _FROZEN

    name: str
    minimum: float
    maximum: float


class Tiers(BaseModel):
    """The lowest score of tier A and of tier B; a lead below both is tier C."""

    model_config = _FROZEN

    a: Probability
    b: Probability


class Economics(BaseModel):
    """Where the threshold comes from. Costs and values share one currency."""

    model_config = _FROZEN

    rule: Literal["even_odds", "break_even", "fixed_budget"] = Field(
        description="even_odds: more likely than not; break_even: contact_cost / loan_value; "
        "fixed_budget: the lowest score among the best customers that the budget reaches, in cross-validation"
    )
    contact_cost: float | None = Field(None, gt=0)
    loan_value: float | None = Field(None, gt=0)
    budget: float | None = Field(None, gt=0, lt=1, description="share of the customers that can be contacted")


class Metric(BaseModel):
    """One figure with its 95 % interval, and the rows that it was measured on."""

    model_config = _FROZEN

    name: str
    value: float
    low: float
    high: float
    rows: Literal["cross_validation", "test"] = Field(
        description="cross_validation: training part, each row scored by a model that did not see it; "
        "test: the locked part, looked at once"
    )


class TrainingData(BaseModel):
    """Which rows the model was fitted on, without naming a customer."""

    model_config = _FROZEN

    sha256: Sha256 = Field(description="digest of the canonical merged table")
    rows: int = Field(ge=1, description="labelled rows that the packed model was fitted on")
    takers: int = Field(ge=1)
    id_hashes: tuple[str, ...] = Field(description="HMAC-SHA256 of each ID, first 16 hex digits, sorted")


class Baseline(BaseModel):
    """How one quantity was distributed at training: shares of the rows between edges, for drift."""

    model_config = _FROZEN

    name: str
    edges: tuple[float, ...] = Field(description="inner edges, rising; k edges make k + 1 bins, [edge, next edge)")
    shares: tuple[float, ...]


class GoldenRow(BaseModel):
    """A synthetic row and the score that the model must give it, wherever it is loaded."""

    model_config = _FROZEN

    row: tuple[float, ...]
    score: Probability


class Manifest(BaseModel):
    """`manifest.json`: signed as a whole by `manifest.sig`."""

    model_config = _FROZEN

    schema_version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    created_at: str
    candidate: str = Field(description="the comparison's name of the model that won")
    parameters: dict[str, str] = Field(description="its settings, as text")
    tolerance: float = Field(ge=0, description="how far a golden score may be off: 0 for trees")
    files: dict[FileName, Sha256]
    libraries: dict[str, str] = Field(description="what the pickle was made with; major.minor must agree")
    features: tuple[Feature, ...] = Field(min_length=1)
    threshold: Probability
    tiers: Tiers
    economics: Economics
    metrics: tuple[Metric, ...]
    training: TrainingData
    baseline: tuple[Baseline, ...]
    golden: tuple[GoldenRow, ...] = Field(min_length=1)

    @property
    def id(self) -> ModelId:
        """The model's name, version and digest, as every decision bears them."""
        return ModelId(name=self.name, version=self.version, sha256=self.files["model.pkl"])
