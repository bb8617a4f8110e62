"""The composed create rule of `events`."""

import pytest

from pocketbase_events.core.policy import AppendRules, check_rule, compose_create_rule, expressions_left
from pocketbase_events.errors import ProblemError, WrongUsageError
from pocketbase_events.pb.schema_files import log_triggers, row_triggers


def test_without_any_rule_only_superusers_append() -> None:
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
    assert 'data.a != "@collection.notes:mine.id"' in composed
    assert "@collection.x" not in composed


def test_the_order_of_targets_makes_no_difference() -> None:
    targets = [AppendRules("b", ""), AppendRules("a", "", "x = 1")]
    assert compose_create_rule(targets) == compose_create_rule(reversed(targets))


@pytest.mark.parametrize("rule", ["a = 1) || (1 = 1", "(a = 1", "a = 1)", 'a = "', "a = 'x", ")("])
def test_a_rule_that_would_break_out_of_its_clause_is_refused(rule: str) -> None:
    with pytest.raises(WrongUsageError, match="can't be read"):
        check_rule(rule)


@pytest.mark.parametrize("rule", ["", "a = ')'", '(a = "(\\"") // ) ends', "a = 1 // it's open\n&& (b = 2)"])
def test_parentheses_in_texts_and_comments_do_not_count(rule: str) -> None:
    check_rule(rule)


OWNER = {
    "create": '@request.auth.id != "" && data.owner = @request.auth.id',
    "update": '@request.auth.id != "" && @collection.{0}.id ?= item_id && @collection.{0}.owner ?= @request.auth.id'
    " && data.owner = null",
    "delete": '@request.auth.id != "" && @collection.{0}.id ?= item_id && @collection.{0}.owner ?= @request.auth.id',
}


def owned(name: str) -> AppendRules:
    return AppendRules(name, **{event_type: rule.format(name) for event_type, rule in OWNER.items()}, names_actor=True)


def test_the_rules_of_twenty_five_collections_with_owners_are_within_pocketbases_limit() -> None:
    names = [f"notes{number}" for number in range(25)]
    rule = compose_create_rule(map(owned, names))
    assert rule is not None
    assert all(f'collection = "{name}"' in rule for name in names)
    assert 0 < expressions_left(rule) < 20


def test_more_than_pocketbase_allows_is_refused_before_it_is_asked() -> None:
    with pytest.raises(WrongUsageError, match="allows 200 expressions"):
        compose_create_rule(owned(f"notes{number}") for number in range(30))


def test_an_event_names_its_actor_unless_its_rule_admits_everyone() -> None:
    rule = compose_create_rule([AppendRules("items", create="", update="a = 1", names_actor=True)])
    everyone = 'type = "create" && (actor = "" || actor = @request.auth.id)'
    assert rule is not None
    assert everyone in rule
    assert 'type = "update" && actor = @request.auth.id && a = 1' in rule


def test_an_event_of_a_collection_that_was_attached_before_need_not_name_its_actor() -> None:
    rule = compose_create_rule([AppendRules("items", create="a = 1"), AppendRules("notes", "a = 1", names_actor=True)])
    assert rule is not None
    assert 'collection = "items" && (actor = "" || actor = @request.auth.id)' in rule
    assert 'collection = "notes" && actor = @request.auth.id' in rule


def test_a_rule_in_event_targets_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ProblemError, match="of items can't be read"):
        compose_create_rule([AppendRules("items", create="a = 1 (b = 2)")])


def test_every_trigger_is_found_in_the_sql_files() -> None:
    assert len(log_triggers()) == 8
    triggers = row_triggers("pbc_1", "notes")
    assert sorted(triggers) == ["pbe_rows_pbc_1_delete", "pbe_rows_pbc_1_insert", "pbe_rows_pbc_1_update"]
    assert all("`notes`" in sql and sql.endswith("END;") for sql in triggers.values())
