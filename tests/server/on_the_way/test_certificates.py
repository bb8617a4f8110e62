"""One variable is enough for certificates of one's own, and what is wrong with a certificate or the scheme is named."""

import gc
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from support import Server, eventually, free_port, live_rows, start_copy
from support.every_command import COMMANDS, DONE, UNREACHABLE, WRONG_USAGE, environment, told
from support.middlemen import Middleman, TlsFront, middleman
from support.strangers import hangs_up, http, serving
from support.workers import hears, start_worker

from pocketbase_events.errors import UnreachableError
from pocketbase_events.pb.transport import CERTIFICATES, Transport

ELSEWHERE = dict.fromkeys(CERTIFICATES)  # takes the variables of this machine out


@pytest.fixture(scope="module")
def plain(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PocketBase that speaks no TLS."""
    yield from start_copy(installed_template, tmp_path_factory.mktemp("plain") / "pocketbase")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """An authority that nobody knows."""
    return trustme.CA()


@pytest.fixture(scope="module")
def secured(plain: Server) -> Iterator[Middleman]:
    """The same PocketBase behind a server that speaks TLS."""
    with middleman(TlsFront) as front:
        front.target = plain.port
        yield front


@pytest.fixture
def front(secured: Middleman, authority: trustme.CA) -> Middleman:
    """With a certificate that is right."""
    return certified(secured, authority.issue_cert("127.0.0.1"))


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> str:
    """The file of the authority's certificate."""
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    return str(tmp_path / "authority.pem")


def certified(front: Middleman, certificate: trustme.LeafCert) -> Middleman:
    front.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(front.tls)
    return front


def url(front: Middleman) -> str:
    return f"https://127.0.0.1:{front.port}"


@pytest.mark.slow
@pytest.mark.parametrize("variable", CERTIFICATES)
@pytest.mark.parametrize("name", ["init", "status"])
def test_any_one_variable_is_enough_for_an_authority_of_ones_own(
    front: Middleman, trusted: str, variable: str, name: str
) -> None:
    told(COMMANDS[name], environment(url(front), **{**ELSEWHERE, variable: trusted}), DONE, "")


def test_a_worker_does_all_its_work_over_tls(plain: Server, front: Middleman, trusted: str) -> None:
    with ExitStack() as processes:
        _, log = start_worker(processes, plain, POCKETBASE_URL=url(front), SSL_CERT_FILE=trusted)
        plain.guest().append("create", "milk00000000001", {"title": "Milk"})
        eventually(lambda: live_rows(plain, ("title",)), "the row")
        eventually(lambda: hears(plain), "realtime")
        assert log.realtime_lost() == []


@pytest.mark.parametrize("name", ["init", "status"])
def test_a_certificate_that_nobody_vouches_for_is_named_with_the_variable(front: Middleman, name: str) -> None:
    done = told(COMMANDS[name], environment(url(front)), UNREACHABLE, "certificate")
    assert "SSL_CERT_FILE" in done.err
    assert "Is it running" not in done.err


def test_a_certificate_for_another_name_or_from_the_past_is_named(
    secured: Middleman, authority: trustme.CA, trusted: str
) -> None:
    env = environment(url(secured), SSL_CERT_FILE=trusted)
    certified(secured, authority.issue_cert("pocketbase.example.com"))
    assert "certificate is for" in told(COMMANDS["status"], env, UNREACHABLE, "not valid for '127.0.0.1'").err
    certified(secured, authority.issue_cert("127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC)))
    assert "Renew it" in told(COMMANDS["status"], env, UNREACHABLE, "expired").err


@pytest.mark.parametrize("variable", CERTIFICATES)
def test_a_file_without_certificates_is_named_with_its_variable(
    front: Middleman, tmp_path: Path, variable: str
) -> None:
    (tmp_path / "none.pem").write_text("no certificate\n")
    for path in (tmp_path / "none.pem", tmp_path / "missing.pem"):
        env = environment(url(front), **{**ELSEWHERE, variable: str(path)})
        told(COMMANDS["status"], env, WRONG_USAGE, f"{variable} names {path}")


@pytest.mark.parametrize("name", ["init", "status"])
def test_tls_to_a_port_without_it_is_named(plain: Server, name: str) -> None:
    done = told(COMMANDS[name], environment(plain.url.replace("http:", "https:")), UNREACHABLE, "speaks no TLS")
    assert "http://" in done.err
    assert "Is it running" not in done.err


@pytest.mark.parametrize("name", ["init", "status"])
def test_plain_http_to_a_port_with_tls_is_named(front: Middleman, name: str) -> None:
    done = told(COMMANDS[name], environment(f"http://127.0.0.1:{front.port}"), UNREACHABLE, "speaks TLS")
    assert "https://" in done.err
    assert "Is it running" not in done.err


def test_a_server_that_hangs_up_at_once_is_not_taken_for_one_with_tls() -> None:
    with hangs_up() as url, closing(Transport(url)) as transport:
        for _ in range(100):  # which of the two is faster is a matter of luck
            with pytest.raises(UnreachableError):
                transport.send("GET", "/api/health", answers_within=5)
        gc.collect()  # warns of connections that were left open, and warnings are errors


def test_plain_http_to_the_tls_port_of_pocketbase_itself_is_named(plain: Server, tmp_path: Path) -> None:
    plain_port, tls_port = free_port(), free_port()
    command = [plain.binary, "serve", "--http", f"127.0.0.1:{plain_port}", "--https", f"127.0.0.1:{tls_port}"]
    with subprocess.Popen([*command, "--dir", str(tmp_path)], stdout=-3, stderr=-3) as process:
        try:
            env = environment(f"http://127.0.0.1:{tls_port}")
            eventually(lambda: is_told(COMMANDS["status"], env, "speaks TLS"), "the sentence")
        finally:
            process.terminate()


@pytest.mark.parametrize(
    "page",
    [
        b"<html><h1>400 Bad Request</h1>The plain HTTP request was sent to HTTPS port</html>",
        b"<p>Reason: You're speaking plain HTTP to an SSL-enabled server port.</p>",
    ],
)
def test_plain_http_to_a_web_server_with_tls_is_named(page: bytes) -> None:
    with serving(http(400, "text/html", page)) as address:
        told(COMMANDS["status"], environment(address), UNREACHABLE, "speaks TLS")
        told(COMMANDS["init"], environment(address), UNREACHABLE, "speaks TLS")


def is_told(arguments: list[str], env: dict[str, str], says: str) -> bool:
    try:
        told(arguments, env, UNREACHABLE, says)
    except AssertionError:
        return False
    return True
