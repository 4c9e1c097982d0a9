"""`leadline config`: every setting with its value, source and bounds."""

import json
import os
from typing import Any

import click
from rich.table import Column, Table

from leadline.output import console_for, emit, json_option
from worker.configuration import load_settings
from worker.settings import Settings, variable


@click.group
def config() -> None:
    """Show and check the settings (flag > environment > .env > default)."""


@config.command
@json_option
def show(*, as_json: bool) -> None:
    """List every setting with its value, where it comes from, and its bounds."""
    loaded = load_settings(os.environ)
    values = loaded.settings.model_dump(mode="json")
    table = Table(
        Column("setting", no_wrap=True), "value", "source", "bounds", "meaning", box=None, header_style="bold"
    )
    for name, field in Settings.model_fields.items():
        shown = "" if values[name] is None else json.dumps(values[name]).strip('"')
        table.add_row(variable(name), shown, loaded.sources[name], _bounds(name), field.description)
    console_for(as_json=as_json).print(table)
    emit(
        {variable(name): {"value": values[name], "source": loaded.sources[name]} for name in Settings.model_fields},
        as_json=as_json,
    )


@config.command
@json_option
def check(*, as_json: bool) -> None:
    """Check that a worker can run with these settings; all faults are told at once (exit 78)."""
    load_settings(os.environ, for_worker=True)
    console_for(as_json=as_json).print("The settings are right for a worker.")
    emit({"ok": True}, as_json=as_json)


@config.command
@json_option
def schema(*, as_json: bool) -> None:
    """Print the settings as a JSON Schema."""
    content = Settings.model_json_schema(by_alias=False)
    click.echo(json.dumps(content) if as_json else json.dumps(content, indent=2))


def _bounds(name: str) -> str:
    """Say in a few signs what values there are, from the setting's JSON Schema."""
    part: dict[str, Any] = Settings.model_json_schema()["properties"][name]
    part = next((choice for choice in part.get("anyOf", []) if choice.get("type") != "null"), part)
    if "enum" in part or "const" in part:
        return " | ".join(part.get("enum", [part.get("const")]))
    low = part.get("minimum", f"above {part['exclusiveMinimum']}" if "exclusiveMinimum" in part else None)
    high = part.get("maximum")
    if low is None and high is None:
        return "true | false" if part.get("type") == "boolean" else ""
    return f"{low} to {high}"
