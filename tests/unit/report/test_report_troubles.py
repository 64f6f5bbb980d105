"""Which events begin a trouble, and which end it."""

from datetime import UTC, datetime

import pytest

from renewd.daemon import events as daemon
from renewd.renewal import events
from renewd.renewal.asking import Incident
from renewd.renewal.recovering import NotRecovered
from renewd.report.troubles import _BEGINS, _ENDS, Troubles

NOW = datetime(2026, 11, 24, tzinfo=UTC)
A, B = "a.example", "b.example"


def failed(name=A):
    return events.Failed(name=name, stage="order", message="no", remedy="ask", next_try_at=None)


def renewed(name=A):
    return events.Renewed(name=name, version="v", not_after=NOW, serial="1")


def owed(name=A):
    return events.Owed(name=name, hooks=("reload",), next_try_at=NOW, why="it ended with 1")


def known(*heard, watched=(A, B)):
    troubles = Troubles()
    for event in heard:
        troubles(event)
    return [(each.name, each.cause) for each in troubles.now(set(watched))]


def test_a_failure_lasts_until_its_target_is_renewed():
    assert known(failed(), failed(B)) == [(A, "renewal"), (B, "renewal")]
    assert known(failed(), failed(B), renewed()) == [(B, "renewal")]


def test_what_a_ca_wants_replaced_at_once_is_trouble_until_it_is():
    incident = Incident(name=A, end=NOW, page="https://ca.example/incident/7")
    troubles = Troubles()
    troubles(incident)
    (told,) = troubles.now({A})
    assert (
        told.what
        == "the CA wants it replaced by 2026-11-24 00:00 UTC, for this reason: https://ca.example/incident/7"
    )
    assert known(incident, renewed()) == []


@pytest.mark.fault(89)
def test_a_journal_that_was_lost_is_trouble_until_orders_are_made_again():
    troubles = Troubles()
    troubles(events.JournalBegunAnew(what="the journal is gone; nothing is ordered for an hour"))
    troubles.settle((), (), (), quiet=True)
    (told,) = troubles.now({A})
    assert (told.name, told.what) == ("", "the journal is gone; nothing is ordered for an hour")
    troubles.settle((), (), (), quiet=False)
    assert troubles.now({A}) == []


@pytest.mark.fault(50)
def test_a_switch_that_could_not_be_ended_is_trouble_until_the_next_one():
    torn = NotRecovered(name=A, what="key and certificate differ", remedy="renewd renew --force")
    switched = events.Installed(name=A, version="v", not_after=NOW)
    assert known(torn) == [(A, "switch")]
    assert known(torn, switched) == []
    assert known(torn, events.Recovered(name=A, what="it was completed")) == []


def test_what_is_not_watched_any_more_is_no_trouble():
    assert known(failed(), watched=(B,)) == []


def test_the_clock_and_the_configuration_are_troubles_of_renewd_itself():
    suspect = daemon.ClockSuspect(here=NOW, there=None, why="1970", remedy="set it")
    refused = daemon.NotReloaded(why="config.yaml:3: x")
    assert known(suspect, refused) == [("", "clock"), ("", "configuration")]
    assert known(suspect, refused, daemon.ClockTrusted(here=NOW)) == [("", "configuration")]
    assert known(suspect, refused, daemon.Reloaded(watched=2)) == [("", "clock")]


def test_a_warning_is_no_trouble():
    assert known(daemon.PreflightWarned(name=A, what="w", remedy="r")) == []
    assert known(daemon.PreflightBlocked(name=A, what="w", remedy="r")) == [(A, "preflight")]


def test_what_another_process_mended_is_over():
    troubles = Troubles()
    for event in (failed(), failed(B), owed(), owed(B)):
        troubles(event)
    troubles.settle(due={B}, owing={A}, held=())
    assert [(each.name, each.cause) for each in troubles.now({A, B})] == [(B, "renewal"), (A, "hook")]


def test_a_renewal_is_told_of_once():
    troubles = Troubles()
    troubles(renewed())
    assert troubles.renewed() == [(A, "renewed until 2026-11-24")]
    assert troubles.renewed() == []


def _all(base):
    for each in base.__subclasses__():
        yield each
        yield from _all(each)


@pytest.mark.parametrize("name", sorted({*_BEGINS, *_ENDS}))
def test_every_event_that_is_waited_for_exists(name):
    import renewd.renewal.asking
    import renewd.renewal.debts
    import renewd.renewal.outages  # noqa: F401

    assert name in {each.event for each in _all(events.Event)}
