"""Everything that is sent goes through the proxy that the environment names, and a proxy that fails is named."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support import Server, command, eventually, free_port, live_rows
from support.every_command import COMMANDS, DONE, SILENCE, UNREACHABLE, environment, told
from support.middlemen import HttpProxy, Middleman, SocksProxy, middleman
from support.workers import hears, start_worker

PASSWORD = "password-in-the-url"
HOW = {"HTTP_PROXY": (HttpProxy, "http"), "all_proxy": (HttpProxy, "http"), "ALL_PROXY": (SocksProxy, "socks5")}


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.mark.parametrize("variable", HOW)
def test_a_worker_does_all_its_work_through_the_proxy(server: Server, processes: ExitStack, variable: str) -> None:
    handler, scheme = HOW[variable]
    proxy = processes.enter_context(middleman(handler))
    _, log = start_worker(processes, server, **{variable: f"{scheme}://127.0.0.1:{proxy.port}"})
    server.guest().append("create", "milk00000000001", {"title": "Milk"})
    eventually(lambda: live_rows(server, ("title",)), "the row")
    eventually(lambda: hears(server), "realtime")
    assert log.realtime_lost() == []
    if handler is HttpProxy:
        asked = {path.partition("/api/")[2].partition("?")[0] for path in proxy.asked}
        assert {"realtime", "batch", "collections/event_workers/auth-with-password"} <= asked
    else:
        assert len(proxy.asked) >= 3, "logging in, the stream, and the work"
        assert set(proxy.asked) == {f"127.0.0.1:{server.port}"}


@pytest.mark.parametrize("name", ["init", "status"])
def test_no_proxy_is_asked_for_a_host_that_no_proxy_names(server: Server, name: str) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    everywhere = {"HTTP_PROXY": nobody, "HTTPS_PROXY": nobody, "ALL_PROXY": nobody, "NO_PROXY": "other.test,127.0.0.1"}
    told(COMMANDS[name], {**environment(server.url), **everywhere}, DONE, "")


def answering(status: bytes) -> bytes:
    return b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


# By name: the proxy's address, how it answers, and what is said.
PROXIES = {
    "nobody": ("http://127.0.0.1:{nobody}", b"", "Connection refused"),
    "nobody, SOCKS": ("socks5h://127.0.0.1:{nobody}", b"", "Connection refused"),
    "asks for a password": ("http://127.0.0.1:{port}", answering(b"407 Proxy Authentication Required"), "407"),
    "refuses the password": ("http://me:" + PASSWORD + "@127.0.0.1:{port}", answering(b"407 No"), "407"),
    "reaches nobody": ("http://127.0.0.1:{port}", answering(b"502 Bad Gateway"), "502"),
    "is none": ("http://127.0.0.1:{port}", b"220 mail.example.com ESMTP\r\n", "speaks no HTTP"),
    "another scheme": ("gopher://127.0.0.1:{port}", b"", "gopher://127.0.0.1"),
    "no host": ("http://", b"", "proxy http://"),
    "no address": ("http://[bad", b"", "proxy http://[bad"),
    "no scheme": ("127.0.0.1:{nobody}", b"", "proxy http://127.0.0.1"),
    "SOCKS, and is none": ("socks5://127.0.0.1:{port}", answering(b"400 Bad Request"), "proxy socks5://127.0.0.1"),
}


@pytest.fixture(scope="module")
def proxy() -> Iterator[Middleman]:
    with middleman(HttpProxy) as listening:
        yield listening


@pytest.mark.slow
@pytest.mark.parametrize("name", ["init", "status"])
@pytest.mark.parametrize("kind", PROXIES)
def test_a_proxy_that_fails_is_named_and_no_other_reason(proxy: Middleman, name: str, kind: str) -> None:
    address, proxy.refusal, says = PROXIES[kind]
    variables = {"ALL_PROXY": address.format(port=proxy.port, nobody=free_port())}
    done = told(COMMANDS[name], {**environment("http://127.0.0.1:1"), **variables}, UNREACHABLE, "through the proxy")
    assert says in done.err
    assert "NO_PROXY" in done.err
    assert "Is it running" not in done.err


def test_a_tunnel_that_a_proxy_refuses_is_named(proxy: Middleman) -> None:
    proxy.refusal = answering(b"403 Forbidden")
    variables = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"}
    done = told(COMMANDS["status"], {**environment("https://127.0.0.1:1"), **variables}, UNREACHABLE, "the proxy")
    assert "403" in done.err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["init", "status"])
def test_the_package_that_socks_needs_is_named_if_it_is_missing(tmp_path: Path, name: str) -> None:
    (tmp_path / "socks.py").write_text("raise ImportError('as if PySocks were not installed')")
    variables = {"ALL_PROXY": "socks5://127.0.0.1:1", "PYTHONPATH": str(tmp_path)}
    env = {**environment("http://127.0.0.1:1"), **variables}
    with command(*COMMANDS[name], env=env) as process:  # which imports everything anew
        _, err = process.communicate(timeout=SILENCE)
    assert process.returncode == UNREACHABLE
    assert "through the proxy socks5://127.0.0.1:1" in err
    assert "pip install 'pocketbase-events[socks]'" in err
