"""
A small cluster and a bucket, in the place of `kubectl` and `aws`, for the tests of the hooks.

It keeps its objects in memory, or as a process in the JSON file `STAND_IN_STATE`; it records every call, and fails,
hangs or kills its caller where its plan says so. `kubectl kustomize` is kubectl's own.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

KUBECTL = os.environ.get("REAL_KUBECTL") or shutil.which("kubectl")
Answer = tuple[int, str, str]
EVERYWHERE = {"--namespace=leadline", "--request-timeout=30s"}
APPLYING = {"--server-side", "--force-conflicts", "--field-manager=leadline-deployer", "--filename=-"}

# Kind in a manifest: the word on kubectl's command line, API group, resource.
RESOURCES = {
    "ConfigMap": ("", "configmaps"),
    "Deployment": ("apps", "deployments"),
    "Ingress": ("networking.k8s.io", "ingresses"),
    "Job": ("batch", "jobs"),
    "Pod": ("", "pods"),
    "PodDisruptionBudget": ("policy", "poddisruptionbudgets"),
    "ScaledObject": ("keda.sh", "scaledobjects"),
    "Service": ("", "services"),
}
KINDS = {word: kind for kind, (_, plural) in RESOURCES.items() for word in (plural, plural.removesuffix("s"))}
PAUSED = "autoscaling.keda.sh/paused-replicas"
RENDERED: dict[str, str] = {}


@dataclass
class Plan:
    """What goes wrong. Calls are counted over kubectl, aws and openssl, from 0."""

    fail_at: int | None = None  # this one call
    fail_from: int | None = None  # this one and all later
    fail_on: str | None = None  # every call whose words match
    effect: str = "none"  # what a failing call has done all the same: none, half (of what it applies) or all
    garbled: bool = False  # a failing call does not say that it fails: its answer is no JSON
    hang_on: str | None = None  # gives no answer at all (as a process)
    signal_on: str | None = None  # an apply does half of it, then sends the deployer the signal below (as a process)
    signal: int = signal.SIGKILL
    jobs: dict[str, str] = field(default_factory=dict)  # Complete, Failed or never, by the Job's name without suffix
    ready: bool = True  # whether KEDA is content with the ScaledObject
    broken: list[str] = field(default_factory=list)  # images whose pods never become available
    given_up: bool = False  # whether Kubernetes says so of them
    lag: int = 0  # looks at a Deployment until its controller, and then its pods, have followed
    linger: int = 0  # looks for Jobs until a deleted one is gone
    workers: int = 3  # as many as KEDA wants


class Cluster:
    """Objects, bucket, the calls that were made, and the rights that they needed."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.bucket: dict[str, str] = {}
        self.calls: list[dict[str, Any]] = []
        self.rights: set[tuple[str, str, str]] = set()
        self.plan = Plan()

    def run(self, argv: list[str], stdin: str | None) -> Answer:
        """Answer one call of kubectl or aws; openssl is only counted, and answered with code -1: "ask the real one"."""
        number = len(self.calls)
        self.calls.append({"argv": argv, "stdin": stdin})
        plan, words = self.plan, " ".join(argv)
        late = plan.fail_from is not None and number >= plan.fail_from
        if number == plan.fail_at or late or (plan.fail_on and re.search(plan.fail_on, words)):
            if plan.effect != "none":
                self.answer(argv, halved(stdin) if plan.effect == "half" else stdin)
            return (0, "{", "") if plan.garbled else (1, "", f"the stand-in fails at call {number}")
        return self.answer(argv, stdin)

    def answer(self, argv: list[str], stdin: str | None) -> Answer:
        """Do what the call asks for."""
        if argv[0] == "openssl":
            return -1, "", ""
        if argv[0] == "aws":
            return self.s3api(argv[1:])
        words = [word for word in argv[1:] if word not in EVERYWHERE]
        if len(argv) - 1 - len(words) != len(EVERYWHERE):
            return 1, "", f"every call bears {EVERYWHERE}: {argv}"
        method = getattr(self, f"kubectl_{words[0]}", None)
        return method(words[1:], stdin) if method else (1, "", f"the stand-in knows no {words[0]}")

    def s3api(self, words: list[str]) -> Answer:
        """Keep one object of the bucket, give one, or list."""
        file = Path(words.pop()) if words[1] == "get-object" else None
        flags = dict(zip(words[2::2], words[3::2], strict=True))
        place = f"{flags['--bucket']}/{flags.get('--key') or flags.get('--prefix')}"
        if words[:2] == ["s3api", "put-object"]:
            self.bucket[place] = Path(flags["--body"]).read_text(encoding="utf-8")
            return 0, "{}", ""
        if words[:2] == ["s3api", "list-objects-v2"]:
            found = sorted(key.partition("/")[2] for key in self.bucket if key.startswith(place))
            listed = [{"Key": key} for key in found[: int(flags["--max-keys"])]]
            return 0, json.dumps({"Contents": listed}) if listed else "", ""
        if file and place in self.bucket:
            file.write_text(self.bucket[place], encoding="utf-8")
            return 0, "{}", ""
        return 1, "", f"the stand-in knows no {words}"

    def needs(self, kind: str, *verbs: str) -> None:
        """Note the rights that a request needs."""
        self.rights |= {(verb, *RESOURCES[kind]) for verb in verbs}

    def kubectl_kustomize(self, words: list[str], _stdin: str | None) -> Answer:
        """Let kubectl render; the same folder is rendered once."""
        top = (Path(words[0]) / "kustomization.yaml").read_bytes()
        base = (Path(words[0]) / json.loads(top)["resources"][0]).resolve()
        files = [base] if base.is_file() else sorted(path for path in base.parents[2].rglob("*") if path.is_file())
        key = hashlib.sha256(
            b"\0".join([re.sub(rb'"\.\./.*?"', b"", top), *(file.read_bytes() for file in files)])
        ).hexdigest()
        if key not in RENDERED:
            done = subprocess.run([str(KUBECTL), "kustomize", words[0]], capture_output=True, text=True, check=False)
            if done.returncode:
                return done.returncode, done.stdout, done.stderr
            RENDERED[key] = done.stdout
        return 0, RENDERED[key], ""

    def kubectl_apply(self, words: list[str], stdin: str | None) -> Answer:
        """Apply server-side: what others own stays, what this manager no longer names goes."""
        if set(words) != APPLYING:
            return 1, "", f"not how a release is applied: {words}"
        for document in yaml.load_all(stdin or "", Loader=yaml.CSafeLoader):
            self.needs(document["kind"], "get", "patch", "create")
            self.objects[key_of(document)] = self.applied(document)
        return 0, "", ""

    def kubectl_diff(self, words: list[str], stdin: str | None) -> Answer:
        """Say which objects applying would change."""
        if set(words) != APPLYING:
            return 2, "", f"not how a release is applied: {words}"
        changed = []
        for document in yaml.load_all(stdin or "", Loader=yaml.CSafeLoader):
            self.needs(document["kind"], "get", "patch", "create")
            if self.applied(document) != self.objects.get(key_of(document)):
                changed.append(key_of(document))
        return (1, "".join(f"differs: {key}\n" for key in changed), "") if changed else (0, "", "")

    def applied(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return what an object would be after this manifest."""
        if document["metadata"].get("namespace", "leadline") != "leadline":
            raise AssertionError(f"another namespace: {document['metadata']}")
        new, old = copy.deepcopy(document), self.objects.get(key_of(document))
        if old:
            new["metadata"]["annotations"] = new["metadata"].get("annotations", {}) | old["others"]
        if new["kind"] == "Deployment":
            was = old["spec"]["replicas"] if old else 1
            new["spec"].setdefault("replicas", was)
        same = old is not None and old.get("spec") == new.get("spec") and old.get("data") == new.get("data")
        new["metadata"]["generation"] = (old["metadata"]["generation"] if old else 0) + (not same)
        new["metadata"].setdefault("annotations", {})
        new["others"] = old["others"] if old else {}
        new["lag"] = old["lag"] if old and same else self.plan.lag
        return new

    def kubectl_get(self, words: list[str], _stdin: str | None) -> Answer:
        """Return one object, or those with a label."""
        kind = KINDS[words[0]]
        if words[1].startswith("--selector="):
            self.needs(kind, "list")
            label, value = words[1].removeprefix("--selector=").split("=")
            items = self.pods(value) if kind == "Pod" else self.labelled(kind, label, value)
            return 0, json.dumps({"items": items}), ""
        self.needs(kind, "get")
        found = self.objects.get(f"{kind}/{words[1]}")
        return 0, json.dumps(self.seen(found)) if found else "", ""

    def labelled(self, kind: str, label: str, value: str) -> list[dict[str, Any]]:
        """Return the objects of a kind that bear a label."""
        going = [key for key, found in self.objects.items() if key.startswith("Job/") and "going" in found]
        for key in going if kind == "Job" else []:
            self.objects[key]["going"] -= 1
            if self.objects[key]["going"] < 0:
                del self.objects[key]
        of_kind = [found for found in self.objects.values() if found["kind"] == kind]
        return [self.seen(found) for found in of_kind if found["metadata"].get("labels", {}).get(label) == value]

    def pods(self, job: str) -> list[dict[str, Any]]:
        """Return the one pod of a Job."""
        ended = {"state": {"terminated": {"reason": "Error", "exitCode": 1}}}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"{job}-x", "namespace": "leadline"}}
        return [
            {
                **pod,
                "spec": {"containers": [{"name": "worker"}]},
                "status": {"phase": "Failed", "containerStatuses": [ended]},
            }
        ]

    def seen(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return an object with the status that its controller would have given it."""
        status = {"Deployment": self.rollout, "Job": self.job, "ScaledObject": self.scaling}.get(found["kind"])
        return {**found, "status": status(found)} if status else found

    def rollout(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return a Deployment's status: unseen, no pod yet, new ones that are not ready, an old one left, done."""
        self.scale()
        wanted, generation = found["spec"]["replicas"], found["metadata"]["generation"]
        found["lag"] = max(lag := found["lag"], 1) - 1
        if lag == 3:
            return {"observedGeneration": generation}
        if lag > 3:
            done = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), wanted)
            return {"observedGeneration": generation - 1, **done}
        new = 0 if lag == 2 or image_of(found) in self.plan.broken else wanted
        total = {"replicas": wanted + (lag > 0), "updatedReplicas": wanted, "availableReplicas": new}
        over = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
        given_up = self.plan.given_up and image_of(found) in self.plan.broken
        return {"observedGeneration": generation, **total, "conditions": over if given_up else []}

    def scale(self) -> None:
        """Do what KEDA does: as many workers as it wants, or as many as it was told to hold still at."""
        worker, scaled = (self.objects.get(f"{kind}/leadline-worker") for kind in ("Deployment", "ScaledObject"))
        if worker and scaled and self.plan.ready:
            worker["spec"]["replicas"] = int(scaled["others"].get(PAUSED, self.plan.workers))

    def job(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return a Job's status, as planned."""
        name = next(
            name for name in ("leadline-canary", "leadline-check") if found["metadata"]["name"].startswith(name)
        )
        outcome = self.plan.jobs.get(name, "Complete")
        if outcome == "never":
            return {"active": 1}
        return {"conditions": [{"type": outcome, "status": "True", "message": f"planned: {outcome}"}]}

    def scaling(self, _found: dict[str, Any]) -> dict[str, Any]:
        """Return the ScaledObject's status, as planned."""
        return {"conditions": [{"type": "Ready", "status": str(self.plan.ready), "message": "planned"}]}

    def kubectl_delete(self, words: list[str], _stdin: str | None) -> Answer:
        """Delete one object."""
        if set(words[2:]) != {"--ignore-not-found", "--cascade=foreground", "--wait=false"}:
            return 1, "", f"not how the deployer deletes: {words}"
        self.needs(KINDS[words[0]], "delete")
        key = f"{KINDS[words[0]]}/{words[1]}"
        if self.plan.linger and key.startswith("Job/"):
            self.objects[key].setdefault("going", self.plan.linger)
        else:
            self.objects.pop(key, None)
        return 0, "", ""

    def kubectl_logs(self, words: list[str], _stdin: str | None) -> Answer:
        """Return a log that names its Job."""
        self.needs("Pod", "list")
        self.rights.add(("get", "", "pods/log"))
        return 0, f"log of {words[0]}\n", ""

    def kubectl_annotate(self, words: list[str], _stdin: str | None) -> Answer:
        """Set and take away annotations that are not the release's."""
        self.needs(KINDS[words[0]], "get", "patch")
        found = self.objects[f"{KINDS[words[0]]}/{words[1]}"]
        for word in words[2:]:
            if word.endswith("-"):
                found["others"].pop(word[:-1])
                found["metadata"]["annotations"].pop(word[:-1])
            elif word != "--overwrite":
                name, value = word.split("=")
                found["others"][name] = found["metadata"]["annotations"][name] = value
        return 0, "", ""

    def kubectl_patch(self, words: list[str], _stdin: str | None) -> Answer:
        """Set a Deployment's replicas, or its pod template."""
        self.needs(KINDS[words[0]], "get", "patch")
        found = self.objects[f"{KINDS[words[0]]}/{words[1]}"]
        if words[2] not in ("--type=merge", "--type=json") or words[3] != "--patch":
            return 1, "", f"the stand-in knows no {words}"
        change = json.loads(words[4])
        found["spec"] |= change["spec"] if words[2] == "--type=merge" else {"template": template_in(change)}
        found["metadata"]["generation"] += 1
        return 0, "", ""

    def serving(self) -> dict[str, str]:
        """Return the image that each Deployment runs pods of; one without pods is not there."""
        self.scale()
        deployments = [found for found in self.objects.values() if found["kind"] == "Deployment"]
        return {one["metadata"]["name"]: image_of(one) for one in deployments if one["spec"]["replicas"]}

    def lasting(self) -> dict[str, Any]:
        """Return all that stays, for comparing: objects without the stand-in's own notes, and the bucket."""
        notes = {"lag"}
        kept = {key: {k: v for k, v in found.items() if k not in notes} for key, found in self.objects.items()}
        return copy.deepcopy({"objects": kept, "bucket": self.bucket})

    def dump(self) -> str:
        """Return everything as JSON."""
        return json.dumps(vars(self) | {"rights": sorted(self.rights), "plan": asdict(self.plan)})

    @classmethod
    def load(cls, text: str) -> Cluster:
        """Return what `dump` has written."""
        cluster, content = cls(), json.loads(text)
        vars(cluster).update(content)
        cluster.rights = {(verb, group, resource) for verb, group, resource in content["rights"]}
        cluster.plan = Plan(**content["plan"])
        return cluster


def template_in(change: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the pod template that a JSON patch puts in the place of another one."""
    [one] = change
    assert (one["op"], one["path"]) == ("replace", "/spec/template")
    return dict(one["value"])


def key_of(document: dict[str, Any]) -> str:
    """Return the key that an object is kept under."""
    return f"{document['kind']}/{document['metadata']['name']}"


def halved(manifests: str | None) -> str | None:
    """Return the first half of what is to be applied."""
    documents = (manifests or "").split("---\n")
    return manifests and "---\n".join(documents[: len(documents) // 2])


def image_of(deployment: dict[str, Any]) -> str:
    """Return the image of a Deployment's only container."""
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def main() -> int:
    """Answer one call as a process, named `kubectl` or `aws` by the link that it was called by."""
    state = Path(os.environ["STAND_IN_STATE"])
    cluster = Cluster.load(state.read_text(encoding="utf-8"))
    argv = [Path(sys.argv[1]).name, *sys.argv[2:]]
    stdin = None if argv[0] == "aws" else sys.stdin.read()
    plan, words = cluster.plan, f"{' '.join(argv)} {stdin}"
    struck = bool(plan.signal_on and re.search(plan.signal_on, words))
    code, out, err = cluster.run(argv, halved(stdin) if struck else stdin)
    state.write_text(cluster.dump(), encoding="utf-8")
    if struck:
        os.kill(os.getppid(), plan.signal)
    if (plan.hang_on and re.search(plan.hang_on, words)) or (struck and plan.signal != signal.SIGKILL):
        signal.alarm(600)  # nobody is left behind, should the deployer not kill us
        signal.pause()
    sys.stdout.write(out)
    sys.stderr.write(err)
    return code


if __name__ == "__main__":
    sys.exit(main())
