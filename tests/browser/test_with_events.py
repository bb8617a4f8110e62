"""The npm package: what an app does with the SDK, with and without withEvents."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Server, check_log, command, eventually, head_of, item_id, run_command, start_copy
from support.todos import SIGNED_IN, make_todos
from windows import ANN, JAVASCRIPT, PACKAGE, run_script

pytestmark = pytest.mark.usefixtures("javascript_packages")


@pytest.fixture(scope="module")
def todo_app(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase with the collections of a todo app, the users Ann and Ben, and a worker."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("todos") / "pocketbase"):
        server.user("ann")
        server.user("ben")
        make_todos(server)
        with command("run", env=server.environment):
            yield server


def test_an_app_gets_back_the_same_with_events_and_without(todo_app: Server) -> None:
    assert json.loads(run_script(todo_app, "compare.mjs")) == []


@pytest.mark.slow
def test_events_say_what_plain_writes_can_not(todo_app: Server) -> None:
    run_script(todo_app, "events.mjs")
    check_log(todo_app)


def test_the_past_is_read_and_taken_back(todo_app: Server) -> None:
    run_script(todo_app, "history.mjs")
    check_log(todo_app)


def test_a_collection_that_is_detached_while_it_is_in_use_says_so(todo_app: Server) -> None:
    todo_app.create_collection("briefs", [{"name": "title", "type": "text"}], listRule=SIGNED_IN, viewRule=SIGNED_IN)
    todo_app.attach("briefs", allow=SIGNED_IN)
    started = ["node", str(JAVASCRIPT / "detached.mjs")]
    environment = {**os.environ, **ANN, "PB_URL": todo_app.url}
    with subprocess.Popen(started, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdin is not None
        assert node.stdout is not None
        assert node.stdout.readline() == "x\n"
        todo_app.detach("briefs")
        node.stdin.write("again\n")
        node.stdin.flush()
        assert "briefs is not attached to the event log, or not any more." in node.stdout.readline()


def test_a_renamed_field_has_its_new_name_in_the_past(todo_app: Server) -> None:
    todo_app.create_collection("papers", [{"name": "body", "type": "text"}], listRule=SIGNED_IN, viewRule=SIGNED_IN)
    todo_app.attach("papers", allow=SIGNED_IN)
    ann = todo_app.client("users", *ANN.values())
    for type_, body in (("create", "Hello"), ("update", "Hello again")):
        ann.append(type_, item_id(1), {"body": body}, "papers", actor=ann.user_id)
    eventually(lambda: ann.records("papers", filter='body = "Hello again"'), "the row")
    todo_app.edit_fields("papers", lambda fields: fields[1].update(name="text"))
    root = todo_app.superuser()
    [target] = root.records("event_targets", filter='collection = "papers"')
    renamed = {"renamed": [["body", "text", head_of(todo_app)[0]]]}
    assert root("PATCH", f"/api/collections/event_targets/records/{target['id']}", json=renamed).status_code == 200
    changes, before, now = json.loads(run_script(todo_app, "renamed.mjs", item_id(1)))
    assert changes == [{"text": [None, "Hello"]}, {"text": ["Hello", "Hello again"]}]
    assert (before, now) == ("Hello again", "Hello")


@pytest.mark.slow
def test_a_thousand_increments_from_four_windows_lose_nothing(todo_app: Server) -> None:
    run_script(todo_app, "counter.mjs")


@pytest.mark.slow
def test_a_restore_is_heard_of_as_a_create_among_more_deleted_rows_than_one_page_holds(todo_app: Server) -> None:
    assert run_script(todo_app, "restores.mjs").strip() == "create"


def test_realtime_that_is_slow_to_connect_tells_of_what_is_written_then(todo_app: Server) -> None:
    assert int(run_script(todo_app, "late_realtime.mjs")) < 50, "each of fifty updates had to look"


@pytest.mark.slow
def test_an_update_of_one_field_takes_little_more_than_appending_its_event(todo_app: Server) -> None:
    assert float(run_script(todo_app, "speed.mjs")) < 1.4, "in units of appending the event and reading the row"


@pytest.mark.slow
def test_an_app_passes_the_strict_type_checker() -> None:
    tsc = JAVASCRIPT / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run(["node", str(tsc), "-p", str(JAVASCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_npm_package_holds_its_files_and_nothing_else() -> None:
    packed = subprocess.check_output(["npm", "pack", "--dry-run", "--json"], cwd=PACKAGE, text=True)
    names = {file["path"] for file in json.loads(packed)[0]["files"]}
    assert names == {path.name for path in PACKAGE.iterdir() if path.is_file()}


def test_the_package_does_not_grow() -> None:
    def code(text: str) -> str:
        lines = re.sub(r"/\*\*.*?\*/", "", text, flags=re.DOTALL).splitlines()
        return "\n".join(filter(None, (re.sub(r"(^|\s)\s*// .*", "", line).rstrip() for line in lines)))

    size = sum(len(code(path.read_text())) for path in PACKAGE.glob("*.js"))
    assert size < 57_500, "docs/javascript.md says how large it is"


def test_npm_installs_the_package_from_a_checkout(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"private": true, "type": "module"}')
    npm = ["npm", "install", "--install-links", "--legacy-peer-deps", "--offline", "--no-audit", "--no-fund"]
    subprocess.run([*npm, str(PACKAGE)], cwd=tmp_path, capture_output=True, check=True)
    imported = "import('pocketbase-events').then((found) => console.log(Object.keys(found).join()))"
    printed = subprocess.check_output(["node", "-e", imported], cwd=tmp_path, text=True)
    assert printed.strip() == "appendEvent,liveRows,newId,withEvents"


def test_the_command_line_writes_the_package_into_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "public" / "pocketbase-events"
    for _ in range(2):
        done = run_command("javascript", str(folder), env={**os.environ})
        assert done.returncode == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in PACKAGE.iterdir() if path.is_file()
    }
    (tmp_path / "file").touch()
    assert run_command("javascript", str(tmp_path / "file"), env={**os.environ}).returncode == 2
