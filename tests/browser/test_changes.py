"""Following the rows that changed, from JavaScript, through everything that networks and servers do."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from proxy import Proxy
from support import Server, check_log, command, eventually, item_id
from support.todos import make_todos
from windows import ANN, JAVASCRIPT, publish_scripts, script_in_page

pytestmark = pytest.mark.usefixtures("javascript_packages")
END = "1000000"  # a seq that no test reaches


@pytest.fixture
def versioned(server: Server) -> Server:
    """The rows of todos carry the seq of the last event that changed them, as attaching has it."""
    server.user("ann")
    make_todos(server)
    return server


class Following:
    """A script that prints every change."""

    def __init__(self, printed: Callable[[], list[str]]) -> None:
        self._printed = printed

    def seen(self) -> list[tuple[int, str, bool]]:
        return [tuple(json.loads(line)) for line in self._printed()]

    def last(self) -> int:
        return max((seq for seq, _, _ in self.seen()), default=0)


Follow = Callable[..., AbstractContextManager[Following]]


def whole_lines(output: Path) -> list[str]:
    return output.read_text().rpartition("\n")[0].splitlines()


@contextmanager
def following_in_node(url: str, output: Path, after: int = 0) -> Iterator[Following]:
    environment = {**os.environ, **ANN, "PB_URL": url}
    started = ["node", str(JAVASCRIPT / "changes.mjs"), str(after), END]
    with output.open("w") as file, subprocess.Popen(started, env=environment, stdout=file, stderr=file) as node:
        try:
            yield Following(lambda: whole_lines(output))
            assert node.poll() is None, output.read_text()
        finally:
            node.kill()


@pytest.fixture(params=["node", pytest.param("browser", marks=[pytest.mark.slow, pytest.mark.browser])])
def following(request: pytest.FixtureRequest, tmp_path: Path) -> Follow:
    """Follows changes from an address on, after a seq."""
    if request.param == "node":
        return lambda url, after=0: following_in_node(url, tmp_path / f"after-{after}", after)
    browser = request.getfixturevalue("chromium")

    @contextmanager
    def in_page(url: str, after: int = 0) -> Iterator[Following]:
        with script_in_page(browser, url, "changes.mjs", str(after), END) as (page, printed):
            yield Following(lambda: page.evaluate("1") and [line for line in printed if line.startswith("[")])

    return in_page


def test_changes_are_followed_without_gaps_and_without_repeats(versioned: Server, following: Follow) -> None:
    publish_scripts(versioned.folder / "pb_public")
    ann = versioned.client("users", *ANN.values())

    def append(*events: tuple[str, int, object]) -> None:
        for type_, number, data in events:
            ann.append(type_, item_id(number), data, collection="todos", actor=ann.user_id)

    with ExitStack() as open_:
        proxy = open_.enter_context(closing(Proxy(versioned.port)))
        open_.enter_context(command("run", env=versioned.environment))
        append(*(("create", number, {"title": f"t{number}"}) for number in range(1, 6)))
        follower = open_.enter_context(following(proxy.url))
        eventually(lambda: follower.last() == 5, "what was there before")
        append(("update", 1, {"title": "live"}), ("delete", 2, None))
        eventually(lambda: follower.last() == 7, "what changes")
        proxy.refuse()
        append(("update", 2, {"deleted": False}), ("update", 3, {"done": True}), ("update", 3, {"title": "offline"}))
        eventually(lambda: check_log(versioned).seq == 10, "the events")
        proxy.be_well()
        eventually(lambda: follower.last() == 10, "what it missed")
        proxy.close_streams()
        append(("update", 4, {"title": "without a stream"}))
        eventually(lambda: follower.last() == 11, "what came without a stream")
        versioned.stop(signal.SIGKILL)
        versioned.start()
        append(("update", 5, {"title": "after a restart"}))
        eventually(lambda: follower.last() == 12, "what came after a restart")
        seen = follower.seen()
    seqs = [seq for seq, _, _ in seen]
    assert seqs == sorted({*seqs}), "in order, and nothing twice"
    titles = {seq: (title, deleted) for seq, title, deleted in seen}
    expected = {6: ("live", False), 8: ("t2", False), 10: ("offline", False), 11: ("without a stream", False)}
    assert {seq: titles.get(seq) for seq in expected} == expected
    assert titles[7] == ("t2", True), "deleted rows are told of"
    with following(versioned.url, 10) as again:
        eventually(lambda: again.last() == 12, "what came after seq 10")
        assert [seq for seq, _, _ in again.seen()] == [11, 12]
