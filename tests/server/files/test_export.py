"""A log as a file, written whole."""

import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from support import DEADLINE, Server, check_log, command, head_of, start_copy
from support.command_line import cli
from support.exports import COUNT, KEYS, VECTORS, events_of


def test_an_export_has_an_event_a_line_in_the_form_of_the_vectors(recorded: Server, exported: bytes) -> None:
    for text, keys in ((exported.decode("ascii"), [*KEYS, "id"]), (VECTORS.read_text("ascii"), KEYS)):
        assert text.endswith("}\n")
        for line in text.splitlines():
            event = json.loads(line)
            assert list(event) == keys
            assert line == json.dumps(event)
    events = [json.loads(line) for line in exported.splitlines()]
    assert [event["seq"] for event in events] == list(range(1, COUNT + 1))
    names = ("seq", "event_id", "timestamp", "type", "collection", "item_id", "actor", "hash")
    in_database = [(*row[:6], row[7], row[8]) for row in events_of(recorded)]
    assert [tuple(event[name] for name in names) for event in events] == in_database
    assert [event["data"] for event in events] == [json.loads(row[6] or "null") for row in events_of(recorded)]


def test_a_file_and_standard_output_get_the_same_bytes(recorded: Server, exported: bytes, tmp_path: Path) -> None:
    head = check_log(recorded)
    told = cli(recorded, "export", str(tmp_path / "log.jsonl"))
    assert told.stdout == ""
    assert f"Exported {COUNT} events" in told.stderr
    assert head.hash in told.stderr
    assert (tmp_path / "log.jsonl").read_bytes() == exported
    with command("export", env=recorded.environment, text=False) as process:
        out, error = map(bytes, process.communicate(timeout=DEADLINE))
    assert process.returncode == 0
    assert out == exported
    assert head.hash.encode() in error


def test_an_export_over_a_file_replaces_it_and_leaves_nothing_beside_it(
    recorded: Server, exported: bytes, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "log.jsonl").write_text("an older one, longer by far" * 1000)
    cli(recorded, "export", str(tmp_path / "out" / "log.jsonl"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["log.jsonl"]
    assert (tmp_path / "out" / "log.jsonl").read_bytes() == exported


def test_an_export_that_fails_leaves_the_file_as_it_was(recorded: Server, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "log.jsonl").write_text("an older one")
    recorded.stop()
    assert "can't be reached" in cli(recorded, "export", str(tmp_path / "out" / "log.jsonl"), code=3).stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["log.jsonl"]
    assert (tmp_path / "out" / "log.jsonl").read_text() == "an older one"


@pytest.mark.parametrize("where", ["nowhere/log.jsonl", "folder", "file/log.jsonl"])
def test_if_an_export_cannot_be_written_a_sentence_says_so(recorded: Server, tmp_path: Path, where: str) -> None:
    (tmp_path / "out" / "folder").mkdir(parents=True)
    (tmp_path / "out" / "file").write_text("x")
    told = cli(recorded, "export", str(tmp_path / "out" / where), code=2)
    assert f"{where} can't be written" in told.stderr
    assert {path.name for path in (tmp_path / "out").rglob("*")} == {"folder", "file"}


def test_an_empty_log_is_an_empty_file(server: Server, tmp_path: Path) -> None:
    assert "Exported 0 events" in cli(server, "export", str(tmp_path / "log.jsonl")).stderr
    assert (tmp_path / "log.jsonl").read_bytes() == b""


def test_a_reader_that_leaves_early_causes_no_trouble(long_log: tuple[Path, Path], tmp_path: Path) -> None:
    for server in start_copy(long_log[0], tmp_path / "pocketbase"):
        with command("export", env=server.environment) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            first = process.stdout.readline()
            process.stdout.close()
            told = process.stderr.read()
            process.wait(20)
    assert json.loads(first)["seq"] == 1
    assert told == ""


def test_a_log_that_was_tampered_with_is_exported_as_it_is_and_not_imported(
    recorded_template: Path, server: Server, tmp_path: Path
) -> None:
    shutil.copytree(recorded_template, tmp_path / "tampered")
    tampered = Server(tmp_path / "tampered")
    with closing(tampered.database()) as database, database:
        database.execute("DROP TRIGGER pbe_events_update")
        database.execute("""UPDATE events SET data = '{"qty": 7}' WHERE seq = 12""")
    tampered.start()
    try:
        told = cli(tampered, "export", str(tmp_path / "log.jsonl"), code=1).stderr
    finally:
        tampered.close()
    assert "seq 12: changed" in told
    assert "will refuse it" in told
    events = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert len(events) == COUNT
    assert events[11]["data"] == {"qty": 7}
    assert "seq 12: changed" in cli(server, "import", str(tmp_path / "log.jsonl"), code=1).stderr
    assert head_of(server) == (0, "")
