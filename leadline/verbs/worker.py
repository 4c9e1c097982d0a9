"""`leadline worker`: the consumer."""

import click

from leadline.output import emit, json_option


@click.command
@click.option("--once", is_flag=True, help="Stop when the queue gives nothing more.")
@click.option("--max-messages", type=click.IntRange(min=1), help="Stop after so many messages.")
@json_option
def worker(*, once: bool, max_messages: int | None, as_json: bool) -> None:
    """
    Consume customer events until told to stop.

    Its settings are environment variables: see `leadline config show`. SIGTERM drains: what is in hand is finished,
    what was not started goes back to the queue.
    """
    from worker.__main__ import serve

    emit(serve(once=once, max_messages=max_messages), as_json=as_json)
