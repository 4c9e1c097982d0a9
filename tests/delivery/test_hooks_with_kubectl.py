"""The hooks with the real kubectl and a small API server: its requests are just what the Role grants."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.delivery.hook_api_server import api_server
from tests.delivery.hook_fixtures import NEW, OLD, first, release_keys, revisions
from tests.delivery.hook_scene import Completed, Deployer, execute, have_kubectl, served
from tests.delivery.test_deployer_role import granted

__all__ = ["first", "release_keys", "revisions"]
pytestmark = pytest.mark.skipif(not have_kubectl(), reason="kubectl is not installed")


class WithKubectl(Deployer):
    """A deployer whose kubectl is kubectl; the bucket is still the stand-in's."""

    def execute(
        self, argv: Sequence[str], stdin: str | None, timeout_s: float, environment: dict[str, str]
    ) -> Completed:
        """Run kubectl as it is."""
        if argv[0] == "aws":
            return Completed(*self.cluster.run(list(argv), stdin))
        own = {"KUBECONFIG": str(self.folder / "kubeconfig"), "HOME": str(self.folder)}
        return execute(argv, stdin, timeout_s, {**os.environ, **environment, **own})


def test_kubectl_deploys_and_takes_back_with_just_the_role_s_rights(
    first: Deployer, revisions: dict[str, Path]
) -> None:
    """A first release fails its check, then is good; the next one fails, and the first one is put back, twice."""
    deployer = WithKubectl(first.folder, first.keys, first.cluster)
    plan = deployer.cluster.plan
    with api_server(deployer.cluster, deployer.folder / "kubeconfig") as seen:
        plan.jobs = {"leadline-check": "Failed"}
        failed = deployer.deploy(revisions[OLD])[-1]
        assert "so the worker is paused and nothing serves" in failed.out, failed.err
        assert "a line of the log" in failed.err
        assert {} == deployer.cluster.serving()

        plan.jobs = {}
        good = deployer.deploy(revisions[OLD])
        assert [0, 0, 0, 0] == [hook.code for hook in good], good[-1].err
        assert "\n-  replicas: 0\n+  replicas: 2\n" in good[1].err
        assert served(OLD) == deployer.cluster.serving()

        again = deployer.deploy(revisions[OLD])
        assert "nothing to rehearse" in again[1].out

        plan.jobs = {"leadline-check": "Failed"}
        taken_back = deployer.deploy(revisions[NEW])[-1]
        assert f"the last good release {OLD} was put back" in taken_back.out, taken_back.err
        assert served(OLD) == deployer.cluster.serving()

        del deployer.cluster.objects["ConfigMap/leadline-last-good"]
        given_back = deployer.deploy(revisions[NEW])[-1]
        assert "so what ran before runs again" in given_back.out, given_back.err
        assert served(OLD) == deployer.cluster.serving()

    assert sorted(seen - granted()) == []
    assert sorted(granted() - seen) == []
