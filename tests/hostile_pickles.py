"""
Hostile pickles, one of a kind: what they would run touches a marker file, and nothing else.

Those of `PROGRAMS` are written opcode by opcode; those of `SPOILT` are real models that were altered and pickled again.
"""

import copy
import io
import pickle
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, SplineTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.tree._tree import Tree

from propensity.features import FEATURES, matrix_from_columns
from tests.bundles import table

MARK: Final = b"("
NONE: Final = b"N"


def text(value: str) -> bytes:
    """Push a text."""
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def name(module: str, attribute: str) -> bytes:
    """Push what would be imported."""
    return text(module) + text(attribute) + b"\x93"


def call(module: str, attribute: str, *arguments: bytes) -> bytes:
    """Call it."""
    return name(module, attribute) + MARK + b"".join(arguments) + b"tR"


def program(*parts: bytes) -> bytes:
    """Make a pickle of these parts."""
    return b"\x80\x05" + b"".join(parts) + b"."


def touch(marker: Path) -> bytes:
    """Push the shell's command that leaves the marker."""
    return text(f"touch {marker}")


def code(marker: Path) -> bytes:
    """Push Python that leaves the marker."""
    return text(f"open({str(marker)!r}, 'w').close()")


def nested(marker: Path) -> bytes:
    """Push the bytes of another pickle."""
    inner = program(call("os", "system", touch(marker)))
    return b"B" + struct.pack("<I", len(inner)) + inner


def as_file(marker: Path) -> bytes:
    """Write another pickle beside the marker, and push the path."""
    path = marker.with_suffix(".inner")
    path.write_bytes(program(call("os", "system", touch(marker))))
    return text(str(path))


def filled(module: str, attribute: str, key: str, value: bytes) -> bytes:
    """Make an empty object and set one attribute."""
    return name(module, attribute) + b")\x81}" + text(key) + value + b"sb"


_F8: Final = name("numpy", "dtype") + text("f8") + b"\x89\x88\x87R"
_OBJECTS: Final = name("numpy", "dtype") + text("O8") + b"\x89\x88\x87R"
_OBJECTS_AS_NUMBERS: Final = _OBJECTS + MARK + b"K\x03" + text("|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
_EMPTY_ARRAY: Final = (
    name("numpy._core.multiarray", "_reconstruct") + name("numpy", "ndarray") + b"K\x00\x85C\x01b\x87R"
)

PROGRAMS: Final[Mapping[str, Callable[[Path], bytes]]] = {
    "os.system": lambda marker: program(call("os", "system", touch(marker))),
    "posix.system": lambda marker: program(call("posix", "system", touch(marker))),
    "protocol 0": lambda marker: b"cos\nsystem\n(S'touch %b'\ntR." % str(marker).encode(),
    "protocol 2": lambda marker: b"\x80\x02cposix\nsystem\n(X" + touch(marker)[1:] + b"tR.",
    "protocol 3": lambda marker: b"\x80\x03cposix\nsystem\n(" + touch(marker) + b"tR.",
    "INST": lambda marker: b"\x80\x03(" + touch(marker) + b"ios\nsystem\n.",
    "OBJ": lambda marker: program(MARK, name("os", "system"), touch(marker), b"o"),
    "protocol 6": lambda marker: b"\x80\x06" + call("os", "system", touch(marker)) + b".",
    "two protocols": lambda marker: b"\x80\x05\x80\x02" + call("os", "system", touch(marker)) + b".",
    "subprocess.check_output": lambda marker: program(
        call("subprocess", "check_output", text("touch"), text(str(marker)))
    ),
    "subprocess.Popen": lambda marker: program(name("subprocess", "Popen"), MARK, touch(marker), b"t\x81"),
    "builtins.eval": lambda marker: program(call("builtins", "eval", code(marker))),
    "builtins.exec": lambda marker: program(call("builtins", "exec", code(marker))),
    "__builtin__.eval": lambda marker: program(call("__builtin__", "eval", code(marker))),
    "builtins.open": lambda marker: program(call("builtins", "open", text(str(marker)), text("w"))),
    "builtins.__import__": lambda _: program(call("builtins", "__import__", text("antigravity"))),
    "getattr chain": lambda marker: program(
        call("builtins", "getattr", call("importlib", "import_module", text("os")), text("system")),
        touch(marker),
        b"\x85R",
    ),
    "importlib.import_module": lambda _: program(call("importlib", "import_module", text("this"))),
    "functools.partial": lambda marker: program(
        call("functools", "partial", name("os", "system"), touch(marker)), b")R"
    ),
    "operator.attrgetter": lambda _: program(
        call("operator", "attrgetter", text("system")), name("os", "path"), b"\x85R"
    ),
    "operator.methodcaller": lambda marker: program(
        call("operator", "methodcaller", text("write_text"), text("x")),
        call("pathlib", "PosixPath", text(str(marker))),
        b"\x85R",
    ),
    "pathlib.Path.touch": lambda marker: program(
        call("pathlib", "Path.touch", call("pathlib", "PosixPath", text(str(marker))))
    ),
    "codecs.encode": lambda _: program(call("_codecs", "encode", text("x"), text("latin1"))),
    "codecs.open": lambda marker: program(call("codecs", "open", text(str(marker)), text("w"))),
    "copyreg.__newobj__": lambda marker: program(
        call("copyreg", "__newobj__", name("io", "FileIO"), text(str(marker)), text("w"))
    ),
    "copyreg._reconstructor": lambda _: program(
        call("copyreg", "_reconstructor", name("sklearn.pipeline", "Pipeline"), name("builtins", "object"), NONE)
    ),
    "copyreg.add_extension": lambda _: program(call("copyreg", "add_extension", text("os"), text("system"), b"K\x07")),
    "weakref.finalize": lambda marker: program(
        call("weakref", "finalize", name("os", "path"), name("os", "system"), touch(marker))
    ),
    "pickle.loads": lambda marker: program(call("pickle", "loads", nested(marker))),
    "_pickle.loads": lambda marker: program(call("_pickle", "loads", nested(marker))),
    "marshal.loads": lambda _: program(call("marshal", "loads", b"C\x01N")),
    "numpy.load": lambda marker: program(call("numpy", "load", as_file(marker), NONE, b"\x88")),
    "numpy.memmap": lambda marker: program(
        call("numpy", "memmap", text(str(marker)), text("f8"), text("w+"), b"K\x00K\x08")
    ),
    "numpy.lib tofile": lambda marker: program(call("numpy", "ndarray.tofile", _EMPTY_ARRAY, text(str(marker)))),
    "numpy.f2py": lambda marker: program(call("numpy.f2py.diagnose", "run_command", touch(marker))),
    "numpy.testing": lambda marker: program(call("numpy.testing._private.utils", "runstring", code(marker), b"}")),
    "numpy.core of old": lambda _: program(
        name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), b"K\x00\x85C\x01b\x87R"
    ),
    "joblib.load": lambda marker: program(call("joblib", "load", as_file(marker))),
    "joblib.numpy_pickle.load": lambda marker: program(call("joblib.numpy_pickle", "load", as_file(marker))),
    "pandas.read_pickle": lambda marker: program(call("pandas", "read_pickle", as_file(marker))),
    "pandas.io.common": lambda marker: program(call("pandas.io.common", "get_handle", text(str(marker)), text("w"))),
    "dotted name": lambda _: program(call("sklearn.tree._tree", "Tree.__init__")),
    "dotted way out": lambda marker: program(call("sklearn.base", "os.system", touch(marker))),
    "module in a listed module": lambda _: program(
        call("sklearn.utils._bunch", "warnings.sys.modules.get", text("os"))
    ),
    "timeit": lambda marker: program(call("timeit", "timeit", code(marker))),
    "webbrowser": lambda _: program(call("webbrowser", "register", text("x"), name("os", "system"))),
    "ctypes.CDLL": lambda _: program(call("ctypes", "CDLL", text("libc.so.6"))),
    "runpy": lambda marker: program(call("runpy", "run_path", as_file(marker))),
    "sklearn's fetch": lambda _: program(call("sklearn.datasets", "fetch_openml", text("x"))),
    "sklearn's load_files": lambda marker: program(call("sklearn.datasets", "load_svmlight_file", as_file(marker))),
    "a name of no text": lambda marker: program(b"K\x01", text("system"), b"\x93", touch(marker), b"\x85R"),
    "extension code 1": lambda marker: program(b"\x82\x01", touch(marker), b"\x85R"),
    "extension code 2": lambda marker: program(b"\x83\x01\x00", touch(marker), b"\x85R"),
    "extension code 4": lambda marker: program(b"\x84\x01\x00\x00\x00", touch(marker), b"\x85R"),
    "persistent number": lambda marker: program(text(str(marker)), b"Q"),
    "persistent line": lambda marker: b"\x80\x03P" + str(marker).encode() + b"\n.",
    "buffer out of band": lambda _: program(b"\x97"),
    "read-only buffer out of band": lambda _: program(b"\x97\x98"),
    "NEWOBJ_EX": lambda marker: program(
        name("subprocess", "Popen"), MARK, touch(marker), b"t}", text("shell"), b"\x88s\x92"
    ),
    "DUP": lambda _: program(b")2\x86"),
    "POP hides": lambda marker: program(call("os", "system", touch(marker)), b"0N"),
    "after STOP": lambda marker: (
        program(filled("sklearn.pipeline", "Pipeline", "steps", b"]")) + program(call("os", "system", touch(marker)))
    ),
    "two values": lambda _: program(b"NN"),
    "bytes that are not there": lambda _: program(b"\x8e" + struct.pack("<Q", 2**40)),
    "bytearray that is not there": lambda _: program(b"\x96" + struct.pack("<Q", 2**62)),
    "text that is not there": lambda _: program(b"X" + struct.pack("<I", 2**32 - 1)),
    "number of a gigabyte": lambda _: program(b"\x8b" + struct.pack("<i", 2**30)),
    "long number": lambda _: program(b"\x8a\xff" + b"\x7f" * 255),
    "memo of four billion": lambda _: program(NONE, b"r" + struct.pack("<I", 2**32 - 1)),
    "memo that is not there": lambda _: program(b"h\x07"),
    "memo overwritten": lambda _: program(NONE, b"q\x00\x88q\x00"),
    "a frame too long": lambda _: program(b"\x95" + struct.pack("<Q", 2**50), NONE),
    "tuples in tuples": lambda _: program(b")", b"\x85" * 100_000),
    "doubling tuples as a key": lambda _: program(b"}K\x01\x85" + b"\x94h\x00\x86" + NONE + b"s"),
    "marks in marks": lambda _: program(MARK * 100_000, b"t" * 100_000),
    "a stack of a hundred thousand": lambda _: program(MARK, NONE * 100_000, b"t"),
    "array of another class": lambda _: program(
        name("numpy._core.multiarray", "_reconstruct"), name("numpy", "memmap"), b"K\x00\x85C\x01b\x87R"
    ),
    "array larger than its bytes": lambda _: program(
        _EMPTY_ARRAY, MARK, b"K\x01\x8a\x05\x00\x00\x00\x00\x10\x85", _F8, b"\x89C\x08" + bytes(8), b"tb"
    ),
    "array of a negative shape": lambda _: program(
        _EMPTY_ARRAY, MARK, b"K\x01J\xff\xff\xff\xff\x85", _F8, b"\x89C\x08" + bytes(8), b"tb"
    ),
    "object array of a nested pickle": lambda marker: program(
        _EMPTY_ARRAY, MARK, b"K\x01K\x01\x85", _OBJECTS, b"\x89", nested(marker), b"tb"
    ),
    "addresses for objects": lambda _: program(
        _EMPTY_ARRAY, MARK, b"K\x01K\x01\x85", _OBJECTS_AS_NUMBERS, b"\x89C\x08" + b"A" * 8, b"tb"
    ),
    "addresses for objects, from a buffer": lambda _: program(
        call("numpy._core.numeric", "_frombuffer", b"\x96\x08" + bytes(7) + b"A" * 8, _OBJECTS, b"K\x01\x85", text("C"))
    ),
    "scalar of an object": lambda marker: program(call("numpy._core.multiarray", "scalar", _OBJECTS, nested(marker))),
    "scalar too short": lambda _: program(call("numpy._core.multiarray", "scalar", _F8, b"C\x01A")),
    "a type altered after use": lambda _: program(
        _F8, b"\x94", MARK, b"K\x03", text("<"), b"NNNJ\x00\x10\x00\x00J\xff\xff\xff\xffK\x00tb"
    ),
    "a tree of a billion outputs": lambda _: program(
        call("sklearn.tree._tree", "Tree", b"K\x09", _EMPTY_ARRAY, b"J\xff\xff\xff\x3f")
    ),
    "class of an object": lambda _: program(
        filled("sklearn.pipeline", "Pipeline", "__class__", name("sklearn.tree._classes", "DecisionTreeClassifier"))
    ),
    "method replaced by a class": lambda _: program(
        filled("sklearn.pipeline", "Pipeline", "predict_proba", name("sklearn.utils._bunch", "Bunch"))
    ),
    "method replaced by os.system": lambda _: program(
        filled("sklearn.pipeline", "Pipeline", "predict_proba", name("os", "system"))
    ),
    "state by slots": lambda _: program(
        name("sklearn.pipeline", "Pipeline"),
        b")\x81N}",
        text("__class__"),
        name("sklearn.utils._bunch", "Bunch"),
        b"s\x86b",
    ),
    "BUILD of a class": lambda _: program(name("sklearn.pipeline", "Pipeline"), b"}", text("predict_proba"), b"\x88sb"),
    "BUILD twice": lambda _: program(
        filled("sklearn.pipeline", "Pipeline", "steps", b"]"), b"}", text("steps"), b"Nsb"
    ),
    "APPEND to an object": lambda _: program(filled("sklearn.pipeline", "Pipeline", "steps", b"]"), b"Na"),
    "SETITEM on an object": lambda _: program(filled("sklearn.pipeline", "Pipeline", "steps", b"]"), text("a"), b"Ns"),
    "REDUCE of a listed class": lambda _: program(call("sklearn.pipeline", "Pipeline", b"]")),
    "NEWOBJ with arguments": lambda _: program(name("sklearn.utils._bunch", "Bunch"), b"N\x85\x81"),
    "FrozenEstimator of a foreign part": lambda marker: program(
        filled("sklearn.frozen._frozen", "FrozenEstimator", "estimator", call("os", "system", touch(marker)))
    ),
    "Pipeline of a foreign part": lambda marker: program(
        filled("sklearn.pipeline", "Pipeline", "steps", b"]" + call("os", "system", touch(marker)) + b"a")
    ),
    "Pipeline with a cache on disk": lambda marker: program(
        filled("sklearn.pipeline", "Pipeline", "memory", call("joblib.memory", "Memory", text(str(marker))))
    ),
    "a dict": lambda _: pickle.dumps({"model": 1}),
    "an array": lambda _: pickle.dumps(np.zeros(3), protocol=5),
    "nothing": lambda _: b"",
    "no pickle": lambda _: b"PK\x03\x04 a zip file",
}


def _rows() -> tuple[Any, Any]:
    columns, takers = table()
    return matrix_from_columns(columns, FEATURES), takers


class _Altering(pickle.Pickler):
    """Writes other nodes and arguments into the trees that it comes upon."""

    def __init__(self, file: Any, change: Callable[[dict[str, Any], list[Any]], None]) -> None:  # noqa: ANN401  a file
        super().__init__(file, protocol=5)
        self._change = change

    def reducer_override(self, thing: Any) -> Any:  # noqa: ANN401  pickle's own signature
        if not isinstance(thing, Tree):
            return NotImplemented
        made, arguments, state = thing.__reduce__()
        state, changed = {key: copy.deepcopy(value) for key, value in state.items()}, list(arguments)
        self._change(state, changed)
        return made, tuple(changed), state


def altered_tree(change: Callable[[dict[str, Any], list[Any]], None], model: Any = None) -> bytes:  # noqa: ANN401
    """Return the pickle of a fitted tree whose state was changed."""
    file = io.BytesIO()
    fitted = (DecisionTreeClassifier(random_state=0) if model is None else model).fit(*_rows())
    _Altering(file, change).dump(fitted)
    return file.getvalue()


def _node(field: str, value: int) -> Callable[[dict[str, Any], list[Any]], None]:
    def change(state: dict[str, Any], _arguments: list[Any]) -> None:
        state["nodes"][field][0] = value

    return change


def _last_branch(state: dict[str, Any], _arguments: list[Any]) -> None:
    """Send only the rarest rows astray: the golden rows need not come there."""
    inner = np.flatnonzero(state["nodes"]["left_child"] != -1)
    state["nodes"]["right_child"][inner[-1]] = 0


def _says(key: str, value: Any) -> Callable[[dict[str, Any], list[Any]], None]:  # noqa: ANN401
    def change(state: dict[str, Any], _arguments: list[Any]) -> None:
        state[key] = value(state[key])

    return change


def _argument(index: int, value: Any) -> Callable[[dict[str, Any], list[Any]], None]:  # noqa: ANN401
    def change(_state: dict[str, Any], arguments: list[Any]) -> None:
        arguments[index] = value

    return change


def _altered(model: Any, change: Callable[[Any], None]) -> bytes:  # noqa: ANN401  any estimator
    fitted = model.fit(*_rows())
    change(fitted)
    return pickle.dumps(fitted, protocol=5)


def _set(name_: str, value: Callable[[Any], Any]) -> Callable[[Any], None]:
    def change(model: Any) -> None:  # noqa: ANN401
        setattr(model, name_, value(getattr(model, name_, None)))

    return change


def _boosted(field: str, value: int) -> bytes:
    def change(model: Any) -> None:  # noqa: ANN401
        nodes = model._predictors[0][0].nodes.copy()
        nodes[field][0] = value
        model._predictors[0][0].nodes = nodes

    return _altered(HistGradientBoostingClassifier(max_iter=3, random_state=0), change)


def _of_other_width(forest: Any) -> None:  # noqa: ANN401
    columns, takers = _rows()
    forest.estimators_[0] = DecisionTreeClassifier().fit(np.hstack([columns, columns]), takers)


def _spline(name_: str, value: Callable[[Any], Any]) -> bytes:
    def change(model: Any) -> None:  # noqa: ANN401
        spline = model.steps[0][1].bsplines_[0]
        setattr(spline, name_, value(getattr(spline, name_)))

    return _altered(make_pipeline(SplineTransformer(4), LogisticRegression(max_iter=1000)), change)


def _forest() -> Any:  # noqa: ANN401
    return RandomForestClassifier(3, random_state=0)


def _boosting() -> Any:  # noqa: ANN401
    return GradientBoostingClassifier(n_estimators=3, random_state=0)


SPOILT: Final[Mapping[str, Callable[[], bytes]]] = {
    "child out of bounds": lambda: altered_tree(_node("left_child", 10**9)),
    "child of itself": lambda: altered_tree(_node("right_child", 0)),
    "negative child": lambda: altered_tree(_node("right_child", -7)),
    "a cycle off the beaten track": lambda: altered_tree(_last_branch),
    "column out of range": lambda: altered_tree(_node("feature", 10**12)),
    "negative column": lambda: altered_tree(_node("feature", -5)),
    "more nodes than there are": lambda: altered_tree(_says("node_count", lambda count: count + 10**6)),
    "a tree of more columns": lambda: altered_tree(_argument(0, 1000)),
    "a tree of many outputs": lambda: altered_tree(_argument(2, 10**6)),
    "a tree of no classes": lambda: altered_tree(_argument(1, np.array([0]))),
    "values of another shape": lambda: altered_tree(_says("values", lambda values: values[:, :, :1])),
    "nodes of another kind": lambda: altered_tree(_says("nodes", lambda nodes: nodes["threshold"].copy())),
    "no nodes": lambda: altered_tree(_says("nodes", lambda nodes: nodes[:0])),
    "a forest's child out of bounds": lambda: altered_tree(_node("left_child", 10**9), _forest()),
    "a boosting's child out of bounds": lambda: altered_tree(_node("left_child", 10**9), _boosting()),
    "a boosting's column out of range": lambda: altered_tree(_node("feature", 10**9), _boosting()),
    "a forest that claims fewer columns": lambda: _altered(_forest(), _set("n_features_in_", lambda _: 2)),
    "a forest with a tree of more columns": lambda: _altered(_forest(), _of_other_width),
    "a forest of foreign trees": lambda: _altered(
        _forest(), _set("estimators_", lambda all_: [*all_, FrozenEstimator(all_[0])])
    ),
    "a boosting of two trees a stage": lambda: _altered(
        _boosting(), _set("estimators_", lambda stages: np.hstack([stages, stages]))
    ),
    "bins: child out of bounds": lambda: _boosted("left", 2**31),
    "bins: child of itself": lambda: _boosted("right", 0),
    "bins: column out of range": lambda: _boosted("feature_idx", 10**9),
    "bins: a category": lambda: _boosted("is_categorical", 1),
    "support vectors cut": lambda: _altered(SVC(), _set("support_vectors_", lambda vectors: vectors[:3].copy())),
    "weights cut": lambda: _altered(SVC(), _set("_dual_coef_", lambda weights: weights[:, :2].copy())),
    "counts of support raised": lambda: _altered(SVC(), _set("_n_support", lambda counts: counts * 1000)),
    "kernel of a table": lambda: _altered(SVC(), _set("kernel", lambda _: "precomputed")),
    "knots cut": lambda: _spline("_t", lambda knots: knots[:2].copy()),
    "a spline of degree a million": lambda: _spline("k", lambda _: 10**6),
    "a function": lambda: _altered(make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()), lambda _: None),
    "neighbours": lambda: _altered(KNeighborsClassifier(), lambda _: None),
    "AdaBoost": lambda: _altered(AdaBoostClassifier(n_estimators=2), lambda _: None),
    "SGD": lambda: _altered(SGDClassifier(loss="log_loss"), lambda _: None),
}
"""Refused by inspection: scikit-learn's compiled code would trust them."""


def _raise_degree(model: Any) -> None:  # noqa: ANN401
    model.steps[0][1]._n_out_full = 10**9


def _into_itself(model: Any) -> None:  # noqa: ANN401
    model.steps = [("model", model)]


def _other_leaves(state: dict[str, Any], _arguments: list[Any]) -> None:
    state["values"][:] = state["values"][:, :, ::-1].copy()


def _other_thresholds(state: dict[str, Any], _arguments: list[Any]) -> None:
    state["nodes"]["threshold"] += 1000


PLAUSIBLE: Final[Mapping[str, tuple[str, Callable[[], bytes]]]] = {
    "leaves swapped": ("scores a golden row", lambda: altered_tree(_other_leaves)),
    "thresholds moved": ("scores a golden row", lambda: altered_tree(_other_thresholds)),
    "another model": ("scores a golden row", lambda: pickle.dumps(_forest().fit(_rows()[0], 1 - _rows()[1]))),
    "a table of sixty gigabytes": (
        "does not fit the golden rows",
        lambda: _altered(make_pipeline(PolynomialFeatures(2), StandardScaler(), LogisticRegression()), _raise_degree),
    ),
    "a pipeline of itself": (
        r"recursion|no fitted classifier|the process that tried it",
        lambda: _altered(make_pipeline(StandardScaler(), _forest()), _into_itself),
    ),
    "not fitted": ("no fitted classifier", lambda: pickle.dumps(DecisionTreeClassifier(), protocol=5)),
    "of another width": (
        "does not fit the golden rows",
        lambda: pickle.dumps(_forest().fit(_rows()[0][:, :4], _rows()[1]), protocol=5),
    ),
}
"""These pass inspection; the child or the golden rows refuse them, with these words."""
