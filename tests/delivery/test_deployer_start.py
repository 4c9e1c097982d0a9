"""How the deployer starts: the template's script runs here, with stand-ins for what only the machine or AWS has."""

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.delivery.least_privilege.policies import data, template
from tests.delivery.templates import ACCOUNT, INFRA, REGION, Template

KUBECTL: Final = b'#!/bin/sh\necho "kubectl $*" >> "$CALLS"\nexit "${KUBECTL_EXIT:-0}"\n'
MODELS: Final = f"leadline-models-{ACCOUNT}-{REGION}"
_NOTES: Final = '#!/bin/sh\necho "{name} $*" >> "$CALLS"\n'
_AWS: Final = """case "$1 $2" in
  "s3 cp") for to in "$@"; do :; done; cp "$KUBECTL" "$to" ;;
  "kms get-public-key") cat "$PUBLIC_KEY" ;;
  "eks update-kubeconfig") mkdir -p "$ROOT/root/.kube"; echo config > "$ROOT/root/.kube/config" ;;
esac
"""
_CURL: Final = """for to in "$@"; do test "$last" = --output && file=$to; last=$to; done
printf '#!/bin/sh\\necho "agent installed" >> "$CALLS"\\nmkdir -p "$ROOT/etc/codedeploy-agent/conf"\\n' > "$file"
"""
_STAND_INS: Final = {"aws": _AWS, "curl": _CURL, "dnf": "", "systemctl": "", "sleep": "", "cfn-signal": ""}


class Start(NamedTuple):
    """How a start went: the exit code, what was called in order, and the machine's files."""

    code: int
    calls: list[str]
    root: Path

    def text(self, path: str) -> str:
        """Return a file of the machine."""
        return (self.root / path).read_text()

    @property
    def signal(self) -> str:
        """What the stack was told, once and at the end."""
        [signal] = [call for call in self.calls if call.startswith("cfn-signal ")]
        assert signal == self.calls[-1]
        return signal


def script(sha256: str) -> str:
    """Return the script as it reaches the machine."""
    imports = {**data().exports, **template("cluster").exports}
    where = Template(INFRA / "pipeline.yaml", {"KubectlSha256": sha256}, imports)
    return str(where.properties("DeployerTemplate")["LaunchTemplateData"]["UserData"])


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Start]:
    """Start a machine whose root is a folder here."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    root, calls = tmp_path / "root", tmp_path / "calls"
    for folder in ("bin", "etc", "usr/local/bin", "opt/aws/bin"):
        (root / folder).mkdir(parents=True)
    for name, does in _STAND_INS.items():
        place = root / ("opt/aws/bin" if name == "cfn-signal" else "bin") / name
        place.write_text(_NOTES.format(name=name) + does)
        place.chmod(0o755)
    (tmp_path / "kubectl").write_bytes(KUBECTL)
    encoded = subprocess.run(["base64"], input=der, capture_output=True, check=True).stdout
    (tmp_path / "public").write_bytes(encoded)

    def run(*, sha256: str = hashlib.sha256(KUBECTL).hexdigest(), **environment: str) -> Start:
        text = script(sha256)
        for place in ("/etc/", "/usr/local/", "/opt/aws/", "/root"):
            text = text.replace(f" {place}", f" {root}{place}").replace(f"'{place}", f"'{root}{place}")
            text = text.replace(f"={place}", f"={root}{place}")
        ran = subprocess.run(
            ["bash", "-s"], input=text, capture_output=True, text=True, check=False, cwd=tmp_path,
            env={
                "PATH": f"{root}/bin:/usr/bin:/bin", "TMPDIR": str(tmp_path), "CALLS": str(calls), "ROOT": str(root),
                "KUBECTL": str(tmp_path / "kubectl"), "PUBLIC_KEY": str(tmp_path / "public"), **environment,
            },
        )  # fmt: skip
        return Start(ran.returncode, calls.read_text().splitlines(), root)

    return run


def test_a_deployer_that_is_ready_says_so_and_starts_the_agent_last(start: Callable[..., Start]) -> None:
    ready = start()

    assert 0 == ready.code
    assert "--exit-code 0 --stack leadline-pipeline --resource DeployerGroup" in ready.signal
    agent = ready.calls.index("agent installed")
    [asked] = [call for call in ready.calls if call.startswith("kubectl ")]
    assert ready.calls.index(asked) < agent < ready.calls.index("systemctl is-active codedeploy-agent")
    assert "get --raw /readyz" in asked
    assert ":enable_auth_policy: true\n" == ready.text("etc/codedeploy-agent/conf/codedeployagent.yml")


def test_it_leaves_what_the_hooks_read(start: Callable[..., Start]) -> None:
    ready = start()
    lines = dict(line.split("=", 1) for line in ready.text("etc/leadline/deployer.env").splitlines())

    assert {"MODELS_BUCKET": MODELS, "AWS_REGION": REGION} == {
        name: lines[name] for name in ("MODELS_BUCKET", "AWS_REGION")
    }
    assert lines["KUBECONFIG"].endswith("/root/.kube/config")
    key = serialization.load_pem_public_key(ready.text("etc/leadline/release-key.pem").encode())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert KUBECTL.decode() == ready.text("usr/local/bin/kubectl")


def test_another_kubectl_than_the_pinned_one_fails_the_stack_and_is_not_installed(start: Callable[..., Start]) -> None:
    failed = start(sha256="0" * 64)

    assert failed.code != 0
    assert f"--exit-code {failed.code} " in failed.signal
    assert not (failed.root / "usr/local/bin/kubectl").exists()
    assert "agent installed" not in failed.calls


def test_a_cluster_that_does_not_answer_is_asked_twenty_times_and_fails_the_stack(start: Callable[..., Start]) -> None:
    failed = start(KUBECTL_EXIT="1")

    assert 20 == sum(call.startswith("kubectl ") for call in failed.calls)
    assert "--exit-code 1 " in failed.signal
    assert "agent installed" not in failed.calls


@pytest.mark.parametrize("tool", ["dnf", "aws", "curl", "systemctl"])
def test_whatever_else_fails_fails_the_stack(start: Callable[..., Start], tmp_path: Path, tool: str) -> None:
    broken = tmp_path / "root" / "bin" / tool
    broken.write_text(_NOTES.format(name=tool) + "exit 7\n")

    assert "--exit-code 7 " in start().signal


def test_the_script_fits_into_user_data() -> None:
    """EC2 takes 16 KiB."""
    assert len(script("0" * 64).encode()) < 16 * 1024


def test_what_a_machine_may_read_is_where_its_script_looks() -> None:
    """The one kubectl lies under tools/ in the models bucket, and the role may read that one object."""
    statements: list[dict[str, Any]] = [
        statement
        for policy in template("pipeline").properties("DeployerRole")["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    [kubectl] = [statement for statement in statements if statement["Sid"] == "FetchKubectl"]

    assert f"arn:aws:s3:::{MODELS}/tools/kubectl-1.35.6" == kubectl["Resource"]
    assert f"s3://{MODELS}/tools/kubectl-1.35.6" in script("0" * 64)
