"""What several of the tests here have in common."""

import io
import logging
from collections.abc import Iterator

import pytest

from renewd.report import log


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All that is logged at the most talkative level, by libraries too."""
    stream = io.StringIO()
    log.configure("json", "debug", stream)
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)
    yield stream
    logging.getLogger().removeHandler(handler)
    logging.getLogger().setLevel(logging.WARNING)
