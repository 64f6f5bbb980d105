"""Two years go by: whatever goes wrong, nothing expires, no budget is passed, and every debt is paid in the end.

A thousand certificates by renewd's decisions alone, and twenty through the whole engine against the sandbox, under
faults that a seed draws. A sample of it runs by default; RENEWD_SWEEP=all takes all of it.
"""

import faulthandler
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from renewd.planning import budget
from tests.faults import figures
from tests.faults.simulated_fallback import FIRST, SECOND, Fallback
from tests.faults.simulation import Simulation
from tests.faults.years import DAY, WEEK, Years, most_within

WHOLE = os.environ.get("RENEWD_SWEEP") == "all"
COUNT, SPAN = (1000, timedelta(days=730)) if WHOLE else (100, timedelta(days=182))
SEEDS = range(4) if WHOLE else range(2)
NAMES, LIVES = (5, timedelta(days=730)) if WHOLE else (4, timedelta(days=40))
ENGINES = (1, 2, 3, 4) if WHOLE else (1, 4)


@pytest.mark.fault(106)
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_expires_by_what_renewd_decides(seed: int):
    tally = Simulation(seed, COUNT, SPAN).run()
    figures.record(
        "simulated years, decisions",
        certificates=COUNT,
        renewals=tally.renewed,
        failures=tally.failed,
        expired=len(tally.expired),
        unpaid=len(tally.unpaid),
    )
    assert not tally.expired, f"seed {seed}"
    assert not tally.unpaid, f"seed {seed}"
    assert not tally.refused_by_ca, f"seed {seed}"
    assert tally.most_in_a_week <= budget.CERTIFICATES, f"seed {seed}"
    assert tally.most_orders <= budget.ISSUER_ORDERS, f"seed {seed}"
    assert tally.renewed > COUNT, "the model renews"
    assert tally.failed > COUNT, "the model lets things go wrong"


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_expires_while_the_first_issuer_is_gone_for_weeks(seed: int):
    years = Fallback(seed, COUNT, SPAN)
    tally = years.run()
    figures.record(
        "simulated years, a second issuer",
        certificates=COUNT,
        renewals=tally.renewed,
        by_the_second=years.by[SECOND, True] + years.by[SECOND, False],
        expired=len(tally.expired),
        unpaid=len(tally.unpaid),
    )
    assert not tally.expired, f"seed {seed}"
    assert not tally.unpaid, f"seed {seed}"
    assert not tally.refused_by_ca, f"seed {seed}"
    assert years.by[SECOND, True] > COUNT / 2, "the second is used while the first is gone"
    assert years.by[FIRST, True] == 0
    assert years.by[FIRST, False] > 10 * years.by[SECOND, False], "the first is asked again when it is back"


@pytest.fixture
def years(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Years]:
    """An installation, and what is to befall it by the seed."""
    if WHOLE:  # longer than a test may take that hangs
        faulthandler.cancel_dump_traceback_later()
    years = Years(tmp_path, request.param, NAMES, ends=LIVES, short=5 if WHOLE else 2)
    yield years
    years.close()


@pytest.mark.fault(7, 8, 12, 13, 15, 16, 17, 18, 21, 22, 23, 27, 28, 32, 33, 85)
@pytest.mark.parametrize("years", ENGINES, indirect=True, ids="seed {}".format)
def test_nothing_expires_and_everything_is_paid_by_the_whole_engine(years: Years):
    record = years.live()
    issued = [most_within(years.issued(name), WEEK) for name in years.names]
    figures.record(
        "simulated years, whole engine",
        certificates=NAMES,
        renewals=record.told["Renewed"],
        mishaps=sum(record.mishaps.values()),
        restarts=record.restarts,
        kills=record.kills,
        expired=len(record.expired),
        unpaid=len(years.unpaid()),
    )
    assert not record.expired
    assert not years.unpaid()
    assert max(issued) <= budget.CERTIFICATES
    assert max(most_within(years.ordered(name), DAY) for name in years.names) <= budget.ORDERS
    assert record.mishaps
    assert record.restarts
