"""Speaking HTTP to PocketBase: one policy for everything that is sent, and a name for what goes wrong on the way.

Proxies are those of HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, SOCKS included. A server's certificate is checked
against the authorities of `CERTIFICATES`, or else the usual ones. No .netrc is read, no redirect is followed, and
nothing is sent without a time-out.
"""

import os
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPException, RemoteDisconnected
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, select_proxy
from urllib3.exceptions import HTTPError

from pocketbase_events.errors import (
    CertificateRefusedError,
    NotPocketBaseError,
    ProxyFailedError,
    UnreachableError,
    WrongSchemeError,
    WrongUsageError,
)

CONNECTS_WITHIN = 3.05  # seconds
CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")  # variables, each names a file or a folder
SOCKS = "SOCKS proxies need one more package: pip install 'pocketbase-events[socks]'."
PROXY = "Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, or name the host in NO_PROXY."
SHOWN = 80  # characters of what answers instead of PocketBase
FROM_A_PROXY = (HTTPStatus.PROXY_AUTHENTICATION_REQUIRED, HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT)
_NO_TLS = re.compile("WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|HTTP_REQUEST|UNKNOWN_PROTOCOL|PACKET_LENGTH_TOO_LONG")
_TLS_RECORDS = (b"\x15", b"\x16")  # how an alert and a handshake begin
_WANTS_TLS = re.compile(rb"HTTP request (was sent )?to (an )?HTTPS|plain HTTP to an SSL", re.IGNORECASE)
_ADVICE = {  # by OpenSSL's number of what is wrong with a certificate
    10: "Renew it, or set this machine's clock.",
    62: "Use a name in POCKETBASE_URL that the certificate is for.",
    64: "Use a name in POCKETBASE_URL that the certificate is for.",
}
_OWN_AUTHORITY = "If it is signed by an authority of your own, name the authority's file in SSL_CERT_FILE."


class Transport:
    """Requests to one PocketBase. Threads may share it: each request takes a connection of its own.

    Proxies and certificates are looked up once: to do it for each request takes as long as the request.

    Args:
        url: PocketBase's address.

    Raises:
        WrongUsageError: if a variable for certificates does not name any.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._proxies = get_environ_proxies(url, no_proxy=None)
        self._proxy = select_proxy(url, self._proxies) or ""
        uses_tls = "https" in (urlsplit(url).scheme, self._proxy.partition("://")[0].lower())
        self._adapter = _Adapter(_context() if uses_tls else None)

    def close(self) -> None:
        """Close all connections."""
        self._adapter.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        answers_within: float,
        stream: bool = False,
        **options: Any,  # noqa: ANN401 - requests' own
    ) -> requests.Response:
        """Ask, and hand the answer on, whatever its status.

        Args:
            method: GET, POST and so on.
            path: what follows PocketBase's address.
            answers_within: seconds without a word from PocketBase.
            stream: don't read the answer yet.
            options: headers, params, json and so on, as `requests` has them.

        Raises:
            UnreachableError: if nothing answers, or something other than PocketBase.
        """
        request = requests.PreparedRequest()
        try:
            request.prepare(method, self._url + path, **options)
            # Straight to the adapter: a session would look for redirects, cookies and a .netrc, each time.
            response = self._adapter.send(
                request,
                stream=stream,
                timeout=(min(CONNECTS_WITHIN, answers_within), answers_within),
                proxies=self._proxies,
            )
            _ = stream or response.content  # read it, which sets the connection free
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise self._named(error) from None
        self._refuse_others(response)
        return response

    def _refuse_others(self, response: requests.Response) -> None:
        """Refuse the answer of somebody else: of a proxy, of a server that redirects or that speaks TLS."""
        if response.is_redirect:
            raise UnreachableError(url=self._url, why=f"it redirects to {response.headers['location'][:200]}")
        if self._proxy and response.status_code in FROM_A_PROXY:
            raise self._proxy_failed(f"it answered with status {response.status_code}")
        if response.status_code == HTTPStatus.BAD_REQUEST and _WANTS_TLS.search(response.content[:1000]):
            raise WrongSchemeError(url=self._url, why="it speaks TLS there", scheme="https")

    def _named(self, error: Exception) -> Exception:
        """What went wrong, by its name."""
        if "SOCKS support" in repr(error):
            return self._proxy_failed("it is a SOCKS proxy", SOCKS)
        if isinstance(error, requests.exceptions.SSLError):
            return self._tls_failed(error)
        if self._proxy:
            return self._proxy_failed(_reason(error))
        hung_up = (ConnectionResetError, HTTPException)
        if any(isinstance(each, hung_up) for each in _chain(error)) and _speaks_tls(self._url):
            return WrongSchemeError(url=self._url, why="it speaks TLS there", scheme="https")
        return UnreachableError(url=self._url, why=_reason(error))

    def _tls_failed(self, error: Exception) -> Exception:
        refused = next((each for each in _chain(error) if isinstance(each, ssl.SSLCertVerificationError)), None)
        if refused is not None:
            advice = _ADVICE.get(refused.verify_code, _OWN_AUTHORITY)
            return CertificateRefusedError(url=self._url, why=refused.verify_message.rstrip("."), advice=advice)
        if _NO_TLS.search(repr(error)):
            return WrongSchemeError(url=self._url, why="it speaks no TLS there", scheme="http")
        return UnreachableError(url=self._url, why=_reason(error))

    def _proxy_failed(self, why: str, advice: str = PROXY) -> ProxyFailedError:
        scheme, _, rest = self._proxy.rpartition("://")
        shown = f"{scheme or 'http'}://{rest.rpartition('@')[2]}"  # without a password
        return ProxyFailedError(url=self._url, proxy=shown, why=why, advice=advice)


class _Adapter(HTTPAdapter):
    """Takes certificates from one TLS context, for PocketBase and for proxies alike."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - requests' own
        super().init_poolmanager(*arguments, ssl_context=self._context, **options)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:  # noqa: ANN401 - requests' own
        return super().proxy_manager_for(proxy, ssl_context=self._context, **options)

    def cert_verify(self, *_: object) -> None:
        """Load no certificates besides those of the context, which demands and checks them."""


def no_pocketbase(url: str, response: requests.Response) -> NotPocketBaseError:
    """The error for an answer that PocketBase would not give; it shows what a page calls itself."""
    title = re.search(r"<title[^>]*>\s*([^<]+?)\s*<", response.text[:10_000], re.IGNORECASE)
    named = f', but a page titled "{title[1][:SHOWN]}"' if title else ""
    return NotPocketBaseError(url=url, what=f"{named} (status {response.status_code})")


@contextmanager
def without_proxy(host: str) -> Iterator[None]:
    """Ask this host directly as long as the block lasts, since we have started it ourselves on this machine."""
    before = os.environ.get("no_proxy")
    os.environ["no_proxy"] = ",".join(filter(None, (before or os.environ.get("NO_PROXY"), host)))
    try:
        yield
    finally:
        os.environ.pop("no_proxy")
        if before is not None:
            os.environ["no_proxy"] = before


def _context() -> ssl.SSLContext:
    """Trusts the authorities of every file, or folder, that the environment names; the usual ones if it names none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    named = {variable: os.environ[variable] for variable in CERTIFICATES if os.environ.get(variable)}
    for variable, path in (named or {"": DEFAULT_CA_BUNDLE_PATH}).items():
        try:
            context.load_verify_locations(**{"capath" if Path(path).is_dir() else "cafile": path})
        except OSError:
            raise WrongUsageError(why=f"{variable} names {path}, which is not a file of certificates (PEM).") from None
    return context


def _speaks_tls(url: str) -> bool:
    """Whether what listens at an address answers the greeting of TLS in kind. No request is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    there = urlsplit(url)
    greeting = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), greeting, server_hostname=there.hostname).do_handshake()
    # An `SSLSocket` is not used: if the server hangs up at once, it leaks the socket or claims to be connected.
    try:
        with socket.create_connection((there.hostname, there.port or 80), CONNECTS_WITHIN) as connection:
            connection.sendall(greeting.read())
            return connection.recv(1) in _TLS_RECORDS
    except OSError:
        return False


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception, and those that it was raised in the handling of, or that it holds."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [*each.args, getattr(each, "reason", None), each.__cause__, each.__context__]


def _reason(error: Exception) -> str:
    """The reason in a few words: the system's, if it gave one."""
    if isinstance(error, requests.exceptions.ReadTimeout):
        return "it gave no answer in time"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "it can't be connected to in time"
    inner = [each for each in _chain(error) if not isinstance(each, requests.RequestException)]
    if any(isinstance(each, RemoteDisconnected) for each in inner):
        return "it closed the connection without an answer"
    if any(isinstance(each, HTTPException) for each in inner):
        return "what answers speaks no HTTP"
    told = [each.strerror or str(each) for each in inner if isinstance(each, OSError)]
    return told[-1] if told and told[-1] else type(error).__name__
