"""How IAM compares: names and ARNs with wildcards, and the lines of a condition block."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

ARN_PARTS: Final = 6


class BadPolicy(Exception):
    """A policy holds what this evaluator does not judge."""


class Condition(NamedTuple):
    """One line of a condition block: any of its values will do."""

    operator: str
    key: str
    values: tuple[str, ...]


def matches(pattern: str, text: str) -> bool:
    """Match with `*` for any letters and `?` for one."""
    parts = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def arn_matches(pattern: str, arn: str) -> bool:
    """Match part by part, so that no wildcard reaches over a colon, but in the last part."""
    if pattern == "*":
        return True
    parts = pattern.split(":", ARN_PARTS - 1)
    if len(parts) != ARN_PARTS:
        raise BadPolicy(f"{pattern} is no ARN and not *; an ARN has six parts")
    others = arn.split(":", ARN_PARTS - 1)
    return len(others) == ARN_PARTS and all(map(matches, parts, others))


def holds(condition: Condition, context: Mapping[str, str]) -> bool:
    """
    Judge one line of a condition block.

    Raises:
        BadPolicy: We do not know the operator.
    """
    name = condition.operator.removesuffix("IfExists")
    if name not in _OPERATORS:
        raise BadPolicy(f"condition operator {condition.operator} is not known here; known: {sorted(_OPERATORS)}")
    compare, negates = _OPERATORS[name]
    if condition.key not in context:
        return negates or name != condition.operator
    return any(compare(value, context[condition.key]) for value in condition.values) != negates


def _same_truth(value: str, given: str) -> bool:
    return value.lower() == given.lower()


_OPERATORS: Final = {
    "StringEquals": (str.__eq__, False),
    "StringNotEquals": (str.__eq__, True),
    "StringLike": (matches, False),
    "StringNotLike": (matches, True),
    "Bool": (_same_truth, False),
    "ArnEquals": (arn_matches, False),
    "ArnLike": (arn_matches, False),
    "ArnNotEquals": (arn_matches, True),
    "ArnNotLike": (arn_matches, True),
}
"""How each compares, and whether it is the opposite that is wanted. AWS lets ArnEquals take wildcards, too."""
