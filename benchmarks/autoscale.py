"""
A day of the workers on paper: KEDA, the HPA and the Cluster Autoscaler over a queue, second by second.

    python benchmarks/autoscale.py [--json] [--plot docs/pictures/autoscale.svg] [--search]

10 million events, 5 million of them in a nightly batch of 15 minutes. The numbers of the ScaledObject and of the pod
are those of k8s/; the flags try others. Nothing here calls AWS or a cluster.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from autoscaling.load import bank_day
from autoscaling.manifests import shipped_nodes, shipped_pod, shipped_scaling
from autoscaling.report import first_lead, limit_of_nodes, summary
from autoscaling.search import pareto, search
from autoscaling.simulation import Plan, simulate

TABLE_RATE: Final = 1000 / (0.096 * 2)
"""Events per second: an index partition takes 1,000 writes, a lead that is renewed is two, 9.6 % are leads."""


def main() -> None:
    """Simulate, and print the figures."""
    arguments = _parser().parse_args()
    plan = _plan(arguments)
    arrivals = bank_day(arguments.seed, arguments.by_day, arguments.burst, arguments.burst_s)
    if arguments.search:
        _print_search(plan, search(plan, arrivals, arguments.seed), as_json=arguments.json)
        return
    day = simulate(plan, arrivals, arguments.seed)
    figures = summary(plan, day)
    starts = {
        "a node has room and the image": first_lead(plan, room=True, image=True),
        "a node has room": first_lead(plan, room=True),
        "a node must boot": first_lead(plan, room=False),
    }
    if arguments.plot:
        from autoscaling.plot import plot

        plot(day, arguments.plot, _title(plan, figures))
    if arguments.json:
        print(json.dumps({**figures, "first_lead_s": starts, "nodes_hold": _hold(plan)}))
        return
    print(
        f"queueLength {plan.scaling.queue_length}, {plan.scaling.max_replicas} pods at most; nodes hold {_hold(plan)}"
    )
    _print(figures)
    for name, start in starts.items():
        print(f"first lead from 0 pods, {name}:")
        _print(start)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shown = parser.add_argument_group("what is simulated (default: as in k8s/, and as measured)")
    shown.add_argument("--queue-length", type=_positive)
    shown.add_argument("--max-replicas", type=_positive)
    shown.add_argument("--polling-s", type=_positive)
    shown.add_argument("--cooldown-s", type=_positive)
    shown.add_argument("--without-in-flight", action="store_true", help="scaleOnInFlight false")
    shown.add_argument("--rate", type=float, help="events per second and pod")
    shown.add_argument("--cpu-request", type=float, help="CPUs of a pod")
    shown.add_argument("--start-s", type=_positive)
    shown.add_argument("--max-nodes", type=_positive)
    shown.add_argument("--table-rate", type=float, default=TABLE_RATE, help="events per second that the table takes")
    load = parser.add_argument_group("the day")
    load.add_argument("--by-day", type=_positive, default=5_000_000, help="events from 05:00 to 23:00")
    load.add_argument("--burst", type=_positive, default=5_000_000, help="events from 02:00 on")
    load.add_argument("--burst-s", type=_positive, default=900)
    load.add_argument("--seed", type=_positive, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--plot", type=_picture, metavar="FILE", help="svg or png")
    parser.add_argument("--search", action="store_true", help="try other numbers; one to three minutes")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: give a whole number from 1 on")
    return value


def _picture(text: str) -> Path:
    if Path(text).suffix not in {".svg", ".png"}:
        raise argparse.ArgumentTypeError(f"{text}: give a file that ends in .svg or .png")
    return Path(text)


def _plan(arguments: argparse.Namespace) -> Plan:
    scaling = {
        "queue_length": arguments.queue_length,
        "max_replicas": arguments.max_replicas,
        "polling_s": arguments.polling_s,
        "cooldown_s": arguments.cooldown_s,
        "count_in_flight": False if arguments.without_in_flight else None,
    }
    pod = {"rate": arguments.rate, "cpu_request": arguments.cpu_request, "start_s": arguments.start_s}
    return Plan(
        scaling=replace(shipped_scaling(), **_given(scaling)),
        pod=replace(shipped_pod(), **_given(pod)),
        nodes=replace(shipped_nodes(), **_given({"maximum": arguments.max_nodes})),
        table_rate=arguments.table_rate,
    )


def _given(flags: Mapping[str, float | None]) -> dict[str, Any]:
    return {name: value for name, value in flags.items() if value is not None}


def _hold(plan: Plan) -> int:
    return limit_of_nodes(plan.nodes, plan.pod.cpu_request)


def _title(plan: Plan, figures: Mapping[str, float]) -> str:
    return (
        f"{figures['events'] / 1e6:g} million events a day, up to {figures['pods_receiving_max']:.0f} pods of "
        f"{plan.pod.rate:g} events/s: oldest event {figures['oldest_age_max_s']:.0f} s"
    )


def _print(figures: Mapping[str, float]) -> None:
    for name, value in figures.items():
        print(f"  {name:24} {value:14,.1f}")


def _print_search(plan: Plan, rows: list[dict[str, float | str]], *, as_json: bool) -> None:
    """Print what nothing else beats, by cost, age and time to the first lead."""
    best = pareto(rows, ("usd", "oldest_age_max_s", "first_lead_s"))
    if as_json:
        print(json.dumps(best))
        return
    print(f"{len(best)} of {len(rows)} are not beaten; the nodes hold {_hold(plan)} pods")
    print(f"{'USD/day':>8} {'oldest s':>8} {'p99 s':>6} {'first s':>7} {'pods':>4}")
    for row in best:
        numbers = (
            row[key] for key in ("usd", "oldest_age_max_s", "event_age_p99_s", "first_lead_s", "pods_receiving_max")
        )
        print("{:8.2f} {:8.0f} {:6.0f} {:7.1f} {:4.0f}  ".format(*numbers) + str(row["name"]))


if __name__ == "__main__":
    main()
