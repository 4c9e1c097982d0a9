"""The list of verbs. A verb's module is imported when the verb is called, or its own help is asked for."""

import importlib
import importlib.metadata
from typing import Final

import click

VERBS: Final = {
    "demo": "Train on the last campaign, queue 5,000 customers, run the worker, show the leads.",
    "train": "Compare the models, choose one, pack and sign it.",
    "score": "Score a CSV file of customers offline.",
    "model": "Look at, inspect, verify, sign, compare, push and pin models; the gate that a new one must pass.",
    "release": "What the pipeline makes of a pushed model: check, make, verify and list releases.",
    "worker": "Consume customer events until told to stop.",
    "send": "Put customer events on the queue.",
    "validate": "Check customer events: line, field and repair for every fault.",
    "quarantine": "See what was set aside, and why; send it back.",
    "dlq": "See the dead letters, and send them back.",
    "simulate": "Run the worker itself in virtual time, against services that fail.",
    "console": "A web page and an API: score customers by hand, see leads and the model.",
    "doctor": "Check manifests before they are applied.",
    "config": "Show and check the settings.",
}


class _Verbs(click.Group):
    """A group whose commands are `leadline.verbs.NAME.NAME`."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        command = getattr(importlib.import_module(f"leadline.verbs.{name}"), name)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(importlib.metadata.version("leadline"))
def leadline() -> None:
    """
    Score every customer the moment something about them changes, and hand marketing the likely borrowers.

    Start with `leadline demo`. Every verb has --help and --json. Exit codes: 0 done, 1 failed, 2 wrong usage,
    3 a check did not hold, 75 try again later, 78 wrong configuration.
    """
