"""Each part of Leadline that calls AWS, run once through all that it does there."""

import json
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.kms.utils import ECDSAPrivateKey

import worker.canary
import worker.check
from leadline.release.archive import File, to_zip
from leadline.release.revision import RELEASE, assemble
from propensity.bundle import read_manifest
from propensity.signing import sign
from tests.bundles import Keys
from tests.contract.answering import Answer, Request
from tests.delivery.least_privilege.scene import Scene
from tests.delivery.stack import client
from tests.delivery.templates import ACCOUNT, REGION
from tests.helpers import cloud_event, encoded, plain_event
from worker.service import Worker
from worker.settings import Settings

COMMIT: Final = "0123456789abcdef0123456789abcdef01234567"
VERSION: Final = "1-0123456"
SIGNING_KEY: Final = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/leadline-signing"
_HOLDOUT: Final = ("holdout/data1.csv", "holdout/data2.csv", "training/data1.csv", "training/data2.csv", "id.key")


def run_worker(scene: Scene) -> None:
    """Leads are made, renewed and withdrawn, one event is bad, and once the topic is away; then the check's Job."""
    queue = scene.stack.settings()["queue"]
    bodies = [
        encoded(cloud_event(f"evt-{hour}", f"2026-01-15T{hour}:00:00Z", highest_spend=spend))
        for hour, spend in ((10, 180), (11, 190), (12, 20))
    ]
    settings = Settings.model_validate({**scene.settings(), "retry_base_s": 0.01, "retry_cap_s": 0.01}, strict=False)
    with Worker(settings, calls_in_flight=1) as one:
        for body in (*bodies, encoded(plain_event("bad", level=9))):
            scene.send(queue, body)
            one.run(once=True)
        scene.send(queue, encoded(plain_event("evt-13", customer_id="2", highest_spend=180)))
        with scene.stack.server.answering(_topic_is_away):
            one.run(tell=lambda _: one.stop())
    with scene.environ():
        assert 0 == worker.check.main(["--watch-s", "0"])


def run_canary(scene: Scene) -> None:
    """Golden events in, the expected lead out; the same lane quarantines, and gives back, what a bad image spoils."""
    inbox = scene.stack.outputs["CanaryInboxQueueUrl"]
    scene.send(inbox, b"what another run is waiting for")
    with scene.environ("Canary"):
        assert 0 == worker.canary.main(["--inbox", inbox, "--deadline-s", "60"])
    queue = scene.stack.settings("Canary")["queue"]
    with Worker(Settings.model_validate(scene.settings("Canary"), strict=False), calls_in_flight=1) as one:
        scene.send(queue, encoded(plain_event("bad", level=9)))
        one.run(once=True)
        scene.send(queue, encoded(plain_event("evt-1", highest_spend=180)))
        with scene.stack.server.answering(_topic_is_away):
            one.run(tell=lambda _: one.stop())


def run_console(scene: Scene) -> None:
    """It shows the newest and the best leads, and is asked whether it is ready."""
    from console.app import create_app
    from console.parts import open_parts

    settings = Settings.model_validate(scene.settings(), strict=False)
    asks = create_app(open_parts(settings), None).test_client()
    for path in ("/readyz", "/api/leads?order=newest", "/api/leads?order=best"):
        assert 200 == asks.get(path).status_code, asks.get(path).text


def set_aside(scene: Scene) -> None:
    """Two events in the quarantine, two among the dead letters."""
    scene.send(scene.stack.settings()["queue"], b"{", encoded(plain_event("bad", level=9)))
    with Worker(Settings.model_validate(scene.settings(), strict=False), calls_in_flight=1) as one:
        one.run(once=True)
    letters = [encoded(plain_event(f"evt-{n}", customer_id=str(n), highest_spend=180)) for n in range(2)]
    scene.send(scene.stack.settings()["dlq"], *letters)


def run_operator(scene: Scene) -> None:
    """What was set aside is listed, shown, counted, exported and sent back, from both queues."""
    listed = scene.verb("quarantine", "ls")
    scene.verb("quarantine", "show", listed["records"][0]["key"])
    scene.verb("quarantine", "redrive", "--where", "reason=not_json")
    scene.verb("dlq", "stats")
    scene.verb("dlq", "export", "dead.jsonl")
    assert 2 == scene.verb("dlq", "redrive", "--all")["redriven"]


def run_push(scene: Scene) -> None:
    """A signed bundle becomes the one object that starts the pipeline."""
    said = scene.verb("model", "push", scene.bundle, "--public-key", scene.keys.public)
    assert said["version_id"], "the bucket keeps no versions, so nothing would start"


def keep_release(scene: Scene) -> None:
    """A release is kept, and was validated; nothing says which one is served."""
    revision = _revision(scene.keys)
    scene.put(scene.bucket, f"releases/{VERSION}.zip", to_zip(revision))
    scene.put(scene.bucket, f"validated/{VERSION}.json", revision[RELEASE].content)


def run_pin(scene: Scene) -> None:
    """A release is deployed once more: where nothing is served, and where something is."""
    with scene.stack.server.answering(_codedeploy):
        assert "Succeeded" == scene.verb("model", "pin", VERSION, "--public-key", scene.keys.public)["status"]
    scene.put(scene.bucket, "current/release.json", _revision(scene.keys)[RELEASE].content)
    scene.verb("model", "pin", VERSION, "--dry-run")


def keep_holdout(scene: Scene) -> None:
    """What the gate judges by lies in its bucket."""
    for name in _HOLDOUT:
        scene.put(scene.stack.outputs["HoldoutBucketName"], name, b"1")


def run_build(scene: Scene) -> None:
    """The build's calls to AWS, in the order of buildspec.yml: a first release, and then one against a champion."""
    key, public, made = SIGNING_KEY, scene.folder / "release-key.pem", scene.folder / "release"
    image = f"leadline/worker@sha256:{'0' * 64}"
    images = ("--image", f"worker={image}", "--image", f"console={image}")
    with pytest.MonkeyPatch.context() as patch:
        _sign_digests(patch)
        scene.verb("release", "key", "--kms", key, "--out", public)
        scene.verb("release", "champion", "--public-key", public, "--out", scene.folder / "none")
        check = ("--public-key", scene.keys.public, "--first", "--commit", COMMIT, "--out", scene.folder / "checked")
        scene.verb("release", "check", scene.bundle, *check)
        for name in _HOLDOUT:  # as `aws s3 cp` does it
            client("s3").download_file(scene.stack.outputs["HoldoutBucketName"], name, str(scene.folder / "file"))
        scene.verb("model", "sign", scene.bundle, "--kms", key)
        source = ("--commit", COMMIT, "--from", _source(scene.folder))
        more = ("--kms", key, "--gate", _verdict(scene), "--out", made)
        scene.verb("release", "make", "--bundle", scene.bundle, *images, *source, *more)
        scene.verb("release", "verify", made, "--public-key", public)
        for _ in range(2):  # the second time it finds the same
            scene.verb("release", "archive", made, "--public-key", public, "--bundle", scene.bundle)
        scene.put(scene.bucket, "current/release.json", (made / RELEASE).read_bytes())
        scene.verb("release", "champion", "--public-key", public, "--out", scene.folder / "champion")


def _verdict(scene: Scene) -> Path:
    """Write what the gate says of the first model, if it passes."""
    model = read_manifest(scene.bundle, None).id.model_dump()
    file = scene.folder / "gate.json"
    file.write_text(json.dumps({"passed": True, "new": model, "champion": model}))
    return file


def _source(folder: Path) -> Path:
    """Make the least of a source: what is deployed of it."""
    source = folder / "source"
    for name in ("appspec.yml", "deploy/hooks/verify.sh", "k8s/base/kustomization.yaml"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("x\n")
    return source


def _sign_digests(patch: pytest.MonkeyPatch) -> None:
    """Sign as KMS does: moto hashes a digest once more, which AWS does not (kms:Sign)."""
    prehashed = ec.ECDSA(Prehashed(hashes.SHA256()))
    patch.setattr(ECDSAPrivateKey, "sign", lambda self, digest, _: self.private_key.sign(digest, prehashed))


def run_scaler(scene: Scene) -> None:
    """KEDA asks for these three numbers, and for nothing else."""
    names = ("", "NotVisible", "Delayed")
    client("sqs").get_queue_attributes(
        QueueUrl=scene.stack.outputs["EventsQueueUrl"],
        AttributeNames=[f"ApproximateNumberOfMessages{name}" for name in names],
    )


def _topic_is_away(request: Request) -> Answer | None:
    return Answer(503, b"") if request.api == "sns:PublishBatch" else None


def _codedeploy(request: Request) -> Answer | None:
    """CodeDeploy, as far as a deployment that succeeds at once needs it."""
    action = request.headers.get("X-Amz-Target", "").partition("CodeDeploy_20141006.")[2]
    answers: dict[str, Any] = {
        "CreateDeployment": {"deploymentId": "d-1"},
        "GetDeployment": {"deploymentInfo": {"status": "Succeeded"}},
        "ListDeploymentTargets": {"targetIds": ["i-1"]},
        "BatchGetDeploymentTargets": {"deploymentTargets": [{"instanceTarget": {"lifecycleEvents": []}}]},
    }
    return Answer(200, json.dumps(answers[action]).encode()) if action else None


def _revision(keys: Keys) -> dict[str, File]:
    image = f"leadline/worker@sha256:{'0' * 64}"
    says = {
        "version": VERSION,
        "created_at": "2026-01-15T10:00:00Z",
        "source_commit": COMMIT,
        "images": {"worker": image, "console": image},
        "model": {"name": "tiny", "version": "1", "sha256": "a" * 64, "manifest_sha256": "b" * 64},
        "champion": None,
    }
    return assemble({"appspec.yml": File(b"version: 0.0\n")}, says, partial(sign, private=keys.private))
