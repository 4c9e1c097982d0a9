"""What kustomize renders is what Kubernetes and KEDA take, and what the decisions and the settings ask for."""

import ast
import json
import math
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.delivery.manifests import K8S, OVERLAYS, PARTS, Tree, environment, one, pod_specs, render
from tests.delivery.tools import tool
from tests.trained import ROOT

VERSIONS: Final = ("1.33", "1.35", "1.37")
"""Of Kubernetes: what the namespace's Pod Security goes by, the cluster's, and the newest that is known."""
ACCOUNT: Final = "111122223333"
KEDA_KINDS: Final = {"ScaledObject": "scaledobjects", "TriggerAuthentication": "triggerauthentications"}
CORES: Final = {"m": 0.001, "": 1.0}
MEBIBYTES: Final = {"Mi": 1, "Gi": 1024}

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_all_that_is_rendered(version: str, tmp_path: Path) -> None:
    """By the strict schemas, so that a misspelt field is a fault; KEDA's kinds are judged below."""
    parts = [render(overlay, part) for overlay in OVERLAYS for part in PARTS]
    objects = [tree for part in parts for tree in part if tree["kind"] not in KEDA_KINDS]

    said = validated(objects, version, tmp_path)

    assert len(objects) == said.count(" passed for resource "), said


def test_checkov_finds_nothing_in_what_is_rendered(tmp_path: Path) -> None:
    """It makes no call to the network. Nothing is excepted."""
    checker = tool(".venv-checkov", "checkov")
    file = tmp_path / "objects.yaml"
    file.write_text(yaml.safe_dump_all([*render("prod"), *render("prod", "jobs")]))
    command = [checker, "--framework", "kubernetes", "--skip-download", "--output", "json", "--file", file]

    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    said = json.loads(ran.stdout)
    assert [] == [(one["check_id"], one["resource"]) for one in said["results"]["failed_checks"]]
    assert said["summary"]["passed"] > 300
    assert 0 == said["summary"]["skipped"]


def test_lean_is_prod_but_for_how_the_model_is_run_and_aws_spoken_to() -> None:
    """A name of the settings' content apart: every pod that has them, has the new ones."""
    lean, prod = (one(render(overlay, "."), "ConfigMap", "leadline-settings") for overlay in ("lean", "prod"))
    more = {"LEADLINE_SCORER": "compiled", "LEADLINE_TRANSPORT": "direct"}

    assert prod["data"] | more == lean["data"]
    said = [json.dumps(render(overlay, ".")) for overlay in ("lean", "prod")]
    assert said[0].replace(lean["metadata"]["name"], prod["metadata"]["name"]) == said[1].replace(
        json.dumps(prod["data"]), json.dumps(lean["data"])
    )


@each_overlay
def test_an_overlay_holds_its_platform_and_its_release(overlay: str) -> None:
    both = [*render(overlay, "platform"), *render(overlay, "release")]

    assert sorted(map(json.dumps, both)) == sorted(map(json.dumps, render(overlay)))


def test_the_validator_does_find_a_misspelt_field(tmp_path: Path) -> None:
    objects = render("prod", "release")
    one(objects, "Deployment", "leadline-worker")["spec"]["template"]["spec"]["enableServiceLink"] = False

    with pytest.raises(AssertionError, match="enableServiceLink"):
        validated(objects, VERSIONS[-1], tmp_path)


@each_overlay
def test_keda_takes_its_objects(overlay: str) -> None:
    objects = [tree for tree in render(overlay) if tree["kind"] in KEDA_KINDS]

    assert {"ScaledObject", "TriggerAuthentication"} == {tree["kind"] for tree in objects}
    assert [] == [error.message for tree in objects for error in keda_schema(tree["kind"]).iter_errors(tree)]


def test_kedas_schema_does_find_a_misspelt_field_and_a_wrong_type() -> None:
    tree = one(render("prod"), "ScaledObject")
    tree["spec"]["coolDownPeriod"] = 300
    tree["spec"]["triggers"][0]["metadata"]["queueLength"] = 5

    told = " ".join(error.message for error in keda_schema("ScaledObject").iter_errors(tree))

    assert "coolDownPeriod" in told
    assert "5 is not of type 'string'" in told


@each_overlay
def test_every_pod_keeps_the_restricted_rules_and_a_read_only_root(overlay: str) -> None:
    pods = [*pod_specs(render(overlay)), *pod_specs(render(overlay, "jobs"))]

    assert ["leadline-canary", "leadline-check", "leadline-console", "leadline-worker"] == sorted(n for n, _ in pods)
    for name, pod in pods:
        security = pod["securityContext"]
        assert (True, 10001) == (security["runAsNonRoot"], security["runAsUser"]), name
        assert {"type": "RuntimeDefault"} == security["seccompProfile"], name
        assert (False, False) == (pod["automountServiceAccountToken"], pod["enableServiceLinks"]), name
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & pod.keys(), name
        assert {"emptyDir", "secret"} >= {kind for volume in pod["volumes"] for kind in volume.keys() - {"name"}}, name
        for container in pod["containers"]:
            expected = {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert expected == container["securityContext"], name
            assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}, name  # noqa: S108


@each_overlay
def test_the_namespace_enforces_what_it_audits_and_warns_of(overlay: str) -> None:
    labels = one(render(overlay), "Namespace")["metadata"]["labels"]

    for mode in ("enforce", "audit", "warn"):
        assert "restricted" == labels[f"pod-security.kubernetes.io/{mode}"]
        assert f"v{VERSIONS[0]}" == labels[f"pod-security.kubernetes.io/{mode}-version"]


def test_what_is_rendered_bears_the_names_that_others_rely_on() -> None:
    objects = render("prod")
    names = {(tree["kind"], tree["metadata"]["name"]) for tree in objects}

    assert names >= {
        ("Namespace", "leadline"),
        ("ServiceAccount", "leadline-worker"),
        ("ServiceAccount", "leadline-console"),
        ("Deployment", "leadline-worker"),
        ("Deployment", "leadline-console"),
        ("ScaledObject", "leadline-worker"),
        ("TriggerAuthentication", "leadline-scaler"),
        ("Role", "leadline-deployer"),
        ("Role", "leadline-operator"),
    }
    ports = {
        (container["name"], port["name"], port["containerPort"])
        for _, pod in pod_specs(objects)
        for container in pod["containers"]
        for port in container["ports"]
    }
    assert {("worker", "probes", 8080), ("console", "http", 8000)} == ports
    spaces = {tree["metadata"].get("namespace") for tree in objects if tree["kind"] != "Namespace"}
    assert {"leadline"} == spaces
    assert {"leadline-dev"} == {t["metadata"].get("namespace", "leadline-dev") for t in render("dev")}


@each_overlay
def test_the_role_of_the_deployer_covers_what_a_release_holds_and_nothing_of_the_platform(overlay: str) -> None:
    role = one(render(overlay), "Role", "leadline-deployer")
    may = {
        (group, kind): rule["verbs"]
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for kind in rule["resources"]
    }
    applied = {resource(tree) for part in ("release", "jobs") for tree in render(overlay, part)}

    assert applied <= {what for what, verbs in may.items() if {"get", "create", "patch"} <= set(verbs)}
    assert {("", "pods"), ("", "pods/log")} == may.keys() - applied
    assert {("batch", "jobs"), ("", "configmaps")} == {what for what, verbs in may.items() if "delete" in verbs}
    assert not may.keys() & {resource(tree) for tree in render(overlay, "platform")}
    assert "*" not in json.dumps(role)
    [subject] = one(render(overlay), "RoleBinding", "leadline-deployer")["subjects"]
    assert ("Group", "leadline-deployer") == (subject["kind"], subject["name"])


@each_overlay
def test_no_manifest_holds_a_secret(overlay: str) -> None:
    objects = [*render(overlay), *render(overlay, "jobs")]
    config = {key: value for tree in objects if tree["kind"] == "ConfigMap" for key, value in tree["data"].items()}
    config |= {
        entry["name"]: entry["value"]
        for _, p in pod_specs(objects)
        for c in p["containers"]
        for entry in c.get("env", [])
    }

    assert "Secret" not in {tree["kind"] for tree in objects}
    told = {key: value for key, value in config.items() if re.search("TOKEN|SECRET|PASSWORD|KEY|CREDENTIAL", key)}
    assert {
        "LEADLINE_PUBLIC_KEY": "/srv/leadline/release-key.pem",
        "LEADLINE_CONSOLE_TOKEN_FILE": "/etc/leadline/token",
    } == told


def test_what_belongs_to_an_account_stands_in_one_file_and_reaches_its_place() -> None:
    files = [file for file in K8S.rglob("*") if file.is_file()]
    naming = {file.relative_to(K8S).as_posix() for file in files if ACCOUNT in file.read_text()}
    text = yaml.safe_dump_all([*render("prod"), *render("prod", "jobs")], width=1000)

    assert {f"overlays/{overlay}/environment/environment.env" for overlay in OVERLAYS} == naming
    assert [] == [name for name, value in environment().items() if value not in text]
    stand_ins = ["environment", *(name for name in environment() if not name.startswith("LEADLINE_"))]
    assert [] == re.findall(rf": (?:{'|'.join(stand_ins)})$", text, re.MULTILINE), "a place was forgotten"


@each_overlay
def test_the_queues_url_stands_once_in_all_that_is_served(overlay: str) -> None:
    objects = render(overlay)
    url = one(objects, "ConfigMap", "leadline-settings")["data"]["LEADLINE_QUEUE"]

    assert 1 == len(re.findall(rf"{re.escape(url)}$", yaml.safe_dump_all(objects, width=1000), re.MULTILINE))


def test_the_templates_make_what_the_environment_of_prod_names() -> None:
    templates = " ".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "infra").glob("*.yaml")))
    own = {
        name: re.split("[/:]", value)[-1]
        for name, value in environment().items()
        if name.startswith(("LEADLINE_", "CANARY_")) or name.endswith("_ROLE_ARN")
    }

    assert 13 == len(own)
    assert {} == {name: last for name, last in own.items() if not re.search(rf": {last}$", templates, re.MULTILINE)}
    assert f"Default: {environment()['VPC_CIDR']}\n" in templates


def test_dev_shares_no_queue_table_topic_role_or_host_with_prod() -> None:
    def own(overlay: str) -> set[str]:
        text = (K8S / "overlays" / overlay / "environment" / "environment.env").read_text()
        values = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {values[name] for name in values.keys() - {"AWS_REGION", "VPC_CIDR", "CERTIFICATE_ARN", "INBOUND_CIDRS"}}

    assert 14 == len(own("prod")) == len(own("dev"))
    assert set() == own("prod") & own("dev")


@each_overlay
def test_the_length_of_the_queue_for_one_pod_follows_from_the_figures_and_the_comment_says_the_same(
    overlay: str,
) -> None:
    tree = one(render(overlay), "ScaledObject")
    figures = {name.removeprefix("leadline/"): int(value) for name, value in tree["metadata"]["annotations"].items()}
    rate, within = figures["events-per-second-and-pod"], figures["done-within-s"]

    length = rate * within // figures["events-per-message"]

    assert str(length) == tree["spec"]["triggers"][0]["metadata"]["queueLength"]
    line = re.compile(rf"#\s+{rate} x {within} / {figures['events-per-message']} = {length}\n")
    assert line.search((K8S / "keda" / "scaledobject.yaml").read_text())


def test_the_rate_of_a_pod_is_the_one_that_was_measured() -> None:
    """With store and topic; benchmarks/autoscale.py and the cost of a month go by the same figure."""
    tree = ast.parse((ROOT / "benchmarks" / "cost.py").read_text(encoding="utf-8"))
    [rates] = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and node.value and "RATES" == ast.unparse(node.target)
    ]

    notes = one(render("prod"), "ScaledObject")["metadata"]["annotations"]

    assert str(rates["both"]) == notes["leadline/events-per-second-and-pod"]


@each_overlay
def test_the_quota_has_room_for_every_worker_while_a_release_rolls(overlay: str) -> None:
    """New ones come before old ones go, and an old one counts until it has drained."""
    objects = render(overlay)
    hard = one(objects, "ResourceQuota")["spec"]["hard"]
    worker, console = (one(objects, "Deployment", f"leadline-{name}")["spec"] for name in ("worker", "console"))
    most = one(objects, "ScaledObject")["spec"]["maxReplicaCount"]
    workers, consoles = rolling(most, worker), rolling(console["replicas"], console)
    jobs = [pod for _, pod in pod_specs(render(overlay, "jobs"))]

    pods = [worker["template"]["spec"]] * workers + [console["template"]["spec"]] * consoles + jobs

    assert len(pods) <= int(hard["pods"])
    assert sum(asked(pod, "requests", "cpu", CORES) for pod in pods) <= amount(hard["requests.cpu"], CORES)
    for kind in ("requests", "limits"):
        need = sum(asked(pod, kind, "memory", MEBIBYTES) for pod in pods)
        assert need <= amount(hard[f"{kind}.memory"], MEBIBYTES)


@each_overlay
def test_nothing_gets_in_or_out_but_by_the_ports_that_are_named(overlay: str) -> None:
    policies = {tree["metadata"]["name"]: tree["spec"] for tree in render(overlay) if tree["kind"] == "NetworkPolicy"}

    assert {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} == policies["default-deny"]
    rules = {way: [rule for p in policies.values() for rule in p.get(way, [])] for way in ("ingress", "egress")}
    assert {8080, 8000} == {port["port"] for rule in rules["ingress"] for port in rule["ports"]}
    assert {443, 53} == {port["port"] for rule in rules["egress"] for port in rule["ports"]}
    assert all(rule.get("from") for rule in rules["ingress"])
    assert all(rule.get("to") for rule in rules["egress"])


@each_overlay
def test_the_load_balancer_is_internal_and_speaks_https_only(overlay: str) -> None:
    tree = one(render(overlay), "Ingress")
    said = {
        name.removeprefix("alb.ingress.kubernetes.io/"): value
        for name, value in tree["metadata"]["annotations"].items()
    }

    assert ("internal", "ip", "/readyz") == (said["scheme"], said["target-type"], said["healthcheck-path"])
    assert [{"HTTPS": 443}] == json.loads(said["listen-ports"])
    assert said["certificate-arn"].startswith("arn:aws:acm:")
    assert "TLS13" in said["ssl-policy"]


@each_overlay
def test_the_canary_takes_nothing_from_the_real_lane_and_the_check_all_of_it(overlay: str) -> None:
    objects = render(overlay, "jobs")
    real = one(objects, "ConfigMap", "leadline-settings")["data"]

    canary, check = (given(objects, name) for name in ("leadline-canary", "leadline-check"))

    lane = [f"LEADLINE_{name}" for name in ("QUEUE", "QUARANTINE", "TOPIC", "STORE")]
    assert all("-canary-" in canary[name] and canary[name] != real[name] for name in lane)
    assert "-canary-inbox" in canary["CANARY_INBOX"]
    assert {name: canary[name] for name in real.keys() - set(lane)} == {
        name: real[name] for name in real.keys() - set(lane)
    }
    assert real == check == one(render(overlay), "ConfigMap", "leadline-settings")["data"]


def test_a_job_ends_by_itself_before_the_deployer_gives_it_up_and_never_runs_twice() -> None:
    for tree in (one(render("prod", "jobs"), "Job", name) for name in ("leadline-canary", "leadline-check")):
        spec, [container] = tree["spec"], tree["spec"]["template"]["spec"]["containers"]
        own = int(container["command"][-1])
        assert (0, "Never") == (spec["backoffLimit"], spec["template"]["spec"]["restartPolicy"])
        assert spec["activeDeadlineSeconds"] >= own + 180, "a node and the image may have to come first"
        assert spec["ttlSecondsAfterFinished"] >= 600, "its log is read after its end"


def test_the_deployer_can_set_images_names_and_labels_from_outside() -> None:
    repository, digest = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/leadline", "sha256:" + "1" * 64
    images = [
        {"name": f"leadline/{n}", "newName": f"{repository}/{n}", "digest": digest} for n in ("worker", "console")
    ]

    release = render("prod", "release", {"images": images, "labels": [{"pairs": {"leadline/part": "release"}}]})
    jobs = render("prod", "jobs", {"images": images, "nameSuffix": "-1-abc"})

    for name, pod in [*pod_specs(release), *pod_specs(jobs)]:
        wanted = "console" if "console" in name else "worker"
        assert [f"{repository}/{wanted}@{digest}"] == [container["image"] for container in pod["containers"]]
    assert {"leadline-canary-1-abc", "leadline-check-1-abc"} == {
        t["metadata"]["name"] for t in jobs if t["kind"] == "Job"
    }
    assert given(jobs, "leadline-check-1-abc") == given(render("prod", "jobs"), "leadline-check")
    assert all("release" == tree["metadata"]["labels"]["leadline/part"] for tree in release)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not here; the document's commands use it")
def test_the_commands_that_need_no_cluster_run_as_the_document_says() -> None:
    document = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```sh\n# without a cluster\n(.*?)```", document, re.DOTALL)
    path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"

    ran = subprocess.run(
        ["bash", "-euc", block], cwd=ROOT, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )

    assert 0 == ran.returncode, ran.stderr


def validated(objects: list[Tree], version: str, folder: Path) -> str:
    """Judge objects by the strict schemas of a version, and return what was said."""
    checker = tool(".venv-delivery", "kubernetes-validate")
    file = folder / "objects.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    ran = subprocess.run(
        [checker, "--strict", "--kubernetes-version", version, file], capture_output=True, text=True, check=False
    )
    said = ran.stdout + ran.stderr
    assert 0 == ran.returncode, said
    return said


def keda_schema(kind: str) -> Draft202012Validator:
    """Return the schema that KEDA's own definition gives for a kind; a field that it does not name is a fault."""
    folder = os.environ.get("KEDA_CRDS")
    if not folder:
        pytest.skip("KEDA_CRDS is not set; it names the folder with KEDA's definitions (config/crd/bases)")
    definition = yaml.safe_load((Path(folder) / f"keda.sh_{KEDA_KINDS[kind]}.yaml").read_text())
    [version] = [version for version in definition["spec"]["versions"] if version["name"] == "v1alpha1"]
    return Draft202012Validator(closed(version["schema"]["openAPIV3Schema"]))


def closed(schema: Any) -> Any:  # noqa: ANN401  a JSON Schema is any tree
    """Return a schema in which no object takes a field that it does not name, as a strict API server reads it."""
    if not isinstance(schema, dict):
        return [closed(part) for part in schema] if isinstance(schema, list) else schema
    shut = {key: closed(part) for key, part in schema.items()}
    if isinstance(shut.get("properties"), dict) and "type" in shut and "additionalProperties" not in shut:
        shut["additionalProperties"] = bool(shut.get("x-kubernetes-preserve-unknown-fields", False))
    return shut


def resource(tree: Tree) -> tuple[str, str]:
    """Return the API group and the plural of an object's kind, as a Role names them."""
    kind = tree["kind"].lower()
    group, _, _ = tree["apiVersion"].rpartition("/")
    return group, "networkpolicies" if kind == "networkpolicy" else kind + ("es" if kind.endswith("s") else "s")


def given(objects: list[Tree], job: str) -> dict[str, str]:
    """Return the environment of a Job's container: what comes later wins."""
    [container] = one(objects, "Job", job)["spec"]["template"]["spec"]["containers"]
    maps = {tree["metadata"]["name"]: tree["data"] for tree in objects if tree["kind"] == "ConfigMap"}
    return {
        key: value for source in container["envFrom"] for key, value in maps[source["configMapRef"]["name"]].items()
    }


def rolling(replicas: int, deployment: Tree) -> int:
    """Return how many pods there may be while a Deployment rolls: new ones, surge, and old ones that still drain."""
    surge = deployment["strategy"]["rollingUpdate"]["maxSurge"]
    share = surge if isinstance(surge, int) else math.ceil(replicas * int(surge.removesuffix("%")) / 100)
    return 2 * replicas + share


def asked(pod: Tree, kind: str, what: str, units: dict[str, Any]) -> float:
    return sum(amount(container["resources"][kind][what], units) for container in pod["containers"])


def amount(text: str, units: dict[str, Any]) -> float:
    number = re.match(r"[\d.]+", text)
    assert number
    return float(number.group()) * float(units[text[number.end() :]])
