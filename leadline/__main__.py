"""`leadline VERB`: find the verb, run it, and turn what goes wrong into a message and an exit code."""

import json
import sys
from typing import Final

import click

from leadline.commands import leadline

_EXIT_CODES: Final = {
    ("worker.settings", "SettingsError"): 78,
    ("ports.protocols", "BadAddress"): 78,
    ("propensity.signing", "BadKey"): 78,
    ("ports.protocols", "Unavailable"): 75,
    ("ports.protocols", "BadBundle"): 3,
    ("propensity.bundle", "BundleError"): 3,
    ("leadline.output", "CheckFailed"): 3,
    ("leadline.output", "Failed"): 1,
    ("worker.errors", "StartError"): 1,
    ("training.errors", "UnknownCandidate"): 2,
    ("training.errors", "TrainingError"): 1,
    ("propensity.economics", "BadEconomics"): 2,
}
"""The errors that we raise on purpose. They are named, not imported, so that a verb loads only what it uses."""


def main() -> None:
    """Run the verb that the command line names, and exit with its code."""
    try:
        code = leadline(standalone_mode=False)
    except click.Abort:
        _fail("stopped", 130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Exception as error:
        known = exit_code_of(error)
        if known is None:
            raise
        _fail(str(error), known)
    sys.exit(code if isinstance(code, int) else 0)


def exit_code_of(error: Exception) -> int | None:
    """Return the exit code for an error that we raise on purpose, and None for any other."""
    for (module, name), code in _EXIT_CODES.items():
        if module in sys.modules and isinstance(error, getattr(sys.modules[module], name)):
            return code
    return None


def _fail(message: str, code: int) -> None:
    """Say what went wrong; where JSON was asked for, on the last line of stdout too."""
    print(message, file=sys.stderr)
    if "--json" in sys.argv[1:]:
        print(json.dumps({"error": message, "exit_code": code}))
    sys.exit(code)


if __name__ == "__main__":
    main()
