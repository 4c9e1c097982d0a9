"""Every single call of a deployment fails once: the hook fails, and the cluster serves what it served before."""

import json
import re
from pathlib import Path

import pytest

from tests.delivery.hook_fixtures import NEW, OLD, deployer, first, release_keys, revisions, serving_old
from tests.delivery.hook_scene import RECORD, STEPS, Deployer, Ended, have_kubectl, served
from tests.delivery.stand_in_kubectl import PAUSED, Cluster

__all__ = ["deployer", "first", "release_keys", "revisions", "serving_old"]
pytestmark = pytest.mark.skipif(not have_kubectl(), reason="kubectl, which renders, is not installed")

PARTS = 6  # so that processes can share the sweep
WRITING = ("apply", "delete", "annotate", "patch", "s3api")


def calls_of(deployer: Deployer, revision: Path) -> list[tuple[str, str]]:
    """Deploy once with no fault; return the step and the words of every call, and leave the cluster as it was."""
    before, calls = deployer.cluster.dump(), []
    for step in STEPS:
        start = len(deployer.cluster.calls)
        assert [0] == [hook.code for hook in deployer.deploy(revision, [step])]
        calls += [(step, " ".join(call["argv"])) for call in deployer.cluster.calls[start:]]
    deployer.cluster = Cluster.load(before)
    return calls


def deploy_with_a_fault(deployer: Deployer, revision: Path, number: int, effect: str = "none") -> list[Ended]:
    """Deploy while one call fails; the cluster has forgotten the plan afterwards."""
    deployer.cluster.plan.fail_at, deployer.cluster.plan.effect = number, effect
    ended = deployer.deploy(revision)
    deployer.cluster.plan.fail_at = None
    return ended


def assert_old(deployer: Deployer) -> None:
    """The old release serves, the cluster holds it for the last good one, and so does the pipeline."""
    assert served(OLD) == deployer.cluster.serving()
    good = json.loads(deployer.cluster.objects["ConfigMap/leadline-last-good"]["data"]["release.json"])
    assert OLD == good["version"] == json.loads(deployer.cluster.bucket[RECORD])["version"]


@pytest.mark.parametrize("part", range(PARTS))
def test_a_call_that_fails_leaves_the_old_release(deployer: Deployer, revisions: dict[str, Path], part: int) -> None:
    before = deployer.cluster.dump()
    for number, (step, call) in list(enumerate(calls_of(deployer, revisions[NEW])))[part::PARTS]:
        deployer.cluster = Cluster.load(before)

        last = deploy_with_a_fault(deployer, revisions[NEW], number)[-1]

        assert last.step == step, call
        assert last.code in (1, 3), call
        assert last.out.startswith(f"{step}: failed"), call
        assert last.out.count("\n") == 1, call
        assert f"the stand-in fails at call {number}" in last.err, call
        assert_old(deployer)


@pytest.mark.parametrize("effect", ["half", "all"])
def test_a_call_whose_answer_is_lost_leaves_the_old_release(
    deployer: Deployer, revisions: dict[str, Path], effect: str
) -> None:
    """It has had its effect, or half of it, when the deployer hears of a failure."""
    before = deployer.cluster.dump()
    calls = list(enumerate(calls_of(deployer, revisions[NEW])))
    for number, (step, call) in [each for each in calls if each[1][1].split()[1] in WRITING]:
        deployer.cluster = Cluster.load(before)

        last = deploy_with_a_fault(deployer, revisions[NEW], number, effect)[-1]

        assert (last.step, last.code) == (step, 1), call
        assert_old(deployer)


def test_an_answer_that_is_no_json_leaves_the_old_release(deployer: Deployer, revisions: dict[str, Path]) -> None:
    """Nobody foresees everything: the error is shown with its trace, and the way back is taken all the same."""
    before = deployer.cluster.dump()
    calls = list(enumerate(calls_of(deployer, revisions[NEW])))
    for number, (step, call) in [each for each in calls if each[1][1].startswith("kubectl get ")]:
        deployer.cluster = Cluster.load(before)
        deployer.cluster.plan.garbled = True

        last = deploy_with_a_fault(deployer, revisions[NEW], number)[-1]

        assert (last.step, last.code) == (step, 1), call
        assert "JSONDecodeError" in last.err
        assert last.out.startswith(f"{step}: failed"), call
        assert_old(deployer)


@pytest.mark.parametrize("part", range(PARTS))
def test_a_first_release_that_fails_serves_nothing_and_can_be_mended(
    first: Deployer, revisions: dict[str, Path], part: int
) -> None:
    before = first.cluster.dump()
    for number, (step, call) in list(enumerate(calls_of(first, revisions[OLD])))[part::PARTS]:
        first.cluster = Cluster.load(before)

        last = deploy_with_a_fault(first, revisions[OLD], number)[-1]

        assert last.step == step, call
        assert last.code in (1, 3), call
        assert {} == first.cluster.serving(), call
        assert [0, 0, 0, 0] == [hook.code for hook in first.deploy(revisions[OLD])], call
        assert_old(first)
        assert PAUSED not in first.cluster.objects["ScaledObject/leadline-worker"]["metadata"]["annotations"]


def test_a_first_release_that_fails_says_that_nothing_serves(first: Deployer, revisions: dict[str, Path]) -> None:
    first.cluster.plan.jobs = {"leadline-check": "Failed"}

    last = first.deploy(revisions[OLD])[-1]

    assert last.out == "validate: failed; no release was good before it, so the worker is paused and nothing serves\n"
    assert "0" == first.cluster.objects["ScaledObject/leadline-worker"]["metadata"]["annotations"][PAUSED]


def test_a_first_release_that_fails_serves_nothing_even_without_keda(
    first: Deployer, revisions: dict[str, Path]
) -> None:
    first.cluster.plan.ready = False

    assert first.deploy(revisions[OLD])[-1].step == "validate"
    assert {} == first.cluster.serving()


def test_a_canary_that_fails_stops_before_anything_is_touched(deployer: Deployer, revisions: dict[str, Path]) -> None:
    before = deployer.cluster.lasting()
    deployer.cluster.plan.jobs = {"leadline-canary": "Failed"}

    last = deployer.deploy(revisions[NEW])[-1]

    assert (last.step, last.code) == ("rehearse", 1)
    assert last.out == "rehearse: failed; nothing that serves was changed\n"
    assert "log of" in last.err
    assert before == deployer.cluster.lasting()


def test_a_job_that_never_ends_is_given_up(deployer: Deployer, revisions: dict[str, Path]) -> None:
    before = deployer.cluster.lasting()
    deployer.cluster.plan.jobs = {"leadline-canary": "never"}

    last = deployer.deploy(revisions[NEW])[-1]

    assert (last.step, last.code) == ("rehearse", 1)
    assert "did not end within" in last.err
    assert before == deployer.cluster.lasting()


@pytest.mark.parametrize(
    ("plan", "step", "reason"),
    [
        ({"jobs": {"leadline-check": "Failed"}}, "validate", "leadline-check.* failed"),
        ({"jobs": {"leadline-check": "never"}}, "validate", "did not end within"),
        ({"ready": False}, "validate", "not Ready within .* planned"),
        ({"broken": [served(NEW)["leadline-worker"]]}, "apply", "leadline-worker was not rolled out in time"),
        ({"broken": [served(NEW)["leadline-console"]]}, "apply", "leadline-console was not rolled out in time"),
        (
            {"broken": [served(NEW)["leadline-worker"]], "given_up": True},
            "apply",
            "leadline-worker stands still: 3 of 3",
        ),
    ],
    ids=["check fails", "check never ends", "keda not ready", "worker does not come up", "nor console", "given up"],
)
def test_a_release_that_does_not_work_is_taken_back(
    deployer: Deployer, revisions: dict[str, Path], plan: dict[str, object], step: str, reason: str
) -> None:
    before = deployer.cluster.lasting()
    vars(deployer.cluster.plan).update(plan)

    last = deployer.deploy(revisions[NEW])[-1]

    assert (last.step, last.code) == (step, 1)
    assert last.out == f"{step}: failed; the last good release {OLD} was put back\n"
    assert re.search(reason, last.err)
    assert_old(deployer)
    assert set(before["objects"]) == set(deployer.cluster.objects)


def test_codedeploy_s_rollback_finds_nothing_to_do(deployer: Deployer, revisions: dict[str, Path]) -> None:
    """The hook has put the old release back; the agent deploys its revision again all the same."""
    deployer.cluster.plan.jobs = {"leadline-check": "Failed"}
    deployer.deploy(revisions[NEW])
    before = deployer.cluster.lasting()

    rollback = deployer.deploy(revisions[OLD])

    assert [0, 0, 0, 0] == [hook.code for hook in rollback]
    assert before == deployer.cluster.lasting()


@pytest.mark.parametrize("calls", range(6))
def test_a_cluster_that_goes_away_on_the_way_back_is_left_to_codedeploy(
    deployer: Deployer, revisions: dict[str, Path], calls: int
) -> None:
    """The check fails, then the cluster answers a few calls of the way back, and no more."""
    deployer.cluster.plan.jobs = {"leadline-check": "Failed"}
    assert deployer.deploy(revisions[NEW], STEPS[:3])[-1].code == 0
    before = deployer.cluster.dump()
    deployer.deploy(revisions[NEW], STEPS[3:])
    applied = [call["stdin"] or "" for call in deployer.cluster.calls]
    way_back = max(number for number, manifests in enumerate(applied) if "kind: Deployment\n" in manifests)
    deployer.cluster = Cluster.load(before)
    deployer.cluster.plan.fail_from = way_back + calls

    (last,) = deployer.deploy(revisions[NEW], STEPS[3:])

    assert last.code == 1
    assert last.out.startswith(f"validate: failed, and {OLD} could not be put back; CodeDeploy's rollback deploys ")
    deployer.cluster.plan.fail_from = None
    deployer.cluster.plan.jobs = {}
    assert all(hook.code == 0 for hook in deployer.deploy(revisions[OLD]))
    assert_old(deployer)


def test_a_record_that_cannot_be_written_takes_the_release_back(deployer: Deployer, revisions: dict[str, Path]) -> None:
    """Else the next newcomer would be judged against a champion that does not serve."""
    deployer.cluster.plan.fail_on = "^aws "

    last = deployer.deploy(revisions[NEW])[-1]

    assert (last.step, last.code) == ("validate", 1)
    assert last.out == f"validate: failed; {OLD} was put back, but whether the bucket's record says so is not known\n"
    assert_old(deployer)


def test_a_cluster_that_cannot_be_reached_stops_the_first_hook(deployer: Deployer, revisions: dict[str, Path]) -> None:
    deployer.cluster.plan.fail_on = "^kubectl (get|diff|apply)"

    (last,) = deployer.deploy(revisions[NEW])

    assert (last.step, last.code) == ("verify", 1)
    assert "`kubectl get configmap leadline-last-good" in last.err
    assert last.out == "verify: failed; nothing that serves was changed\n"


def test_a_first_release_that_cannot_be_recorded_is_not_held_for_good(
    first: Deployer, revisions: dict[str, Path]
) -> None:
    first.cluster.plan.fail_on = "^aws "
    assert first.deploy(revisions[OLD])[-1].step == "validate"
    first.cluster.plan.fail_on = None

    (hook,) = first.deploy(revisions[OLD], ["verify"])

    assert "there is no good release yet" in hook.out
    assert RECORD not in first.cluster.bucket
