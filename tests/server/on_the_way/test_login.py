"""Why PocketBase lets nobody in is told by its name; a superuser's token stands in for email and password."""

from typing import Any

import pytest
from support import SUPERUSER, Client, Server
from support.every_command import COMMANDS, DONE, UNREACHABLE, WRONG_USAGE, environment, told
from support.strangers import http, serving

OTP = {"otp": {"enabled": True, "duration": 180, "length": 8}}
MFA = {**OTP, "mfa": {"enabled": True, "duration": 1800, "rule": ""}}
BY_TOKEN = {"POCKETBASE_SUPERUSER_EMAIL": None, "POCKETBASE_SUPERUSER_PASSWORD": None}


def set_up(root: Client, path: str, body: dict[str, Any]) -> None:
    answer = root("PATCH", path, json=body)
    assert answer.ok, answer.text


def token_of(root: Client, client: Client, collection: str) -> str:
    """A token of the account that can't be renewed, as the admin UI's Impersonate makes them."""
    record = client("POST", f"/api/collections/{collection}/auth-refresh").json()["record"]["id"]
    answer = root("POST", f"/api/collections/{collection}/impersonate/{record}", json={"duration": 600})
    return str(answer.json()["token"])


def test_a_second_factor_is_named_with_the_way_around_it(server: Server) -> None:
    root = server.superuser()
    token = token_of(root, root, "_superusers")
    set_up(root, "/api/collections/_superusers", MFA)
    set_up(root, "/api/collections/event_workers", MFA)
    env = environment(server.url)
    assert "POCKETBASE_SUPERUSER_TOKEN" in told(COMMANDS["init"], env, UNREACHABLE, "second factor (MFA)").err
    assert "event_workers" in told(COMMANDS["status"], env, UNREACHABLE, "second factor (MFA)").err
    told(COMMANDS["init"], environment(server.url, **BY_TOKEN, POCKETBASE_SUPERUSER_TOKEN=token), DONE, "")


def test_the_list_of_addresses_for_superusers_is_named(server: Server) -> None:
    if server.version < (0, 40):
        pytest.skip("this PocketBase has no such list")
    root = server.superuser()
    token = str(root.session.headers["Authorization"])
    set_up(root, "/api/settings", {"superuserIPs": ["192.0.2.1"]})
    told(COMMANDS["init"], environment(server.url), UNREACHABLE, "superuserIPs")
    told(COMMANDS["init"], environment(server.url, POCKETBASE_SUPERUSER_TOKEN=token), UNREACHABLE, "superuserIPs")
    told(COMMANDS["status"], environment(server.url), DONE, "")


def test_what_else_pocketbase_says_is_passed_on_instead_of_blaming_the_password(server: Server) -> None:
    root, workers = server.superuser(), "/api/collections/event_workers"
    set_up(root, workers, {"authRule": "verified = false"})
    said = told(COMMANDS["status"], environment(server.url), UNREACHABLE, "requirements to authenticate").err
    assert "password" not in said
    set_up(root, workers, {"authRule": "", "passwordAuth": {"enabled": False, "identityFields": ["email"]}})
    told(COMMANDS["status"], environment(server.url), UNREACHABLE, "not configured to allow password authentication")


def test_a_wrong_password_is_still_a_wrong_password(server: Server) -> None:
    env = environment(server.url, POCKETBASE_EVENTS_WORKER_PASSWORD="wrong-password")
    told(COMMANDS["status"], env, UNREACHABLE, "Check POCKETBASE_EVENTS_WORKER_EMAIL and the password")
    env = environment(server.url, POCKETBASE_SUPERUSER_PASSWORD="wrong-password")
    told(COMMANDS["init"], env, UNREACHABLE, "Check POCKETBASE_SUPERUSER_EMAIL and the password")


@pytest.mark.parametrize("name", ["init", "status"])
@pytest.mark.parametrize("status", [200, 401, 403, 404])
def test_the_page_of_a_firewall_is_named_by_its_title(name: str, status: int) -> None:
    page = b"<!doctype html><html><head><TITLE lang=en>\n Access denied | example.com </TITLE></head></html>"
    with serving(http(status, "text/html", page)) as address:
        done = told(COMMANDS[name], environment(address), UNREACHABLE, 'a page titled "Access denied | example.com"')
    assert f"status {status}" in done.err
    assert "password" not in done.err
    assert "Is it running" not in done.err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["init", "attach", "rebuild", "attach --adopt", "retry"])
def test_a_token_stands_in_for_the_superusers_email_and_password(server: Server, name: str) -> None:
    server.create_collection("new", [{"name": "title", "type": "text"}])
    token = str(server.superuser().session.headers["Authorization"])
    told(COMMANDS[name], environment(server.url, **BY_TOKEN, POCKETBASE_SUPERUSER_TOKEN=token), DONE, "")


def test_a_superusers_token_gives_one_of_the_worker_too(server: Server) -> None:
    token = str(server.superuser().session.headers["Authorization"])
    alone = {**BY_TOKEN, "POCKETBASE_EVENTS_WORKER_PASSWORD": None}
    told(COMMANDS["status"], environment(server.url, **alone, POCKETBASE_SUPERUSER_TOKEN=token), DONE, "")
    told(COMMANDS["status"], environment(server.url, **alone), WRONG_USAGE, "POCKETBASE_SUPERUSER_TOKEN")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["init", "status"])
@pytest.mark.parametrize("body", [b"[]", b'["no"]', b'"no"', b'{"message": ["no"]}', b'{"mfaId": null}', b"null"])
def test_an_answer_in_json_that_pocketbase_would_not_give_is_no_bug(name: str, body: bytes) -> None:
    for status in (200, 400, 403):
        with serving(http(status, "application/json", body)) as address:
            told(COMMANDS[name], environment(address), UNREACHABLE, "PocketBase at")


def test_a_token_that_can_be_none_is_told_and_not_shown() -> None:
    for token in ("two words", "€uro.token", "ends with a line\n"):
        env = environment("http://127.0.0.1:1", POCKETBASE_SUPERUSER_TOKEN=token)
        assert token not in told(COMMANDS["init"], env, WRONG_USAGE, "POCKETBASE_SUPERUSER_TOKEN must be").err


def test_a_token_that_is_no_superusers_or_is_known_no_more_is_told_and_not_shown(server: Server) -> None:
    root = server.superuser()
    revoked = str(root.session.headers["Authorization"])
    users = str(server.user("ann").session.headers["Authorization"])
    me = root("POST", "/api/collections/_superusers/auth-refresh").json()["record"]["id"]
    passwords = {"password": SUPERUSER[1], "passwordConfirm": SUPERUSER[1]}
    set_up(root, f"/api/collections/_superusers/records/{me}", passwords)
    for token in (revoked, users, "nonsense"):
        env = environment(server.url, POCKETBASE_SUPERUSER_TOKEN=token)
        done = told(COMMANDS["init"], env, UNREACHABLE, "token of POCKETBASE_SUPERUSER_TOKEN")
        assert "Impersonate" in done.err
        assert token == "nonsense" or token not in done.err
