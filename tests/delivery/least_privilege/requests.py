"""One request to AWS, read as the action and the resource that IAM is asked for."""

import json
import re
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from tests.contract.answering import Request
from tests.delivery.templates import ACCOUNT, REGION


class Needed(NamedTuple):
    """What one request needs: one action on one resource, with what a condition may look at (name and value)."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


class Unreadable(Exception):
    """A request that the recorder cannot name; it must learn to, or a right would go unseen."""


def arn(service: str, rest: str) -> str:
    """Return an ARN of this account and region."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def service_of(request: Request) -> str:
    """Return the service that a request is signed for."""
    scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", request.headers.get("Authorization", ""))
    return scope[1] if scope else "nothing"


def _sqs(request: Request) -> Needed:
    action = request.api.partition(":")[2].removesuffix("Batch")
    return Needed(f"sqs:{action}", arn("sqs", json.loads(request.body)["QueueUrl"].rpartition("/")[2]))


def _sns(request: Request) -> Needed:
    asked = parse_qs(request.body.decode())
    return Needed(f"sns:{asked['Action'][0].removesuffix('Batch')}", asked["TopicArn"][0])


def _dynamodb(request: Request) -> Needed:
    asked = json.loads(request.body)
    index = f"/index/{asked['IndexName']}" if "IndexName" in asked else ""
    return Needed(request.api, arn("dynamodb", f"table/{asked['TableName']}{index}"))


def _kms(request: Request) -> Needed:
    asked = json.loads(request.body)
    algorithm = asked.get("SigningAlgorithm")
    context = (("kms:SigningAlgorithm", algorithm),) if algorithm else ()
    return Needed(f"kms:{request.headers['X-Amz-Target'].rpartition('.')[2]}", asked["KeyId"], context)


def _s3(request: Request) -> Needed:
    url = urlsplit(request.path)
    bucket, _, key = unquote(url.path).lstrip("/").partition("/")
    query = parse_qs(url.query, keep_blank_values=True)
    if unknown := set(query) - _S3_HARMLESS:
        raise Unreadable(
            f"{request.method} {request.path}: {sorted(unknown)} may need another right; teach the recorder"
        )
    if not key:
        prefix = tuple(("s3:prefix", value) for value in query.get("prefix", ()))
        if request.method not in {"GET", "HEAD"}:
            raise Unreadable(f"{request.method} {request.path} may change a bucket; teach the recorder")
        action = "s3:ListBucketVersions" if "versions" in query else "s3:ListBucket"
        return Needed(action, f"arn:aws:s3:::{bucket}", prefix)
    version = "Version" if "versionId" in query else ""
    what = {"GET": f"GetObject{version}", "HEAD": f"GetObject{version}", "PUT": "PutObject"}
    if request.method not in what or "versions" in query:
        raise Unreadable(f"{request.method} {request.path} is of no kind that is known; teach the recorder")
    return Needed(f"s3:{what[request.method]}", f"arn:aws:s3:::{bucket}/{key}")


_S3_HARMLESS: Final = frozenset(
    {
        "list-type",
        "prefix",
        "continuation-token",
        "max-keys",
        "encoding-type",
        "delimiter",
        "versionId",
        "versions",
        "x-id",
    }
)


def _codedeploy(request: Request) -> Needed:
    action = request.headers["X-Amz-Target"].rpartition(".")[2]
    if action in _OF_NO_RESOURCE:
        return Needed(f"codedeploy:{action}", "*")
    asked = json.loads(request.body)
    # A later request names the deployment only; this project has the one group.
    group = f"{asked.get('applicationName', 'leadline')}/{asked.get('deploymentGroupName', 'leadline-prod')}"
    return Needed(f"codedeploy:{action}", arn("codedeploy", f"deploymentgroup:{group}"))


_OF_NO_RESOURCE: Final = frozenset({"BatchGetDeploymentTargets", "ListDeploymentTargets"})


READERS: Final[dict[str, Callable[[Request], Needed]]] = {
    "sqs": _sqs, "sns": _sns, "dynamodb": _dynamodb, "kms": _kms, "s3": _s3, "codedeploy": _codedeploy,
}  # fmt: skip
