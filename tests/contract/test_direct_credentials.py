"""Whose keys the direct transport signs with, when it gets new ones, and what it does about a wrong clock."""

import calendar
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import pytest

from ports import Message, Queue, Unavailable, open_queue
from ports.aws.direct import DirectSide
from ports.aws.direct.credentials import Credentials, Keys, failed, find_credentials
from ports.aws.queue import SqsQueue
from tests.contract.answering import Answer, Answering, Request, Silence

ROLE: Final = "arn:aws:iam::111122223333:role/worker"
MESSAGES: Final = [Message("id-0", "receipt-0", b"{}", 1)]
DONE: Final = Answer(200, b'{"Successful": [{"Id": "0"}]}')
NAMES: Final = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_SESSION_NAME", "AWS_ENDPOINT_URL_SQS",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide who the developer is."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setattr("ports.aws.client.FIRST_PAUSE_S", 0.001)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    with Answering(lambda _: DONE) as answering:
        monkeypatch.setenv("AWS_ENDPOINT_URL", answering.url)
        yield answering


def static_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "STATIC")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def open_direct(service: Answering) -> Queue:
    return open_queue(f"{service.url}/111122223333/events", wait_time_s=0, transport="direct")


class Sts:
    """Gives a new key for each token, and lets a queue that knows only the last one answer."""

    def __init__(self) -> None:
        self.lives_s, self.forms, self.current = 3600, [], ""

    def __call__(self, request: Request) -> Answer | Silence:
        if "X-Amz-Target" in request.headers:
            if f"Credential={self.current}/" in request.headers["Authorization"]:
                return DONE
            return Answer(400, b'{"__type": "com.amazon.coral.service#ExpiredTokenException"}')
        assert "Authorization" not in request.headers
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        self.forms.append(form)
        self.current = f"KEY{len(self.forms)}"
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.lives_s))
        return Answer(
            200,
            f"""<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
            <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{self.current}</AccessKeyId>
            <SecretAccessKey>s+/</SecretAccessKey><SessionToken>t+/=</SessionToken><Expiration>{until}</Expiration>
            </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>""".encode(),
        )

    forms: list[dict[str, str]]


@pytest.fixture
def sts(service: Answering, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sts:
    """Give a role and a token; STS answers at the same place as the queue."""
    sts = service.respond = Sts()
    (tmp_path / "token").write_text("token-1\n")
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "worker-1")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    return sts


def test_a_web_identity_is_traded_for_keys_once_by_a_call_that_nobody_signs(service: Answering, sts: Sts) -> None:
    queue = open_direct(service)

    assert [[], []] == [queue.delete(MESSAGES) for _ in range(2)]

    asked = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": ROLE}
    assert [asked | {"RoleSessionName": "worker-1", "WebIdentityToken": "token-1"}] == sts.forms


def test_queues_that_are_opened_side_by_side_share_the_keys_of_one_role(service: Answering, sts: Sts) -> None:
    """So do a store and a topic: STS is asked once when a worker starts."""
    assert [[], []] == [open_direct(service).delete(MESSAGES) for _ in range(2)]

    assert 1 == len(sts.forms)


def test_a_call_that_finds_its_token_expired_is_made_once_more_with_new_keys(
    service: Answering, sts: Sts, tmp_path: Path
) -> None:
    queue = open_direct(service)
    queue.delete(MESSAGES)
    sts.current = "another"
    (tmp_path / "token").write_text("token-2")

    assert [] == queue.delete(MESSAGES)
    assert ["token-1", "token-2"] == [form["WebIdentityToken"] for form in sts.forms]


def test_static_keys_that_have_expired_are_not_tried_again(service: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    static_keys(monkeypatch)
    service.respond = lambda _: Answer(400, b'{"__type": "com.amazon.coral.service#ExpiredTokenException"}')

    with pytest.raises(Unavailable, match=r"ExpiredTokenException.*check the credentials"):
        open_direct(service).receive(10, 0, 60)
    assert 1 == service.calls.total()


def test_static_keys_go_before_a_web_identity(service: Answering, sts: Sts, monkeypatch: pytest.MonkeyPatch) -> None:
    static_keys(monkeypatch)
    sts.current = "STATIC"

    assert [] == open_direct(service).delete(MESSAGES)
    assert [] == sts.forms


@pytest.mark.parametrize("answer", [Answer(200, b"<html/>"), Answer(200, b""), Answer(503, b""), Answer(403, b"x")])
def test_without_keys_nothing_is_called_and_the_message_says_why(service: Answering, sts: Sts, answer: Answer) -> None:
    service.respond = lambda _: answer

    with pytest.raises(Unavailable, match=r"ReceiveMessage failed on .*BadReply"):
        open_direct(service).receive(10, 0, 60)
    assert not any(api.startswith("sqs:") for api in service.calls)
    assert [] == sts.forms


def test_a_token_that_cannot_be_read_is_named_as_a_fault_of_the_credentials(
    service: Answering, sts: Sts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent")

    with pytest.raises(Unavailable, match=r"CredentialRetrievalError.*AWS_WEB_IDENTITY_TOKEN_FILE"):
        open_direct(service).receive(10, 0, 60)
    assert [] == sts.forms


@pytest.mark.parametrize(("left_s", "fetched"), [(901, 1), (899, 2), (601, 2), (599, 2), (-1, 2)], ids=str)
def test_keys_are_refreshed_from_a_quarter_of_an_hour_before_they_expire(left_s: int, fetched: int) -> None:
    made: list[Keys] = []
    now = [0.0]

    def fetch() -> Keys:
        made.append(Keys(f"K{len(made)}", "s", "t", now[0] + 3600))
        return made[-1]

    credentials = Credentials(fetch, lambda: now[0])
    credentials.get()
    now[0] = 3600.0 - left_s

    got = credentials.get()
    assert made[-1] == got
    assert fetched == len(made)


@pytest.mark.parametrize(("left_s", "waits"), [(899, False), (599, True)])
def test_one_thread_refreshes_and_others_go_on_with_the_old_keys_while_there_is_time(left_s: int, waits: bool) -> None:
    now, fetching, go_on = [0.0], threading.Event(), threading.Event()
    made: list[Keys] = []

    def fetch() -> Keys:
        if made:
            fetching.set()
            assert go_on.wait(10)
        made.append(Keys(f"K{len(made)}", "s", "t", now[0] + 3600))
        return made[-1]

    credentials, got = Credentials(fetch, lambda: now[0]), []
    old = credentials.get()
    now[0] = 3600.0 - left_s
    first = threading.Thread(target=credentials.get)
    first.start()
    assert fetching.wait(10)
    second = threading.Thread(target=lambda: got.append(credentials.get()))
    second.start()
    if not waits:
        second.join(10)
    go_on.set()
    for thread in (first, second):
        thread.join(10)

    assert [made[1] if waits else old] == got
    assert 2 == len(made)


def test_keys_that_cannot_be_refreshed_are_used_as_long_as_they_last_and_no_longer() -> None:
    now, answers = [0.0], iter([Keys("OLD", "s", "t", 3600.0)])

    def fetch() -> Keys:
        for keys in answers:
            return keys
        raise failed("CredentialRetrievalError")

    credentials = Credentials(fetch, lambda: now[0])
    old = credentials.get()
    for now[0] in (2800.0, 3100.0, 3599.0):
        assert old == credentials.get()
    now[0] = 3601.0
    with pytest.raises(Exception, match="CredentialRetrievalError"):
        credentials.get()


def test_all_other_providers_are_left_to_botocore(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file of profiles goes before a web identity."""
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = PROFILE\naws_secret_access_key = s\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))

    def nobody(*_: Any) -> Keys:  # noqa: ANN401
        raise AssertionError("no role is asked for")

    assert Keys("PROFILE", "s", None, None) == find_credentials(nobody).get()


def test_who_is_nobody_is_told_so(service: Answering) -> None:
    with pytest.raises(Unavailable, match=r"NoCredentialsError.*check the credentials"):
        open_direct(service).receive(10, 0, 60)
    assert 0 == service.calls.total()


@pytest.mark.parametrize("code", ["RequestTimeTooSkewed", "InvalidSignatureException", "SignatureDoesNotMatch"])
@pytest.mark.parametrize("hours", [-3, 3])
def test_a_wrong_clock_is_put_right_by_the_service_s_own_and_stays_right(
    service: Answering, monkeypatch: pytest.MonkeyPatch, code: str, hours: int
) -> None:
    static_keys(monkeypatch)
    now, wrong_s = time.time(), hours * 3600.0
    queue = open_direct(service)
    assert isinstance(queue, SqsQueue)
    assert isinstance(queue._side, DirectSide)
    queue._side._clock = lambda: now + wrong_s

    def respond(request: Request) -> Answer:
        right = abs(_at(request.headers["X-Amz-Date"]) - now) < 5
        return DONE if right else Answer(403, json.dumps({"__type": f"x#{code}"}).encode(), {"Date": formatdate(now)})

    service.respond = respond

    assert [[], []] == [queue.delete(MESSAGES) for _ in range(2)]
    assert 3 == service.calls.total()


def test_a_signature_that_is_wrong_in_itself_is_not_made_again(
    service: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    static_keys(monkeypatch)
    service.respond = lambda _: Answer(403, b'{"__type": "InvalidSignatureException"}')

    assert MESSAGES == open_direct(service).delete(MESSAGES)
    assert 1 == service.calls.total()


def test_what_the_direct_transport_loads_is_light(service: Answering) -> None:
    """A message is received, deleted and published, an update made: neither botocore nor what it needs is there."""
    code = (
        "import os, sys, json\n"
        "from ports import open_queue, open_store, open_topic\n"
        "url = os.environ['AWS_ENDPOINT_URL'] + '/111122223333/events'\n"
        "queue = open_queue(url, wait_time_s=0, transport='direct')\n"
        "queue.receive(10, 0, 60)\n"
        "open_store('dynamodb://decisions', transport='direct').put([])\n"
        "open_topic('arn:aws:sns:eu-west-1:111122223333:leads', transport='direct').publish([])\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-west-1"}
    service.respond = lambda _: Answer(200, b"{}")
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**keys, "AWS_ENDPOINT_URL": service.url},
        check=True,
        capture_output=True,
        text=True,
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert not loaded & {"botocore", "boto3", "tenacity", "urllib3", "numpy", "requests", "pycurl"}


def _at(date: str) -> float:
    return float(calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ")))
