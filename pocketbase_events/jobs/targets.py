"""What is attached: the records of `event_targets`, and the rules of `events` that are composed of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pocketbase_events.core.policy import AppendRules, admits_nobody, collections_looked_into, compose_create_rule
from pocketbase_events.core.readers import HistoryRule, compose_history_rule, with_history
from pocketbase_events.core.replica import Origin, origin_of, replica_rule
from pocketbase_events.core.schema import ROW_CREATE_RULE
from pocketbase_events.errors import NotInstalledError, ProblemError, WrongUsageError
from pocketbase_events.pb.admin import Admin, Collection, Record
from pocketbase_events.pb.records import refuse_newer, refuse_older

RULES = ("create_rule", "update_rule", "delete_rule")  # over events, in `event_targets`
HISTORY_RULE = "history_rule"  # over recorded events, in `event_targets`
OWN_RULES = ("createRule", "updateRule", "deleteRule")  # over rows, in a collection
READ_RULES = ("listRule", "viewRule")
MAX_JOINS = 50  # of the composed rule; SQLite joins 64 tables, and PocketBase needs some itself
ATTEMPTS = 20  # to compose a rule that somebody else changes at the same time
_EVENTS = {"id": "pbe_events_0001", "name": "events"}


@dataclass(frozen=True, slots=True)
class Installation:
    """Everything that attaching starts from: all collections, the attached ones, our triggers, and the head's seq."""

    collections: Mapping[str, Collection]
    targets: Mapping[str, Record]
    triggers: frozenset[str]
    seq: int = 0

    def named(self, name: str) -> Collection:
        """The collection of this name, in whatever case, as PocketBase finds it too.

        Raises:
            WrongUsageError: if there is none.
        """
        try:
            return self.collections[self.spelt(name)]
        except KeyError:
            why = f"There is no collection {name}. Create it first, in the admin UI for example."
            raise WrongUsageError(why=why) from None

    def spelt(self, name: str) -> str:
        """The name as the collection that it means is spelt, or was when it was attached."""
        known = (*self.collections, *self.targets)
        return next((each for each in known if each.lower() == name.lower()), name)


def installation(admin: Admin) -> Installation:
    """What is set up and attached now.

    Raises:
        NotInstalledError: if there is no log.
        NewerError, OlderError: if another version of ours has set it up.
    """
    collections = {collection["name"]: collection for collection in admin.collections()}
    status = admin.records("event_status") if "event_status" in collections else []
    if not status:
        raise NotInstalledError(url=admin.url)
    refuse_newer(status[0])
    refuse_older(status[0])
    targets = {target["collection"]: target for target in admin.records("event_targets")}
    return Installation(collections, targets, frozenset(status[0]["triggers"]), status[0]["seq"])


def is_about(target: Record, collection: Collection) -> bool:
    """Whether a record of `event_targets` is about this very collection, not one of its name that was made later.

    PocketBase gives a collection that is made again its old id, and an import may change when one was created; one
    whose rows only the worker creates is attached in any case. The view `event_schemas` has the same condition.
    """
    same = target["collection_created"] in ("", collection["created"]) or collection["createRule"] == ROW_CREATE_RULE
    return target["collection_id"] in ("", collection["id"]) and same


def append_rules(targets: Iterable[Mapping[str, Any]]) -> list[AppendRules]:
    """Who may append what, as records of `event_targets` say."""
    return [
        AppendRules(
            collection=target["collection"],
            create=_rule_of(target, "create_rule"),
            update=_rule_of(target, "update_rule"),
            delete=_rule_of(target, "delete_rule"),
            names_actor=bool(target.get("names_actor")),
        )
        for target in targets
    ]


def history_rules(targets: Iterable[Mapping[str, Any]]) -> list[HistoryRule]:
    """Who may read the recorded events of which collection, as records of `event_targets` say."""
    return [
        HistoryRule(target["collection"], target[HISTORY_RULE])
        for target in targets
        if target.get(HISTORY_RULE) is not None
    ]


def check_joins(rule: str | None) -> None:
    """Refuse a rule of `events` that PocketBase could not evaluate.

    Raises:
        WrongUsageError: if it looks into too many collections.
    """
    if len(collections_looked_into(rule)) > MAX_JOINS:
        raise WrongUsageError(
            why=f"The rules of all attached collections together would look into more than {MAX_JOINS} collections"
            " through @collection, more than one query can join. Use fewer. Nothing was changed."
        )


def close_appends(admin: Admin, origin: Origin) -> None:
    """Let nobody append events but the replica of this stream."""
    admin.import_collections([{**_EVENTS, "createRule": replica_rule(origin)}])


def publish(admin: Admin, collections: Sequence[Collection] = (), *, promoting: bool = False) -> None:
    """Change collections, and make the rules of `events` what `event_targets` says, all or none of it.

    The create rule of a replica stays, unless it is `promoting`.

    Several may run at once: each checks whether `event_targets` was changed meanwhile,
    and composes it again, so the last one composes of what all of them have written.

    Raises:
        ProblemError: if PocketBase refuses it; nothing is changed then.
    """
    for _ in range(ATTEMPTS):
        targets = admin.records("event_targets")
        try:
            admin.import_collections(
                [*collections, {**_EVENTS, **_rules_of_events(admin, targets, promoting=promoting)}]
            )
            refused = None
        except (ProblemError, WrongUsageError) as error:
            refused = error
        if _composed_of(admin.records("event_targets")) == _composed_of(targets):
            if refused is not None:
                raise refused
            return
    raise ProblemError(why="Somebody else keeps attaching and detaching collections. Try again.")


def _rules_of_events(admin: Admin, targets: Sequence[Record], *, promoting: bool) -> dict[str, str | None]:
    """The rules of `events`: the create rule, and the list and view rule if they change."""
    history, events = compose_history_rule(history_rules(targets)), admin.collection(_EVENTS["name"])
    composed = compose_create_rule(append_rules(targets))
    is_replica = origin_of(events["createRule"]) is not None and not promoting
    rules = {"createRule": events["createRule"] if is_replica else composed}
    read = {rule: with_history(events[rule], history) for rule in READ_RULES}
    rules |= {rule: text for rule, text in read.items() if text != events[rule]}
    for text in rules.values():
        check_joins(text)
    return rules


def _composed_of(targets: Sequence[Record]) -> tuple[list[AppendRules], list[HistoryRule]]:
    """What the rules of `events` are composed of."""
    return append_rules(targets), history_rules(targets)


def _rule_of(target: Mapping[str, Any], name: str) -> str | None:
    rule: str | None = target[name]
    return admits_nobody(rule) if rule is not None and target.get("closed") else rule
