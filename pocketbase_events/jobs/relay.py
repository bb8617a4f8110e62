"""Publish every recorded event to a stream of NATS JetStream, in order, each once. It keeps no state of its own."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from pocketbase_events.core.events import EMPTY, Head, Recorded
from pocketbase_events.errors import OvertakenError, ProblemError, TroubleError
from pocketbase_events.jobs.follow import Pause, follow
from pocketbase_events.jobs.record.trouble import Trouble
from pocketbase_events.jobs.stream_news import StreamNews
from pocketbase_events.logs import log
from pocketbase_events.pb.source import LogReader, Source
from pocketbase_events.stream.stream import Stream

AT_ONCE = 500  # events that are published before their acknowledgements are awaited
STANDBY = 1.0  # seconds to wait after another relay was faster

Connect = Callable[[], AbstractContextManager[Stream]]


def relay(source: Source, connect: Connect, replicas: int, pause: Pause) -> None:
    """Publish what is recorded and what is going to be, until `pause` says that it is time to stop.

    Trouble with PocketBase or NATS is waited out, a lost connection made anew. Any number of relays may run.

    Args:
        source: reads the log.
        connect: connects to the stream; used again whenever the connection is lost.
        replicas: how many servers keep the stream, if it is created here.
        pause: called when there is nothing to publish, with None, or in trouble, with seconds.

    Raises:
        ProblemError: if the stream is of another log, or of none.
        LogWentBackError: if a backup was restored meanwhile.
        CredentialsRefusedError: if NATS or PocketBase refuses the credentials.
    """
    trouble, news = Trouble(time.monotonic), StreamNews(_tell, time.monotonic)
    seconds = 0.0
    while pause(seconds):
        try:
            with connect() as stream:
                stream.ensure(replicas)
                _pass_on(source, stream, pause, trouble, news)
        except OvertakenError:
            seconds = STANDBY
        except TroubleError as error:
            seconds = trouble.met(error)
        else:
            break
        finally:
            news.tell()
    log.info("stopped")


def _pass_on(source: Source, stream: Stream, pause: Pause, trouble: Trouble, news: StreamNews) -> None:
    """Publish from where the stream ends, until it is time to stop.

    Raises:
        OvertakenError: if another relay has published meanwhile.
        As `relay` does.
    """
    end = stream.head()
    _expect_same_log(source, stream, end)
    log.info("relaying", stream=stream.name, seq=end.seq)
    waiting: list[Recorded] = []

    def publish() -> None:
        if waiting:
            stream.publish(waiting)
            news.passed(len(waiting), waiting[-1].seq)
            waiting.clear()
        trouble.is_over()

    def pausing(seconds: float | None) -> bool:
        publish()  # all that the log has, so the last group is whole
        news.rest()
        return pause(seconds)

    for event in follow(source, end.seq, pause=pausing):
        if len(waiting) >= AT_ONCE and not (event.together and event.timestamp == waiting[-1].timestamp):
            publish()
            if not pause(0):
                return
        waiting.append(event)


def _tell(events: int, seq: int) -> None:
    log.info("relayed", events=events, seq=seq)


def _expect_same_log(source: Source, stream: Stream, end: Head) -> None:
    """Make sure that a stream which ends so is the beginning of this log.

    Raises:
        ProblemError: if it isn't.
        TroubleError: if PocketBase can't answer now.
    """
    head = source.status().sound().head
    if end == EMPTY or is_in(source, end):
        return
    raise ProblemError(
        why=f"The stream {stream.name} at {stream.url} ends with seq {end.seq} ({end.hash[:8]}), which this log does"
        f" not have: it ends with seq {head.seq} ({head.hash[:8] or 'no hash'}). The stream is another log's, or a"
        " backup was restored here, or a replica was promoted and relays now. Nothing was published. If this log is the"
        f" one that counts, delete the stream (nats stream rm {stream.name}) and start the relay again; replicas with"
        " other events have to begin anew. Otherwise bring the events of the stream here (export it from a replica), or"
        " choose another --stream."
    )


def is_in(reader: LogReader, head: Head) -> bool:
    """Whether a log has the event with which the log ends that has this head."""
    return any(event.head == head for page in reader.log(head.seq - 1, head.seq) for event in page)
