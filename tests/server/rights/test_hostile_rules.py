"""Rules of owners that were written to be misread, or by chance so: what is composed of them admits nobody else."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import Client, Server, start_copy
from support.command_line import cli
from support.strategies import FEW

from pocketbase_events.core.access import let_worker_in
from pocketbase_events.core.policy import AppendRules, compose_create_rule
from pocketbase_events.core.rules import UnreadableRuleError, parse

COMMENTS = [
    "it's", '"', ")", "(", ') || (title != ""', "') || (title != ''", "// again", "\\", "&& (", '" || title != "',
]  # fmt: skip
CONDITIONS = [
    "@request.auth.id = owner", 'title = "closed"', "public = true", "(public = true)", "title != '//'",
    'title = "\\""', '@request.auth.id != "" && (owner = @request.auth.id)', "(title ~ ')' || public = true)",
]  # fmt: skip
EVENT_CONDITIONS = [
    "data.owner = @request.auth.id", 'data.title = "closed"', "(data.public = true)", "item_id != '//'",
    '@request.auth.id != "" && (data.owner = @request.auth.id)', "(data.title ~ ')' || data.public = true)",
]  # fmt: skip
DIARY_FIELDS = [
    {"name": "title", "type": "text"}, {"name": "owner", "type": "text"}, {"name": "public", "type": "bool"},
]  # fmt: skip
PROBE_FIELDS = [
    *({"name": name, "type": "text"} for name in ("type", "collection", "item_id", "actor")),
    {"name": "data", "type": "json"},
]
HOSTILE = '@request.auth.id = owner // dropped: public) || (title != ""'


def any_rule(conditions: list[str]) -> st.SearchStrategy[str]:
    """Conditions with comments between them, in and out of parentheses."""
    gap = st.one_of(st.just(" "), st.sampled_from(COMMENTS).map(lambda comment: f" // {comment}\n"))
    end = st.one_of(st.just(""), st.sampled_from(COMMENTS).map(lambda comment: f" // {comment}"))
    one = st.builds("{1}{0}{2}".format, st.sampled_from(conditions), gap, gap)
    join = st.sampled_from(["&&", "||", "&& (", "|| (", ") ||", ""])
    more = st.lists(st.builds("{}{}".format, join, one), max_size=2).map("".join)
    return st.builds("{}{}{}".format, one, more, end)


@dataclass(frozen=True)
class Diary:
    """A server with rows of everybody, and with a collection `probe` whose records look like events."""

    root: Client
    guest: Client
    ann: Client
    worker: Client

    def takes(self, collection: str, **rules: str | None) -> bool:
        """Set rules as a superuser; whether PocketBase takes them."""
        return self.root("PATCH", f"/api/collections/{collection}", json=rules).ok


@pytest.fixture(scope="module")
def diary(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Diary]:
    for server in start_copy(installed_template, tmp_path_factory.mktemp("hostile") / "pocketbase"):
        server.create_collection("diary", DIARY_FIELDS, listRule="")
        server.create_collection("probe", PROBE_FIELDS)
        made = Diary(server.superuser(), server.guest(), server.user("ann"), server.worker_client())
        for owner, public in ((made.ann.user_id, False), ("bob", False), ("", True)):
            row = {"title": "open" if public else "closed", "owner": owner, "public": public}
            assert made.root("POST", "/api/collections/diary/records", json=row).ok
        yield made


def is_readable(rule: str) -> bool:
    """Whether we read a rule that PocketBase takes. If not, it reads something that nobody means."""
    why = ""
    try:
        parse(rule)
    except UnreadableRuleError as error:
        why = str(error)
    assert not why or "missing before (" in why or "within parentheses" in why
    return not why


def seen(client: Client) -> list[str]:
    return sorted(row["id"] for row in client.records("diary"))


@settings(max_examples=4 * FEW)
@given(any_rule(CONDITIONS))
@example(HOSTILE)
@example("public = true // it's")
@example(f"{HOSTILE}\n&& public = true // ' \" )")
def test_a_list_rule_shows_everybody_what_it_showed_and_the_worker_all(diary: Diary, rule: str) -> None:
    if not diary.takes("diary", listRule=rule) or not is_readable(rule):
        return
    before = seen(diary.guest), seen(diary.ann)
    assert diary.takes("diary", listRule=let_worker_in(rule))
    assert (seen(diary.guest), seen(diary.ann)) == before
    assert len(seen(diary.worker)) == 3


def is_admitted(client: Client, collection: str, data: dict[str, Any]) -> bool:
    event = {"type": "create", "collection": "diary", "item_id": "x", "actor": client.user_id, "data": data}
    return client("POST", f"/api/collections/{collection}/records", json=event).ok


@settings(max_examples=4 * FEW)
@given(any_rule(EVENT_CONDITIONS), st.booleans())
@example('data.owner = @request.auth.id // dropped: x) || (item_id != ""', True)
@example("data.owner = @request.auth.id // it's", False)
@example("data.public = true (item_id != '')", True)
def test_an_event_is_admitted_by_the_composed_rule_exactly_if_its_own_admits_it(
    diary: Diary, rule: str, names_actor: bool
) -> None:
    if not diary.takes("probe", createRule=rule) or not is_readable(rule):
        return
    others = AppendRules("items", update="data.qty > 0"), AppendRules("tasks", "", rule, None, names_actor=True)
    composed = compose_create_rule([AppendRules("diary", create=rule, names_actor=names_actor), *others])
    assert diary.takes("events", createRule=composed)
    for client in (diary.guest, diary.ann):
        for data in ({"owner": diary.ann.user_id}, {"owner": "bob", "title": "closed"}, {"public": True}, {}):
            admitted = [is_admitted(client, collection, data) for collection in ("events", "probe")]
            assert admitted[0] == admitted[1], (client.user_id, data)


def test_attaching_opens_no_row_and_detaching_gives_the_owners_text_back(server: Server) -> None:
    server.create_collection("notes", DIARY_FIELDS, listRule=HOSTILE)
    cli(server, "attach", "notes", "--allow", "", "--no-lock")
    assert server.superuser()("POST", "/api/collections/notes/records", json={"title": "closed", "owner": "x"}).ok
    assert server.guest().records("notes") == []
    assert len(server.worker_client().records("notes")) == 1
    cli(server, "detach", "notes")
    assert server.superuser()("GET", "/api/collections/notes").json()["listRule"] == HOSTILE


def test_init_closes_what_an_older_version_has_opened(server: Server) -> None:
    server.create_collection("notes", DIARY_FIELDS, listRule=HOSTILE)
    server.attach("notes")
    server.guest().append("create", "note00000000001", {"title": "closed", "owner": "x"}, collection="notes")
    server.worker().run_to_end(threading.Event())
    wrapped = f'(\n{HOSTILE}\n) || @request.auth.collectionName = "event_workers"'
    assert server.superuser()("PATCH", "/api/collections/notes", json={"listRule": wrapped}).ok
    assert len(server.guest().records("notes")) == 1
    cli(server, "init")
    assert server.guest().records("notes") == []
    assert len(server.worker_client().records("notes")) == 1
