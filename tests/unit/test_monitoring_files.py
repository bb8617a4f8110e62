"""The alert file and the dashboard name metrics that exist, and the dashboard shows each of them."""

import threading

from prometheus_client.parser import text_string_to_metric_families
from support.prometheus import OURS, alerts, panels

from pocketbase_events.jobs.monitor import Monitor


def metrics() -> set[str]:
    families = text_string_to_metric_families(Monitor("1", threading.Event()).metrics().decode())
    names = {sample.name for family in families for sample in family.samples}
    return {name for name in names if not name.endswith("_created")}  # which a worker does not show


def without_parts(names: set[str]) -> set[str]:
    """The names of histograms instead of those of their parts."""
    return {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in names}


def test_each_metric_that_an_alert_or_a_panel_names_exists_and_the_dashboard_shows_them_all() -> None:
    shown = {name for expression in panels() for name in OURS.findall(expression)}
    warned = {name for expression in alerts().values() for name in OURS.findall(expression)}
    assert shown | warned <= metrics()
    assert without_parts(metrics()) == without_parts(shown)
