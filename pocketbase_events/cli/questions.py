"""Asking before something is done."""

import sys

from pocketbase_events.errors import WrongUsageError


def agreed(question: str, unanswered: str) -> bool:
    """Ask on standard error, since the report goes to standard output.

    Raises:
        WrongUsageError: if nobody is there to answer; `unanswered` says what to do then.
    """
    print(f"{question} [y/N]: ", end="", file=sys.stderr, flush=True)
    try:
        return input().strip().lower() in ("y", "yes")
    except (EOFError, RuntimeError):
        print(file=sys.stderr)
        raise WrongUsageError(why=f"Nobody answered. {unanswered}") from None
