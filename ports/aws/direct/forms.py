"""The older form of a call, which SNS and STS take: a form in, XML out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from ports.aws.direct.credentials import Keys
from ports.aws.quoting import quoted

FORM_TYPE: Final = "application/x-www-form-urlencoded; charset=utf-8"
MAX_XML_BYTES: Final = 1024 * 1024


@lru_cache(maxsize=64)
def publish_opening(topic_arn: str) -> bytes:
    """Return the part of PublishBatch that stays the same."""
    return urlencode({"Action": "PublishBatch", "Version": "2010-03-31", "TopicArn": topic_arn}).encode()


def publish_form(opening: bytes, entries: Sequence[Mapping[str, Any]]) -> bytes:
    """Return PublishBatch with its entries, each with its attributes."""
    parts = [opening]
    messages = quoted([entry["Message"] for entry in entries])
    for place, (entry, message) in enumerate(zip(entries, messages, strict=True), 1):
        parts += [_id_and_message(place, entry["Id"]), message]
        parts += [
            _attribute(place, number, name, value["DataType"], value["StringValue"])
            for number, (name, value) in enumerate(entry["MessageAttributes"].items(), 1)
        ]
    return b"".join(parts)


def _id_and_message(place: int, key: str) -> bytes:
    at = f"&PublishBatchRequestEntries.member.{place}."
    return f"{at}Id={key}{at}Message=".encode()


@lru_cache(maxsize=4096)
def _attribute(place: int, number: int, name: str, kind: str, value: str) -> bytes:
    """Return one attribute. Most of them are the same for thousands of leads."""
    at = f"&PublishBatchRequestEntries.member.{place}.MessageAttributes.entry.{number}.".encode()
    [name_quoted, value_quoted] = quoted([name, value])
    return b"%bName=%b%bValue.DataType=%b%bValue.StringValue=%b" % (
        at,
        name_quoted,
        at,
        kind.encode(),
        at,
        value_quoted,
    )


def parse_publish(body: bytes) -> Mapping[str, Any]:
    """
    Read the reply to PublishBatch: of each entry that is done only its id.

    Raises:
        ValueError: It is none.
    """
    result = _result(body, "PublishBatch")
    done, failed = _child(result, "Successful"), _child(result, "Failed")
    # Every name has the namespace of the first before it.
    space = result.tag.removesuffix("PublishBatchResult")
    ids = [] if done is None else [member.findtext(f"{space}Id", "") for member in done]
    return {"Successful": [{"Id": one} for one in ids], "Failed": [] if failed is None else [_typed(m) for m in failed]}


def assume_role_form(role: str, session: str, token: str) -> bytes:
    """Return AssumeRoleWithWebIdentity, which nobody signs."""
    about = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": role}
    return urlencode(about | {"RoleSessionName": session, "WebIdentityToken": token}).encode()


def parse_role(body: bytes) -> Mapping[str, Any]:
    """
    Read the reply to AssumeRoleWithWebIdentity.

    Raises:
        ValueError: It is none.
    """
    found = _child(_result(body, "AssumeRoleWithWebIdentity"), "Credentials")
    said = {} if found is None else {_name(child): (child.text or "").strip() for child in found}
    access, secret, token = (said.get(k, "") for k in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    if not (access and secret and token):
        raise ValueError("no credentials")
    expires_at = datetime.fromisoformat(said.get("Expiration", ""))
    if expires_at.tzinfo is None:
        raise ValueError("an expiration without a zone")
    return {"keys": Keys(access, secret, token, expires_at.timestamp())}


def _result(body: bytes, action: str) -> ET.Element:
    if len(body) > MAX_XML_BYTES or b"<!" in body:
        raise ValueError("no reply of AWS declares a document type, or is so large")
    try:
        root = ET.fromstring(body)  # noqa: S314  neither large, nor with entities
    except (ET.ParseError, LookupError) as error:
        raise ValueError("no XML") from error
    result = _child(root, f"{action}Result")
    if _name(root) != f"{action}Response" or result is None:
        raise ValueError("another document")
    return result


def _child(parent: ET.Element, name: str) -> ET.Element | None:
    return next((child for child in parent if _name(child) == name), None)


def _typed(failed: ET.Element) -> dict[str, Any]:
    said: dict[str, Any] = {_name(child): child.text or "" for child in failed}
    return {**said, "SenderFault": said.get("SenderFault") == "true"}


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
