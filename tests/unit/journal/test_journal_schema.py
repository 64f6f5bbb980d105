"""Times as the journal stores them: always with a zone, always in UTC."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects import sqlite

from renewd.journal.schema import Moment


@pytest.mark.fault(73)
def test_a_time_without_its_zone_is_refused():
    with pytest.raises(ValueError, match="without its zone"):
        Moment().process_bind_param(datetime(2026, 11, 23, 12), sqlite.dialect())  # noqa: DTZ001 - that is the fault


@pytest.mark.fault(72, 73)
def test_a_time_of_another_zone_is_kept_in_utc():
    there = datetime(2026, 11, 23, 13, tzinfo=timezone(timedelta(hours=1)))
    kept = Moment().process_bind_param(there, sqlite.dialect())
    assert kept == there
    assert kept.tzinfo is UTC
    assert Moment().process_result_value(kept.replace(tzinfo=None), sqlite.dialect()) == there
