"""A pickle that names what is not on the list is refused, and nothing of it has run."""

import copyreg
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.tree import DecisionTreeClassifier

from propensity.bundle import BundleError, load
from propensity.unpickle import ForbiddenGlobal, unpickle
from tests.bundles import Keys, likely_above, new_keys, replace_model


class Writes:
    """Pickled, this is an order to write a file."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.write_text, (self._marker, "ran")


def test_a_pickle_that_would_run_something_is_refused_even_when_it_is_signed(
    bundle_folder: Path, keys: Keys, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    replace_model(bundle_folder, keys, pickle.dumps(Writes(marker)))
    with pytest.raises(BundleError, match=r"it names pathlib.*, which is not on the list"):
        load(bundle_folder, keys.public)
    assert not marker.exists()


def test_nothing_is_unpickled_when_the_signature_does_not_hold(bundle_folder: Path, keys: Keys, tmp_path: Path) -> None:
    """Not even what is on the list: the pickle here is cut off, and that is never found out."""
    (tmp_path / "other").mkdir()
    replace_model(bundle_folder, new_keys(tmp_path / "other"), b"\x80\x05cut off")
    with pytest.raises(BundleError, match="signed by somebody else"):
        load(bundle_folder, keys.public)
    with pytest.raises(BundleError, match="does not pass inspection"):
        load(bundle_folder, None)


@pytest.mark.parametrize(
    "pickled",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"\x80\x04\x8c\x12sklearn.tree._tree\x8c\rTree.__init__\x93.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.",
        b"\x80\x04\x8c\x05numpy\x8c\x04load\x93.",
        b"",
        pickle.dumps(likely_above(100))[:-20],
    ],
    ids=["os.system", "dotted name", "eval", "numpy.load", "empty", "cut off"],
)
def test_a_pickle_off_the_list_or_broken_is_refused(pickled: bytes, bundle_folder: Path, keys: Keys) -> None:
    replace_model(bundle_folder, keys, pickled)
    with pytest.raises(BundleError, match="does not pass inspection"):
        load(bundle_folder, keys.public)
    with pytest.raises((ForbiddenGlobal, pickle.UnpicklingError, EOFError)):
        unpickle(pickled)


@pytest.mark.parametrize("what", [{"a": 1}, None, [DecisionTreeClassifier()], DecisionTreeClassifier()])
def test_what_is_no_fitted_classifier_is_refused(what: object, bundle_folder: Path, keys: Keys) -> None:
    replace_model(bundle_folder, keys, pickle.dumps(what))
    with pytest.raises(BundleError, match="no fitted classifier"):
        load(bundle_folder, keys.public)


def test_an_extension_code_is_no_way_round_the_list(bundle_folder: Path, keys: Keys) -> None:
    """The inspection refuses the opcode, and the unpickler by itself the name behind it."""
    copyreg.add_extension("os", "system", 1)
    try:
        replace_model(bundle_folder, keys, b"\x80\x04\x82\x01.")
        with pytest.raises(BundleError, match="opcode EXT1, which no fitted classifier needs"):
            load(bundle_folder, keys.public)
        with pytest.raises(ForbiddenGlobal, match=r"it names os\.system"):
            unpickle(b"\x80\x02\x82\x01.")
    finally:
        copyreg.remove_extension("os", "system", 1)
