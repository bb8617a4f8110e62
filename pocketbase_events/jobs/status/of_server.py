"""Is PocketBase itself set up so that the worker can do its work: its settings, version and clock?"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from pocketbase_events.core.server_limits import FAST, slowing, too_small
from pocketbase_events.errors import RateLimitedError
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.records import Setup, Status

CLOCKS_DIFFER = 2.0  # seconds
NEWEST_TRIED = (0, 40, 6)  # the newest PocketBase that this version was tried with


def batch_problems(gateway: Gateway, setup: Setup) -> Iterator[str]:
    """Does the batch API take what the worker sends?"""
    try:
        if not gateway.batch_enabled():
            yield "The batch API is switched off, so nothing can be recorded. Run: pocketbase-events init"
    except RateLimitedError as error:
        yield str(error)
    small = too_small(setup.batch) if setup.batch else {}
    if small:
        limits = ", ".join(f"{name} is {now} (at least {least})" for name, (now, least) in small.items())
        yield (
            f"The limits of the batch API are too small: {limits}. Large groups are rejected, and recording is slow."
            " Run: pocketbase-events init"
        )


def rate_limit_problems(setup: Setup, collections: Iterable[str]) -> Iterator[str]:
    """Does PocketBase's rate limiter slow the worker?"""
    for limit in slowing(setup.rate_limits or {}, collections):
        yield (
            f"PocketBase's rate limiter slows the worker: its rule {limit.label} admits {limit.most} requests in"
            f" {limit.seconds} s. Under Settings > Application > Rate limiting, admit more, or add a rule with the"
            f" label {limit.needed} that admits {FAST:.0f} a second."
        )


def version_problems(gateway: Gateway) -> Iterator[str]:
    """Is PocketBase newer than any that was tried?"""
    version = gateway.server_version()
    if version is not None and version > NEWEST_TRIED:
        running, tried = (".".join(map(str, each)) for each in (version, NEWEST_TRIED))
        yield (
            f"PocketBase {running} is newer than any that this version of pocketbase-events was tried with ({tried})."
            f" Upgrade pocketbase-events if there is a newer one, or go back to PocketBase {tried}."
        )


def clock_problems(status: Status, before: datetime, after: datetime) -> Iterator[str]:
    """Do the clocks differ? PocketBase's time was read between `before` and `after`."""
    theirs = datetime.fromisoformat(status.now)
    ahead = (before - theirs).total_seconds()
    behind = (theirs - after).total_seconds()
    if max(ahead, behind) > CLOCKS_DIFFER:
        where = "ahead of" if ahead > behind else "behind"
        yield (
            f"This machine's clock is {max(ahead, behind):.0f} s {where} PocketBase's. A worker whose clock differs by"
            " more than a minute records nothing. Set the clocks, by NTP for example."
        )
