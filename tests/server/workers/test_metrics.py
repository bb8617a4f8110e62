"""A worker answers Prometheus and health checks."""

from contextlib import ExitStack
from itertools import count

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from support import DEADLINE, Server, command, create, eventually, free_port, item_id
from support.command_line import cli
from support.server import SUPERUSER, WORKER
from support.workers import Log

NAMES = {
    "head_seq", "pending", "rejected", "recorded_total", "rejected_total", "conflicts_total",
    "realtime_reconnects_total", "standby", "trouble", "build_info",
    *(f"{name}_{part}" for name in ("transaction_seconds", "transaction_events", "delay_seconds")
      for part in ("bucket", "count", "sum")),
}  # fmt: skip


class Monitored:
    """A worker with metrics, seen from outside."""

    def __init__(self, stack: ExitStack, server: Server) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        environment = {**server.environment}
        environment.pop("POCKETBASE_SUPERUSER_PASSWORD")
        arguments = ("run", "--metrics", self.url.removeprefix("http://"))
        self.log = Log(stack.enter_context(command(*arguments, env=environment)))
        eventually(lambda: self.log.has("connected"), "the worker's connection")

    def health(self) -> tuple[int, str]:
        answer = requests.get(f"{self.url}/health", timeout=DEADLINE)
        return answer.status_code, answer.text

    def metrics(self) -> dict[str, float]:
        answer = requests.get(f"{self.url}/metrics", timeout=DEADLINE)
        assert not any(secret in answer.text for secret in (*SUPERUSER, *WORKER))
        families = text_string_to_metric_families(answer.text)
        return {sample.name: sample.value for family in families for sample in family.samples}

    def values(self) -> dict[str, float]:
        """Our own metrics, by the names that are ours alone."""
        return {name.removeprefix("pocketbase_events_"): value for name, value in self.metrics().items()}


def test_metrics_count_what_the_worker_does(server: Server, processes: ExitStack) -> None:
    monitored = Monitored(processes, server)
    guest = server.guest()
    guest.append_all(*(create(number) for number in range(20)))
    eventually(lambda: monitored.values()["delay_seconds_count"] == 20, "the news of the records")
    values = monitored.values()
    assert 0 < values["transaction_seconds_sum"] < values["delay_seconds_sum"] < 20 * DEADLINE
    guest.append("update", item_id(99), {"title": "x"})
    eventually(lambda: monitored.values()["transaction_events_sum"] == 21, "the news of the rejection")
    values = monitored.values()
    assert values.keys() == NAMES
    assert (values["head_seq"], values["recorded_total"], values["rejected_total"]) == (20, 20, 1)
    assert values["delay_seconds_count"] == 20
    assert (values["standby"], values["trouble"]) == (0, 0)


@pytest.mark.slow
def test_health_tells_of_a_pocketbase_that_is_gone_and_is_back(server: Server, processes: ExitStack) -> None:
    monitored = Monitored(processes, server)
    eventually(lambda: monitored.health() == (200, "The worker records.\n"), "health")
    server.stop()
    eventually(lambda: tells(monitored.health(), 503, "can't be reached"), "the bad news")
    server.start()
    eventually(lambda: tells(monitored.health(), 200, "The worker records."), "the good news")


def tells(health: tuple[int, str], status: int, sentence: str) -> bool:
    return health[0] == status and sentence in health[1]


def test_a_standby_is_healthy_and_says_so(server: Server, processes: ExitStack) -> None:
    workers = [Monitored(processes, server) for _ in range(2)]
    guest, number = server.guest(), count()

    def standby() -> bool:
        guest.append_all(*(create(next(number)) for _ in range(3)))
        return any(tells(worker.health(), 200, "stands by") and worker.values()["standby"] == 1 for worker in workers)

    eventually(standby, "the standby")


def test_other_paths_and_other_clients_are_answered_politely(server: Server, processes: ExitStack) -> None:
    monitored = Monitored(processes, server)
    assert requests.get(f"{monitored.url}/", timeout=DEADLINE).status_code == 404
    assert requests.head(f"{monitored.url}/health", timeout=DEADLINE).text == ""
    assert "Python" not in str(requests.get(f"{monitored.url}/metrics", timeout=DEADLINE).headers)


def test_an_address_that_can_not_be_is_refused_with_a_sentence(server: Server) -> None:
    assert "--metrics takes HOST:PORT" in cli(server, "run", "--metrics", "9464", code=2).stderr
    assert "Nothing can listen on" in cli(server, "run", "--metrics", f"127.0.0.1:{server.port}", code=2).stderr
    assert "Leave out" in cli(server, "run", "--once", "--metrics", "127.0.0.1:9464", code=2).stderr
