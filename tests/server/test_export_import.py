"""A log as a file: written whole, read back as it was recorded, or refused with a sentence."""

import json
import random
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support import (
    SUPERUSER,
    WORKER,
    Server,
    check_log,
    command,
    create,
    eventually,
    fill_log,
    item_id,
    live_rows,
    run_command,
    start_copy,
)
from typer.testing import CliRunner, Result

from pocketbase_events.cli import app
from pocketbase_events.core.json_text import MAX_DEPTH
from pocketbase_events.core.transaction import HEAD_ID

VECTORS = Path(__file__).parents[1] / "vectors" / "chain.jsonl"
SECRETS = (SUPERUSER[1], WORKER[1])
NEVER = threading.Event()
NAMES = ("title", "qty", "done", "note", "deleted")
KEYS = ["actor", "collection", "data", "event_id", "item_id", "seq", "timestamp", "type", "hash"]
COUNT = 30  # events in the recorded log
LONG = 3000  # in the long one


def cli(server: Server, *arguments: str, code: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
    done = run_command(*arguments, env={**server.environment, **env})
    assert done.returncode == code, done.stdout + done.stderr
    assert_civil(done.stdout + done.stderr)
    return done


def here(server: Server, *arguments: str, code: int = 0) -> Result:
    """The same in this process, which is faster."""
    done = CliRunner().invoke(app, list(arguments), env=server.environment)
    assert done.exit_code == code, (done.output, done.exception)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert_civil(done.output)
    return done


def assert_civil(told: str) -> None:
    assert "Traceback" not in told
    assert "This is a bug" not in told
    assert not any(secret in told for secret in SECRETS)


def events_of(server: Server) -> list[tuple[Any, ...]]:
    """Every event as the database has it, recorded or not."""
    with closing(server.database()) as database:
        return database.execute(
            "SELECT seq, event_id, timestamp, type, collection, item_id, data, actor, hash, error FROM events"
            " ORDER BY seq, rowid"
        ).fetchall()


def head_of(server: Server) -> tuple[int, str]:
    with closing(server.database()) as database:
        seq, head_hash = database.execute("SELECT seq, hash FROM event_head").fetchone()
    return int(seq), str(head_hash)


def seq_of(server: Server) -> int:
    return head_of(server)[0]


def is_held(server: Server) -> bool:
    with closing(server.database()) as database:
        return bool(database.execute("SELECT hold_by FROM event_head").fetchone()[0])


def let_go(server: Server) -> None:
    """End the hold of an import that was killed, which would end by itself some seconds later."""
    path = f"/api/collections/event_head/records/{HEAD_ID}"
    assert server.superuser()("PATCH", path, json={"hold_until": "", "hold_by": ""}).ok


def assert_sound(server: Server) -> None:
    here(server, "verify")
    here(server, "check")


@pytest.fixture(scope="module")
def recorded_template(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stopped PocketBase with thirty recorded events about ten items, by a guest and a user."""
    folder = tmp_path_factory.mktemp("recorded") / "pocketbase"
    for server in start_copy(installed_template, folder):
        guest, ann = server.guest(), server.user("ann")
        guest.append_all(*(create(number) for number in range(10)))
        server.worker().run_to_end(NEVER)
        for number in range(4):
            ann.append(
                "update", item_id(number), {"qty": (-0.5, 1e21, 5e-324, 9007199254740991)[number]}, actor=ann.user_id
            )
            guest.append("update", item_id(number), {"note": 'Œufs 😀 \u2028 "frais"\n\x00\x7f'})
            guest.append("update", item_id(number), {"done": True})
        server.worker().run_to_end(NEVER)
        for number in range(4):
            guest.append("update", item_id(number + 4), {"note": None})
            guest.append("delete", item_id(number), {} if number % 2 else None)
        server.worker().run_to_end(NEVER)
        assert check_log(server).seq == COUNT
    return folder


@pytest.fixture
def recorded(recorded_template: Path, tmp_path: Path) -> Iterator[Server]:
    """That PocketBase, running."""
    yield from start_copy(recorded_template, tmp_path / "recorded")


@pytest.fixture
def another(installed_template: Path, tmp_path: Path) -> Iterator[Server]:
    """A second PocketBase with an empty log."""
    yield from start_copy(installed_template, tmp_path / "another")


@pytest.fixture(scope="module")
def exported(recorded_template: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What `export` writes of it."""
    folder = tmp_path_factory.mktemp("exported")
    for server in start_copy(recorded_template, folder / "pocketbase"):
        cli(server, "export", str(folder / "log.jsonl"))
    return (folder / "log.jsonl").read_bytes()


@pytest.fixture
def file(exported: bytes, tmp_path: Path) -> Path:
    """A file with it."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(exported)
    return path


@pytest.fixture(scope="module")
def long_log(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of a stopped PocketBase with a long log, and an export of it."""
    folder = tmp_path_factory.mktemp("long")
    shutil.copytree(installed_template, folder / "pocketbase")
    server = Server(folder / "pocketbase")
    fill_log(server, LONG)
    server.start()
    try:
        cli(server, "export", str(folder / "log.jsonl"))
    finally:
        server.close()
    return folder / "pocketbase", folder / "log.jsonl"


# -- export ----------------------------------------------------------------------------------------------------


def test_an_export_has_an_event_a_line_in_the_form_of_the_vectors(recorded: Server, exported: bytes) -> None:
    for text in (exported.decode("ascii"), VECTORS.read_text("ascii")):
        assert text.endswith("}\n")
        for line in text.splitlines():
            event = json.loads(line)
            assert list(event) == KEYS
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
        out, error = map(bytes, process.communicate(timeout=30))
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
def test_where_an_export_can_not_be_written_a_sentence_says_so(recorded: Server, tmp_path: Path, where: str) -> None:
    (tmp_path / "out" / "folder").mkdir(parents=True)
    (tmp_path / "out" / "file").write_text("x")
    told = cli(recorded, "export", str(tmp_path / "out" / where), code=2)
    assert f"{where} can't be written" in told.stderr
    assert {path.name for path in (tmp_path / "out").rglob("*")} == {"folder", "file"}


def test_an_empty_log_is_an_empty_file(server: Server, tmp_path: Path) -> None:
    assert "Exported 0 events" in cli(server, "export", str(tmp_path / "log.jsonl")).stderr
    assert (tmp_path / "log.jsonl").read_bytes() == b""


def test_a_reader_that_leaves_early_is_no_trouble(long_log: tuple[Path, Path], tmp_path: Path) -> None:
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


# -- round trips -----------------------------------------------------------------------------------------------


def test_an_imported_log_is_the_exported_one(recorded: Server, server: Server, file: Path, exported: bytes) -> None:
    told = cli(server, "import", str(file))
    head = check_log(server)
    assert head == check_log(recorded)
    assert told.stdout == f"Imported {COUNT} events and built 10 rows; the log ends with the hash {head.hash}.\n"
    assert told.stderr == ""
    assert events_of(server) == events_of(recorded)
    assert live_rows(server, NAMES) == live_rows(recorded, NAMES)
    cli(server, "verify")
    cli(server, "check")
    assert not is_held(server)
    cli(server, "export", str(file))
    assert file.read_bytes() == exported


def test_an_import_tells_what_it_did_as_json(server: Server, file: Path) -> None:
    told = json.loads(here(server, "import", str(file), "--json").stdout)
    seq, head_hash = head_of(server)
    assert told == {"events": COUNT, "head": {"seq": seq, "hash": head_hash}}
    again = json.loads(here(server, "import", str(file), "--json").stdout)
    assert again == {"events": 0, "head": {"seq": seq, "hash": head_hash}}
    assert len(events_of(server)) == COUNT


def test_an_import_goes_on_after_an_export_that_ended_earlier(
    server: Server, recorded: Server, file: Path, exported: bytes
) -> None:
    file.write_bytes(b"".join(exported.splitlines(keepends=True)[:17]))
    here(server, "import", str(file))
    assert check_log(server).seq == 17
    file.write_bytes(exported)
    assert "Imported 13 events" in here(server, "import", str(file)).stdout
    assert events_of(server) == events_of(recorded)
    assert live_rows(server, NAMES) == live_rows(recorded, NAMES)


def test_recording_goes_on_after_an_import(server: Server, file: Path) -> None:
    server.guest().append("create", item_id(50), {"title": "before"})
    here(server, "import", str(file))
    server.guest().append("update", item_id(9), {"note": "after"})
    server.worker().run_to_end(NEVER)
    assert check_log(server, retried=True).seq == COUNT + 2
    assert live_rows(server, ("title",))[item_id(50)] == {"title": "before"}
    assert_sound(server)


def test_the_vectors_become_rows(server: Server, tmp_path: Path) -> None:
    text, json_ = {"type": "text"}, {"type": "json"}
    server.create_collection(
        "shopping_items",
        [{"name": "title", **text}, {"name": "qty", "type": "number"}, {"name": "done", "type": "bool"}],
    )
    server.create_collection("notes", [{"name": "body", **text}, {"name": "tags", **json_}, {"name": "meta", **json_}])
    server.attach("shopping_items")
    server.attach("notes")
    assert cli(server, "import", str(VECTORS)).stderr == ""
    assert live_rows(server, ("title", "qty", "done", "deleted"), "shopping_items") == {
        "milk00000000001": {"title": "Milk", "qty": 3.5, "done": False, "deleted": True},
        "eggs00000000001": {
            "title": 'Œufs \u2028 "frais" \\ \x00 \x7f',
            "qty": 0,
            "done": False,
            "deleted": False,
        },
    }
    vectors = [json.loads(line) for line in VECTORS.read_text().splitlines()]
    assert live_rows(server, ("body", "tags", "meta", "deleted"), "notes") == {
        "note00000000001": {
            "body": "",
            "tags": ["b", "a", "b"],
            "meta": vectors[6]["data"]["meta"],
            "deleted": True,
        }
    }
    assert_sound(server)
    here(server, "export", str(tmp_path / "again.jsonl"))
    assert [json.loads(line) for line in (tmp_path / "again.jsonl").read_text().splitlines()] == vectors


def test_the_most_deeply_nested_data_that_is_recorded_is_imported_too(
    server: Server, another: Server, tmp_path: Path
) -> None:
    deepest: Any = []
    for _ in range(MAX_DEPTH - 2):  # the object around it is a level, too
        deepest = [deepest]
    for each in (server, another):
        each.create_collection("notes", [{"name": "meta", "type": "json"}])
        each.attach("notes")
    server.guest().append("create", "note00000000001", {"meta": deepest}, collection="notes")
    server.worker().run_to_end(NEVER)
    assert check_log(server).seq == 1
    here(server, "export", str(tmp_path / "log.jsonl"))
    here(another, "verify", "--file", str(tmp_path / "log.jsonl"))
    here(another, "import", str(tmp_path / "log.jsonl"))
    assert check_log(another) == check_log(server)


def test_a_log_comes_through_a_pipe_or_is_refused(server: Server, file: Path) -> None:
    with command("import", "/dev/stdin", env=server.environment, stdin=subprocess.PIPE) as process:
        out, error = process.communicate(file.read_text(), timeout=30)
    assert_civil(out + error)
    assert (process.returncode, seq_of(server)) in ((0, COUNT), (2, 0)), out + error


def test_an_import_makes_its_transactions_as_small_as_the_limits_want_them(server: Server, file: Path) -> None:
    assert server.superuser()("PATCH", "/api/settings", json={"batch": {"maxRequests": 9}}).ok
    here(server, "import", str(file))
    assert check_log(server).seq == COUNT
    assert_sound(server)


def test_rows_of_a_collection_that_is_not_attached_are_built_later(server: Server) -> None:
    told = cli(server, "import", str(VECTORS)).stderr
    for name in ("notes", "shopping_items"):
        assert f"{name} is not attached here" in told
        assert f"pocketbase-events rebuild {name}" in told
    assert check_log(server).seq == 11
    here(server, "verify")
    fields = [{"name": "title", "type": "text"}, {"name": "qty", "type": "number"}, {"name": "done", "type": "bool"}]
    server.create_collection("shopping_items", fields)
    here(server, "attach", "shopping_items")
    here(server, "rebuild", "shopping_items")
    assert live_rows(server, ("qty",), "shopping_items") == {
        "milk00000000001": {"qty": 3.5},
        "eggs00000000001": {"qty": 0},
    }
    here(server, "check")


# -- what is refused -------------------------------------------------------------------------------------------


def replaced(before: bytes, after: bytes) -> Callable[[list[bytes]], list[bytes]]:
    """One byte of line 20 is another."""

    def edit(lines: list[bytes]) -> list[bytes]:
        edited = lines[19].replace(before, after, 1)
        assert edited != lines[19]
        return [*lines[:19], edited, *lines[20:]]

    return edit


BROKEN: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "a byte of data": (replaced(b'"data": {"', b'"data": {"x'), "seq 20: changed"),
    "a byte of a hash": (lambda lines: [*lines[:19], lines[19][:-4] + b'x"}\n', *lines[20:]], "seq 20: its hash"),
    "a byte of a key": (replaced(b'"actor"', b'"akt0r"'), "line 20 is no event"),
    "a byte that is no UTF-8": (replaced(b"item", b"ite\xff"), "line 20 is no event: it is no UTF-8"),
    "a quote": (replaced(b'"', b"'"), "line 20 is no event"),
    "a seq that is a text": (replaced(b'"seq": 20', b'"seq": "20"'), "line 20 is no event"),
    "a seq that is true": (
        lambda lines: [lines[0].replace(b'"seq": 1,', b'"seq": true,'), *lines[1:]],
        "line 1 is no event",
    ),
    "a type of another kind": (replaced(b'"type": "update"', b'"type": "upsert"'), "line 20 is no event"),
    "a key twice": (replaced(b'{"actor"', b'{"actor": "", "actor"'), "line 20 is no event"),
    "last line cut": (lambda lines: [*lines[:-1], lines[-1][:100]], "line 30 is no event: it is cut off"),
    "a line cut": (lambda lines: [*lines[:19], lines[19][:100] + b"\n", *lines[20:]], "line 20 is no event"),
    "a line removed": (lambda lines: [*lines[:19], *lines[20:]], "seq 20: gap"),
    "two lines swapped": (lambda lines: [*lines[:19], lines[20], lines[19], *lines[21:]], "seq 20: gap"),
    "a line twice": (lambda lines: [*lines[:20], *lines[19:]], "seq 20: duplicate"),
    "the beginning removed": (lambda lines: lines[1:], "seq 1: gap"),
    "another file": (lambda _: [b"# Shopping\n", b"\n", b"- Milk\n"], "line 1 is no event"),
    "one document": (lambda lines: [b"[", b",".join(lines), b"]"], "line 1 is no event"),
    "garbage": (lambda _: [random.Random(1).randbytes(10_000)], "line 1 is no event"),
}


def assert_nothing_was_written(server: Server) -> None:
    assert events_of(server) == []
    assert head_of(server) == (0, "")
    assert not is_held(server)
    assert live_rows(server, NAMES) == {}


@pytest.mark.parametrize("way", BROKEN)
def test_a_broken_file_is_refused_and_nothing_is_written(server: Server, file: Path, exported: bytes, way: str) -> None:
    breaks, says = BROKEN[way]
    file.write_bytes(b"".join(breaks(exported.splitlines(keepends=True))))
    told = here(server, "import", str(file), code=1).stderr
    assert "is damaged; nothing was imported" in told
    assert says in told
    assert len(told) < 5000
    assert_nothing_was_written(server)


def test_a_verdict_on_a_broken_file_is_json_where_asked_for(server: Server, file: Path, exported: bytes) -> None:
    file.write_bytes(exported[:-100])
    told = json.loads(here(server, "import", str(file), "--json", code=1).stdout)
    assert told.keys() == {"ok", "events", "head", "problems"}
    assert [problem["seq"] for problem in told["problems"]] == [COUNT]
    assert told == json.loads(here(server, "verify", "--file", str(file), "--json", code=1).stdout)


@pytest.mark.parametrize("content", [b"", b"\n\n  \n", None])
def test_a_file_without_events_is_refused(server: Server, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "log.jsonl"
    if content is not None:
        file.write_bytes(content)
    told = cli(server, "import", str(file), code=2).stderr
    assert str(file) in told
    assert_nothing_was_written(server)


def test_a_folder_is_refused(server: Server, tmp_path: Path) -> None:
    assert str(tmp_path) in cli(server, "import", str(tmp_path), code=2).stderr
    assert_nothing_was_written(server)


def test_without_a_superuser_nothing_is_imported(server: Server, file: Path) -> None:
    told = cli(server, "import", str(file), code=2, POCKETBASE_SUPERUSER_PASSWORD="").stderr
    assert "POCKETBASE_SUPERUSER_PASSWORD" in told
    assert_nothing_was_written(server)


def test_a_log_that_has_events_is_not_imported_into(server: Server, file: Path) -> None:
    server.guest().append("create", item_id(1), {"title": "x"})
    server.worker().run_to_end(NEVER)
    before, head = events_of(server), head_of(server)
    told = cli(server, "import", str(file), code=1).stderr
    assert "has events already" in told
    assert "Nothing was changed" in told
    assert (events_of(server), head_of(server)) == (before, head)
    assert not is_held(server)
    assert live_rows(server, ("title",)) == {item_id(1): {"title": "x"}}


def test_an_export_that_ends_before_the_log_is_not_imported(recorded: Server, file: Path, exported: bytes) -> None:
    file.write_bytes(b"".join(exported.splitlines(keepends=True)[:20]))
    before = events_of(recorded)
    assert "has events already" in cli(recorded, "import", str(file), code=1).stderr
    assert events_of(recorded) == before


# -- interrupted, and beside others ----------------------------------------------------------------------------


def test_an_import_that_is_killed_again_and_again_can_be_repeated(server: Server, long_log: tuple[Path, Path]) -> None:
    chance, file, seqs = random.Random(5), str(long_log[1]), [0]
    for turn in range(7):
        with command("import", file, env=server.environment) as process:
            try:
                process.wait(chance.uniform(0.25, 1.0))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            process.wait(20)
        if turn < 6:  # the last one's hold ends by itself
            let_go(server)
        seqs.append(seq_of(server))
        here(server, "verify")
    assert seqs == sorted(seqs)
    cli(server, "import", file)
    assert check_log(server).seq == LONG
    assert len(events_of(server)) == LONG
    cli(server, "verify")
    cli(server, "check")
    again = here(server, "export").stdout
    assert [json.loads(line) for line in again.splitlines()] == [
        json.loads(line) for line in long_log[1].read_text().splitlines()
    ]


def test_a_worker_and_clients_beside_an_import_come_after_it(
    server: Server, long_log: tuple[Path, Path], file: Path
) -> None:
    guest, loaded = server.guest(), LONG // 3
    file.write_bytes(b"".join(long_log[1].read_bytes().splitlines(keepends=True)[:loaded]))
    worker_only = {**server.environment, "POCKETBASE_SUPERUSER_PASSWORD": ""}
    with (
        command("run", env=worker_only, stderr=subprocess.DEVNULL) as worker,
        command("import", str(file), env=server.environment) as process,
    ):
        eventually(lambda: is_held(server), "the import's hold")
        count = 0
        while process.poll() is None:
            guest.append("create", f"mine{count:011d}", {"title": "beside"})
            count += 1
            NEVER.wait(0.02)
        assert process.returncode == 0, process.communicate()
        eventually(lambda: seq_of(server) == loaded + count, "the record of what was appended")
        assert worker.poll() is None
    assert count > 5
    assert check_log(server, retried=True).seq == loaded + count
    mine = [row[0] for row in events_of(server) if row[5].startswith("mine")]
    assert mine == list(range(loaded + 1, loaded + count + 1))
    assert_sound(server)


def test_what_would_keep_rows_from_being_built_is_told_before_anything_is_imported(server: Server, file: Path) -> None:
    assert server.superuser()("PATCH", "/api/collections/items", json={"name": "things"}).ok
    assert "items is attached, but there is no collection" in cli(server, "import", str(file), code=1).stderr
    assert events_of(server) == []
    assert seq_of(server) == 0
    assert not is_held(server)
