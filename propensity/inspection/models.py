"""What a model's parts must agree on, where scikit-learn's compiled code would trust them and read beyond an end."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from propensity.inspection.calls import array_of
from propensity.inspection.values import Made, is_whole

MAX_CLASSES: Final = 1000
MAX_SPLINE_DEGREE: Final = 10

_TREE: Final = ("sklearn.tree._tree", "Tree")
_CLASSIFIER: Final = ("sklearn.tree._classes", "DecisionTreeClassifier")
_REGRESSOR: Final = ("sklearn.tree._classes", "DecisionTreeRegressor")
_EXTRA: Final = ("sklearn.tree._classes", "ExtraTreeClassifier")
_PREDICTOR: Final = ("sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor")
_TREE_STATE: Final = {"max_depth", "node_count", "nodes", "values"}
_TREE_FIELDS: Final = ("left_child", "right_child", "feature", "threshold", "impurity", "n_node_samples")
_KERNELS: Final = ("linear", "poly", "rbf", "sigmoid")


def check_part(made: Made) -> None:
    """
    Check one object of a model, after all of the pickle has been walked through.

    Raises:
        Refused: What it says of itself does not agree with what it holds.
    """
    check = _CHECKS.get(made.of)
    if check is not None:
        check(made)


def _check_tree(made: Made) -> None:
    """Every node's children come after it, so that no row goes in circles, and each split is on a column that is."""
    columns, classes = _tree_arguments(made)
    if not isinstance(made.state, dict) or set(made.state) != _TREE_STATE:
        raise made.refuse("without the state of a tree")
    nodes, values = array_of(made.state["nodes"]), array_of(made.state["values"])
    if nodes is None or len(nodes.shape) != 1 or (nodes.dtype.names or ())[:6] != _TREE_FIELDS or not nodes.shape[0]:
        raise made.refuse("whose nodes are none")
    count = nodes.shape[0]
    if made.state["node_count"] != count:
        raise made.refuse(f"says that it has {made.state['node_count']!r} nodes, and {count} are there")
    if values is None or values.shape != (count, 1, classes) or values.dtype != np.float64 or values.order != "C":
        raise made.refuse("whose values do not fit its nodes")
    table = nodes.values
    is_leaf = table["left_child"] == -1
    _check_ways(made, table["left_child"], table["right_child"], table["feature"], is_leaf, columns)


def _tree_arguments(made: Made) -> tuple[int, int]:
    """Return how many columns a tree was fitted on, and how many classes it knows."""
    columns, classes, outputs = made.arguments if len(made.arguments) == 3 else (0, None, 0)
    counts = array_of(classes)
    if not is_whole(columns) or counts is None or counts.shape != (1,) or counts.dtype != np.int64 or outputs != 1:
        raise made.refuse("with arguments that no tree of one output has")
    known = int(counts.values[0])
    if not 1 <= known <= MAX_CLASSES:
        raise made.refuse(f"of {known} classes")
    return columns, known


def _check_ways(
    made: Made, left: NDArray[Any], right: NDArray[Any], feature: NDArray[Any], is_leaf: NDArray[np.bool_], columns: int
) -> None:
    inner = np.flatnonzero(~is_leaf)
    for child in (left[inner].astype(np.int64), right[inner].astype(np.int64)):
        if ((child <= inner) | (child >= len(left))).any():
            raise made.refuse("with a node whose child does not come after it, or is not there; the tree was altered")
    if ((feature[inner] < 0) | (feature[inner] >= columns)).any():
        raise made.refuse(f"with a split on a column beyond the {columns} that it has; the tree was altered")


def _check_decision_tree(made: Made) -> None:
    tree = made.has("tree_")
    if tree is None:
        return  # a template, not fitted
    if not isinstance(tree, Made) or tree.of != _TREE or made.has("n_outputs_") != 1:
        raise made.refuse("whose tree is none")
    columns, classes = _tree_arguments(tree)
    if columns != made.has("n_features_in_"):
        raise made.refuse(f"of {made.has('n_features_in_')!r} columns, with a tree of {columns}")
    if made.of == _REGRESSOR and classes != 1:
        raise made.refuse("whose tree has more than one value in a leaf")


def _check_forest(made: Made) -> None:
    trees = made.has("estimators_")
    if trees is not None:
        _check_trees(made, trees, (_CLASSIFIER, _EXTRA))


def _check_trees(made: Made, trees: object, kinds: tuple[tuple[str, str], ...]) -> None:
    """A forest checks a row once, and its trees trust it."""
    if not isinstance(trees, list):
        raise made.refuse("whose trees are no list")
    for tree in trees:
        if not isinstance(tree, Made) or tree.of not in kinds or tree.has("tree_") is None:
            raise made.refuse("with a tree that is none")
        if tree.has("n_features_in_") != made.has("n_features_in_"):
            raise made.refuse(f"of {made.has('n_features_in_')!r} columns, with a tree of other columns")


def _check_gradient_boosting(made: Made) -> None:
    if made.has("estimators_") is None:
        return
    stages = array_of(made.has("estimators_"))
    if stages is None or len(stages.shape) != 2 or stages.shape[1] != 1 or made.has("n_trees_per_iteration_") != 1:
        raise made.refuse("whose stages are not one tree each; only two classes are supported")
    _check_trees(made, stages.data, (_REGRESSOR,))


def _check_hist_gradient_boosting(made: Made) -> None:
    if made.has("_predictors") is None:
        return
    columns, stages = made.has("n_features_in_"), made.has("_predictors")
    if not is_whole(columns) or not isinstance(stages, list):
        raise made.refuse("whose stages are none")
    for stage in stages:
        for tree in stage if isinstance(stage, list) else (None,):
            _check_predictor(made, tree, columns)


def _check_predictor(made: Made, tree: object, columns: int) -> None:
    nodes = array_of(tree.has("nodes")) if isinstance(tree, Made) and tree.of == _PREDICTOR else None
    fields = {"left", "right", "feature_idx", "is_leaf", "is_categorical"}
    if nodes is None or len(nodes.shape) != 1 or not nodes.shape[0] or not fields <= set(nodes.dtype.names or ()):
        raise made.refuse("with a tree that is none")
    table = nodes.values
    if table["is_categorical"].any():
        raise made.refuse("with splits on categories; encode them as columns before the boosting")
    _check_ways(made, table["left"], table["right"], table["feature_idx"], table["is_leaf"] != 0, columns)


def _check_support_vectors(made: Made) -> None:
    if made.has("support_vectors_") is None:
        return
    vectors, support, counts = (array_of(made.has(name)) for name in ("support_vectors_", "support_", "_n_support"))
    weights, offsets = array_of(made.has("_dual_coef_")), array_of(made.has("_intercept_"))
    if vectors is None or support is None or counts is None or weights is None or offsets is None:
        raise made.refuse("without its support vectors")
    count = int(counts.values.sum()) if counts.dtype == np.int32 and counts.shape == (2,) else -1
    shapes = [array.shape for array in (vectors, support, weights, offsets)]
    types = {array.dtype for array in (vectors, weights, offsets)}
    if shapes != [(count, made.has("n_features_in_")), (count,), (1, count), (1,)] or types != {np.dtype(np.float64)}:
        raise made.refuse("whose support vectors, weights and counts do not fit each other")
    if (counts.values < 0).any() or support.dtype != np.int32:
        raise made.refuse("whose counts are none")
    if made.has("kernel") not in _KERNELS or made.has("_sparse") is not False:
        raise made.refuse(f"with the kernel {made.has('kernel')!r}; there are {', '.join(_KERNELS)}, on dense tables")
    if any(array is None or array.shape not in ((0,), (1,)) for array in map(array_of, _sigmoid(made))):
        raise made.refuse("whose sigmoid is none")


def _sigmoid(made: Made) -> tuple[Any, Any]:
    return made.has("_probA"), made.has("_probB")


def _check_spline(made: Made) -> None:
    knots, weights, degree = array_of(made.has("_t")), array_of(made.has("_c")), made.has("k")
    if knots is None or weights is None or not is_whole(degree) or not 0 <= degree <= MAX_SPLINE_DEGREE:
        raise made.refuse("without knots, weights and a degree")
    if not weights.shape or knots.shape != (weights.shape[0] + degree + 1,) or made.has("axis") != 0:
        raise made.refuse("whose knots do not fit its weights")
    if {knots.dtype, weights.dtype} != {np.dtype(np.float64)}:
        raise made.refuse("of other numbers than float64")


def _check_function(made: Made) -> None:
    if made.has("func") is not None or made.has("inverse_func") is not None:
        raise made.refuse("with a function; only columns that pass through unchanged are supported")


_CHECKS: Final[Mapping[tuple[str, str], Callable[[Made], None]]] = {
    _TREE: _check_tree,
    _CLASSIFIER: _check_decision_tree,
    _EXTRA: _check_decision_tree,
    _REGRESSOR: _check_decision_tree,
    ("sklearn.ensemble._forest", "RandomForestClassifier"): _check_forest,
    ("sklearn.ensemble._forest", "ExtraTreesClassifier"): _check_forest,
    ("sklearn.ensemble._gb", "GradientBoostingClassifier"): _check_gradient_boosting,
    (
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting",
        "HistGradientBoostingClassifier",
    ): _check_hist_gradient_boosting,
    ("sklearn.svm._classes", "SVC"): _check_support_vectors,
    ("scipy.interpolate._bsplines", "BSpline"): _check_spline,
    ("sklearn.preprocessing._function_transformer", "FunctionTransformer"): _check_function,
}
