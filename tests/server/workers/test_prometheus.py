"""The alert file and the dashboard, tried with a real Prometheus that scrapes a real worker."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from support import Server, command, create, eventually, free_port, item_id
from support.prometheus import ALERTS, alerts, panels, program
from support.workers import is_settled

pytestmark = pytest.mark.slow

JOB = 'job="pocketbase-events", instance="w1"'
# For each alert: series that set it off, and when; in the notation of promtool, a value a minute.
FIRES: dict[str, tuple[dict[str, str], str]] = {
    "PocketBaseEventsNoWorker": ({f"up{{{JOB}}}": "1 1 0 0 0 0"}, "5m"),
    "PocketBaseEventsTrouble": ({f"pocketbase_events_trouble{{{JOB}}}": "0 1 1 1 1"}, "4m"),
    "PocketBaseEventsNobodyRecords": (
        {f"pocketbase_events_pending{{{JOB}}}": "3x20", f"pocketbase_events_head_seq{{{JOB}}}": "7x20"}, "15m"),
    "PocketBaseEventsSlow": (
        {f'pocketbase_events_delay_seconds_bucket{{{JOB}, le="{le}"}}': "0+10x20" if le != "30" else "0x20"
         for le in ("30", "60", "+Inf")}, "15m"),
    "PocketBaseEventsRejected": ({f"pocketbase_events_rejected_total{{{JOB}}}": "0 0 1 1"}, "3m"),
    "PocketBaseEventsLogWentBack": ({f"pocketbase_events_head_seq{{{JOB}}}": "9 9 9 5 5 5"}, "5m"),
    "PocketBaseEventsRealtimeUnsteady": (
        {f"pocketbase_events_realtime_reconnects_total{{{JOB}}}": "0+5x30"}, "25m"),
    "PocketBaseEventsVersionsDiffer": (
        {f'pocketbase_events_build_info{{{JOB}, version="{version}"}}': "1x30" for version in "12"}, "20m"),
}  # fmt: skip
# Two workers that are well: one records, an event a second, the other stands by.
WELL = {
    f"up{{{JOB}}}": "1x40",
    f"pocketbase_events_trouble{{{JOB}}}": "0x40",
    f"pocketbase_events_pending{{{JOB}}}": "1x40",
    f"pocketbase_events_head_seq{{{JOB}}}": "0+60x40",
    f"pocketbase_events_rejected_total{{{JOB}}}": "2x40",
    f"pocketbase_events_realtime_reconnects_total{{{JOB}}}": "0+0.2x40",
    **{f'pocketbase_events_delay_seconds_bucket{{{JOB}, le="{le}"}}': "0+60x40" for le in ("0.1", "30", "+Inf")},
    f'pocketbase_events_build_info{{{JOB}, version="1"}}': "1x40",
}


def case(series: dict[str, str], alert: str, at: str, *, fires: bool) -> dict[str, Any]:
    """A case for promtool: what it compares is only whether the alert fires."""
    counted = f'sum(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)'
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {"expr": counted, "eval_time": at, "exp_samples": [{"labels": "{}", "value": int(fires)}]}
        ],
    }


def test_each_alert_fires_when_it_should_and_none_when_all_is_well(tmp_path: Path) -> None:
    assert FIRES.keys() == alerts().keys()
    tests = [case(series, alert, at, fires=True) for alert, (series, at) in FIRES.items()]
    tests += [case(WELL, alert, "40m", fires=False) for alert in FIRES]
    cases = tmp_path / "cases.yml"
    cases.write_text(json.dumps({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": tests}))
    for arguments in (["check", "rules", str(ALERTS)], ["test", "rules", str(cases)]):
        done = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def prometheus(folder: Path, worker: str) -> Iterator[str]:
    """A Prometheus that scrapes this worker every second; its address."""
    address = f"127.0.0.1:{free_port()}"
    scrape = {"job_name": "pocketbase-events", "static_configs": [{"targets": [worker]}]}
    timing = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config = {"global": timing, "rule_files": [str(ALERTS)], "scrape_configs": [scrape]}
    (folder / "prometheus.yml").write_text(json.dumps(config))
    arguments = ["--config.file", folder / "prometheus.yml", "--storage.tsdb.path", folder / "tsdb"]
    with (folder / "log").open("wb") as log:
        started = [program("prometheus"), *arguments, "--web.listen-address", address]
        process = subprocess.Popen(started, stdout=log, stderr=log)
    try:
        yield f"http://{address}/api/v1"
    finally:
        process.terminate()
        process.wait(30)


def asked(address: str, path: str, **params: str) -> Any:
    try:
        answer = requests.get(f"{address}/{path}", params=params, timeout=10)
    except requests.RequestException:
        return None
    return answer.json()["data"] if answer.ok else None


def test_prometheus_scrapes_a_worker_and_answers_what_each_panel_and_alert_asks(server: Server, tmp_path: Path) -> None:
    worker = f"127.0.0.1:{free_port()}"
    with ExitStack() as stack:
        stack.enter_context(command("run", "--metrics", worker, env=server.environment))
        address = stack.enter_context(prometheus(tmp_path, worker))

        def value(expression: str) -> float | None:
            found = asked(address, "query", query=expression)
            return float(found["result"][0]["value"][1]) if found and found["result"] else None

        eventually(lambda: value('up{job="pocketbase-events"}') == 1, "the first scrape")
        guest = server.guest()
        for number in range(5):
            guest.append_all(create(2 * number), create(2 * number + 1))
            time.sleep(1)  # Prometheus needs several scrapes for a rate
        guest.append("update", item_id(99), {"title": "x"})
        eventually(lambda: is_settled(server), "the record")
        eventually(lambda: value("pocketbase_events_head_seq") == 10, "the scraped head")
        eventually(lambda: value("sum(rate(pocketbase_events_recorded_total[1m]))"), "a rate")
        for expression in panels():
            eventually(lambda expression=expression: value(expression) is not None, f"an answer to {expression}")

        def rules() -> list[dict[str, Any]]:
            found = asked(address, "rules")
            return found["groups"][0]["rules"] if found else []

        eventually(lambda: {rule["health"] for rule in rules()} == {"ok"}, "the evaluation of all alerts")
        assert [rule["name"] for rule in eventually(rules, "the rules")] == list(alerts())
        server.stop()
        eventually(lambda: value("pocketbase_events_trouble") == 1, "the trouble")
        eventually(lambda: value('ALERTS{alertname="PocketBaseEventsTrouble"}') == 1, "the alert, pending or firing")
