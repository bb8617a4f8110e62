"""The npm package among the tools of JavaScript developers: a bundler, generated types, the oldest SDK."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from support import SUPERUSER, Server, command
from support.todos import make_todos
from todo_app import click_title, save, shows, sign_in, start_app
from windows import JAVASCRIPT, run_script

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("javascript_packages", "javascript_tools")]
TOOLS = JAVASCRIPT / "tools"


def run_tool(folder: Path, *command: str) -> None:
    done = subprocess.run(["node", *command], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_app_gets_back_the_same_from_the_oldest_sdk(server: Server) -> None:
    server.user("ann")
    server.user("ben")
    make_todos(server)
    with command("run", env=server.environment):
        assert json.loads(run_script(server, "compare.mjs", node=("--import", str(TOOLS / "oldest.mjs")))) == []
        for script in ("events.mjs", "history.mjs"):
            run_script(server, script, node=("--import", str(TOOLS / "oldest.mjs")))


def test_an_app_with_the_types_of_pocketbase_typegen_passes_the_strict_type_checker(
    server: Server, tmp_path: Path
) -> None:
    make_todos(server)
    (tmp_path / "node_modules").symlink_to(JAVASCRIPT / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    options = json.loads((JAVASCRIPT / "tsconfig.json").read_text())
    (tmp_path / "tsconfig.json").write_text(json.dumps({**options, "files": ["generated.mts"]}))
    shutil.copy(TOOLS / "generated.mts", tmp_path)
    typegen = str(TOOLS / "node_modules" / "pocketbase-typegen" / "dist" / "cli.js")
    given = ("--url", server.url, "--email", SUPERUSER[0], "--password", SUPERUSER[1], "--out", "pocketbase-types.ts")
    run_tool(tmp_path, typegen, *given)
    run_tool(tmp_path, "node_modules/typescript/bin/tsc", "-p", ".")


@pytest.mark.browser
def test_an_app_that_vite_has_bundled_works(server: Server, chromium: Browser, tmp_path: Path) -> None:
    start_app(server, events=True)
    public, app = server.folder / "pb_public", tmp_path / "app"
    public.rename(app)
    shutil.rmtree(app / "pocketbase-events")
    page = (app / "index.html").read_text()
    start, _, rest = page.partition('  <script type="importmap">')
    (app / "index.html").write_text(start + rest.partition("</script>\n")[2])
    (app / "node_modules").symlink_to(JAVASCRIPT / "node_modules")
    vite = str(TOOLS / "node_modules" / "vite" / "bin" / "vite.js")
    run_tool(app, vite, "build", "--target", "esnext", "--outDir", str(public), "--logLevel", "warn")
    with command("run", env=server.environment), chromium.new_page() as opened:
        opened.goto(server.url)
        sign_in(opened)
        save(opened, Title="Milk")
        shows(opened, "Milk 0 times")
        click_title(opened)
        expect(opened.locator("ol li")).to_have_count(1)
