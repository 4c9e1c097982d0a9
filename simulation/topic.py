"""A topic as a standard SNS topic is: every message at least once, in any order."""

from collections.abc import Sequence

from schemas.lead import Lead
from simulation.link import Link


class TopicState:
    """What was published, copies and all."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.said: set[tuple[str, str]] = set()

    def publish(self, lead: Lead) -> bool:
        """Take one lead."""
        self.bodies.append(lead.model_dump_json())
        self.said.add((lead.data.customer_id, lead.data.event_id))
        return True


class SimulatedTopic:
    """A topic as one process sees it."""

    def __init__(self, link: Link, state: TopicState) -> None:
        self._link, self._state = link, state

    def publish(self, leads: Sequence[Lead]) -> list[Lead]:
        """Publish leads. Return those that are not known to be published."""
        done = self._link.each("publish", leads, self._state.publish) if leads else []
        return [lead for lead, taken in zip(leads, done, strict=True) if taken is None]
