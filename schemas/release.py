"""What is deployed together: images, model, and every file of a revision. Signed as a whole by `release.sig`."""

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.decision import ModelId, Sha256
from schemas.event import EventTime

COMMIT_DIGITS: Final = 7
"""How many digits of the commit a release's version bears."""
MAX_MODEL_VERSION: Final = 55
"""Characters of a model's version, so that the release's has 63 at most: it is a label in Kubernetes."""

ImageName = Annotated[
    str, Field(max_length=512, pattern=r"^[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}$")
]
RelativePath = Annotated[
    str, Field(max_length=255, pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$")
]
Version = Annotated[str, Field(pattern=rf"^[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_MODEL_VERSION - 1}}}-[0-9a-f]{{7}}$")]
_FROZEN = ConfigDict(strict=True, frozen=True, extra="forbid")


class Images(BaseModel):
    """The images, each by its digest and never by a tag alone."""

    model_config = _FROZEN

    worker: ImageName
    console: ImageName


class ReleasedModel(BaseModel):
    """The model in the worker's image: the pickle, and all that its manifest says of it (threshold, tiers, bounds)."""

    model_config = _FROZEN

    name: str
    version: str
    sha256: Sha256 = Field(description="digest of model.pkl")
    manifest_sha256: Sha256 = Field(description="digest of manifest.json, which has the digest of every other file")

    @property
    def id(self) -> ModelId:
        """What decisions name it by."""
        return ModelId(name=self.name, version=self.version, sha256=self.sha256)


class Release(BaseModel):
    """`release.json`."""

    model_config = _FROZEN

    schema_version: Literal[1] = 1
    version: Version = Field(description="the model's version, a dash, the first seven digits of the commit")
    created_at: EventTime = Field(description="when it was assembled, UTC")
    source_commit: str = Field(pattern=r"^[0-9a-f]{40}$")
    images: Images
    model: ReleasedModel = Field(description="the model in the worker's image")
    champion: ModelId | None = Field(description="the model that it was judged against; null: there was none")
    files: dict[RelativePath, Sha256] = Field(description="every file but release.json and release.sig")

    @model_validator(mode="after")
    def _named_for_what_it_holds(self) -> Self:
        expected = release_version(self.model.version, self.source_commit)
        if self.version != expected:
            raise ValueError(f"version is not {expected}, as model and commit say")
        return self


def release_version(model_version: str, commit: str) -> str:
    """Return the version of a release."""
    return f"{model_version}-{commit[:COMMIT_DIGITS]}"


def model_version_of(release: str) -> str:
    """Return the model's version that a release's version bears."""
    return release[: -COMMIT_DIGITS - 1]
