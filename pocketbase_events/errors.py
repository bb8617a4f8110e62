"""Everything that can go wrong, one class a kind.

A class's docstring is the message that a person reads; the facts in braces are its attributes.
"""

from typing import Any


class PocketBaseEventsError(Exception):
    """Something went wrong in pocketbase-events."""

    def __init__(self, **facts: Any) -> None:  # noqa: ANN401 - facts are whatever the message names
        self.__dict__.update(facts)
        super().__init__((self.__doc__ or "").format(**facts))


class WrongUsageError(PocketBaseEventsError):
    """{why}"""  # noqa: D415 - the sentence is the fact


class ProblemError(PocketBaseEventsError):
    """{why}"""  # noqa: D415 - the sentence is the fact


class CredentialsRefusedError(PocketBaseEventsError):
    """PocketBase at {url} refused the {role} {email}. Check {variable} and the password beside it."""


class LoginRefusedError(CredentialsRefusedError):
    """PocketBase at {url} did not log the {role} {email} in: {why}"""  # noqa: D415


class TokenRefusedError(CredentialsRefusedError):
    """PocketBase at {url} refused the token of {variable}: {why}"""  # noqa: D415


class NotInstalledError(PocketBaseEventsError):
    """PocketBase at {url} has no event log yet, or hides it from this account. Run: pocketbase-events init."""


class NewerError(PocketBaseEventsError):
    """This log was set up by a newer version of pocketbase-events. Upgrade this one: git pull, then pip install ."""


class OlderError(PocketBaseEventsError):
    """This log was set up by an older version of pocketbase-events. Run: pocketbase-events init."""


class ContradictionError(PocketBaseEventsError):
    """The log contradicts itself: the head says seq {seq} ({hash}), the last recorded event is seq {last_seq} ({last_hash}). Nothing will be recorded until they agree. Restore a backup, or set event_head to the last event's seq and hash."""  # noqa: E501


class TroubleError(PocketBaseEventsError):
    """PocketBase could not do what was asked, and no event is at fault: {why}"""  # noqa: D415


class FileUnreadableError(ProblemError):
    """PocketBase does not show the file {name} of {record} in {collection} (status {status}). Is it still in its storage?"""  # noqa: E501


class FileChangedError(ProblemError):
    """The file {name} of the event {event} is not the one that was recorded. Run: pocketbase-events verify --files"""  # noqa: D415


class UnreachableError(TroubleError):
    """PocketBase at {url} can't be reached ({why}). Is it running, and is POCKETBASE_URL right?"""


class OutcomeUnknownError(TroubleError):
    """PocketBase could not do what was asked, and no event is at fault: {why}"""  # noqa: D415

    why: str
    answered = False  # whether PocketBase, or a proxy before it, answered at all
    failed_as_a_whole = False  # whether PocketBase said that the transaction failed, and named no request


class NotPocketBaseError(UnreachableError):
    """PocketBase at {url} can't be reached: what answers there is no PocketBase{what}. Check POCKETBASE_URL, and the proxies and firewalls on the way."""  # noqa: E501


class ProxyFailedError(UnreachableError):
    """PocketBase at {url} can't be reached through the proxy {proxy} ({why}). {advice}"""  # noqa: D415


class CertificateRefusedError(UnreachableError):
    """PocketBase at {url} can't be reached: its certificate is not accepted ({why}). {advice}"""  # noqa: D415


class WrongSchemeError(UnreachableError):
    """PocketBase at {url} can't be reached: {why}. Begin POCKETBASE_URL with {scheme}://."""


class RateLimitedError(TroubleError):
    """PocketBase's rate limiter refuses us: the limit for {limit} is met. Raise it under Settings > Application > Rate limiting, or add a rule with the label {limit}."""  # noqa: E501

    limit: str  # the label of the rate limit that was met, if known
    index = 0  # of the first request in a batch that was refused


class WrongClockError(TroubleError):
    """The clocks differ: this machine says {ours}, PocketBase {theirs} (UTC). Nothing is recorded, since timestamps stay for good. Set the clock that is wrong."""  # noqa: E501


class BatchDisabledError(TroubleError):
    """PocketBase's batch API is switched off. Run `pocketbase-events init`, or enable it under Settings > Application."""  # noqa: E501


class BatchTooLargeError(TroubleError):
    """PocketBase accepts no transaction of this size. Raise its batch limits under Settings > Application."""

    in_bytes: bool  # too many bytes; else too many requests

    def half(self, count: int) -> int:
        """How many of the `count` things in that transaction to send in the next one.

        Raises:
            BatchTooLargeError: this error, if there was only one thing in it.
        """
        if count == 1:
            raise self
        return count // 2


class StreamTroubleError(TroubleError):
    """NATS could not do what was asked, and no event is at fault: {why}"""  # noqa: D415


class StreamCredentialsRefusedError(CredentialsRefusedError):
    """NATS at {url} refused the credentials. Check NATS_USER and NATS_PASSWORD, NATS_TOKEN, NATS_CREDS or NATS_NKEY, whichever it wants."""  # noqa: E501


class OvertakenError(PocketBaseEventsError):
    """The stream does not end where it did: somebody else has published to it."""


class ReplicaError(PocketBaseEventsError):
    """This PocketBase is a replica of {origin}: its events come from there, and no others are recorded here. Append at the primary. If that is gone for good, run: pocketbase-events replica --promote"""  # noqa: D415, E501


class HeldError(PocketBaseEventsError):
    """The head of the log is held by {by} until {until} and was not let go. Wait until that has ended, then try again."""  # noqa: E501


class EventRejected(PocketBaseEventsError):  # noqa: N818 - what happened, not an error of ours
    """{why}"""  # noqa: D415 - the sentence is the fact

    id: str  # of the event's record
    why: str


class AppendRefusedError(PocketBaseEventsError):
    """PocketBase did not accept the event: {why}"""  # noqa: D415

    id: str
    why: str


class StillPendingError(PocketBaseEventsError):
    """The event {id} was not recorded within {seconds:g} s: {why} Append it again with the same id to go on waiting; it is never recorded twice."""  # noqa: E501

    id: str


class UnrecordedError(PocketBaseEventsError):
    """The events are appended, and pending: for {seconds:g} s no worker has recorded anything. Start one: pocketbase-events run"""  # noqa: D415, E501

    ids: list[str]  # of the events' records


class LogWentBackError(PocketBaseEventsError):
    """The log is not the one that was followed up to seq {after}: it ends at seq {seq}, or says something else. Most likely a backup was restored. Check what you have of it, then follow from an earlier seq."""  # noqa: E501

    after: int
    seq: int
