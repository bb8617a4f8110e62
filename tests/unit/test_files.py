"""Which files of events a value names, and which of them a row's files are copies of."""

import re
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketbase_events.core.events import EMPTY, Fetched, Pending, Recorded, dump, record
from pocketbase_events.core.files import (
    File,
    copy_of,
    files_in,
    found,
    in_row,
    is_copy,
    original_of,
    same_files,
    with_files,
    without,
)
from pocketbase_events.core.fold import Fold, difference, row_fields
from pocketbase_events.core.schema import FieldDefinition, Target

names = st.text(string.ascii_letters + string.digits + "_- .äß日", max_size=160)
endings = st.text(string.ascii_lowercase + string.digits, min_size=10, max_size=10)
FIELDS = (
    FieldDefinition(name="one", type="file"),
    FieldDefinition(name="many", type="file", max_select=9),
    FieldDefinition(name="text", type="text"),
)
FAR = 123_456_789  # a seq that no name has in it by chance
TARGET = Target(collection="pics", version="1", fields=FIELDS)


def stored(name: str, ending: str) -> str:
    """The name that PocketBase gives a file, roughly: snake case, 100 characters, an ending."""
    stem, dot, rest = name.partition(".")
    snake = re.sub(r"(?<!^)([A-Z])", r"_\1", re.sub(r"[^A-Za-z0-9]+", "_", stem)).lower()
    snake = re.sub("_+", "_", snake).strip("_")
    kept = snake[:100] if len(snake) > 2 else f"{snake}{ending}"
    return f"{kept}_{ending}{dot}{re.sub('[^A-Za-z0-9.]', '', rest)[:20]}"


def in_batch(name: str, ending: str) -> str:
    return stored(stored(name, ending), ending[::-1])


def event(seq: int, data: Any, *files: str, type_: Any = "update") -> Recorded:
    hashes = [f"{seq}{number}".rjust(64, "0") for number in range(len(files))]
    return Recorded(f"event{seq:010d}", seq, "", "", type_, "pics", "a", data, "", "", files=files, file_hashes=hashes)


@given(names, endings, endings, st.integers(1, 10**12), st.integers(0, 9))
def test_a_copy_is_known_by_its_name_whatever_pocketbase_makes_of_it(
    name: str, ending: str, another: str, seq: int, number: int
) -> None:
    file = File(stored(name, ending), "e", number, seq=seq)
    for copy in (stored(copy_of(file).given, another), in_batch(copy_of(file).given, another)):
        assert is_copy(copy, file)
        assert not is_copy(copy, File(file, "e", number, seq=seq + 1))
        assert found(copy, [File(file, "e", (number + 1) % 10, seq=seq), file]) is file


@given(names, endings, endings)
def test_what_was_adopted_is_known_by_the_name_that_the_row_gave(name: str, ending: str, another: str) -> None:
    row = stored(name, ending)
    file = File(in_batch(original_of("pics", "a", row).given, another), "e", 0, seq=FAR)
    assert is_copy(row, file)
    assert not is_copy(stored(name, another), file) or another == ending


def test_a_name_from_before_a_rebuild_names_the_file_of_today() -> None:
    now = ["cat_12_0_aaaaaaaaaa_bbbbbbbbbb.png", "dog_12_1_cccccccccc.png"]
    assert in_row("cat_12_0_dddddddddd_eeeeeeeeee.png", now) == now[0]
    assert in_row(now[1], now) == now[1]
    assert in_row("cat_13_0_dddddddddd_eeeeeeeeee.png", now) is None
    assert in_row("cat.png", now) is None


def test_events_fold_into_files_and_rows_are_compared_with_them() -> None:
    fold = Fold({"pics": TARGET})
    fold.apply([
        event(1, {"one": 1, "many": [0, 2]}, "a_x.txt", "b_x.txt", "c_x.txt", type_="create"),
        event(2, {"many+": [0]}, "d_x.txt"),
        event(3, {"many-": ["a_x_1_0_qqqqqqqqqq_rrrrrrrrrr.txt"]}),
        event(4, {"one": 0}, "e_x.txt"),
    ])  # fmt: skip
    item = fold.rows["pics"]["a"]
    assert item.fields == {"one": "e_x.txt", "many": ["c_x.txt", "d_x.txt"]}
    row = {"id": "a", "one": "e_x_4_0_aaaaaaaaaa.txt", "many": ["c_x_1_2_aaaaaaaaaa.txt", "d_x_2_0_aaaaaaaaaa.txt"]}
    assert difference(TARGET, "a", item, row) is None
    swapped = difference(TARGET, "a", item, {**row, "many": row["many"][::-1]})
    assert swapped is not None
    assert list(swapped.fields) == ["many"]
    assert [copy_of(file).given for file in files_in(row_fields(TARGET, item)["many"])] == [
        "c_x_1_2.txt", "d_x_2_0.txt",
    ]  # fmt: skip


def test_of_equal_files_one_is_removed() -> None:
    files = [File("a_x.txt", "e", number, seq=1) for number in (0, 1)]
    assert without(files, ["a_x_1_1_aaaaaaaaaa.txt"]) == files[:1]
    assert same_files(files, ["a_x_1_0_aaaaaaaaaa.txt", "a_x_1_1_aaaaaaaaaa.txt"])
    assert not same_files(files, ["a_x_1_1_aaaaaaaaaa.txt", "a_x_1_0_aaaaaaaaaa.txt"])


@pytest.mark.parametrize("number", [3, -1, 0.5, True, "0", None])
def test_a_number_without_a_file_stays_as_it_is(number: Any) -> None:
    assert with_files(event(1, {"one": number}, "a.txt"), TARGET).data == {"one": number}


def test_the_hash_covers_the_hashes_of_the_files_and_not_their_names() -> None:
    pending = Pending("e", "create", "pics", "a", "", "", damaged=False, schema_version="", files=["a.txt"])
    hashes = ["00" * 32]
    recorded = record(
        Pending(**{**{f: getattr(pending, f) for f in pending.__slots__}, "fetched": Fetched(hashes)}),
        {"one": 0}, EMPTY, "id", "now",
    )  # fmt: skip
    assert recorded.hashed["files"] == hashes
    assert b'"files":["0000' in dump(recorded.hashed)
    assert b"a.txt" not in dump(recorded.hashed)
    assert "files" not in record(pending, {}, EMPTY, "id", "now").hashed
