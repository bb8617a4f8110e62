"""Where no PocketBase answers, every command says so and exits with 3."""

import json
import signal
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support import Server, command, eventually
from support.command_line import assert_civil
from support.every_command import (
    COMMANDS,
    DEADLINE,
    DONE,
    NOBODY,
    SILENCE,
    UNREACHABLE,
    VECTORS,
    WRONG_USAGE,
    environment,
    run,
    told,
)
from support.strangers import STRANGERS, Silent, serving, tcp

from pocketbase_events.errors import OutcomeUnknownError, UnreachableError
from pocketbase_events.pb.batch import send_batch
from pocketbase_events.pb.connection import Connection

# -- who answers at the address --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stranger", "name"), [(stranger, name) for stranger, (*_, names) in STRANGERS.items() for name in names]
)
def test_if_no_pocketbase_answers_every_command_says_so_and_exits_with_3(
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


def test_a_redirect_is_reported_and_never_taken_for_a_committed_transaction(ready: Server) -> None:
    token = ready.gateway().token()
    with (
        serving(ThreadingHTTPServer(("127.0.0.1", 0), Redirecting)) as url,
        closing(Connection(url, lambda: token)) as connection,
    ):
        for ask in (lambda: send_batch(connection, []), lambda: connection.items("event_log")):
            with pytest.raises((OutcomeUnknownError, UnreachableError), match=r"redirects to https://example\.com/api"):
                ask()


@pytest.mark.parametrize("stranger", ["nobody", "a web site"])
def test_a_worker_says_that_it_waits_for_its_pocketbase_and_stops_when_asked_to(
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


@pytest.mark.slow
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


# -- names, ids, moments, addresses ----------------------------------------------------------------------------

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
def test_an_invalid_address_is_reported(ready: Server, url: str, code: int, says: str) -> None:
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
