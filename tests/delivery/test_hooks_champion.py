"""A release that waited while another one was deployed was judged against the wrong model: `verify` refuses it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.hook_fixtures import NEW, OLD, deployer, first, release_keys, revisions, serving_old
from tests.delivery.hook_scene import (
    RECORD,
    Deployer,
    Keys,
    describe,
    have_kubectl,
    make_revision,
    model_of,
    served,
    sign,
    validated,
)

__all__ = ["deployer", "first", "release_keys", "revisions", "serving_old"]
pytestmark = pytest.mark.skipif(not have_kubectl(), reason="kubectl, which renders, is not installed")

LATE = "2026.11.26-ccccccc"
Make = Callable[[str | None], Path]


@pytest.fixture
def make(tmp_path: Path, release_keys: Keys) -> Make:
    """Give a function that makes a late release, judged against a version's model or against none."""
    return lambda champion: make_revision(tmp_path / "late", LATE, release_keys, champion)


def assert_refused(deployer: Deployer, revision: Path, reason: str) -> None:
    """The first hook refuses, says why, and writes nothing."""
    before = deployer.cluster.lasting()
    [hook] = deployer.deploy(revision)

    assert ("verify", 3) == (hook.step, hook.code)
    assert reason in hook.err
    assert "verify: failed; nothing that serves was changed\n" == hook.out
    assert before == deployer.cluster.lasting()


def test_a_release_that_was_judged_against_what_is_served_is_deployed(deployer: Deployer, make: Make) -> None:
    ended = deployer.deploy(make(OLD))

    assert [0, 0, 0, 0] == [hook.code for hook in ended]
    assert f"the last good release is {OLD}, whose model it was judged against" in ended[0].out
    assert not [call for call in deployer.cluster.calls if "list-objects-v2" in call["argv"]]


def test_a_release_that_another_one_has_overtaken_is_refused(
    deployer: Deployer, make: Make, revisions: dict[str, Path]
) -> None:
    assert 0 == deployer.deploy(revisions[NEW])[-1].code

    assert_refused(deployer, make(OLD), f"{LATE} was judged against loan-propensity 2026.11.01, but the last good")
    assert served(NEW) == deployer.cluster.serving()


def test_a_first_release_where_something_is_served_is_refused(deployer: Deployer, make: Make) -> None:
    assert_refused(
        deployer, make(None), f"{LATE} was judged against no model at all, but the last good release, {OLD},"
    )


@pytest.mark.parametrize("key", ["name", "version", "sha256", "manifest_sha256"])
def test_a_champion_that_only_resembles_what_is_served_is_refused(
    deployer: Deployer, make: Make, release_keys: Keys, key: str
) -> None:
    """The manifest counts where the release names its digest."""
    revision = make(OLD)
    content = describe(revision, LATE, OLD)
    content["champion"] = {**model_of(OLD), key: "0" * 64}
    sign(revision, content, release_keys)

    assert_refused(deployer, revision, "have it judged against that: push a commit")


def test_a_release_that_was_validated_before_is_deployed_whatever_it_was_judged_against(
    deployer: Deployer, make: Make, revisions: dict[str, Path]
) -> None:
    """As CodeDeploy's rollback does, and `leadline model pin`."""
    late = make(OLD)
    for revision in (late, revisions[OLD]):
        ended = deployer.deploy(revision)
        assert [0, 0, 0, 0] == [hook.code for hook in ended]

    assert f"the last good release is {LATE}; this one was validated before" in ended[0].out
    assert served(OLD) == deployer.cluster.serving()


def test_another_build_of_a_version_that_was_validated_is_refused(deployer: Deployer, make: Make) -> None:
    """Its bytes are others."""
    deployer.cluster.bucket[validated(LATE)] = "{}"

    assert_refused(deployer, make(None), "have it judged against that: push a commit")


def test_a_version_that_only_begins_like_a_validated_one_is_refused(deployer: Deployer, make: Make) -> None:
    revision = make(None)
    deployer.cluster.bucket[validated(LATE) + ".old"] = (revision / "release.json").read_text()

    assert_refused(deployer, revision, "have it judged against that: push a commit")


@pytest.mark.parametrize("call", ["list-objects-v2", "get-object"])
def test_a_bucket_that_does_not_answer_lets_nothing_through(
    deployer: Deployer, make: Make, revisions: dict[str, Path], call: str
) -> None:
    assert 0 == deployer.deploy(make(OLD))[-1].code
    deployer.cluster.plan.fail_on = call

    [hook] = deployer.deploy(revisions[OLD])

    assert ("verify", 1) == (hook.step, hook.code)
    assert served(LATE) == deployer.cluster.serving()


def test_in_a_new_cluster_there_is_nothing_to_compare_with_and_the_line_says_so(first: Deployer, make: Make) -> None:
    ended = first.deploy(make(OLD))

    assert [0, 0, 0, 0] == [hook.code for hook in ended]
    assert "there is no good release yet, so that its champion was compared with nothing" in ended[0].out


def test_a_record_that_names_a_release_that_failed_misleads_nobody(
    deployer: Deployer, revisions: dict[str, Path], make: Make
) -> None:
    """What is judged against it is refused; CodeDeploy's rollback puts the record right."""
    deployer.cluster.bucket[RECORD] = (revisions[NEW] / "release.json").read_text()

    assert_refused(deployer, make(NEW), f"the last good release, {OLD}, serves")

    assert 0 == deployer.deploy(revisions[OLD])[-1].code
    assert OLD == record(deployer)["version"]


def test_a_first_release_whose_record_may_have_been_written_says_so_and_stops_no_later_one(
    first: Deployer, revisions: dict[str, Path], make: Make
) -> None:
    """The next one is judged against it, which never served; with no good release in the cluster it is deployed."""
    first.cluster.plan.fail_on, first.cluster.plan.effect = "current/release.json", "all"

    last = first.deploy(revisions[OLD])[-1]

    assert "so the worker is paused and nothing serves; whether the bucket's record names it is not known" in last.out
    assert OLD == record(first)["version"]
    assert {} == first.cluster.serving()
    first.cluster.plan.fail_on = None
    assert 0 == first.deploy(make(OLD))[-1].code
    assert LATE == record(first)["version"]


def record(deployer: Deployer) -> dict[str, Any]:
    """Return the release.json that the pipeline takes its champion from."""
    return dict(json.loads(deployer.cluster.bucket[RECORD]))
