"""Fixtures: a PocketBase without the log, and one with it and the collection `items` attached."""

import fcntl
import json
import logging
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright

pytest.register_assert_rewrite("support")  # so that assertions there show their values, too
from support import DEADLINE, Server, set_up, start_copy  # noqa: E402
from support.server import SUPERUSER, hash_cheaply  # noqa: E402

# Whatever else the machine does, time decides nothing. The quick profile has the same examples each time.
PATIENT = {
    "deadline": None,
    "suppress_health_check": [
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
        HealthCheck.function_scoped_fixture,
    ],
}
settings.register_profile("quick", max_examples=40, derandomize=True, **PATIENT)
settings.register_profile("all", max_examples=240, **PATIENT)
settings.load_profile("quick")

JAVASCRIPT = Path(__file__).parent / "javascript"
QUIET = ("background-networking", "component-update", "gpu", "quic", "sync")  # what Chromium shall do without


@pytest.fixture(scope="session")
def bare_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a PocketBase that has been started once."""
    folder = tmp_path_factory.mktemp("bare")
    server = Server(folder)
    server.start()
    hash_cheaply(server, "users")
    hash_cheaply(server, "_superusers", SUPERUSER[1])
    server.close()
    return folder


@pytest.fixture(scope="session")
def installed_template(bare_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a PocketBase with the log and an attached collection `items`."""
    folder = tmp_path_factory.mktemp("installed") / "pocketbase"
    shutil.copytree(bare_template, folder)
    set_up(Server(folder))
    return folder


@pytest.fixture
def bare(bare_template: Path, tmp_path: Path) -> Iterator[Server]:
    """A PocketBase without the log."""
    yield from start_copy(bare_template, tmp_path / "pocketbase")


@pytest.fixture
def server(installed_template: Path, tmp_path: Path) -> Iterator[Server]:
    """A PocketBase with the log; anyone may append to `items`."""
    yield from start_copy(installed_template, tmp_path / "pocketbase")


@pytest.fixture
def locks(server: Server) -> None:
    """Only where log and rows can be locked against superusers."""
    if not server.locks:
        pytest.skip("this PocketBase has no SQL endpoint, so nothing is locked")


@pytest.fixture
def caplog_events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The log entries of this process, as they are written."""
    entries: list[dict[str, Any]] = []
    handler = logging.Handler()
    handler.emit = lambda record: entries.append(  # type: ignore[method-assign]
        {"event": record.event, "log_level": record.levelname.lower(), **record.facts}  # type: ignore[attr-defined]
    )
    logger = logging.getLogger("pocketbase_events")
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "level", logging.INFO)
    return entries


@pytest.fixture(scope="session")
def javascript_packages() -> None:
    """The pinned packages beside the scripts; npm installs what is missing."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"THE JAVASCRIPT TESTS DID NOT RUN: no {program} on the PATH. Install Node.js 20 or newer.")
    _install(JAVASCRIPT)
    ours = JAVASCRIPT / "node_modules" / "pocketbase-events"
    with suppress(FileExistsError):  # another process of this test run is as fast
        ours.symlink_to(JAVASCRIPT.parents[1] / "javascript")


@pytest.fixture(scope="session")
def javascript_tools() -> None:
    """A bundler, a generator of types, and the oldest SDK that is supported, pinned as well."""
    _install(JAVASCRIPT / "tools")


def _install(folder: Path) -> None:
    """Let npm install what is missing there, without the packages' own scripts, which would compile for minutes."""
    with (folder / "package.json").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # other processes of this test run want them, too
        pinned = json.load(file)["dependencies"]
        versions = {name: version.rpartition("@")[2] for name, version in pinned.items()}
        if {name: _installed_version(folder, name) for name in pinned} != versions:
            npm = ("npm", "install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund")
            npm = (*npm, "--fetch-retries=5")
            done = subprocess.run(npm, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
            assert done.returncode == 0, done.stderr


def _installed_version(folder: Path, name: str) -> str | None:
    manifest = folder / "node_modules" / name / "package.json"
    return str(json.loads(manifest.read_text())["version"]) if manifest.exists() else None


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser without a screen, of the machine's own Chromium."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(
            f"THE BROWSER TESTS DID NOT RUN: no {', '.join(names)} on the PATH. Install one, or name it in CHROMIUM."
        )
    arguments = ["--no-sandbox", "--no-first-run", *(f"--disable-{what}" for what in QUIET)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments, timeout=DEADLINE * 1000)
        yield browser
        browser.close()
