"""One measured run: a stand-in with a backlog, a consumer, and whether all that had to arrive has arrived."""

from collections import Counter
from typing import Any, Final, NamedTuple

from benchmarks.bench.certificate import Certificate
from benchmarks.bench.consumer import consumer, environment
from benchmarks.bench.customers import Events
from benchmarks.bench.models import Model
from benchmarks.bench.stand_in import RunFailed, stand_in
from benchmarks.bench.table import Who

_PATIENCE_S: Final = 180


class Figures(NamedTuple):
    """What one run has shown."""

    events_per_second: float
    cpu_s_per_1000: float
    peak_rss_mb: float
    calls_per_1000: float
    deletes_a_call: float
    publishes_a_call: float
    stub_share: float


def measure(who: Who, events: Events, model: Model, latency_ms: float, certificate: Certificate | None) -> Figures:
    """
    Let a consumer work a backlog off.

    Raises:
        RunFailed: Something was lost, or left, or the consumer gave up.
    """
    with stand_in(events.file, latency_ms, certificate) as aws:
        with consumer(who, aws, environment(who, aws, model)) as process:
            aws.wait(process, lambda progress: bool(progress["finished"]), _PATIENCE_S)
        report = aws.ask("report")
    check(who, events, report)
    return figures(events, report)


def check(who: Who, events: Events, report: dict[str, Any]) -> None:
    """
    Compare what came to the topic, what is left on the queue and what is stored with what had to.

    Raises:
        RunFailed: It is not the same.
    """
    if report["undeleted"]:
        raise RunFailed(f"{who.name}: {report['undeleted']} messages were left on the queue")
    seen = Counter(report["leads"])
    missing, others = events.leads - seen.keys(), seen.keys() - events.leads
    if missing or others:
        raise RunFailed(
            f"{who.name}: {len(missing)} leads are missing at the topic ({', '.join(sorted(missing)[:3])}), "
            f"and {len(others)} are there that are none ({', '.join(sorted(others)[:3])})"
        )
    if twice := [event for event, times in seen.items() if times > 1]:
        raise RunFailed(f"{who.name}: {len(twice)} leads came twice, and nothing had failed ({twice[0]})")
    if who.places == "store+topic" and report["stored"] != events.events:
        raise RunFailed(f"{who.name}: {report['stored']} of {events.events} decisions were stored")


def figures(events: Events, report: dict[str, Any]) -> Figures:
    """Reckon from the marks; the first tenth is not counted."""
    first, last = (report["marks"][name] for name in ("first", "last"))
    done = (last["done"] - first["done"]) * events.events / events.messages
    calls, entries = report["calls"], report["entries"]
    return Figures(
        events_per_second=done / (last["at_s"] - first["at_s"]),
        cpu_s_per_1000=(last["cpu_s"] - first["cpu_s"]) / done * 1000,
        peak_rss_mb=report["peak_rss_mb"],
        calls_per_1000=sum(calls.values()) / events.events * 1000,
        deletes_a_call=entries["DeleteMessageBatch"] / calls["DeleteMessageBatch"],
        publishes_a_call=entries["PublishBatch"] / calls["PublishBatch"],
        stub_share=(last["stub_cpu_s"] - first["stub_cpu_s"]) / (last["at_s"] - first["at_s"]),
    )
