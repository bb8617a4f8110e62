"""What the page Events of the admin UI computes in the browser is what the program computes."""

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from support.chain_edits import edited_chains
from support.chains import VECTORS, json_values, reasons, simple_chain
from support.strategies import any_texts
from windows import JAVASCRIPT

from pocketbase_events.core.events import Head, Recorded, chain_hash, timestamp_of
from pocketbase_events.core.fold import Fold
from pocketbase_events.core.json_text import UnreadableJsonError, read_data

pytestmark = pytest.mark.usefixtures("javascript_packages")
Ask = Callable[..., Any]
SCRIPT = JAVASCRIPT / "events_page.mjs"
DEEP = 201
ODD_TEXTS = (
    "1e400", "-1e400", "[1, 1" + "0" * 400 + "]", "9007199254740993", "1.0", "-0", "-0.0", "1e21", "1e-7", "5e-324",
    '{"a": 1, "a": 2}', '{"a": {"b": 1, "b": 1}}', r'{"a": 1, "\u0061": 2}', '{"__proto__": 1}', '["a", ": "]',
    r'"\ud83d\ude00"', r'"\ud800"', r'{"\udfff": 1}', r'"\\ud800"', "[" * DEEP + "]" * DEEP, '["[[", "]"]',
    "[" * (DEEP - 1) + "]" * (DEEP - 1), "", "null", "{", '{"a": }', "tru", '"\u2028"', "NaN", "-Infinity",
    '{"\uffff": 1, "\U0001f600": 2}',
)  # fmt: skip


@pytest.fixture(scope="module")
def ask(javascript_packages: None) -> Iterator[Ask]:  # noqa: ARG001 - Node has to be there
    """Calls a function of the page's modules, in Node."""
    with subprocess.Popen(["node", str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdin is not None
        assert node.stdout is not None
        questions, answers = node.stdin, node.stdout

        def ask(function: str, *given: Any) -> Any:
            print(json.dumps([function, given]), file=questions, flush=True)
            return json.loads(answers.readline())

        yield ask
        questions.close()


def vectors(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (VECTORS.parent / name).read_text().splitlines()]


def sent(events: Sequence[Recorded]) -> list[dict[str, Any]]:
    return [asdict(event) for event in events]


def told(verdict: dict[str, Any]) -> list[tuple[int, str]]:
    return [(problem["seq"], problem["reason"]) for problem in verdict["problems"]]


# -- hashes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["chain.jsonl", "intent.jsonl"])
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_every_hash_of_the_vectors_is_reproduced(ask: Ask, name: str, size: int) -> None:
    events = vectors(name)
    head = {"seq": events[-1]["seq"], "hash": events[-1]["hash"]}
    assert ask("verify", events, head, size) == {"events": len(events), "head": head, "problems": []}
    for event, before in zip(events, ["", *(each["hash"] for each in events)], strict=False):
        assert ask("hash", event, before) == event["hash"]


@given(value=json_values)
def test_any_value_has_the_form_that_is_hashed(ask: Ask, value: Any) -> None:
    assert ask("canonical", value).encode() == rfc8785.dumps(value)


@given(text=json_values.map(json.dumps) | any_texts | st.sampled_from(ODD_TEXTS))
def test_any_text_of_data_is_read_or_refused_alike(ask: Ask, text: str) -> None:
    expected, flaw = None, ""
    try:
        expected = read_data(text, damaged=False)
    except UnreadableJsonError as error:
        flaw = str(error)
    read = ask("read", text)
    assert ask("canonical", read["data"]).encode() == rfc8785.dumps(expected)
    if is_json(text):
        assert read["flaw"] == flaw
    else:
        assert bool(read["flaw"]) == bool(flaw), "which of its flaws comes first may differ"


def is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=lambda name: int(name, 0))  # NaN is none
    except (ValueError, RecursionError):
        return False
    return True


@given(case=edited_chains(), size=st.integers(1, 4))
def test_the_verdict_about_any_edited_chain_is_that_of_verify(
    ask: Ask, case: tuple[list[Recorded], list[Recorded], set[int]], size: int
) -> None:
    chain, edited, _ = case
    head = chain[-1].head
    for events in (chain, edited, sorted(edited, key=lambda event: event.seq)):
        verdict = ask("verify", sent(events), head._asdict(), size)
        assert told(verdict) == reasons(events, head)


def test_the_files_of_an_event_are_hashed(ask: Ask) -> None:
    event = replace(simple_chain(1)[0], files=("a.txt",), file_hashes=("0" * 64,))
    assert ask("hash", asdict(event), "") == chain_hash(event.hashed, "") != simple_chain(1)[0].hash


def test_an_empty_log_has_no_problems(ask: Ask) -> None:
    assert told(ask("verify", [], Head(0, "")._asdict(), 10)) == []


# -- rows as they were -------------------------------------------------------------------------------------


def test_the_rows_at_every_event_are_those_of_the_fold(ask: Ask) -> None:
    events = vectors("intent.jsonl")
    fold = Fold({"shopping_items": None, "notes": None})
    for count, event in enumerate(events, start=1):
        fold.apply([Recorded(id="", **event)])
        shown = ask("rows", [{**each, "flaw": ""} for each in events], count)
        expected = {key: (row.fields, row.deleted) for rows in fold.rows.values() for key, row in rows.items()}
        assert {key: (row["fields"], row["deleted"]) for key, row in shown.items()} == expected
        assert shown[event["item_id"]]["last"]["seq"] == count


# -- the address, and health -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_", "address"),
    [
        ("#/events", "#/events"),
        ("#/events?tab=nonsense&event=x&at=-1&from=yesterday&other=1", "#/events"),
        ("#/events?tab=log&event=7", "#/events?event=7"),
        ("#/events?text=a%26b+c&collection=items&tab=rejected", "#/events?tab=rejected&collection=items&text=a%26b+c"),
        ("#/events?from=2026-11-28T10%3A00%3A00.000Z", "#/events?from=2026-11-28T10%3A00%3A00.000Z"),
    ],
)
def test_an_address_says_the_same_once_it_is_read(ask: Ask, given_: str, address: str) -> None:
    assert ask("address", given_) == address


STATUS = {
    "seq": 5, "hash": "a" * 64, "last_seq": 5, "last_hash": "a" * 64, "hold_until": "", "hold_by": "", "pending": 0,
    "oldest_pending": "", "now": "2026-11-28 10:00:00.000Z", "last_seen": "2026-11-28 09:59:50.000Z",
    "triggers": ["pbe_events_insert", "pbe_events_update", "pbe_events_delete", "pbe_head_update"],
}  # fmt: skip


def ago(seconds: float) -> str:
    return timestamp_of(datetime.fromisoformat(str(STATUS["now"])) - timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({}, None),
        ({"last_seen": ""}, "No worker has ever looked for events."),
        ({"last_seen": ago(119)}, None),
        ({"last_seen": ago(300)}, "No worker has looked for events for 5 minutes."),
        ({"oldest_pending": ago(5), "last_seen": ago(60)}, None),
        ({"oldest_pending": ago(15), "last_seen": ago(60)}, "Events have been pending for 15 s: no worker takes them."),
        ({"oldest_pending": ago(15)}, "Events have been pending for 15 s although a worker is there."),
        ({"oldest_pending": ago(15), "hold_until": ago(-2)}, None),
        ({"last_hash": "b" * 64}, "The head and the last event disagree"),
    ],
)
def test_the_page_says_when_something_is_wrong(ask: Ask, changed: dict[str, str], sentence: str | None) -> None:
    health = ask("health", {**STATUS, **changed})
    assert (health["trouble"] or {}).get("sentence", "").startswith(sentence or "")
    assert bool(health["trouble"]) == bool(sentence)
    assert health["isLocked"]
    assert bool(health["hold"]) == ("hold_until" in changed)
