"""A bundle that is signed by a key in KMS is one that a worker takes, and no other."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto import mock_aws
from moto.kms.utils import ECDSAPrivateKey

from ports import BadAddress, Unavailable, open_kms_key
from propensity.bundle import BundleError, load, sign_bundle
from tests.bundles import Keys, likely_above, make_bundle


@pytest.fixture
def key_id(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Make a signing key in a KMS of our own; moto would hash a digest once more, which AWS does not (kms:Sign)."""
    prehashed = ec.ECDSA(Prehashed(hashes.SHA256()))
    monkeypatch.setattr(ECDSAPrivateKey, "sign", lambda self, digest, _: self.private_key.sign(digest, prehashed))
    for name, value in (("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x")):
        monkeypatch.setenv(name, value)
    with mock_aws():
        kms = boto3.client("kms", region_name="eu-west-1")
        made = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        kms.create_alias(AliasName="alias/leadline", TargetKeyId=made["KeyMetadata"]["KeyId"])
        yield made["KeyMetadata"]["KeyId"]


def test_a_bundle_that_kms_signed_loads_under_its_public_key_and_under_no_other(
    key_id: str, tmp_path: Path, keys: Keys
) -> None:
    """By alias as well: the manifest is far longer than the 4,096 bytes that KMS takes as a message."""
    bundle = make_bundle(tmp_path / "model", likely_above(100), keys)
    public = tmp_path / "kms.pub.pem"
    public.write_bytes(open_kms_key(key_id).public_pem())

    sign_bundle(bundle, open_kms_key("alias/leadline").sign)

    assert load(bundle, public).manifest.name == "tiny"
    with pytest.raises(BundleError, match="was not made with the key"):
        load(bundle, keys.public)


@pytest.mark.usefixtures("key_id")
def test_a_key_of_another_kind_and_one_that_is_not_there_are_told() -> None:
    kms = boto3.client("kms", region_name="eu-west-1")
    other = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]

    with pytest.raises(BadAddress, match="is no ECC_NIST_P256 key"):
        open_kms_key(other).public_pem()
    with pytest.raises(Unavailable, match="kms:Sign failed on KMS key alias/gone: NotFoundException"):
        open_kms_key("alias/gone").sign(b"x")


def test_an_arn_names_its_region(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    open_kms_key("arn:aws:kms:eu-central-1:123456789012:key/1234")
    with pytest.raises(BadAddress, match="AWS_REGION is not set"):
        open_kms_key("alias/leadline")
