"""`python -m pocketbase_events` and the command `pocketbase-events`."""

from pocketbase_events.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
