"""`serve`: one command, and a person can append an event and see a row."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from support import DEADLINE, Server, command, eventually, free_port, run_command

from pocketbase_events.jobs.serve import DEMO, SHOPPING, fill_demo, install_demo

ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("POCKETBASE_")}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


class Serving:
    """`serve` as a process; `welcome` is what it printed."""

    def __init__(self, stack: ExitStack, folder: Path, port: int, *more: str, **env: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        arguments = ("serve", "--http", f"127.0.0.1:{port}", "--dir", str(folder), *more)
        self.errors = folder.parent / f"stderr-{time.monotonic_ns()}"
        file = stack.enter_context(self.errors.open("w"))
        self.process = stack.enter_context(command(*arguments, env={**ENVIRONMENT, **env}, stderr=file))
        self.welcome = ""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.welcome += line
            if "Ctrl-C" in line:
                break
        assert "Ctrl-C" in self.welcome, self.errors.read_text()

    def pocketbase(self) -> int:
        """The process id of the PocketBase beside it."""
        found = subprocess.run(
            ["ps", "-ewwo", "pid,args"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        port = self.url.rsplit(":", 1)[1]
        started = [line.split() for line in found if f"127.0.0.1:{port}" in line and "--automigrate" in line]
        return next(int(pid) for pid, program, *_ in started if not program.endswith("/sh"))  # the leash is a shell

    def get(self, path: str) -> list[dict[str, object]]:
        return list(requests.get(self.url + path, timeout=DEADLINE).json()["items"])

    def recorded(self) -> list[dict[str, object]]:
        return self.get("/api/collections/events/records?filter=seq>0&sort=seq&perPage=100")

    def titles(self) -> list[object]:
        return [row["title"] for row in self.get("/api/collections/shopping_items/records")]


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except (ProcessLookupError, FileNotFoundError):  # it may go between the two
        return True


def test_the_lines_that_it_prints_append_an_event_and_show_its_row(stack: ExitStack, tmp_path: Path) -> None:
    metrics = f"127.0.0.1:{free_port()}"
    serving = Serving(stack, tmp_path / "data", free_port(), "--metrics", metrics)
    lines = re.findall(r"^  (curl .*)$", serving.welcome, re.MULTILINE)
    assert len(lines) == 3
    subprocess.run(["sh", "-c", lines[0]], check=True, capture_output=True)

    def shown(line: str) -> list[dict[str, object]]:
        done = subprocess.run(["sh", "-c", line], check=True, capture_output=True, text=True)
        return list(json.loads(done.stdout)["items"])

    eventually(lambda: "Milk" in [row["title"] for row in shown(lines[1])], "the row")
    assert [event["seq"] for event in shown(lines[2]) if event["item_id"] == "milk00000000001"] == [len(DEMO) + 1]

    def monitored(path: str) -> str:
        return requests.get(f"http://{metrics}/{path}", timeout=DEADLINE).text

    eventually(lambda: monitored("health") == "The worker records.\n", "the worker's health")
    eventually(lambda: f"head_seq {len(DEMO) + 1:.1f}" in monitored("metrics"), "the news of the record")


def test_the_demo_begins_with_a_few_items_and_their_history_in_the_admin_ui(stack: ExitStack, tmp_path: Path) -> None:
    serving = Serving(stack, tmp_path / "data", free_port())
    eventually(lambda: len(serving.recorded()) == len(DEMO), "the demo's history")
    rows = {row["title"]: row for row in serving.get("/api/collections/shopping_items/records")}
    assert (rows["Bread"]["note"], rows["Apples"]["qty"], rows["Candles"]["deleted"]) == ("rye, not wheat", 12, True)
    assert {event["actor"] for event in serving.recorded()} != {""}, "the superuser's"
    assert "pocketbase-events" in requests.get(serving.url + "/_/extensions.js", timeout=DEADLINE).text
    assert "History" in serving.welcome


@pytest.mark.slow
def test_the_printed_credentials_open_the_admin_ui(stack: ExitStack, tmp_path: Path) -> None:
    serving = Serving(stack, tmp_path / "data", free_port())
    email = re.search(r"log in +(\S+)", serving.welcome)
    password = re.search(r"password +(\S+)", serving.welcome)
    assert email is not None
    assert password is not None
    answer = requests.post(
        serving.url + "/api/collections/_superusers/auth-with-password",
        json={"identity": email[1], "password": password[1]},
        timeout=DEADLINE,
    )
    assert answer.status_code == 200
    assert requests.get(serving.url + "/_/", timeout=DEADLINE).status_code == 200
    assert (tmp_path / "data" / "credentials.json").stat().st_mode & 0o077 == 0


def test_no_password_shows_in_the_process_list_or_the_logs(stack: ExitStack, tmp_path: Path) -> None:
    serving = Serving(stack, tmp_path / "data", free_port())
    kept = json.loads((tmp_path / "data" / "credentials.json").read_text())
    processes = subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=True).stdout
    logs = (tmp_path / "data" / "pocketbase.log").read_text() + serving.errors.read_text()
    for name in ("superuser_password", "worker_password"):
        assert kept[name] not in processes
        assert kept[name] not in logs


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc")
@pytest.mark.parametrize(("given", "runs_with"), [({}, "400"), ({"GOGC": "50"}, "50")])
def test_pocketbase_collects_garbage_less_often_unless_told_otherwise(
    stack: ExitStack, tmp_path: Path, given: dict[str, str], runs_with: str
) -> None:
    serving = Serving(stack, tmp_path / "data", free_port(), **given)
    environment = Path(f"/proc/{serving.pocketbase()}/environ").read_text().split("\0")
    assert f"GOGC={runs_with}" in environment


@pytest.mark.slow
def test_a_second_start_finds_what_the_first_one_left(stack: ExitStack, tmp_path: Path) -> None:
    port = free_port()
    first = Serving(stack, tmp_path / "data", port)
    event = {"type": "create", "collection": "shopping_items", "item_id": "milk00000000001", "data": {"title": "Milk"}}
    assert requests.post(first.url + "/api/collections/events/records", json=event, timeout=DEADLINE).ok
    eventually(lambda: "Milk" in first.titles(), "the row")
    titles = first.titles()
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(DEADLINE) == 0
    second = Serving(stack, tmp_path / "data", port)
    assert second.titles() == titles
    kept = json.loads((tmp_path / "data" / "credentials.json").read_text())
    assert kept["superuser_password"] not in second.welcome
    assert "credentials.json" in second.welcome
    assert requests.post(
        second.url + "/api/collections/events/records", json={**event, "item_id": "eggs00000000001"}, timeout=DEADLINE
    ).ok
    eventually(lambda: len(second.titles()) == len(titles) + 1, "one more row")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_both_processes_with_exit_code_0(stack: ExitStack, tmp_path: Path, how: signal.Signals) -> None:
    serving = Serving(stack, tmp_path / "data", free_port())
    pocketbase = serving.pocketbase()
    serving.process.send_signal(how)
    assert serving.process.wait(DEADLINE) == 0
    assert is_gone(pocketbase)


@pytest.mark.slow
def test_a_pocketbase_that_does_not_react_is_not_left_behind(stack: ExitStack, tmp_path: Path) -> None:
    serving = Serving(stack, tmp_path / "data", free_port())
    pocketbase = serving.pocketbase()
    os.kill(pocketbase, signal.SIGSTOP)
    serving.process.send_signal(signal.SIGTERM)
    assert serving.process.wait(DEADLINE) == 0
    assert is_gone(pocketbase)


@pytest.mark.slow
def test_a_signal_during_the_start_leaves_no_orphan_and_the_next_start_completes_it(
    stack: ExitStack, tmp_path: Path
) -> None:
    port = free_port()
    arguments = ("serve", "--http", f"127.0.0.1:{port}", "--dir", str(tmp_path / "data"))
    process = stack.enter_context(command(*arguments, env=ENVIRONMENT))
    eventually((tmp_path / "data" / "data" / "data.db").exists, "the first file")
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE) in (0, 1)
    serving = Serving(stack, tmp_path / "data", port)
    eventually(lambda: len(serving.recorded()) == len(DEMO), "the demo's history, once")


def test_a_demo_that_was_begun_is_completed_by_the_next_start(server: Server) -> None:
    admin = server.admin()
    install_demo(admin)
    for event in DEMO[:3]:
        admin.create("events", collection=SHOPPING, **event)
    for _ in range(2):
        fill_demo(admin)
        events = server.superuser().records("events", sort="@rowid")
        assert [event["data"] for event in events] == [event["data"] for event in DEMO]


@pytest.mark.slow
def test_a_killed_parent_leaves_no_orphan(stack: ExitStack, tmp_path: Path) -> None:
    serving = Serving(stack, tmp_path / "data", free_port())
    pocketbase = serving.pocketbase()
    serving.process.kill()
    eventually(lambda: is_gone(pocketbase), "the end of PocketBase")


@pytest.mark.slow
def test_when_pocketbase_ends_by_itself_serve_says_so(stack: ExitStack, tmp_path: Path) -> None:
    serving = Serving(stack, tmp_path / "data", free_port())
    os.kill(serving.pocketbase(), signal.SIGKILL)
    assert serving.process.wait(DEADLINE) == 1
    assert "PocketBase ended by itself" in serving.errors.read_text()


@pytest.mark.slow
def test_a_superuser_of_the_environment_is_the_one_that_is_made(stack: ExitStack, tmp_path: Path) -> None:
    given = {"POCKETBASE_SUPERUSER_EMAIL": "me@example.com", "POCKETBASE_SUPERUSER_PASSWORD": "my-own-password"}
    serving = Serving(stack, tmp_path / "data", free_port(), **given)
    environment = {**ENVIRONMENT, **given, "POCKETBASE_URL": serving.url}
    assert run_command("retry", "--all", env=environment).returncode == 0


@pytest.mark.slow
def test_it_starts_although_the_superusers_password_was_changed(stack: ExitStack, tmp_path: Path) -> None:
    port = free_port()
    first = Serving(stack, tmp_path / "data", port)
    kept = json.loads((tmp_path / "data" / "credentials.json").read_text())
    identity = {"identity": kept["superuser_email"], "password": kept["superuser_password"]}
    superusers = first.url + "/api/collections/_superusers"
    login = requests.post(superusers + "/auth-with-password", json=identity, timeout=DEADLINE).json()
    changed = requests.patch(
        f"{superusers}/records/{login['record']['id']}",
        json={"password": "changed-password", "passwordConfirm": "changed-password"},
        headers={"Authorization": login["token"]},
        timeout=DEADLINE,
    )
    assert changed.ok
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(DEADLINE) == 0
    second = Serving(stack, tmp_path / "data", port)
    assert "not_upgraded" in second.errors.read_text()


def test_a_port_that_is_taken_is_reported_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run_command("serve", "--http", address, "--dir", str(tmp_path / "data"), env=ENVIRONMENT)
    assert done.returncode == 2
    assert "--http" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_folder_that_cannot_be_used_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run_command("serve", "--http", f"127.0.0.1:{free_port()}", "--dir", str(tmp_path / "file"), env=ENVIRONMENT)
    assert done.returncode == 2
    assert "--dir" in done.stderr


@pytest.mark.slow
def test_it_reaches_its_own_pocketbase_whatever_proxy_the_environment_names(stack: ExitStack, tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    serving = Serving(stack, tmp_path / "data", free_port(), HTTP_PROXY=nobody, ALL_PROXY=nobody)
    with requests.Session() as direct:
        direct.trust_env = False
        event = {"type": "create", "collection": "shopping_items", "item_id": "milk00000000001", "data": {"title": "x"}}
        assert direct.post(serving.url + "/api/collections/events/records", json=event, timeout=DEADLINE).ok
    eventually(lambda: len(serving.recorded()) > len(DEMO), "the event to be recorded")


@pytest.mark.slow
def test_a_folder_is_served_once_at_a_time(stack: ExitStack, tmp_path: Path) -> None:
    serving = Serving(stack, tmp_path / "data", free_port())
    second = run_command(
        "serve", "--http", f"127.0.0.1:{free_port()}", "--dir", str(tmp_path / "data"), env=ENVIRONMENT
    )
    assert second.returncode == 2
    assert "Another `serve` is using" in second.stderr
    serving.process.terminate()
    assert serving.process.wait(DEADLINE) == 0
    eventually(Serving(stack, tmp_path / "data", free_port()).titles, "the rows")
