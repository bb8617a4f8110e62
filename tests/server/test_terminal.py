"""What people see: on terminals wide and narrow, and in a pipe, whatever clients wrote."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import Server, eventually, item_id, start_copy
from support.checking import record_all
from support.command_line import cli
from support.terminal import on_terminal, without_colours

ODD = "\x1b[2J\x1b]0;title\x07 \x9b31m \u202e \u2028 \x7f end"
LONG = "a note of so many words that no terminal has room for all of them " * 12
COMMANDS = (
    ["rejected"], ["rejected", "--json"], ["history", "items", item_id(1)], ["history", "items", item_id(1), "--json"],
    ["show", "items"], ["show", "items", "--json"], ["check"], ["check", "--json"], ["status"], ["verify"],
    ["undo", "1", "2"], ["revert", "items", "--to", "1"], ["undo", "--together", ODD],
    ["history", "items", ODD], ["show", ODD], ["retry", ODD], ["check", ODD], ["attach", ODD], ["run", "--once"],
)  # fmt: skip


@pytest.fixture(scope="module")
def odd(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A log with every kind of text that a terminal would obey, in ids, values, names and rows."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("odd") / "pocketbase"):
        server.attach("items", lock=False)
        root = server.superuser()
        root.append("create", item_id(1), {"title": ODD, "note": LONG})
        record_all(server)
        root.append("update", item_id(1), {"note": ODD})
        root.append("update", item_id(1), {"qty": 2})
        root.append("create", item_id(2), {"title": "x"}, actor=ODD)
        root.append("update", ODD, {"title": ODD})
        root.append("update", item_id(9), {"title": "nothing"})
        root.append("create", item_id(3), {"title": "x"}, f"no{ODD}")
        record_all(server)
        root.append("update", f"{ODD}2", {"title": "rejected while it is logged"})
        assert root("PATCH", f"/api/collections/items/records/{item_id(1)}", json={"title": f"by hand {ODD}"}).ok
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: "-".join(arguments)[:30].encode("unicode_escape"))
def test_nothing_that_clients_wrote_is_obeyed_by_a_terminal(odd: Server, arguments: list[str]) -> None:
    written = without_colours(on_terminal(odd, *arguments, typed="n\n"))
    bad = {char for char in written if not char.isprintable() and char != "\n"}
    assert bad == set(), written
    assert "Traceback" not in written


@pytest.mark.parametrize("columns", [100, 60, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("arguments", [["rejected"], ["history", "items", item_id(1)], ["show", "items"], ["check"]])
def test_ids_and_times_are_whole_and_lines_fit(odd: Server, arguments: list[str], columns: int) -> None:
    written = without_colours(on_terminal(odd, *arguments, columns=columns, quietly=True))
    root = odd.superuser()
    ids = [event["id"] for event in root.records("events", filter='error != ""')] if "rejected" in arguments else []
    for whole in ids or ([item_id(1)] if "history" not in arguments else []):
        assert whole in written
    if arguments[0] in ("rejected", "history"):
        assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z", written)
    assert max(map(len, written.splitlines())) <= columns or "\\u" in written


@pytest.mark.parametrize("columns", [40, 80])
def test_what_an_undo_would_do_fits_and_is_asked(odd: Server, columns: int) -> None:
    written = without_colours(on_terminal(odd, "undo", "2", "3", columns=columns, typed="n\n"))
    assert item_id(1) in written
    assert "Append 2 events that do this? [y/N]:" in written
    preview = [line for line in written[: written.index("Append")].splitlines() if "reading" not in line]
    assert len(preview) > 6
    assert max(map(len, preview)) <= columns
    assert "Nothing was appended." in written


@pytest.mark.parametrize("arguments", [["rejected"], ["history", "items", item_id(1)], ["show", "items"], ["check"]])
def test_in_a_pipe_values_are_whole_and_there_is_no_colour(odd: Server, arguments: list[str]) -> None:
    written = cli(odd, *arguments, code=1 if "check" in arguments else 0, COLUMNS="40").stdout
    assert "\x1b" not in written
    assert "…" not in written
    assert "history" not in arguments or json.dumps(LONG) in written


@pytest.mark.slow
def test_long_values_are_cut_on_a_terminal_and_whole_in_full(odd: Server) -> None:
    command = ["history", "items", item_id(1)]
    words = LONG.split()
    assert "…" in on_terminal(odd, *command, quietly=True)
    assert "cut: --full shows them whole." in on_terminal(odd, *command)
    assert "are cut" not in on_terminal(odd, *command, "--full")
    assert without_colours(on_terminal(odd, *command, "--full", quietly=True)).count("terminal") == 2 * words.count(
        "terminal"
    )


def test_the_newest_event_comes_first_and_json_keeps_the_order_of_the_log(odd: Server) -> None:
    command = ["history", "items", item_id(1)]
    seqs = [event["seq"] for event in json.loads(cli(odd, *command, "--json").stdout)]
    assert seqs == sorted(seqs)
    told = [int(line.split()[0]) for line in cli(odd, *command).stdout.splitlines()[1:]]
    assert told == sorted(told, reverse=True)
    assert told[0] == seqs[-1]


@pytest.mark.parametrize("command", [["history", "items", item_id(1)], ["rejected"], ["show", "items"]])
def test_a_limit_leaves_the_others_out_and_says_how_many(odd: Server, command: list[str]) -> None:
    everything = json.loads(cli(odd, *command, "--json").stdout)
    done = cli(odd, *command, "--limit", "1")
    kept = json.loads(cli(odd, *command, "--limit", "1", "--json").stdout)
    assert kept == (everything[:1] if "show" in command else everything[-1:])
    assert f"… and {len(everything) - 1} " in done.stderr
    assert f"--limit {len(everything)} shows them" in done.stderr


def test_the_time_that_history_prints_shows_the_rows_after_that_event(odd: Server) -> None:
    line = next(line for line in cli(odd, "history", "items", item_id(1)).stdout.splitlines() if " qty " in line)
    printed = re.search(r"\d{4}\S+ \S+Z", line)
    assert printed is not None
    for at in (printed[0], printed[0][:19]):
        rows = json.loads(cli(odd, "show", "items", item_id(1), "--at", at, "--json").stdout)
        assert rows[0]["qty"] == 2


def test_a_sentence_breaks_between_words_on_a_terminal_and_not_at_all_in_a_pipe(odd: Server) -> None:
    sentence = "There is no collection nothere. Create it first, in the admin UI for example."
    written = without_colours(on_terminal(odd, "attach", "nothere", columns=40))
    assert written.splitlines() == [
        "Error: There is no collection nothere.",
        "Create it first, in the admin UI for",
        "example.",
    ]
    assert cli(odd, "attach", "nothere", code=2).stderr == f"Error: {sentence}\n"


# -- filters and order ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Ten items, and one with a long history."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("many") / "pocketbase"):
        values: list[Any] = [3, None, 1, 2, 10, 0, -1, 2.5, None, 7]
        for number, value in enumerate(values):
            data = {"title": f"t{number % 2}", "done": number % 3 == 0, **({} if value is None else {"qty": value})}
            server.guest().append("create", item_id(number), data)
        record_all(server)
        for start in range(0, 3000, 500):
            update = {"type": "update", "item_id": item_id(0)}
            server.guest().append_all(
                *({**update, "data": {"note": f"{number}"}} for number in range(start, start + 500))
            )
        record_all(server)
        yield server


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (["--filter", "title=t1"], [1, 3, 5, 7, 9]),
        (["--filter", "title=t0", "--filter", "done=true"], [0, 6]),
        (["--filter", "qty=2"], [3]),
        (["--filter", "qty=null"], [1, 8]),
        (["--filter", "qty=1"], [2]),
        (["--filter", f"id={item_id(4)}"], [4]),
        (["--filter", "title=none"], []),
        (["--sort", "qty"], [1, 8, 6, 5, 2, 3, 7, 0, 9, 4]),
        (["--sort", "-qty", "--limit", "3"], [4, 9, 0]),
    ],
)
def test_rows_can_be_filtered_and_ordered(many: Server, options: list[str], numbers: list[int]) -> None:
    rows = json.loads(cli(many, "show", "items", *options, "--json").stdout)
    assert [row["id"] for row in rows] == [item_id(number) for number in numbers]


@pytest.mark.parametrize("options", [["--filter", "nofield=1"], ["--sort", "nofield"], ["--filter", "title"]])
def test_a_filter_or_an_order_that_can_not_be_is_told(many: Server, options: list[str]) -> None:
    assert re.search(
        r"No row has the field nofield|takes FIELD=VALUE", cli(many, "show", "items", *options, code=2).stderr
    )


@pytest.mark.slow
def test_a_terminal_is_not_flooded(many: Server) -> None:
    written = without_colours(on_terminal(many, "history", "items", item_id(0)))
    assert 50 < len(written.splitlines()) < 70
    assert "older events: --limit 3001 shows them" in written


@pytest.mark.slow
def test_a_long_table_takes_about_as_long_as_json(many: Server) -> None:
    def seconds(*options: str) -> float:
        started = time.monotonic()
        assert cli(many, "history", "items", item_id(0), *options).stdout
        return time.monotonic() - started

    # Again, if something else kept the machine busy meanwhile.
    eventually(lambda: seconds() < 3 * seconds("--json"), "a table in at most three times the time")
