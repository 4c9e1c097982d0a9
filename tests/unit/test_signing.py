"""Keys and signatures."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from propensity.child import ChildFailed
from propensity.signing import BadKey, development_keys, is_signed, public_pem, sign
from tests.bundles import Keys, new_keys


def test_only_the_signed_message_under_the_right_key_passes(keys: Keys, tmp_path: Path) -> None:
    signature = sign(b"message", keys.private)
    assert is_signed(b"message", signature, keys.public)
    assert not is_signed(b"massage", signature, keys.public)
    assert not is_signed(b"message", signature, new_keys(tmp_path).public)


@pytest.mark.parametrize("signature", [b"", b"\x00", b"0" * 71, bytes.fromhex("3006020100020100")])
def test_rubbish_is_no_signature(signature: bytes, keys: Keys) -> None:
    assert not is_signed(b"message", signature, keys.public)


def test_a_signature_with_any_byte_changed_does_not_pass(keys: Keys) -> None:
    signature = sign(b"message", keys.private)
    for at in range(len(signature)):
        changed = signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :]
        assert not is_signed(b"message", changed, keys.public)


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, password: str = "") -> bytes:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        encryption = serialization.BestAvailableEncryption(password.encode())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["P-384", "secp256k1", "RSA", "Ed25519"],
)
def test_another_kind_of_key_is_refused(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, tmp_path: Path
) -> None:
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    private.write_bytes(pem(key))
    public.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(BadKey, match="another kind of key"):
        sign(b"message", private)
    with pytest.raises(BadKey, match="another kind of key"):
        is_signed(b"message", b"", public)


def test_a_key_that_is_missing_or_rubbish_or_locked_or_the_other_half_is_refused(keys: Keys, tmp_path: Path) -> None:
    missing, rubbish, locked = tmp_path / "missing.pem", tmp_path / "rubbish.pem", tmp_path / "locked.pem"
    rubbish.write_bytes(b"-----BEGIN PUBLIC KEY-----\n????\n-----END PUBLIC KEY-----\n")
    locked.write_bytes(pem(ec.generate_private_key(ec.SECP256R1()), "secret"))
    for private in (missing, rubbish, locked, keys.public):
        with pytest.raises(BadKey, match=private.name):
            public_pem(private)
    for public in (missing, rubbish, keys.private):
        with pytest.raises(BadKey, match=public.name):
            is_signed(b"message", b"", public)


def test_development_keys_are_made_once_and_for_their_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    private, public = development_keys()
    made = private.read_bytes()
    assert development_keys() == (private, public)
    assert private.read_bytes() == made
    assert private.stat().st_mode & 0o777 == 0o600
    assert private.parent.stat().st_mode & 0o077 == 0
    assert is_signed(b"message", sign(b"message", private), public)
    assert sorted(path.name for path in private.parent.iterdir()) == ["signing-key.pem", "signing-key.pub.pem"]
    public.unlink()
    assert public_pem(private) == development_keys()[1].read_bytes()


def test_a_public_key_that_is_not_the_private_ones_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    private, public = development_keys()
    before = public.read_bytes()
    private.unlink()

    assert (private, public) == development_keys()

    assert before != public.read_bytes()
    assert is_signed(b"message", sign(b"message", private), public)
    assert {private, public} == set(private.parent.iterdir())


@pytest.mark.parametrize("config", ["/proc", "/dev/null"])
def test_a_folder_that_cannot_keep_development_keys_is_told_with_the_way_out(
    config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", config)
    with pytest.raises(BadKey, match=rf"{config}/leadline cannot keep .*: .*; set XDG_CONFIG_HOME to a folder"):
        development_keys()


def test_a_development_key_that_is_a_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    public = development_keys()[1]
    public.unlink()
    public.mkdir()

    with pytest.raises(BadKey, match=r"cannot keep your development key: Is a directory"):
        development_keys()

    assert 2 == len([*public.parent.iterdir()])


def test_without_a_setting_development_keys_lie_in_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert development_keys()[0].parent == tmp_path / ".config" / "leadline"


@pytest.mark.parametrize("said", [None, "", "False", "true", "True!"])
def test_only_a_plain_yes_of_the_child_counts_and_all_else_is_found_out_here(
    keys: Keys, monkeypatch: pytest.MonkeyPatch, said: str | None
) -> None:
    def child(*_: object) -> str:
        if said is None:
            raise ChildFailed("was killed by SIGKILL")
        return said

    signature = sign(b"message", keys.private)
    monkeypatch.setattr("propensity.signing.only_thread", lambda: True)
    monkeypatch.setattr("propensity.signing.run_fork", child)

    assert is_signed(b"message", signature, keys.public)
    assert not is_signed(b"another", signature, keys.public)


def test_beside_other_threads_no_child_is_asked(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    def child(*_: object) -> str:
        raise AssertionError("a fork would inherit their locks")

    monkeypatch.setattr("propensity.signing.run_fork", child)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(int).result()
        assert is_signed(b"message", sign(b"message", keys.private), keys.public)
