"""Debian's Prometheus, and the two files that we give its users."""

import fcntl
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.pages import DOCS

ALERTS, DASHBOARD = DOCS / "prometheus-alerts.yml", DOCS / "grafana-dashboard.json"
OURS = re.compile(r"\bpocketbase_events_\w+")
PLACE = Path(sys.prefix) / "prometheus"  # beside the packages of the tests


def alerts() -> dict[str, str]:
    """The expression of each alert, by name."""
    found = re.findall(r"- alert: (\w+)\n +expr: (.+)", ALERTS.read_text())
    assert len(found) == ALERTS.read_text().count("alert:")
    return dict(found)


def panels() -> list[str]:
    """The expressions of the dashboard, as Prometheus takes them."""
    dashboard = json.loads(DASHBOARD.read_text())
    found = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return [expression.replace("$__rate_interval", "1m") for expression in found]


def program(name: str) -> str:
    """`prometheus` or `promtool`: the one that is installed, or that of Debian's package, unpacked."""
    found = shutil.which(name) or shutil.which(name, path=str(PLACE / "usr/bin")) or _unpacked(name)
    if found is None:
        pytest.skip(f"THE TESTS WITH PROMETHEUS DID NOT RUN: no {name} on the PATH, and apt-get has no package of it.")
    return found


def _unpacked(name: str) -> str | None:
    PLACE.mkdir(exist_ok=True)
    with (PLACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other processes of this test run want it, too
        if not (PLACE / "usr").exists() and shutil.which("apt-get"):
            subprocess.run(["apt-get", "-qq", "download", "prometheus"], cwd=PLACE, capture_output=True, check=False)
            for package in PLACE.glob("prometheus_*.deb"):
                subprocess.run(["dpkg", "-x", package, PLACE], check=True)
    return shutil.which(name, path=str(PLACE / "usr/bin"))
