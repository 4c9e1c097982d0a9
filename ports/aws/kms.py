"""Signatures by a key that nobody can copy: AWS KMS, an asymmetric key ECC_NIST_P256 for SIGN_VERIFY."""

import hashlib
from typing import TYPE_CHECKING

import boto3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ports.aws.endpoints import region_of
from ports.aws.sdk import AwsError, SdkCalls, config
from ports.protocols import BadAddress

if TYPE_CHECKING:
    from mypy_boto3_kms.client import KMSClient


class KmsKey:
    """A key in KMS, by its ID, ARN or alias."""

    def __init__(self, name: str) -> None:
        """
        Take a key; no call is made.

        Raises:
            BadAddress: Nobody names a region.
        """
        parts = name.split(":")
        region = parts[3] if name.startswith("arn:") and len(parts) > 5 else None
        self._name, self._calls = name, SdkCalls(f"KMS key {name}")
        self._client: KMSClient = boto3.client("kms", region_name=region_of(region), config=config(1))

    def sign(self, message: bytes) -> bytes:
        """
        Sign a message of any length: KMS gets its SHA-256. The signature is DER, as a key file's is.

        Raises:
            Unavailable: KMS did not answer, or refused.
        """
        digest = hashlib.sha256(message).digest()
        try:
            return self._calls.retried(
                lambda: self._client.sign(
                    KeyId=self._name, Message=digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
                )
            )["Signature"]
        except AwsError as error:
            raise self._calls.unavailable_by("kms:Sign", error) from error

    def public_pem(self) -> bytes:
        """
        Return the public half, which workers check signatures with.

        Raises:
            BadAddress: It is a key of another kind.
            Unavailable: KMS did not answer, or refused.
        """
        try:
            reply = self._calls.retried(lambda: self._client.get_public_key(KeyId=self._name))
        except AwsError as error:
            raise self._calls.unavailable_by("kms:GetPublicKey", error) from error
        key = serialization.load_der_public_key(reply["PublicKey"])
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise BadAddress(f"KMS key {self._name} is no ECC_NIST_P256 key; make one, for SIGN_VERIFY")
        return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
