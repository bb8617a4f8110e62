"""Credentials that are wrong or missing, and a PocketBase without the log."""

from collections.abc import Sequence

import pytest
from support import WORKER, Server, check_log
from support.every_command import (
    BOTH,
    COMMANDS,
    EITHER_WAY,
    PROBLEM,
    SUPERUSERS_ALONE,
    UNREACHABLE,
    VECTORS,
    WORKERS_ALONE,
    WRONG_USAGE,
    environment,
    told,
)

# -- credentials -----------------------------------------------------------------------------------------------

WRONG, MISSING = "wrong-password", None
EMAIL, PASSWORD = "POCKETBASE_SUPERUSER_EMAIL", "POCKETBASE_SUPERUSER_PASSWORD"
WORKER_PASSWORD = "POCKETBASE_EVENTS_WORKER_PASSWORD"

# What is the matter, whom it concerns, the change of the environment, the exit code, and what is said.
CREDENTIALS: list[tuple[str, Sequence[str], dict[str, str | None], int, str]] = [
    ("worker's wrong", WORKERS_ALONE, {WORKER_PASSWORD: WRONG}, UNREACHABLE, "POCKETBASE_EVENTS_WORKER_EMAIL"),
    ("superuser's wrong", SUPERUSERS_ALONE, {PASSWORD: WRONG}, UNREACHABLE, EMAIL),
    ("only superuser's, wrong", ("run", "status"), {PASSWORD: WRONG, WORKER_PASSWORD: MISSING}, UNREACHABLE, EMAIL),
    ("unknown superuser", ("init",), {EMAIL: "no@example.com"}, UNREACHABLE, "no@example.com"),
    ("unknown worker", ("run",), {"POCKETBASE_EVENTS_WORKER_EMAIL": "no@example.com"}, UNREACHABLE, "no@example.com"),
    (
        "none",
        (*EITHER_WAY, "run", "rebuild", "export", "retry"),
        {PASSWORD: MISSING, WORKER_PASSWORD: MISSING},
        WRONG_USAGE,
        PASSWORD,
    ),
    ("empty", ("init", "status"), {PASSWORD: "", WORKER_PASSWORD: ""}, WRONG_USAGE, PASSWORD),
    ("no superuser's", ("init", "attach"), {PASSWORD: MISSING}, WRONG_USAGE, PASSWORD),
    ("no superuser's email", ("init",), {EMAIL: MISSING}, WRONG_USAGE, EMAIL),
    ("worker's too short", ("init",), {WORKER_PASSWORD: "sh0rt"}, WRONG_USAGE, WORKER_PASSWORD),
]


@pytest.mark.parametrize(
    ("name", "changes", "code", "says"),
    [
        pytest.param(name, changes, code, says, id=f"{what}-{name}")
        for what, names, changes, code, says in CREDENTIALS
        for name in names
    ],
)
def test_credentials_that_are_wrong_or_missing_are_reported_with_the_variable_to_set(
    ready: Server, name: str, changes: dict[str, str | None], code: int, says: str
) -> None:
    arguments = [argument.format(file=VECTORS) for argument in COMMANDS[name]]
    assert told(arguments, environment(ready.url, **changes), code, says).out == ""


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({WORKER_PASSWORD: WRONG}, UNREACHABLE, "POCKETBASE_EVENTS_WORKER_EMAIL"),
        ({PASSWORD: WRONG}, UNREACHABLE, EMAIL),
        ({PASSWORD: MISSING}, WRONG_USAGE, PASSWORD),
    ],
    ids=["worker's wrong", "superuser's wrong", "no superuser's"],
)
def test_commands_that_need_both_accounts_change_nothing_if_one_is_refused(
    server: Server, changes: dict[str, str | None], code: int, says: str
) -> None:
    server.create_collection("new", [{"name": "title", "type": "text"}])
    root = server.superuser()
    assert root("POST", "/api/collections/new/records", json={"title": "x"}).ok
    before = root("GET", "/api/collections", params={"perPage": 500}).json()["items"]
    for name in BOTH:
        arguments = [argument.format(file=VECTORS) for argument in COMMANDS[name]]
        assert told(arguments, environment(server.url, **changes), code, says).out == ""
    assert check_log(server).seq == 0
    assert root("POST", "/api/collections/new/records", json={"title": "y"}).ok
    assert root("GET", "/api/collections", params={"perPage": 500}).json()["items"] == before


# -- a PocketBase without the log ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "password"),
    [
        *((name, WORKER[1]) for name in (*SUPERUSERS_ALONE[1:], *BOTH, "run", "status")),
        *((name, None) for name in (*WORKERS_ALONE, *BOTH)),  # the worker's account is looked up as a superuser
    ],
)
def test_without_init_every_command_says_to_run_it(without_log: Server, name: str, password: str | None) -> None:
    arguments = [argument.format(file=VECTORS) for argument in COMMANDS[name]]
    env = environment(without_log.url, POCKETBASE_EVENTS_WORKER_PASSWORD=password)
    assert told(arguments, env, PROBLEM, "pocketbase-events init").out == ""
