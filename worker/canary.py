"""
`python -m worker.canary`: a golden event in, the expected lead out, on a lane of its own.

It runs with a worker's settings that name the canary's queue, quarantine, topic and table, and with a queue that gets
what is published to that topic. It may run again, and beside others: each run knows its own events.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ports import open_queue
from worker.configuration import load_settings
from worker.flight import PAUSE_S, WAIT_S, Flight, World
from worker.golden import Probe, compared, golden_pair, served_manifest
from worker.inbox import Inbox
from worker.logs import set_up_logs
from worker.outcome import Outcome
from worker.result import Check, Expected, Result, add_expected, finish
from worker.settings import Settings, SettingsError

if TYPE_CHECKING:
    from schemas.lead import Lead

_LAST_LOOKS: Final = 3
_MAX_DEADLINE_S: Final = 600


class Canary:
    """One run."""

    def __init__(
        self,
        settings: Settings,
        inbox: str,
        deadline_s: float,
        world: World = World(),  # noqa: B008
        expected: Expected = Expected(),  # noqa: B008
    ) -> None:
        """
        Prepare a run.

        Args:
            settings: A worker's, for the canary's lane.
            inbox: URL of the queue that gets what is published to its topic.
            deadline_s: All must be done by then, counted from now.
            world: Clock, pause and date.
            expected: Which bundle it must find.

        Raises:
            BadAddress: A URL names nothing that can be opened.
        """
        self._settings, self._world, self._deadline_s, self._expected = settings, world, deadline_s, expected
        self._flight = Flight(settings, deadline_s, world)
        self._inbox = Inbox(open_queue(inbox), self._flight.prefix)

    def fly(self) -> Result:
        """
        Send the golden events, work until they are done, and compare what has come of them.

        Raises:
            Unavailable: A service is away, or the events were not done in time.
            BadAddress, BadBundle, BadKey, BundleError, StartError: As a worker's start.
        """
        manifest, manifest_sha256 = served_manifest(self._settings)
        found = self._expected.compared(manifest.id.sha256, manifest_sha256)
        if not all(check.holds for check in found):
            return Result(found, "")
        lead, other = golden_pair(manifest)
        if lead is None:
            return Result([Check("golden rows", "one that is a lead", "none that a customer could be")], "")
        done = self._flight.done([one for one in (other, lead) if one is not None], manifest)
        checks = found + [check for one, outcome in done for check in _of_outcome(one, outcome, manifest.tolerance)]
        if all(check.holds for check in checks):
            probes = [one for one, _ in done]
            checks += [self._of_store(one) for one in probes] + self._of_topic(probes, manifest.tolerance)
        expected = done[-1][0].expected
        return Result(checks, f"lead {expected.tier} at {expected.score:.4f}, {manifest.name} {manifest.version}")

    def _of_store(self, one: Probe) -> Check:
        expected = "the decision, or a newer one"
        return Check(f"store, {one.role}", expected, expected if self._flight.is_stored(one) else "neither")

    def _of_topic(self, probes: Sequence[Probe], tolerance: float) -> list[Check]:
        """Wait for the lead; then look some times more, for a lead that must not come."""
        *others, expected = probes
        leads: list[Lead] = []
        while not (mine := [lead for lead in leads if lead.data.event_id == expected.event_id]):
            left_s = self._flight.left_s
            if left_s <= 0:
                return [Check("inbox", "the lead", f"no lead within {self._deadline_s:g} s{self._inbox.hint}")]
            leads += self._inbox.take(min(WAIT_S, left_s), self._world.now())
            self._world.sleep(0 if leads else PAUSE_S)
        for _ in range(_LAST_LOOKS):
            leads += self._inbox.take(0, self._world.now())
        wrong = {lead.data.event_id for lead in leads if not lead.type.endswith("withdrawn.v1")}
        none = Check("inbox", "no lead for the other row", "no lead for the other row")
        if wrong & {other.event_id for other in others}:
            none = none._replace(seen="a lead for it")
        data = mine[0].data
        seen = expected.expected.model_copy(update={"score": data.score, "tier": data.tier, "model": data.model})
        return [*compared("inbox", expected.expected, seen, tolerance), none]


def _of_outcome(one: Probe, outcome: Outcome, tolerance: float) -> list[Check]:
    if outcome.decision is None:
        return [Check(one.role, "a decision", f"set aside as {outcome.reason}")]
    return compared(one.role, one.expected, outcome.decision, tolerance)


def canary_settings() -> Settings:
    """
    Read the settings of a worker, and check that they name a whole lane.

    Raises:
        SettingsError: They do not.
    """
    settings = load_settings(os.environ, for_worker=True).settings
    faults = [
        f"LEADLINE_{name.upper()} is not set; a canary needs its own {name}"
        for name in ("quarantine", "store", "topic")
        if getattr(settings, name) in {None, "none"}
    ]
    if faults:
        raise SettingsError(faults)
    return settings


def main(argv: Sequence[str]) -> int:
    """Run a canary by the environment, and return the exit code."""
    parser = argparse.ArgumentParser("python -m worker.canary", description="A golden event in, the expected lead out.")
    parser.add_argument("--inbox", required=True, metavar="QUEUE_URL", help="gets what is published to the topic")
    parser.add_argument("--deadline-s", type=int, default=120, metavar="N", help="1 to 600; 120 by default")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a line")
    add_expected(parser)
    asked = parser.parse_args(argv)
    if not 1 <= asked.deadline_s <= _MAX_DEADLINE_S:
        parser.error(f"--deadline-s is {asked.deadline_s}: give 1 to {_MAX_DEADLINE_S}")

    def work() -> Result:
        settings = canary_settings()
        set_up_logs(os.environ)
        expected = Expected(asked.expect_model, asked.expect_manifest)
        return Canary(settings, asked.inbox, asked.deadline_s, expected=expected).fly()

    return finish("canary", work, as_json=asked.json)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
