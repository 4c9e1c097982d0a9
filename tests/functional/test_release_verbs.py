"""The road of a model: pushed, checked in the build, made into a release, kept, and brought back by hand."""

import hashlib
import io
import json
import os
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
from propensity.signing import is_signed, sign
from schemas.release import Release
from tests.bundles import Keys, likely_above, make_bundle, new_keys, replace_model, rewrite_manifest

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
        libraries = json.loads((folder / "manifest.json").read_text())["libraries"]
        rewrite_manifest(folder, keys, {"libraries": {**libraries, "numpy": "1.0.0"}})


SPOILT: Final = {
    "unsigned": "an unsigned bundle wants `leadline model sign`",
    "altered": "card.md is not the file that manifest.json names",
    "hostile": "does not pass inspection, and nothing of it ran",
    "other version": "made with numpy 1.0.0",
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


# --- make, verify ---


def make(run: Command, bundle: Path, key: Path, source: Path, out: str | Path, *more: str | Path) -> Any:  # noqa: ANN401  JSON
    """Make a release, which must succeed."""
    return run.holds(*making(bundle, key, source, out), *more)


def making(bundle: Path, key: Path, source: Path, out: str | Path) -> list[str | Path]:
    images = ["--image", f"worker={WORKER}", "--image", f"console={CONSOLE}"]
    return [
        "release", "make", "--bundle", bundle, *images, "--commit", COMMIT, "--from", source, "--key", key,
        "--out", out,
    ]  # fmt: skip


def test_a_release_names_every_file_that_it_deploys_and_bears_one_signature(
    run: Command, served: Path, pipeline_keys: Keys, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "gate.json").write_text("{}")
    (tmp_path / "worker.cdx.json").write_text("{}")
    more = "--gate", "gate.json", "--sbom", "worker.cdx.json", "--champion", served

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
    assert release.champion == release.model
    assert {*json.loads(text), "out"} == set(said)
    assert {
        "schema_version", "version", "created_at", "source_commit", "images", "model", "champion", "files",
    } == set(json.loads(text))  # fmt: skip


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
    assert "is no folder" in run.refuses(*making(served, pipeline_keys.private, source, "out"))


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


def test_before_the_first_release_there_is_no_champion_and_that_is_no_failure(
    run: Command, bucket: "S3Client", tmp_path: Path
) -> None:
    assert {"champion": None, "release": None} == run.holds("release", "champion", "--out", "old")
    assert [] == list((tmp_path / "old").iterdir())
    assert [] == held(bucket)


def test_a_refusal_is_not_taken_for_the_first_release(run: Command, bucket: "S3Client") -> None:
    """A pipeline that cannot look must not go on without a champion."""
    bucket.delete_bucket(Bucket=BUCKET)

    ran = run("release", "champion", "--out", "old")

    assert (75, True) == (ran.code, "NoSuchBucket" in ran.err), ran


@pytest.fixture
def kept(run: Command, bucket: "S3Client", served: Path, pipeline_keys: Keys, source: Path) -> "S3Client":
    """Keep the release 1-0123456, and let production serve it."""
    make(run, served, pipeline_keys.private, source, "out")
    run.holds("release", "archive", "out", "--bundle", served)
    bucket.put_object(Bucket=BUCKET, Key="current/release.json", Body=Path("out/release.json").read_bytes())
    return bucket


def test_what_is_kept_comes_back_as_champion(run: Command, kept: "S3Client", served: Path, pipeline_keys: Keys) -> None:
    assert ["bundles/1-0123456.zip", "current/release.json", "releases/1-0123456.zip"] == held(kept)

    said = run.holds("release", "champion", "--out", "old", "--public-key", pipeline_keys.public)

    assert ("1-0123456", "1") == (said["release"], said["champion"]["version"])
    assert {path.name: path.read_bytes() for path in served.iterdir()} == {
        path.name: path.read_bytes() for path in Path("old").iterdir()
    }


def test_a_champion_that_is_not_what_the_release_names_is_refused(
    run: Command, kept: "S3Client", newcomer: Path, keys: Keys
) -> None:
    other = pushed(run, kept, newcomer, keys, Path("b.zip")).read_bytes()
    kept.put_object(Bucket=BUCKET, Key="bundles/1-0123456.zip", Body=other)

    assert "another model" in run.refuses("release", "champion", "--out", "old")
    kept.delete_object(Bucket=BUCKET, Key="bundles/1-0123456.zip")
    assert "is not there" in run.refuses("release", "champion", "--out", "older")


def test_keeping_the_same_again_is_fine_also_by_a_build_that_was_run_again(
    run: Command, kept: "S3Client", served: Path, pipeline_keys: Keys, source: Path, tmp_path: Path
) -> None:
    """It signs with other bytes, and its gate measures other times; nothing that is kept is touched."""
    before = content(kept, "releases/1-0123456.zip")
    assert not run.holds("release", "archive", "out", "--bundle", served)["new"]
    (tmp_path / "gate.json").write_text('{"seconds": 2}')
    make(run, served, pipeline_keys.private, source, "again", "--gate", "gate.json")

    assert not run.holds("release", "archive", "again", "--bundle", served)["new"]

    assert before == content(kept, "releases/1-0123456.zip")
    with zipfile.ZipFile(io.BytesIO(before)) as archive:
        assert archive.getinfo("deploy/hooks/verify.sh").external_attr >> 16 & 0o111


def test_another_release_under_the_same_version_is_refused_and_the_old_one_stays(
    run: Command, kept: "S3Client", served: Path, pipeline_keys: Keys, source: Path
) -> None:
    before = content(kept, "releases/1-0123456.zip")
    (source / "appspec.yml").write_text("version: 0.0\nos: linux\n")
    make(run, served, pipeline_keys.private, source, "again")

    assert "holds something else under this version" in run.refuses("release", "archive", "again", "--bundle", served)
    assert before == content(kept, "releases/1-0123456.zip")


def test_a_release_is_kept_with_its_own_bundle_only_and_a_dry_run_keeps_nothing(
    run: Command, bucket: "S3Client", served: Path, newcomer: Path, pipeline_keys: Keys, source: Path
) -> None:
    make(run, served, pipeline_keys.private, source, "out")

    assert "another model" in run.refuses("release", "archive", "out", "--bundle", newcomer)
    assert not run.holds("release", "archive", "out", "--bundle", served, "--dry-run")["kept"]
    assert [] == held(bucket)


def test_the_list_shows_what_is_kept_and_what_is_served(run: Command, kept: "S3Client") -> None:
    body = content(kept, "releases/1-0123456.zip")
    kept.put_object(Bucket=BUCKET, Key="releases/2-0123456.zip", Body=body)

    said = run.holds("release", "ls")
    ran = run("release", "ls")

    assert "1-0123456" == said["current"]
    assert {("1-0123456", "1"), ("2-0123456", "2")} == {(one["version"], one["model"]) for one in said["releases"]}
    assert {"1-0123456": True, "2-0123456": False} == {
        line.split()[0]: line.rstrip().endswith("Z  served") for line in ran.out.splitlines() if "Z" in line
    }


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
