"""
`python -m benchmarks.bench.stub --messages FILE`: serve the services until the process is ended.

The first line of stdout is a JSON object with the ports: `port` for AWS, `control` for the bench.
"""

import argparse
import asyncio
import gc
import json
import ssl
from pathlib import Path

from benchmarks.bench.cores import pin
from benchmarks.bench.stub.calls import StubAws
from benchmarks.bench.stub.control import Control
from benchmarks.bench.stub.dynamodb import StubTable
from benchmarks.bench.stub.http import Connection
from benchmarks.bench.stub.meter import Meter
from benchmarks.bench.stub.single import OneByOne
from benchmarks.bench.stub.sns import StubTopic
from benchmarks.bench.stub.sqs import StubQueue


def main() -> None:
    """Read the messages, one a line, and serve them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=Path, required=True, help="a file with one message a line")
    parser.add_argument("--one-by-one", action="store_true", help="send each when the one before is done")
    parser.add_argument("--latency-ms", type=float, default=0, help="pause before each reply")
    parser.add_argument("--certificate", type=Path, help="PEM file with certificate and key: serve over TLS")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    pin("stub")
    asyncio.run(serve(parser.parse_args()))


async def serve(arguments: argparse.Namespace) -> None:
    """Serve on 127.0.0.1 until the process ends."""
    bodies = arguments.messages.read_text(encoding="utf-8").splitlines()
    meter = Meter(len(bodies))
    queue = StubQueue([] if arguments.one_by_one else bodies, meter.received, meter.deleted)
    aws = StubAws(queue, StubTopic(), StubTable())
    single = OneByOne(queue, bodies) if arguments.one_by_one else None
    if single is not None:
        queue.on_park, aws.on_publish = single.parked, single.published
    else:
        aws.on_publish = lambda _body: meter.mark("published")
    control = Control(aws, meter, single)
    tls = None
    if arguments.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(arguments.certificate)
    gc.freeze()  # the messages written beforehand are not looked through again and again
    loop = asyncio.get_running_loop()
    latency_s = arguments.latency_ms / 1000
    front = await loop.create_server(lambda: Connection(aws.answer, latency_s), "127.0.0.1", arguments.port, ssl=tls)
    back = await loop.create_server(lambda: Connection(control.answer, 0), "127.0.0.1", 0)
    ports = {"port": front.sockets[0].getsockname()[1], "control": back.sockets[0].getsockname()[1]}
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()
