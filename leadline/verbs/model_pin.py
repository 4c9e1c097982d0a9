"""`leadline model pin`: bring a known good release back by hand."""

import getpass
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from leadline.output import console_for, emit, json_option, progress_console
from leadline.release.bucket import current, kept
from leadline.release.deploy import StillRunning, find, follow, revision_of
from leadline.release.places import models_bucket, models_option
from ports import Deployment, Deployments, Hook, open_deployments

_MAX_DESCRIPTION: Final = 256
_LOG_LINES: Final = 10
_STOPPED: Final = 130


@click.command
@click.argument("version")
@models_option
@click.option("--application", default="leadline", show_default=True, help="Of CodeDeploy.")
@click.option("--group", default="leadline-prod", show_default=True, help="Its deployment group.")
@click.option("--reason", metavar="TEXT", default="", help="Why; it stands in the deployment's description.")
@click.option("--public-key", type=click.Path(path_type=Path), help="PEM file of the pipeline's key.")
@click.option("--timeout-s", type=click.IntRange(1, 86400), default=7200, show_default=True, help="Longest wait.")
@click.option("--dry-run", is_flag=True, help="Find and verify the release, and deploy nothing.")
@click.option("--no-wait", is_flag=True, help="Start the deployment, and do not wait for its end.")
@json_option
def pin(
    *,
    version: str,
    models: str | None,
    application: str,
    group: str,
    reason: str,
    public_key: Path | None,
    timeout_s: int,
    dry_run: bool,
    no_wait: bool,
    as_json: bool,
) -> int:
    """
    Deploy a release once more that production has validated; VERSION is a release's, or a model's for its newest one.

    It goes through the same hooks and checks as a new one. Here its files are checked by their digests, and with
    --public-key its signature as well; LEADLINE_PUBLIC_KEY is not asked, since it may be an author's key. Exit 1: the
    deployment failed or was stopped.
    """
    console = console_for(as_json=as_json)
    bucket = models_bucket(models)
    one = find(kept(bucket), version)
    revision, release = revision_of(bucket, one.version, public_key)
    now = current(bucket)
    checked = (
        "signature and digests checked" if public_key else "digests checked; no --public-key: its signature is not"
    )
    console.print(f"{one.version}: {release.model.name} {release.model.version}, made {release.created_at}; {checked}")
    console.print(f"the last release that production validated is {now.version if now else 'none'}")
    result = {"version": one.version, "model": release.model.model_dump(), "before": now and now.version}
    if dry_run:
        console.print(f"it would be deployed to {application}/{group}")
        emit({**result, "deployment": None, "status": None}, as_json=as_json)
        return 0
    deployments = open_deployments(application, group)
    deployment = deployments.start(revision, _description(one.version, reason))
    console.print(f"deployment {deployment} to {application}/{group} has started")
    result["deployment"] = deployment
    if no_wait:
        emit({**result, "status": "Created"}, as_json=as_json)
        return 0
    return _wait(console, deployments, deployment, timeout_s, result, as_json=as_json)


def _wait(
    console: Console,
    deployments: Deployments,
    deployment: str,
    timeout_s: int,
    result: dict[str, Any],
    *,
    as_json: bool,
) -> int:
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    try:
        with Progress(*columns, console=progress_console()) as bar:
            task = bar.add_task("waiting for the deployer", total=None)
            state, hooks = follow(
                deployments,
                deployment,
                lambda state, hooks: bar.update(task, description=_line(state, hooks)),
                timeout_s,
            )
    except (StillRunning, KeyboardInterrupt) as error:
        stopped = isinstance(error, KeyboardInterrupt)
        told = f"no longer waiting: deployment {deployment} goes on" if stopped else str(error)
        console.print(f"{told}; `aws deploy get-deployment --deployment-id {deployment}` shows how far it is")
        emit({**result, "status": "InProgress", "exit_code": _STOPPED if stopped else 75}, as_json=as_json)
        return _STOPPED if stopped else 75
    _tell_end(console, deployment, state, hooks)
    emit({**result, "status": state.status, "reason": state.reason, "rollback": state.rollback}, as_json=as_json)
    return 0 if state.status == "Succeeded" else 1


def _tell_end(console: Console, deployment: str, state: Deployment, hooks: Sequence[Hook]) -> None:
    console.print(f"deployment {deployment}: {state.status}{f' ({state.reason})' if state.reason else ''}")
    if state.status == "Succeeded":
        return
    for hook in hooks:
        if hook.status == "Failed":
            console.print(f"{hook.name} failed:")
            for line in hook.log.strip().splitlines()[-_LOG_LINES:]:
                console.print(f"  {line}")
    if state.rollback:
        console.print(f"deployment {state.rollback} puts the last good release back")


def _line(state: Deployment, hooks: Sequence[Hook]) -> str:
    running = [hook.name for hook in hooks if hook.status == "InProgress"]
    done = sum(hook.status == "Succeeded" for hook in hooks)
    return f"{state.status}: {running[0] if running else 'between two steps'}, {done} of {len(hooks)} steps done"


def _description(version: str, reason: str) -> str:
    try:
        who = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        who = f"user {os.getuid()}"
    return f"{version} pinned by {who}{': ' + reason if reason else ''}"[:_MAX_DESCRIPTION]
