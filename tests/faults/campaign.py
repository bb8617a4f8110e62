"""Episodes: a world, a fault in it some times, and the accounts in the end."""

import os
import random
import shutil
import traceback
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import NamedTuple

from faults import of_groups, of_input, of_network, of_owners, of_pocketbase, of_settings, of_workers  # noqa: F401 - they register faults
from faults.fault import FAULTS, Fault
from faults.ledger import Account, settle_accounts, wrongly_blamed
from faults.tmpfs import small_disk
from faults.world import World
from support import Server

LONGER = 4  # times as often is a short fault injected in an episode when there is time
NOBODY = Account(0, 0, 0, 0, 0, ())


class Recovery(NamedTuple):
    """How long it took until an event was recorded, in seconds.

    Attributes:
        took: by the clock.
        waited: how much of it the machine ran something else.
        promised: within how many seconds it should be; None if nothing is promised.
    """

    took: float
    waited: float
    promised: float | None


@dataclass(frozen=True, slots=True)
class Episode:
    """What came of one fault in one world."""

    fault: str
    seed: int
    times: int
    account: Account
    recoveries: Sequence[Recovery]
    log_lines: int
    kills: int
    wrong: Sequence[str]


def take_ports(taken: "Synchronized[int]") -> None:
    """Have ports that no other process of this run takes: `free_port` goes by the number of a test process."""
    with taken.get_lock():
        taken.value += 1
        os.environ["PYTEST_XDIST_WORKER"] = f"gw{taken.value}"


def play(name: str, seed: int, template: Path, folder: Path, *, long: bool) -> Episode:
    """One fault in a world of its own. `folder` is removed when all was well."""
    fault, choose = FAULTS[name], random.Random(f"{name} {seed}")
    times = fault.times * (LONGER if long and fault.times > 1 else 1)
    folder.mkdir(parents=True)
    recoveries: list[Recovery] = []
    account, lines, kills, wrong = NOBODY, 0, 0, []
    try:
        with ExitStack() as stack:
            stack.enter_context(small_disk(folder / "disk") if fault.tmpfs else nullcontext())
            server = Server(folder / ("disk/pocketbase" if fault.tmpfs else "pocketbase"))
            shutil.copytree(template, server.folder)
            server.start()
            stack.callback(server.close)
            world = World(
                server, folder, choose, workers=fault.workers, clients=fault.clients, hot=fault.hot, long=long
            )
            stack.callback(world.close)
            world.progress(1)
            for _ in range(times):
                world.progress(choose.randint(1, 40))
                recoveries += [Recovery(*world.recovery(), promised) for promised in fault.inject(world)]
            world.come_to_rest()
            account = settle_accounts(server, world.ledger)
            lines, kills = len(world.log_lines()), world.kills
            wrong = [*account.wrong, *world.complaints(), *([] if fault.blames else wrongly_blamed(server))]
    except Exception:  # noqa: BLE001 - whatever happens is a finding
        wrong.append(traceback.format_exc(limit=-4))
    wrong += [
        f"recovered after {took:.1f} s, {waited:.1f} of them the machine's, promised within {promised:.0f}"
        for took, waited, promised in recoveries
        if promised is not None and took - waited > promised
    ]
    if lines > fault.log_lines * times:
        wrong.append(f"{lines} lines in the workers' logs for {times} faults")
    if not wrong:
        shutil.rmtree(folder)
    return Episode(name, seed, times, account, recoveries, lines, kills, wrong)


def chosen(names: Sequence[str]) -> list[Fault]:
    """The faults of these names, all where none is given."""
    unknown = [name for name in names if name not in FAULTS]
    if unknown:
        raise SystemExit(f"There is no fault {unknown[0]}. There are: {', '.join(FAULTS)}")
    return [FAULTS[name] for name in names or FAULTS]
