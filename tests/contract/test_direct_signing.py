"""What the direct transport signs, botocore would sign in the same way. `make soak` asks ten times as often."""

import random
import string
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ports.aws.direct.credentials import Keys, NoKeys
from ports.aws.direct.signing import Signer

TEXTS = (string.ascii_letters + string.digits, "äöüß€漢字🙂", '{}[]":, \n\t\\')
SERVICES = {"sqs": "AmazonSQS.ReceiveMessage", "dynamodb": "DynamoDB_20120810.UpdateItem", "sns": ""}
REGIONS = ("eu-west-1", "us-east-1", "cn-north-1", "us-gov-west-1")
HOSTS = (
    "https://{0}.{1}.amazonaws.com",
    "http://127.0.0.1:4566",
    "https://proxy.example:443/aws/",
    "http://h:80/c%20d",
)


def text(chance: random.Random, most: int, letters: str) -> str:
    return "".join(chance.choices(letters, k=chance.randrange(most + 1)))


def check(seed: int) -> None:
    """Sign one random request both ways."""
    chance = random.Random(seed)  # noqa: S311  nothing secret
    service, region = chance.choice(list(SERVICES)), chance.choice(REGIONS)
    url = chance.choice(HOSTS).format(service, region)
    body = text(chance, 2000, chance.choice(TEXTS)).encode()
    token = text(chance, 900, string.ascii_letters + "+/=") if chance.random() < 0.5 else None
    access, secret = (
        text(chance, 20, string.ascii_uppercase) or "A",
        text(chance, 40, string.ascii_letters + "+/") or "s",
    )
    now = chance.randrange(1_600_000_000, 4_000_000_000) + chance.random()
    headers = [("content-type", "application/x-amz-json-1.0"), ("x-amzn-query-mode", "true")]
    headers += [("x-amz-target", SERVICES[service])] if SERVICES[service] else []
    signer, keys = Signer(url, service, region, headers), Keys(access, secret, token or None)
    signer.sign(b"another body", keys, now - chance.choice([0, 1, 90_000]))  # what is kept of it must do no harm

    lines = dict(line.split(": ", 1) for line in signer.sign(body, keys, now).decode().splitlines())

    request = AWSRequest("POST", url, headers=dict(headers), data=body)
    at = datetime.fromtimestamp(int(now), UTC)
    with patch("botocore.auth.get_current_datetime", return_value=at):
        SigV4Auth(Credentials(access, secret, token or None), service, region).add_auth(request)
    assert request.headers["Authorization"] == lines["Authorization"]
    assert request.headers["X-Amz-Date"] == lines["X-Amz-Date"]
    assert request.headers.get("X-Amz-Security-Token") == lines.get("X-Amz-Security-Token")


def test_three_hundred_random_requests_are_signed_as_botocore_signs_them() -> None:
    for seed in range(300):
        check(seed)


@pytest.mark.soak
def test_three_thousand_random_requests_are_signed_as_botocore_signs_them() -> None:
    for seed in range(1_000, 4_000):
        check(seed)


def test_keys_that_were_replaced_within_a_second_sign_no_more() -> None:
    signer, now = Signer("https://h/", "sqs", "eu-west-1", []), 1_700_000_000.0
    old, new = Keys("OLD", "s", "t"), Keys("NEW", "s2", "t2")
    before, after = signer.sign(b"", old, now), signer.sign(b"", new, now)

    assert "Credential=OLD/" in before.decode()
    assert "Credential=NEW/" in after.decode()
    assert Signer("https://h/", "sqs", "eu-west-1", []).sign(b"", new, now) == after


@pytest.mark.parametrize("keys", [Keys("A\r\nX-Evil: 1", "s"), Keys("A", "s", "t\n")])
def test_keys_that_hold_the_end_of_a_line_sign_nothing(keys: Keys) -> None:
    with pytest.raises(NoKeys, match="CredentialRetrievalError"):
        Signer("https://h/", "sqs", "eu-west-1", []).sign(b"", keys, 1_700_000_000.0)
