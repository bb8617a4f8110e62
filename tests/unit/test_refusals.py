"""Finding which event of a page PocketBase refuses."""

from pocketbase_events.jobs.record.refusals import Search


def test_the_first_bad_event_is_left_out_and_the_transaction_stays_whole() -> None:
    search = Search(100).row_refused("bad", 61, "no title")
    assert (search.limit, search.refused) == (100, {"bad": "no title"})


def test_the_next_transaction_ends_before_a_second_bad_event() -> None:
    search = Search(100).row_refused("first", 61, "no title").row_refused("second", 40, "no title")
    assert search.limit == 40
    assert search.after_commit().limit == 80


def test_a_bad_event_at_the_beginning_is_tried_no_more_and_the_next_one_alone() -> None:
    search = Search(100).row_refused("first", 0, "why").row_refused("second", 0, "why")
    assert search.limit == 1


def test_merged_events_are_written_one_by_one_until_one_of_them_is_refused() -> None:
    search = Search(100).one_by_one(last=8)
    assert (search.limit, search.merging) == (9, False)
    found = search.row_refused("bad", 5, "too large")
    assert (found.limit, found.refused) == (5, {"bad": "too large"})
    assert found.after_commit().merging


def test_an_event_that_can_not_be_recorded_is_rejected_beside_the_others() -> None:
    search = Search(100).event_refused("odd", "no JSON")
    assert (search.limit, search.merging, search.refused) == (100, True, {"odd": "no JSON"})


def test_what_is_too_large_is_tried_in_parts() -> None:
    assert Search(100).too_large(12).limit == 12
