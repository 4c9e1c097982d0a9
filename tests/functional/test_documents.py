"""What the documents say is run: their commands, and their example events."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from propensity.decision import Case
from propensity.features import FEATURES
from tests.trained import ROOT
from worker.decode import decode
from worker.errors import REASONS
from worker.settings import Settings, variable

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(document: Path, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("document", [d for d in DOCUMENTS if blocks(d, "console")], ids=lambda document: document.name)
def test_the_commands_of_a_document_run(document: Path, tmp_path: Path) -> None:
    """All of a document's commands, one after the other in one shell, in an empty folder and an empty home."""
    lines = [line[2:] for block in blocks(document, "console") for line in block.splitlines() if line.startswith("$ ")]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("LEADLINE_", "XDG_"))}
    environ |= {"HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{environ['PATH']}"}
    environ |= {"LEADLINE_HTTP_PORT": "0", "LEADLINE_WAIT_TIME_S": "0"}

    script = "\n".join(["set -eu", *lines])
    ran = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    assert 0 == ran.returncode, ran.stderr
    assert lines


@pytest.mark.parametrize("example", blocks(ROOT / "docs" / "events.md", "json"))
def test_an_example_event_is_accepted(example: str) -> None:
    (case,) = decode(example.encode(), FEATURES, datetime(2026, 2, 1, tzinfo=UTC))

    assert isinstance(case, Case)
    assert "1" == json.loads(example).get("data", json.loads(example))["customer_id"]


def test_every_reason_code_is_documented() -> None:
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "events.md").read_text(encoding="utf-8")))

    assert set(REASONS) <= documented


def test_every_setting_that_a_document_names_is_one() -> None:
    named = {name for d in DOCUMENTS for name in re.findall(r"LEADLINE_[A-Z_]+[A-Z]", d.read_text(encoding="utf-8"))}

    assert named <= {variable(name) for name in Settings.model_fields}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8"))

    assert [] == [link for link in links if not (document.parent / link).exists()]
