"""A PocketBase that is too old is told apart from one that is not set up, and from what is no PocketBase."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Server, run_command

TOO_OLD = Path(sys.prefix) / "pocketbase-0.22.27" / "bin" / "pocketbase"


@pytest.fixture(scope="module")
def too_old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The last PocketBase before 0.23; its superusers were called admins, and it knows none of ours."""
    if not TOO_OLD.exists():
        pytest.skip("THE OLDEST POCKETBASE WAS NOT TRIED: make matrix installs it.")
    server = Server(tmp_path_factory.mktemp("old"), str(TOO_OLD))
    server.start(superuser=False)
    yield server
    server.close()


@pytest.mark.parametrize(
    ("arguments", "withheld"),
    [
        (["init"], ""),
        (["attach", "items"], ""),
        (["status"], "POCKETBASE_EVENTS_WORKER_PASSWORD"),
        (["status"], "POCKETBASE_SUPERUSER_PASSWORD"),
        (["run", "--once"], "POCKETBASE_EVENTS_WORKER_PASSWORD"),
        (["run", "--once"], "POCKETBASE_SUPERUSER_PASSWORD"),
    ],
)
def test_a_pocketbase_before_0_23_is_refused_with_a_sentence(
    too_old: Server, arguments: list[str], withheld: str
) -> None:
    environment = {name: value for name, value in too_old.environment.items() if name != withheld}
    done = run_command(*arguments, env=environment)
    assert done.returncode == 3
    assert "no PocketBase 0.23 or newer" in done.stderr
    assert len(done.stderr.splitlines()) == 1
