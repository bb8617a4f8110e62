"""What `status` finds: each thing is broken for real, and mended by doing what the sentence says."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import Server, create, eventually, installed_binary, pending, running, start_copy
from support.command_line import cli
from support.every_command import EXECUTABLE
from support.server import see_worker
from support.working import working

from pocketbase_events.jobs.status.of_server import NEWEST_TRIED

RULE = '@request.auth.collectionName = "event_workers"'


def more(*values: Any) -> Any:
    """Another case, for `make test-all`."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def started(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from start_copy(installed_template, tmp_path_factory.mktemp("findings") / "pocketbase")


@pytest.fixture
def shared(started: Server) -> Server:
    """For tests that mend what they break. No worker is there, but one was seen just now."""
    see_worker(started.data)
    return started


def problems(server: Server) -> list[str]:
    return [line for line in cli(server, "status", code=1).stderr.splitlines() if line]


def is_well(server: Server) -> None:
    assert cli(server, "status").stderr == ""


def do_what_it_says(server: Server, sentence: str) -> None:
    """Run the command at the end of the sentence."""
    found = re.search(r"Run: pocketbase-events (.*)$", sentence)
    assert found, sentence
    cli(server, *shlex.split(found[1]))


def edit(server: Server, collection: str, **changes: Any) -> None:
    answer = server.superuser()("PATCH", f"/api/collections/{collection}", json=changes)
    assert answer.ok, answer.text


def settings(server: Server, **changes: Any) -> None:
    assert server.superuser()("PATCH", "/api/settings", json=changes).ok


def sql(server: Server, *statements: str) -> None:
    for statement in statements:
        answer = server.superuser()("POST", "/api/sql", json={"query": statement})
        assert answer.ok, answer.text


@pytest.mark.parametrize(
    ("collection", "changes", "says"),
    [
        ("event_head", {"updateRule": RULE}, "event_head is not as init made it: somebody edited its updateRule."),
        more("events", {"deleteRule": ""}, "events is not as init made it: somebody edited its deleteRule."),
        more("event_targets", {"createRule": "", "updateRule": ""}, "edited its createRule and its updateRule."),
        more("event_workers", {"manageRule": RULE}, "edited its manageRule."),
        more("event_log", {"viewQuery": "SELECT e.id, e.seq FROM events e"}, "event_log is not as init made it"),
        ("events", {"indexes": []}, "events lacks the index idx_events_actor, idx_events_item, idx_events_pending"),
    ],
    ids=str,
)
def test_our_collections_that_somebody_edited_are_found_and_put_right_by_init(
    shared: Server, collection: str, changes: dict[str, Any], says: str
) -> None:
    edit(shared, collection, **changes)
    (told,) = problems(shared)
    assert says in told
    do_what_it_says(shared, told)
    is_well(shared)


def test_a_read_rule_that_shuts_the_worker_out_is_found_and_what_to_add_is_said(shared: Server) -> None:
    own = 'type = "create"'
    before = shared.superuser()("GET", "/api/collections/events").json()["listRule"]
    edit(shared, "events", listRule=own)
    (told,) = problems(shared)
    assert told.startswith("The listRule of events was edited and hides records from the worker.")
    edit(shared, "events", listRule=own + " " + told.partition("add to the rule: ")[2])
    is_well(shared)
    edit(shared, "events", listRule=before)


@pytest.mark.slow
def test_a_missing_view_of_ours_is_made_again_by_init(shared: Server) -> None:
    assert shared.superuser()("DELETE", "/api/collections/event_fields").ok
    (told,) = problems(shared)
    assert told.startswith("The collection event_fields is gone")
    do_what_it_says(shared, told)
    is_well(shared)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"maxRequests": 50}, "maxRequests is 50 (at least 1000)"),
        more({"timeout": 1}, "timeout is 1 (at least 3)"),
        more({"maxBodySize": 100_000, "maxRequests": 60}, "maxBodySize is 100000 (at least 16000000)"),
    ],
    ids=str,
)
def test_limits_of_the_batch_api_that_are_too_small_are_found_and_raised_by_init(
    shared: Server, changes: dict[str, int], says: str
) -> None:
    settings(shared, batch={"enabled": True, **changes})
    (told,) = problems(shared)
    assert says in told
    do_what_it_says(shared, told)
    is_well(shared)


@pytest.mark.parametrize(
    ("label", "most", "needed"),
    [
        ("*:create", 20, "items:create"),
        more("items:update", 20, "items:update"),
        more("/api/collections/events/", 9, "events:update"),
        ("/api/batch", 3, "/api/batch"),
        more("PATCH /api/collections/event_head/", 9, "event_head:update"),
    ],
)
def test_a_rate_limit_that_slows_the_worker_is_found_and_a_rule_with_the_label_that_it_names_helps(
    shared: Server, label: str, most: int, needed: str
) -> None:
    rule = {"label": label, "maxRequests": most, "duration": 5, "audience": ""}
    try:
        settings(shared, rateLimits={"enabled": True, "rules": [rule]})
        (told,) = problems(shared)
        assert f"its rule {label} admits {most} requests in 5 s" in told
        own = re.search(r"with the label (\S+) that admits (\d+) a second", told)
        assert own
        assert own[1] == needed
        better = {"label": own[1], "maxRequests": int(own[2]), "duration": 1, "audience": ""}
        others = [] if own[1] == label else [rule]
        settings(shared, rateLimits={"enabled": True, "rules": [better, *others]})
        is_well(shared)
    finally:
        settings(shared, rateLimits={"enabled": False})


DEFAULT_LIMITS = [("*:auth", 2, 3), ("*:create", 20, 5), ("/api/batch", 3, 1), ("/api/", 300, 10)]  # of PocketBase


@pytest.mark.slow
def test_the_default_rules_of_the_rate_limiter_slow_the_worker_and_those_for_guests_do_not(shared: Server) -> None:
    def rules(audience: str) -> list[dict[str, Any]]:
        names = ("label", "maxRequests", "duration")
        return [{**dict(zip(names, rule, strict=True)), "audience": audience} for rule in DEFAULT_LIMITS]

    try:
        settings(shared, rateLimits={"enabled": True, "rules": rules("")})
        assert [told.split("its rule ")[1].split()[0] for told in problems(shared)] == ["*:create", "/api/"]
        settings(shared, rateLimits={"enabled": True, "rules": rules("@guest")})
        is_well(shared)
    finally:
        settings(shared, rateLimits={"enabled": False})


def test_an_id_pattern_that_makes_each_insert_scan_its_table_is_found_and_attach_adds_an_index(shared: Server) -> None:
    key = {"name": "id", "type": "text", "primaryKey": True, "required": True, "min": 1, "max": 30}
    shared.create_collection("codes", [{**key, "pattern": "^[A-Za-z0-9-]+$"}, {"name": "title", "type": "text"}])
    shared.attach("codes")
    try:
        is_well(shared)
        found = shared.superuser()("GET", "/api/collections/codes").json()["indexes"]
        edit(shared, "codes", indexes=[index for index in found if "NOCASE" not in index])
        (told,) = problems(shared)
        assert "The ids of codes have a pattern of their own" in told
        assert "SCAN codes" in plan_of_an_insert(shared)
        do_what_it_says(shared, told)
        is_well(shared)
        assert "SEARCH codes USING COVERING INDEX" in plan_of_an_insert(shared)
    finally:
        shared.detach("codes")


def plan_of_an_insert(server: Server) -> str:
    """How SQLite finds out whether an id is there, as PocketBase asks before it inserts a row."""
    query = "EXPLAIN QUERY PLAN SELECT 1 FROM codes WHERE id = 'x' COLLATE NOCASE LIMIT 1"
    database = server.database()
    (row,) = database.execute(query).fetchall()
    database.close()
    return str(row[3])


def test_a_missing_index_of_the_seq_of_rows_is_found_and_added_by_attach(shared: Server) -> None:
    found = shared.superuser()("GET", "/api/collections/items").json()["indexes"]
    edit(shared, "items", indexes=[index for index in found if "seq" not in index])
    (told,) = problems(shared)
    assert "items has no index on seq" in told
    do_what_it_says(shared, told)
    is_well(shared)


@pytest.fixture
def locked(shared: Server) -> Server:
    """A log that is locked against superusers."""
    if not shared.locks:
        pytest.skip("this PocketBase has no SQL endpoint, so nothing is locked")
    return shared


HARMLESS = "BEFORE DELETE ON `{table}` BEGIN SELECT 1; END"


@pytest.mark.slow
@pytest.mark.parametrize("trigger", ["pbe_events_delete", more("pbe_stamps_update"), more("pbe_head_update")])
def test_a_trigger_of_the_log_that_is_missing_or_edited_is_found_and_init_installs_it(
    locked: Server, trigger: str
) -> None:
    for statements, says in (
        ([f"DROP TRIGGER {trigger}"], "missing"),
        ([f"DROP TRIGGER {trigger}", f"CREATE TRIGGER {trigger} {HARMLESS.format(table='events')}"], "edited"),
    ):
        sql(locked, *statements)
        (told,) = problems(locked)
        assert told.startswith(f"The log is not locked against superusers: {says}: {trigger}.")
        do_what_it_says(locked, told)
        is_well(locked)


@pytest.mark.parametrize("how", [more("missing"), "edited"])
def test_a_broken_lock_of_rows_is_found_and_mended_by_attach_and_an_open_one_is_no_problem(
    locked: Server, how: str
) -> None:
    trigger = f"pbe_rows_{locked.superuser()('GET', '/api/collections/items').json()['id']}_delete"
    sql(locked, f"DROP TRIGGER {trigger}")
    if how == "edited":
        sql(locked, f"CREATE TRIGGER {trigger} {HARMLESS.format(table='items')}")
    (told,) = problems(locked)
    assert told.startswith(f"The lock of the rows of items is broken: {how}: {trigger}.")
    do_what_it_says(locked, told)
    is_well(locked)
    cli(locked, "attach", "items", "--no-lock")
    is_well(locked)
    cli(locked, "attach", "items", "--lock")


@pytest.mark.slow
def test_a_collection_that_was_renamed_there_and_back_is_still_locked(locked: Server) -> None:
    edit(locked, "items", name="things")
    edit(locked, "things", name="items")
    is_well(locked)


@pytest.mark.slow
def test_a_pocketbase_that_is_newer_than_any_that_was_tried_is_found_until_one_goes_back(
    installed_template: Path, tmp_path: Path
) -> None:
    shutil.copytree(installed_template, folder := tmp_path / "pocketbase")
    see_worker(folder / "data")
    stock = Path(installed_binary()).read_bytes()
    tried = ".".join(map(str, NEWEST_TRIED))
    shown = next(iter(re.findall(rb"PocketBase v(\d+\.\d+\.\d+)", stock)))
    newer = re.sub(rb"\d", b"9", shown)
    binary = tmp_path / "newer"
    binary.write_bytes(stock.replace(b"PocketBase v" + shown, b"PocketBase v" + newer))
    binary.chmod(0o755)
    server = Server(folder, str(binary))
    server.start()
    try:
        (told,) = problems(server)
        assert told.startswith(f"PocketBase {newer.decode()} is newer than any")
        assert told.endswith(f"go back to PocketBase {tried}.")
    finally:
        server.close()
    with running(folder) as server:
        is_well(server)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("faketime") is None, reason="THE CLOCK WAS NOT SET: no faketime on the PATH")
def test_a_clock_that_is_wrong_is_found_and_a_clock_that_is_set_is_not(shared: Server) -> None:
    command = ["faketime", "-f", "+59s", EXECUTABLE, "status"]
    done = subprocess.run(command, env=shared.environment, capture_output=True, text=True, check=False)
    found = re.search(r"clock is (\d+) s ahead of PocketBase's", done.stderr)
    assert found, done.stderr
    assert done.returncode == 1
    assert 30 < int(found[1]) <= 59, "PocketBase may take its time to answer"
    is_well(shared)


@pytest.mark.slow
def test_while_a_load_is_recorded_slowly_status_says_for_how_long_it_has_waited_and_until_when(
    server: Server,
) -> None:
    rule = {"label": "items:create", "maxRequests": 2, "duration": 2, "audience": ""}
    with working(server):
        settings(server, rateLimits={"enabled": True, "rules": [rule]})
        loader = server.superuser()
        loader.append_all(*({**create(number), "collection": "items"} for number in range(120)))
        # In between two looks, there may be as many as four events, or none.
        said = re.compile(
            r"^Events wait for \d+ s: a worker is at work, and behind by \d+ events\. At this rate, 1 a second,"
            r" that is done in \d+ (s|minutes)\.$",
            re.MULTILINE,
        )
        eventually(lambda: said.search(cli(server, "status", code=1).stderr), "the wait", 90)
        assert re.search(r"pending   \d+ \(for \d+ s\)", cli(server, "status", code=1).stdout)
        settings(server, rateLimits={"enabled": False})
        eventually(lambda: pending(server) == 0, "the end of the load")
        is_well(server)
