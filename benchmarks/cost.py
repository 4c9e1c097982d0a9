"""
USD per million customers, and the fixed cost of a month.

    python benchmarks/cost.py [--json] [--pack 100] [--lead-share 0.096]

List prices on demand in eu-west-1, without free tiers, discounts and taxes: look them up before you rely on them
(each bears the page that it is from). How much of each is used is counted from what the worker calls
(`benchmarks/aws.py` runs it) and from the templates in infra/.
"""

import argparse
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prices import EU_WEST_1, Price

HOURS: Final = 730
MILLION: Final = 1_000_000
INFRA: Final = Path(__file__).resolve().parents[1] / "infra"


RATES: Final = {"topic": 4600, "store": 930, "both": 800}
"""
Events per second and pod at 10 ms a call, over boto3. `benchmarks/aws.py --latency-ms 10` gave 4,600, 1,200 and 1,100
on a core of its own; two on the hyperthreads of one node have some 1.3 cores, which those with a store would fill
(1.3 / 2 / CPU seconds of an event), less a twentieth.
"""


@dataclass(frozen=True)
class Usage:
    """
    What a million customers' events use.

    Attributes:
        lead_share: Leads among the events; 9.6 % of the real customers took the loan.
        index_writes: Writes to each of the two indexes for a lead: 1 for a new one, 2 for one that is renewed, since
            its sort key changes.
        pack: Events in a message.
        batch: Events that are scored together.
        kb_each: KB of an event through the interface endpoints: the event, its receipt handle of some 0.4 KB twice, a
            tenth of a lead.
        pods_per_node: Workers on a node that is there for them alone.
    """

    lead_share: float = 0.096
    index_writes: int = 2
    pack: int = 1
    batch: int = 500
    kb_each: float = 1.8
    pods_per_node: int = 2


def per_million(mode: str, prices: Mapping[str, Price], usage: Usage) -> dict[str, float]:
    """
    Return USD for a million customers' events, by service.

    Args:
        mode: `topic`, `store` or `both`.
        prices: List prices.
        usage: How much is used.
    """
    calls = 3 * MILLION / usage.pack / 10  # send, receive, delete: of ten each
    chunks = max(1, math.ceil(10 * usage.pack * 0.52 / 64))  # SQS bills a request for every 64 KB
    publishes = MILLION / usage.batch * math.ceil(usage.batch * usage.lead_share / 10) if mode != "store" else 0
    writes = MILLION * (1 + usage.lead_share * 2 * usage.index_writes) if mode != "topic" else 0
    node_hours = MILLION / RATES[mode] / usage.pods_per_node / 3600
    return {
        "SQS": calls * (2 * chunks + 1) / 3 / MILLION * prices["sqs million requests"].usd,
        "DynamoDB": writes / MILLION * prices["dynamodb million writes"].usd,
        "SNS": publishes / MILLION * prices["sns million requests"].usd,
        "EC2": node_hours * prices["node hour"].usd,
        "endpoints": usage.kb_each * MILLION / 1e6 * prices["endpoint GB"].usd,
    }


def per_month(prices: Mapping[str, Price], customers: int = 5 * MILLION) -> dict[str, float]:
    """
    Return USD for a month in which no event comes, by item.

    Args:
        prices: List prices.
        customers: Rows in the table, 0.6 KB each.
    """
    gigabytes = customers * 0.6e-6
    usd = {name: price.usd for name, price in prices.items()}
    return {
        "EKS control plane": HOURS * usd["eks cluster hour"],
        "2 nodes with 30 GB": 2 * (HOURS * usd["node hour"] + 30 * usd["gp3 GB month"]),
        f"{_count('VpcEndpointType: Interface')} interface endpoints in 2 zones": (
            2 * _count("VpcEndpointType: Interface") * HOURS * usd["endpoint hour"]
        ),
        "load balancer": HOURS * (usd["balancer hour"] + usd["balancer unit hour"]),
        f"{_count('AWS::KMS::Key')} KMS keys": _count("AWS::KMS::Key") * usd["kms key month"],
        "KMS calls of SQS and SNS": _data_keys() / MILLION * usd["kms million requests"],
        "alarms and 10 GB of logs": _count("AWS::CloudWatch::Alarm") * usd["alarm month"] + 10 * usd["logs GB"],
        f"table of {customers:,} rows with recovery": (
            gigabytes * (usd["dynamodb GB month"] + usd["dynamodb recovery GB month"])
        ),
        "pipeline, 8 runs of 20 min": 8 * 20 * (usd["build minute"] + usd["pipeline minute"]),
        "deployer with 30 GB": HOURS * usd["deployer hour"] + 30 * usd["gp3 GB month"],
        "images, 5 GB": 5 * usd["ecr GB month"],
    }


def _data_keys() -> float:
    """Count calls in a month: a data key is used for 300 s by each of 2 producers (twice) and 2 consumers, 5 queues."""
    return HOURS * 3600 / 300 * (2 * 2 + 2) * 5


def _count(what: str) -> int:
    """Count lines of the templates that end so."""
    lines = (line for file in sorted(INFRA.glob("*.yaml")) for line in file.read_text().splitlines())
    return sum(line.rstrip().endswith(what) for line in lines)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--pack", type=int, default=1, help="events in a message")
    parser.add_argument("--lead-share", type=float, default=0.096)
    arguments = parser.parse_args()
    usage = Usage(pack=arguments.pack, lead_share=arguments.lead_share)
    variable = {mode: per_million(mode, EU_WEST_1, usage) for mode in RATES}
    fixed = per_month(EU_WEST_1)
    if arguments.json:
        print(json.dumps({"per_million": variable, "per_month": fixed}))
        return
    print(f"{'USD per million':24}" + "".join(f"{mode:>9}" for mode in variable))
    for service in variable["both"]:
        print(f"  {service:22}" + "".join(f"{variable[mode][service]:9.3f}" for mode in variable))
    print(f"  {'all':22}" + "".join(f"{sum(costs.values()):9.3f}" for costs in variable.values()))
    print("USD per month")
    for item, cost in {**fixed, "all": sum(fixed.values())}.items():
        print(f"  {item:48} {cost:8.2f}")


if __name__ == "__main__":
    main()
