"""Whatever a part of Leadline asks of AWS is granted to it, and nothing is granted that it never asks for."""

from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.bundles import Keys
from tests.delivery.least_privilege import components
from tests.delivery.least_privilege.policies import Grant, Granted, of_person, of_role
from tests.delivery.least_privilege.requests import Needed
from tests.delivery.least_privilege.scene import Component, Scene
from tests.delivery.stack import deployed


class Shipped(NamedTuple):
    """The parts that share one policy, and where it stands: a role of a template, or a managed policy for people."""

    parts: tuple[Component, ...]
    where: str
    name: str

    @property
    def granted(self) -> Granted:
        """What the policy grants."""
        return of_person(self.name) if self.where == "people" else of_role(self.where, self.name)


SHIPPED: Final = {
    "worker": Shipped(
        (Component(components.run_worker), Component(components.run_canary)), where="cluster", name="WorkerRole"
    ),
    "console": Shipped((Component(components.run_console),), where="cluster", name="ConsoleRole"),
    "scaler": Shipped((Component(components.run_scaler),), where="cluster", name="ScalerRole"),
    "operator": Shipped(
        (Component(components.run_operator, components.set_aside),), where="people", name="OperatorPolicy"
    ),
    "push": Shipped((Component(components.run_push),), where="people", name="PushPolicy"),
    "pin": Shipped((Component(components.run_pin, components.keep_release),), where="people", name="PinPolicy"),
    "build": Shipped((Component(components.run_build, components.keep_holdout),), where="pipeline", name="BuildRole"),
}

_ITSELF: Final = "CodeBuild does it itself, around the commands of buildspec.yml, and none of it runs here"
UNUSED: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("build", "Artifacts"): (_ITSELF, "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"),
    ("build", "ArtifactsKey"): (_ITSELF, "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"),
    ("build", "Logs"): (_ITSELF, "logs:CreateLogStream", "logs:PutLogEvents"),
    ("build", "DataScienceKey"): (_ITSELF, "ssm:GetParameters"),
    ("build", "LogIn"): (
        "`aws ecr get-login-password` asks for it; there is no AWS CLI here",
        "ecr:GetAuthorizationToken",
    ),
    ("build", "Push"): (
        "docker asks a registry for it, by a protocol of its own",
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:CompleteLayerUpload",
        "ecr:GetDownloadUrlForLayer",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
    ),
}
"""What no test makes use of, by part and statement: the reason why it stays, and the actions, on all its resources."""


def recorded(part: Component, folder: Path, keys: Keys) -> set[Needed]:
    """Run a part on a stack of its own, and return what its requests need."""
    folder.mkdir()
    with deployed() as stack:
        scene = Scene(stack, folder, keys)
        part.arrange(scene)
        with stack.server.noting() as needs:
            part.run(scene)
    return needs


def explained(who: str) -> set[tuple[str, str]]:
    """Return statement and action of what is excepted."""
    return {(sid, action) for (part, sid), (_, *actions) in UNUSED.items() if part == who for action in actions}


def left_alone(granted: Granted, unused: list[Grant]) -> set[tuple[str, str]]:
    """Return statement and action of what is unused on all resources of its statement."""
    everything = granted.unused(())
    whole = {(one.sid, one.action) for one in everything}
    return whole - {(one.sid, one.action) for one in everything if one not in unused}


@pytest.mark.parametrize("who", list(SHIPPED))
def test_what_is_asked_is_granted_and_what_is_granted_is_asked(who: str, tmp_path: Path, keys: Keys) -> None:
    """Resource by resource, with the keys that the services use in its name, against the shipped policy."""
    shipped = SHIPPED[who]
    asked = [recorded(part, tmp_path / str(number), keys) for number, part in enumerate(shipped.parts)]
    needs = set[Needed]().union(*asked)
    granted = shipped.granted

    verdicts = {one: granted.verdict(one) for one in needs}
    unused = granted.unused(needs)

    assert all(asked), "a part made no request that was seen, so that nothing is proved"
    assert {} == {one: verdict.why for one, verdict in verdicts.items() if not verdict.allowed}
    assert explained(who) == left_alone(granted, unused)
    assert [] == [one for one in unused if (one.sid, one.action) not in explained(who)]
