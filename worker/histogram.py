"""A histogram for Prometheus that takes a batch of values at once; the library's own takes one after the other."""

import threading
from collections.abc import Iterator, Sequence

import numpy as np
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from propensity.features import Vector


class BulkHistogram(Collector):
    """Counts values by bucket. Safe to use from several threads."""

    def __init__(self, name: str, documentation: str, buckets: Sequence[float]) -> None:
        """
        Begin with no values.

        Args:
            name: Of the metric.
            documentation: Its help text.
            buckets: Upper bounds, rising, a value at the bound included; one without a bound is added.
        """
        self._name, self._documentation, self._bounds = name, documentation, np.array(buckets, dtype=np.float64)
        self._counts = np.zeros(len(buckets) + 1, dtype=np.int64)
        self._sum = 0.0
        self._guard = threading.Lock()

    def observe(self, values: Sequence[float] | Vector) -> None:
        """Count values."""
        buckets = np.searchsorted(self._bounds, values)
        with self._guard:
            self._counts += np.bincount(buckets, minlength=len(self._counts))
            self._sum += float(np.sum(values))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the metric as Prometheus reads it: each bucket counts those below it as well."""
        with self._guard:
            running, total = np.cumsum(self._counts).tolist(), self._sum
        names = [*map(floatToGoString, self._bounds.tolist()), "+Inf"]
        buckets = list(zip(names, running, strict=True))
        yield HistogramMetricFamily(self._name, self._documentation, buckets=buckets, sum_value=total)
