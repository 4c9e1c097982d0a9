"""ECDSA P-256 over a bundle's manifest: keys, signature, check (FIPS 186-5; DER signatures over SHA-256)."""

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from propensity.child import ChildFailed, only_thread, run_fork

# The cryptography package is loaded where it is needed: a worker does not keep it in memory.
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

SIGNATURE: Final = "manifest.sig"


class BadKey(Exception):
    """A key file that is missing, or that is no P-256 key."""


def development_keys() -> tuple[Path, Path]:
    """
    Return the paths of this user's private and public key, and make the pair on first use.

    They lie in `$XDG_CONFIG_HOME/leadline` (by default `~/.config/leadline`), outside any working copy. They are right
    for a laptop; a team hands its own key to `train --key`. A public key that is not the private one's is renewed.

    Raises:
        BadKey: The folder cannot be read or written, or the private key cannot be used.
    """
    way_out = "set XDG_CONFIG_HOME to a folder that you can write, or give a key of your own"
    try:
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "leadline"
    except RuntimeError as error:
        raise BadKey(f"you have no home folder to keep a development key in; {way_out}") from error
    private, public = folder / "signing-key.pem", folder / "signing-key.pub.pem"
    try:
        if not private.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(private, _new_private_pem(), once=True)
        other_half = public_pem(private)
        if not public.exists() or public.read_bytes() != other_half:
            _write(public, other_half)
    except OSError as error:
        raise BadKey(f"{folder} cannot keep your development key: {error.strerror}; {way_out}") from error
    return private, public


def public_pem(private: Path) -> bytes:
    """
    Return the public half of a private key as PEM.

    Raises:
        BadKey: The file is missing, or holds no P-256 private key in PEM without a password.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return _private_key(private).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def sign(message: bytes, private: Path) -> bytes:
    """
    Sign a message.

    Raises:
        BadKey: The file is missing, or holds no P-256 private key in PEM without a password.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    return _private_key(private).sign(message, ECDSA(SHA256()))


def is_signed(message: bytes, signature: bytes, public: Path) -> bool:
    """
    Tell whether the signature over the message was made with the other half of this public key.

    Raises:
        BadKey: The file is missing, or holds no P-256 public key in PEM.
    """
    pem = _read(public)
    if only_thread():  # a worker checks one signature in its life, and what does it would stay with 10 MB
        with contextlib.suppress(ChildFailed):
            if run_fork(lambda: str(_is_signed(message, signature, pem, public)), len(message)) == str(True):
                return True
    return _is_signed(message, signature, pem, public)  # a no, or an error, is for this process to find out


def _is_signed(message: bytes, signature: bytes, pem: bytes, public: Path) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey(f"{public} holds no public key in PEM") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadKey(f"{public} holds another kind of key; give an ECDSA P-256 public key")
    try:
        key.verify(signature, message, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _private_key(path: Path) -> "EllipticCurvePrivateKey":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadKey(f"{path} holds no private key in PEM without a password") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadKey(f"{path} holds another kind of key; give an ECDSA P-256 private key")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadKey(f"{path} cannot be read: {error.strerror}; give a PEM file") from error


def _new_private_pem() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes, *, once: bool = False) -> None:
    """Write the file whole or not at all, readable by its owner only; `once`: who comes second takes the first's."""
    draft = path.with_suffix(f".{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        if once:
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        else:
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
