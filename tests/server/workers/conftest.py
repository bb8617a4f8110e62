"""Fixtures: the worker as a process."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack
