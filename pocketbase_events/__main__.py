"""`python -m pocketbase_events` and the command `pocketbase-events`."""

import signal
import sys


def main() -> None:
    """Run the command line."""
    # Importing takes a while, in which Ctrl-C ends the process at once: as an exception, it would be lost or half told
    # where Python is about to tidy up.
    heard = signal.getsignal(signal.SIGINT)
    if heard is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from pocketbase_events.cli import main as run  # noqa: PLC0415 - as said above

    try:
        signal.signal(signal.SIGINT, heard)
        run()
    except KeyboardInterrupt:  # just before the command itself, or after it
        sys.exit(130)


if __name__ == "__main__":
    main()
