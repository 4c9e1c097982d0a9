"""The events of a run: customers around those of the real data, one in ten of them a lead by the model itself."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from leadline.sample import sample_customers
from propensity.features import Matrix
from propensity.scoring import Classifier, score

EVENT_BYTES: Final = 285
LEAD_SHARE: Final = 0.1
_CUSTOMERS: Final = 5000
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_SPENT: Final = "highest_spend"


class Events(NamedTuple):
    """Messages in a file, one a line, and which events must come to the topic."""

    file: Path
    messages: int
    events: int
    leads: frozenset[str]


class Crowd:
    """Customers of both kinds, as many as wanted, no two of them alike."""

    def __init__(self, model: Classifier, names: Sequence[str], threshold: float, seed: int = 0) -> None:
        """
        Look at the real customers, to draw others around them.

        Args:
            model: Says who is a lead.
            names: Its columns.
            threshold: The lowest score of a lead.
            seed: Of all draws.
        """
        self._model, self._names, self._threshold = model, tuple(names), threshold
        self._draws = np.random.default_rng(seed)
        self._real = list(sample_customers(_CUSTOMERS))

    def draw(self, count: int, *, leads: bool) -> list[dict[str, Any]]:
        """Return so many customers who all are leads, or who all are none."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            drawn = [self._near(self._real[i]) for i in self._draws.integers(0, len(self._real), 4 * count + 100)]
            scores = score(self._model, matrix(drawn, self._names))
            found += [one for one, p in zip(drawn, scores.tolist(), strict=True) if (p >= self._threshold) == leads]
        return found[:count]

    def shuffled(self, count: int, lead_share: float) -> Iterator[tuple[dict[str, Any], bool]]:
        """Yield so many customers, leads and others mixed, and which they are."""
        leads = round(count * lead_share)
        both = [(c, True) for c in self.draw(leads, leads=True)] + [
            (c, False) for c in self.draw(count - leads, leads=False)
        ]
        yield from (both[i] for i in self._draws.permutation(count))

    def _near(self, real: dict[str, Any]) -> dict[str, Any]:
        """Amounts to the cent around a real customer's."""
        spent = max(0.0, real[_SPENT] + self._draws.normal(0, 3))
        monthly = max(0.0, real["monthly_average_spend"] + self._draws.normal(0, 0.2))
        return {**real, _SPENT: round(spent, 2), "monthly_average_spend": round(monthly, 2)}


def matrix(customers: Sequence[dict[str, Any]], names: Sequence[str]) -> Matrix:
    """Return shape (n, k), float64."""
    return np.array([[customer[name] for name in names] for customer in customers], dtype=np.float64)


def write_events(file: Path, crowd: Crowd, count: int, *, pack: int = 1, lead_share: float = LEAD_SHARE) -> Events:
    """
    Write plain events, each of a customer of its own.

    Args:
        file: Where to.
        crowd: Whom to draw from.
        count: How many events.
        pack: How many go into a message; with more than one it is a JSON array.
        lead_share: How many of all are leads.
    """
    texts, leads = [], []
    for number, (customer, is_lead) in enumerate(crowd.shuffled(count, lead_share)):
        event_id = f"evt-{number:08}"
        texts.append(plain(event_id, number, customer))
        if is_lead:
            leads.append(event_id)
    lines = texts if pack == 1 else [f"[{','.join(texts[i : i + pack])}]" for i in range(0, count, pack)]
    file.write_text("\n".join(lines), encoding="utf-8")
    return Events(file, len(lines), count, frozenset(leads))


def plain(event_id: str, number: int, customer: dict[str, Any]) -> str:
    """Write one event in the plain form, in about `EVENT_BYTES` bytes."""
    moment = (_START + timedelta(seconds=number)).isoformat(timespec="seconds").replace("+00:00", "Z")
    known = {name: value for name, value in customer.items() if name != "zip_code"}
    event = {"event_id": event_id, "event_time": moment, **known, "customer_id": f"c-{number:09}"}
    return json.dumps(event, separators=(",", ":"))
