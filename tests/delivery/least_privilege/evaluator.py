"""
Would AWS allow it? Identity policies, resource policies and key policies, judged as IAM documents it.

It is strict where a guess would be dangerous: what it does not know (NotAction, an operator, a variable) is an error,
never a yes and never a no.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.delivery.least_privilege.matching import ARN_PARTS, BadPolicy, arn_matches, holds, matches
from tests.delivery.least_privilege.statements import Statement, parse

__all__ = ["Ask", "BadPolicy", "Statement", "Verdict", "applies", "judge", "parse"]


class Ask(NamedTuple):
    """One request: the action (`sqs:SendMessage`), the resource's ARN, who asks, and what conditions may look at."""

    action: str
    resource: str
    principal: str
    context: Mapping[str, str]


class Verdict(NamedTuple):
    """Whether it is allowed, and why."""

    allowed: bool
    why: str


def judge(ask: Ask, identity: Sequence[Statement], resource: Sequence[Statement] | None = None) -> Verdict:
    """
    Judge a request within one account, or from another one to a resource of ours.

    Args:
        ask: The request.
        identity: The statements of all policies of whoever asks.
        resource: Those of the resource's own policy; None where it has none.
    """
    own = resource or ()
    for statement in (*identity, *own):
        if not statement.allows and applies(statement, ask):
            return Verdict(allowed=False, why=f"denied by {statement.sid}")
    granted = next((one.sid for one in identity if one.allows and applies(one, ask)), None)
    named = next((one.sid for one in own if one.allows and applies(one, ask) and _names(one, ask)), None)
    delegated = next((one.sid for one in own if one.allows and applies(one, ask)), None)
    if _account(ask.principal) not in ("", _account(ask.resource), _owner(ask)):
        allowed = granted is not None and named is not None
        return Verdict(allowed, f"identity: {granted}, resource: {named}")
    if ask.action.startswith("kms:"):
        allowed = named is not None or (delegated is not None and granted is not None)
        return Verdict(allowed, f"identity: {granted}, key: {named or delegated}")
    return Verdict(granted is not None or named is not None, f"identity: {granted}, resource: {named}")


def applies(statement: Statement, ask: Ask) -> bool:
    """Tell whether a statement speaks of a request, to allow or to deny it."""
    return (
        (not statement.principals or any(_is_one(one, ask.principal) for one in statement.principals))
        and any(matches(one.lower(), ask.action.lower()) for one in statement.actions)
        and any(arn_matches(one, ask.resource) for one in statement.resources)
        and all(holds(one, ask.context) for one in statement.conditions)
    )


def _is_one(named: str, principal: str) -> bool:
    """Tell whether a principal is meant: by its ARN, by its whole account (`:root`), or as anybody."""
    return named in ("*", principal) or (named.endswith(":root") and _account(named) == _account(principal))


def _names(statement: Statement, ask: Ask) -> bool:
    """A statement for a whole account leaves it to the account's own policies who may."""
    return bool({"*", ask.principal} & set(statement.principals))


def _account(arn: str) -> str:
    return (arn.split(":", ARN_PARTS - 1) + [""] * ARN_PARTS)[4]


def _owner(ask: Ask) -> str:
    """The ARN of a bucket does not say whose it is; where the context does not, it is taken to be whoever asks."""
    return ask.context.get("aws:ResourceAccount", "" if _account(ask.resource) else _account(ask.principal))
