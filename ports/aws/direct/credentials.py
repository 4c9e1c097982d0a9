"""Who calls: keys from the environment, or a role by a web identity, refreshed in time; all else through botocore."""

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from ports.aws.faults import Failure, Fault

REFRESH_FROM_S: Final = 15 * 60
REFRESH_BY_S: Final = 10 * 60
_TRY_AGAIN_AFTER_S: Final = 30

_log = logging.getLogger(__name__)


class Keys(NamedTuple):
    """What a request is signed with. `expires_at` is in seconds since the epoch."""

    access: str
    secret: str
    token: str | None = None
    expires_at: float | None = None


class NoKeys(Exception):
    """There are no credentials; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.fault.code)
        self.failure = failure


class Credentials:
    """Gives the keys that are good now, to any number of threads."""

    def __init__(self, fetch: Callable[[], Keys], clock: Callable[[], float] = time.time) -> None:
        """
        Take a source.

        Args:
            fetch: Gets new keys; raises NoKeys.
            clock: Tells the time, in seconds since the epoch.
        """
        self._fetch, self._clock = fetch, clock
        self._keys: Keys | None = None
        self._lock = threading.Lock()
        self._not_before = 0.0

    def get(self) -> Keys:
        """
        Return the keys; get new ones before these expire, by one thread, while the others go on with the old.

        Raises:
            NoKeys: There are none that are good.
        """
        keys = self._keys
        if keys is not None and keys.expires_at is None:
            return keys
        left_s = self._left_s(keys)
        if keys is not None and left_s > REFRESH_FROM_S:
            return keys
        if keys is not None and left_s > REFRESH_BY_S:
            if self._lock.acquire(blocking=False):
                try:
                    return self._refreshed(keys)
                finally:
                    self._lock.release()
            return keys
        with self._lock:
            if self._keys is not keys and self._keys is not None and self._left_s(self._keys) > REFRESH_BY_S:
                return self._keys
            return self._refreshed(self._keys)

    def refused(self, keys: Keys) -> bool:
        """Get new keys since AWS says that these have expired, and tell whether there are others now."""
        if keys.expires_at is None:
            return False
        with self._lock:
            if self._keys is keys:
                try:
                    self._keys = self._fetch()
                except NoKeys as error:
                    _log.warning("credentials that have expired cannot be refreshed: %s", error)
        return self._keys != keys

    def _refreshed(self, old: Keys | None) -> Keys:
        """Fetch; if that fails, go on with the old ones as long as they last."""
        is_good = old is not None and self._left_s(old) > 0
        if is_good and old is not None and self._clock() < self._not_before:
            return old
        try:
            keys = self._keys = self._fetch()
        except NoKeys as error:
            self._not_before = self._clock() + _TRY_AGAIN_AFTER_S
            if not is_good or old is None:
                raise
            _log.warning(
                "credentials cannot be refreshed (%s); the old ones are good for %.0f s", error, self._left_s(old)
            )
            return old
        return keys

    def _left_s(self, keys: Keys | None) -> float:
        if keys is None:
            return 0.0
        return float("inf") if keys.expires_at is None else keys.expires_at - self._clock()


def find_credentials(assume_role: Callable[[str, str, str], Keys]) -> Credentials:
    """
    Find who we are, in the order of boto3: the environment's keys, then a web identity; the rest is left to botocore.

    Args:
        assume_role: Trades a role's ARN, a session's name and a token for keys; raises NoKeys.
    """
    environ = os.environ
    if environ.get("AWS_ACCESS_KEY_ID") and not environ.get("AWS_CREDENTIAL_EXPIRATION"):
        return Credentials(_from_environment)
    role, file = environ.get("AWS_ROLE_ARN"), environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    if role and file and not environ.get("AWS_ACCESS_KEY_ID") and not _has_profiles():
        session = environ.get("AWS_ROLE_SESSION_NAME") or f"leadline-{int(time.time())}"
        return Credentials(lambda: assume_role(role, session, _token(file)))
    return Credentials(_Botocore())


def failed(code: str) -> NoKeys:
    """Return what is raised where there are no credentials."""
    return NoKeys(Failure(Fault(code, "none", transient=False)))


def _from_environment() -> Keys:
    access, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not access or not secret:
        raise failed("PartialCredentialsError")
    return Keys(access, secret, os.environ.get("AWS_SECURITY_TOKEN") or os.environ.get("AWS_SESSION_TOKEN") or None)


def _token(file: str) -> str:
    """Read the token anew each time: Kubernetes replaces it."""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        _log.warning("the token in AWS_WEB_IDENTITY_TOKEN_FILE cannot be read: %s", error)
        raise failed("CredentialRetrievalError") from error


def _has_profiles() -> bool:
    """Tell whether a file of profiles, which goes before a web identity, may say something else."""
    files = [
        os.environ.get("AWS_CONFIG_FILE", "~/.aws/config"),
        os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
    ]
    named = os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")
    return bool(named) or any(Path(file).expanduser().exists() for file in files)


class _Botocore:
    """Every other provider, with refreshing of its own."""

    def __init__(self) -> None:
        self._found: object = None

    def __call__(self) -> Keys:
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session

        try:
            self._found = self._found or Session().get_credentials()
            if self._found is None:
                raise failed("NoCredentialsError")
            frozen = self._found.get_frozen_credentials()  # type: ignore[attr-defined]
        except BotoCoreError as error:
            raise failed(type(error).__name__) from error
        expiry = getattr(self._found, "_expiry_time", None)
        return Keys(frozen.access_key, frozen.secret_key, frozen.token, None if expiry is None else expiry.timestamp())
