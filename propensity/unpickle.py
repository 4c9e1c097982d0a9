"""Load a pickle that may name only what is on the list: exact names, no prefixes, no dotted paths."""

import io
import pickle
from typing import Any, Final

CALLED: Final = frozenset(
    {
        ("builtins", "slice"),
        ("numpy", "dtype"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy.random._pickle", "__bit_generator_ctor"),
        ("numpy.random._pickle", "__generator_ctor"),
        ("numpy.random._pickle", "__randomstate_ctor"),
        ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"),
        ("sklearn._loss._loss", "CyExponentialLoss"),
        ("sklearn._loss._loss", "CyHalfBinomialLoss"),
        ("sklearn.tree._tree", "Tree"),
    }
)
"""What may be called with arguments; `propensity/inspection/calls.py` says which."""

MADE: Final = frozenset(
    {
        ("scipy.interpolate._bsplines", "BSpline"),
        ("sklearn._loss.link", "HalfLogitLink"),
        ("sklearn._loss.link", "Interval"),
        ("sklearn._loss.link", "LogitLink"),
        ("sklearn._loss.loss", "ExponentialLoss"),
        ("sklearn._loss.loss", "HalfBinomialLoss"),
        ("sklearn.calibration", "CalibratedClassifierCV"),
        ("sklearn.calibration", "_CalibratedClassifier"),
        ("sklearn.calibration", "_SigmoidCalibration"),
        ("sklearn.compose._column_transformer", "ColumnTransformer"),
        ("sklearn.dummy", "DummyClassifier"),
        ("sklearn.ensemble._forest", "ExtraTreesClassifier"),
        ("sklearn.ensemble._forest", "RandomForestClassifier"),
        ("sklearn.ensemble._gb", "GradientBoostingClassifier"),
        ("sklearn.ensemble._hist_gradient_boosting.binning", "_BinMapper"),
        ("sklearn.ensemble._hist_gradient_boosting.gradient_boosting", "HistGradientBoostingClassifier"),
        ("sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor"),
        ("sklearn.ensemble._voting", "VotingClassifier"),
        ("sklearn.frozen._frozen", "FrozenEstimator"),
        ("sklearn.linear_model._logistic", "LogisticRegression"),
        ("sklearn.naive_bayes", "GaussianNB"),
        ("sklearn.pipeline", "FeatureUnion"),
        ("sklearn.pipeline", "Pipeline"),
        ("sklearn.preprocessing._data", "MinMaxScaler"),
        ("sklearn.preprocessing._data", "StandardScaler"),
        ("sklearn.preprocessing._encoders", "OneHotEncoder"),
        ("sklearn.preprocessing._function_transformer", "FunctionTransformer"),
        ("sklearn.preprocessing._label", "LabelEncoder"),
        ("sklearn.preprocessing._polynomial", "PolynomialFeatures"),
        ("sklearn.preprocessing._polynomial", "SplineTransformer"),
        ("sklearn.svm._classes", "SVC"),
        ("sklearn.tree._classes", "DecisionTreeClassifier"),
        ("sklearn.tree._classes", "DecisionTreeRegressor"),
        ("sklearn.tree._classes", "ExtraTreeClassifier"),
        ("sklearn.utils._bunch", "Bunch"),
    }
)
"""Classes that are made empty and then filled."""

HELD: Final = frozenset(
    {
        ("numpy", "float64"),
        ("numpy", "ndarray"),
        ("numpy.random._mt19937", "MT19937"),
        ("numpy.random._pcg64", "PCG64"),
        ("numpy.random.bit_generator", "SeedSequence"),
        ("scipy._lib.array_api_compat.numpy._aliases", "asarray"),
    }
)
"""What is only mentioned: the type of an array or a generator, a type of numbers, the one function of a spline."""

ALLOWED: Final = CALLED | MADE | HELD
"""What the fitted classifiers that we pack are made of, and nothing that opens a file, runs a command or imports."""


class ForbiddenGlobal(pickle.UnpicklingError):
    """The pickle names something that is not on the list."""


class _ListedUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401  pickle's own signature
        if (module, name) not in ALLOWED:
            raise ForbiddenGlobal(f"it names {module}.{name}, which is not on the list of propensity/unpickle.py")
        return super().find_class(module, name)


def unpickle(data: bytes) -> Any:  # noqa: ANN401  what it holds is for the caller to check
    """
    Load a pickle. Call it only for bytes whose digest stands in a signed manifest.

    Raises:
        ForbiddenGlobal: It names something that is not on the list.
        pickle.UnpicklingError: It is cut off or malformed.
    """
    return _ListedUnpickler(io.BytesIO(data)).load()
