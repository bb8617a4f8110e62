"""The shell lines of all pages, run as they stand there, page by page, in order."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import DEADLINE, Server, command, free_port
from support.pages import DOCS, PAGES, README, ROOT, blocks, commands, name_of

from pocketbase_events.jobs.serve import install_demo

ITEM = "abc123def456ghi"  # the one that the pages ask about
PATIENCE = 300  # seconds that a page may take
URL = "http://127.0.0.1:8090"  # the address in the pages
# Lines that are not run here, by how they begin, and why.
ELSEWHERE = {
    "docker ": "the tests of the containers run them",
    "cp .env.example": "the tests of the containers run it",
    "pip install": "CI installs the wheel into an empty environment",
    "python3 -m venv /opt": "likewise",
    "/opt/pocketbase-events/bin/pip": "likewise",
    "npm install ./javascript": "the tests of the npm package install it",
    "systemctl ": "the tests of the unit run it under a systemd in a container",
    "journalctl ": "likewise",
    "pocketbase-events attach notes --no-lock --dir /var": "the tests of attach open a stopped folder",
    "export POCKETBASE_SUPERUSER_PASSWORD=...": "the reader's own; the tests have theirs in the environment",
    "export POCKETBASE_SUPERUSER_EMAIL=you@": "likewise",
    "export POCKETBASE_EVENTS_WORKER_PASSWORD=...": "likewise",
    "export POCKETBASE_SUPERUSER_TOKEN=...": "likewise",
}
# What takes longer than a page may: make only says what it would do, pytest only what it would run. `serve` and `run`
# go on in the background, once they are at work.
PRELUDE = f"""
set -euo pipefail
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT
make() {{
  if [ "$*" != serve ] || [ -z "$SERVE_AT" ]; then command make -n "$@" >/dev/null; return; fi
  command pocketbase-events serve --http "$SERVE_AT" >welcome 2>&1 &
  until grep -q 'Admin UI' welcome; do kill -0 $! && sleep 0.1; done
}}
settled() {{  # what was appended to the demo is recorded or rejected
  [ -z "$SERVE_AT" ] || until command curl -fsS "http://$SERVE_AT/api/collections/events/records" \
    -G --data-urlencode "filter=seq = 0 && error = ''" | grep -qF '"items":[]'; do sleep 0.1; done
}}
curl() {{ settled; command curl "$@"; }}
pocketbase-events() {{
  if [ "$*" != run ]; then settled; command pocketbase-events "$@"; return; fi
  command pocketbase-events run >worker.log 2>&1 &
  until grep -q connected worker.log; do kill -0 $! && sleep 0.1; done
  curl -fsS -H "Authorization: $TOKEN" "$POCKETBASE_URL/api/collections/events/records" \
    -d type=create -d collection=notes -d item_id={ITEM} -d data='{{"body":"x"}}'
  until curl -fsS "$POCKETBASE_URL/api/collections/notes/records/{ITEM}"; do kill -0 $! && sleep 0.1; done
}}
.venv/bin/python() {{ command .venv/bin/python "$@" --collect-only -q; }}
"""
# Pages with tests of their own: these, and the one whose lines need three machines.
OWN = ("README.md", "operations.md", "tutorial.md", "scaling.md")
OTHERS = [page for page in PAGES if commands(page) and page.name not in OWN]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that looks like a checkout after `make`."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for path in ROOT.iterdir():
        if not path.name.startswith(".") and path.name not in ("pb_data", "dist"):
            (folder / path.name).symlink_to(path)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "my-app").mkdir()
    return folder


def is_elsewhere(line: str) -> bool:
    return line.startswith(tuple(ELSEWHERE))


def script(page: Path, url: str) -> str:
    """A page's shell, each block's output in a file of its own, numbered like the block."""
    lines = [PRELUDE]
    for number, block in enumerate(blocks(page)):
        if block.language != "sh":
            continue
        lines.append(f"exec >{number}.out 2>&1")
        for line in block.text.replace(URL, url).replace("\\\n", "").splitlines():
            if line.endswith("# exit code 1"):
                lines.append(f"code=0; {line.removesuffix('# exit code 1')} || code=$?; [ $code = 1 ]")
            elif not is_elsewhere(line):
                lines.append(line)
    return "\n".join(lines)


def run_page(page: Path, folder: Path, url: str, environment: dict[str, str]) -> None:
    """Run the page's shell, and compare with what the page shows of the output."""
    bash = shutil.which("bash")
    assert bash is not None
    path = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"
    given = {"SERVE_AT": "", "TOKEN": "", **environment, "PATH": path, "POCKETBASE_URL": url}
    (folder / "page.sh").write_text(script(page, url))
    done = subprocess.run(
        [bash, "page.sh"],
        cwd=folder,
        env=given,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    printed = sorted(folder.glob("*.out"), key=lambda file: int(file.stem))
    assert done.returncode == 0, f"{name_of(page)}: {printed[-1].read_text()}"
    compare_with_what_is_shown(page, folder)


def compare_with_what_is_shown(page: Path, folder: Path) -> None:
    """A block of text after one of shell is its output; an ellipsis stands for anything."""
    shown = blocks(page)
    for number, block in enumerate(shown[1:], 1):
        if block.language == "text" and shown[number - 1].language == "sh":
            printed = words((folder / f"{number - 1}.out").read_text())
            pattern = ".*".join(re.escape(words(part)) for part in re.split("…|\n", block.text) if part.strip())
            assert re.search(pattern, printed), f"{name_of(page)} shows {block.text!r}, printed is: {printed}"


def words(text: str) -> str:
    """The text without the lines of tables, and with one space between words."""
    return " ".join(re.sub(r"[\u2500-\u257f]", " ", text).split())


def make_notes(server: Server) -> None:
    """The reader's own collection."""
    owner = {"name": "owner", "type": "relation", "collectionId": "_pb_users_auth_", "maxSelect": 1}
    server.create_collection("notes", [{"name": "body", "type": "text"}, owner], viewRule="")


@pytest.mark.parametrize("page", [README, pytest.param(DOCS / "operations.md", marks=pytest.mark.slow)], ids=name_of)
def test_a_page_that_sets_the_log_up_does_what_it_says(page: Path, bare: Server, checkout: Path) -> None:
    make_notes(bare)
    token = str(bare.superuser().session.headers["Authorization"])
    run_page(page, checkout, bare.url, {**bare.environment, "TOKEN": token})
    assert (checkout / "backup.jsonl").exists() == (page != README)


@pytest.mark.slow
def test_the_tutorial_goes_from_nothing_to_history(checkout: Path) -> None:
    at = f"127.0.0.1:{free_port()}"
    given = {name: value for name, value in os.environ.items() if not name.startswith("POCKETBASE_")}
    run_page(DOCS / "tutorial.md", checkout, f"http://{at}", {**given, "SERVE_AT": at})


@pytest.fixture
def at_work(server: Server) -> Iterator[Server]:
    """A PocketBase with the demo, the reader's collection, and a worker."""
    install_demo(server.admin())
    make_notes(server)
    server.attach("notes")
    with command("run", env=server.environment):
        yield server


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[] if page.name == "rules.md" else pytest.mark.slow) for page in OTHERS],
    ids=name_of,
)
def test_the_other_pages_do_what_they_say(page: Path, at_work: Server, checkout: Path) -> None:
    run_page(page, checkout, at_work.url, at_work.environment)


def test_every_line_that_is_left_out_here_is_on_a_page() -> None:
    shown = [line for page in PAGES for line in commands(page)]
    for beginning in ELSEWHERE:
        assert any(line.startswith(beginning) for line in shown), beginning


def test_a_shell_completes_commands_and_options() -> None:
    executable = str(Path(sysconfig.get_path("scripts")) / "pocketbase-events")
    for typed, completed in (("ver", "verify"), ("attach --ad", "--adopt")):
        typed_words = ["pocketbase-events", *typed.split()]
        environment = {
            "_POCKETBASE_EVENTS_COMPLETE": "complete_bash",
            "COMP_WORDS": " ".join(typed_words),
            "COMP_CWORD": str(len(typed_words) - 1),
        }
        done = subprocess.run(
            [executable], env=environment, capture_output=True, text=True, timeout=DEADLINE, check=False
        )
        assert completed in done.stdout.split()
