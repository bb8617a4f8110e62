"""relay: publish the log to a stream of NATS JetStream."""

import threading
from typing import Annotated

import typer

from pocketbase_events.cli.options import JsonLogOption, NatsArgument, StreamOption
from pocketbase_events.cli.output import log_to_stderr
from pocketbase_events.cli.signals import stopping
from pocketbase_events.jobs import relay as job
from pocketbase_events.jobs.follow import listening
from pocketbase_events.pb.connect import gateway
from pocketbase_events.settings import NatsSettings
from pocketbase_events.stream.messages import DEFAULT_STREAM
from pocketbase_events.stream.stream import connected


def relay(
    context: typer.Context,
    servers: NatsArgument,
    stream: StreamOption = DEFAULT_STREAM,
    replicas: Annotated[
        int,
        typer.Option(
            "--replicas", metavar="N", min=1, max=5, help="How many servers of a cluster keep the stream, if it is new."
        ),
    ] = 1,
    as_json: JsonLogOption = False,
) -> None:
    """Publish every recorded event to a stream of NATS JetStream, in order, until SIGTERM or Ctrl-C.

    The stream is created if it is not there. The relay keeps no state: it goes on where the stream ends. Any number
    may run.

    Example: pocketbase-events relay nats://127.0.0.1:4222
    """
    log_to_stderr(as_json=as_json)
    stop = threading.Event()
    with (
        stopping(stop),
        gateway(context.obj) as seen,
        listening(context.obj.url, seen.token, stop) as pause,
    ):
        job.relay(seen, lambda: connected(NatsSettings(), servers, stream), replicas, pause)
