"""Asking before something is done."""

from pocketbase_events.cli.output import say
from pocketbase_events.errors import WrongUsageError


def agreed(question: str, unanswered: str) -> bool:
    """Ask on standard error, since the report goes to standard output.

    Raises:
        WrongUsageError: if nobody is there to answer; `unanswered` says what to do then.
    """
    say(f"{question} [y/N]: ", end="")
    try:
        return input().strip().lower() in ("y", "yes")
    except (EOFError, RuntimeError):
        say("")
        raise WrongUsageError(why=f"Nobody answered. {unanswered}") from None
