"""The JSON Schemas are those of the classes, and say what the worker does, as far as JSON Schema can say it."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # its stubs are no requirement of ours

import schemas.__main__
from propensity.bundle import Bundle
from propensity.decision import announce, decide
from schemas.decision import StoredDecision
from schemas.event import canonical_time
from tests.bundles import policy
from tests.helpers import accepted, cloud_event, customer, plain_event, reasons
from worker.errors import REASONS

FOLDER: Final = Path(schemas.__main__.__file__).parent
EVENTS: Final = Path(__file__).parents[1] / "events"
VALID: Final = sorted((EVENTS / "valid").glob("*.json"))
INVALID: Final = sorted((EVENTS / "invalid").glob("*.json"))
IN_JSON_SCHEMA: Final = {"bad_id", "missing_field", "not_an_event", "out_of_bounds", "unknown_type", "wrong_type"}
BEYOND_JSON_SCHEMA: Final = {"bad_id.130-bytes-in-65-characters"}
"""It counts characters, not bytes."""


@cache
def validator(name: str) -> Draft202012Validator:
    schema = json.loads((FOLDER / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("name", schemas.__main__.CONTRACTS)
def test_a_schema_that_is_checked_in_is_what_the_classes_say(name: str) -> None:
    assert schemas.__main__.json_schema(name) == (FOLDER / f"{name}.schema.json").read_text(), "make schemas mends this"


def test_there_is_no_schema_without_a_class() -> None:
    assert set(schemas.__main__.CONTRACTS) == {path.name.removesuffix(".schema.json") for path in FOLDER.glob("*.json")}


def test_the_schemas_are_written_where_they_are_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["schemas", str(tmp_path)])
    schemas.__main__.main()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        path.name: path.read_text() for path in FOLDER.glob("*.schema.json")
    }


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_valid_example_is_accepted(path: Path) -> None:
    assert set(reasons(path.read_bytes())) == {""}


@pytest.mark.parametrize("path", [p for p in VALID if "in-" not in p.stem], ids=lambda path: path.stem)
def test_a_valid_example_without_envelope_fits_the_schema(path: Path) -> None:
    content = json.loads(path.read_bytes())
    for event in content if isinstance(content, list) else [content]:
        validator("event").validate(event)


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_invalid_example_is_rejected_for_the_reason_in_its_name(path: Path) -> None:
    reason = path.stem.split(".")[0]
    assert reason in REASONS
    assert reasons(path.read_bytes()) == [reason]


@pytest.mark.parametrize(
    "path",
    [p for p in INVALID if p.stem.split(".")[0] in IN_JSON_SCHEMA and p.stem not in BEYOND_JSON_SCHEMA],
    ids=lambda path: path.stem,
)
def test_an_invalid_example_does_not_fit_the_schema(path: Path) -> None:
    assert not validator("event").is_valid(json.loads(path.read_bytes()))


VALUES: Final[tuple[Any, ...]] = (
    -11,
    -10,
    -1,
    0,
    1,
    2,
    3,
    4,
    5,
    130,
    131,
    99999,
    100000,
    1e6,
    1e6 + 1,
    0.5,
    "1",
    "",
    True,
    None,
    [],
    {},
    ...,
)


@pytest.mark.parametrize("name", customer(loan_on_card=0, consent=None))
def test_schema_and_worker_agree_on_whatever_stands_in_a_field(name: str) -> None:
    """But for 1.0 in place of 1, which JSON Schema takes for a whole number and we do not."""
    for value in VALUES:
        data: dict[str, Any] = {name: value}
        for event in (cloud_event(**data), plain_event(**data)):
            assert validator("event").is_valid(event) == (reasons(event) == [""]), (name, value)


def test_a_lead_and_its_decision_fit_their_schemas(bundle: Bundle) -> None:
    [decision] = decide([accepted(cloud_event(consent={"email": True}))], np.array([0.75]), policy())
    lead = announce(StoredDecision(decision=decision, was_lead=False))
    assert lead is not None
    validator("decision").validate(json.loads(decision.model_dump_json()))
    validator("lead").validate(json.loads(lead.model_dump_json()))
    validator("manifest").validate(json.loads(bundle.manifest.model_dump_json()))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-01-15T10:00:00Z", "2026-01-15T10:00:00.000000Z"),
        ("2026-01-15t10:00:00.5z", "2026-01-15T10:00:00.500000Z"),
        ("2026-01-15T10:00:00.123456+02:30", "2026-01-15T07:30:00.123456Z"),
        ("2025-12-31T23:30:00-01:00", "2026-01-01T00:30:00.000000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_a_time_becomes_utc_at_microseconds(text: str, canonical: str) -> None:
    assert canonical_time(text) == canonical


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-01-15", "2026-01-15T10:00:00", "2026-01-15 10:00:00Z", "2026-01-15T10:00:00.Z",
     "2026-01-15T10:00:00.1234567Z", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-01-15T25:00:00Z",
     "2026-01-15T10:00:00+25:00", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
     "٢٠٢٦-01-15T10:00:00Z", "2026-01-15T10:00:00Z\n"],
)  # fmt: skip
def test_what_is_no_time_or_finer_than_a_microsecond_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"RFC 3339|microsecond|no such date"):
        canonical_time(text)
