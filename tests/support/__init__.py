"""Shared by all tests: a real PocketBase, its clients, the command line, and waiting for conditions."""

from support.clients import Client
from support.commands import command, run_command
from support.filled_log import fill_log, unlocked
from support.items import ITEM_FIELDS, create, item_id
from support.log import check_log, fold_log, live_rows
from support.server import (
    SUPERUSER,
    WORKER,
    Server,
    free_port,
    installed_binary,
    running,
    set_up,
    start_copy,
)
from support.waiting import DEADLINE, eventually

__all__ = [
    "DEADLINE",
    "ITEM_FIELDS",
    "SUPERUSER",
    "WORKER",
    "Client",
    "Server",
    "check_log",
    "command",
    "create",
    "eventually",
    "fill_log",
    "fold_log",
    "free_port",
    "installed_binary",
    "item_id",
    "live_rows",
    "run_command",
    "running",
    "set_up",
    "start_copy",
    "unlocked",
]
