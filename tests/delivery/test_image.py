"""`image.sh`: what it asks of docker, against a stand-in; and, where that can be done, the images themselves."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from propensity.bundle import load, sign_bundle
from propensity.features import matrix_from_columns
from propensity.scoring import score
from tests.bundles import Keys, likely_above, make_bundle
from tests.delivery.codebuild import COMMIT, REGISTRY, STAND_INS, copy_source
from tests.helpers import cloud_event, customer
from tests.trained import ROOT, DemoModel

REPOSITORY: Final = f"{REGISTRY}/leadline/worker"
LIMITS_MB: Final = {"worker": 120, "worker-lean": 60, "console": 120, "trainer": 400}
Ran = subprocess.CompletedProcess[str]


class Recipe:
    """`image.sh` in a folder of its own, with a small bundle."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self.folder, self.state = folder, folder / "state"
        self.state.mkdir()
        (folder / "build").mkdir()
        for name in ("image.sh", "Dockerfile"):
            shutil.copy(ROOT / name, folder)
        self.bundle = make_bundle(folder / "build/model", likely_above(100), keys)
        shutil.copy(keys.public, folder / "build/release-key.pem")

    def __call__(self, *words: str, **environ: str) -> Ran:
        known = {"PATH": f"{STAND_INS}:{Path(sys.executable).parent}:{os.environ['PATH']}", "REVISION": COMMIT}
        known |= {"STAND_IN_STATE": str(self.state)}
        command = ["sh", "image.sh", *words]
        env = {**os.environ, **known, **environ}
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)

    @property
    def calls(self) -> list[list[str]]:
        """What docker was asked."""
        return [json.loads(line) for line in (self.state / "calls.jsonl").read_text().splitlines()]


@pytest.fixture
def recipe(tmp_path: Path, keys: Keys) -> Recipe:
    (tmp_path / "source").mkdir()
    return Recipe(tmp_path / "source", keys)


def test_a_version_is_the_models_and_the_commits(recipe: Recipe) -> None:
    assert f"1-{COMMIT[:7]}\n" == recipe("version").stdout
    assert "9\n" == recipe("version", VERSION="9").stdout


def test_an_image_is_built_with_all_that_its_labels_say(recipe: Recipe) -> None:
    """The date is the model's, so that the same model and commit give the same image."""
    ran = recipe("build", "worker", BASE="python:mirror")

    assert (0, "") == (ran.returncode, ran.stdout), ran.stderr
    call = recipe.calls[-1]
    given = dict(one.split("=", 1) for one in call if "=" in one)
    assert f"leadline/worker:1-{COMMIT[:7]}" == call[call.index("--tag") + 1]
    assert ("python:mirror", "build/model", COMMIT) == (given["BASE"], given["BUNDLE"], given["REVISION"])
    assert "2026-01-15T10:00:00Z" == given["CREATED"]
    assert re.fullmatch("[0-9a-f]{64}", given["MODEL_SHA256"])


def test_a_trainer_needs_no_bundle_and_the_others_say_how_to_make_one(recipe: Recipe) -> None:
    shutil.rmtree(recipe.bundle)

    trainer, worker = recipe("build", "trainer"), recipe("build", "worker")

    assert 0 == trainer.returncode, trainer.stderr
    assert (1, True) == (worker.returncode, "build/model is no bundle" in worker.stderr)
    assert "make train" in worker.stderr


def test_without_the_key_nothing_is_built(recipe: Recipe) -> None:
    (recipe.folder / "build/release-key.pem").unlink()

    ran = recipe("build", "worker", "console")

    assert 1 == ran.returncode
    assert "leadline model sign build/model --public-key-out build/release-key.pem" in ran.stderr
    assert ["version"] == [call[1] for call in recipe.calls]


def test_without_a_builder_that_runs_it_says_what_to_install(recipe: Recipe, tmp_path: Path) -> None:
    """A docker whose daemon is away is no builder."""
    for name in ("docker", "podman", "buildah"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)

    ran = recipe("build", "worker", PATH=f"{tmp_path}:{os.environ['PATH']}")

    assert (1, True) == (ran.returncode, "none of docker, podman, buildah is here" in ran.stderr)


@pytest.mark.parametrize("words", [(), ("ship",), ("build",), ("push", "worker"), ("parts",)])
def test_wrong_usage_is_told(recipe: Recipe, words: tuple[str, ...]) -> None:
    ran = recipe(*words)

    assert (1, "") == (ran.returncode, ran.stdout)
    assert "image.sh: " in ran.stderr
    assert "TARGET" in ran.stderr


def test_a_failed_build_and_a_failed_push_fail(recipe: Recipe) -> None:
    (recipe.folder / "Dockerfile").unlink()

    assert 0 != recipe("build", "worker").returncode
    pushed = recipe("push", "worker", REPOSITORY)
    assert (True, "") == (pushed.returncode != 0, pushed.stdout)


def test_a_push_gives_the_digest_and_nothing_else_under_a_tag_of_the_builds_own(recipe: Recipe) -> None:
    recipe("build", "worker")

    ran = recipe("push", "worker", REPOSITORY, BUILD="17")

    assert re.fullmatch(r"sha256:[0-9a-f]{64}\n", ran.stdout), ran.stderr
    assert ["docker", "push", "--quiet", f"{REPOSITORY}:1-{COMMIT[:7]}-17"] in recipe.calls


def test_a_push_without_a_number_has_the_time_in_its_tag(recipe: Recipe) -> None:
    recipe("build", "worker")

    assert 0 == recipe("push", "worker", REPOSITORY, BUILD="").returncode
    [pushed] = [call[-1] for call in recipe.calls if call[1] == "push"]
    assert re.fullmatch(rf"{REPOSITORY}:1-{COMMIT[:7]}-20\d{{12}}", pushed)


def test_a_build_that_is_run_again_pushes_its_own_image(recipe: Recipe, keys: Keys) -> None:
    """The new signature over the same bundle makes another one."""
    recipe("build", "worker")
    first = recipe("push", "worker", REPOSITORY, BUILD="1")
    sign_bundle(recipe.bundle, keys.private)
    recipe("build", "worker")

    again = recipe("push", "worker", REPOSITORY, BUILD="2")

    assert (0, True) == (again.returncode, first.stdout != again.stdout), again.stderr


def test_an_image_that_somebody_has_put_under_our_tag_is_never_taken_for_ours(recipe: Recipe) -> None:
    """Whatever its labels say: whoever may push can set them. Nothing is pulled at all."""
    recipe("build", "worker")
    recipe("push", "worker", REPOSITORY, BUILD="1")

    again = recipe("push", "worker", REPOSITORY, BUILD="1")

    assert (True, "") == (again.returncode != 0, again.stdout)
    assert "cannot be overwritten" in again.stderr
    assert [] == [call for call in recipe.calls if call[1] == "pull"]


def test_the_size_is_that_of_the_layers_beyond_the_base_as_a_registry_keeps_them(recipe: Recipe) -> None:
    recipe("build", "worker")

    assert "worker: 1.5 MB compressed beyond its base\n" == recipe("size", "worker").stdout


# ---- the images


class Image:
    """The files of an image, entered as a container is: its user, a read-only root, /tmp and /dev/shm in memory."""

    def __init__(self, reference: str) -> None:
        self._container = _said("buildah", "from", "--pull-never", reference)
        self.root = _said("buildah", "mount", self._container)
        config = json.loads(_said("buildah", "inspect", "--type", "image", reference))["OCIv1"]["config"]
        self.entrypoint: list[str] = config["Entrypoint"]
        self.environ: list[str] = config["Env"]
        self.labels: dict[str, str] = config["Labels"]
        self.user: str = config["User"]

    def run(self, command: Sequence[str], given: str = "", environ: Mapping[str, str] | None = None) -> Ran:
        """Run a command, found on the image's PATH, and nothing of this process's environment."""
        words = [*self.environ, *(f"{name}={value}" for name, value in (environ or {}).items()), *command]
        enter = ["unshare", "--mount", "--fork", "sh", "-euc", _ENTER, "enter", self.root, self.user, *words]
        return subprocess.run(enter, input=given, capture_output=True, text=True, check=False)

    def python(self, code: str, given: str = "", environ: Mapping[str, str] | None = None) -> str:
        """Run some Python, and return what it prints."""
        ran = self.run(["python", "-c", code], given, environ)
        assert 0 == ran.returncode, ran.stderr
        return ran.stdout

    def remove(self) -> None:
        """Take the container away again."""
        _said("buildah", "rm", self._container)


_ENTER: Final = """
root=$1 user=$2; shift 2
mount --bind "$root" /mnt && mount -o remount,ro,bind /mnt
mount -t tmpfs tmpfs /mnt/tmp && mount -t proc proc /mnt/proc && mount -t tmpfs -o mode=755 tmpfs /mnt/dev
mkdir -m 1777 /mnt/dev/shm
for device in null zero urandom; do touch /mnt/dev/$device; mount --bind /dev/$device /mnt/dev/$device; done
exec chroot --userspec="$user" /mnt /usr/bin/env -i "$@"
"""

_MODEL: Final = "leadline.model.sha256"

_WORK: Final = """
import json, sys
from pathlib import Path
from ports import create_queue
from worker.__main__ import serve

queue = create_queue("sqlite:////tmp/events.db")
assert queue.send([line.encode() for line in sys.stdin.read().splitlines()]) is not None
outcomes = serve(once=True)
print(json.dumps([outcomes, Path("/tmp/leads.jsonl").read_text()]))
"""

_PARTS: Final = """
import importlib.util, json, sys
print(json.dumps([name for name in json.load(sys.stdin) if importlib.util.find_spec(name)]))
"""

needs_builder = pytest.mark.skipif(
    os.environ.get("IMAGE_TESTS") != "1" or os.geteuid() != 0 or shutil.which("buildah") is None,
    reason="builds images for minutes: IMAGE_TESTS=1, root, buildah, and debootstrap or a BASE that can be pulled",
)


class Source:
    """A copy of the source with a bundle in it, and what `image.sh` says there."""

    def __init__(self, folder: Path, bundle: Path, key: Path, base: str) -> None:
        self._folder = folder
        self._environ = {**os.environ, "ENGINE": "buildah", "BUILDAH_ISOLATION": "chroot", "BASE": base}
        copy_source(folder)
        shutil.copytree(bundle, folder / "build/model")
        shutil.copy(key, folder / "build/release-key.pem")

    def __call__(self, *words: str, **environ: str) -> str:
        env = {**self._environ, **environ}
        command = ["sh", "image.sh", *words]
        ran = subprocess.run(command, cwd=self._folder, env=env, capture_output=True, text=True, check=False)
        assert 0 == ran.returncode, ran.stdout[-2000:] + ran.stderr[-2000:]
        return ran.stdout


class Built(NamedTuple):
    """The images, by target, what was said of their sizes, and what they were built on."""

    images: dict[str, str]
    sizes: str
    base: str


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, demo_model: DemoModel) -> Iterator[Built]:
    """Build all targets as `make image` does."""
    base = os.environ.get("BASE") or _said("sh", ROOT / "tests/delivery/stand_in_base.sh")
    source = Source(tmp_path_factory.mktemp("image") / "source", demo_model.bundle, demo_model.public_key, base)
    source("build", *LIMITS_MB, VERSION="test")
    sizes = source("size", *LIMITS_MB, VERSION="test")
    names = {target: f"localhost/leadline/{target}:test" for target in LIMITS_MB}
    yield Built(names, sizes, base)
    _said("buildah", "rmi", "--force", *names.values(), "localhost/leadline/base:test")


@pytest.fixture(scope="module", params=list(LIMITS_MB))
def image(request: pytest.FixtureRequest, built: Built) -> Iterator[Image]:
    entered = Image(built.images[request.param])
    yield entered
    entered.remove()


@pytest.fixture(scope="module")
def worker_image(built: Built) -> Iterator[Image]:
    entered = Image(built.images["worker"])
    yield entered
    entered.remove()


@needs_builder
def test_each_image_is_small_enough(built: Built) -> None:
    sizes = dict(re.findall(r"^([\w-]+): ([0-9.]+) MB", built.sizes, re.MULTILINE))

    assert set(LIMITS_MB) == set(sizes)
    assert {} == {name: size for name, size in sizes.items() if float(size) > LIMITS_MB[name]}


@needs_builder
def test_an_image_runs_as_a_user_who_can_write_to_memory_only(image: Image) -> None:
    """Nothing belongs to that user, and nothing that all may write lies anywhere else."""
    said = image.python("import os; print(os.getuid(), os.getgid())")
    found = image.run(["find", "/", "-xdev", "(", "-writable", "-o", "-user", "10001", ")", "!", "-type", "l"])

    assert "10001 10001\n" == said
    assert {"/tmp"} == set(found.stdout.split())  # noqa: S108  of the image
    assert "Read-only file system" in image.run(["touch", "/opt/leadline/x"]).stderr


@needs_builder
def test_an_image_holds_no_installer_and_imports_nothing_from_the_folder_it_works_in(image: Image) -> None:
    assert [] == json.loads(image.python(_PARTS, json.dumps(["pip"])))
    assert [] == list(Path(image.root).glob("usr/local/bin/pip*"))
    assert "False\n" == image.python("import os, sys; print('' in sys.path or os.getcwd() in sys.path)")


@needs_builder
def test_a_new_model_changes_the_last_layer_and_no_other(built: Built, tmp_path: Path, keys: Keys) -> None:
    """Built again from nothing, elsewhere, by somebody with other modes for new files, the rest is the same bytes."""
    bundle = make_bundle(tmp_path / "another", likely_above(100), keys)
    before = os.umask(0o077)
    try:
        source = Source(tmp_path / "source", bundle, keys.public, built.base)
        source("build", "worker", VERSION="test-again", BUILD_OPTIONS="--no-cache")
    finally:
        os.umask(before)
    again = "localhost/leadline/worker:test-again"

    old, new = _layers(built.images["worker"]), _layers(again)

    _said("buildah", "rmi", "--force", again, "localhost/leadline/base:test-again")
    assert old[:-1] == new[:-1]
    assert old[-1] != new[-1]


@needs_builder
def test_bytecode_is_there_and_is_not_checked_against_its_source(image: Image) -> None:
    """The root is read-only: what is not compiled would be compiled at each start."""
    flags = "import schemas, pathlib; print(pathlib.Path(schemas.__cached__).read_bytes()[4:8].hex())"

    assert "01000000\n" == image.python(flags)


@needs_builder
def test_the_labels_say_which_model_is_in_it(worker_image: Image, demo_model: DemoModel) -> None:
    manifest = hashlib.sha256((demo_model.bundle / "manifest.json").read_bytes()).hexdigest()

    assert (manifest, "test") == tuple(
        worker_image.labels[name] for name in (_MODEL, "org.opencontainers.image.version")
    )
    assert worker_image.labels["org.opencontainers.image.base.name"]


@needs_builder
def test_the_lean_worker_has_no_scikit_learn_and_scores_as_the_bundle_does_here(
    built: Built, demo_model: DemoModel
) -> None:
    lean = Image(built.images["worker-lean"])
    try:
        assert ["numpy"] == json.loads(
            lean.python(_PARTS, json.dumps(["sklearn", "scipy", "joblib", "numpy", "pycurl"]))
        )
        assert_scores_as_here(lean, demo_model)
    finally:
        lean.remove()


@needs_builder
def test_the_worker_has_nothing_that_it_does_not_run(worker_image: Image) -> None:
    unwanted = ["pandas", "matplotlib", "seaborn", "imblearn", "fairlearn", "moto", "flask", "click", "rich"]
    unwanted += ["training", "leadline", "console", "simulation"]
    wanted = ["worker", "worker.canary", "worker.check", "ports", "propensity", "schemas", "sklearn", "boto3"]

    assert wanted == json.loads(worker_image.python(_PARTS, json.dumps([*unwanted, *wanted])))


@needs_builder
def test_the_worker_scores_as_the_bundle_does_here(worker_image: Image, demo_model: DemoModel) -> None:
    """By its own user, on a read-only root, with the bundle and the key that were baked in."""
    assert_scores_as_here(worker_image, demo_model)


def assert_scores_as_here(image: Image, demo_model: DemoModel) -> None:
    """Send it events that are leads and events that are none."""
    amounts = (20, 60, 90, 120, 150, 180, 200)
    data = [customer(customer_id=str(n), highest_spend=n, level=3, monthly_average_spend=5) for n in amounts]
    events = [json.dumps(cloud_event(f"evt-{one['customer_id']}", **one)) for one in data]
    environ = {"LEADLINE_QUEUE": "sqlite:////tmp/events.db", "LEADLINE_TOPIC": "file:////tmp/leads.jsonl"}
    environ |= {"LEADLINE_HTTP_PORT": "0", "LEADLINE_WAIT_TIME_S": "0"}

    outcomes, leads = json.loads(image.python(_WORK, "\n".join(events), environ).splitlines()[-1])

    model = load(demo_model.bundle, demo_model.public_key)
    columns = {name: [float(one[name]) for one in data] for name in model.feature_names}
    scores = score(model.model, matrix_from_columns(columns, model.feature_names))
    likely = {one["customer_id"]: s for one, s in zip(data, scores, strict=True) if s >= model.manifest.threshold}
    found = {one["data"]["customer_id"]: one["data"]["score"] for one in map(json.loads, leads.splitlines())}
    assert {"applied": len(amounts)} == outcomes
    assert likely == pytest.approx(found, abs=1e-12)
    assert likely


@needs_builder
def test_the_worker_starts_by_its_entrypoint_and_says_what_it_lacks(worker_image: Image) -> None:
    ran = worker_image.run(worker_image.entrypoint)

    assert (78, True) == (ran.returncode, "LEADLINE_QUEUE is not set" in ran.stderr), ran.stderr


@needs_builder
def test_the_trainer_trains(built: Built) -> None:
    trainer = Image(built.images["trainer"])
    try:
        made = trainer.run([*trainer.entrypoint, "train", "--candidates", "decision_tree", "--out", "/tmp/new"])  # noqa: S108
    finally:
        trainer.remove()

    assert 0 == made.returncode, made.stderr


def _layers(reference: str) -> list[str]:
    image = json.loads(_said("buildah", "inspect", "--type", "image", reference))["OCIv1"]
    digests: list[str] = image["rootfs"]["diff_ids"]
    return digests


def _said(*command: str | Path) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == ran.returncode, ran.stderr[-2000:]
    return ran.stdout.strip()
