"""Virtual time: who runs is settled by it alone."""

from collections.abc import Callable

import pytest

from simulation.schedule import Schedule


def test_whose_time_comes_first_goes_on_and_nobody_waits_for_the_clock_on_the_wall() -> None:
    schedule, said = Schedule(100.0), []

    def actor(name: str, seconds: float) -> Callable[[], None]:
        def act() -> None:
            for _ in range(3):
                schedule.spend(seconds)
                said.append((schedule.now, name))

        return act

    schedule.run([actor("slow", 3600.0), actor("quick", 1.0), actor("other", 1801.0)])

    assert said == sorted(said)
    assert ["quick", "quick", "quick", "other", "slow", "other", "other", "slow", "slow"] == [name for _, name in said]
    assert 100 + 3 * 3600 == schedule.now


def test_what_one_raises_stops_all_and_is_raised_again() -> None:
    schedule, ended = Schedule(0.0), []

    def fail() -> None:
        schedule.spend(5.0)
        raise RuntimeError("enough")

    def go_on() -> None:
        try:
            while True:
                schedule.spend(1.0)
        finally:
            ended.append(schedule.now)

    with pytest.raises(RuntimeError, match="enough"):
        schedule.run([go_on, fail, go_on])

    assert 2 == len(ended)
