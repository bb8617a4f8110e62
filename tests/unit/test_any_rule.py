"""Any rule stands alone in its clause, and any trigger is about its own table."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.any_schema import item_ids
from support.strategies import patient, sentence, words

from pocketbase_events.core.policy import AppendRules, check_rule, compose_create_rule
from pocketbase_events.core.schema import why_no_id
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.pb.schema_files import row_triggers

TOKENS = [
    "(", ")", '"', "'", "\\", "//", "\n", " ", "&&", "||", "=", "?=", "a", "1", '"x"', "'y'", '"(\\""', "'\\')'",
    "@collection.notes", "@collection.notes:mine.id", "@request.auth.id", "data.a", "{", "}", "`", "#", "😀", ";", "--",
    "/*", "*/", "(a = 1)", "// (\n",
]  # fmt: skip
rules = st.lists(st.sampled_from(TOKENS), max_size=10).map("".join)


def well_formed(rule: str) -> str | None:
    """The rule as PocketBase's parser sees its structure: texts as `t`, comments gone; None when it is not closed."""
    seen, place = "", 0
    while place < len(rule):
        char = rule[place]
        if char in "\"'":
            end = place + 1
            while end < len(rule) and rule[end] != char:
                end += 2 if rule[end] == "\\" else 1
            if end >= len(rule):
                return None
            seen, place = seen + "t", end + 1
        elif rule.startswith("//", place):
            place = rule.find("\n", place)
            if place < 0:
                break
        else:
            seen, place = seen + char, place + 1
    return seen if is_balanced(seen) else None


def is_balanced(seen: str) -> bool:
    depth = 0
    for char in seen:
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return False
    return depth == 0


@settings(patient, max_examples=300)
@given(rules)
@example("a = '\\\n'")
def test_a_rule_is_admitted_exactly_where_it_stands_alone(rule: str) -> None:
    try:
        check_rule(rule)
    except WrongUsageError as error:
        sentence(str(error))
        assert well_formed(rule) is None
    else:
        assert well_formed(rule) is not None


@settings(patient, max_examples=150)
@given(
    st.dictionaries(
        words, st.tuples(*[st.none() | rules.filter(lambda rule: well_formed(rule) is not None)] * 3), max_size=3
    )
)
def test_no_rule_reaches_out_of_the_clause_of_its_collection(
    given_rules: dict[str, tuple[str | None, str | None, str | None]],
) -> None:
    targets = [AppendRules(name, *each) for name, each in given_rules.items()]
    composed = compose_create_rule(targets)
    if all(rule is None for each in given_rules.values() for rule in each):
        assert composed is None
        return
    assert composed is not None
    assert compose_create_rule(reversed(targets)) == composed
    seen = well_formed(composed)
    assert seen is not None
    # What is left of every clause, once what stands within it is gone, is the collection that it is about.
    outermost = re.sub(r"\s+", " ", without_inner(seen, 2))
    clauses = r"\(collection = t( && \(\))?( && \(\))?\)"
    assert re.fullmatch(
        rf".* && \(actor = t \|\| actor = @request.auth.id\) && \({clauses}( \|\| {clauses})*\)", outermost
    )


def without_inner(seen: str, deepest_: int) -> str:
    """What stands in parentheses within so many others, gone."""
    depth, kept = 0, ""
    for char in seen:
        depth -= char == ")"
        kept += char if depth <= deepest_ else ""
        depth += char == "("
    return kept


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
