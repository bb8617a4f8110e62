"""Data that are larger than PocketBase takes by default, once its owner has raised the limit."""

import json
from pathlib import Path

import pytest
from support import NEVER, Server, check_log, item_id, start_copy
from support.command_line import as_json, cli
from support.limits import limit

from pocketbase_events.jobs import setup

MEBIBYTE = 1 << 20
LARGE, LIMIT = 6 * MEBIBYTE, 8 * MEBIBYTE  # PocketBase 0.23 takes 5 MiB without being asked


def raise_limits(server: Server, fields: str = "docs") -> None:
    server.edit_fields("events", lambda each: limit(each, "data", LIMIT))
    server.edit_fields(fields, lambda each: limit(each, "body", LIMIT))


def with_docs(server: Server) -> None:
    server.create_collection("docs", [{"name": "body", "type": "json"}], listRule="", viewRule="")


def test_a_larger_limit_survives_an_upgrade_and_smaller_ones_are_not_kept(server: Server) -> None:
    def edit(fields: list[dict[str, object]]) -> None:
        named = {str(field["name"]): field for field in fields}
        named["data"]["maxSize"], named["reason"]["max"], named["together"]["max"] = LIMIT, 4000, 10

    server.edit_fields("events", edit)
    setup.init(server.admin(), server.settings())
    fields = {each["name"]: each for each in server.superuser()("GET", "/api/collections/events").json()["fields"]}
    assert [fields["data"]["maxSize"], fields["reason"]["max"], fields["together"]["max"]] == [LIMIT, 4000, 100]


@pytest.mark.slow
def test_large_data_are_adopted_recorded_rebuilt_exported_and_imported(
    server: Server, bare_template: Path, tmp_path: Path
) -> None:
    with_docs(server)
    raise_limits(server)
    setup.init(server.admin(), server.settings())
    body = {"text": "x" * LARGE}
    assert server.superuser()("POST", "/api/collections/docs/records", json={"id": item_id(1), "body": body}).ok
    cli(server, "attach", "docs", "--allow", "", "--adopt")
    server.guest().append("create", item_id(2), {"body": body}, "docs")
    server.worker().run_to_end(NEVER)
    assert check_log(server).seq == 2
    assert as_json(server, "check", "docs")["collections"]["docs"]["rows"] == 2
    exported = tmp_path / "log.jsonl"
    cli(server, "export", str(exported))
    for bare in start_copy(bare_template, tmp_path / "other"):
        import_into(bare, exported)


def import_into(bare: Server, exported: Path) -> None:
    setup.init(bare.admin(), bare.settings())
    with_docs(bare)
    cli(bare, "attach", "docs", "--allow", "")
    told = cli(bare, "import", str(exported), code=1).stderr
    assert "refused the event of seq 1: data: The maximum allowed JSON size" in told
    assert "Raise the maximum size of the field data of events" in told
    raise_limits(bare)
    cli(bare, "import", str(exported))
    assert check_log(bare).seq == 2
    assert json.loads(cli(bare, "check", "--json").stdout)["ok"]
