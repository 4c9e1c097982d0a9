"""
List prices on demand in eu-west-1 in USD, without free tiers, discounts and taxes, as of 2025.

Not read off AWS's pages (docs/cost.md says which agree with what): look each up on its page before you rely on it.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Price(NamedTuple):
    """A list price in USD, and where it stands."""

    usd: float
    page: str


EU_WEST_1: Final[Mapping[str, Price]] = {
    "sqs million requests": Price(0.40, "https://aws.amazon.com/sqs/pricing/"),
    "sns million requests": Price(0.50, "https://aws.amazon.com/sns/pricing/"),
    "dynamodb million writes": Price(0.7068, "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "dynamodb GB month": Price(0.283, "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "dynamodb recovery GB month": Price(0.2264, "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "kms key month": Price(1.0, "https://aws.amazon.com/kms/pricing/"),
    "kms million requests": Price(3.0, "https://aws.amazon.com/kms/pricing/"),
    "eks cluster hour": Price(0.10, "https://aws.amazon.com/eks/pricing/"),
    "node hour": Price(0.0958, "https://aws.amazon.com/ec2/pricing/on-demand/"),
    "deployer hour": Price(0.0228, "https://aws.amazon.com/ec2/pricing/on-demand/"),
    "gp3 GB month": Price(0.088, "https://aws.amazon.com/ebs/pricing/"),
    "endpoint hour": Price(0.011, "https://aws.amazon.com/privatelink/pricing/"),
    "endpoint GB": Price(0.01, "https://aws.amazon.com/privatelink/pricing/"),
    "nat hour": Price(0.048, "https://aws.amazon.com/vpc/pricing/"),
    "balancer hour": Price(0.0252, "https://aws.amazon.com/elasticloadbalancing/pricing/"),
    "balancer unit hour": Price(0.008, "https://aws.amazon.com/elasticloadbalancing/pricing/"),
    "alarm month": Price(0.10, "https://aws.amazon.com/cloudwatch/pricing/"),
    "logs GB": Price(0.57, "https://aws.amazon.com/cloudwatch/pricing/"),
    "build minute": Price(0.005, "https://aws.amazon.com/codebuild/pricing/"),
    "pipeline minute": Price(0.002, "https://aws.amazon.com/codepipeline/pricing/"),
    "ecr GB month": Price(0.10, "https://aws.amazon.com/ecr/pricing/"),
}
"""The node is a c7i.large, the deployer a t3.small."""
