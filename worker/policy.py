"""The rules that one worker decides by: from its settings, and from the manifest of its model."""

from propensity.decision import Policy
from schemas.manifest import Manifest
from worker.settings import Settings


def policy_of(settings: Settings, manifest: Manifest) -> Policy:
    """Return the rules. A threshold in the settings goes before the manifest's."""
    return Policy(
        model=manifest.id,
        threshold=manifest.threshold if settings.threshold is None else settings.threshold,
        tiers=manifest.tiers,
        campaign=settings.campaign,
        require_consent=settings.require_consent,
        lead_ttl_days=settings.lead_ttl_days,
    )
