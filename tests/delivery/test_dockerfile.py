"""The Dockerfile, read: what hadolint says of it, and what must hold of every image before one is built."""

import json
import re
import subprocess
from typing import Final

import pytest

from tests.delivery.tools import tool
from tests.trained import ROOT

TEXT: Final = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LINES: Final = [line for line in TEXT.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
IMAGES: Final = ("worker", "worker-lean", "console", "trainer")


def stage(name: str) -> list[str]:
    """Return the instructions of a stage."""
    start = next(number for number, line in enumerate(LINES) if re.fullmatch(rf"FROM \S+ AS {name}", line))
    rest = LINES[start + 1 :]
    end = next((number for number, line in enumerate(rest) if line.startswith("FROM ")), len(rest))
    return rest[:end]


def test_hadolint_finds_nothing() -> None:
    command = [tool(".venv-delivery", "hadolint"), ROOT / "Dockerfile"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (0, "") == (ran.returncode, ran.stdout)


def test_checkov_finds_nothing_but_what_the_file_explains() -> None:
    options = ["--framework", "dockerfile", "--skip-download", "--output", "json", "--file", "Dockerfile"]
    checkov = tool(".venv-checkov", "checkov")
    ran = subprocess.run([checkov, *options], capture_output=True, text=True, check=False, cwd=ROOT)
    found = json.loads(ran.stdout)["results"]

    assert [] == found["failed_checks"]
    assert {"CKV_DOCKER_2", "CKV_DOCKER_7"} == {one["check_id"] for one in found["skipped_checks"]}
    assert "CKV_DOCKER_3" in {one["check_id"] for one in found["passed_checks"]}


def test_the_base_is_pinned_by_digest_and_is_the_only_one() -> None:
    assert re.fullmatch(r"ARG BASE=python:3\.11\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", LINES[0])
    stages = {line.split(" AS ")[1] for line in LINES if line.startswith("FROM ")}
    built_on = {line.split()[1] for line in LINES if line.startswith("FROM ")}
    copied_from = set(re.findall(r"--from=(\S+)", TEXT))

    assert built_on <= stages | {"${BASE}"}
    assert copied_from <= stages


def test_every_builder_understands_it() -> None:
    """Buildah and podman know neither `COPY --link` nor heredocs; a frontend of its own would be fetched unpinned."""
    assert "--link" not in TEXT
    assert "<<" not in TEXT
    assert "syntax=" not in TEXT
    assert "--mount" not in TEXT


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_runs_as_a_user_without_rights(name: str) -> None:
    """By number, so that Kubernetes can see that it is not root; no stage takes another user after that."""
    assert f"FROM runtime AS {name}" in LINES
    assert "USER 10001:10001" in stage("runtime")
    assert not [line for line in stage(name) if line.startswith(("USER", "RUN", "HEALTHCHECK", "VOLUME"))]


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_starts_without_a_shell_and_stops_at_a_signal(name: str) -> None:
    """A shell as process 1 would keep SIGTERM to itself, and the worker would not drain."""
    assert "STOPSIGNAL SIGTERM" in stage("runtime")
    assert re.fullmatch(r'ENTRYPOINT \["[a-z]+"(, "[a-z-]+")*\]', stage(name)[-1])


@pytest.mark.parametrize(
    ("name", "bundle"), [("worker", "bundle"), ("worker-lean", "compiled-bundle"), ("console", "bundle")]
)
def test_the_bundle_is_the_last_layer(name: str, bundle: str) -> None:
    """A new model is a new layer of its own size, and the libraries stay where they are on the nodes."""
    assert f"COPY --from={bundle} /srv/leadline /srv/leadline" == [x for x in stage(name) if x.startswith("COPY")][-1]
    assert {"LEADLINE_MODEL=/srv/leadline/model", "LEADLINE_PUBLIC_KEY=/srv/leadline/release-key.pem"} <= set(
        " ".join(stage(name)).split()
    )


def test_the_worker_holds_what_it_runs_and_no_more() -> None:
    """No command line, no training, no console."""
    copied = {line.split()[1] for line in stage("worker-code") if line.startswith("COPY")}

    assert {"schemas", "propensity", "ports", "worker"} == copied
    assert ["console"] == [line.split()[1] for line in stage("console-code") if line.startswith("COPY")]


def test_the_lean_worker_is_the_worker_without_what_the_pickle_needs() -> None:
    (run,) = stage("lean-libraries")
    gone = run.split("--yes ")[1].split(" &&")[0].split()

    assert "FROM worker-libraries AS lean-libraries" in LINES
    assert ["joblib", "scikit-learn", "scipy", "threadpoolctl"] == gone
    assert "LEADLINE_SCORER=compiled" in " ".join(stage("worker-lean")).split()
    assert "LEADLINE_SCORER=compiled" not in " ".join(stage("worker")).split()
    assert "COPY --from=worker-code" in " ".join(stage("worker-lean"))


def test_the_lean_image_is_not_built_of_a_bundle_that_is_not_compiled() -> None:
    (run,) = stage("compiled-bundle")

    assert run.startswith("RUN test -f /srv/leadline/model/compiled.npz ")
    assert "leadline model compile" in run


def test_every_library_is_installed_with_its_hash() -> None:
    install = next(line for line in LINES if line.startswith("ENV INSTALL="))

    assert {"--require-hashes", "--no-deps", "--only-binary"} <= set(install.split())
    for name in ("worker", "console", "trainer"):
        (run,) = (line for line in stage(f"{name}-libraries") if line.startswith("RUN"))
        assert re.match(r"RUN \$\{INSTALL\} requirements(-[a-z]+)?\.txt ", run)


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_says_what_it_is_of(name: str) -> None:
    labels = set(re.findall(r"org\.opencontainers\.image\.([a-z.]+)=", " ".join(stage(name))))

    assert {"title", "description", "licenses", "version", "revision", "created", "base.name"} == labels


def test_nothing_goes_to_the_builder_but_what_is_named() -> None:
    """First all is left out. So no key, no customer's data and no history ever is in a layer of the build."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}

    assert "*" == rules[0]
    assert {"build", "build/model", "build/challenger", "build/release-key.pem"} == {x for x in let_in if "build" in x}
    assert rules.index("!build") < rules.index("build/*") < rules.index("!build/model")
    assert not let_in & {"tests", ".git", ".env"}
    assert all((ROOT / name).exists() for name in let_in if "build" not in name)
