"""A token service that gives keys to whoever shows a token."""

from typing import Final

_XMLNS: Final = "https://sts.amazonaws.com/doc/2011-06-15/"


def assume_role_with_web_identity() -> bytes:
    """Return keys that are good for years."""
    return (
        f'<AssumeRoleWithWebIdentityResponse xmlns="{_XMLNS}"><AssumeRoleWithWebIdentityResult>'
        "<SubjectFromWebIdentityToken>system:serviceaccount:bench:bench</SubjectFromWebIdentityToken>"
        "<Audience>sts.amazonaws.com</Audience><AssumedRoleUser>"
        "<Arn>arn:aws:sts::111122223333:assumed-role/bench/bench</Arn>"
        "<AssumedRoleId>AROAEXAMPLE:bench</AssumedRoleId></AssumedRoleUser><Credentials>"
        "<AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>"
        f"<SessionToken>{'t' * 900}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
        "<Provider>bench</Provider></AssumeRoleWithWebIdentityResult>"
        "<ResponseMetadata><RequestId>5e2bb7d1-0e1c-5c7d-8f3a-2f5c1a0e7b11</RequestId></ResponseMetadata>"
        "</AssumeRoleWithWebIdentityResponse>"
    ).encode()
