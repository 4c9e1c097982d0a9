"""Policy documents, read strictly: what is not judged is refused."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from tests.delivery.least_privilege.matching import BadPolicy, Condition, holds

_KEYS: Final = frozenset({"Sid", "Effect", "Principal", "Action", "Resource", "Condition"})


class Statement(NamedTuple):
    """One statement of a policy. Identity policies have no principals."""

    sid: str
    allows: bool
    principals: tuple[str, ...]
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...]


def parse(policy: Mapping[str, Any], *, of_resource: bool = False) -> list[Statement]:
    """
    Read a policy document.

    Args:
        policy: Resolved: no functions of CloudFormation are left.
        of_resource: Whether it is attached to a resource, so that every statement names its principals.

    Raises:
        BadPolicy: It holds what we do not judge.
    """
    if policy.get("Version") != "2012-10-17":
        raise BadPolicy(f"Version is {policy.get('Version')!r}; write 2012-10-17")
    return [_statement(one, of_resource=of_resource) for one in _listed(policy["Statement"])]


def _statement(content: Mapping[str, Any], *, of_resource: bool) -> Statement:
    if unknown := set(content) - _KEYS:
        raise BadPolicy(f"{content.get('Sid')} holds {sorted(unknown)}; say what is meant, not what is not")
    if content.get("Effect") not in ("Allow", "Deny"):
        raise BadPolicy(f"{content.get('Sid')} has the effect {content.get('Effect')!r}; Allow or Deny")
    if ("Principal" in content) != of_resource:
        raise BadPolicy(f"{content.get('Sid')}: a resource's policy names principals, an identity's never does")
    statement = Statement(
        sid=content.get("Sid", "a statement without Sid"),
        allows=content["Effect"] == "Allow",
        principals=tuple(_principals(content["Principal"])) if of_resource else (),
        actions=tuple(_listed(content["Action"])),
        resources=tuple(_listed(content["Resource"])),
        conditions=tuple(_conditions(content.get("Condition", {}))),
    )
    if any("${" in text for text in (*statement.resources, *(v for one in statement.conditions for v in one.values))):
        raise BadPolicy(f"{statement.sid} holds a variable; write out what it stands for")
    return statement


def _principals(principal: object) -> Iterable[str]:
    if isinstance(principal, Mapping):
        return [name for names in principal.values() for name in _listed(names)]
    if principal != "*":
        raise BadPolicy(f"principal {principal!r}; give * or a mapping")
    return ["*"]


def _conditions(block: Mapping[str, Any]) -> list[Condition]:
    found = [
        Condition(operator, key, tuple(str(value) for value in _listed(values)))
        for operator, keys in block.items()
        for key, values in keys.items()
    ]
    for one in found:
        holds(one, {})  # an operator that nobody knows is an error, whether or not it is ever asked
    return found


def _listed(value: Any) -> list[Any]:  # noqa: ANN401  JSON can be anything
    return value if isinstance(value, list) else [value]
