"""Deployments onto a stand-in cluster: what each hook does, and above all what it does not."""

import json
from pathlib import Path

import pytest
import yaml

from tests.delivery.hook_fixtures import NEW, OLD, deployer, release_keys, revisions, serving_old
from tests.delivery.hook_scene import (
    RECORD,
    STEPS,
    Deployer,
    Keys,
    describe,
    have_kubectl,
    model_of,
    served,
    sign,
    validated,
)
from tests.delivery.hook_scene import make_revision as make
from tests.delivery.stand_in_kubectl import PAUSED

from deployer import limits, manifests  # isort: skip  (hook_scene puts deploy/ on the path)
from deployer.errors import Refused  # isort: skip

pytestmark = pytest.mark.skipif(not have_kubectl(), reason="kubectl, which renders, is not installed")
__all__ = ["deployer", "release_keys", "revisions", "serving_old"]


def record(deployer: Deployer) -> str:
    """Return the version that the pipeline takes its champion from."""
    return str(json.loads(deployer.cluster.bucket[RECORD])["version"])


def last_good(deployer: Deployer) -> str:
    """Return the version that the cluster itself holds for the last good one."""
    return str(json.loads(deployer.cluster.objects["ConfigMap/leadline-last-good"]["data"]["release.json"])["version"])


def settings(deployer: Deployer) -> list[str]:
    """Return the ConfigMaps with settings that lie in the cluster."""
    return sorted(key for key in deployer.cluster.objects if key.startswith("ConfigMap/leadline-settings"))


def one_off(deployer: Deployer) -> list[str]:
    """Return what one-off Jobs have left in the cluster."""
    return [key for key in deployer.cluster.objects if key.startswith("Job/") or "canary" in key]


def test_a_deployment_serves_the_release_and_writes_it_down(deployer: Deployer, revisions: dict[str, Path]) -> None:
    ended = deployer.deploy(revisions[NEW])

    assert [(step, 0) for step in STEPS] == [(hook.step, hook.code) for hook in ended]
    assert all(hook.out.startswith(f"{hook.step}: {NEW} ") and hook.out.count("\n") == 1 for hook in ended)
    assert served(NEW) == deployer.cluster.serving()
    assert last_good(deployer) == record(deployer) == NEW
    assert not one_off(deployer)


def test_verify_names_the_last_good_release(deployer: Deployer, revisions: dict[str, Path]) -> None:
    (hook,) = deployer.deploy(revisions[NEW], ["verify"])

    assert f"the last good release is {OLD}" in hook.out


def test_verify_and_rehearse_change_nothing_that_lasts(deployer: Deployer, revisions: dict[str, Path]) -> None:
    before = deployer.cluster.lasting()

    deployer.deploy(revisions[NEW], ["verify", "rehearse"])

    assert before == deployer.cluster.lasting()
    applied = [call["stdin"] for call in deployer.cluster.calls if call["argv"][1] == "apply"]
    assert all("kind: Deployment" not in manifests for manifests in applied)


def test_rehearse_logs_what_would_change(deployer: Deployer, revisions: dict[str, Path]) -> None:
    (hook,) = deployer.deploy(revisions[NEW], ["rehearse"])

    assert "differs: Deployment/leadline-worker" in hook.err


def test_a_release_is_noted_as_validated_byte_for_byte_just_before_the_record(
    deployer: Deployer, revisions: dict[str, Path]
) -> None:
    """Only then may it be brought back by hand later."""
    deployer.deploy(revisions[NEW], STEPS[:3])
    assert validated(NEW) not in deployer.cluster.bucket

    deployer.deploy(revisions[NEW], STEPS[3:])

    assert (revisions[NEW] / "release.json").read_text() == deployer.cluster.bucket[validated(NEW)]
    put = [call["argv"][6] for call in deployer.cluster.calls if "put-object" in call["argv"]]
    assert [f"validated/{NEW}.json", "current/release.json"] == put


def test_a_release_that_failed_is_not_noted_as_validated(deployer: Deployer, revisions: dict[str, Path]) -> None:
    deployer.cluster.plan.jobs = {"leadline-check": "Failed"}

    deployer.deploy(revisions[NEW])

    assert [validated(OLD)] == [key for key in deployer.cluster.bucket if "/validated/" in key]


@pytest.mark.parametrize(("step", "job"), [("rehearse", "leadline-canary"), ("validate", "leadline-check")])
def test_a_job_is_told_which_model_its_image_must_hold(
    deployer: Deployer, revisions: dict[str, Path], step: str, job: str
) -> None:
    """By the signed release.json: nothing else says which model an image of this release holds."""
    deployer.deploy(revisions[NEW], STEPS[: STEPS.index(step) + 1])

    applied = [call["stdin"] for call in deployer.cluster.calls if call["argv"][1] == "apply"]
    jobs = [one for text in applied for one in yaml.safe_load_all(text) if one["kind"] == "Job"]
    [container] = next(
        one["spec"]["template"]["spec"]["containers"] for one in jobs if one["metadata"]["name"].startswith(job)
    )
    named = model_of(NEW)
    assert ["--expect-model", named["sha256"], "--expect-manifest", named["manifest_sha256"]] == container["args"]
    assert ["python", "-m", job.replace("leadline-", "worker.")] == container["command"][:3]


def test_a_kustomize_that_leaves_out_what_a_job_must_be_told_is_found(revisions: dict[str, Path]) -> None:
    """A patch that finds nothing to patch is no error there."""
    text = (revisions[NEW] / "k8s/base/canary/canary.yaml").read_text(encoding="utf-8")
    image = served(NEW)["leadline-worker"]
    jobs = manifests.split(text.replace("image: leadline/worker", f"image: {image}"))

    with pytest.raises(Refused, match="is not told which model its image must hold: --expect-model"):
        manifests.check_job(jobs, "leadline-canary", {"worker": image}, ["--expect-model", "0" * 64])


def test_the_canary_runs_the_new_image(deployer: Deployer, revisions: dict[str, Path]) -> None:
    deployer.deploy(revisions[NEW], ["rehearse"])

    (manifests,) = [call["stdin"] for call in deployer.cluster.calls if call["argv"][1] == "apply"]
    assert f"image: {served(NEW)['leadline-worker']}\n" in manifests
    assert manifests.count("kind: Job\n") == 1


def test_the_same_release_again_changes_nothing(deployer: Deployer, revisions: dict[str, Path]) -> None:
    """Not even a one-off Job is run."""
    deployer.deploy(revisions[NEW])
    before, calls = deployer.cluster.lasting(), len(deployer.cluster.calls)

    ended = deployer.deploy(revisions[NEW])

    assert [0, 0, 0, 0] == [hook.code for hook in ended]
    assert before == deployer.cluster.lasting()
    assert all("kind: Job\n" not in (call["stdin"] or "") for call in deployer.cluster.calls[calls:])


@pytest.mark.parametrize("step", STEPS)
def test_a_hook_that_runs_twice_does_as_one_that_runs_once(
    deployer: Deployer, revisions: dict[str, Path], step: str
) -> None:
    steps = [each for name in STEPS for each in ([name, name] if name == step else [name])]

    assert all(hook.code == 0 for hook in deployer.deploy(revisions[NEW], steps))
    assert served(NEW) == deployer.cluster.serving()
    assert last_good(deployer) == record(deployer) == NEW


def test_an_older_release_is_deployed_like_any_other(deployer: Deployer, revisions: dict[str, Path]) -> None:
    deployer.deploy(revisions[NEW])

    assert all(hook.code == 0 for hook in deployer.deploy(revisions[OLD]))
    assert served(OLD) == deployer.cluster.serving()
    assert last_good(deployer) == record(deployer) == OLD


def test_a_release_that_somebody_changed_by_hand_is_applied_again(
    deployer: Deployer, revisions: dict[str, Path]
) -> None:
    worker = deployer.cluster.objects["Deployment/leadline-worker"]
    worker["spec"]["template"]["spec"]["containers"][0]["image"] = "somebody/else@sha256:" + "0" * 64

    assert all(hook.code == 0 for hook in deployer.deploy(revisions[OLD]))
    assert served(OLD) == deployer.cluster.serving()


@pytest.mark.parametrize("workers", [0, 40])
def test_what_keda_has_scaled_to_stays(deployer: Deployer, revisions: dict[str, Path], workers: int) -> None:
    """At night there is no pod that could be rolled, and the release is validated all the same."""
    deployer.cluster.plan.workers = workers
    deployer.cluster.serving()

    assert all(hook.code == 0 for hook in deployer.deploy(revisions[NEW]))
    assert workers == deployer.cluster.objects["Deployment/leadline-worker"]["spec"]["replicas"]
    applied = [call["stdin"] for call in deployer.cluster.calls if call["argv"][1] == "apply"]
    assert all("replicas: 40" not in manifests for manifests in applied)


def test_apply_waits_until_the_old_pods_are_gone(deployer: Deployer, revisions: dict[str, Path]) -> None:
    """The controller has not seen the change, then no pod is there, then none is ready, then an old one is left."""
    deployer.cluster.plan.lag = 4
    started = deployer.now

    assert all(hook.code == 0 for hook in deployer.deploy(revisions[NEW]))
    looks = [call for call in deployer.cluster.calls if call["argv"][1:4] == ["get", "deployment", "leadline-worker"]]
    assert len(looks) == 5
    assert deployer.now > started


def test_a_pause_that_a_person_has_made_stays(deployer: Deployer, revisions: dict[str, Path]) -> None:
    deployer.cluster.objects["ScaledObject/leadline-worker"]["others"][PAUSED] = "0"
    deployer.cluster.objects["ScaledObject/leadline-worker"]["metadata"]["annotations"][PAUSED] = "0"

    ended = deployer.deploy(revisions[NEW])

    assert "stays paused" in ended[2].out
    assert {"leadline-console"} == set(deployer.cluster.serving())


def test_settings_that_no_release_uses_any_more_go(deployer: Deployer, release_keys: Keys, tmp_path: Path) -> None:
    """Their name changes with their content; those of the former release stay until the new one is good."""
    before = settings(deployer)
    revision = with_other_settings(tmp_path / "revision", release_keys)

    deployer.deploy(revision, STEPS[:3])
    both = settings(deployer)
    deployer.deploy(revision, STEPS[3:])

    assert set(before) < set(both)
    assert sorted(set(both) - set(before)) == settings(deployer)


def test_settings_of_a_release_that_failed_go(deployer: Deployer, release_keys: Keys, tmp_path: Path) -> None:
    before = settings(deployer)
    deployer.cluster.plan.jobs = {"leadline-check": "Failed"}

    assert deployer.deploy(with_other_settings(tmp_path / "revision", release_keys))[-1].code == 1
    assert before == settings(deployer)


def with_other_settings(folder: Path, keys: Keys) -> Path:
    """Make a revision of which only a setting differs, besides its images."""
    make(folder, NEW, keys, OLD)
    file = folder / "k8s/overlays/prod/settings/settings.env"
    file.write_text(file.read_text(encoding="utf-8").replace("LOG_LEVEL=INFO", "LOG_LEVEL=DEBUG"), encoding="utf-8")
    sign(folder, describe(folder, NEW, OLD), keys)
    return folder


def test_what_a_killed_hook_left_in_the_canary_s_lane_goes_first(
    deployer: Deployer, revisions: dict[str, Path]
) -> None:
    left = {"kind": "Job", "metadata": {"name": "leadline-canary-left", "labels": {"leadline/part": "leadline-canary"}}}
    deployer.cluster.objects["Job/leadline-canary-left"] = left

    deployer.deploy(revisions[NEW], ["rehearse"])

    verbs = [call["argv"][1:4] for call in deployer.cluster.calls if call["argv"][1] in ("delete", "apply")]
    assert ["delete", "jobs", "leadline-canary-left"] == verbs[0]
    assert not one_off(deployer)


def test_the_canary_starts_when_the_pods_of_the_one_before_are_gone(
    deployer: Deployer, revisions: dict[str, Path]
) -> None:
    """Else the two would take each other's event."""
    left = {"kind": "Job", "metadata": {"name": "leadline-canary-left", "labels": {"leadline/part": "leadline-canary"}}}
    deployer.cluster.objects["Job/leadline-canary-left"] = left
    deployer.cluster.plan.linger = 3

    deployer.deploy(revisions[NEW], ["rehearse"])

    words = [call["argv"][1:3] for call in deployer.cluster.calls]
    looks = words[words.index(["delete", "jobs"]) : words.index(["apply", "--server-side"])].count(["get", "jobs"])
    assert looks == 4


def test_a_job_that_does_not_go_away_fails_the_rehearsal(deployer: Deployer, revisions: dict[str, Path]) -> None:
    left = {"kind": "Job", "metadata": {"name": "leadline-canary-left", "labels": {"leadline/part": "leadline-canary"}}}
    deployer.cluster.objects["Job/leadline-canary-left"] = left
    deployer.cluster.plan.linger = 10**6

    (hook,) = deployer.deploy(revisions[NEW], ["rehearse"])

    assert hook.code == 1
    assert "the step's time is over before `kubectl get jobs --selector=leadline/part=leadline-canary" in hook.err


def test_the_longest_deployment_stays_within_its_hooks_timeouts(deployer: Deployer, revisions: dict[str, Path]) -> None:
    """New pods that never come up, and then old ones that never come back."""
    deployer.cluster.plan.broken = [*served(NEW).values(), *served(OLD).values()]
    deployer.deploy(revisions[NEW], ["verify", "rehearse"])
    started = deployer.now

    (hook,) = deployer.deploy(revisions[NEW], ["apply"])

    assert hook.code == 1
    assert "could not be put back" in hook.out
    assert limits.WORK_S["apply"] < deployer.now - started <= limits.longest("apply") - limits.MARGIN_S
