"""A worker that dies at any point of its work, and again, leaves the same table, topic and quarantine behind."""

from simulation.crashes import crash_everywhere


def test_a_crash_at_every_point_changes_nothing_in_the_end() -> None:
    crashes = crash_everywhere()

    assert crashes.calls > 30
    assert crashes.tried > 2 * crashes.calls


def test_a_second_crash_while_the_first_is_mended_changes_nothing_either() -> None:
    """One pair in 37 of some thousands; `leadline simulate --crash-everywhere` tries them all."""
    assert crash_everywhere(pairs=True, one_in=37).tried > 100
