"""Signed revisions, as `leadline release make` lays them out, and deployments of them onto the stand-in cluster."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from leadline.release.archive import File
from leadline.release.revision import GATE, assemble
from leadline.release.source import SOURCES, source_files
from tests.delivery import stand_in_kubectl
from tests.delivery.stand_in_kubectl import Cluster

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "deploy"))  # as the hooks' PYTHONPATH does

from deployer.__main__ import main  # noqa: E402
from deployer.commands import Clock, Completed, execute  # noqa: E402

STEPS = ("verify", "rehearse", "apply", "validate")
REGISTRY = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/leadline"
BUCKET = "leadline-models-111122223333-eu-west-1"
RECORD = f"{BUCKET}/current/release.json"


def validated(version: str) -> str:
    """Return where the bucket says that a version was validated."""
    return f"{BUCKET}/validated/{version}.json"


class Keys(NamedTuple):
    """The pipeline's pair of keys."""

    private: ec.EllipticCurvePrivateKey
    public: Path

    def sign(self, text: bytes) -> bytes:
        """Sign as KMS does."""
        return self.private.sign(text, ec.ECDSA(hashes.SHA256()))


def new_keys(folder: Path) -> Keys:
    """Make a pair of P-256 keys; the public one as the PEM file that a deployer has."""
    private = ec.generate_private_key(ec.SECP256R1())
    public = folder / "release-key.pem"
    pem = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    public.write_bytes(private.public_key().public_bytes(*pem))
    return Keys(private, public)


def images_of(version: str) -> dict[str, str]:
    """Return the images that a version's release names."""
    digests = {name: hashlib.sha256(f"{name} {version}".encode()).hexdigest() for name in ("worker", "console")}
    return {name: f"{REGISTRY}/{name}@sha256:{digest}" for name, digest in digests.items()}


def served(version: str) -> dict[str, str]:
    """Return what the cluster serves when it serves a version."""
    return {f"leadline-{name}": image for name, image in images_of(version).items()}


def make_revision(folder: Path, version: str, keys: Keys, champion: str | None = None) -> Path:
    """
    Lay out a signed revision of the project's own files, with what `leadline release make` calls for it.

    Args:
        folder: Where.
        version: The release's.
        keys: The pipeline's.
        champion: The version of the release whose model this one was judged against; None for a first one.
    """
    files = {
        **source_files(exported(folder.parent / f"{folder.name}-source"), commit_of(version)),
        GATE: File(b"{}"),
        "sbom/worker.cdx.json": File(b"{}"),
    }
    for name, file in assemble(files, about(version, champion), keys.sign).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(0o755 if file.executable else 0o644)
    return folder


def exported(folder: Path) -> Path:
    """Copy what is deployed to a folder that is no checkout, as CodePipeline hands it to the build."""
    folder.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def commit_of(version: str) -> str:
    """Return the commit that a version was built from."""
    return version.rpartition("-")[2] + "0" * 33


def model_of(version: str) -> dict[str, str]:
    """Return the model that a version's release names."""
    names = {"sha256": "model.pkl", "manifest_sha256": "manifest.json"}
    digests = {key: hashlib.sha256(f"{name} {version}".encode()).hexdigest() for key, name in names.items()}
    return {"name": "loan-propensity", "version": version.rpartition("-")[0], **digests}


def champion_of(version: str) -> dict[str, str]:
    """Return a version's model as a later release names it for its champion."""
    return {key: value for key, value in model_of(version).items() if key != "manifest_sha256"}


def about(version: str, champion: str | None) -> dict[str, Any]:
    """Return what a release.json says besides its files."""
    return {
        "schema_version": 1,
        "version": version,
        "created_at": "2026-11-25T02:00:00Z",
        "source_commit": commit_of(version),
        "images": images_of(version),
        "model": model_of(version),
        "champion": None if champion is None else champion_of(champion),
    }


def describe(folder: Path, version: str, champion: str | None = None) -> dict[str, Any]:
    """Return the content of a revision's release.json."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in ("release.json", "release.sig")]
    digests = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return {**about(version, champion), "files": digests}


def sign(folder: Path, content: Any, keys: Keys) -> None:  # noqa: ANN401  what is signed may be wrong on purpose
    """Write and sign a revision's release.json."""
    text = json.dumps(content, indent=2).encode()
    (folder / "release.json").write_bytes(text)
    (folder / "release.sig").write_bytes(keys.sign(text))


class Ended(NamedTuple):
    """One hook's end."""

    step: str
    code: int
    out: str
    err: str


@dataclass
class Deployer:
    """The machine that the hooks run on: its settings, and the cluster that it reaches."""

    folder: Path
    keys: Keys
    cluster: Cluster = field(default_factory=Cluster)
    now: float = 1.8e9

    def __post_init__(self) -> None:
        (self.folder / "deployer.env").write_text(f"MODELS_BUCKET={BUCKET}\nAWS_REGION=eu-west-1\n", encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        """What the hooks find in their environment."""
        return {"DEPLOYER_ENV": str(self.folder / "deployer.env"), "RELEASE_KEY": str(self.keys.public)}

    def deploy(self, revision: Path, steps: Sequence[str] = STEPS) -> list[Ended]:
        """Run the steps in order in this process, as CodeDeploy does: up to the first that fails."""
        ended: list[Ended] = []
        for step in steps:
            ended.append(self.run(revision, [step]))
            if ended[-1].code:
                break
        return ended

    def run(self, revision: Path, arguments: Sequence[str]) -> Ended:
        """Run the deployer once in this process."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(arguments, self.environment, revision, Clock(lambda: self.now, self.sleep), self.execute)
        return Ended(" ".join(arguments), code, out.getvalue(), err.getvalue())

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.now += seconds

    def execute(
        self, argv: Sequence[str], stdin: str | None, timeout_s: float, environment: dict[str, str]
    ) -> Completed:
        """Let the stand-in answer, and openssl itself do what openssl is asked for."""
        code, out, err = self.cluster.run(list(argv), stdin)
        return (
            execute(argv, stdin, timeout_s, {**os.environ, **environment}) if code == -1 else Completed(code, out, err)
        )

    def run_hook(self, revision: Path, step: str, **environment: str) -> Ended:
        """Run one hook as a process, with the stand-in on its PATH."""
        state, programs = self.folder / "state.json", self.folder / "bin"
        programs.mkdir(exist_ok=True)
        for name in ("kubectl", "aws"):
            script = f'#!/bin/sh\nexec {sys.executable} -I -S {self.folder}/stand_in.py {name} "$@"\n'
            (programs / name).write_text(script, encoding="utf-8")
            (programs / name).chmod(0o755)
        start = (
            f"import sys; sys.path[:0] = {[str(ROOT), *sys.path]!r}\nfrom tests.delivery.stand_in_kubectl import main\n"
        )
        (self.folder / "stand_in.py").write_text(f"{start}sys.exit(main())\n", encoding="utf-8")
        state.write_text(self.cluster.dump(), encoding="utf-8")
        known = {
            "PATH": f"{programs}:{Path(sys.executable).parent}:/usr/bin:/bin",
            "STAND_IN_STATE": str(state),
            "REAL_KUBECTL": str(stand_in_kubectl.KUBECTL),
        }
        every = {**known, **self.environment, **environment}
        hook = str(revision / "deploy" / "hooks" / f"{step}.sh")
        done = subprocess.run([hook], env=every, cwd="/", capture_output=True, text=True, check=False, timeout=300)
        self.cluster = Cluster.load(state.read_text(encoding="utf-8"))
        return Ended(step, done.returncode, done.stdout, done.stderr)


def have_kubectl() -> bool:
    """Tell whether the real kubectl is here, which renders."""
    return stand_in_kubectl.KUBECTL is not None
