"""Hostile pickles are refused without running any of them: by `leadline model inspect`, and by the loader."""

import json
import pickle
from pathlib import Path

import pytest
from click.testing import CliRunner

from leadline.verbs.inspect_pickle import inspect_pickle
from propensity.bundle import BundleError, load
from propensity.child import ChildFailed, run_fork
from propensity.inspection.judge import MAX_BYTES, inspect
from propensity.unpickle import unpickle
from tests.bundles import Keys, likely_above, replace_model
from tests.good_models import KINDS, fitted, packed
from tests.hostile_pickles import PLAUSIBLE, PROGRAMS, SPOILT


@pytest.mark.parametrize("kind", PROGRAMS)
def test_a_hostile_pickle_is_refused_even_when_it_is_signed(
    kind: str, bundle_folder: Path, keys: Keys, tmp_path: Path
) -> None:
    """Neither the inspection nor the loader leaves the marker; nor would the list of names alone, in a child."""
    marker = tmp_path / "marker"
    pickled = PROGRAMS[kind](marker)
    replace_model(bundle_folder, keys, pickled)

    assert inspect(pickled).reasons
    with pytest.raises(BundleError, match="does not pass inspection, and nothing of it ran: "):
        load(bundle_folder, keys.public)
    assert not marker.exists()
    assert "loaded" != _unpickled_in_child(pickled) or kind in HARMLESS
    assert not marker.exists()


HARMLESS = {
    "after STOP",
    "an array",
    "a dict",
    "BUILD of a class",
    "BUILD twice",
    "DUP",
    "REDUCE of a listed class",
    "NEWOBJ with arguments",
    "SETITEM on an object",
    "APPEND to an object",
    "a type altered after use",
    "class of an object",
    "doubling tuples as a key",
    "long number",
    "marks in marks",
    "memo overwritten",
    "method replaced by a class",
    "state by slots",
    "tuples in tuples",
    "a stack of a hundred thousand",
    "two values",
    "two protocols",
    "protocol 6",
    "addresses for objects",
}
"""What names listed things only: an unpickler would take it, and the inspection does not."""


def _unpickled_in_child(pickled: bytes) -> str:
    def work() -> str:
        try:
            unpickle(pickled)
        except Exception as error:  # noqa: BLE001  any refusal will do
            return f"refused: {error}"
        return "loaded"

    try:
        return run_fork(work, len(pickled))
    except ChildFailed as error:
        return f"died: {error}"


@pytest.mark.parametrize("kind", SPOILT)
def test_a_model_whose_parts_do_not_fit_is_refused_before_it_is_loaded(
    kind: str, bundle_folder: Path, keys: Keys
) -> None:
    """Some would crash the interpreter at a row that no golden row is like."""
    replace_model(bundle_folder, keys, SPOILT[kind]())

    with pytest.raises(BundleError, match="does not pass inspection, and nothing of it ran: byte "):
        load(bundle_folder, keys.public)


@pytest.mark.parametrize("kind", PLAUSIBLE)
def test_a_model_that_only_its_scores_betray_is_refused_by_child_or_golden_rows(
    kind: str, bundle_folder: Path, keys: Keys
) -> None:
    words, make = PLAUSIBLE[kind]
    pickled = make()
    replace_model(bundle_folder, keys, pickled)

    assert inspect(pickled).passes
    with pytest.raises(BundleError, match=words):
        load(bundle_folder, keys.public)


def test_there_are_enough_kinds_of_each() -> None:
    assert len(PROGRAMS) + len(SPOILT) + len(PLAUSIBLE) >= 140
    assert len(KINDS) >= 25


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("kind", ["forest, out of bag", "vote", "support vectors", "gradient boosting, of samples"])
def test_a_good_pickle_passes_as_anybody_would_write_it(kind: str, protocol: int) -> None:
    assert () == inspect(pickle.dumps(fitted(kind), protocol=protocol)).reasons


def test_all_forbidden_names_are_told_with_their_places() -> None:
    found = inspect(b"\x80\x03cos\nsystem\ncposix\nsystem\n\x86.")

    assert ("os.system", "posix.system") == found.names
    assert ["byte 2: it names os.system", "byte 13: it names posix.system"] == [
        reason.partition(",")[0] for reason in found.reasons[:2]
    ]


def test_a_file_beyond_all_bounds_is_refused_unread() -> None:
    found = inspect(bytes(MAX_BYTES + 1))

    assert 0 == found.opcodes
    assert "are allowed; train a smaller model" in found.reasons[0]


def test_the_verb_tells_what_passes_and_what_does_not(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.pkl", tmp_path / "bad.pkl"
    good.write_bytes(pickle.dumps(packed("tree")))
    bad.write_bytes(PROGRAMS["os.system"](tmp_path / "marker"))

    passed = CliRunner().invoke(inspect_pickle, [str(good), "--json"], standalone_mode=False)
    refused = CliRunner().invoke(inspect_pickle, [str(bad), "--json"], standalone_mode=False)

    assert (0, 3) == (passed.return_value, refused.return_value)
    told = [json.loads(ran.stdout.splitlines()[-1]) for ran in (passed, refused)]
    assert ["pass", "refuse"] == [one["verdict"] for one in told]
    assert "sklearn.tree._tree.Tree" in told[0]["globals"]
    assert [] == told[0]["reasons"]
    assert "byte 20: it names os.system" in told[1]["reasons"][0]
    assert good.stat().st_size == told[0]["bytes"]
    assert not (tmp_path / "marker").exists()


def test_the_verb_names_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    ran = CliRunner().invoke(inspect_pickle, [str(tmp_path / "none.pkl")], standalone_mode=False)

    assert "none.pkl cannot be read: No such file" in str(ran.exception)


def test_a_damaged_end_of_a_good_pickle_is_told(tmp_path: Path) -> None:
    pickled = pickle.dumps(likely_above(100), protocol=5)

    assert "cut off" in inspect(pickled[:-1]).reasons[0]
    assert "bytes follow the end" in inspect(pickled + b" ").reasons[0]
    assert not list(tmp_path.iterdir())
