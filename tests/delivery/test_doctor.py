"""`leadline doctor --offline`: nothing is found in what we ship, and each fault is found where somebody makes it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import yaml
from click.testing import CliRunner

from leadline.doctor import reading
from leadline.doctor.table import CHECKS
from leadline.output import Failed
from leadline.verbs.doctor import doctor
from tests.delivery.manifests import K8S, OVERLAYS, PARTS, Tree, one, render

Change = Callable[[list[Tree]], Any]
QUEUE: Final = "https://sqs.eu-west-1.amazonaws.com/111122223333/leadline-events"


class Case(NamedTuple):
    """A change for the worse: which check finds it, and what it says."""

    check: str
    change: Change
    thing: str
    value: str
    way_out: str


def worker(objects: list[Tree]) -> Any:  # noqa: ANN401  YAML can be anything
    return one(objects, "Deployment", "leadline-worker")["spec"]


def worker_pod(objects: list[Tree]) -> Any:  # noqa: ANN401
    return worker(objects)["template"]["spec"]


def worker_container(objects: list[Tree]) -> Any:  # noqa: ANN401
    return worker_pod(objects)["containers"][0]


def scaled(objects: list[Tree]) -> Any:  # noqa: ANN401
    return one(objects, "ScaledObject")["spec"]


def trigger(objects: list[Tree]) -> Any:  # noqa: ANN401
    return scaled(objects)["triggers"][0]["metadata"]


def settings(objects: list[Tree]) -> Any:  # noqa: ANN401
    return one(objects, "ConfigMap", "leadline-settings")["data"]


def misspell(objects: list[Tree]) -> None:
    metadata = trigger(objects)
    metadata["queueLenght"] = metadata.pop("activationQueueLength")


def ask_pods_for_links(objects: list[Tree]) -> None:
    del worker_pod(objects)["enableServiceLinks"]


def forget(*kinds: str) -> Change:
    def change(objects: list[Tree]) -> None:
        objects[:] = [tree for tree in objects if tree["kind"] not in kinds]

    return change


def budget(**said: Any) -> Change:  # noqa: ANN401
    def change(objects: list[Tree]) -> None:
        spec = one(objects, "PodDisruptionBudget", "leadline-worker")["spec"]
        spec.pop("maxUnavailable")
        spec.update(said)

    return change


def twice(objects: list[Tree]) -> None:
    trigger(objects)["queueURL"] = QUEUE


CASES: Final = [
    Case("trigger-keys", misspell, "trigger aws-sqs-queue, queueLenght", "0", "did you mean queueLength?"),
    Case("trigger-keys", lambda o: trigger(o).update(zzz="1"), "zzz", "1", "there are queueURL, "),
    Case(
        "trigger-values", lambda o: trigger(o).update(scaleOnDelayed=False), "scaleOnDelayed", "false", 'write "false"'
    ),
    Case("trigger-values", lambda o: trigger(o).update(scaleOnInFlight="yes"), "scaleOnInFlight", "yes", '"true" or'),
    Case("trigger-values", lambda o: trigger(o).update(activationQueueLength="-1"), "activationQ", "-1", "from 0"),
    Case("scale-on-in-flight", lambda o: trigger(o).pop("scaleOnInFlight"), "scaleOnInFlight", "not set", '"true"'),
    Case(
        "scale-on-in-flight",
        lambda o: trigger(o).update(scaleOnInFlight="false"),
        "scaleOnInFlight",
        "false",
        "last pod",
    ),
    Case(
        "queue-url", lambda o: trigger(o).update(queueURLFromEnv="LEADLINE_QUEU"), "FromEnv", "LEADLINE_QUEU", "no such"
    ),
    Case("queue-url", lambda o: trigger(o).pop("queueURLFromEnv"), "queueURLFromEnv", "not set", "LEADLINE_QUEUE"),
    Case("queue-url", twice, "queueURLFromEnv", "LEADLINE_QUEUE", "wins over it"),
    Case(
        "queue-region",
        lambda o: trigger(o).update(awsRegion="eu-west-2"),
        "awsRegion",
        "eu-west-2",
        "lies in eu-west-1",
    ),
    Case("queue-region", lambda o: trigger(o).pop("awsRegion"), "awsRegion", "not set", "eu-west-1"),
    Case(
        "deprecated-identity",
        lambda o: trigger(o).update(identityOwner="operator"),
        "identityOwner",
        "operator",
        "depr",
    ),
    Case(
        "deprecated-identity",
        lambda o: one(o, "TriggerAuthentication")["spec"]["podIdentity"].update(provider="aws-eks"),
        "TriggerAuthentication leadline-scaler, podIdentity.provider",
        "aws-eks",
        "give aws",
    ),
    Case("trigger-authentication", forget("TriggerAuthentication"), "authenticationRef", "leadline-scaler", "add it"),
    Case(
        "trigger-authentication",
        lambda o: scaled(o)["triggers"][0].pop("authenticationRef"),
        "authenticationRef",
        "not set",
        "name a TriggerAuthentication",
    ),
    Case(
        "trigger-authentication",
        lambda o: one(o, "TriggerAuthentication")["spec"]["podIdentity"].pop("roleArn"),
        "TriggerAuthentication leadline-scaler, roleArn",
        "not set",
        "only read the queue's length",
    ),
    Case(
        "pod-roles",
        lambda o: one(o, "ServiceAccount", "leadline-worker")["metadata"].pop("annotations"),
        "ServiceAccount leadline-worker, eks.amazonaws.com/role-arn",
        "not set",
        "IAM role",
    ),
    Case(
        "pod-roles", lambda o: worker_pod(o).pop("serviceAccountName"), "serviceAccountName", "default", "with a role"
    ),
    Case(
        "scale-target",
        lambda o: scaled(o)["scaleTargetRef"].update(name="worker"),
        "scaleTargetRef",
        "worker",
        "no such",
    ),
    Case(
        "scale-target",
        lambda o: scaled(o)["scaleTargetRef"].update(envSourceContainerName="main"),
        "envSourceContainerName",
        "main",
        "no such container",
    ),
    Case("replicas-of-keda", lambda o: worker(o).update(replicas=3), "leadline-worker, replicas", "3", "KEDA sets it"),
    Case("replica-bounds", lambda o: scaled(o).update(minReplicaCount=50), "minReplicaCount", "50", "is 7"),
    Case("replica-bounds", lambda o: scaled(o).update(idleReplicaCount=0), "idleReplicaCount", "0", "give less"),
    Case("fallback", lambda o: scaled(o).pop("fallback"), "fallback", "not set", "currentReplicasIfHigher"),
    Case("fallback", lambda o: scaled(o)["fallback"].pop("behavior"), "fallback.behavior", "static", "takes pods away"),
    Case("fallback", lambda o: scaled(o)["fallback"].update(replicas=8), "fallback.replicas", "8", "is 7"),
    Case("cooldown", lambda o: scaled(o).update(cooldownPeriod=60), "cooldownPeriod", "60", "VISIBILITY_TIMEOUT_S of"),
    Case(
        "cooldown",
        lambda o: (
            settings(o).update(LEADLINE_DRAIN_TIMEOUT_S="300"),
            worker_pod(o).update(terminationGracePeriodSeconds=400),
        ),
        "cooldownPeriod",
        "300",
        "LEADLINE_DRAIN_TIMEOUT_S of Deployment leadline-worker, container worker is 300",
    ),
    Case("in-hand", lambda o: settings(o).update(LEADLINE_MAX_IN_FLIGHT="17200"), "maxReplicaCount", "7", "120000"),
    Case("queue-length", lambda o: trigger(o).update(queueLength="5"), "queueLength", "5", "events/s x 60 s / 1"),
    Case(
        "queue-length",
        lambda o: one(o, "ScaledObject")["metadata"]["annotations"].pop("leadline/done-within-s"),
        "queueLength",
        "",
        "leadline/done-within-s",
    ),
    Case(
        "environment",
        lambda o: one(o, "ConfigMap")["metadata"].update(name="other"),
        "environment",
        "leadline-set",
        "add",
    ),
    Case(
        "settings",
        lambda o: settings(o).update(LEADLINE_TRESHOLD="0.5"),
        "LEADLINE_TRESHOLD of Deployment leadline-console, container console and of Deployment leadline-worker",
        "0.5",
        "did you mean LEADLINE_THRESHOLD?",
    ),
    Case(
        "settings",
        lambda o: settings(o).update(LEADLINE_VISIBILITY_TIMEOUT_S="25"),
        "LEADLINE_VISIBILITY_TIMEOUT_S of",
        "25",
        "must exceed LEADLINE_WAIT_TIME_S + 5",
    ),
    Case("settings", lambda o: settings(o).pop("LEADLINE_MODEL"), "LEADLINE_MODEL of", "not set", "give a bundle"),
    Case(
        "settings",
        lambda o: settings(o).update(LEADLINE_STORE="sqlite:///store.db"),
        "LEADLINE_STORE of Deployment leadline-console, container console and of Deployment leadline-worker",
        "sqlite:///store.db",
        "refused inside Kubernetes",
    ),
    Case(
        "settings",
        lambda o: settings(o).update(LEADLINE_PUBLIC_KEY="key.pem"),
        "LEADLINE_PUBLIC_KEY",
        "key.pem",
        "no such",
    ),
    Case(
        "settings",
        lambda o: one(o, "Deployment", "leadline-console")["spec"]["template"]["spec"]["containers"][0]["env"].pop(),
        "LEADLINE_CONSOLE_HOST of Deployment leadline-console, container console",
        "0.0.0.0",  # noqa: S104  nothing listens there
        "LEADLINE_CONSOLE_TOKEN_FILE",
    ),
    Case("service-links", ask_pods_for_links, "enableServiceLinks", "true, the default", "LEADLINE_CONSOLE_PORT"),
    Case(
        "grace-period",
        lambda o: worker_pod(o).update(terminationGracePeriodSeconds=44),
        "terminationGracePeriodSeconds",
        "44",
        "at least 45",
    ),
    Case(
        "grace-period", lambda o: worker_pod(o).pop("terminationGracePeriodSeconds"), "termination", "30", "at least 45"
    ),
    Case("probes", lambda o: worker_container(o).pop("livenessProbe"), "livenessProbe", "not set", "/livez"),
    Case(
        "probe-ports",
        lambda o: worker_container(o)["ports"][0].update(name="http"),
        "Probe",
        "on port probes",
        "no such",
    ),
    Case("resources", lambda o: worker_container(o)["resources"].pop("limits"), "limits.memory", "not set", "measured"),
    Case(
        "image-digest",
        lambda o: worker_container(o).update(
            image="111122223333.dkr.ecr.eu-west-1.amazonaws.com/leadline/worker:latest"
        ),
        "leadline-worker, container worker, image",
        ":latest",
        "by digest",
    ),
    Case(
        "service-ports",
        lambda o: one(o, "Service")["spec"]["ports"][0].update(targetPort="web"),
        "target",
        "web",
        "no such",
    ),
    Case(
        "service-ports", lambda o: one(o, "Service")["spec"]["selector"].update(app="x"), "selector", "app: x", "no pod"
    ),
    Case(
        "ingress-backends",
        lambda o: one(o, "Ingress")["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"].update(
            name="console"
        ),
        "Ingress leadline-console, backend",
        "Service console",
        "no such Service",
    ),
    Case(
        "ingress-backends",
        lambda o: one(o, "Ingress")["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"].update(
            port={"number": 8000}
        ),
        "backend port",
        "8000",
        "no such port",
    ),
    Case("disruption-budgets", budget(maxUnavailable=0), "leadline-worker", "maxUnavailable: 0", "none may go"),
    Case("disruption-budgets", budget(minAvailable=1), "leadline-worker", "minAvailable: 1", "may have 1 pods"),
    Case("disruption-budgets", budget(minAvailable="50%"), "leadline-worker", "minAvailable: 50%", "none may go"),
    Case(
        "disruption-budgets",
        budget(maxUnavailable=1, selector={"matchLabels": {"a": "b"}}),
        "selector",
        "a: b",
        "no pod",
    ),
]


def told(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """Call the verb with --json, and return its exit code and what it says to programs."""
    ran = CliRunner().invoke(doctor, ["--json", *map(str, arguments)], standalone_mode=False)
    if ran.exception:
        raise ran.exception
    return ran.return_value, json.loads(ran.stdout.splitlines()[-1])


def told_of(objects: list[Tree], folder: Path) -> tuple[int, dict[str, Any]]:
    """The same for objects, which are written as plain YAML."""
    file = folder / "objects.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    return told("--offline", file)


@pytest.mark.parametrize("part", [".", *PARTS])
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_is_found_in_what_we_ship(overlay: str, part: str) -> None:
    render(overlay)  # it skips where there is no kubectl

    code, said = told("--offline", K8S / "overlays" / overlay / part)

    assert (0, []) == (code, said["faults"])
    assert len(CHECKS) == said["checks"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}: {case.value}")
def test_a_fault_is_found_by_its_check_and_by_no_other(case: Case, tmp_path: Path) -> None:
    objects = render("prod")
    case.change(objects)

    code, said = told_of(objects, tmp_path)

    assert 3 == code
    assert {case.check} == {fault["check"] for fault in said["faults"]} - also_told(case)
    first = next(fault for fault in said["faults"] if fault["check"] == case.check)
    assert case.thing in first["thing"]
    assert case.value in first["value"]
    assert case.way_out in first["way_out"]


def first_line(check: object) -> str:
    return (check.__doc__ or "").splitlines()[0]


def also_told(case: Case) -> set[str]:
    """What follows from a change and is no less true."""
    if case.check == "environment":  # without its ConfigMap a worker has no settings at all
        return {"settings", "queue-url"}
    return set()


def test_every_check_has_a_fault_that_it_finds_and_a_line_in_the_document() -> None:
    document = (K8S.parent / "docs" / "kubernetes.md").read_text(encoding="utf-8")

    assert CHECKS.keys() == {case.check for case in CASES}
    assert [] == [name for name, check in CHECKS.items() if f"| `{name}` | {first_line(check)} |\n" not in document]


def test_all_faults_are_told_at_once_for_people_and_for_programs(tmp_path: Path) -> None:
    objects = render("prod")
    misspell(objects)
    scaled(objects)["cooldownPeriod"] = 30
    worker_container(objects)["image"] = "leadline/worker:1"
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump_all(objects))
    command = [sys.executable, "-m", "leadline", "doctor", "--offline", "objects.yaml"]

    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    as_json = subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (3, 3) == (ran.returncode, as_json.returncode)
    thing = "ScaledObject leadline-worker, trigger aws-sqs-queue, queueLenght"
    assert f"trigger-keys: {thing} is 0; KEDA knows no such key; did you mean queueLength?\n" in ran.stdout
    faults = json.loads(as_json.stdout)["faults"]
    assert ["trigger-keys", "cooldown", "cooldown", "image-digest"] == [fault["check"] for fault in faults]
    assert {"check", "thing", "value", "way_out"} == faults[0].keys()


def test_what_is_not_released_yet_is_a_note_and_no_fault() -> None:
    _, said = told("--offline", K8S / "overlays" / "prod") if render("prod") else (0, {})

    assert 2 == sum("not released yet" in note for note in said["notes"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_still_an_examples_is_a_note_and_no_fault(overlay: str, tmp_path: Path) -> None:
    """As shipped: the account of AWS's examples, a certificate of zeros and a host that nobody has, and where."""
    code, said = told_of(render(overlay), tmp_path)
    examples = [note for note in said["notes"] if "environment.env" in note]

    assert 0 == code
    assert ["AWS's example account 111122223333", "the certificate of zeros", "a host of bank.example"] == [
        note.partition(" stands in ")[0] for note in examples
    ]
    assert all("Ingress leadline-console" in note for note in examples)
    assert "ConfigMap leadline-settings" in examples[0]
    assert "TriggerAuthentication leadline-scaler" in examples[0]


def test_values_of_an_account_are_not_noted(tmp_path: Path) -> None:
    """Nor is what only looks like an example's: a longer number, a host that ends alike."""
    text = yaml.safe_dump_all(render("prod")).replace("111122223333", "444455556666")
    text = text.replace("bank.example", "bank.example-bank.com").replace("/00000000-0000", "/5f1c7d3e-0000")
    objects = list(yaml.safe_load_all(text))
    settings(objects)["OMP_NUM_THREADS"] = "1111222233334"

    code, said = told_of(objects, tmp_path)

    assert 0 == code
    assert [] == [note for note in said["notes"] if "environment.env" in note]


def test_what_the_platform_holds_is_noted_where_only_the_release_is_looked_at() -> None:
    render("prod")

    _, said = told("--offline", K8S / "overlays" / "prod" / "release")

    assert "TriggerAuthentication leadline-scaler is not here; the platform has to hold it" in said["notes"]
    assert 2 == sum(note.startswith("ServiceAccount leadline-") for note in said["notes"])


def test_a_value_that_only_the_cluster_knows_is_not_judged(tmp_path: Path) -> None:
    objects = render("prod")
    del settings(objects)["LEADLINE_QUEUE"]
    source = {"secretKeyRef": {"name": "queue", "key": "url"}}
    worker_container(objects)["env"] = [{"name": "LEADLINE_QUEUE", "valueFrom": source}]

    assert 0 == told_of(objects, tmp_path)[0]


def test_what_a_secret_may_give_is_not_said_to_be_missing(tmp_path: Path) -> None:
    objects = render("prod")
    del settings(objects)["LEADLINE_QUEUE"]
    worker_container(objects)["envFrom"].append({"secretRef": {"name": "more"}})
    trigger(objects)["queueURLFromEnv"] = "LEADLINE_QUEUE"

    assert 0 == told_of(objects, tmp_path)[0]


def test_a_value_by_reference_to_a_key_is_followed(tmp_path: Path) -> None:
    objects = render("prod")
    name = one(objects, "ConfigMap")["metadata"]["name"]
    container = worker_container(objects)
    container["envFrom"] = []
    container["env"] = [
        {"name": key, "valueFrom": {"configMapKeyRef": {"name": name, "key": key}}} for key in settings(objects)
    ]
    assert 0 == told_of(objects, tmp_path)[0]

    container["env"][0]["valueFrom"]["configMapKeyRef"]["key"] = "NOT_THERE"
    code, said = told_of(objects, tmp_path)

    assert 3 == code
    assert f"taken from key NOT_THERE of ConfigMap {name}" == said["faults"][0]["value"]


def test_a_budget_that_leaves_room_and_one_by_expressions_are_none_of_its_faults(tmp_path: Path) -> None:
    objects = render("prod")
    console = one(objects, "PodDisruptionBudget", "leadline-console")["spec"]
    console.pop("maxUnavailable")
    console["minAvailable"] = 1
    selector = {"matchExpressions": [{"key": "a", "operator": "Exists"}]}
    budget(minAvailable="100%", selector=selector)(objects)

    assert 0 == told_of(objects, tmp_path)[0]


def test_credentials_of_the_whole_cluster_are_noted(tmp_path: Path) -> None:
    objects = render("prod")
    reference = {"name": "all", "kind": "ClusterTriggerAuthentication"}
    scaled(objects)["triggers"][0]["authenticationRef"] = reference

    code, said = told_of(objects, tmp_path)

    assert 0 == code
    assert "ClusterTriggerAuthentication all belongs to the whole cluster, and is not looked into" in said["notes"]


def test_another_kind_of_trigger_is_none_of_its_business(tmp_path: Path) -> None:
    objects = render("prod")
    scaled(objects)["triggers"].append({"type": "cron", "metadata": {"timezone": "UTC", "desiredReplicas": "1"}})

    assert 0 == told_of(objects, tmp_path)[0]


def test_a_later_value_wins_as_in_the_cluster(tmp_path: Path) -> None:
    objects = render("prod")
    settings(objects)["LEADLINE_DRAIN_TIMEOUT_S"] = "100"
    worker_container(objects)["env"] = [{"name": "LEADLINE_DRAIN_TIMEOUT_S", "value": "35"}]

    assert 0 == told_of(objects, tmp_path)[0]


def test_a_service_of_another_name_or_namespace_is_no_collision(tmp_path: Path) -> None:
    objects = render("prod")
    ask_pods_for_links(objects)
    one(objects, "Service")["metadata"]["name"] = "leads"
    one(objects, "Ingress")["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] = "leads"
    other = {"name": "leadline-console", "namespace": "elsewhere"}
    objects.append({"apiVersion": "v1", "kind": "Service", "metadata": other, "spec": {"ports": [{"port": 80}]}})

    assert 0 == told_of(objects, tmp_path)[0]


def test_a_folder_of_plain_yaml_and_a_list_are_read_too(tmp_path: Path) -> None:
    objects = render("prod")
    worker(objects)["replicas"] = 3
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all(objects[:8]) + "---\n")
    (tmp_path / "b.yml").write_text(yaml.safe_dump({"kind": "List", "apiVersion": "v1", "items": objects[8:]}))

    code, said = told("--offline", tmp_path)

    assert (3, len(objects)) == (code, said["objects"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [", "objects.yaml is no YAML"),
        (b"a: \xff\n", "objects.yaml cannot be read"),
        (b"- 1\n", "holds a document that is no Kubernetes object"),
        (b"", "holds no Kubernetes object; name a kustomization"),
        (b"kind: ScaledObject\nspec: {triggers: [3]}\n", "is not built as Kubernetes has it"),
    ],
)
def test_what_cannot_be_judged_says_why(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "objects.yaml").write_bytes(content)
    command = [sys.executable, "-m", "leadline", "doctor", "--offline", "objects.yaml"]

    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert 1 == ran.returncode
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_kustomization_that_does_not_render_says_why(tmp_path: Path) -> None:
    render("prod")
    (tmp_path / "kustomization.yaml").write_text("resources: [missing.yaml]\n")
    command = [sys.executable, "-m", "leadline", "doctor", "--offline", tmp_path]

    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert 1 == ran.returncode
    assert "cannot be rendered" in ran.stderr
    assert "missing.yaml" in ran.stderr


def test_without_a_renderer_it_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: []\n")
    command = [sys.executable, "-m", "leadline", "doctor", "--offline", tmp_path]

    ran = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": ""})

    assert 1 == ran.returncode
    assert "neither kubectl nor kustomize is here" in ran.stderr


def test_a_renderer_that_gives_no_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: []\n")
    (tmp_path / "kubectl").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(reading, "_PATIENCE_S", 0.1)

    with pytest.raises(Failed, match="`kubectl kustomize` gave no answer within"):
        told("--offline", tmp_path)


def test_without_pyyaml_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "objects.yaml").write_text("kind: Service\n")
    program = "import sys; sys.modules['yaml'] = None; from leadline.__main__ import main; main()"
    command = [sys.executable, "-c", program, "doctor", "--offline", "objects.yaml"]

    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (1, "PyYAML is not installed, and manifests are YAML; pip install pyyaml\n") == (ran.returncode, ran.stderr)


def test_without_offline_it_says_that_there_is_nothing_else_yet() -> None:
    ran = subprocess.run([sys.executable, "-m", "leadline", "doctor"], capture_output=True, text=True, check=False)

    assert 2 == ran.returncode
    assert "--offline DIR" in ran.stderr
