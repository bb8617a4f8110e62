"""The README's shell lines, run as they stand there."""

import re
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

from support import Server, command, eventually, live_rows, run_command

from pocketbase_events.jobs.serve import install_demo

README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCKS = [block.replace("\\\n", "") for block in re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)]
ITEM = "abc123def456ghi"  # the one that the README asks about


def lines(program: str) -> list[str]:
    return [line for block in BLOCKS for line in block.splitlines() if line.startswith(f"{program} ")]


def test_every_line_of_the_command_does_what_the_readme_says(bare: Server, tmp_path: Path) -> None:
    bare.create_collection("notes", [{"name": "body", "type": "text"}, {"name": "owner", "type": "text"}])
    shown = [shlex.split(line, comments=True)[1:] for line in lines("pocketbase-events")]
    assert [arguments[0] for arguments in shown[:3]] == ["init", "attach", "run"]
    for arguments in shown:
        if arguments[0] == "run":
            bare.superuser().append("create", ITEM, {"body": "x"}, "notes")
            with command(*arguments, env=bare.environment):
                eventually(lambda: live_rows(bare, ("body",), "notes"), "the row")
            continue
        if "--adopt" in arguments:
            assert run_command("detach", "notes", env=bare.environment).returncode == 0
        done = run_command(*arguments, env=bare.environment, cwd=tmp_path)
        assert done.returncode == 0, (arguments, done.stderr)
    assert {arguments[0] for arguments in shown} >= {"status", "verify", "check", "history", "export"}
    assert (tmp_path / "backup.jsonl").exists()


def test_what_curl_appends_becomes_a_row(server: Server) -> None:
    install_demo(server.admin())
    server.guest().append("create", "milk00000000001", {"title": "Milk"}, "shopping_items")
    bash = shutil.which("bash")
    assert bash is not None
    for line in lines("curl"):
        here = line.replace("http://127.0.0.1:8090", server.url)
        done = subprocess.run([bash, "-c", here], capture_output=True, text=True, timeout=20, check=True)
        assert '"seq":0' in done.stdout
    assert run_command("run", "--once", env=server.environment).stdout.startswith("Recorded 2, rejected 0")
    assert live_rows(server, ("done",), "shopping_items")["milk00000000001"] == {"done": True}


def test_a_shell_completes_commands_and_options() -> None:
    executable = str(Path(sysconfig.get_path("scripts")) / "pocketbase-events")
    for words, completed in (("ver", "verify"), ("attach --ad", "--adopt")):
        typed = ["pocketbase-events", *words.split()]
        environment = {
            "_POCKETBASE_EVENTS_COMPLETE": "complete_bash",
            "COMP_WORDS": " ".join(typed),
            "COMP_CWORD": str(len(typed) - 1),
        }
        done = subprocess.run([executable], env=environment, capture_output=True, text=True, timeout=20, check=False)
        assert completed in done.stdout.split()
