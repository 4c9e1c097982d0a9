"""The older form of a call, which SNS and STS take: a form in, XML out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from ports.aws.direct.credentials import Keys
from ports.aws.quoting import quoted

_BETWEEN: Final = "\n"
_BETWEEN_QUOTED: Final = b"%0A"
FORM_TYPE: Final = "application/x-www-form-urlencoded; charset=utf-8"
MAX_XML_BYTES: Final = 1024 * 1024


@lru_cache(maxsize=64)
def publish_opening(topic_arn: str) -> bytes:
    """Return the part of PublishBatch that stays the same."""
    return urlencode({"Action": "PublishBatch", "Version": "2010-03-31", "TopicArn": topic_arn}).encode()


def publish_form(opening: bytes, entries: Sequence[Mapping[str, Any]]) -> bytes:
    """Return PublishBatch with its entries, each with its attributes."""
    parts = [opening]
    messages = quoted(_BETWEEN.join(entry["Message"] for entry in entries)).split(_BETWEEN_QUOTED)
    if len(messages) != len(entries):  # what stands between them stands in one as well
        messages = [quoted(entry["Message"]) for entry in entries]
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
    return b"%bName=%b%bValue.DataType=%b%bValue.StringValue=%b" % (
        at,
        quoted(name),
        at,
        kind.encode(),
        at,
        quoted(value),
    )


def parse_publish(body: bytes) -> Mapping[str, Any]:
    """
    Read the reply to PublishBatch.

    Raises:
        ValueError: It is none.
    """
    result = _result(body, "PublishBatch")
    return {"Successful": _members(result, "Successful"), "Failed": [_typed(m) for m in _members(result, "Failed")]}


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


def _members(result: ET.Element, name: str) -> list[dict[str, Any]]:
    found = _child(result, name)
    if found is None:
        return []
    begin = len(found.tag) - len(name)  # behind the namespace, which is one for all
    return [{child.tag[begin:]: child.text or "" for child in member} for member in found]


def _child(parent: ET.Element, name: str) -> ET.Element | None:
    return next((child for child in parent if _name(child) == name), None)


def _typed(failed: Mapping[str, Any]) -> dict[str, Any]:
    return {**failed, "SenderFault": failed.get("SenderFault") == "true"}


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
