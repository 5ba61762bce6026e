"""What every test can use: the `needs` marker, and a database of its own on each engine."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests import servers

# The machines are slow and shared: how long an example takes says nothing about the code.
settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("default")

os.environ.setdefault("TZ", "Pacific/Apia")  # far from UTC, so that a naive local time shows


@pytest.fixture(autouse=True)
def _needs(request: pytest.FixtureRequest) -> None:
    for marker in request.node.iter_markers("needs"):
        if gone := servers.missing(*marker.args):
            if servers.REQUIRED:
                pytest.fail(gone)
            pytest.skip(gone)
