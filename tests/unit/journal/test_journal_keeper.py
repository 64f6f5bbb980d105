"""Leases are kept while they are held, and no longer: not when they are lost, let go, or held by what hangs."""

import threading
from datetime import timedelta

import pytest

from renewd.errors import Fenced, StateUnusable
from renewd.journal.keeper import LONGEST, Keeper
from tests.programs import until

SOON = timedelta(milliseconds=5)


class Database:
    """What a keeper asks for; `wrong` is raised."""

    def __init__(self):
        self.renewed, self.given_back, self.wrong = [], [], None

    def renew(self, identity, fence):
        self.renewed.append((identity, fence))
        if self.wrong:
            raise self.wrong

    def give_back(self, identity, fence):
        if self.wrong:
            raise self.wrong
        self.given_back.append((identity, fence))


@pytest.fixture
def database():
    return Database()


@pytest.fixture
def keeper(clock, database):
    made = Keeper(clock, database.renew, database.give_back, every=SOON)
    yield made
    made.close()


def ended(keeper):
    return lambda: keeper._thread is None


def test_what_is_held_is_renewed_again_and_again(keeper, database):
    keeper.hold("contoso.com", 3)
    until(lambda: len(database.renewed) >= 3)
    assert set(database.renewed) == {("contoso.com", 3)}


def test_what_is_let_go_is_kept_no_longer_and_the_thread_ends(keeper, database):
    keeper.hold("contoso.com", 3)
    keeper.drop("contoso.com", 3)
    until(ended(keeper))
    keeper.hold("contoso.com", 4)
    until(lambda: ("contoso.com", 4) in database.renewed)


@pytest.mark.fault(91)
def test_a_lease_that_another_took_is_kept_no_longer(keeper, database):
    database.wrong = Fenced("taken")
    keeper.hold("contoso.com", 3)
    until(ended(keeper))
    assert database.renewed == [("contoso.com", 3)]


@pytest.mark.fault(102)
def test_who_holds_a_lease_for_hours_hangs_and_it_runs_out(keeper, database, clock):
    keeper.hold("contoso.com", 3)
    clock.advance(LONGEST + timedelta(seconds=1))
    until(ended(keeper))


@pytest.mark.fault(92)
def test_a_database_that_is_down_is_asked_again_until_it_is_up(keeper, database):
    database.wrong = StateUnusable("down")
    keeper.hold("contoso.com", 3)
    keeper.owe("wild.example", 1)
    until(lambda: len(database.renewed) >= 2)
    database.wrong = None
    until(lambda: database.given_back == [("wild.example", 1)])
    count = len(database.renewed)
    until(lambda: len(database.renewed) > count)


@pytest.mark.fault(92)
def test_what_is_owed_does_not_wait_for_the_next_keeping(clock, database):
    keeper = Keeper(clock, database.renew, database.give_back)  # which is minutes away
    keeper.hold("contoso.com", 3)
    keeper.hold("wild.example", 1)
    keeper.drop("wild.example", 1)
    keeper.owe("wild.example", 1)
    until(lambda: database.given_back == [("wild.example", 1)])
    keeper.close()


def test_nothing_is_kept_after_the_end(keeper, database):
    keeper.hold("contoso.com", 3)
    keeper.owe("wild.example", 1)
    keeper.close()
    until(ended(keeper))


def test_a_journal_keeps_what_it_took_until_it_gives_it_back(journal):
    fence = journal.take("contoso.com")
    assert (("contoso.com", fence)) in journal._keeper._held
    assert any(thread.name == "renewd-leases" for thread in threading.enumerate())
    journal.release("contoso.com", fence)
    assert not journal._keeper._held


def test_what_cannot_be_given_back_now_is_given_back_later(journal, monkeypatch):
    fence = journal.take("contoso.com")

    def fail(*_):
        raise StateUnusable("down")

    monkeypatch.setattr(journal, "_give_back", fail)  # the keeper's own way to it works
    journal.release("contoso.com", fence)
    until(lambda: not journal._keeper._owed)
    assert journal.take("contoso.com") == fence + 1


def test_a_machine_without_a_thread_to_spare_keeps_leases_as_soon_as_it_has_one(
    keeper, database, monkeypatch
):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        keeper.hold("contoso.com", 3)
    keeper.hold("other.example", 1)
    until(lambda: {("contoso.com", 3), ("other.example", 1)} <= set(database.renewed))
