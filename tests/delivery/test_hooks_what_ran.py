"""No good release is written down in the cluster, but something ran: a release that fails gives it back."""

from pathlib import Path
from typing import Any

import pytest

from tests.delivery.hook_fixtures import NEW, OLD, deployer, first, release_keys, revisions, serving_old
from tests.delivery.hook_scene import STEPS, Deployer, Keys, describe, have_kubectl, make_revision, served, sign
from tests.delivery.stand_in_kubectl import PAUSED, Cluster

__all__ = ["deployer", "first", "release_keys", "revisions", "serving_old"]
pytestmark = pytest.mark.skipif(not have_kubectl(), reason="kubectl, which renders, is not installed")

PARTS = 6  # so that processes can share the sweep
KEPT, NOTED = "ConfigMap/leadline-last-good", "ConfigMap/leadline-before"


@pytest.fixture
def forgetful(deployer: Deployer) -> Deployer:
    """Return a deployer whose cluster serves the old release, and does not know that it is good."""
    del deployer.cluster.objects[KEPT]
    return deployer


def templates(deployer: Deployer) -> dict[str, Any]:
    """Return the pod template of each Deployment."""
    objects = deployer.cluster.objects
    return {key: one["spec"]["template"] for key, one in objects.items() if key.startswith("Deployment/")}


@pytest.mark.parametrize(
    ("plan", "step"),
    [
        ({"broken": [served(NEW)["leadline-console"]]}, "apply"),
        ({"jobs": {"leadline-check": "Failed"}}, "validate"),
        ({"ready": False}, "validate"),
    ],
)
def test_what_ran_before_runs_again(
    forgetful: Deployer, revisions: dict[str, Path], plan: dict[str, object], step: str
) -> None:
    vars(forgetful.cluster.plan).update(plan)
    images = ", ".join(served(OLD)[f"leadline-{name}"] for name in ("worker", "console"))

    last = forgetful.deploy(revisions[NEW])[-1]

    assert (step, 1) == (last.step, last.code)
    assert last.out == (
        f"{step}: failed; no release was good before it, so what ran before runs again ({images}); "
        "`leadline model pin VERSION` deploys a release that was validated\n"
    )
    assert served(OLD) == forgetful.cluster.serving()
    assert NOTED not in forgetful.cluster.objects
    assert PAUSED not in forgetful.cluster.objects["ScaledObject/leadline-worker"]["metadata"]["annotations"]


def test_it_runs_again_with_the_settings_that_it_had(forgetful: Deployer, release_keys: Keys, tmp_path: Path) -> None:
    """An old image with new settings would be something that never ran."""
    revision = make_revision(tmp_path / "revision", NEW, release_keys, OLD)
    file = revision / "k8s/overlays/prod/settings/settings.env"
    file.write_text(file.read_text(encoding="utf-8").replace("LOG_LEVEL=INFO", "LOG_LEVEL=DEBUG"), encoding="utf-8")
    sign(revision, describe(revision, NEW, OLD), release_keys)
    before = templates(forgetful)
    forgetful.cluster.plan.jobs = {"leadline-check": "Failed"}

    assert "validate" == forgetful.deploy(revision)[-1].step
    assert before == templates(forgetful)
    [used] = {one["configMapRef"]["name"] for one in envs_of(before["Deployment/leadline-worker"])}
    assert f"ConfigMap/{used}" in forgetful.cluster.objects


def envs_of(template: dict[str, Any]) -> list[dict[str, Any]]:
    """Return where a pod's only container has its settings from."""
    [container] = template["spec"]["containers"]
    return list(container["envFrom"])


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_call_fails_what_ran_before_runs_again(
    forgetful: Deployer, revisions: dict[str, Path], part: int
) -> None:
    before, count = forgetful.cluster.dump(), len(forgetful.cluster.calls)
    assert [0, 0, 0, 0] == [hook.code for hook in forgetful.deploy(revisions[NEW])]
    calls = [" ".join(call["argv"]) for call in forgetful.cluster.calls]
    for number in range(count, len(calls))[part::PARTS]:
        forgetful.cluster = Cluster.load(before)
        forgetful.cluster.plan.fail_at = number

        last = forgetful.deploy(revisions[NEW])[-1]

        assert last.code in (1, 3), calls[number]
        assert f"the stand-in fails at call {number}" in last.err, calls[number]
        assert served(OLD) == forgetful.cluster.serving(), calls[number]


def test_a_release_that_succeeds_leaves_no_note(forgetful: Deployer, revisions: dict[str, Path]) -> None:
    assert 0 == forgetful.deploy(revisions[NEW], STEPS[:3])[-1].code
    assert NOTED in forgetful.cluster.objects

    assert 0 == forgetful.deploy(revisions[NEW], STEPS[3:])[-1].code
    assert NOTED not in forgetful.cluster.objects
    assert served(NEW) == forgetful.cluster.serving()


def test_where_a_good_release_is_known_nothing_is_noted(deployer: Deployer, revisions: dict[str, Path]) -> None:
    deployer.deploy(revisions[NEW], STEPS[:3])

    assert NOTED not in deployer.cluster.objects


def test_what_a_killed_deployment_left_running_is_not_taken_for_what_ran_before(
    forgetful: Deployer, revisions: dict[str, Path], release_keys: Keys, tmp_path: Path
) -> None:
    """Its release was never validated; the next one fails, too, and gives back what ran before both."""
    forgetful.deploy(revisions[NEW], STEPS[:3])
    assert served(NEW) == forgetful.cluster.serving()
    late = make_revision(tmp_path / "late", "2026.11.26-ccccccc", release_keys)
    forgetful.cluster.plan.jobs = {"leadline-check": "Failed"}

    assert "validate" == forgetful.deploy(late)[-1].step
    assert served(OLD) == forgetful.cluster.serving()


def test_what_a_first_release_that_failed_has_left_does_not_run_again(
    first: Deployer, revisions: dict[str, Path]
) -> None:
    first.cluster.plan.jobs = {"leadline-check": "Failed"}
    first.deploy(revisions[OLD])

    last = first.deploy(revisions[NEW])[-1]

    assert last.out == "validate: failed; no release was good before it, so the worker is paused and nothing serves\n"
    assert {} == first.cluster.serving()
    assert NOTED not in first.cluster.objects


@pytest.mark.parametrize("gone", ["worker", "console"])
def test_a_deployment_that_did_not_exist_is_left_without_pods(
    forgetful: Deployer, revisions: dict[str, Path], gone: str
) -> None:
    del forgetful.cluster.objects[f"Deployment/leadline-{gone}"]
    forgetful.cluster.plan.jobs = {"leadline-check": "Failed"}

    assert "validate" == forgetful.deploy(revisions[NEW])[-1].step
    assert {name: image for name, image in served(OLD).items() if gone not in name} == forgetful.cluster.serving()


@pytest.mark.parametrize("old", ["@sha256:", 'leadline-worker": {'])
def test_a_note_that_somebody_has_altered_is_not_run(forgetful: Deployer, revisions: dict[str, Path], old: str) -> None:
    """Neither another image nor another Deployment; what the release has left stays, for people to look at."""
    assert 0 == forgetful.deploy(revisions[NEW], STEPS[:3])[-1].code
    noted = forgetful.cluster.objects[NOTED]["data"]
    assert old in noted["templates.json"]
    noted["templates.json"] = noted["templates.json"].replace(old, f"x{old}")
    before = templates(forgetful)
    forgetful.cluster.plan.jobs = {"leadline-check": "Failed"}

    [last] = forgetful.deploy(revisions[NEW], STEPS[3:])

    assert last.out.startswith("validate: failed, and what was there before could not be put back")
    assert "ConfigMap leadline-before is not what was written down" in last.err
    assert before == templates(forgetful)


def test_a_note_that_is_damaged_stops_before_anything_is_touched(
    forgetful: Deployer, revisions: dict[str, Path]
) -> None:
    forgetful.cluster.objects[NOTED] = {"kind": "ConfigMap", "metadata": {"name": "leadline-before"}, "data": {}}

    last = forgetful.deploy(revisions[NEW])[-1]

    assert ("apply", 1) == (last.step, last.code)
    assert "ConfigMap leadline-before is damaged" in last.err
    assert served(OLD) == forgetful.cluster.serving()
