"""Reading from a store that may hang: no thread of the server waits longer than it must."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.store import LeadReader
from ports import Unavailable
from tests.consoles import Away, lead, store_in


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def reader(store: object, clock: list[float] | None = None, patience_s: float = 60) -> LeadReader:
    times = clock or [0.0]
    return LeadReader(store, lambda: times[0], patience_s)  # type: ignore[arg-type]  reads are all that it must do


def test_leads_come_as_the_store_gives_them(tmp_path: Path) -> None:
    store = store_in(tmp_path, lead("1", score=0.6), lead("2", score=0.9))

    assert ["2", "1"] == [decision.customer_id for decision in reader(store).read("best", 10)]
    assert ["2"] == [decision.customer_id for decision in reader(store).read("best", 1)]


def test_a_store_that_hangs_is_not_waited_for(release: threading.Event) -> None:
    hanging = reader(Away(lambda _: release.wait()), patience_s=0.01)

    with pytest.raises(Unavailable, match=r"not answered within 0\.01 s"):
        hanging.read("newest", 1)


def test_calls_that_hang_do_not_pile_up(release: threading.Event) -> None:
    store = Away(lambda _: release.wait())
    hanging = reader(store, patience_s=0.01)

    for _ in range(10):
        with pytest.raises(Unavailable):
            hanging.read("newest", 1)

    assert 4 == store.asked


def test_an_error_that_nobody_foresaw_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    def spoilt(_limit: int) -> None:
        raise ValueError("customer 4711")

    with pytest.raises(Unavailable, match="the log says how"):
        reader(Away(spoilt)).read("newest", 1)

    assert "the store failed unforeseen" in caplog.text


def test_a_store_that_is_replaced_on_the_disk_is_away(tmp_path: Path) -> None:
    store = store_in(tmp_path, lead())
    (tmp_path / "store.db").unlink()

    assert "the store does not answer" == reader(store).trouble


def test_whoever_asks_for_readiness_the_store_is_asked_every_two_seconds_at_most() -> None:
    clock = [0.0]
    answers: list[list[object]] = []
    store = Away(lambda _: answers.pop())
    asked = reader(store, clock)

    found = [asked.trouble]  # which fails, as there is no answer
    answers.append([])
    clock[0] = 1.9
    found.append(asked.trouble)
    clock[0] = 2.0
    found.append(asked.trouble)

    assert ["the store does not answer", "the store does not answer", None] == found
    assert 2 == store.asked
