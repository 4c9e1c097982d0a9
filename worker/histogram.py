"""A histogram for Prometheus that takes a batch of values at once; the library's own takes one after the other."""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


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
        self._name, self._documentation, self._bounds = name, documentation, tuple(buckets)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        self._guard = threading.Lock()

    def observe(self, values: Sequence[float]) -> None:
        """Count values."""
        bounds = self._bounds
        found = Counter([bisect_left(bounds, value) for value in values])
        with self._guard:
            for bucket, number in found.items():
                self._counts[bucket] += number
            self._sum += sum(values)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the metric as Prometheus reads it: each bucket counts those below it as well."""
        with self._guard:
            counts, total = list(self._counts), self._sum
        names = [*map(floatToGoString, self._bounds), "+Inf"]
        yield HistogramMetricFamily(
            self._name, self._documentation, buckets=list(zip(names, _running(counts), strict=True)), sum_value=total
        )


def _running(counts: Iterable[int]) -> Iterator[float]:
    total = 0
    for count in counts:
        total += count
        yield total
