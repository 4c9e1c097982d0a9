"""What the worker's process must not carry."""

import json
import os
import subprocess
import sys
from typing import Final

import pytest

from propensity.signing import sign
from tests.bundles import Keys

HEAVY: Final = (
    "pandas",
    "matplotlib",
    "seaborn",
    "imblearn",
    "sklearn",
    "scipy",
    "training",
    "leadline",
    "rich",
    "click",
)
AWS: Final = ("boto3", "botocore", "ports.aws")


def loaded_by(code: str) -> set[str]:
    """Return the modules that are loaded in a fresh interpreter after the code."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, env=environ)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "code",
    [
        "import worker, worker.__main__, worker.pipeline, worker.metrics",
        "import schemas.__main__",
        "import propensity.bundle, propensity.decision, propensity.economics",
    ],
)
def test_importing_loads_nothing_heavy_and_no_aws(code: str) -> None:
    assert not loaded_by(code).intersection((*HEAVY, *AWS))


def test_embedded_addresses_load_no_aws(tmp_path: object) -> None:
    opened = loaded_by(
        "from ports import create_queue, open_store, open_topic, fetch_bundle\n"
        f"create_queue('sqlite:///{tmp_path}/q.db'); open_store('sqlite:///{tmp_path}/s.db')\n"
        f"open_topic('file:///{tmp_path}/t.jsonl'); import pathlib; fetch_bundle('{tmp_path}', pathlib.Path('.'))"
    )
    assert not opened.intersection((*HEAVY, *AWS))


def test_a_good_signature_and_the_settings_load_nothing_that_is_not_needed(keys: Keys) -> None:
    (keys.public.parent / "signature").write_bytes(sign(b"message", keys.private))
    loaded = loaded_by(
        "import worker.__main__, pathlib; from propensity.signing import is_signed\n"
        "from worker.configuration import load_settings; load_settings({})\n"
        f"public = pathlib.Path('{keys.public}')\n"
        "assert is_signed(b'message', (public.parent / 'signature').read_bytes(), public)"
    )
    assert not loaded.intersection(("cryptography", "dotenv", "difflib", *HEAVY, *AWS))


def test_only_unpickling_loads_scikit_learn() -> None:
    code = (
        "import sys\nfrom propensity.unpickle import unpickle\nbefore = 'sklearn' in sys.modules\n"
        "unpickle(b'\\x80\\x04\\x8c\\x13sklearn.naive_bayes\\x8c\\nGaussianNB\\x93.')\nassert not before"
    )
    assert "sklearn.naive_bayes" in loaded_by(code)


def test_the_contracts_need_pydantic_alone() -> None:
    loaded = loaded_by("import schemas.lead, schemas.manifest, schemas.event")
    assert not loaded.intersection(("numpy", "cryptography", *HEAVY, *AWS))
