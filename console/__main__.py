"""`python -m console`: serve the console by the environment, until a signal tells it to stop."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, Final

from waitress.server import BaseWSGIServer, MultiSocketServer, create_server

from console.app import create_app
from console.parts import open_parts
from console.settings import load_console_settings
from schemas.event import MAX_MESSAGE_BYTES
from worker.errors import StartError
from worker.exits import exit_code_of
from worker.logs import set_up_logs
from worker.settings import Settings

THREADS: Final = 8
CONNECTIONS: Final = 200
IDLE_S: Final = 20
"""A connection that says nothing for so long is closed: those who never finish a request leave room for others."""
_MOST_READ: Final = MAX_MESSAGE_BYTES + 64 * 1024
"""What is larger than this is refused unread; what lies between a message's limit and this, in our own words."""

log = logging.getLogger("console")


def serve(flags: Mapping[str, Any] | None = None, tell: Callable[[str], object] | None = None) -> list[str]:
    """
    Serve until SIGTERM or SIGINT; requests that are being answered are finished.

    Args:
        flags: Values given on the command line, by field name; None is not given.
        tell: Told the address once it answers.

    Returns:
        The addresses that were served.

    Raises:
        SettingsError, BadAddress, BadKey, BadBundle, BundleError, StartError, Unavailable: It cannot run, and why.
    """
    _stop_on_signals()
    settings, token = load_console_settings(os.environ, flags)
    set_up_logs(os.environ)
    parts = open_parts(settings)
    server = _listen(create_app(parts, token), settings)
    addresses = _addresses(server)
    model = parts.policy.model
    log.info("model %s %s; the console answers on %s", model.name, model.version, " and ".join(addresses))
    if tell is not None:
        tell(addresses[0])
    server.run()  # ends when the signal's exit reaches it
    server.close()
    log.info("stopped")
    return addresses


def main(argv: Sequence[str]) -> int:
    """Serve, and return the exit code."""
    if argv:
        print(f"python -m console takes no arguments, and got {argv[0]!r}; try `leadline console`", file=sys.stderr)
        return 2
    return exit_code_of(serve)


def _stop_on_signals() -> None:
    """Take SIGTERM and SIGINT from the first moment on: as process 1 of a container there is no other who would."""

    def stop(number: int, _frame: FrameType | None) -> None:
        log.info("%s: stopping", signal.Signals(number).name)
        raise SystemExit(0)  # which waitress's loop takes for its end

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _listen(app: Any, settings: Settings) -> BaseWSGIServer | MultiSocketServer:  # noqa: ANN401  a WSGI application
    try:
        return create_server(
            app,
            host=settings.console_host,
            port=settings.console_port,
            threads=THREADS,
            connection_limit=CONNECTIONS,
            channel_timeout=IDLE_S,
            cleanup_interval=IDLE_S // 4,
            max_request_body_size=_MOST_READ,
            inbuf_overflow=_MOST_READ + 1,  # in memory: customers never go to a temporary file
            ident=None,
        )
    except (OSError, ValueError) as error:
        raise StartError(
            f"LEADLINE_CONSOLE_HOST and LEADLINE_CONSOLE_PORT are {settings.console_host} and {settings.console_port}: "
            f"{error}; give an address of this machine, and another port, or 0 for any free one"
        ) from error


def _addresses(server: Any) -> list[str]:  # noqa: ANN401  waitress's two kinds of server have no common one
    found = getattr(server, "effective_listen", None) or [(server.effective_host, server.effective_port)]
    return [f"http://{f'[{host}]' if ':' in host else host}:{port}/" for host, port in found]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
