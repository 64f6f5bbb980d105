"""Several hosts on one database: what the issuer gave is everybody's, what went live is each host's own."""

import pytest

from renewd.errors import Fenced
from renewd.journal import Journal, State


@pytest.fixture
def state(postgres):
    return postgres.empty()


@pytest.fixture
def other(tmp_path, clock, state, journal):
    with Journal.open(str(tmp_path / "other"), clock, state=state) as opened:
        yield opened


def test_each_state_directory_is_a_host_of_its_own_and_stays_it(
    journal, other, state_directory, clock, state
):
    assert journal.host
    assert journal.host != other.host
    with Journal.open(state_directory, clock, state=state) as again:
        assert again.host == journal.host


def test_what_another_host_asks_an_issuer_for_can_be_gone_on_with(begin, other):
    attempt = begin(state=State.ORDERED)
    assert other.under_way("contoso.com") == [attempt]
    resumed = other.resume(attempt, other.take("contoso.com"))
    assert resumed.host == other.host


@pytest.mark.parametrize("state_", [State.VALIDATED, State.ACTIVATE_INTENT, State.ACTIVE])
def test_what_goes_live_on_another_host_is_left_to_it(begin, journal, other, state_):
    attempt = begin(state=state_)
    assert journal.under_way() == [attempt]
    assert other.under_way() == []


def test_what_is_owed_on_one_host_is_not_paid_on_another(begin, journal, other):
    owing = journal.end(begin(), "owed", owed=["reload"])
    fence = other.take("contoso.com")
    other.end(other.begin("contoso.com", "contoso.com", "deploy", issuer=None, fence=fence), "deployed")
    assert journal.owed() == {"contoso.com": owing}
    assert len(journal.debts("contoso.com")) == 1
    assert other.owed() == {}
    assert other.debts("contoso.com") == []


def test_failures_of_one_host_are_everybodys(begin, journal, other):
    failed = journal.end(begin(), "failed")
    assert other.failures("contoso.com") == [failed]


def test_a_late_process_begins_nothing_once_its_lease_was_taken(journal, other):
    late = journal.take("contoso.com")
    journal.release("contoso.com", late)
    other.take("contoso.com")
    with pytest.raises(Fenced):
        journal.begin("contoso.com", "contoso.com", "renewal", issuer="rcl", fence=late)
    assert other.under_way() == []


def test_only_its_own_is_left_to_a_host_that_needs_no_certificate(begin, journal, other):
    attempt = begin(state=State.ORDERED)
    assert journal.under_way("contoso.com", of_others=False) == [attempt]
    assert other.under_way("contoso.com", of_others=False) == []


def test_what_another_host_tried_is_forgotten_by_nobody_else(begin, journal, other):
    journal.end(begin(), "renewed")
    fence = other.take("contoso.com")
    owing = other.begin("contoso.com", "contoso.com", "deploy", issuer=None, fence=fence)
    owing = other.end(owing, "owed", owed=["reload"])
    other.release("contoso.com", fence)
    assert journal.forget("contoso.com", journal.take("contoso.com")) == 1
    assert other.owed() == {"contoso.com": owing}
    assert [attempt for attempt, _ in journal.history()] == [owing]
