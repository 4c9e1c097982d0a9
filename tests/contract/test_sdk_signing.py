"""What goes the short way through boto3 is signed as botocore signs it, and its forms are those of `urlencode`."""

import random
import string
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.hooks import HierarchicalEmitter
from botocore.model import ServiceId
from botocore.signers import RequestSigner

from ports.aws.quoting import form
from ports.aws.sdk_signing import QuickAuth, Signable, signer_of

TEXTS = (string.ascii_letters + string.digits, "äöüß€漢字🙂", '{}[]":, \n\t\\', string.printable)
URLS = (
    "https://sqs.eu-west-1.amazonaws.com/",
    "http://127.0.0.1:4566/",
    "https://proxy.example:443/aws/",
    "http://h:80/c%20d",
)
NOW = "botocore.auth.get_current_datetime"


def text(chance: random.Random, most: int, letters: str) -> str:
    return "".join(chance.choices(letters, k=chance.randrange(most + 1)))


def check(seed: int) -> None:
    """Sign one random request both ways, in the same second."""
    chance = random.Random(seed)  # noqa: S311  nothing secret
    service, region = chance.choice(["sqs", "sns", "dynamodb"]), chance.choice(["eu-west-1", "cn-north-1"])
    headers = {"Content-Type": "application/x-amz-json-1.0", "User-Agent": "leadline", "X-Amz-Target": "A.B"}
    headers |= {"X-Amzn-Trace-Id": "Root=1"} if chance.random() < 0.5 else {}
    token = text(chance, 900, string.ascii_letters + "+/=") + chance.choice(["", "", "", " "]) or None
    keys = Credentials(text(chance, 20, string.ascii_uppercase), text(chance, 40, string.ascii_letters + "+/"), token)
    body, url = text(chance, 2000, chance.choice(TEXTS)).encode(), chance.choice(URLS)
    ours = Signable({"method": "POST", "url": url, "headers": headers}, body, {})
    usual = AWSRequest("POST", url, headers=headers, data=body)

    QuickAuth(keys, service, region).add_auth(ours)
    with patch(NOW) as now:
        now.return_value.strftime.return_value = ours.context["timestamp"]
        SigV4Auth(keys, service, region).add_auth(usual)

    assert dict(usual.headers.items()) == ours.headers
    assert "Authorization" not in headers


def test_three_hundred_random_requests_are_signed_as_botocore_signs_them() -> None:
    for seed in range(300):
        check(seed)


@pytest.mark.soak
def test_three_thousand_random_requests_are_signed_as_botocore_signs_them() -> None:
    for seed in range(1_000, 4_000):
        check(seed)


@pytest.mark.parametrize(
    ("context", "is_signed"),
    [
        ({}, True),
        ({"auth_type": "v4", "signing": {"region": "us-east-1", "signing_name": "other"}}, True),
        ({"auth_type": "v4a"}, False),
        ({"auth_type": "none"}, False),
        ({"auth_type": UNSIGNED}, False),
        ({"signing": {"request_credentials": Credentials("a", "b")}}, False),
    ],
)
def test_only_what_botocore_would_sign_by_version_four_is_signed(context: dict[str, Any], is_signed: bool) -> None:
    """The endpoint's rules may name another region and another service."""
    events = HierarchicalEmitter()
    usual = RequestSigner(ServiceId("SQS"), "eu-west-1", "sqs", "v4", Credentials("KEY", "secret"), events)

    signer = signer_of(usual, context)

    assert is_signed == (signer is not None)
    if signer is not None:
        request = Signable({"method": "POST", "url": URLS[0], "headers": {}}, b"", dict(context))
        signer.add_auth(request)
        about = context.get("signing", {"region": "eu-west-1", "signing_name": "sqs"})
        assert f"/{about['region']}/{about['signing_name']}/aws4_request" in request.headers["Authorization"]


def test_random_forms_are_those_of_urlencode() -> None:
    chance = random.Random(1)  # noqa: S311  nothing secret
    for _ in range(300):
        fields = {text(chance, 60, string.ascii_letters + ". "): text(chance, 600, chance.choice(TEXTS)) for _ in "abc"}

        assert urlencode(fields).encode() == form(fields)
