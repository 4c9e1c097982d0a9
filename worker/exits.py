"""How a process of ours ends: what it could not start with, or ran into, as a line on stderr and an exit code."""

import sys
from collections.abc import Callable, Mapping
from typing import Final

from ports import BadAddress, BadBundle, Unavailable
from propensity.bundle import BundleError
from propensity.signing import BadKey
from worker.errors import StartError
from worker.settings import SettingsError

EXIT_CODES: Final[Mapping[type[Exception], int]] = {
    SettingsError: 78,
    BadAddress: 78,
    BadKey: 78,
    BadBundle: 3,
    BundleError: 3,
    StartError: 1,
    Unavailable: 75,
}


def exit_code_of(serve: Callable[[], object]) -> int:
    """Serve, and return 0; or say what was wrong, and return its exit code."""
    try:
        serve()
    except tuple(EXIT_CODES) as error:
        print(error, file=sys.stderr)
        return EXIT_CODES[type(error)]
    return 0
