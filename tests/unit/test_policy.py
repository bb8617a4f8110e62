"""The composed create rule, and letting the worker in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketbase_events.core.policy import AppendRules, check_rule, compose_create_rule, let_worker_in, shut_worker_out
from pocketbase_events.core.schema import WORKER
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.pb.schema_files import log_triggers, row_triggers


def test_without_any_rule_nobody_but_superusers_appends() -> None:
    assert compose_create_rule([]) is None
    assert compose_create_rule([AppendRules("items")]) is None


def test_types_that_share_a_rule_share_a_clause() -> None:
    rule = compose_create_rule([AppendRules("items", "a = 1", "a = 1", "a = 1")])
    assert rule is not None
    assert rule.count("a = 1") == 1
    assert "type" not in rule


def test_a_type_without_a_rule_has_no_clause() -> None:
    rule = compose_create_rule([AppendRules("items", create="")])
    assert rule is not None
    assert 'type = "create"' in rule
    assert "update" not in rule


def test_aliases_become_the_collections_own_and_texts_stay_as_they_are() -> None:
    rule = '@collection.notes:mine.id ?= item_id && data.a != "@collection.notes:mine.id" // @collection.x:y'
    composed = compose_create_rule([AppendRules("notes", update=rule), AppendRules("tasks", update=rule)])
    assert composed is not None
    for collection in ("notes", "tasks"):
        assert f"@collection.notes:mine__{collection}.id ?= item_id" in composed
    assert composed.count('"@collection.notes:mine.id" // @collection.x:y\n') == 2


def test_the_order_of_targets_makes_no_difference() -> None:
    targets = [AppendRules("b", ""), AppendRules("a", "", "x = 1")]
    assert compose_create_rule(targets) == compose_create_rule(reversed(targets))


@pytest.mark.parametrize("rule", ["a) || (1 = 1", "(a", "a)", 'a = "', "a = 'x", ")("])
def test_a_rule_that_would_break_out_of_its_clause_is_refused(rule: str) -> None:
    with pytest.raises(WrongUsageError, match="don't match"):
        check_rule(rule)


@pytest.mark.parametrize("rule", ["", "a = ')'", '(a = "(\\"") // ) ends', "a = 1 // it's open\n&& (b = 2)"])
def test_parentheses_in_texts_and_comments_do_not_count(rule: str) -> None:
    check_rule(rule)


@given(st.none() | st.text())
def test_shutting_the_worker_out_undoes_letting_it_in(rule: str | None) -> None:
    admitted = let_worker_in(rule)
    assert shut_worker_out(admitted) == rule
    assert let_worker_in(admitted) == admitted


def test_an_open_rule_admits_the_worker_as_it_is() -> None:
    assert let_worker_in("") == ""
    assert let_worker_in(None) == WORKER


def test_every_trigger_is_found_in_the_sql_files() -> None:
    assert len(log_triggers()) == 6
    triggers = row_triggers("pbc_1", "notes")
    assert sorted(triggers) == ["pbe_rows_pbc_1_delete", "pbe_rows_pbc_1_insert", "pbe_rows_pbc_1_update"]
    assert all("`notes`" in sql and sql.endswith("END;") for sql in triggers.values())
