"""`leadline console`: the web page and the API beside the workers."""

from pathlib import Path

import click

from leadline.output import emit, json_option


@click.command
@click.option("--host", help="Address to listen on; 127.0.0.1 if not. Any other wants a token.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 8000 if not, 0 for any free one.")
@click.option("--token-file", type=click.Path(path_type=Path), help="File that holds the token to ask for.")
@click.option("--open", "is_opened", is_flag=True, help="Open the page in the browser.")
@json_option
def console(*, host: str | None, port: int | None, token_file: Path | None, is_opened: bool, as_json: bool) -> None:
    """
    Serve model, leads and scores on a page and as JSON, until told to stop.

    It reads the store and changes nothing. Its settings are environment variables: see `leadline config show`.
    """
    import webbrowser

    from console.__main__ import serve

    flags = {"console_host": host, "console_port": port, "console_token_file": token_file}
    addresses = serve(flags, webbrowser.open if is_opened else None)
    emit({"addresses": addresses}, as_json=as_json)
