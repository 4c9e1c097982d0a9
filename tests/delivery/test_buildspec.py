"""`buildspec.yml`: its form, and its very commands, from a push to a signed release or to a refusal."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.kms.utils import ECDSAPrivateKey

from leadline.release.revision import read_release
from ports.aws.local import serve_moto
from propensity.bundle import read_manifest
from tests.bundles import Keys, rewrite_manifest
from tests.challengers import Scene, make_scene
from tests.delivery.codebuild import BUILDSPEC, CHECKS, COMMIT, REGISTRY, Built, CodeBuild, commands
from tests.trained import ROOT

REGION: Final = "eu-west-1"
GIVEN_BY_CODEBUILD: Final = {"CODEBUILD_SRC_DIR_Model", "CODEBUILD_RESOLVED_SOURCE_VERSION", "CODEBUILD_BUILD_NUMBER"}
OTHER_COMMIT: Final = COMMIT[::-1]
KEYS: Final = {
    "": {"version", "env", "phases", "artifacts"},
    "env": {"shell"},
    "phases": {"install", "pre_build", "build"},
    "artifacts": {"base-directory", "files"},
}
PHASE_KEYS: Final = {"commands", "finally", "runtime-versions"}
"""What we use of what CodeBuild knows. It passes over a key that it does not know, so a misspelt one is found here."""

ALL_COMMANDS: Final = [command for phase in BUILDSPEC["phases"] for command in commands(phase)]


# ---- form


@pytest.mark.parametrize("place", KEYS)
def test_every_key_is_one_that_codebuild_knows(place: str) -> None:
    found = BUILDSPEC[place] if place else BUILDSPEC

    assert KEYS[place] == set(found)


def test_phases_hold_commands_and_none_runs_after_a_failure() -> None:
    """CodeBuild runs `post_build` when `build` has failed, so there is none; each command is one text."""
    assert 0.2 == BUILDSPEC["version"]
    for phase in BUILDSPEC["phases"].values():
        assert set(phase) <= PHASE_KEYS
        assert all(isinstance(command, str) for command in phase["commands"] + phase.get("finally", []))


@pytest.mark.parametrize("command", ALL_COMMANDS)
def test_no_command_hides_an_exit_code(command: str) -> None:
    """No pipe, no `||`, no background; a semicolon only in an `if`, whose parts cannot fail; within one, only `cat`."""
    plain = re.sub(r"'[^']*'", "", command)

    assert not re.search(r"\||(?<!>)&|\n", plain)
    assert ";" not in plain or plain.startswith("if [ -f ")
    assert set(re.findall(r"\$\((\w+)|`", plain)) <= {"cat"}


def test_checks_and_tests_run_before_a_bundle_is_looked_at() -> None:
    assert ["make .venv/dev.stamp .venv/delivery.stamp"] == commands("install")
    assert list(CHECKS) == commands("pre_build")[:2]


def test_variables_are_those_that_the_project_gives_or_a_command_sets() -> None:
    """The pipeline's template is read as text: it names each variable as `Name: VARIABLE`."""
    text = "\n".join([*ALL_COMMANDS, *BUILDSPEC["phases"]["build"]["finally"]])
    used = set(re.findall(r"\$\{?([A-Za-z_]+)", text))
    set_here = set(re.findall(r"\b([A-Z_]+)=", text))
    project = (ROOT / "infra" / "pipeline.yaml").read_text(encoding="utf-8").split("EnvironmentVariables:")[1]
    given = set(re.findall(r"Name: ([A-Z_]+),? ?", project.split("LogsConfig:")[0]))

    assert set() == used - set_here - given - GIVEN_BY_CODEBUILD
    assert set() == given - used


def test_the_artifact_is_the_release_and_nothing_else() -> None:
    assert {"base-directory": "build/release", "files": ["**/*"]} == BUILDSPEC["artifacts"]


# ---- the commands


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Scene:
    """Make the data, and the keys of the data scientists."""
    return make_scene(tmp_path_factory.mktemp("data"), keys)


@pytest.fixture(scope="module")
def codebuild(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeBuild]:
    """Make buckets, hold-out and signing key in a moto of our own; it hashes a digest once more, which AWS does not."""
    prehashed = ec.ECDSA(Prehashed(hashes.SHA256()))
    with serve_moto(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(ECDSAPrivateKey, "sign", lambda self, digest, _: self.private_key.sign(digest, prehashed))
        kms = boto3.client("kms", region_name=REGION)
        key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
        kms.create_alias(AliasName="alias/leadline-signing", TargetKeyId=key["KeyId"])
        _fill_buckets(scene)
        environ = {
            "MODELS_BUCKET": "models",
            "HOLDOUT_BUCKET": "holdout",
            "SIGNING_KEY": f"{key['Arn'].partition(':key/')[0]}:alias/leadline-signing",
            "WORKER_REPOSITORY": f"{REGISTRY}/leadline/worker",
            "CONSOLE_REPOSITORY": f"{REGISTRY}/leadline/console",
            "WORKER_TARGET": "worker",
            "DATA_SCIENCE_KEY": scene.keys.public.read_text(encoding="utf-8").strip(),
        }
        yield CodeBuild(tmp_path_factory.mktemp("codebuild"), environ)


@pytest.fixture(scope="module")
def pushed(scene: Scene) -> Path:
    """Train the first model, as of long before the one that is to follow."""
    folder = scene.train("first", "decision_tree")
    rewrite_manifest(folder, scene.keys, {"created_at": "2026-01-15T10:00:00Z"})
    return folder


@pytest.fixture(scope="module")
def first(codebuild: CodeBuild, pushed: Path) -> Built:
    """Build where nothing is served yet."""
    return codebuild.run(pushed)


@pytest.fixture(scope="module")
def second(codebuild: CodeBuild, scene: Scene, first: Built) -> Built:
    """Build a later model, after the last hook has written down the first release."""
    _s3().put_object(
        Bucket="models", Key="current/release.json", Body=(first.folder / "build/release/release.json").read_bytes()
    )
    return codebuild.run(scene.train("second", "decision_tree", seed=1))


def test_a_first_release_is_judged_on_its_own_and_kept(first: Built) -> None:
    assert 0 == first.code, first.log
    says = read_release(first.folder / "build/release", first.folder / "build/release-key.pem")
    assert says.champion is None
    kept = {one["Key"] for one in _s3().list_objects_v2(Bucket="models")["Contents"]}
    assert {f"releases/{says.version}.zip", f"bundles/{says.version}.zip"} <= kept


def test_a_better_model_becomes_a_signed_release(second: Built, first: Built) -> None:
    """It names the images by the digests that the registry gave, and the model that it was judged against."""
    assert 0 == second.code, second.log
    build = second.folder / "build"
    says = read_release(build / "release", build / "release-key.pem")
    manifest = read_manifest(build / "challenger", build / "release-key.pem")
    assert (f"{manifest.version}-{COMMIT[:7]}", manifest.id) == (says.version, says.model.id)
    assert _digest(build / "challenger/manifest.json") == says.model.manifest_sha256
    assert read_manifest(first.folder / "build/challenger", None).id == says.champion
    assert f"{REGISTRY}/leadline/worker@{(build / 'worker.digest').read_text().strip()}" == says.images.worker
    assert f"{REGISTRY}/leadline/console@{(build / 'console.digest').read_text().strip()}" == says.images.console
    gate = json.loads((build / "release/gate.json").read_text())
    assert (True, manifest.version) == (gate["passed"], gate["new"]["version"])


def test_the_image_has_the_countersigned_bundle_and_the_pipelines_key(second: Built) -> None:
    build = second.folder / "build"
    reference = f"leadline/worker:{read_release(build / 'release', None).version}"
    image = _image(second, "local", reference)

    assert ["base", "worker", "console"] == second.built_images
    assert _digest(build / "challenger/manifest.sig") == image["files"]["manifest.sig"]
    assert _digest(build / "release-key.pem") == image["files"]["release-key.pem"]
    assert image["labels"]["org.opencontainers.image.revision"] == COMMIT


def test_images_are_pushed_under_a_tag_of_the_builds_own_and_nothing_is_taken_from_the_registry(second: Built) -> None:
    version = read_release(second.folder / "build/release", None).version
    pushed = {call[-1] for call in second.calls if call[:2] == ["docker", "push"]}

    assert {f"{REGISTRY}/leadline/{name}:{version}-2" for name in ("worker", "console")} == pushed
    assert [] == [call for call in second.calls if call[:2] == ["docker", "pull"]]


def test_each_image_has_its_list_of_parts(second: Built) -> None:
    for name in ("worker", "console"):
        sbom = json.loads((second.folder / f"build/release/sbom/{name}.cdx.json").read_text())

        assert "CycloneDX" == sbom["bomFormat"]
        assert {("numpy", "2.4.6"), (f"{name}-only", "1.0")} == {(o["name"], o["version"]) for o in sbom["components"]}


def test_customers_data_does_not_stay(second: Built) -> None:
    """Gone as soon as the gate has spoken, before an image is built; nor does the registry's password stay."""
    build = second.folder / "build"
    left = {path.name for path in build.rglob("*")}

    assert {"data1.csv", "data2.csv", "id.key", "registry-password"} & left == set()
    fetched = [call for call in second.calls if call[:3] == ["aws", "s3", "cp"]]
    assert 5 == len(fetched)
    assert second.calls.index(fetched[-1]) < second.calls.index(["docker", "version"])


def unsigned(scene: Scene, folder: Path) -> None:
    del scene
    (folder / "manifest.sig").unlink()


def of_another_product(scene: Scene, folder: Path) -> None:
    rewrite_manifest(folder, scene.keys, {"name": "mortgages"})


def older(scene: Scene, folder: Path) -> None:
    rewrite_manifest(folder, scene.keys, {"created_at": "2026-01-15T09:59:00Z"})


def half(scene: Scene, folder: Path) -> None:
    del scene
    (folder / "model.pkl").unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (unsigned, "manifest.sig"),
        (of_another_product, "this is a bundle of mortgages"),
        (older, "not after"),
        (half, "model.pkl"),
    ],
)
@pytest.mark.usefixtures("second")
def test_a_bad_bundle_is_refused_before_anything_is_fetched(
    codebuild: CodeBuild, scene: Scene, tmp_path: Path, spoil: Callable[[Scene, Path], None], says: str
) -> None:
    folder = _copied(scene.folder / "second", tmp_path / "bad")
    spoil(scene, folder)

    built = codebuild.run(folder)

    assert 3 == built.code, built.log
    assert says in built.log
    assert [] == built.calls


@pytest.mark.usefixtures("second")
def test_a_model_that_the_gate_refuses_stops_before_an_image_is_built(codebuild: CodeBuild, scene: Scene) -> None:
    """And it leaves no customers' data behind."""
    built = codebuild.run(scene.train("worse", "logistic_regression"))

    assert 3 == built.code, built.log
    assert "must not take OLD's place" in built.log
    assert {"aws"} == {call[0] for call in built.calls}
    assert not {path.name for path in (built.folder / "build").rglob("*")} & {"data1.csv", "data2.csv", "id.key"}


@pytest.mark.usefixtures("second")
def test_what_was_built_before_stops_before_anything_is_fetched(codebuild: CodeBuild, scene: Scene) -> None:
    """The same model and the same commit: there is one release of a version."""
    built = codebuild.run(scene.folder / "second")

    assert 3 == built.code, built.log
    assert "a version is built once" in built.log
    assert [] == built.calls


@pytest.mark.usefixtures("second")
def test_a_new_commit_around_the_model_that_is_served_becomes_a_release(
    codebuild: CodeBuild, pushed: Path, first: Built
) -> None:
    """Judged against itself, which is what is served."""
    built = codebuild.run(pushed, commit=OTHER_COMMIT)

    assert 0 == built.code, built.log
    says = read_release(built.folder / "build/release", built.folder / "build/release-key.pem")
    assert read_release(first.folder / "build/release", None).model == says.model
    assert says.model.id == says.champion


def _fill_buckets(scene: Scene) -> None:
    for bucket in ("models", "holdout"):
        _s3().create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for folder, files in (("holdout", scene.holdout), ("training", scene.training)):
        for number, file in enumerate(files, 1):
            _s3().put_object(Bucket="holdout", Key=f"{folder}/data{number}.csv", Body=file.read_bytes())
    _s3().put_object(Bucket="holdout", Key="id.key", Body=scene.id_key.read_bytes())


def _s3() -> Any:  # noqa: ANN401  boto3's own classes are made when they are asked for
    return boto3.client("s3", region_name=REGION)


def _copied(bundle: Path, folder: Path) -> Path:
    shutil.copytree(bundle, folder)
    return folder


def _image(built: Built, where: str, reference: str) -> Any:  # noqa: ANN401  JSON
    file = built.folder.parent / where / f"{reference.replace('/', '%')}.json"
    return json.loads(file.read_text())


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
