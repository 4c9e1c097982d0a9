"""What a console needs before it starts, and what it must not have where it runs."""

from pathlib import Path

import pytest

from console.parts import open_parts
from console.settings import load_console_settings
from ports import BadAddress
from tests.bundles import Keys, likely_above, make_bundle
from worker.settings import SettingsError

TOKEN = "0123456789abcdefghij"


@pytest.fixture
def environ(tmp_path: Path, keys: Keys) -> dict[str, str]:
    return {"LEADLINE_MODEL": str(tmp_path / "model"), "LEADLINE_PUBLIC_KEY": str(keys.public)}


def token_file(folder: Path, content: bytes) -> str:
    path = folder / "token"
    path.write_bytes(content)
    return str(path)


def faults(environ: dict[str, str], folder: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        load_console_settings(environ, dotenv=folder / "none")
    return str(caught.value)


def test_on_this_machine_a_console_wants_no_token(environ: dict[str, str], tmp_path: Path) -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        found = load_console_settings(environ | {"LEADLINE_CONSOLE_HOST": host}, dotenv=tmp_path / "none")
        assert found.token is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "console.example", "localhost.example"])  # noqa: S104
def test_where_others_reach_it_a_console_wants_a_token(environ: dict[str, str], tmp_path: Path, host: str) -> None:
    fault = faults(environ | {"LEADLINE_CONSOLE_HOST": host}, tmp_path)

    assert f"LEADLINE_CONSOLE_HOST is {host}" in fault
    assert "set LEADLINE_CONSOLE_TOKEN_FILE" in fault


def test_a_token_is_read_without_the_white_space_around_it(environ: dict[str, str], tmp_path: Path) -> None:
    path = token_file(tmp_path, f"\n {TOKEN}\r\n".encode())
    changes = {"LEADLINE_CONSOLE_HOST": "0.0.0.0", "LEADLINE_CONSOLE_TOKEN_FILE": path}  # noqa: S104

    assert TOKEN == load_console_settings(environ | changes, dotenv=tmp_path / "none").token


@pytest.mark.parametrize(
    "content", [b"", b"short", TOKEN[:-1].encode(), b"two words are no token", b"\xff" * 30, b"a" * 2000]
)
def test_a_weak_or_odd_token_is_refused_and_not_shown(environ: dict[str, str], tmp_path: Path, content: bytes) -> None:
    fault = faults(environ | {"LEADLINE_CONSOLE_TOKEN_FILE": token_file(tmp_path, content)}, tmp_path)

    assert "LEADLINE_CONSOLE_TOKEN_FILE is" in fault
    assert "at least 20" in fault
    assert not content or content.decode("latin-1") not in fault


def test_a_token_file_that_is_not_there_is_named(environ: dict[str, str], tmp_path: Path) -> None:
    assert "No such file" in faults(environ | {"LEADLINE_CONSOLE_TOKEN_FILE": str(tmp_path / "gone")}, tmp_path)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    environ = {
        "LEADLINE_CONSOLE_HOST": "0.0.0.0",  # noqa: S104
        "LEADLINE_STORE": f"sqlite:///{tmp_path}/store.db",
        "LEADLINE_ALLOW_UNSIGNED": "true",
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        "LOG_FORMAT": "xml",
    }

    fault = faults(environ, tmp_path)

    for name in ("CONSOLE_HOST", "STORE", "ALLOW_UNSIGNED", "MODEL"):
        assert f"LEADLINE_{name} is" in fault
    assert "LOG_FORMAT" in fault


def test_what_only_a_worker_needs_is_not_asked_for(environ: dict[str, str], tmp_path: Path) -> None:
    """No queue and no topic; and inside Kubernetes nothing is said of them."""
    inside = environ | {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}

    assert "none" == load_console_settings(inside, dotenv=tmp_path / "none").settings.store


def test_a_flag_stands_above_the_environment(environ: dict[str, str], tmp_path: Path) -> None:
    flags = {"console_port": 0, "console_host": None}

    found = load_console_settings(environ | {"LEADLINE_CONSOLE_PORT": "9000"}, flags, tmp_path / "none")

    assert (0, "127.0.0.1") == (found.settings.console_port, found.settings.console_host)


def test_a_console_makes_no_store(environ: dict[str, str], tmp_path: Path, keys: Keys) -> None:
    make_bundle(tmp_path / "model", likely_above(100), keys)
    changes = {"LEADLINE_STORE": f"sqlite:///{tmp_path}/store.db"}
    settings = load_console_settings(environ | changes, dotenv=tmp_path / "none").settings

    with pytest.raises(BadAddress, match="there is no such file"):
        open_parts(settings)

    assert not (tmp_path / "store.db").exists()
