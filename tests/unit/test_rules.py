"""PocketBase's rule language: what a rule says, however it is written."""

import pytest

from pocketbase_events.core.rules import UnreadableRuleError, all_of, any_of, parse, size

READ = {
    "a = 1": "a = 1",
    " a=1&&b!=2 ": "a = 1 && b != 2",
    "((a = 1))": "a = 1",
    "a = 1 && (b = 2 && c = 3)": "a = 1 && b = 2 && c = 3",
    "a = 1 && (b = 2 || c = 3)": "a = 1 && (b = 2 || c = 3)",
    "a = 1 || (b = 2 || c = 3 && d = 4)": "a = 1 || b = 2 || c = 3 && d = 4",
    "a = 1 // it's (open\n&& b = 2 // end": "a = 1 && b = 2",
    '// first\na = \')\' || b = "(\\")"': 'a = \')\' || b = "(\\")"',
    "a = '//' && b = \"||\"": "a = '//' && b = \"||\"",
    "@request.body.tags:each ?!~ -1.5": "@request.body.tags:each ?!~ -1.5",
    "(a = 1 // plain\n) // it's )": "a = 1",
    "geoDistance(a.lon, // from\n a.lat, 1, 2) < 3": "geoDistance(a.lon, a.lat, 1, 2) < 3",
    "f() = g(h(1), 'x)')": "f() = g(h(1), 'x)')",
}
UNREADABLE = {
    "": "missing before the end",
    "// nothing": "missing before the end",
    "()": "parentheses don't match",
    "(a = 1": "parentheses don't match",
    "a = 1)": "parentheses don't match",
    "a = 1) || (b = 2": "parentheses don't match",
    ")(": "parentheses don't match",
    "a = 'x": "quotes don't match",
    "a = 1 (b = 2)": "missing before (",
    "(a = 1)(b = 2)": "missing before (",
    "a (b = 2)": "comparison",
    "a = 1 b = 2": "missing before b",
    "a = 1 && && b = 2": "missing before &&",
    "a = 1 &": "character '&'",
    "a == 1": "comparison",
    "a. = 1": "missing before a.",
    "@ = 1": "missing before @",
    "a = 1 /": "character '/'",
    "a = 1\xa0": "character '\\xa0'",
    "a = 1\r\n&& b = 2": "character '\\r'",
    "a = 1 \0 || b = 2": "cuts or replaces",
    "a = '\ud83d'": "cuts or replaces",
    r"a = 'x\\' || b = 'y'": "two backslashes",
    "f(1 2) = 3": "comma",
    "f(1": "comma",
    "f( = 3": "missing before =",
    "(a = 1 // ) || (b = 2\n)": "within parentheses",
    "a = 1 && ( // it's\n b = 2)": "within parentheses",
    "(" * 60 + "a = 1" + ")" * 60: "more than 50",
}


@pytest.mark.parametrize(("text", "says"), READ.items())
def test_a_rule_is_read_without_its_comments_and_needless_parentheses(text: str, says: str) -> None:
    assert str(parse(text)) == says


@pytest.mark.parametrize(("text", "why"), UNREADABLE.items())
def test_a_rule_that_cannot_be_read_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(UnreadableRuleError) as error:
        parse(text)
    assert why in str(error.value)


def test_three_backslashes_before_a_quote_are_an_escaped_one_to_every_version() -> None:
    assert str(parse(r"a = 'x\\\'y'")) == r"a = 'x\\\'y'"


def test_rules_are_put_together_as_what_they_say() -> None:
    either, both = parse("a = 1 || b = 2"), parse("c = 3 && d = 4")
    assert str(all_of(either, both)) == "(a = 1 || b = 2) && c = 3 && d = 4"
    assert str(any_of(both, either)) == "c = 3 && d = 4 || a = 1 || b = 2"
    assert size(all_of(either, both)) == 4
