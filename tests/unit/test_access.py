"""Letting the worker past the list and view rules that owners wrote."""

import pytest

from pocketbase_events.core.access import let_worker_in, lets_worker_in, shut_worker_out
from pocketbase_events.core.rules import UnreadableRuleError, parse
from pocketbase_events.core.schema import WORKER

OWNER = '@request.auth.id != "" && owner = @request.auth.id'
RULES = [
    None,
    "",
    " ",
    OWNER,
    "a = 1 || b = 2",
    f"{OWNER} // it's dropped: public = true",
    f'{OWNER} // dropped: public = true) || (title != ""',
    "a = ')' // ends with a quote \"",
    "// first\na = 1\n\n",
]


@pytest.mark.parametrize("rule", RULES)
def test_shutting_the_worker_out_undoes_letting_it_in(rule: str | None) -> None:
    admitted = let_worker_in(rule)
    assert shut_worker_out(admitted) == rule
    assert let_worker_in(admitted) == admitted
    assert lets_worker_in(admitted)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule and rule.strip()])
def test_the_worker_is_one_alternative_more(rule: str) -> None:
    assert parse(let_worker_in(rule)).alternatives == (*parse(rule).alternatives, *parse(WORKER).alternatives)


def test_an_open_rule_admits_the_worker_as_it_is() -> None:
    assert let_worker_in("") == ""
    assert let_worker_in(None) == WORKER


@pytest.mark.parametrize("rule", RULES[3:])
def test_what_an_older_version_put_into_parentheses_is_taken_out_of_them(rule: str) -> None:
    wrapped = f"(\n{rule}\n) || {WORKER}"
    assert shut_worker_out(let_worker_in(wrapped)) == rule


def test_the_worker_is_taken_out_of_a_rule_that_was_edited_since() -> None:
    assert shut_worker_out(f"a = 1 || {WORKER} || b = 2 // edited") == "a = 1 || b = 2"
    assert shut_worker_out(f"{WORKER} // alone") is None


@pytest.mark.parametrize("rule", ["a = 1 (b = 2)", "a = 1 \0 comes after the end", "null"])
def test_a_rule_that_cannot_be_read_is_left_alone(rule: str) -> None:
    with pytest.raises(UnreadableRuleError):
        let_worker_in(rule)
    assert not lets_worker_in(rule)
    assert shut_worker_out(rule) == rule
