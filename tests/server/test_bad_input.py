"""Whatever is wrong with its input, the command line says so in a sentence, with the right exit code, and soon."""

import gzip
import json
import os
import pty
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, TCPServer, ThreadingTCPServer
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
    free_port,
    item_id,
    start_copy,
)

from pocketbase_events.errors import UnreachableError
from pocketbase_events.pb.connection import Connection

DONE, PROBLEM, WRONG_USAGE, UNREACHABLE = 0, 1, 2, 3  # exit codes
DEADLINE = 10.0  # seconds that a command may take, whatever is wrong
SILENCE = 20.0  # seconds, where something takes the connection and says nothing
COMPLETES = 60.0  # seconds that what was interrupted may take to be completed
ATTEMPTS = 3  # at interrupting what may be too fast
LONG = 8_000  # events in the long log
IMPORTED = 1_500  # of them in the file that is imported
ADOPTED = 600  # rows that are adopted
MEASURED = "COVERAGE_PROCESS"  # how the variables begin that have a process measured
EXECUTABLE = str(Path(sysconfig.get_path("scripts")) / "pocketbase-events")
VECTORS = Path(__file__).parents[1] / "vectors" / "chain.jsonl"
SECRETS = (SUPERUSER[1], WORKER[1], "wrong-password", "password-in-the-url", "sh0rt")
NOT_AS_ROOT = pytest.mark.skipif(os.geteuid() == 0, reason="root may read and listen everywhere")
ON_LINUX = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks into /proc")

# Every command as it would do its work. {file} is an export.
COMMANDS = {
    "init": ["init", "--json"],
    "attach": ["attach", "items", "--json"],
    "attach --adopt": ["attach", "new", "--adopt", "--json"],
    "detach": ["detach", "new", "--json"],
    "run": ["run", "--json"],
    "run --once": ["run", "--once", "--json"],
    "status": ["status", "--json"],
    "verify": ["verify", "--json"],
    "check": ["check", "--json"],
    "rebuild": ["rebuild", "--yes", "--json"],
    "history": ["history", "items", item_id(1), "--json"],
    "show": ["show", "items", "--json"],
    "export": ["export"],
    "import": ["import", "{file}", "--json"],
    "rejected": ["rejected", "--json"],
    "retry": ["retry", "--all", "--json"],
}
SUPERUSERS_ALONE = ("init", "attach", "detach", "retry")  # need a superuser and nobody else
BOTH = ("attach --adopt", "import")
WORKERS_ALONE = tuple(name for name in COMMANDS if name not in SUPERUSERS_ALONE + BOTH)
EITHER_WAY = ("init", "status", "import", "attach --adopt")  # log in as a superuser, as the worker, as both
WAITS = "run"  # for a PocketBase that is not there yet, rather than to give up


@dataclass(frozen=True, slots=True)
class Done:
    """What a command that ended has said."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        return self.out + self.err


@pytest.fixture(scope="module", autouse=True)
def unmeasured() -> Iterator[None]:
    """Commands run unmeasured here: coverage makes each slower by half, and waits for its own lock for ever when a
    signal comes while it holds it.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(MEASURED)]:
            patch.delenv(name)
        yield


def environment(url: str, **changes: str | None) -> dict[str, str]:
    """Everybody's credentials at that address, with changes: None takes a variable out."""
    given = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("POCKETBASE_", MEASURED))},
        "POCKETBASE_URL": url,
        "POCKETBASE_SUPERUSER_EMAIL": SUPERUSER[0],
        "POCKETBASE_SUPERUSER_PASSWORD": SUPERUSER[1],
        "POCKETBASE_EVENTS_WORKER_EMAIL": WORKER[0],
        "POCKETBASE_EVENTS_WORKER_PASSWORD": WORKER[1],
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


NOBODY = environment("", POCKETBASE_SUPERUSER_PASSWORD=None, POCKETBASE_EVENTS_WORKER_PASSWORD=None)


def assert_civil(told: str) -> None:
    """No traceback, no apology for a bug, no password."""
    for never in ("Traceback", "This is a bug", "Exception ignored"):
        assert never not in told, told[-2000:]
    assert not any(secret in told for secret in SECRETS), told


def run(arguments: Sequence[str], env: dict[str, str], deadline: float = DEADLINE, **options: Any) -> Done:
    """The command, run to its end within the deadline."""
    with command(*arguments, env=env, encoding="utf-8", errors="backslashreplace", **options) as process:
        out, err = process.communicate(timeout=deadline)
    done = Done(process.returncode, out or "", err or "")
    assert_civil(done.told)
    return done


def told(arguments: Sequence[str], env: dict[str, str], code: int, says: str, deadline: float = DEADLINE) -> Done:
    """The command, which ends with that exit code, says why on standard error, and puts no half document beside it."""
    done = run(arguments, env, deadline)
    assert done.code == code, done.told[-2000:]
    assert says in done.err, done.err[-2000:]
    assert len(done.err) < 10_000
    if done.out:
        json.loads(done.out)
    return done


def redirected(how: str, arguments: Sequence[str], env: dict[str, str]) -> Done:
    """The command as a shell starts it with that redirection."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" "$@" {how}', EXECUTABLE, *arguments],
        env=env, capture_output=True, encoding="utf-8", errors="backslashreplace", timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert_civil(done.stdout + done.stderr)
    return Done(done.returncode, done.stdout, done.stderr)


# -- what there is ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this module's own."""
    return tmp_path_factory.mktemp("bad-input")


@pytest.fixture(scope="module")
def without_log(bare_template: Path, folder: Path) -> Iterator[Server]:
    """A PocketBase without the log, which nobody here gives one."""
    yield from start_copy(bare_template, folder / "bare")


@pytest.fixture(scope="module")
def ready(installed_template: Path, folder: Path) -> Iterator[Server]:
    """A PocketBase with a few events and a collection of each kind."""
    for server in start_copy(installed_template, folder / "ready"):
        server.create_collection("new", [{"name": "title", "type": "text"}])
        server.create_collection("a_view", [], type="view", viewQuery="SELECT id FROM items")
        server.guest().append_all(create(1), create(2), create(3))
        server.worker().run_to_end(threading.Event())
        assert check_log(server).seq == 3
        yield server


@pytest.fixture(scope="module")
def exported(ready: Server, folder: Path) -> Path:
    """An export of its log."""
    file = folder / "ready.jsonl"
    assert run(["export", str(file)], ready.environment).code == DONE
    return file


@pytest.fixture(scope="module")
def long_template(installed_template: Path, folder: Path) -> Path:
    """The folder of a stopped PocketBase with a long log."""
    shutil.copytree(installed_template, folder / "long")
    fill_log(Server(folder / "long"), LONG)
    return folder / "long"


@pytest.fixture(scope="module")
def long(long_template: Path, folder: Path) -> Iterator[Server]:
    """That PocketBase, running; nobody here changes its log or rows."""
    yield from start_copy(long_template, folder / "long-running")


@pytest.fixture(scope="module")
def long_file(long: Server, folder: Path) -> Path:
    """An export of it."""
    file = folder / "long.jsonl"
    assert run(["export", str(file)], long.environment).code == DONE
    return file


# -- who answers at the address --------------------------------------------------------------------------------


class Stranger(BaseHTTPRequestHandler):
    """A server of something else: one answer to every request."""

    answer = (200, "text/html", b"")

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, kind, body = self.answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the library's names

    def log_message(self, *_: object) -> None:
        pass


class NotInHttp(BaseRequestHandler):
    """A server that greets in a protocol of its own, and hangs up."""

    def handle(self) -> None:
        with suppress(OSError):
            self.request.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")


class Silent(BaseRequestHandler):
    """A server that takes the connection, and says nothing until the other side gives up."""

    def handle(self) -> None:
        with suppress(OSError):
            while self.request.recv(65536):
                pass


class Tcp(ThreadingTCPServer):
    """Threads that nobody waits for."""

    daemon_threads = True


def http(status: int, kind: str, body: bytes) -> TCPServer:
    """An HTTP server that answers like this."""
    handler = type("Answering", (Stranger,), {"answer": (status, kind, body)})
    return ThreadingHTTPServer(("127.0.0.1", 0), handler)


def tcp(handler: type[BaseRequestHandler]) -> TCPServer:
    """A server that speaks no HTTP."""
    return Tcp(("127.0.0.1", 0), handler)


ALL = tuple(name for name in COMMANDS if name != WAITS)
# By name: what answers (None: nobody), what is said of it, and which commands meet it.
STRANGERS: dict[str, tuple[Callable[[], TCPServer] | None, str, Sequence[str]]] = {
    "nobody": (None, "can't be reached", ALL),
    "another API": (lambda: http(404, "application/json", b'{"message": "Nope."}'), "no PocketBase", EITHER_WAY),
    "an API that agrees": (lambda: http(200, "application/json", b'{"ok": true}'), "no PocketBase", EITHER_WAY),
    "a web site": (lambda: http(200, "text/html", b"<p>Hello</p>"), "no PocketBase", EITHER_WAY),
    "a server in trouble": (lambda: http(500, "text/plain", b"Oops"), "status 500", EITHER_WAY),
    "an SSH server": (lambda: tcp(NotInHttp), "can't be reached", EITHER_WAY),
}


@contextmanager
def serving(server: TCPServer) -> Iterator[str]:
    """The address of a server that answers as long as the block lasts."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def strangers() -> Iterator[dict[str, str]]:
    """The address of each of them."""
    with ExitStack() as opened:
        refusing = opened.enter_context(socket.socket())
        refusing.bind(("127.0.0.1", 0))  # and does not listen
        found = {"nobody": f"http://127.0.0.1:{refusing.getsockname()[1]}"}
        for name, (start, *_) in STRANGERS.items():
            if start is not None:
                found[name] = opened.enter_context(serving(start()))
        yield found


@pytest.mark.parametrize(
    ("stranger", "name"), [(stranger, name) for stranger, (*_, names) in STRANGERS.items() for name in names]
)
def test_where_no_pocketbase_answers_every_command_says_so_and_exits_with_3(
    strangers: dict[str, str], stranger: str, name: str
) -> None:
    arguments = [argument.format(file=VECTORS) for argument in COMMANDS[name]]
    done = told(arguments, environment(strangers[stranger]), UNREACHABLE, STRANGERS[stranger][1])
    assert done.out == ""
    assert done.err.count("Error: ") == 1


class Redirecting(BaseHTTPRequestHandler):
    """A server that sends everybody elsewhere."""

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(301)
        self.send_header("Location", "https://example.com/api")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - what its base class calls


def test_a_redirect_is_told_and_never_taken_for_a_committed_transaction(ready: Server) -> None:
    token = ready.gateway().token()
    with (
        serving(ThreadingHTTPServer(("127.0.0.1", 0), Redirecting)) as url,
        closing(Connection(url, lambda: token)) as connection,
    ):
        for ask in (lambda: connection.batch([]), lambda: connection.items("event_log")):
            with pytest.raises(UnreachableError, match=r"redirects to https://example\.com/api"):
                ask()


@pytest.mark.parametrize("stranger", ["nobody", "a web site"])
def test_a_worker_says_that_it_waits_for_its_pocketbase_and_stops_when_it_is_told_to(
    strangers: dict[str, str], stranger: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with log.open("w") as file, command("run", "--json", env=environment(strangers[stranger]), stderr=file) as process:
        entries = eventually(lambda: [line for line in log.read_text().splitlines() if "waiting_for" in line])
        assert STRANGERS[stranger][1] in json.loads(entries[0])["why"]
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=DEADLINE)[0] == ""
    assert process.returncode == DONE
    assert '"stopped"' in log.read_text()
    assert_civil(log.read_text())


def test_a_port_that_says_nothing_at_all_is_given_up_in_time() -> None:
    with serving(tcp(Silent)) as url, ExitStack() as opened:
        processes = [
            opened.enter_context(command(*COMMANDS[name], env=environment(url))) for name in ("init", "status")
        ]
        for process in processes:
            out, err = process.communicate(timeout=SILENCE)
            assert (process.returncode, out) == (UNREACHABLE, "")
            assert "can't be reached" in err
            assert_civil(err)


# -- credentials -----------------------------------------------------------------------------------------------

WRONG, MISSING = "wrong-password", None
EMAIL, PASSWORD = "POCKETBASE_SUPERUSER_EMAIL", "POCKETBASE_SUPERUSER_PASSWORD"
WORKER_PASSWORD = "POCKETBASE_EVENTS_WORKER_PASSWORD"
# What is the matter, whom it concerns, the change of the environment, the exit code, and what is said.
CREDENTIALS: list[tuple[str, Sequence[str], dict[str, str | None], int, str]] = [
    ("worker's wrong", WORKERS_ALONE, {WORKER_PASSWORD: WRONG}, UNREACHABLE, "POCKETBASE_EVENTS_WORKER_EMAIL"),
    ("superuser's wrong", SUPERUSERS_ALONE, {PASSWORD: WRONG}, UNREACHABLE, EMAIL),
    ("only superuser's, wrong", ("run", "status"), {PASSWORD: WRONG, WORKER_PASSWORD: MISSING}, UNREACHABLE, EMAIL),
    ("unknown superuser", ("init",), {EMAIL: "no@example.com"}, UNREACHABLE, "no@example.com"),
    ("unknown worker", ("run",), {"POCKETBASE_EVENTS_WORKER_EMAIL": "no@example.com"}, UNREACHABLE, "no@example.com"),
    (
        "none",
        (*EITHER_WAY, "run", "rebuild", "export", "retry"),
        {PASSWORD: MISSING, WORKER_PASSWORD: MISSING},
        WRONG_USAGE,
        PASSWORD,
    ),
    ("empty", ("init", "status"), {PASSWORD: "", WORKER_PASSWORD: ""}, WRONG_USAGE, PASSWORD),
    ("no superuser's", ("init", "attach"), {PASSWORD: MISSING}, WRONG_USAGE, PASSWORD),
    ("no superuser's email", ("init",), {EMAIL: MISSING}, WRONG_USAGE, EMAIL),
    ("worker's too short", ("init",), {WORKER_PASSWORD: "sh0rt"}, WRONG_USAGE, WORKER_PASSWORD),
]


@pytest.mark.parametrize(
    ("name", "changes", "code", "says"),
    [
        pytest.param(name, changes, code, says, id=f"{what}-{name}")
        for what, names, changes, code, says in CREDENTIALS
        for name in names
    ],
)
def test_credentials_that_are_wrong_or_missing_are_told_with_the_variable_to_set(
    ready: Server, name: str, changes: dict[str, str | None], code: int, says: str
) -> None:
    arguments = [argument.format(file=VECTORS) for argument in COMMANDS[name]]
    assert told(arguments, environment(ready.url, **changes), code, says).out == ""


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({WORKER_PASSWORD: WRONG}, UNREACHABLE, "POCKETBASE_EVENTS_WORKER_EMAIL"),
        ({PASSWORD: WRONG}, UNREACHABLE, EMAIL),
        ({PASSWORD: MISSING}, WRONG_USAGE, PASSWORD),
    ],
    ids=["worker's wrong", "superuser's wrong", "no superuser's"],
)
def test_what_needs_both_changes_nothing_where_one_is_refused(
    server: Server, changes: dict[str, str | None], code: int, says: str
) -> None:
    server.create_collection("new", [{"name": "title", "type": "text"}])
    root = server.superuser()
    assert root("POST", "/api/collections/new/records", json={"title": "x"}).ok
    before = root("GET", "/api/collections", params={"perPage": 500}).json()["items"]
    for name in BOTH:
        arguments = [argument.format(file=VECTORS) for argument in COMMANDS[name]]
        assert told(arguments, environment(server.url, **changes), code, says).out == ""
    assert check_log(server).seq == 0
    assert root("POST", "/api/collections/new/records", json={"title": "y"}).ok
    assert root("GET", "/api/collections", params={"perPage": 500}).json()["items"] == before


# -- a PocketBase without the log ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "password"),
    [
        *((name, WORKER[1]) for name in (*SUPERUSERS_ALONE[1:], *BOTH, "run", "status")),
        *((name, None) for name in (*WORKERS_ALONE, *BOTH)),  # the worker's account is looked up as a superuser
    ],
)
def test_without_init_every_command_says_to_run_it(without_log: Server, name: str, password: str | None) -> None:
    arguments = [argument.format(file=VECTORS) for argument in COMMANDS[name]]
    env = environment(without_log.url, POCKETBASE_EVENTS_WORKER_PASSWORD=password)
    assert told(arguments, env, PROBLEM, "pocketbase-events init").out == ""


# -- files and folders -----------------------------------------------------------------------------------------


# By name: what the file holds, and what is said of it.
FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "garbage": (lambda: random.Random(1).randbytes(5000), "line 1 is no event: it is no UTF-8 text"),
    "JSON that is no event": (lambda: b'{"a": 1}\n[1]\n3\nnull\n', "line 1 is no event: it is no object with"),
    "a last line cut off": (lambda: VECTORS.read_bytes()[:-40], "line 11 is no event: it is cut off"),
    "a gzip": (lambda: gzip.compress(VECTORS.read_bytes()), "line 1 is no event: it is no UTF-8 text"),
    "a line of 50 MB": (lambda: b'{"a": "' + b"x" * 50_000_000 + b'"}\n', "line 1 is no event: it is no object"),
    "50 MB and no line": (lambda: b"x" * 50_000_000, "line 1 is no event: it is cut off"),
    "UTF-16": (lambda: VECTORS.read_text().encode("utf-16"), "line 1 is no event: it is no UTF-8 text"),
    "NUL bytes": (lambda: bytes(10_000), "line 1 is no event"),
    "NUL bytes at its end": (lambda: VECTORS.read_bytes() + bytes(4096), "line 12 is no event"),
    "brackets": (lambda: b"[" * 100_000, "line 1 is no event: data is nested"),
}


@pytest.mark.parametrize(
    ("name", "does"), [*((name, "verify") for name in FILES), ("garbage", "import"), ("a line of 50 MB", "import")]
)
def test_a_malformed_file_is_told_line_by_line(ready: Server, tmp_path: Path, name: str, does: str) -> None:
    content, says = FILES[name]
    file = tmp_path / "log.jsonl"
    file.write_bytes(content())
    if does == "verify":
        told(["verify", "--file", str(file)], NOBODY, PROBLEM, says)
    else:
        said = told(["import", str(file)], ready.environment, PROBLEM, says).err
        assert "nothing was imported" in said
    file.unlink()


@pytest.mark.parametrize("content", [b"", b"\n \r\n\n"], ids=["empty", "blank lines"])
def test_a_file_without_events_is_a_log_without_events_and_nothing_to_import(
    ready: Server, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(content)
    assert json.loads(told(["verify", "--file", str(file), "--json"], NOBODY, DONE, "").out)["events"] == 0
    assert told(["import", str(file), "--json"], ready.environment, WRONG_USAGE, "has no events").out == ""


def test_a_verdict_on_a_malformed_file_is_one_json_document(ready: Server, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(gzip.compress(VECTORS.read_bytes()))
    verified = told(["verify", "--file", str(file), "--json"], NOBODY, PROBLEM, "")
    imported = told(["import", str(file), "--json"], ready.environment, PROBLEM, "nothing was imported")
    assert json.loads(verified.out) == json.loads(imported.out)
    assert json.loads(verified.out)["ok"] is False


UNREADABLE = {
    "nowhere": "{folder}/nothere.jsonl",
    "a folder": "{folder}",
    "below a file": f"{VECTORS}/log.jsonl",
    "without a name": "",
    "a name of 5000 characters": "x" * 5000,
    "a line break in its name": "{folder}/log\n.jsonl",
    **({"an error at reading": "/proc/self/mem"} if Path("/proc/self/mem").exists() else {}),
}


@pytest.mark.parametrize(
    ("path", "does"),
    [
        *((path, ["verify", "--file"]) for path in UNREADABLE),
        *((path, ["import"]) for path in ("nowhere", "a folder", "a name of 5000 characters")),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_file_that_can_not_be_read_is_wrong_usage(ready: Server, tmp_path: Path, path: str, does: list[str]) -> None:
    named = UNREADABLE[path].format(folder=tmp_path)
    done = told([*does, named], ready.environment, WRONG_USAGE, named[:60])
    assert done.out == ""
    assert "can't be written" not in done.err


@NOT_AS_ROOT
@pytest.mark.parametrize("hidden", ["file", "folder"])
@pytest.mark.parametrize("does", [["verify", "--file"], ["import"]], ids=["verify", "import"])
def test_a_file_without_permission_is_wrong_usage(ready: Server, tmp_path: Path, does: list[str], hidden: str) -> None:
    file = tmp_path / "kept" / "log.jsonl"
    file.parent.mkdir()
    file.write_bytes(VECTORS.read_bytes())
    (file if hidden == "file" else file.parent).chmod(0)
    try:
        assert "written" not in told([*does, str(file)], ready.environment, WRONG_USAGE, "read").err
    finally:
        (file if hidden == "file" else file.parent).chmod(0o700)


def test_lines_that_end_as_on_windows_are_read(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(VECTORS.read_bytes().replace(b"\n", b"\r\n"))
    assert json.loads(told(["verify", "--file", str(file), "--json"], NOBODY, DONE, "").out)["events"] == 11
    told(["import", str(file), "--json"], server.environment, DONE, "not attached here")
    assert check_log(server).seq == 11


def written(folder: Path, content: bytes) -> Path:
    """A folder with a file called as PocketBase's database is."""
    folder.mkdir(parents=True)
    (folder / "data.db").write_bytes(content)
    return folder


def foreign(folder: Path, sql: str) -> Path:
    """A folder with a database that is not PocketBase's."""
    folder.mkdir()
    with closing(sqlite3.connect(folder / "data.db")) as database:
        database.executescript(sql)
    return folder


# By name: what --dir names, given a new folder and a database of ours; the exit code, and what is said.
FOLDERS: dict[str, tuple[Callable[[Path, Path], Path], int, str]] = {
    "nowhere": (lambda new, _: new, WRONG_USAGE, "no data.db"),
    "a file": (lambda *_: VECTORS, WRONG_USAGE, "no data.db"),
    "without data.db": (lambda new, _: new.parent, WRONG_USAGE, "no data.db"),
    "a name of 5000 characters": (lambda *_: Path("x" * 5000), WRONG_USAGE, "x" * 60),
    "a path that is too long for SQLite": (
        lambda new, ours: written(new.joinpath(*["x" * 200] * 3), ours.read_bytes()),
        WRONG_USAGE,
        "data.db",
    ),
    "an empty data.db": (lambda new, _: written(new, b""), PROBLEM, "pocketbase-events init"),
    "a data.db that is no database": (
        lambda new, _: written(new, b"no database at all\n" * 100),
        UNREACHABLE,
        "not a database",
    ),
    "half a data.db": (
        lambda new, ours: written(new, ours.read_bytes()[: ours.stat().st_size // 2]),
        UNREACHABLE,
        "malformed",
    ),
    "another program's": (lambda new, _: foreign(new, "CREATE TABLE t (x)"), PROBLEM, "pocketbase-events init"),
    "a table of our name in it": (
        lambda new, _: foreign(new, "CREATE TABLE event_status (id, x)"),
        PROBLEM,
        "pocketbase-events init",
    ),
}


@pytest.mark.parametrize(
    ("name", "does"),
    [
        *((name, "check") for name in FOLDERS),
        *((name, does) for name in ("nowhere", "a data.db that is no database") for does in ("verify", "rebuild")),
    ],
)
def test_a_folder_that_is_no_data_folder_is_told(
    ready: Server, installed_template: Path, tmp_path: Path, name: str, does: str
) -> None:
    make, code, says = FOLDERS[name]
    folder = make(tmp_path / "new", installed_template / "data" / "data.db")
    done = told([*COMMANDS[does], "--dir", str(folder)], ready.environment, code, says)
    assert done.out == ""
    assert "can't be written" not in done.err


@NOT_AS_ROOT
def test_a_database_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    folder = written(tmp_path / "new", b"")
    (folder / "data.db").chmod(0)
    told(["check", "--dir", str(folder)], NOBODY, WRONG_USAGE, "data.db")


def test_a_file_and_a_folder_at_once_are_wrong_usage(tmp_path: Path) -> None:
    told(["verify", "--file", str(VECTORS), "--dir", str(tmp_path)], NOBODY, WRONG_USAGE, "not both")


@pytest.mark.parametrize("where", ["{folder}/nowhere/log.jsonl", "{folder}", f"{VECTORS}/log.jsonl", "x" * 5000])
def test_where_an_export_can_not_be_written_is_told(ready: Server, tmp_path: Path, where: str) -> None:
    told(["export", where.format(folder=tmp_path)], ready.environment, WRONG_USAGE, "can't be written")
    assert list(tmp_path.iterdir()) == []


# -- names, ids, moments, addresses ----------------------------------------------------------------------------

NAMES: list[tuple[list[str], int, str]] = [
    (["attach", "nothere"], WRONG_USAGE, "no collection nothere"),
    (["attach", "users"], WRONG_USAGE, "type auth"),
    (["attach", "a_view", "--adopt"], WRONG_USAGE, "type view"),
    (["attach", "_superusers", "--adopt"], WRONG_USAGE, "type system"),
    (["attach", "event_log"], WRONG_USAGE, "only base collections"),
    (["attach"], WRONG_USAGE, "COLLECTION"),
    (["detach", "nothere"], WRONG_USAGE, "nothere is not attached"),
    (["detach", "new"], WRONG_USAGE, "new is not attached"),
    (["detach", "events"], WRONG_USAGE, "events is not attached"),
    (["check", "nothere"], WRONG_USAGE, "nothere is not attached"),
    (["rebuild", "nothere", "--yes"], WRONG_USAGE, "nothere is not attached"),
    (["show", "nothere"], WRONG_USAGE, "nothere is not attached"),
    (["show", "events"], WRONG_USAGE, "events is not attached"),
    (["history", "nothere", item_id(1)], WRONG_USAGE, "nothere is not attached"),
    (["check", "items", "nothere", "--json"], WRONG_USAGE, "nothere is not attached"),
    (["history", "items"], WRONG_USAGE, "ITEM"),
    (["history", "items", "nosuchitem"], DONE, "no event of nosuchitem"),
    (["history", "new", item_id(1)], WRONG_USAGE, "new is not attached"),
    (["history", "items", '" || 1 = 1 || "'], DONE, "no event of"),
    (["show", "items", "nosuchitem"], DONE, "no event of nosuchitem"),
    (["show", "items", "--at", "yesterday"], WRONG_USAGE, "--at takes a seq or a time"),
    (["show", "items", "--at", "-1"], WRONG_USAGE, "--at takes a seq or a time"),
    (["show", "items", "--at", "1.5", "--json"], WRONG_USAGE, "--at takes a seq or a time"),
    (["show", "items", "--at"], WRONG_USAGE, "--at"),
    (["show", "items", "--at", "9" * 400, "--json"], DONE, ""),
    (["retry"], WRONG_USAGE, "by their ids, or give --all"),
    (["retry", "nosuchevent0001", "--all"], WRONG_USAGE, "by their ids, or give --all"),
    (["retry", "nosuchevent0001"], WRONG_USAGE, "no rejected event nosuchevent0001"),
    (["retry", item_id(1), "nosuchevent0001", "--json"], WRONG_USAGE, "See: pocketbase-events rejected"),
    (["import"], WRONG_USAGE, "FILE"),
    (["nosuchcommand"], WRONG_USAGE, "nosuchcommand"),
    (["status", "--nosuchoption"], WRONG_USAGE, "--nosuchoption"),
    (["status", "nosuchargument"], WRONG_USAGE, "nosuchargument"),
]


@pytest.mark.parametrize(
    ("arguments", "code", "says"), NAMES, ids=[" ".join(arguments)[:60] for arguments, *_ in NAMES]
)
def test_what_is_not_there_is_told(ready: Server, arguments: list[str], code: int, says: str) -> None:
    done = told(arguments, ready.environment, code, says)
    assert code == DONE or done.out == ""


@pytest.mark.parametrize("command", ["history", "show"])
def test_an_id_that_is_too_long_to_be_one_is_no_missing_log(ready: Server, command: str) -> None:
    done = run([command, "items", "x" * 4000], ready.environment)
    assert "no event log" not in done.err
    assert done.err


def test_a_collection_is_detached_whole_or_not_at_all_however_its_name_is_written(server: Server) -> None:
    detached = run(["detach", "ITEMS"], server.environment)
    assert detached.code in (DONE, WRONG_USAGE)
    targets = json.loads(told(["status", "--json"], server.environment, DONE, "").out)["targets"]
    assert targets == ([] if detached.code == DONE else [{"collection": "items", "locked": True}])


ADDRESSES: list[tuple[str, int, str]] = [
    ("ftp://127.0.0.1:{port}", WRONG_USAGE, "POCKETBASE_URL"),
    ("127.0.0.1:{port}", WRONG_USAGE, "POCKETBASE_URL"),
    ("localhost", WRONG_USAGE, "POCKETBASE_URL"),
    ("http://", WRONG_USAGE, "POCKETBASE_URL"),
    ("http://a b", WRONG_USAGE, "POCKETBASE_URL"),
    ("http://127.0.0.1:{port}\nx", WRONG_USAGE, "POCKETBASE_URL"),
    ("http://127.0.0.1:port", WRONG_USAGE, "POCKETBASE_URL"),
    ("http://127.0.0.1:99999", WRONG_USAGE, "POCKETBASE_URL"),
    ("http://[::1", WRONG_USAGE, "POCKETBASE_URL"),
    ("http://me:password-in-the-url@127.0.0.1:{port}", WRONG_USAGE, "POCKETBASE_URL"),
    ("https://127.0.0.1:{port}", UNREACHABLE, "can't be reached"),
    ("http://127.0.0.1:{port}/some/path", UNREACHABLE, "no PocketBase"),
]


@pytest.mark.parametrize(("url", "code", "says"), ADDRESSES, ids=[ascii(url) for url, *_ in ADDRESSES])
def test_an_address_that_is_none_is_told(ready: Server, url: str, code: int, says: str) -> None:
    assert told(COMMANDS["status"], environment(url.format(port=ready.port)), code, says).out == ""


@pytest.mark.parametrize("url", ["localhost", "http://127.0.0.1:port"])
@pytest.mark.parametrize("name", ["init", "run"])
def test_every_command_looks_at_the_address_before_anything_else(url: str, name: str) -> None:
    assert told(COMMANDS[name], {**NOBODY, "POCKETBASE_URL": url}, WRONG_USAGE, "POCKETBASE_URL").out == ""


def test_an_option_overrides_the_address_of_the_environment_and_is_checked_alike(ready: Server) -> None:
    told(["--url", "localhost", *COMMANDS["status"]], ready.environment, WRONG_USAGE, "POCKETBASE_URL")
    told(["--url", ready.url, *COMMANDS["status"]], environment("localhost"), DONE, "")


def test_a_space_after_the_address_means_the_same_to_every_command(ready: Server) -> None:
    codes = {run(COMMANDS[name], environment(f"{ready.url} ")).code for name in ("init", "status")}
    assert codes in ({DONE}, {WRONG_USAGE})


LISTENING: list[tuple[str, str]] = [
    ("nonsense", "--http takes HOST:PORT"),
    ("", "--http takes HOST:PORT"),
    ("127.0.0.1:-1", "--http takes HOST:PORT"),
    ("127.0.0.1:65536", "--http takes HOST:PORT"),
    ("http://127.0.0.1:{free}", "--http takes HOST:PORT"),
    ("127.0.0.1:{free}/path", "--http takes HOST:PORT"),
    ("me@127.0.0.1:{free}", "--http takes HOST:PORT"),
    ("127.0.0.1:{taken}", "Nothing can listen on 127.0.0.1"),
    ("192.0.2.1:{free}", "Nothing can listen on 192.0.2.1"),
]


@pytest.mark.parametrize(("address", "says"), LISTENING, ids=[address for address, _ in LISTENING])
def test_where_serve_can_not_listen_it_says_so_and_writes_nothing(
    ready: Server, tmp_path: Path, address: str, says: str
) -> None:
    at = address.format(free=free_port(), taken=ready.port)
    assert told(["serve", "--http", at, "--dir", str(tmp_path / "data")], NOBODY, WRONG_USAGE, says).out == ""
    assert list(tmp_path.iterdir()) == []


@NOT_AS_ROOT
def test_a_port_that_only_root_may_use_is_told(tmp_path: Path) -> None:
    with suppress(OSError), socket.socket() as probe:
        probe.bind(("127.0.0.1", 1))
        pytest.skip("anybody may listen there")
    told(["serve", "--http", "127.0.0.1:1", "--dir", str(tmp_path / "x")], NOBODY, WRONG_USAGE, "Nothing can listen")


# By name: what is in serve's folder, the exit code, and what is said.
KEPT: dict[str, tuple[str, bytes, int, str]] = {
    "a file in its place": ("", b"", WRONG_USAGE, "--dir"),
    "credentials that are no JSON": ("credentials.json", b"not JSON", WRONG_USAGE, "--dir"),
    "a database that is none": ("data/data.db", b"no database at all\n" * 100, PROBLEM, "not a database"),
    "a file where the data goes": ("data", b"", PROBLEM, "PocketBase did not start"),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_folder_that_serve_can_not_use_is_told(tmp_path: Path, name: str) -> None:
    inside, content, code, says = KEPT[name]
    file = tmp_path / "data" / inside
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    address = f"127.0.0.1:{free_port()}"
    assert told(["serve", "--http", address, "--dir", str(tmp_path / "data")], NOBODY, code, says).out == ""


# -- interrupted -----------------------------------------------------------------------------------------------


class Terminal:
    """The terminal that is a command's standard error: what it shows, and what is done once it shows something."""

    def __init__(self) -> None:
        self._ours, self.theirs = pty.openpty()
        self.seen = bytearray()
        self._reader: threading.Thread | None = None

    def watch(self, text: str, then: Callable[[], None]) -> None:
        """Leave it to the process that has it; once it shows the text, do that."""
        os.close(self.theirs)
        self._reader = threading.Thread(target=self._read, args=(text.encode(), then))
        self._reader.start()

    def close(self) -> None:
        """Read on until the process has ended."""
        if self._reader is not None:
            self._reader.join(DEADLINE)
        os.close(self._ours)

    def _read(self, text: bytes, then: Callable[[], None]) -> None:
        done = False
        with suppress(OSError):  # nobody has the other end any more
            while read := os.read(self._ours, 65536):
                self.seen += read
                if not done and text in self.seen:
                    done = True
                    then()


def interrupted(
    arguments: Sequence[str], env: dict[str, str], until: str | Path, how: signal.Signals, **options: Any
) -> Done:
    """The command on a terminal, sent a signal once it shows that text, or has written to that file."""
    text = until if isinstance(until, str) else "\0"
    with closing(Terminal()) as terminal:
        options = {key: terminal.theirs if value is Terminal else value for key, value in options.items()}
        with command(*arguments, env={**env, "TERM": "xterm"}, stderr=terminal.theirs, **options) as process:
            terminal.watch(text, lambda: process.send_signal(how))
            if isinstance(until, Path):
                eventually(lambda: until.exists() and until.stat().st_size, f"the beginning of {until.name}")
                process.send_signal(how)
            out, _ = _pressed_again(process, how) if options.get("stdin") else process.communicate(timeout=SILENCE)
    done = Done(process.returncode, out, terminal.seen.decode(errors="replace"))
    assert_civil(done.told)
    assert done.err.count("Error: ") <= 1
    return done


def _pressed_again(process: subprocess.Popen[str], how: signal.Signals) -> tuple[str, str]:
    """What a process said that waits for an answer: Python misses a signal just before it begins to wait."""
    end = time.monotonic() + SILENCE
    while True:
        try:
            return process.communicate(timeout=2)
        except subprocess.TimeoutExpired:
            assert time.monotonic() < end, "it does not hear"
            process.send_signal(how)


SIGNALS = pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
ENDED = {  # exit codes of a command that was interrupted: as shells have them, or ended by the signal itself
    signal.SIGINT: (128 + signal.SIGINT,),
    signal.SIGTERM: (128 + signal.SIGTERM, -signal.SIGTERM),
}


@pytest.mark.parametrize(
    ("arguments", "until", "how"),
    [
        (["verify", "--json"], "reading the log", signal.SIGINT),
        (["verify", "--json"], "reading the log", signal.SIGTERM),
        (["verify", "--file", "{file}"], "reading the file", signal.SIGINT),
        (["check"], "reading the log", signal.SIGINT),
        (["rebuild"], "reading the log", signal.SIGINT),
        (["show", "items", "--json"], "reading the log", signal.SIGINT),
    ],
    ids=lambda value: (
        value.name if isinstance(value, signal.Signals) else value if isinstance(value, str) else value[0]
    ),
)
def test_a_command_that_reads_is_interrupted_without_a_word_and_prints_nothing(
    long: Server, long_file: Path, arguments: list[str], until: str, how: signal.Signals
) -> None:
    arguments = [argument.format(file=long_file) for argument in arguments]
    done = interrupted(arguments, long.environment, until, how)
    for _ in range(ATTEMPTS):
        if done.code == DONE or done.out:  # it was faster than we
            done = interrupted(arguments, long.environment, until, how)
    assert done.code in ENDED[how]
    assert done.out == ""


@SIGNALS
def test_an_export_that_is_interrupted_leaves_no_file_and_the_next_one_completes(
    long: Server, long_file: Path, tmp_path: Path, how: signal.Signals
) -> None:
    file = tmp_path / "log.jsonl"
    done = interrupted(["export", str(file)], long.environment, tmp_path / "log.jsonl.part", how)
    assert done.code in ENDED[how]
    assert not file.exists()
    assert run(["export", str(file)], long.environment, COMPLETES).code == DONE
    assert file.read_bytes() == long_file.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


def test_a_command_that_is_ended_leaves_the_terminal_and_the_folder_as_they_were(long: Server, tmp_path: Path) -> None:
    arguments, draft = ["export", str(tmp_path / "log.jsonl")], tmp_path / "log.jsonl.part"
    seen = interrupted(arguments, long.environment, draft, signal.SIGTERM).err
    assert list(tmp_path.iterdir()) == []
    assert seen.rfind("\x1b[?25h") >= seen.rfind("\x1b[?25l"), "the cursor is shown again"


@SIGNALS
def test_an_import_that_is_interrupted_is_whole_as_far_as_it_goes_and_the_next_one_completes(
    server: Server, long_file: Path, tmp_path: Path, how: signal.Signals
) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(b"".join(long_file.read_bytes().splitlines(keepends=True)[:IMPORTED]))
    done = interrupted(["import", str(file)], server.environment, "importing", how)
    assert (done.code in ENDED[how], done.out) == (True, "")
    assert check_log(server).seq < IMPORTED
    assert run(["import", str(file)], server.environment, COMPLETES).code == DONE
    assert check_log(server).seq == IMPORTED
    told(COMMANDS["check"], server.environment, DONE, "")


@SIGNALS
def test_a_rebuild_that_is_interrupted_leaves_each_row_old_or_right_and_the_next_one_completes(
    long_template: Path, tmp_path: Path, how: signal.Signals
) -> None:
    for server in start_copy(long_template, tmp_path / "pocketbase"):
        server.attach("items", lock=False)
        with closing(server.database()) as database, database:
            database.execute("UPDATE items SET note = 'wrong'")
        done = interrupted(["rebuild"], server.environment, "writing", how)
        assert (done.code in ENDED[how], done.out) == (True, "")
        with closing(server.database()) as database:
            rows = database.execute("SELECT COUNT(*), SUM(note = 'wrong'), SUM(note LIKE 'n%') FROM items").fetchone()
        assert rows[0] == LONG // 5 == rows[1] + rows[2]
        assert run(["rebuild"], server.environment, COMPLETES).code == DONE
        told(COMMANDS["check"], server.environment, DONE, "")


@SIGNALS
def test_an_adoption_that_is_interrupted_may_be_run_again(server: Server, how: signal.Signals) -> None:
    server.create_collection("notes", [{"name": "title", "type": "text"}])
    with closing(server.database()) as database, database:
        rows = [(item_id(number), f"note {number}") for number in range(ADOPTED)]
        database.executemany("INSERT INTO notes (id, title) VALUES (?, ?)", rows)
    adopt = ["attach", "notes", "--allow", "", "--adopt"]
    done = interrupted(adopt, server.environment, "recorded", how)
    assert (done.code in ENDED[how], done.out) == (True, "")
    assert check_log(server).seq < ADOPTED
    assert "notes is attached" in run(adopt, server.environment, COMPLETES).out
    assert check_log(server).seq == ADOPTED
    told(COMMANDS["check"], server.environment, DONE, "")


@SIGNALS
@pytest.mark.parametrize("arguments", [["run"], ["run", "--once"]], ids=" ".join)
def test_a_worker_that_is_interrupted_ends_its_transaction_and_exits_with_0(
    server: Server, arguments: list[str], how: signal.Signals
) -> None:
    server.guest().append_all(*(create(number) for number in range(500)))
    assert interrupted(arguments, server.environment, "recorded", how).code == DONE
    assert check_log(server).seq > 0
    assert run(["run", "--once"], server.environment).code == DONE
    assert check_log(server).seq == 500


@SIGNALS
def test_serve_that_is_interrupted_while_it_starts_leaves_nothing_running(tmp_path: Path, how: signal.Signals) -> None:
    port = free_port()
    arguments = ["serve", "--http", f"127.0.0.1:{port}", "--dir", str(tmp_path)]
    done = interrupted(arguments, NOBODY, tmp_path / "data" / "data.db", how)
    assert done.code in (DONE, PROBLEM)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


@ON_LINUX
def test_an_interrupt_before_a_command_has_begun_is_no_traceback(ready: Server) -> None:
    with command(*COMMANDS["status"], env=ready.environment) as process:
        maps = Path(f"/proc/{process.pid}/maps")
        eventually(lambda: "pydantic_core" in maps.read_text(), "the first of what it imports")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE)
    assert (process.returncode in (*ENDED[signal.SIGINT], -signal.SIGINT), out) == (True, "")
    assert_civil(err)


@pytest.fixture
def asking(server: Server) -> Server:
    """A PocketBase where a rebuild has to remove a row."""
    server.attach("items", lock=False)
    with closing(server.database()) as database, database:
        database.execute("INSERT INTO items (id, title) VALUES (?, 'extra')", [item_id(1)])
    return server


def rows_of(server: Server) -> int:
    with closing(server.database()) as database:
        return int(database.execute("SELECT COUNT(*) FROM items").fetchone()[0])


@pytest.mark.parametrize("stdin", ["<&-", "</dev/null"])
def test_a_rebuild_that_nobody_can_answer_says_to_give_yes_and_changes_nothing(asking: Server, stdin: str) -> None:
    done = redirected(stdin, ["rebuild", "--json"], asking.environment)
    assert done.code == WRONG_USAGE, done.told
    assert "--yes" in done.err
    assert done.out == ""
    assert rows_of(asking) == 1


def test_an_interrupt_at_the_question_changes_nothing(asking: Server) -> None:
    done = interrupted(["rebuild"], asking.environment, "Remove 1 row", signal.SIGINT, stdin=Terminal)
    assert done.code in (PROBLEM, WRONG_USAGE, *ENDED[signal.SIGINT])
    assert rows_of(asking) == 1


# -- output that nobody takes ----------------------------------------------------------------------------------

# What prints and, run again, changes nothing.
PRINTING = {
    "--help": ["--help"],
    **{name: arguments for name, arguments in COMMANDS.items() if name not in ("run", "attach --adopt", "detach")},
    "check, a table": ["check"],
}
NO_SPACE = "can't be written (No space left on device)"
ON_A_FULL_DISK = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


def abandoned(arguments: Sequence[str], env: dict[str, str]) -> Done:
    """The command, its standard output a pipe that nobody reads from any more."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return run(arguments, env, stdout=writing)
    finally:
        os.close(writing)


@ON_A_FULL_DISK
@pytest.mark.parametrize("name", PRINTING)
def test_where_standard_output_is_full_every_command_says_so(ready: Server, exported: Path, name: str) -> None:
    arguments = [argument.format(file=exported) for argument in PRINTING[name]]
    done = redirected(">/dev/full", arguments, ready.environment)
    assert done.code == PROBLEM, done.told
    assert done.err.endswith(f"Error: standard output {NO_SPACE}.\n")


@pytest.mark.parametrize(
    "name", ["--help", "init", "run --once", "verify", "check, a table", "show", "export", "import"]
)
def test_a_reader_that_has_left_ends_every_command_without_a_word(ready: Server, exported: Path, name: str) -> None:
    done = abandoned([argument.format(file=exported) for argument in PRINTING[name]], ready.environment)
    assert done.code == PROBLEM, done.told
    assert done.err == ""


@pytest.mark.parametrize("name", ["--help", "init", "run --once", "check, a table", "export"])
def test_without_standard_output_commands_do_their_work_and_an_export_is_refused(
    ready: Server, exported: Path, name: str
) -> None:
    arguments = [argument.format(file=exported) for argument in PRINTING[name]]
    done = redirected(">&-", arguments, ready.environment)
    assert done.out == ""
    if name == "export":
        assert done.code == PROBLEM
        assert "can't be written" in done.err
    else:
        assert done.code in (DONE, PROBLEM)


@pytest.mark.parametrize("name", PRINTING)
def test_without_standard_error_commands_print_what_they_always_print(ready: Server, exported: Path, name: str) -> None:
    arguments = [argument.format(file=exported) for argument in PRINTING[name]]
    done = redirected("2>&-", arguments, ready.environment)
    assert done.code == DONE, done.out
    assert done.out
    if "--json" in arguments:
        json.loads(done.out)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["retry", "nosuchevent0001", "--json"], WRONG_USAGE), (["--url", "http://127.0.0.1:1", "status"], UNREACHABLE)],
    ids=["wrong usage", "unreachable"],
)
def test_without_standard_error_what_is_wrong_is_not_put_among_the_results(
    ready: Server, arguments: list[str], code: int
) -> None:
    assert redirected("2>&-", arguments, ready.environment) == Done(code, "", "")


def test_a_collection_is_detached_although_nobody_takes_the_news(server: Server) -> None:
    assert abandoned(["detach", "items"], server.environment).code == PROBLEM
    assert json.loads(told(COMMANDS["status"], server.environment, DONE, "").out)["targets"] == []


@ON_A_FULL_DISK
def test_an_export_to_a_full_disk_says_so(ready: Server) -> None:
    told(["export", "/dev/full"], ready.environment, WRONG_USAGE, f"/dev/full {NO_SPACE}")
    assert Path("/dev/full").is_char_device()


def test_an_export_that_grows_too_large_leaves_no_file(long: Server, tmp_path: Path) -> None:
    limited = ["-c", 'ulimit -f 8; exec "$0" "$@"', EXECUTABLE, "export", str(tmp_path / "log.jsonl")]
    done = subprocess.run(
        ["/bin/sh", *limited], env=long.environment, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert (done.returncode, done.stdout) == (WRONG_USAGE, "")
    assert "log.jsonl can't be written (File too large)" in done.stderr
    assert list(tmp_path.iterdir()) == []


@ON_A_FULL_DISK
def test_serve_that_can_not_say_where_it_is_ends_and_its_pocketbase_too(tmp_path: Path) -> None:
    port = free_port()
    arguments = ["serve", "--http", f"127.0.0.1:{port}", "--dir", str(tmp_path)]
    done = redirected(">/dev/full", arguments, NOBODY)
    assert done.code == PROBLEM, done.told
    assert NO_SPACE in done.err
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def test_serve_works_without_standard_error(tmp_path: Path) -> None:
    arguments = ["serve", "--http", f"127.0.0.1:{free_port()}", "--dir", str(tmp_path)]
    with subprocess.Popen(
        ["/bin/sh", "-c", 'exec "$0" "$@" 2>&-', EXECUTABLE, *arguments], env=NOBODY, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            welcome = ""
            while "Ctrl-C" not in welcome and (line := process.stdout.readline()):
                welcome += line
            assert "Admin UI" in welcome
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE) == DONE
        finally:
            process.kill()
