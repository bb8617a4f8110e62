"""Shared by all tests: a real PocketBase, its clients, the command line, and waiting for conditions."""

from support.clients import Client
from support.commands import command, run_command
from support.filled_log import fill_log, unlocked
from support.items import EMPTY, ITEM_FIELDS, NAMES, create, item_id
from support.log import check_log, fold_log, head_of, is_held, live_rows, pending, query, seq_of
from support.ports import free_port
from support.server import (
    SUPERUSER,
    WORKER,
    Server,
    installed_binary,
    running,
    set_up,
    start_copy,
)
from support.waiting import DEADLINE, NEVER, eventually

__all__ = [
    "DEADLINE",
    "EMPTY",
    "ITEM_FIELDS",
    "NAMES",
    "NEVER",
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
    "head_of",
    "installed_binary",
    "is_held",
    "item_id",
    "live_rows",
    "pending",
    "query",
    "run_command",
    "running",
    "seq_of",
    "set_up",
    "start_copy",
    "unlocked",
]
