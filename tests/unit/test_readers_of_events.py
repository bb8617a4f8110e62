"""Who may read recorded events: history rules beside what the owner of `events` wrote."""

import pytest

from pocketbase_events.core.readers import MARK, HistoryRule, compose_history_rule, with_history, without_history
from pocketbase_events.core.rules import any_of, parse
from pocketbase_events.errors import ProblemError, WrongUsageError

OWN = '@request.auth.collectionName = "event_workers" || (actor != "" && actor = @request.auth.id)'
HISTORY = str(compose_history_rule([HistoryRule("notes", '@request.auth.id != ""'), HistoryRule("tasks", "")]))
OTHER = str(compose_history_rule([HistoryRule("notes", "data.public = true")]))
OWNERS = [
    None,
    OWN,
    f"{OWN} // staff: everyone || 1 = 1",
    "// first\na = 1\n\n",
    "a = ')' // ends with a quote \"",
    'a = "// The history of attached collections"',
]


@pytest.mark.parametrize("owners", OWNERS)
def test_what_the_owner_wrote_stays_as_it_is(owners: str | None) -> None:
    first = with_history(owners, HISTORY)
    assert with_history(first, HISTORY) == first
    assert with_history(with_history(first, OTHER), HISTORY) == first
    assert without_history(first) == owners
    assert with_history(first, None) == owners


@pytest.mark.parametrize("owners", OWNERS[1:])
def test_the_history_is_one_alternative_more(owners: str) -> None:
    assert parse(str(with_history(owners, HISTORY))) == any_of(parse(HISTORY), parse(owners))


def test_recorded_events_of_the_collection_are_read_and_nothing_else() -> None:
    assert HISTORY == 'seq > 0 && (collection = "notes" && @request.auth.id != "" || collection = "tasks")'
    assert compose_history_rule([]) is None


def test_where_everyone_reads_everything_nothing_is_added() -> None:
    assert with_history("", HISTORY) == ""


def test_what_somebody_adds_to_our_line_or_before_it_is_theirs() -> None:
    composed = MARK + HISTORY
    assert without_history(f"{composed} || data.a = 1") == "data.a = 1"
    assert without_history(f"data.a = 1 || \n{composed}") == "data.a = 1 "
    assert without_history(f"{MARK}{HISTORY}) ||") is None


def test_aliases_are_the_collections_own() -> None:
    rule = "@collection.teams:mine.id ?= data.team"
    assert "@collection.teams:mine__notes.id" in str(compose_history_rule([HistoryRule("notes", rule)]))


def test_a_rule_that_would_break_out_of_its_clause_is_refused() -> None:
    with pytest.raises(ProblemError, match="can't be read"):
        compose_history_rule([HistoryRule("notes", "a = 1) || (1 = 1")])
    with pytest.raises(WrongUsageError, match="line break"):
        compose_history_rule([HistoryRule("notes", 'a = "\n|| 1 = 1"')])


def test_an_owners_rule_that_cannot_be_read_is_refused_and_named() -> None:
    with pytest.raises(ProblemError, match="list or view rule of events can't be read"):
        with_history("a = 1) || (1 = 1", HISTORY)


def test_more_than_pocketbase_allows_is_refused() -> None:
    with pytest.raises(WrongUsageError, match="200 expressions"):
        with_history(OWN, " || ".join(["a = 1"] * 199))
