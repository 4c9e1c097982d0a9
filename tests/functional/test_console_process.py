"""A real `python -m console` over HTTP: it answers, refuses, stops, and its exit code says what is wrong."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from queue import Queue
from typing import Final

import pytest

from tests.bundles import Keys, likely_above, make_bundle
from tests.consoles import TOKEN, lead, store_in
from tests.functional.command import Leadline
from tests.functional.workers import clean_environ
from tests.helpers import customer
from tests.trained import ROOT, DemoModel

PATIENCE_S: Final = 120
JSON: Final = {"Content-Type": "application/json"}
BEARER: Final = {"Authorization": f"Bearer {TOKEN}"}


class Running:
    """A console in a process of its own, whose log is read as it comes."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.log: list[str] = []
        self._lines: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        found = None
        while found is None:
            line = self._lines.get(timeout=PATIENCE_S)
            assert line is not None, "".join(self.log)
            found = re.search(r"answers on (http://127\.0\.0\.1:(\d+)/)", line)
        self.address, self.port = found[1], int(found[2])

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            self._lines.put(line)
        self._lines.put(None)  # it has ended

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[HTTPResponse, str]:
        """Send the path as it is, which `urllib` would not."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return response, response.read().decode()
        finally:
            connection.close()

    def close(self) -> None:
        """Leave nothing behind, whatever has happened."""
        self.process.kill()
        self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()

    def stop(self) -> int:
        """End it as a cluster would, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return code


@pytest.fixture
def environ(tmp_path: Path, keys: Keys) -> dict[str, str]:
    make_bundle(tmp_path / "model", likely_above(100), keys)
    store_in(tmp_path, lead("4711", score=0.97))
    return clean_environ(
        PYTHONPATH=str(ROOT),
        LEADLINE_MODEL=f"{tmp_path}/model",
        LEADLINE_PUBLIC_KEY=str(keys.public),
        LEADLINE_STORE=f"sqlite:///{tmp_path}/store.db",
        LEADLINE_CAMPAIGN="spring",
        LEADLINE_CONSOLE_PORT="0",
    )


def start(environ: Mapping[str, str], folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "console"], env=dict(environ), cwd=folder, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def console(environ: dict[str, str], tmp_path: Path) -> Iterator[Running]:
    running = Running(start(environ, tmp_path))
    yield running
    running.close()


@pytest.fixture
def guarded(environ: dict[str, str], tmp_path: Path) -> Iterator[Running]:
    (tmp_path / "token").write_text(TOKEN + "\n")
    running = Running(start(environ | {"LEADLINE_CONSOLE_TOKEN_FILE": f"{tmp_path}/token"}, tmp_path))
    yield running
    running.close()


def test_it_answers_and_stops_with_code_0(console: Running) -> None:
    assert [200, 200, 200] == [console.ask("GET", path)[0].status for path in ("/livez", "/readyz", "/version")]
    response, body = console.ask("POST", "/api/score", json.dumps(customer(highest_spend=180)).encode(), JSON)
    assert (200, 1.0) == (response.status, json.loads(body)["results"][0]["score"])
    assert "4711" in console.ask("GET", "/")[1]
    idle = socket.create_connection(("127.0.0.1", console.port))  # which must not keep it

    assert 0 == console.stop()

    idle.close()
    assert any("SIGTERM: stopping" in line for line in console.log)
    assert console.log[-1].endswith("stopped\n")


def test_its_log_names_no_customer(console: Running) -> None:
    faulty = json.dumps([customer(customer_id="c-4242", level=9), customer(customer_id="c-4242", highest_spend="4242")])
    console.ask("POST", "/api/score", faulty.encode(), JSON)
    console.ask("GET", "/leads?customer=4242")
    console.ask("GET", "/customers/4242")
    console.stop()

    log = "".join(console.log)
    assert "POST /api/score 422" in log
    assert "4242" not in log
    assert "4711" not in log


def test_no_path_leads_out_and_no_header_says_what_serves(console: Running) -> None:
    for path in (
        "/model/../../../../etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/model/%2e%2e/x",
        "//etc/passwd",
        "/x\\..\\y",
    ):
        response, body = console.ask("GET", path)
        assert 404 == response.status, path
        assert "root:" not in body
        assert response.headers["Server"] is None


def test_what_is_too_large_is_refused_however_it_comes(console: Running) -> None:
    """With a length a little or far too large, or in chunks without any."""
    for size in (1024 * 1024 + 1, 5 * 1024 * 1024):
        connection = HTTPConnection("127.0.0.1", console.port, timeout=PATIENCE_S)
        connection.putrequest("POST", "/api/score")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(size))
        connection.endheaders(b" " * size if size < 2 * 1024 * 1024 else b" ")
        assert 413 == connection.getresponse().status
        connection.close()
    chunks = iter([b" " * 65536] * 17)
    connection = HTTPConnection("127.0.0.1", console.port, timeout=PATIENCE_S)
    connection.request("POST", "/api/score", chunks, JSON, encode_chunked=True)
    assert 413 == connection.getresponse().status
    connection.close()
    assert 200 == console.ask("GET", "/livez")[0].status


def test_with_a_token_it_wants_it(guarded: Running) -> None:
    assert 401 == guarded.ask("GET", "/")[0].status
    assert 401 == guarded.ask("POST", "/api/score", b"{}", JSON)[0].status
    assert 401 == guarded.ask("GET", "//api/leads")[0].status
    assert 200 == guarded.ask("GET", "/", headers=BEARER)[0].status
    assert 200 == guarded.ask("GET", "/readyz", headers={"Host": "10.0.0.7"})[0].status
    assert "4711" in guarded.ask("GET", "/api/leads", headers=BEARER)[1]
    assert TOKEN not in "".join(guarded.log)


def test_when_its_store_goes_away_it_stays(console: Running, tmp_path: Path) -> None:
    (tmp_path / "store.db").unlink()

    ready, said = console.ask("GET", "/readyz")
    page, text = console.ask("GET", "/")

    assert (503, "the store does not answer; the model is loaded\n") == (ready.status, said)
    assert (200, True) == (page.status, "cannot be read now" in text)
    assert 200 == console.ask("POST", "/api/score", json.dumps(customer()).encode(), JSON)[0].status


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"LEADLINE_CONSOLE_HOST": "0.0.0.0"}, 78, "set LEADLINE_CONSOLE_TOKEN_FILE"),  # noqa: S104
        ({"LEADLINE_CONSOLE_HOST": "192.0.2.1", "LEADLINE_CONSOLE_TOKEN_FILE": "{folder}/token"}, 1, "192.0.2.1"),
        ({"LEADLINE_STORE": "sqlite:///gone.db"}, 78, "there is no such file"),
        ({"LEADLINE_MODEL": "gone"}, 3, "cannot be read"),
        ({"LEADLINE_MODEL": ""}, 78, "LEADLINE_MODEL"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, 78, "refused inside Kubernetes"),
        ({"LEADLINE_CONSOEL_PORT": "1"}, 78, "did you mean LEADLINE_CONSOLE_PORT"),
    ],
)
def test_what_keeps_it_from_starting_is_told(
    environ: dict[str, str], tmp_path: Path, changes: dict[str, str], code: int, said: str
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    changed = {name: value.format(folder=tmp_path) for name, value in changes.items()}
    process = start(environ | changed, tmp_path)
    _, log = process.communicate(timeout=PATIENCE_S)

    assert code == process.returncode, log
    assert said in log
    assert "Traceback" not in log


def test_a_port_that_is_taken_is_told(environ: dict[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start(environ | {"LEADLINE_CONSOLE_PORT": str(taken.getsockname()[1])}, tmp_path)
        _, log = process.communicate(timeout=PATIENCE_S)

    assert 1 == process.returncode
    assert "LEADLINE_CONSOLE_PORT" in log
    assert "0 for any free one" in log


def test_it_takes_no_arguments(environ: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "console", "--port"]
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert 2 == done.returncode
    assert "leadline console" in done.stderr


def test_the_verb_serves_what_the_document_names(demo_model: DemoModel, tmp_path: Path) -> None:
    """The command of docs/console.md, in a folder as `leadline demo --keep demo` leaves it."""
    document = (ROOT / "docs" / "console.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sh\n(export .*?)```", document, re.DOTALL)
    settings = dict(re.findall(r"(LEADLINE_[A-Z_]+)=(\S+)", block))
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "model").symlink_to(demo_model.bundle)
    store_in(tmp_path / "demo", lead("4711", campaign="default"), campaign="default")
    places = {
        name: value.replace("~/.config", str(demo_model.public_key.parent.parent)) for name, value in settings.items()
    }
    assert {"LEADLINE_MODEL", "LEADLINE_PUBLIC_KEY", "LEADLINE_STORE"} == places.keys()

    leadline = Leadline(demo_model, tmp_path)
    with closing(Running(leadline.start("console", "--port", "0", "--json", **places))) as running:
        page = running.ask("GET", "/")[1]

        assert "4711" in page
        assert "random forest" in page
        assert 200 == running.ask("GET", "/model/report")[0].status
        assert 0 == running.stop()
        assert running.process.stdout is not None
        assert {"addresses": [running.address]} == json.loads(running.process.stdout.read().splitlines()[-1])


def test_the_verb_refuses_to_be_open_to_others(demo_model: DemoModel, tmp_path: Path) -> None:
    done = Leadline(demo_model, tmp_path)("console", "--host", "0.0.0.0", "--port", "0")  # noqa: S104

    assert 78 == done.returncode
    assert "LEADLINE_CONSOLE_HOST is 0.0.0.0" in done.stderr
