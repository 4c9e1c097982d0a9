"""The road of a model: pushed, checked in the build, made into a release, kept, and brought back by hand."""

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto import mock_aws
from moto.kms.utils import ECDSAPrivateKey

import leadline.release.deploy
import ports.aws.client
from leadline.__main__ import main
from propensity.bundle import MAX_FILE_BYTES, dump, read_manifest
from propensity.signing import is_signed, sign
from schemas.manifest import Manifest
from schemas.release import Release
from tests.bundles import Keys, likely_above, make_bundle, new_keys, replace_model, rewrite_manifest
from tests.helpers import BEFORE

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

REGION: Final = "eu-west-1"
BUCKET: Final = "leadline-models"
URL: Final = f"s3://{BUCKET}/"
COMMIT: Final = "0123456789abcdef0123456789abcdef01234567"
WORKER: Final = f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/leadline/worker@sha256:{'a' * 64}"
CONSOLE: Final = f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/leadline/console@sha256:{'b' * 64}"


class Ran(NamedTuple):
    """What a command has said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> Any:  # noqa: ANN401  JSON
        """The object on the last line."""
        return json.loads(self.out.splitlines()[-1])


class Command:
    """The command `leadline`, in this process, where AWS answers as well."""

    def __init__(self, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capsys = patch, capsys

    def __call__(self, *arguments: str | Path) -> Ran:
        self._patch.setattr(sys, "argv", ["leadline", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = self._capsys.readouterr()
        return Ran(int(left.value.code or 0), out, err)

    def holds(self, *arguments: str | Path) -> Any:  # noqa: ANN401  JSON
        """Run it, which must succeed. Return what it says to programs."""
        ran = self(*arguments, "--json")
        assert 0 == ran.code, ran
        return ran.said

    def refuses(self, *arguments: str | Path) -> str:
        """Run it; a check must not hold. Return why."""
        ran = self(*arguments)
        assert 3 == ran.code, ran
        return ran.err


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Give the command, in a folder and with settings of its own."""
    for name in [name for name in os.environ if name.startswith(("LEADLINE_", "AWS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return Command(monkeypatch, capsys)


@pytest.fixture
def bucket(run: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator["S3Client"]:  # noqa: ARG001  its settings come first
    """Make the bucket of models, which keeps versions."""
    for name, value in (("AWS_REGION", REGION), ("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LEADLINE_MODELS", URL)
    with mock_aws():
        s3: S3Client = boto3.client("s3", region_name=REGION)
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield s3


def held(s3: "S3Client") -> list[str]:
    """Return the keys in the bucket."""
    return [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def content(s3: "S3Client", key: str) -> bytes:
    body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    assert isinstance(body, bytes)
    return body


@pytest.fixture(scope="session")
def pipeline_keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Make the pipeline's keys."""
    return new_keys(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, pipeline_keys: Keys) -> Path:
    """Make the bundle that is served, countersigned."""
    return make_bundle(tmp_path_factory.mktemp("served") / "bundle", likely_above(120), pipeline_keys)


@pytest.fixture
def newcomer(tmp_path: Path, keys: Keys) -> Path:
    """Make a later bundle, signed by its author."""
    folder = make_bundle(tmp_path / "newcomer", likely_above(100), keys)
    rewrite_manifest(folder, keys, {"version": "2", "created_at": "2026-02-01T00:00:00Z"})
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Make the root of a source."""
    root = tmp_path / "source"
    for name in ("deploy/hooks/verify.sh", "deploy/deployer/main.py", "k8s/base/x.yaml", "deploy/__pycache__/x.pyc",
                 "k8s/.swp", "secret.txt"):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / "deploy/hooks/verify.sh").chmod(0o755)
    (root / "appspec.yml").write_text("version: 0.0\n")
    return root


# --- push ---


def test_a_push_is_one_object_by_one_call_that_holds_what_is_signed_and_nothing_else(
    run: Command, bucket: "S3Client", newcomer: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of it is nothing at all to S3: there are no parts that could be left over."""
    (newcomer / "notes.txt").write_text("mine")
    calls: list[str] = []
    session = boto3.session.Session()
    session.events.register("before-call.s3", lambda model, **_: calls.append(model.name))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)

    said = run.holds("model", "push", newcomer, "--public-key", keys.public)

    assert ["PutObject"] == calls
    assert ["incoming/bundle.zip"] == held(bucket)
    assert (f"{URL}incoming/bundle.zip", "2", True) == (said["to"], said["version"], said["pushed"])
    with zipfile.ZipFile(io.BytesIO(content(bucket, "incoming/bundle.zip"))) as archive:
        assert ["card.md", "manifest.json", "manifest.sig", "model.pkl"] == archive.namelist()
        assert (newcomer / "model.pkl").read_bytes() == archive.read("model.pkl")


def test_the_same_bundle_gives_the_same_object_and_says_which_version_it_became(
    run: Command, bucket: "S3Client", newcomer: Path, keys: Keys
) -> None:
    first = run.holds("model", "push", newcomer, "--public-key", keys.public)
    once = content(bucket, "incoming/bundle.zip")
    os.utime(newcomer / "card.md", (1, 1))

    ran = run("model", "push", newcomer, "--public-key", keys.public, "--to", URL)

    assert once == content(bucket, "incoming/bundle.zip")
    assert "the pipeline starts with it now" in ran.out
    assert first["version_id"] not in {None, ran.out}


def test_a_dry_run_checks_and_sends_nothing(run: Command, bucket: "S3Client", newcomer: Path, keys: Keys) -> None:
    said = run.holds("model", "push", newcomer, "--public-key", keys.public, "--dry-run")

    assert (False, None) == (said["pushed"], said["version_id"])
    assert [] == held(bucket)


def spoil(folder: Path, keys: Keys, how: str) -> None:
    """Make a bundle one that must not be pushed."""
    if how == "unsigned":
        (folder / "manifest.sig").unlink()
    elif how == "altered":
        (folder / "card.md").write_text("better")
    elif how == "hostile":
        replace_model(folder, keys, b"cos\nsystem\n(S'true'\ntR.")
    elif how == "other version":
        with_old_numpy(folder, keys)
    elif how == "long":
        rewrite_manifest(folder, keys, {"version": "2" * 56})


def with_old_numpy(folder: Path, keys: Keys) -> Path:
    libraries = json.loads((folder / "manifest.json").read_text())["libraries"]
    rewrite_manifest(folder, keys, {"libraries": {**libraries, "numpy": "1.0.0"}})
    return folder


SPOILT: Final = {
    "unsigned": "an unsigned bundle wants `leadline model sign`",
    "altered": "card.md is not the file that manifest.json names",
    "hostile": "does not pass inspection, and nothing of it ran",
    "other version": "made with numpy 1.0.0",
    "long": "has 56 characters, and 55 are allowed",
}


@pytest.mark.parametrize(("how", "why"), SPOILT.items())
def test_what_must_not_be_built_is_not_sent(
    run: Command, bucket: "S3Client", newcomer: Path, keys: Keys, how: str, why: str
) -> None:
    spoil(newcomer, keys, how)

    assert why in run.refuses("model", "push", newcomer, "--public-key", keys.public)
    assert [] == held(bucket)


def test_a_push_without_a_signature_is_refused_even_where_a_laptop_allows_it(
    run: Command, bucket: "S3Client", newcomer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADLINE_ALLOW_UNSIGNED", "true")

    assert "an unsigned bundle is not pushed" in run.refuses("model", "push", newcomer)
    assert [] == held(bucket)


def test_somebody_elses_signature_is_refused(run: Command, newcomer: Path, pipeline_keys: Keys) -> None:
    why = run.refuses("model", "push", newcomer, "--to", URL, "--public-key", pipeline_keys.public)
    assert "was not made with the key" in why


def as_folder(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").mkdir()


NO_BUNDLE: Final[Mapping[str, tuple[Callable[[Path], object], str]]] = {
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), "manifest.json cannot be read (No such file"),
    "a folder for it": (as_folder, "manifest.json cannot be read (Is a directory)"),
    "an empty one": (lambda folder: (folder / "manifest.json").write_text("{}"), "was not made with the key"),
    "too large": (lambda folder: os.truncate(folder / "model.pkl", MAX_FILE_BYTES + 1), "model.pkl is larger than"),
}


@pytest.mark.parametrize("how", NO_BUNDLE)
def test_what_is_no_bundle_is_not_sent(run: Command, bucket: "S3Client", newcomer: Path, keys: Keys, how: str) -> None:
    change, why = NO_BUNDLE[how]
    change(newcomer)

    assert f"{newcomer}" in (told := run.refuses("model", "push", newcomer, "--public-key", keys.public))
    assert why in told
    assert [] == held(bucket)


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("to", "code", "why"),
    [("s3://gone/", 75, "NoSuchBucket"), ("models", 78, "give s3://BUCKET/"), (f"{URL}part/", 78, "a prefix")],
)
def test_a_bucket_that_is_none_is_named(run: Command, newcomer: Path, keys: Keys, to: str, code: int, why: str) -> None:
    ran = run("model", "push", newcomer, "--to", to, "--public-key", keys.public)

    assert (code, True) == (ran.code, why in ran.err), ran


def test_a_bucket_without_versions_starts_no_pipeline_and_that_is_said(
    run: Command, bucket: "S3Client", newcomer: Path, keys: Keys
) -> None:
    bucket.create_bucket(Bucket="plain", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    ran = run("model", "push", newcomer, "--to", "s3://plain/", "--public-key", keys.public)

    assert (0, True) == (ran.code, "no pipeline will start" in ran.out), ran


def test_without_a_bucket_the_setting_is_named(run: Command, newcomer: Path, keys: Keys) -> None:
    ran = run("model", "push", newcomer, "--public-key", keys.public)
    assert (78, True) == (ran.code, "LEADLINE_MODELS is not set" in ran.err), ran


def test_what_is_sent_are_the_very_bytes_that_were_checked(
    run: Command, bucket: "S3Client", newcomer: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody writes into the folder meanwhile."""
    before = {path.name: path.read_bytes() for path in newcomer.iterdir()}
    write_meanwhile(monkeypatch, newcomer)

    run.holds("model", "push", newcomer, "--public-key", keys.public)

    with zipfile.ZipFile(io.BytesIO(content(bucket, "incoming/bundle.zip"))) as archive:
        assert before == {name: archive.read(name) for name in archive.namelist()}


def write_meanwhile(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Change every file of a bundle as soon as it has been checked."""

    def checked(*given: Any, **named: Any) -> Manifest:  # noqa: ANN401  handed on
        manifest = read_manifest(*given, **named)
        for path in folder.iterdir():
            path.write_bytes(b"other")
        return manifest

    patch.setattr("leadline.release.held.read_manifest", checked)


# --- check ---


def pushed(run: Command, s3: "S3Client", bundle: Path, keys: Keys, to: Path) -> Path:
    """Push a bundle, and return the archive that the build gets."""
    run.holds("model", "push", bundle, "--public-key", keys.public)
    to.write_bytes(content(s3, "incoming/bundle.zip"))
    return to


def unpacked(archive: Path, to: Path) -> Path:
    """Unpack an archive, as CodePipeline does for CodeBuild."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(to)
    return to


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_a_later_model_of_the_same_product_is_taken_as_it_was_pushed(
    run: Command, bucket: "S3Client", newcomer: Path, served: Path, keys: Keys, tmp_path: Path, form: str
) -> None:
    archive = pushed(run, bucket, newcomer, keys, tmp_path / "b.zip")
    place = archive if form == "zip" else unpacked(archive, tmp_path / "unpacked")

    said = run.holds("release", "check", place, "--public-key", keys.public, "--champion", served, "--out", "out")

    assert ("tiny", "2", False) == (said["name"], said["version"], said["same"])
    for path in newcomer.iterdir():
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes()


def test_a_first_model_follows_nobody(run: Command, newcomer: Path, keys: Keys) -> None:
    said = run.holds("release", "check", newcomer, "--public-key", keys.public, "--first", "--out", "out")

    assert ("2", False) == (said["version"], said["same"])
    assert hashlib.sha256(Path("out/manifest.json").read_bytes()).hexdigest() == said["manifest_sha256"]


def test_half_an_upload_is_refused_wherever_it_ends_and_nothing_is_written(
    run: Command, bucket: "S3Client", newcomer: Path, keys: Keys, tmp_path: Path
) -> None:
    archive = pushed(run, bucket, newcomer, keys, tmp_path / "b.zip")
    whole = archive.read_bytes()

    for length in [*range(0, len(whole), 997), len(whole) - 1]:
        archive.write_bytes(whole[:length])
        why = run.refuses("release", "check", archive, "--public-key", keys.public, "--first", "--out", "out")
        assert "is damaged, or only a part of an archive" in why
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("how", "why"), SPOILT.items())
def test_what_came_past_a_push_is_found_in_the_build(
    run: Command, newcomer: Path, keys: Keys, tmp_path: Path, how: str, why: str
) -> None:
    """Somebody may put an object into the bucket by other means."""
    spoil(newcomer, keys, how)

    assert why in run.refuses("release", "check", newcomer, "--public-key", keys.public, "--first", "--out", "out")
    assert not (tmp_path / "out").exists()


def served_pickle(folder: Path, keys: Keys, changes: Mapping[str, Any]) -> None:
    """Put the model that is served into a bundle, which says what it says but for some changes."""
    replace_model(folder, keys, dump(likely_above(120)))
    rewrite_manifest(folder, keys, {"version": "1", "created_at": BEFORE, **changes})


Change = Callable[[Path, Keys], object]
OTHERS: Final[Mapping[str, tuple[Change, str]]] = {
    "another product": (
        lambda folder, keys: rewrite_manifest(folder, keys, {"name": "mortgage"}),
        "this is a bundle of mortgage, and tiny is served here",
    ),
    "older": (
        lambda folder, keys: rewrite_manifest(folder, keys, {"created_at": "2026-01-01T00:00:00Z"}),
        "was made at 2026-01-01T00:00:00.000000Z, not after 1",
    ),
    "as old": (
        lambda folder, keys: rewrite_manifest(folder, keys, {"created_at": "2026-01-15T11:00:00+01:00"}),
        "not after 1",
    ),
    "one version for two": (
        lambda folder, keys: rewrite_manifest(folder, keys, {"version": "1"}),
        "has the version or the pickle of 1",
    ),
    "another manifest around the served pickle": (
        lambda folder, keys: served_pickle(folder, keys, {"threshold": 0.05}),
        "tiny 1 is another manifest around the served pickle",
    ),
    "the served pickle under another version": (
        lambda folder, keys: served_pickle(folder, keys, {"version": "3", "created_at": "2026-03-01T00:00:00Z"}),
        "tiny 3 has the version or the pickle of 1",
    ),
    "a file too many": (lambda folder, _: (folder / "x.py").write_text("x"), "holds x.py, which its manifest"),
    "a link": (lambda folder, _: (folder / "x").symlink_to("/etc/passwd"), "is no plain file"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_may_not_follow_the_champion_is_refused(
    run: Command, newcomer: Path, served: Path, keys: Keys, tmp_path: Path, case: str
) -> None:
    change, why = OTHERS[case]
    change(newcomer, keys)

    told = run.refuses(
        "release", "check", newcomer, "--public-key", keys.public, "--champion", served, "--allow-same", "--out", "out"
    )

    assert why in told
    assert not (tmp_path / "out").exists()


def test_the_champion_itself_is_refused_unless_it_is_new_code_around_the_same_model(
    run: Command, served: Path, pipeline_keys: Keys
) -> None:
    check = "release", "check", served, "--public-key", pipeline_keys.public, "--champion", served, "--out", "out"

    assert "tiny 1 is what is served already" in run.refuses(*check)
    assert run.holds(*check, "--allow-same")["same"]


def test_a_bundle_signed_by_another_is_refused_in_the_build(run: Command, newcomer: Path, pipeline_keys: Keys) -> None:
    why = run.refuses("release", "check", newcomer, "--public-key", pipeline_keys.public, "--first", "--out", "out")
    assert "was not made with the key" in why


@pytest.mark.parametrize("more", [(), ("--first", "--champion", "x")])
def test_whether_there_is_a_champion_must_be_said(run: Command, newcomer: Path, keys: Keys, more: tuple[str]) -> None:
    ran = run("release", "check", newcomer, "--public-key", keys.public, "--out", "out", *more)
    assert (2, True) == (ran.code, "--first where nothing is served yet" in ran.err)


def test_a_champion_made_with_other_libraries_is_followed_all_the_same(
    run: Command, newcomer: Path, keys: Keys, pipeline_keys: Keys, tmp_path: Path
) -> None:
    """Else the versions of the libraries could never be raised."""
    old = with_old_numpy(make_bundle(tmp_path / "old", likely_above(120), pipeline_keys), pipeline_keys)

    said = run.holds("release", "check", newcomer, "--public-key", keys.public, "--champion", old, "--out", "out")

    assert ("2", False) == (said["version"], said["same"])


def test_what_was_built_before_is_refused_before_anything_is_built_and_another_commit_is_not(
    run: Command, kept: "S3Client", served: Path, pipeline_keys: Keys, tmp_path: Path
) -> None:
    """Also where nobody has approved it: there is one release of a version, and one build of it."""
    check = ["release", "check", served, "--public-key", pipeline_keys.public, "--champion", served, "--allow-same"]
    kept.put_object(Bucket=BUCKET, Key="releases/1-01234567.zip", Body=b"")

    assert "this model was built from this commit before" in run.refuses(*check, "--commit", COMMIT, "--out", "bundle")
    assert not (tmp_path / "bundle").exists()
    assert run.holds(*check, "--commit", f"0123457{COMMIT[7:]}", "--out", "bundle")["same"]


# --- make, verify ---


def make(run: Command, bundle: Path, key: Path, source: Path, out: str | Path, *more: str | Path) -> Any:  # noqa: ANN401  JSON
    """Make a release, which must succeed."""
    return run.holds(*making(bundle, key, source, out), *more)


def making(bundle: Path, key: Path, source: Path, out: str | Path) -> list[str | Path]:
    images = ["--image", f"worker={WORKER}", "--image", f"console={CONSOLE}"]
    return [
        "release", "make", "--bundle", bundle, *images, "--commit", COMMIT, "--from", source, "--key", key,
        "--gate", verdict(bundle, bundle), "--out", out,
    ]  # fmt: skip


def verdict(new: Path, champion: Path, **changes: object) -> Path:
    """Write what the gate says of a model that passes."""
    said = {
        role: read_manifest(bundle, None, same_libraries=False).id.model_dump() | {"candidate": "tree"}
        for role, bundle in (("new", new), ("champion", champion))
    }
    file = Path("gate.json").absolute()
    file.write_text(json.dumps({"passed": True, "failed": [], **said, **changes}))
    return file


def test_a_release_names_every_file_that_it_deploys_and_bears_one_signature(
    run: Command, served: Path, pipeline_keys: Keys, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "worker.cdx.json").write_text("{}")
    more = "--sbom", "worker.cdx.json", "--champion", served

    said = make(run, served, pipeline_keys.private, source, "out", *more)

    out = tmp_path / "out"
    text = (out / "release.json").read_bytes()
    assert is_signed(text, (out / "release.sig").read_bytes(), pipeline_keys.public)
    release = Release.model_validate_json(text)
    found = {path.relative_to(out).as_posix(): path for path in out.rglob("*") if path.is_file()}
    assert {name: hashlib.sha256(found[name].read_bytes()).hexdigest() for name in release.files} == release.files
    assert set(found) - set(release.files) == {"release.json", "release.sig"}
    assert set(release.files) == {
        "appspec.yml", "deploy/hooks/verify.sh", "deploy/deployer/main.py", "k8s/base/x.yaml", "gate.json",
        "sbom/worker.cdx.json",
    }  # fmt: skip
    assert os.access(out / "deploy/hooks/verify.sh", os.X_OK)
    assert not os.access(out / "appspec.yml", os.X_OK)
    assert ("1-0123456", COMMIT, WORKER) == (release.version, release.source_commit, release.images.worker)
    assert release.champion == release.model.id
    assert hashlib.sha256((served / "manifest.json").read_bytes()).hexdigest() == release.model.manifest_sha256
    assert {*json.loads(text), "out"} == set(said)
    assert {
        "schema_version", "version", "created_at", "source_commit", "images", "model", "champion", "files",
    } == set(json.loads(text))  # fmt: skip


FAILED: Final[Mapping[str, tuple[Callable[[Path, Path], object], str]]] = {
    "it failed": (lambda new, old: verdict(new, old, passed=False), "the gate has not let tiny 1 pass"),
    "it says yes in other words": (lambda new, old: verdict(new, old, passed=1), "the gate has not let tiny 1 pass"),
    "of another model": (lambda _, old: verdict(old, old), "the gate's model was tiny 2"),
    "against another champion": (lambda new, _: verdict(new, new), "the gate's champion was tiny 1"),
    "nothing": (lambda *_: Path("gate.json").write_text("{}"), "is not what `leadline model gate --json` prints"),
    "no JSON": (lambda *_: Path("gate.json").write_text("pass"), "is not what `leadline model gate --json` prints"),
    "a list": (lambda *_: Path("gate.json").write_text("[1]"), "is not what `leadline model gate --json` prints"),
}


@pytest.mark.parametrize("how", FAILED)
def test_no_release_is_made_of_a_model_that_the_gate_has_not_let_pass(
    run: Command, served: Path, newcomer: Path, pipeline_keys: Keys, source: Path, how: str
) -> None:
    """The verdict is on this very model against this very champion."""
    arguments = making(served, pipeline_keys.private, source, "out")
    change, why = FAILED[how]
    change(served, newcomer)

    assert why in run.refuses(*arguments, "--champion", newcomer)
    assert not Path("out").exists()


def test_a_first_release_is_one_that_was_judged_against_itself(
    run: Command, served: Path, newcomer: Path, pipeline_keys: Keys, source: Path
) -> None:
    arguments = making(served, pipeline_keys.private, source, "out")
    verdict(served, newcomer)

    assert "the gate's champion was tiny 2" in run.refuses(*arguments)
    assert 2 == run(*[one for one in arguments if one not in {"--gate", Path("gate.json").absolute()}]).code


def git(source: Path, *words: str) -> str:
    who = {"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@example.com"}
    who |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in who.items()}
    env = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    command = ["git", "-C", str(source), *words]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def checkout(source: Path) -> tuple[Path, str]:
    """Make the source a checkout, and return its commit."""
    (source / ".gitignore").write_text("*.pyc\n*.local\n")
    git(source, "init", "--quiet")
    git(source, "add", "--all")
    git(source, "commit", "--quiet", "--message", "all")
    return source, git(source, "rev-parse", "HEAD")


def made_of(checkout: tuple[Path, str], bundle: Path, keys: Keys) -> list[str | Path]:
    source, commit = checkout
    arguments = making(bundle, keys.private, source, "out")
    return [commit if one == COMMIT else one for one in arguments]


def test_of_a_checkout_exactly_the_commits_files_are_taken(
    run: Command, served: Path, pipeline_keys: Keys, checkout: tuple[Path, str]
) -> None:
    """What git ignores lies there, and is not deployed."""
    (checkout[0] / "k8s/base/secret.local").write_text("mine")
    (checkout[0] / "notes.txt").write_text("outside of what is deployed")

    said = run.holds(*made_of(checkout, served, pipeline_keys))

    assert {"appspec.yml", "deploy/hooks/verify.sh", "deploy/deployer/main.py", "k8s/base/x.yaml", "gate.json"} == set(
        said["files"]
    )
    assert os.access("out/deploy/hooks/verify.sh", os.X_OK)


LOCAL: Final[Mapping[str, Callable[[Path], object]]] = {
    "k8s/base/x.yaml": lambda root: (root / "k8s/base/x.yaml").write_text("other"),
    "deploy/hooks/verify.sh": lambda root: (root / "deploy/hooks/verify.sh").unlink(),
    "appspec.yml": lambda root: (root / "appspec.yml").chmod(0o755),
    "k8s/base/new.yaml": lambda root: (root / "k8s/base/new.yaml").write_text("new"),
    "deploy/new.sh": lambda root: ((root / "deploy/new.sh").write_text("x"), git(root, "add", "deploy/new.sh")),
}


@pytest.mark.parametrize("name", LOCAL)
def test_what_is_not_as_the_commit_has_it_makes_no_release(
    run: Command, served: Path, pipeline_keys: Keys, checkout: tuple[Path, str], name: str
) -> None:
    """Changed, removed, of another mode, not added, or not committed."""
    LOCAL[name](checkout[0])

    assert f"{name} is not as commit" in run.refuses(*made_of(checkout, served, pipeline_keys))
    assert not Path("out").exists()


def test_a_checkout_of_another_commit_or_of_none_makes_no_release(
    run: Command, served: Path, pipeline_keys: Keys, checkout: tuple[Path, str]
) -> None:
    source, commit = checkout

    assert f"is a checkout of {commit}, and --commit says {COMMIT}" in run.refuses(
        *making(served, pipeline_keys.private, source, "out")
    )
    (source / ".git/HEAD").write_text("ref: refs/heads/gone\n")
    assert "git rev-parse says:" in run.refuses(*made_of(checkout, served, pipeline_keys))


def test_a_checkout_without_git_to_ask_makes_no_release(
    run: Command, served: Path, pipeline_keys: Keys, checkout: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")

    assert "git cannot be asked what is in it" in run.refuses(*made_of(checkout, served, pipeline_keys))


def test_a_release_whose_bundle_workers_would_refuse_is_not_made(
    run: Command, newcomer: Path, pipeline_keys: Keys, source: Path, tmp_path: Path
) -> None:
    """It bears its author's signature, and not the pipeline's."""
    assert "workers would refuse it" in run.refuses(*making(newcomer, pipeline_keys.private, source, "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({WORKER: "leadline/worker:latest"}, "/images/worker"),
        ({WORKER: WORKER.replace("@", ":1.0@")}, "/images/worker"),
        ({COMMIT: "0123456"}, "/source_commit"),
    ],
)
def test_an_image_by_its_tag_and_half_a_commit_are_refused(
    run: Command, served: Path, pipeline_keys: Keys, source: Path, changes: dict[str, str], why: str
) -> None:
    arguments = [str(argument) for argument in making(served, pipeline_keys.private, source, "out")]
    for old, new in changes.items():
        arguments = [argument.replace(old, new) for argument in arguments]

    assert why in run.refuses(*arguments)


def test_a_source_without_its_parts_makes_no_release(
    run: Command, served: Path, pipeline_keys: Keys, source: Path
) -> None:
    (source / "k8s" / "link").symlink_to("/etc/passwd")
    assert "is no plain file" in run.refuses(*making(served, pipeline_keys.private, source, "out"))
    (source / "k8s").rename(source / "k9s")
    assert "k8s is not there as it must be" in run.refuses(*making(served, pipeline_keys.private, source, "out"))


def test_lists_of_parts_with_one_name_and_what_is_not_there_are_refused(
    run: Command, served: Path, pipeline_keys: Keys, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    for sbom in ("x.json", "a/x.json"):
        (tmp_path / sbom).write_text("{}")
    arguments = making(served, pipeline_keys.private, source, "out")

    assert "two --sbom files are named x.json" in run.refuses(*arguments, "--sbom", "x.json", "--sbom", "a/x.json")
    assert "gone.json is no plain file" in run.refuses(*arguments, "--gate", "gone.json")
    assert not (tmp_path / "out").exists()


def test_what_is_signed_and_is_no_release_does_not_verify(run: Command, pipeline_keys: Keys, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/release.json").write_text('{"version": "1-0123456"}')
    (tmp_path / "out/release.sig").write_bytes(sign(b'{"version": "1-0123456"}', pipeline_keys.private))

    assert "out: /created_at: Field required" in run.refuses(
        "release", "verify", "out", "--public-key", pipeline_keys.public
    )


def test_exactly_one_key_signs_and_both_images_are_named(
    run: Command, served: Path, pipeline_keys: Keys, source: Path
) -> None:
    arguments = making(served, pipeline_keys.private, source, "out")

    assert 2 == run(*arguments, "--kms", "alias/x").code
    assert 2 == run(*arguments, "--image", f"worker={WORKER}").code
    console = arguments.index(f"console={CONSOLE}")
    assert 2 == run(*arguments[: console - 1], *arguments[console + 1 :]).code


def rewrite(place: Path, name: str, text: str) -> None:
    (place / name).write_text(text)


TAMPERED: Final[Mapping[str, tuple[Callable[[Path], object], str]]] = {
    "a file": (lambda place: rewrite(place, "k8s/base/x.yaml", "evil"), "k8s/base/x.yaml is not the file"),
    "one more": (lambda place: rewrite(place, "k8s/y.yaml", "evil"), "k8s/y.yaml is in the release or in"),
    "one less": (lambda place: (place / "appspec.yml").unlink(), "appspec.yml is in the release or in"),
    "the release": (lambda place: rewrite(place, "release.json", "{}"), "release.sig was not made with the key"),
    "no signature": (lambda place: (place / "release.sig").unlink(), "holds no release.sig"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_release_that_was_altered_does_not_verify(
    run: Command, served: Path, pipeline_keys: Keys, source: Path, tmp_path: Path, what: str
) -> None:
    make(run, served, pipeline_keys.private, source, "out")
    assert "1-0123456" == run.holds("release", "verify", "out", "--public-key", pipeline_keys.public)["version"]
    change, why = TAMPERED[what]
    change(tmp_path / "out")

    assert why in run.refuses("release", "verify", "out", "--public-key", pipeline_keys.public)


def test_kms_signs_a_release_and_gives_its_public_half(
    run: Command, bucket: "S3Client", served: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moto would hash a digest once more, which AWS does not."""
    prehashed = ec.ECDSA(Prehashed(hashes.SHA256()))
    monkeypatch.setattr(ECDSAPrivateKey, "sign", lambda self, digest, _: self.private_key.sign(digest, prehashed))
    made = boto3.client("kms", region_name=REGION).create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    kms = made["KeyMetadata"]["KeyId"]
    bundle = unsigned_copy(served, tmp_path / "copy")

    run.holds("release", "key", "--kms", kms, "--out", "keys/release-key.pem")
    assert 1 == run("release", "key", "--kms", kms, "--out", "keys").code
    run.holds("model", "sign", bundle, "--kms", kms)
    arguments = [a for a in making(bundle, Path("x"), source, "out") if a not in {"--key", Path("x")}]
    run.holds(*arguments, "--kms", kms)

    run.holds("release", "verify", "out", "--public-key", "keys/release-key.pem")
    assert [] == held(bucket)


def unsigned_copy(bundle: Path, to: Path) -> Path:
    to.mkdir()
    for path in bundle.iterdir():
        if path.name != "manifest.sig":
            (to / path.name).write_bytes(path.read_bytes())
    return to


# --- champion, archive, ls ---


def champion(keys: Keys, out: str = "old") -> list[str | Path]:
    return ["release", "champion", "--public-key", keys.public, "--out", out]


def archiving(place: str, bundle: Path, keys: Keys) -> list[str | Path]:
    return ["release", "archive", place, "--bundle", bundle, "--public-key", keys.public]


def test_before_the_first_release_there_is_no_champion_and_that_is_no_failure(
    run: Command, bucket: "S3Client", pipeline_keys: Keys, tmp_path: Path
) -> None:
    bucket.put_object(Bucket=BUCKET, Key="current/release.json.md", Body=b"x")

    assert {"champion": None, "release": None} == run.holds(*champion(pipeline_keys))
    assert [] == list((tmp_path / "old").iterdir())
    assert ["current/release.json.md"] == held(bucket)


def test_a_record_that_was_deleted_is_not_taken_for_the_first_release(
    run: Command, kept: "S3Client", pipeline_keys: Keys
) -> None:
    """A bad model would be judged against itself, and pass."""
    kept.delete_object(Bucket=BUCKET, Key="current/release.json")

    assert "current/release.json was deleted; put it back" in run.refuses(*champion(pipeline_keys))
    assert not Path("old").exists()
    assert run.holds("release", "ls")["current"] is None


def test_a_refusal_is_not_taken_for_the_first_release(run: Command, bucket: "S3Client", pipeline_keys: Keys) -> None:
    """A pipeline that cannot look must not go on without a champion."""
    bucket.delete_bucket(Bucket=BUCKET)

    ran = run(*champion(pipeline_keys))

    assert (75, True) == (ran.code, "NoSuchBucket" in ran.err), ran


@pytest.fixture
def kept(run: Command, bucket: "S3Client", served: Path, pipeline_keys: Keys, source: Path) -> "S3Client":
    """Keep the release 1-0123456, and let production validate and serve it."""
    make(run, served, pipeline_keys.private, source, "out")
    run.holds(*archiving("out", served, pipeline_keys))
    for key in ("current/release.json", "validated/1-0123456.json"):
        bucket.put_object(Bucket=BUCKET, Key=key, Body=Path("out/release.json").read_bytes())
    return bucket


def test_what_is_kept_comes_back_as_champion(run: Command, kept: "S3Client", served: Path, pipeline_keys: Keys) -> None:
    assert [
        "bundles/1-0123456.zip", "current/release.json", "releases/1-0123456.zip", "validated/1-0123456.json",
    ] == held(kept)  # fmt: skip

    said = run.holds(*champion(pipeline_keys))

    assert ("1-0123456", "1") == (said["release"], said["champion"]["version"])
    assert {path.name: path.read_bytes() for path in served.iterdir()} == {
        path.name: path.read_bytes() for path in Path("old").iterdir()
    }


def put_bundle(s3: "S3Client", folder: Path) -> None:
    """Put a folder in the place of the champion's bundle."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    s3.put_object(Bucket=BUCKET, Key="bundles/1-0123456.zip", Body=packed.getvalue())


NO_CHAMPION: Final[Mapping[str, tuple[Callable[[Path, Keys, Keys], object], str]]] = {
    "another model": (lambda folder, _, own: rewrite_manifest(folder, own, {"version": "2"}), "another model"),
    "another manifest": (
        lambda folder, _, own: rewrite_manifest(folder, own, {"threshold": 0.05}),
        "holds tiny 1, and release 1-0123456 another manifest around the pickle",
    ),
    "its author's signature": (
        lambda folder, author, _: rewrite_manifest(folder, author, {}),
        "bundles/1-0123456.zip: manifest.sig was not made with the key",
    ),
    "no signature": (lambda folder, *_: (folder / "manifest.sig").unlink(), "manifest.sig cannot be read"),
    "another pickle": (lambda folder, *_: (folder / "model.pkl").write_bytes(b"x"), "model.pkl is not the file"),
    "a file too many": (lambda folder, *_: (folder / "x.py").write_text("x"), "holds x.py, which its manifest"),
}


@pytest.mark.parametrize("how", NO_CHAMPION)
def test_a_champion_that_is_not_what_the_release_names_is_refused_and_nothing_of_it_is_written(
    run: Command, kept: "S3Client", keys: Keys, pipeline_keys: Keys, tmp_path: Path, how: str
) -> None:
    change, why = NO_CHAMPION[how]
    folder = make_bundle(tmp_path / "other", likely_above(120), pipeline_keys)
    change(folder, keys, pipeline_keys)
    put_bundle(kept, folder)

    assert why in run.refuses(*champion(pipeline_keys))
    assert not Path("old").exists()


def test_a_champion_that_is_gone_is_refused(run: Command, kept: "S3Client", pipeline_keys: Keys) -> None:
    kept.delete_object(Bucket=BUCKET, Key="bundles/1-0123456.zip")

    assert "is not there" in run.refuses(*champion(pipeline_keys))
    assert not Path("old").exists()


def test_a_champion_is_checked_with_the_pipelines_key_and_no_other(
    run: Command, kept: "S3Client", pipeline_keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LEADLINE_PUBLIC_KEY is the author's where somebody pushes."""
    del kept
    monkeypatch.setenv("LEADLINE_PUBLIC_KEY", str(pipeline_keys.public))

    assert 2 == run("release", "champion", "--out", "old").code


def test_a_champion_made_with_other_libraries_comes_back(
    run: Command, bucket: "S3Client", pipeline_keys: Keys, source: Path, tmp_path: Path
) -> None:
    """The libraries of its build, which are not those of the next one."""
    old = make_bundle(tmp_path / "older", likely_above(120), pipeline_keys)
    make(run, old, pipeline_keys.private, source, "out")
    with_old_numpy(old, pipeline_keys)
    says = json.loads(Path("out/release.json").read_text())
    says["model"]["manifest_sha256"] = hashlib.sha256((old / "manifest.json").read_bytes()).hexdigest()
    bucket.put_object(Bucket=BUCKET, Key="current/release.json", Body=json.dumps(says).encode())
    put_bundle(bucket, old)

    assert "1" == run.holds(*champion(pipeline_keys))["champion"]["version"]


def test_keeping_the_same_again_is_fine(run: Command, kept: "S3Client", served: Path, pipeline_keys: Keys) -> None:
    before = content(kept, "releases/1-0123456.zip")

    assert not run.holds(*archiving("out", served, pipeline_keys))["new"]

    assert before == content(kept, "releases/1-0123456.zip")
    with zipfile.ZipFile(io.BytesIO(before)) as archive:
        assert archive.getinfo("deploy/hooks/verify.sh").external_attr >> 16 & 0o111


def test_a_bundle_without_its_release_is_what_a_build_that_failed_has_left_and_is_replaced(
    run: Command, bucket: "S3Client", served: Path, pipeline_keys: Keys, source: Path
) -> None:
    bucket.put_object(Bucket=BUCKET, Key="bundles/1-0123456.zip", Body=b"half")
    make(run, served, pipeline_keys.private, source, "out")

    assert run.holds(*archiving("out", served, pipeline_keys))["new"]
    with zipfile.ZipFile(io.BytesIO(content(bucket, "bundles/1-0123456.zip"))) as archive:
        assert (served / "manifest.sig").read_bytes() == archive.read("manifest.sig")


def test_another_build_of_the_same_version_is_refused_and_the_first_one_stays(
    run: Command, kept: "S3Client", served: Path, pipeline_keys: Keys, source: Path
) -> None:
    """It signs with other bytes, so that its images are other ones: what was approved is not what it has made."""
    before = {key: content(kept, key) for key in held(kept)}
    make(run, served, pipeline_keys.private, source, "again")

    assert "a version is built once" in run.refuses(*archiving("again", served, pipeline_keys))
    assert before == {key: content(kept, key) for key in held(kept)}


def test_what_is_kept_are_the_very_bytes_that_were_checked(
    run: Command, bucket: "S3Client", pipeline_keys: Keys, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make_bundle(tmp_path / "bundle", likely_above(120), pipeline_keys)
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    make(run, bundle, pipeline_keys.private, source, "out")
    write_meanwhile(monkeypatch, bundle)

    run.holds(*archiving("out", bundle, pipeline_keys))

    with zipfile.ZipFile(io.BytesIO(content(bucket, "bundles/1-0123456.zip"))) as archive:
        assert before == {name: archive.read(name) for name in archive.namelist()}


def test_of_two_builds_at_once_the_second_is_refused(
    run: Command, bucket: "S3Client", served: Path, pipeline_keys: Keys, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have seen that nothing is kept; the bucket takes one of them."""
    for out in ("first", "second"):
        make(run, served, pipeline_keys.private, source, out)
    monkeypatch.setattr("leadline.release.bucket.is_kept", lambda *_: False)
    run.holds(*archiving("first", served, pipeline_keys))
    before = content(bucket, "releases/1-0123456.zip")

    run.holds(*archiving("first", served, pipeline_keys))
    assert "a version is built once" in run.refuses(*archiving("second", served, pipeline_keys))
    assert before == content(bucket, "releases/1-0123456.zip")


def test_a_release_is_kept_with_its_own_signed_bundle_only_and_a_dry_run_keeps_nothing(
    run: Command, bucket: "S3Client", served: Path, keys: Keys, pipeline_keys: Keys, source: Path, tmp_path: Path
) -> None:
    make(run, served, pipeline_keys.private, source, "out")
    other = make_bundle(tmp_path / "other", likely_above(100), pipeline_keys)
    assert "another model" in run.refuses(*archiving("out", other, pipeline_keys))
    manifest = make_bundle(tmp_path / "manifest", likely_above(120), pipeline_keys)
    rewrite_manifest(manifest, pipeline_keys, {"threshold": 0.05})
    assert "another manifest around the pickle" in run.refuses(*archiving("out", manifest, pipeline_keys))
    signed = make_bundle(tmp_path / "signed", likely_above(120), keys)
    assert "was not made with the key" in run.refuses(*archiving("out", signed, pipeline_keys))
    assert "was not made with the key" in run.refuses(*archiving("out", served, keys))

    assert not run.holds(*archiving("out", served, pipeline_keys), "--dry-run")["kept"]
    assert [] == held(bucket)


def test_the_list_shows_what_is_kept_what_was_validated_and_what_is_served(run: Command, kept: "S3Client") -> None:
    body = content(kept, "releases/1-0123456.zip")
    for version in ("2-0123456", "3-0123456"):
        kept.put_object(Bucket=BUCKET, Key=f"releases/{version}.zip", Body=body)
    kept.put_object(Bucket=BUCKET, Key="validated/2-0123456.json", Body=b"{}")

    said = run.holds("release", "ls")
    ran = run("release", "ls")

    assert "1-0123456" == said["current"]
    assert {("1-0123456", "1", True), ("2-0123456", "2", True), ("3-0123456", "3", False)} == {
        (one["version"], one["model"], one["validated"]) for one in said["releases"]
    }
    states = {line.split()[0]: line.partition("Z  ")[2].strip() for line in ran.out.splitlines() if "Z  " in line}
    assert {"1-0123456": "validated, served", "2-0123456": "validated", "3-0123456": "not validated"} == states


# --- pin ---


class Deployer:
    """CodeDeploy as it answers: each look at a deployment finds the next of the states that were given."""

    def __init__(self, *states: Any) -> None:  # noqa: ANN401  what is answered, or raised
        self.states = list(states)
        self.asked: list[dict[str, Any]] = []

    def answer(self, model: Any, params: Any, **_: object) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401  botocore's
        """Answer a call before it leaves the process."""
        said = self._reply(model.name, params)
        return Answered(json.dumps(said).encode()), said

    def _reply(self, call: str, params: Any) -> dict[str, Any]:  # noqa: ANN401  as above
        if call == "CreateDeployment":
            self.asked.append(json.loads(params["body"]))
            return {"deploymentId": "d-1"}
        if call == "GetDeployment":
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            if isinstance(state, BaseException):
                raise state
            return {"deploymentInfo": {"deploymentId": "d-1", **state}}
        if call == "ListDeploymentTargets":
            return {"targetIds": ["i-1"]}
        hook: dict[str, Any] = {"lifecycleEventName": "AfterInstall", "status": "Failed"}
        hook["diagnostics"] = {"logTail": "canary FAILED: inbox: expected the lead\n"}
        return {"deploymentTargets": [{"instanceTarget": {"lifecycleEvents": [hook]}}]}


class Answered(NamedTuple):
    """An answer over HTTP, as far as it is looked at."""

    content: bytes
    status_code: int = 200


@pytest.fixture
def deployer(kept: "S3Client", monkeypatch: pytest.MonkeyPatch) -> Deployer:  # noqa: ARG001  its bucket comes first
    """Let CodeDeploy answer, and time pass at once."""
    deployer = Deployer({"status": "Created"}, {"status": "InProgress"}, {"status": "Succeeded"})
    session = boto3.session.Session()
    session.events.register("before-call.codedeploy", deployer.answer)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    monkeypatch.setattr(leadline.release.deploy, "POLL_S", 0)
    monkeypatch.setattr(ports.aws.client, "LONGEST_PAUSE_S", 0)
    monkeypatch.setattr(ports.aws.client, "FIRST_PAUSE_S", 0)
    return deployer


@pytest.mark.parametrize("version", ["1-0123456", "1"])
def test_a_kept_release_is_deployed_as_it_was_kept_and_its_end_awaited(
    run: Command, kept: "S3Client", deployer: Deployer, pipeline_keys: Keys, version: str
) -> None:
    """By its own version, or by its model's."""
    said = run.holds("model", "pin", version, "--reason", "2 is bad", "--public-key", pipeline_keys.public)

    [asked] = deployer.asked
    etag = kept.head_object(Bucket=BUCKET, Key="releases/1-0123456.zip")["ETag"].strip('"')
    place = {"bucket": BUCKET, "key": "releases/1-0123456.zip", "bundleType": "zip", "eTag": etag}
    assert {"revisionType": "S3", "s3Location": place} == asked["revision"]
    assert ("leadline", "leadline-prod") == (asked["applicationName"], asked["deploymentGroupName"])
    assert asked["description"].startswith("1-0123456 pinned by ")
    assert asked["description"].endswith(": 2 is bad")
    assert ("Succeeded", "d-1", "1-0123456") == (said["status"], said["deployment"], said["before"])


def test_only_the_digests_are_checked_without_a_key_and_that_is_said(
    run: Command, deployer: Deployer, keys: Keys, pipeline_keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LEADLINE_PUBLIC_KEY is the author's where somebody pushes; it is not asked."""
    del deployer
    monkeypatch.setenv("LEADLINE_PUBLIC_KEY", str(keys.public))

    assert "no --public-key: its signature is not" in run("model", "pin", "1", "--dry-run").out
    assert "signature and digests checked" in run(
        "model", "pin", "1", "--dry-run", "--public-key", pipeline_keys.public
    ).out  # fmt: skip


def test_a_release_that_was_never_validated_is_not_deployed(run: Command, kept: "S3Client", deployer: Deployer) -> None:
    """It was kept before anybody has approved it."""
    kept.delete_object(Bucket=BUCKET, Key="validated/1-0123456.json")

    for version in ("1-0123456", "1"):
        assert "was never validated in production" in run.refuses("model", "pin", version)
    assert [] == deployer.asked


def test_what_is_kept_must_be_what_was_validated(
    run: Command, kept: "S3Client", deployer: Deployer, served: Path, pipeline_keys: Keys, source: Path
) -> None:
    """Also where the pipeline has signed it: it may have been refused since."""
    make(run, served, pipeline_keys.private, source, "again")
    with zipfile.ZipFile("again.zip", "w") as archive:
        for path in Path("again").rglob("*"):
            archive.write(path, path.relative_to("again"))
    kept.put_object(Bucket=BUCKET, Key="releases/1-0123456.zip", Body=Path("again.zip").read_bytes())

    why = run.refuses("model", "pin", "1", "--public-key", pipeline_keys.public)

    assert "is not the release that production validated as 1-0123456" in why
    assert [] == deployer.asked


def test_a_deployment_that_failed_or_was_stopped_is_exit_1_with_what_its_hook_said(
    run: Command, deployer: Deployer
) -> None:
    error = {"code": "HEALTH_CONSTRAINTS", "message": "it failed"}
    deployer.states = [{"status": "Failed", "errorInformation": error, "rollbackInfo": {"rollbackDeploymentId": "d-2"}}]

    ran = run("model", "pin", "1")

    assert 1 == ran.code
    for part in ("Failed (HEALTH_CONSTRAINTS: it failed)", "AfterInstall failed:", "canary FAILED", "deployment d-2"):
        assert part in ran.out
    deployer.states = [{"status": "Stopped"}]
    assert 1 == run("model", "pin", "1").code


def test_a_version_that_is_not_kept_is_refused_with_those_near_it(run: Command, deployer: Deployer) -> None:
    why = run.refuses("model", "pin", "1-0123465")
    assert "near it are 1-0123456" in why
    assert "the newest are 1-0123456" in run.refuses("model", "pin", "zzz")
    assert [] == deployer.asked


def test_a_release_that_was_altered_or_renamed_in_the_bucket_is_not_deployed(
    run: Command, kept: "S3Client", deployer: Deployer, keys: Keys
) -> None:
    assert "was not made with the key" in run.refuses("model", "pin", "1", "--public-key", keys.public)
    for version in ("3-0123456", "4-0123456"):
        kept.put_object(Bucket=BUCKET, Key=f"validated/{version}.json", Body=content(kept, "current/release.json"))
    kept.put_object(Bucket=BUCKET, Key="releases/3-0123456.zip", Body=content(kept, "releases/1-0123456.zip"))
    assert "under another name" in run.refuses("model", "pin", "3")
    kept.put_object(Bucket=BUCKET, Key="releases/4-0123456.zip", Body=content(kept, "releases/1-0123456.zip")[:-9])
    assert "damaged" in run.refuses("model", "pin", "4")
    assert [] == deployer.asked


def test_a_dry_run_deploys_nothing_and_no_wait_does_not_wait(run: Command, deployer: Deployer) -> None:
    assert run.holds("model", "pin", "1", "--dry-run")["deployment"] is None
    assert [] == deployer.asked

    assert ("d-1", "Created") == tuple(
        run.holds("model", "pin", "1", "--no-wait")[key] for key in ("deployment", "status")
    )
    assert 3 == len(deployer.states)


def test_who_no_longer_waits_is_told_that_it_goes_on(run: Command, deployer: Deployer) -> None:
    deployer.states = [KeyboardInterrupt()]
    stopped = run("model", "pin", "1")
    assert (130, True) == (stopped.code, "deployment d-1 goes on" in stopped.out)

    deployer.states = [{"status": "InProgress"}]
    late = run("model", "pin", "1", "--timeout-s", "1", "--json")
    assert (75, "InProgress") == (late.code, late.said["status"])


def test_a_look_without_an_answer_is_made_again_and_a_deployment_goes_on_without_its_watcher(
    run: Command, deployer: Deployer
) -> None:
    gone = EndpointConnectionError(endpoint_url="https://codedeploy")
    deployer.states = [*[gone] * 3, {"status": "InProgress"}, *[gone] * 6, {"status": "Succeeded"}]
    assert 0 == run("model", "pin", "1").code

    deployer.states = [gone]
    ran = run("model", "pin", "1")
    assert (75, True) == (ran.code, "deployment d-1 goes on, and cannot be followed" in ran.out), ran


@pytest.mark.usefixtures("kept")
def test_an_application_that_is_not_there_is_a_wrong_configuration(run: Command) -> None:
    """As moto's CodeDeploy says it."""
    ran = run("model", "pin", "1")

    assert (78, True) == (ran.code, "check --application" in ran.err), ran
