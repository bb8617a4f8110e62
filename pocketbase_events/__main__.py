"""`python -m pocketbase_events` and the command `pocketbase-events`."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from pocketbase_events.cli import main as run  # noqa: PLC0415 - it takes a while, and Ctrl-C must work meanwhile
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
