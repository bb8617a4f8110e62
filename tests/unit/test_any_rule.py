"""Any rule stands alone in its clause, and any trigger is about its own table."""

import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.any_schema import item_ids
from support.strategies import sentence, words

from pocketbase_events.core.access import let_worker_in, shut_worker_out
from pocketbase_events.core.policy import AppendRules, compose_create_rule
from pocketbase_events.core.readers import HistoryRule, compose_history_rule, with_history, without_history
from pocketbase_events.core.rules import Expression, Part, Rule, UnreadableRuleError, all_of, any_of, parse
from pocketbase_events.core.schema import WORKER, why_no_id
from pocketbase_events.errors import ProblemError, WrongUsageError
from pocketbase_events.pb.schema_files import row_triggers

TOKENS = [
    "(", ")", '"', "'", "\\", "//", "\n", " ", " && ", " || ", "=", " ?= ", "a", "1", '"x"', "'y'", '"(\\""',
    "'\\')'", "@collection.notes.id", "@collection.notes:mine.id", "@request.auth.id", "data.a", "{", "}", "`", "#",
    "😀", ";", "--", "/*", "*/", "(a = 1)", "// (\n", "a = 1", "\0", "f(", ",", "b != ')'", "// it's\n",
]  # fmt: skip
texts_of_rules = st.lists(st.sampled_from(TOKENS), max_size=10).map("".join)
signs, values = st.sampled_from(["=", "?!~"]), st.sampled_from(["1", "'x)'"])
expressions = st.builds(Expression, st.sampled_from("abc"), signs, values)


def put_together(parts: list[Rule], how: Callable[..., Rule]) -> Rule:
    return how(*parts)


rules = st.recursive(
    expressions.map(any_of),
    lambda inner: st.builds(put_together, st.lists(inner, min_size=1, max_size=3), st.sampled_from([all_of, any_of])),
    max_leaves=8,
)


def readable(text: str) -> Rule | None:
    try:
        return parse(text)
    except UnreadableRuleError:
        return None


def admits(rule: Part, truth: Callable[[Expression], bool]) -> bool:
    """Whether a rule admits, if its comparisons are as true as that."""
    if isinstance(rule, Expression):
        return truth(rule)
    return any(all(admits(part, truth) for part in parts) for parts in rule.alternatives)


@given(rules)
def test_a_rule_that_is_written_and_read_again_is_the_same(rule: Rule) -> None:
    assert parse(str(rule)) == rule


@given(texts_of_rules, texts_of_rules)
@example("a = 1 // it's dropped) || (b = 2", "")
def test_whatever_is_written_around_it_a_rule_says_the_same(text: str, end: str) -> None:
    rule = readable(text)
    if rule is None:
        return
    assert parse(f"{text} // {end.replace(chr(10), ' ').replace(chr(0), ' ')}") == rule
    assert parse(f"\t{text}\n") == rule
    assert parse(f"({rule})") == rule


@given(texts_of_rules)
def test_letting_the_worker_in_adds_one_alternative_or_is_refused(text: str) -> None:
    rule = readable(text)
    if rule is None:
        if text.strip():
            with pytest.raises(UnreadableRuleError):
                let_worker_in(text)
        return
    assert parse(let_worker_in(text)) == any_of(rule, parse(WORKER))
    assert shut_worker_out(let_worker_in(text)) == text


@given(
    st.dictionaries(words, st.tuples(*[st.none() | st.just("") | rules.map(str)] * 3), max_size=4),
    st.booleans(), st.sets(expressions), st.booleans(), st.booleans(),
)  # fmt: skip
def test_an_event_is_admitted_exactly_if_its_own_rule_admits_it(
    given_rules: dict[str, tuple[str | None, str | None, str | None]],
    names_actor: bool,
    true: set[Expression],
    no_actor: bool,
    is_caller: bool,
) -> None:
    targets = [AppendRules(name, *each, names_actor=names_actor) for name, each in given_rules.items()]
    composed = compose_create_rule(targets)
    assert compose_create_rule(reversed(targets)) == composed
    for target in targets:
        for event_type, rule in target.by_type().items():
            facts = {
                "collection": f'"{target.collection}"', "type": f'"{event_type}"', "seq": "0", "adopted": "false",
                "@request.body.file_hashes:isset": "false",
                **dict.fromkeys(("event_id", "hash", "timestamp", "error"), '""'),
            }  # fmt: skip

            def truth(each: Expression, facts: dict[str, str] = facts) -> bool:
                if each.left == "actor":
                    return no_actor if each.right == '""' else is_caller
                return facts[each.left] == each.right if each.left in facts else each in true

            who = is_caller or (no_actor and not (rule and names_actor))
            expected = rule is not None and who and (not rule or admits(parse(rule), truth))
            assert (composed is not None and admits(parse(composed), truth)) == expected


@given(words, words)
def test_the_triggers_of_a_collection_are_about_its_own_table_alone(collection_id: str, name: str) -> None:
    triggers = row_triggers(collection_id, name)
    assert sorted(triggers) == [f"pbe_rows_{collection_id}_{what}" for what in ("delete", "insert", "update")]
    for sql in triggers.values():
        assert re.search(r"BEFORE (INSERT|UPDATE|DELETE) ON `([^`]*)`", sql)[2] == name  # type: ignore[index]
        assert "{" not in sql


@given(item_ids)
def test_an_id_that_a_row_can_have_is_one_step_of_an_address(item_id: str) -> None:
    why = why_no_id(item_id)
    if why is not None:
        sentence(why, 400)
    elif item_id:
        assert not set(item_id) & set("/?\\%\"'` \n\0")
        assert item_id not in (".", "..")
        assert len(item_id.encode()) <= 1000


@given(texts_of_rules, texts_of_rules)
def test_whatever_the_owner_of_events_wrote_stays_beside_any_history(owners: str, text: str) -> None:
    try:
        history = compose_history_rule([HistoryRule("notes", text), HistoryRule("tasks", "")])
        both = with_history(owners, history)
    except (ProblemError, WrongUsageError):
        return
    assert without_history(both) == owners
    if owners.strip():
        assert parse(str(both)) == any_of(parse(str(history)), parse(owners))
    else:
        assert both == owners
