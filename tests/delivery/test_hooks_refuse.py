"""What `verify` refuses: a revision that is not byte for byte what was signed, or holds what no release may."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.hook_fixtures import NEW, OLD, deployer, release_keys, revisions, serving_old
from tests.delivery.hook_scene import STEPS, Deployer, Ended, Keys, describe, have_kubectl, new_keys, sign

__all__ = ["deployer", "release_keys", "revisions", "serving_old"]
pytestmark = pytest.mark.skipif(not have_kubectl(), reason="kubectl, which renders, is not installed")

WRITING = ("apply", "delete", "annotate", "patch", "s3api")
RELEASE = "k8s/overlays/prod/release/kustomization.yaml"
JOBS = "k8s/overlays/prod/jobs/kustomization.yaml"
Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def revision(tmp_path: Path, revisions: dict[str, Path]) -> Path:
    """Copy the new revision, to be spoilt."""
    return shutil.copytree(revisions[NEW], tmp_path / "revision")


def assert_refused(deployer: Deployer, ended: list[Ended], reason: str) -> None:
    """The first hook refuses, says why, and writes nothing."""
    (hook,) = ended
    assert (hook.step, hook.code) == ("verify", 3)
    assert reason in hook.err
    assert not [call for call in deployer.cluster.calls if call["argv"][1] in WRITING]


def sign_again(revision: Path, keys: Keys, change: Change = lambda _: None) -> None:
    """Sign a revision after it was changed, as a pipeline would that has a fault."""
    content = describe(revision, NEW, OLD)
    change(content)
    sign(revision, content, keys)


def test_an_altered_file_is_refused(deployer: Deployer, revision: Path) -> None:
    with (revision / RELEASE).open("a", encoding="utf-8") as file:
        file.write("# a comment\n")

    assert_refused(deployer, deployer.deploy(revision), f"altered: {RELEASE}")


def test_a_missing_file_is_refused(deployer: Deployer, revision: Path) -> None:
    (revision / "gate.json").unlink()

    assert_refused(deployer, deployer.deploy(revision), "missing: gate.json")


@pytest.mark.parametrize("name", ["deploy/deployer/__pycache__/steps.cpython-39.pyc", "k8s/more.yaml", ".hidden"])
def test_a_file_that_nobody_signed_is_refused(deployer: Deployer, revision: Path, name: str) -> None:
    (revision / name).parent.mkdir(exist_ok=True)
    (revision / name).write_text("", encoding="utf-8")

    assert_refused(deployer, deployer.deploy(revision), f"not named in release.json: {name}")


def test_a_link_in_the_place_of_a_file_is_refused(deployer: Deployer, revision: Path, tmp_path: Path) -> None:
    """Even to the very same content, which could change later."""
    shutil.move(revision / "gate.json", tmp_path / "elsewhere.json")
    (revision / "gate.json").symlink_to(tmp_path / "elsewhere.json")

    assert_refused(deployer, deployer.deploy(revision), "a symbolic link: gate.json")


@pytest.mark.parametrize("name", ["release.json", "release.sig"])
def test_half_a_revision_is_refused(deployer: Deployer, revision: Path, name: str) -> None:
    (revision / name).unlink()

    assert_refused(deployer, deployer.deploy(revision), f"{name} is missing")


def test_a_release_json_that_was_changed_after_signing_is_refused(deployer: Deployer, revision: Path) -> None:
    text = (revision / "release.json").read_text(encoding="utf-8")
    (revision / "release.json").write_text(text.replace("bbbbbbb0", "ccccccc0"), encoding="utf-8")

    assert_refused(deployer, deployer.deploy(revision), "release.sig is not the signature of release.json")


def test_another_s_signature_is_refused(deployer: Deployer, revision: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    sign_again(revision, new_keys(tmp_path / "other"))

    assert_refused(deployer, deployer.deploy(revision), "release.sig is not the signature of release.json")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: content.update(schema_version=2), "schema_version 2, this deployer knows 1"),
        (lambda content: content.pop("champion"), "these differ: ['champion']"),
        (lambda content: content.update(extra=1), "these differ: ['extra']"),
        (lambda content: content.update(version="../1"), "version '../1' is none"),
        (lambda content: content["images"].update(worker="registry/leadline/worker:latest"), "must be named by digest"),
        (
            lambda content: content["images"].update(worker=f"r/leadline/worker:1@sha256:{'0' * 64}"),
            "must be named by digest",
        ),
        (lambda content: content["images"].pop("console"), "images must name exactly worker, console"),
        (lambda content: content.update(files={}), "sha256 of every file"),
        (lambda content: content.update(model=None), "model is None; it must have a name and a version"),
        (lambda content: content["model"].update(version=1), "it must have a name and a version"),
        (lambda content: content["model"].pop("sha256"), "model.sha256 is None; it must be 64 hex digits"),
        (lambda content: content["model"].update(sha256="A" * 64), "in lower case"),
        (lambda content: content["model"].update(sha256="0" * 64 + "\n"), "it must be 64 hex digits"),
        (lambda content: content["model"].update(manifest_sha256="0"), "model.manifest_sha256 is '0'"),
        (lambda content: content.update(champion=[]), "champion is []; it must have a name and a version"),
        (lambda content: content["champion"].update(sha256=1), "champion.sha256 is 1"),
    ],
    ids=[
        "schema",
        "key missing",
        "foreign key",
        "version",
        "tag",
        "tag and digest",
        "image missing",
        "no files",
        "no model",
        "model without version",
        "model without digest",
        "digest in capitals",
        "digest and more",
        "manifest's digest",
        "no champion",
        "champion's digest",
    ],
)
def test_a_signed_release_json_of_another_form_is_refused(
    deployer: Deployer, revision: Path, release_keys: Keys, change: Change, reason: str
) -> None:
    sign_again(revision, release_keys, change)

    assert_refused(deployer, deployer.deploy(revision), reason)


@pytest.mark.parametrize("content", [[], "text", None])
def test_a_signed_release_json_that_is_no_object_is_refused(
    deployer: Deployer, revision: Path, release_keys: Keys, content: object
) -> None:
    sign(revision, content, release_keys)

    assert_refused(deployer, deployer.deploy(revision), "schema_version")


@pytest.mark.parametrize(
    ("overlay", "more", "reason"),
    [
        (
            RELEASE,
            {"kind": "Secret", "apiVersion": "v1", "stringData": {"a": "b"}},
            "Secret extra is not the release's",
        ),
        (RELEASE, {"kind": "ServiceAccount", "apiVersion": "v1"}, "ServiceAccount extra is not the release's"),
        (
            RELEASE,
            {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "leadline-last-good"}},
            "ConfigMap leadline-last-good is the deployer's own",
        ),
        (
            RELEASE,
            {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "leadline-before"}},
            "ConfigMap leadline-before is the deployer's own",
        ),
        (JOBS, {"kind": "Service", "apiVersion": "v1"}, "Service extra-0 is not the release's"),
    ],
    ids=["secret", "account", "last good release", "what ran", "service beside the jobs"],
)
def test_an_object_that_no_release_may_change_is_refused(
    deployer: Deployer, revision: Path, release_keys: Keys, overlay: str, more: dict[str, Any], reason: str
) -> None:
    extra = (revision / overlay).parent / "extra.json"
    extra.write_text(json.dumps({"metadata": {"name": "extra"}, **more}), encoding="utf-8")
    edit(revision / overlay, "resources:\n", "resources:\n  - extra.json\n")
    sign_again(revision, release_keys)

    assert_refused(deployer, deployer.deploy(revision), reason)


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        ("k8s/base/worker/deployment.yaml", "spec:\n  revision", "spec:\n  replicas: 3\n  revision", "which KEDA owns"),
        ("k8s/base/console/deployment.yaml", "  replicas: 2\n", "", "nobody else would set them"),
        ("k8s/base/worker/deployment.yaml", "image: leadline/worker", "image: nginx:latest", "runs nginx:latest"),
        (
            "k8s/base/canary/check.yaml",
            "image: leadline/worker",
            "image: leadline/console",
            "which release.json does not name",
        ),
        (RELEASE, "  - ../../../base/console\n", "", "renders no Deployment leadline-console"),
        ("k8s/base/canary/kustomization.yaml", "  - canary.yaml\n", "", "renders no Job leadline-canary"),
    ],
    ids=[
        "replicas of workers",
        "no replicas of the console",
        "foreign image",
        "another image",
        "no console",
        "no canary",
    ],
)
def test_manifests_that_would_not_serve_the_release_are_refused(
    deployer: Deployer, revision: Path, release_keys: Keys, file: str, old: str, new: str, reason: str
) -> None:
    edit(revision / file, old, new)
    sign_again(revision, release_keys)

    assert_refused(deployer, deployer.deploy(revision), reason)


def edit(file: Path, old: str, new: str) -> None:
    """Replace a piece of a file that must be there."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("step", STEPS[1:3])
def test_a_file_that_is_altered_between_two_hooks_is_refused(deployer: Deployer, revision: Path, step: str) -> None:
    before = deployer.cluster.lasting()
    deployer.deploy(revision, STEPS[: STEPS.index(step)])
    edit(revision / "gate.json", "{}", "{ }")

    (hook,) = deployer.deploy(revision, [step])

    assert (hook.code, "altered: gate.json" in hook.err) == (3, True)
    assert before == deployer.cluster.lasting()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("AWS_REGION=eu-west-1\n", "MODELS_BUCKET is not set"),
        ("", "AWS_REGION is not set"),
        ("bucket\n", "not NAME=VALUE"),
    ],
)
def test_a_deployer_without_its_settings_says_what_it_lacks(
    deployer: Deployer, revision: Path, text: str, reason: str
) -> None:
    (deployer.folder / "deployer.env").write_text(text, encoding="utf-8")

    (hook,) = deployer.deploy(revision)

    assert (hook.step, hook.code) == ("verify", 78)
    assert reason in hook.err
    assert not deployer.cluster.calls


def test_a_deployer_without_the_release_key_says_so(deployer: Deployer, revision: Path, tmp_path: Path) -> None:
    deployer.keys = Keys(deployer.keys.private, tmp_path / "none.pem")

    (hook,) = deployer.deploy(revision)

    assert hook.code == 78
    assert "none.pem is missing" in hook.err
