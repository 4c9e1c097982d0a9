"""What the gate has said, held against what is to be released: no release without a verdict on this very model."""

import json

from leadline.output import CheckFailed
from schemas.decision import ModelId


def check(said: bytes, model: ModelId, champion: ModelId) -> None:
    """
    Check that the gate has let this model pass, against this champion.

    Args:
        said: What `leadline model gate --json` printed.
        model: What is to be released.
        champion: What is served; the model itself, where nothing is.

    Raises:
        CheckFailed: It has not, or said nothing of the kind.
    """
    try:
        verdict = json.loads(said)
        passed = verdict["passed"]
        judged, against = (ModelId.model_validate(verdict[key]) for key in ("new", "champion"))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise CheckFailed("--gate is not what `leadline model gate --json` prints; let it judge the model") from error
    if passed is not True:
        raise CheckFailed(f"the gate has not let {judged.name} {judged.version} pass; it is not released")
    for role, found, wanted in (("model", judged, model), ("champion", against, champion)):
        if found != wanted:
            raise CheckFailed(
                f"the gate's {role} was {found.name} {found.version} (pickle {found.sha256[:12]}), the release's is "
                f"{wanted.name} {wanted.version} (pickle {wanted.sha256[:12]}); let the gate judge what is released"
            )
