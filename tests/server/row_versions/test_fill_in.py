"""`attach --seq` while clients append, killed again and again."""

import signal
from contextlib import closing

import pytest
from proxy import Proxy
from support import Server, check_log, command, eventually, is_held, item_id, pending, query
from support.checking import append_all, record_all, silent
from support.command_line import as_json, cli


@pytest.mark.slow
def test_killed_in_the_middle_beside_a_worker_it_finishes_when_it_is_run_again(shared: Server, notes: str) -> None:
    cli(shared, "attach", notes, "--allow", "", "--no-seq")
    guest = shared.guest()
    append_all(guest, notes, [{"type": "create", "item_id": item_id(number)} for number in range(3000)])
    append_all(guest, notes, [{"type": "delete", "item_id": item_id(number)} for number in range(0, 3000, 3)])
    record_all(shared)

    def filled_in() -> int:
        if not query(shared, f"SELECT 1 FROM pragma_table_info('{notes}') WHERE name = 'seq'"):
            return 0
        return int(query(shared, f"SELECT COUNT(*) FROM {notes} WHERE seq > 0")[0][0])

    with command("run", env=shared.environment), closing(Proxy(shared.port)) as proxy:
        # Through this process, so that it is not done before it is seen to have begun.
        environment = {**shared.environment, "POCKETBASE_URL": proxy.url}
        for turn in range(3):
            before = filled_in()
            with command("attach", notes, "--seq", env=environment) as process:
                eventually(lambda n=before: filled_in() >= n + 200, "some rows are filled in")
                process.send_signal(signal.SIGKILL)
                process.wait(10)
            assert is_held(shared)
            assert filled_in() < 2900, "the rest is left"
            for number in range(1, 3000, 30):
                data = {"title": f"turn {turn}"}
                guest.append("update", item_id(number), data, notes)
            eventually(lambda: pending(shared) == 0, "the end of the hold")
        assert not as_json(shared, "check", notes, code=1)["ok"]
        cli(shared, "attach", notes, "--seq")
    assert filled_in() == 3000
    check_log(shared)
    silent(shared, notes)
