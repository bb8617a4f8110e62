"""Names, ids and moments that are not there."""

import json

import pytest
from support import Server, item_id
from support.every_command import DONE, WRONG_USAGE, run, told

NAMES: list[tuple[list[str], int, str]] = [
    (["attach", "nothere"], WRONG_USAGE, "no collection nothere"),
    (["attach", "users"], WRONG_USAGE, "type auth"),
    (["attach", "a_view", "--adopt"], WRONG_USAGE, "type view"),
    (["attach", "_superusers", "--adopt"], WRONG_USAGE, "type system"),
    (["attach", "event_log"], WRONG_USAGE, "only base collections"),
    (["attach"], WRONG_USAGE, "COLLECTION"),
    (["detach", "nothere"], WRONG_USAGE, "nothere is not attached"),
    (["detach", "new"], WRONG_USAGE, "new is not attached"),
    (["detach", "events"], WRONG_USAGE, "events is not attached"),
    (["check", "nothere"], WRONG_USAGE, "nothere is not attached"),
    (["rebuild", "nothere", "--yes"], WRONG_USAGE, "nothere is not attached"),
    (["show", "nothere"], WRONG_USAGE, "nothere is not attached"),
    (["show", "events"], WRONG_USAGE, "events is not attached"),
    (["history", "nothere", item_id(1)], WRONG_USAGE, "nothere is not attached"),
    (["check", "items", "nothere", "--json"], WRONG_USAGE, "nothere is not attached"),
    (["history", "items"], WRONG_USAGE, "ITEM"),
    (["history", "items", "nosuchitem"], DONE, "no event of nosuchitem"),
    (["history", "new", item_id(1)], WRONG_USAGE, "new is not attached"),
    (["history", "items", '" || 1 = 1 || "'], DONE, "no event of"),
    (["show", "items", "nosuchitem"], DONE, "no event of nosuchitem"),
    (["show", "items", "--at", "yesterday"], WRONG_USAGE, "--at takes a seq or a time"),
    (["show", "items", "--at", "-1"], WRONG_USAGE, "--at takes a seq or a time"),
    (["show", "items", "--at", "1.5", "--json"], WRONG_USAGE, "--at takes a seq or a time"),
    (["show", "items", "--at"], WRONG_USAGE, "--at"),
    (["show", "items", "--at", "9" * 400, "--json"], DONE, ""),
    (["retry"], WRONG_USAGE, "by their ids, or give --all"),
    (["retry", "nosuchevent0001", "--all"], WRONG_USAGE, "by their ids, or give --all"),
    (["retry", "nosuchevent0001"], WRONG_USAGE, "no rejected event nosuchevent0001"),
    (["retry", item_id(1), "nosuchevent0001", "--json"], WRONG_USAGE, "See: pocketbase-events rejected"),
    (["import"], WRONG_USAGE, "FILE"),
    (["nosuchcommand"], WRONG_USAGE, "nosuchcommand"),
    (["status", "--nosuchoption"], WRONG_USAGE, "--nosuchoption"),
    (["status", "nosuchargument"], WRONG_USAGE, "nosuchargument"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "says"), NAMES, ids=[" ".join(arguments)[:60] for arguments, *_ in NAMES]
)
def test_a_name_that_does_not_exist_is_reported(ready: Server, arguments: list[str], code: int, says: str) -> None:
    done = told(arguments, ready.environment, code, says)
    assert code == DONE or done.out == ""


@pytest.mark.parametrize("command", ["history", "show"])
def test_an_id_that_is_too_long_to_be_one_is_not_a_missing_log(ready: Server, command: str) -> None:
    done = run([command, "items", "x" * 4000], ready.environment)
    assert "no event log" not in done.err
    assert done.err


def test_a_collection_is_detached_whole_or_not_at_all_however_its_name_is_written(server: Server) -> None:
    detached = run(["detach", "ITEMS"], server.environment)
    assert detached.code in (DONE, WRONG_USAGE)
    targets = json.loads(told(["status", "--json"], server.environment, DONE, "").out)["targets"]
    assert targets == ([] if detached.code == DONE else [{"collection": "items", "locked": True}])
