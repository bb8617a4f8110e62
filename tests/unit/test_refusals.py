"""Finding which event of a page PocketBase refuses."""

from pocketbase_events.jobs.record.refusals import FEWER, Search


def test_the_first_bad_event_is_left_out_and_the_transaction_stays_whole() -> None:
    search = Search(100).row_refused({"bad": "no title"}, 61)
    assert (search.limit, search.refused) == (100, {"bad": "no title"})


def test_the_next_transaction_ends_before_a_second_bad_event() -> None:
    search = Search(100).row_refused({"first": "no title"}, 61).row_refused({"second": "no title"}, 40)
    assert search.limit == 40
    assert search.after_commit(40).limit == 80


def test_a_bad_event_at_the_beginning_is_tried_no_more_and_the_next_one_alone() -> None:
    search = Search(100).row_refused({"first": "why"}, 0).row_refused({"second": "why"}, 0)
    assert search.limit == 1


def test_merged_events_are_written_one_by_one_until_one_of_them_is_refused() -> None:
    search = Search(100).one_by_one(last=8)
    assert (search.limit, search.merging) == (9, False)
    found = search.row_refused({"bad": "too large"}, 5)
    assert (found.limit, found.refused) == (5, {"bad": "too large"})
    assert found.after_commit(5).merging


def test_an_event_that_cannot_be_recorded_is_rejected_beside_the_others() -> None:
    search = Search(100).event_refused({"odd": "no JSON"})
    assert (search.limit, search.merging, search.refused) == (100, True, {"odd": "no JSON"})


def test_what_is_too_large_is_tried_in_parts() -> None:
    assert Search(100).too_large(12).limit == 12


def test_after_a_failure_that_names_none_fewer_are_sent_until_all_suspects_have_passed() -> None:
    search = Search(400).narrowed(400)
    assert search.limit == search.most == 400 // FEWER
    search = search.narrowed(25)
    assert search.limit == search.most == 1
    for _ in range(25):
        assert search.limit == 1
        search = search.after_commit(1)
    assert (search.limit, search.most) == (2, None)


def test_an_event_in_doubt_is_sent_alone_and_those_before_it_first() -> None:
    search = Search(100).isolated(30)
    assert (search.limit, search.suspects) == (30, 31)
    assert search.after_commit(30).isolated(0).limit == 1


def test_attempts_count_for_the_first_event_only() -> None:
    search = Search(1).narrowed(1).failed_alone("no answer").failed_alone("no answer")
    assert (search.attempts, search.doubt) == (2, "no answer")
    assert search.after_commit(1).attempts == 0
    assert search.event_refused({"slow": "too slow"}).attempts == 0


def test_an_event_that_cannot_even_be_rejected_is_kept_in_mind_until_another_one_passes() -> None:
    search = Search(3).not_marked({"odd": "hands off"})
    assert search.unmarked == {"odd": "hands off"}
    assert search.after_commit(1).unmarked == {}
