"""Unique indexes with and without the rows that are marked as deleted."""

import pytest

from pocketbase_events.core.indexes import among_live, counts_deleted, index_name

LIVE = "`deleted` = FALSE"


@pytest.mark.parametrize(
    ("index", "live"),
    [
        ("CREATE UNIQUE INDEX `a` ON `t` (`x`)", f"CREATE UNIQUE INDEX `a` ON `t` (`x`) WHERE {LIVE}"),
        ("create unique index if not exists a on t (x)", f"create unique index if not exists a on t (x) WHERE {LIVE}"),
        (
            "CREATE UNIQUE INDEX a ON t (lower(x) COLLATE NOCASE) WHERE x != ''",
            f"CREATE UNIQUE INDEX a ON t (lower(x) COLLATE NOCASE) WHERE x != '' AND {LIVE}",
        ),
        (
            "CREATE UNIQUE INDEX a ON t (x)\n where x = 1 or y = 2",
            f"CREATE UNIQUE INDEX a ON t (x) WHERE (x = 1 or y = 2) AND {LIVE}",
        ),
    ],
)  # fmt: skip
def test_a_unique_index_can_leave_deleted_rows_out(index: str, live: str) -> None:
    assert counts_deleted(index)
    assert among_live(index) == live
    assert not counts_deleted(live)
    assert among_live(live) == live


@pytest.mark.parametrize(
    "index", ["CREATE INDEX a ON t (x)", f"CREATE UNIQUE INDEX a ON t (x) WHERE {LIVE}", "nonsense"]
)
def test_other_indexes_stay_as_they_are(index: str) -> None:
    assert not counts_deleted(index)
    assert among_live(index) == index


def test_an_index_is_known_by_its_name() -> None:
    assert index_name("CREATE UNIQUE INDEX IF NOT EXISTS `idx_a` ON `t` (`x`)") == "idx_a"
