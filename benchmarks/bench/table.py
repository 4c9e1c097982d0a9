"""Who is measured: one line for each configuration."""

from typing import Final, Literal, NamedTuple

Places = Literal["topic", "store+topic"]


class Who(NamedTuple):
    """
    One consumer as it is set up.

    Attributes:
        name: As `--only` takes it.
        title: As the table prints it.
        module: What is run with `python -m`.
        places: Where leads, and with a store every decision, go.
        events: How many events a run has at full length: enough for some seconds.
        settings: `LEADLINE_*` without the prefix; None: a comparator, which has none.
        pack: Events in a message.
    """

    name: str
    title: str
    module: str
    places: Places
    events: int
    settings: dict[str, str] | None = None
    pack: int = 1

    @property
    def is_ours(self) -> bool:
        """Whether it is Leadline."""
        return self.settings is not None


_CONSUMERS: Final = "benchmarks.bench.consumers"
_BOTO3: Final = {"TRANSPORT": "boto3", "SCORER": "auto"}
_DIRECT: Final = {"TRANSPORT": "direct", "SCORER": "compiled"}

TABLE: Final = (
    Who("b", "boto3 by ten, predict per message", f"{_CONSUMERS}.by_ten", "topic", 600),
    Who("c", "Powertools batch processor", f"{_CONSUMERS}.powertools", "topic", 600),
    Who("d", "boto3, 8 threads, micro-batches of 200", f"{_CONSUMERS}.threads", "topic", 12_000),
    Who("d-store", "the same with a conditional update", f"{_CONSUMERS}.threads", "store+topic", 3_000),
    Who("boto3", "Leadline over boto3", "worker", "topic", 24_000, _BOTO3),
    Who("boto3-store", "Leadline over boto3, store and topic", "worker", "store+topic", 6_000, _BOTO3),
    Who("boto3-packed", "Leadline over boto3, packed by 100", "worker", "topic", 140_000, _BOTO3, 100),
    Who("direct", "Leadline direct", "worker", "topic", 140_000, _DIRECT),
    Who("direct-store", "Leadline direct, store and topic", "worker", "store+topic", 24_000, _DIRECT),
    Who("direct-packed", "Leadline direct, packed by 100", "worker", "topic", 220_000, _DIRECT, 100),
)
BY_NAME: Final = {who.name: who for who in TABLE}
