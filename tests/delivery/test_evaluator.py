"""The judge of policies says yes to what AWS allows, no to what it does not, and never guesses."""

from typing import Any, Final

import pytest

from tests.delivery.least_privilege.evaluator import Ask, Verdict, judge
from tests.delivery.least_privilege.matching import BadPolicy, arn_matches
from tests.delivery.least_privilege.statements import parse

ROLE: Final = "arn:aws:iam::111122223333:role/leadline-worker"
STRANGER: Final = "arn:aws:iam::123456789012:role/leadline-worker"
QUEUE: Final = "arn:aws:sqs:eu-west-1:111122223333:leadline-events"
KEY: Final = "arn:aws:kms:eu-west-1:111122223333:key/1234"
OBJECT: Final = "arn:aws:s3:::models/releases/1.zip"
SENDS: Final = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": QUEUE}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def ask(action: str = "sqs:SendMessage", resource: str = QUEUE, principal: str = ROLE, **context: str) -> Ask:
    """Return a request; `aws__SecureTransport` stands for the key with a colon."""
    return Ask(action, resource, principal, {name.replace("__", ":"): value for name, value in context.items()})


def verdict(
    request: Ask, *statements: dict[str, Any], of_resource: tuple[dict[str, Any], ...] | None = None
) -> Verdict:
    own = None if of_resource is None else parse(policy(*of_resource), of_resource=True)
    return judge(request, parse(policy(*statements)), own)


def when(**condition: dict[str, Any]) -> dict[str, Any]:
    """Return a statement that allows everything on a condition."""
    return {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}


ALLOWED: Final[dict[str, tuple[Ask, dict[str, Any]]]] = {
    "the very action on the very resource": (ask(), SENDS),
    "one of several": (ask(), {**SENDS, "Action": ["sqs:DeleteMessage", "sqs:SendMessage"], "Resource": ["*"]}),
    "an action in another case": (ask("SQS:sendmessage"), SENDS),
    "a wildcard in the action": (ask(), {**SENDS, "Action": "sqs:Send*"}),
    "a question mark for one letter": (ask(), {**SENDS, "Resource": QUEUE[:-1] + "?"}),
    "a wildcard in the last part of an ARN": (
        ask("s3:GetObject", OBJECT),
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::models/*"},
    ),
    "a condition that holds": (ask(a__b="x"), when(StringEquals={"a:b": "x"})),
    "any of a condition's values": (ask(a__b="x"), when(StringEquals={"a:b": ["y", "x"]})),
    "like": (ask(s3__prefix="releases/1"), when(StringLike={"s3:prefix": "releases/*"})),
    "not like": (ask(a__b="x"), when(StringNotLike={"a:b": "y*"})),
    "not equals, and the key is missing": (ask(), when(StringNotEquals={"a:b": "x"})),
    "if it exists, and it does not": (ask(), when(StringEqualsIfExists={"a:b": "x"})),
    "a truth, whatever its case": (ask(a__b="true"), when(Bool={"a:b": "True"})),
    "an ARN": (ask(a__b=ROLE), when(ArnEquals={"a:b": ROLE})),
    "an ARN by a pattern": (ask(a__b=ROLE), when(ArnLike={"a:b": "arn:aws:iam::111122223333:role/leadline-*"})),
    "no such ARN": (ask(a__b=STRANGER), when(ArnNotEquals={"a:b": ROLE})),
}

REFUSED: Final[dict[str, tuple[Ask, dict[str, Any]]]] = {
    "another action": (ask("sqs:ReceiveMessage"), SENDS),
    "an action that begins alike": (ask("sqs:SendMessageBatch"), SENDS),
    "another resource": (ask(resource=QUEUE + "-dlq"), SENDS),
    "a resource in another case": (ask(resource=QUEUE.upper()), SENDS),
    "a queue of that name in another account": (ask(resource=QUEUE.replace("111122223333", "123456789012")), SENDS),
    "a wildcard that would have to reach over a colon": (
        ask(),
        {**SENDS, "Resource": "arn:aws:sqs:eu-*:leadline-events:x"},
    ),
    "a bucket's objects by the bucket's ARN": (
        ask("s3:GetObject", OBJECT),
        {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::models"},
    ),
    "a condition that does not hold": (ask(a__b="z"), when(StringEquals={"a:b": ["x", "y"]})),
    "a condition whose key is missing": (ask(), when(StringEquals={"a:b": "x"})),
    "one of two conditions": (ask(a__b="x"), when(StringEquals={"a:b": "x"}, Bool={"aws:SecureTransport": "true"})),
    "one of two keys": (ask(a__b="x"), when(StringEquals={"a:b": "x", "a:c": "x"})),
    "equals takes no wildcard": (ask(a__b="xyz"), when(StringEquals={"a:b": "x*"})),
    "not equals, and it is": (ask(a__b="x"), when(StringNotEquals={"a:b": ["y", "x"]})),
    "if it exists, and it is another": (ask(a__b="y"), when(StringEqualsIfExists={"a:b": "x"})),
    "untrue": (ask(a__b="false"), when(Bool={"a:b": "true"})),
    "an ARN of another account": (ask(a__b=STRANGER), when(ArnLike={"a:b": "arn:aws:iam::111122223333:role/*"})),
    "just that ARN": (ask(a__b=ROLE), when(ArnNotLike={"a:b": "arn:aws:iam::*:role/leadline-*"})),
}


@pytest.mark.parametrize("what", list(ALLOWED))
def test_it_allows(what: str) -> None:
    request, statement = ALLOWED[what]
    assert verdict(request, statement).allowed


@pytest.mark.parametrize("what", list(REFUSED))
def test_it_does_not_allow(what: str) -> None:
    request, statement = REFUSED[what]
    assert not verdict(request, statement).allowed


def test_nothing_is_allowed_by_nothing() -> None:
    assert not judge(ask(), []).allowed


def test_a_denial_outweighs_every_grant() -> None:
    deny = {"Sid": "Never", "Effect": "Deny", "Action": "sqs:*", "Resource": "*"}
    assert Verdict(allowed=False, why="denied by Never") == verdict(ask(), SENDS, deny)
    assert not verdict(ask(), SENDS, of_resource=({**deny, "Principal": "*"},)).allowed


def test_a_denial_of_plain_http_harms_nobody_who_encrypts() -> None:
    deny = {**SENDS, "Effect": "Deny", "Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    assert verdict(ask(aws__SecureTransport="true"), SENDS, of_resource=(deny,)).allowed
    assert not verdict(ask(aws__SecureTransport="false"), SENDS, of_resource=(deny,)).allowed


def test_a_resource_that_names_a_role_of_its_account_needs_no_policy_of_the_role() -> None:
    assert verdict(ask(), of_resource=({**SENDS, "Principal": {"AWS": [ROLE]}},)).allowed
    assert not verdict(ask(), of_resource=({**SENDS, "Principal": {"AWS": ROLE + "-2"}},)).allowed


def test_a_resource_that_names_the_account_leaves_it_to_the_roles_policies() -> None:
    account = {**SENDS, "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}
    assert not verdict(ask(), of_resource=(account,)).allowed
    assert verdict(ask(), SENDS, of_resource=(account,)).allowed


def test_another_accounts_role_needs_both_its_own_policy_and_the_resources() -> None:
    named = {**SENDS, "Principal": {"AWS": STRANGER}}
    stranger = ask(principal=STRANGER)
    assert verdict(stranger, SENDS, of_resource=(named,)).allowed
    assert not verdict(stranger, of_resource=(named,)).allowed
    assert not verdict(stranger, SENDS).allowed
    assert not verdict(stranger, SENDS, of_resource=({**SENDS, "Principal": {"AWS": ROLE}},)).allowed


def test_a_key_is_used_by_nobody_whom_its_own_policy_does_not_let() -> None:
    use = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}
    decrypt = ask("kms:Decrypt", KEY)
    account = {**use, "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}
    assert not verdict(decrypt, use).allowed
    assert not verdict(decrypt, of_resource=(account,)).allowed
    assert verdict(decrypt, use, of_resource=(account,)).allowed
    assert verdict(decrypt, of_resource=({**use, "Principal": {"AWS": ROLE}},)).allowed
    assert not verdict(ask("kms:Sign", KEY), {**use, "Action": "*"}, of_resource=(account,)).allowed


def test_a_service_is_a_principal_of_its_own() -> None:
    grant = {**SENDS, "Principal": {"Service": "sns.amazonaws.com"}}
    assert verdict(ask(principal="sns.amazonaws.com"), of_resource=(grant,)).allowed
    assert not verdict(ask(principal="events.amazonaws.com"), of_resource=(grant,)).allowed


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ({"Effect": "Allow", "NotAction": "sqs:*", "Resource": "*"}, "NotAction"),
        ({"Effect": "Allow", "Action": "sqs:*", "NotResource": QUEUE}, "NotResource"),
        ({**SENDS, "Effect": "allow"}, "effect 'allow'"),
        ({**SENDS, "Principal": "*"}, "an identity's never does"),
        ({**SENDS, "Resource": "arn:aws:sqs:eu-west-1:${aws:PrincipalAccount}:x"}, "variable"),
        (when(NumericLessThan={"s3:TlsVersion": "1.2"}), "NumericLessThan is not known"),
        (when(**{"ForAnyValue:StringEquals": {"a:b": "x"}}), "ForAnyValue:StringEquals is not known"),
        (when(Null={"a:b": "true"}), "Null is not known"),
    ],
)
def test_what_it_does_not_judge_is_an_error(statement: dict[str, Any], told: str) -> None:
    with pytest.raises(BadPolicy, match=told):
        parse(policy(statement))


def test_a_resources_policy_without_principal_is_an_error() -> None:
    with pytest.raises(BadPolicy, match="names principals"):
        parse(policy(SENDS), of_resource=True)


def test_a_pattern_that_is_no_arn_is_an_error() -> None:
    with pytest.raises(BadPolicy, match="six parts"):
        arn_matches("arn:aws:sqs:*", QUEUE)


def test_an_old_version_of_the_language_is_an_error() -> None:
    with pytest.raises(BadPolicy, match="2012-10-17"):
        parse({"Version": "2008-10-17", "Statement": []})
