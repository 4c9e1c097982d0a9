"""The last good release lies in the cluster: it is put back only if it is what the pipeline has signed."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.delivery.hook_fixtures import NEW, OLD, deployer, release_keys, revisions, serving_old
from tests.delivery.hook_scene import STEPS, Deployer, Keys, have_kubectl, new_keys, served

__all__ = ["deployer", "release_keys", "revisions", "serving_old"]
pytestmark = pytest.mark.skipif(not have_kubectl(), reason="kubectl, which renders, is not installed")

KEPT = "ConfigMap/leadline-last-good"
FOREIGN = "registry.example/leadline/worker@sha256:" + "f" * 64
Data = dict[str, str]


def data(deployer: Deployer) -> Data:
    """Return what the ConfigMap holds."""
    kept: Data = deployer.cluster.objects[KEPT]["data"]
    return kept


def replaced(key: str, old: str, new: str) -> Callable[[Data], None]:
    """Return what alters one entry, in which the old text must be."""

    def alter(kept: Data) -> None:
        assert old in kept[key]
        kept[key] = kept[key].replace(old, new)

    return alter


def with_a_secret(kept: Data) -> None:
    """Add an object that no release may change."""
    kept["manifests.yaml"] += "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: extra\n"


def with_another_spelling(kept: Data) -> None:
    """Name another image as kustomize never writes it, and the right one in a text, where no container is meant."""
    image = served(OLD)["leadline-worker"]
    [line] = [line for line in kept["manifests.yaml"].splitlines() if line.endswith(f" image: {image}")]
    room = " " * line.index("image:")
    hidden = f"{line.replace('image:', chr(34) + 'image' + chr(34) + ':').replace(image, FOREIGN)}\n"
    decoy = f"{room}workingDir: |-\n{room}  image: {image}\n"
    kept["manifests.yaml"] = kept["manifests.yaml"].replace(f"{line}\n", hidden + decoy)


ALTERED = {
    "release.json": (replaced("release.json", "aaaaaaa0", "ccccccc0"), "is not the signature of release.json"),
    "no signature": (lambda kept: kept.pop("release.sig"), "lacks release.sig"),
    "empty": (lambda kept: kept.update({"manifests.yaml": ""}), "lacks manifests.yaml"),
    "no base64": (lambda kept: kept.update({"release.sig": "?"}), "release.sig is no base64"),
    "no signature at all": (lambda kept: kept.update({"release.sig": "AAAA"}), "is not the signature of release.json"),
    "image": (
        replaced("manifests.yaml", served(OLD)["leadline-worker"], FOREIGN),
        f"runs {FOREIGN}, which release.json does not name",
    ),
    "spelling": (with_another_spelling, "is not as kustomize writes it"),
    "no yaml": (
        replaced("manifests.yaml", "kind: Service\n", "kind: Service\n]\n"),
        "kustomize cannot read the manifests",
    ),
    "secret": (with_a_secret, "Secret extra is not the release's to change"),
    "no manifests": (lambda kept: kept.update({"manifests.yaml": "text"}), "no kind or no name"),
}


@pytest.fixture(params=ALTERED)
def altered(request: pytest.FixtureRequest, deployer: Deployer) -> str:
    """Alter the last good release in the cluster; return why it is refused."""
    alter, reason = ALTERED[request.param]
    alter(data(deployer))
    return reason


def test_the_release_is_kept_with_its_signature(deployer: Deployer, revisions: dict[str, Path]) -> None:
    kept = data(deployer)

    assert {"release.json", "release.sig", "manifests.yaml"} == set(kept)
    assert (revisions[OLD] / "release.json").read_text() == kept["release.json"]
    assert (revisions[OLD] / "release.sig").read_bytes() == base64.b64decode(kept["release.sig"])


def test_without_one_that_can_be_put_back_a_new_release_is_refused(
    deployer: Deployer, revisions: dict[str, Path], altered: str
) -> None:
    """It cannot be told what it had to be judged against, nor is there a way back."""
    [hook] = deployer.deploy(revisions[NEW])

    assert ("verify", 3) == (hook.step, hook.code)
    assert altered in hook.err
    assert "leadline model pin VERSION" in hook.err
    assert served(OLD) == deployer.cluster.serving()


def test_a_release_that_was_validated_before_mends_it(
    deployer: Deployer, revisions: dict[str, Path], altered: str
) -> None:
    ended = deployer.deploy(revisions[OLD])

    assert altered
    assert [0, 0, 0, 0] == [hook.code for hook in ended]
    assert "the last good release is not to be told; this one was validated before" in ended[0].out
    assert (revisions[OLD] / "release.json").read_text() == data(deployer)["release.json"]
    assert f"the last good release is {OLD}" in deployer.deploy(revisions[OLD], ["verify"])[0].out


@pytest.mark.parametrize("step", ["apply", "validate"])
def test_it_is_not_put_back_but_what_ran_before_is(
    deployer: Deployer, revisions: dict[str, Path], altered: str, step: str
) -> None:
    """Somebody has altered it after `verify`; it stays as it is, for people to look at."""
    kept = dict(data(deployer))
    if step == "apply":
        deployer.cluster.plan.broken = [served(NEW)["leadline-worker"]]
    else:
        deployer.cluster.plan.jobs = {"leadline-check": "Failed"}

    last = deployer.deploy(revisions[NEW], STEPS[1:])[-1]

    assert (step, 1) == (last.step, last.code)
    assert "the last good release may not be put back, so what ran before runs again" in last.out
    assert last.out.endswith("; `leadline model pin VERSION` deploys a release that was validated\n")
    assert altered in last.err
    assert served(OLD) == deployer.cluster.serving()
    assert kept == data(deployer)
    applied = [call["stdin"] or "" for call in deployer.cluster.calls if call["argv"][1] == "apply"]
    assert not [text for text in applied if f"image: {FOREIGN}\n" in text]


def test_another_s_signature_does_not_count(deployer: Deployer, revisions: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    text = data(deployer)["release.json"]
    signature = new_keys(tmp_path / "other").sign(text.encode())
    data(deployer)["release.sig"] = base64.b64encode(signature).decode()

    [hook] = deployer.deploy(revisions[NEW])

    assert ("verify", 3) == (hook.step, hook.code)
    assert "is not the signature of release.json" in hook.err


def test_an_openssl_that_cannot_tell_is_no_verdict(deployer: Deployer, revisions: dict[str, Path]) -> None:
    """The key is damaged: neither the revision nor the last good release is called altered."""
    damaged = deployer.folder / "damaged.pem"
    damaged.write_text("no key")
    deployer.keys = Keys(deployer.keys.private, damaged)

    [hook] = deployer.deploy(revisions[NEW])

    assert ("verify", 1) == (hook.step, hook.code)
    assert json.loads(data(deployer)["release.json"])["version"] == OLD
