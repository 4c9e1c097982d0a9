"""Whether a release was judged against what is served, or is one that has been served before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer.errors import Refused
from deployer.record import was_validated

if TYPE_CHECKING:
    from deployer.commands import Commands
    from deployer.lastgood import Former
    from deployer.release import Release


def admitted(release: Release, former: Former, bucket: str, commands: Commands) -> str:
    """
    Refuse a release that was judged against another model than the one that it would replace.

    It may have waited for its approval while another one was deployed. The cluster is asked and not the bucket's
    record, which may name a release that has failed.

    Args:
        release: It.
        former: What the cluster holds for the last good release.
        bucket: The models bucket.
        commands: Runs the AWS CLI.

    Returns:
        Why it may be deployed.

    Raises:
        Refused: It may not.
        DeployError: The bucket gave no answer.
    """
    good = former.good
    if good is None and not former.fault:
        return "there is no good release yet, so that its champion was compared with nothing"
    if good and good.release.text == release.text:
        return f"the last good release is {good.version}, this very one"
    if good and release.champion is not None and release.champion.is_same(good.release.model):
        return f"the last good release is {good.version}, whose model it was judged against"
    if was_validated(release, bucket, commands):
        return f"the last good release is {good.version if good else 'not to be told'}; this one was validated before"
    if good is None:
        raise Refused(
            f"{former.fault}; so it cannot be told what {release.version} had to be judged against. Deploy a release "
            "that was validated before, with `leadline model pin VERSION`, which mends it"
        )
    champion = f"{release.champion.name} {release.champion.version}" if release.champion else "no model at all"
    served = good.release.model
    raise Refused(
        f"{release.version} was judged against {champion}, but the last good release, {good.version}, serves "
        f"{served.name} {served.version}; have it judged against that: push a commit, or the model under another "
        "version"
    )
