"""Forgetting a target, and keeping the journal small: neither gives anybody a new budget."""

from datetime import timedelta

import pytest

from renewd.errors import Fenced, OutOfBudget
from renewd.journal import Failure, State, spent
from renewd.journal.forgetting import ALIKE
from renewd.planning.budget import Ask, What

SET, ISSUER = ("contoso.com",), "rcl"
DAY, YEAR = timedelta(days=1), timedelta(days=365)


@pytest.fixture
def ended(journal, begin):
    """An attempt that has ended."""

    def ended(outcome, identity="contoso.com", kind="renewal", **facts):
        return journal.end(begin(identity, kind), outcome, **facts)

    return ended


def forget(journal, identity="contoso.com"):
    fence = journal.take(identity)
    try:
        return journal.forget(identity, fence)
    finally:
        journal.release(identity, fence)


def finalize(journal, attempt, uri="order/1"):
    ask = Ask(What.CERTIFICATE, SET, ISSUER)
    return journal.spend(attempt, State.FINALIZE_INTENT, spent.FINALIZING, ask, order_uri=uri)


def spendings(journal):
    return [one.what for one in journal.spent("contoso.com", ISSUER)]


def rows(journal, table):
    with journal._database.read() as connection:
        return connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()  # noqa: S608


def numbers(journal):
    return {attempt.id for attempt, _ in journal.history()}


def test_a_target_is_forgotten_with_its_steps_and_no_other(journal, ended):
    ended("renewed")
    other = ended("renewed", "wild.example")
    assert forget(journal) == 1
    assert [attempt for attempt, _ in journal.history()] == [other]
    assert journal.known() == {"wild.example": {"wild.example"}}
    assert rows(journal, "steps") == 2
    assert forget(journal) == 0


def test_what_is_under_way_and_what_is_owed_is_forgotten_too(journal, begin, ended):
    ended("owed", owed=["reload"])
    begin(state=State.ORDERED)
    assert forget(journal) == 2
    assert journal.owed() == journal.latest() == journal.served() == {}
    assert journal.under_way() == journal.debts("contoso.com") == []


def test_what_was_spent_counts_on_and_no_other_question_finds_it(journal, begin, clock):
    begun = begin(snapshot={"key": "contoso.com@1.pem"}, tokens=[{"name": "token"}], version="1")
    journal.park(finalize(journal, begun), clock.now(), "why", failure=Failure("order", "Throttled", "no"))
    journal.end(begin(), "failed")
    assert forget(journal) == 2
    assert spendings(journal) == [What.CERTIFICATE]
    assert journal.last("contoso.com") is None
    assert journal.latest() == journal.known() == {}
    assert journal.history() == journal.under_way() == journal.failures("contoso.com") == []
    with journal._database.read() as connection:
        ((outcome, failure, version, tokens, snapshot),) = connection.exec_driver_sql(
            "SELECT outcome, failure, version, CAST(tokens AS TEXT), CAST(snapshot AS TEXT) FROM attempts"
        ).all()
    assert (outcome, failure, version, tokens, snapshot) == ("forgotten", None, None, "[]", "{}")
    assert rows(journal, "steps") == 1


def test_who_forgets_a_target_and_watches_it_again_has_no_new_budget(journal, begin, clock):
    for number in range(3):
        finalize(journal, begin(), f"order/{number}")
        forget(journal)
        clock.advance(DAY)
    with pytest.raises(OutOfBudget, match=r"3 of 3 automatic certificates of this week are used"):
        finalize(journal, begin(), "order/4")


def test_who_lost_the_lease_forgets_nothing(journal, ended):
    ended("renewed")
    late = journal.take("contoso.com")
    journal.release("contoso.com", late)
    journal.take("contoso.com")
    with pytest.raises(Fenced):
        journal.forget("contoso.com", late)
    assert len(journal.history()) == 1


def test_a_fence_grows_even_after_a_target_was_forgotten(journal):
    before = journal.take("contoso.com")
    journal.release("contoso.com", before)
    forget(journal)
    assert journal.take("contoso.com") > before + 1


def test_a_number_is_never_used_twice(journal, ended):
    before = ended("renewed").id
    forget(journal)
    assert ended("renewed").id > before


def test_of_attempts_that_came_to_the_same_the_newest_are_kept(journal, ended):
    renewed = ended("renewed").id
    debts = [ended("owed", kind="deploy", owed=["reload"]).id for _ in range(ALIKE + 2)]
    failed = ended("failed").id
    elsewhere = ended("owed", "wild.example", kind="deploy", owed=["reload"]).id
    assert journal.sweep() == 2
    assert numbers(journal) == {renewed, *debts[2:], failed, elsewhere}
    assert journal.sweep() == 0


def test_what_nobody_knows_the_end_of_is_not_crowded_out(journal, begin, ended):
    journal.end(begin(finalizes=1), "failed", state=State.RECONCILE)
    for _ in range(ALIKE + 1):
        ended("failed")
    assert journal.sweep() == 1
    assert len(journal.unresolved("contoso.com")) == 1


def test_what_is_under_way_is_kept_however_many_ended(journal, begin, ended):
    under_way = begin(state=State.ORDERED)
    for _ in range(ALIKE):
        ended("failed")
    assert journal.sweep() == 0
    assert journal.under_way() == [under_way]


def test_what_has_not_changed_for_long_goes_with_whoever_is_sure_of_the_time(journal, begin, ended, clock):
    ended("renewed", "gone.example")
    begin("given.up.example")
    clock.advance(2 * YEAR)
    new = ended("renewed")
    assert journal.sweep() == 0
    assert journal.sweep(clock.now() - YEAR) == 2
    assert numbers(journal) == {new.id}


def test_sweeping_keeps_what_limits_still_need(journal, begin, clock):
    journal.end(finalize(journal, begin()), "failed")
    clock.advance(DAY)
    journal.end(begin(), "renewed")
    forget(journal)
    assert journal.sweep(clock.now()) == 0
    assert spendings(journal) == [What.CERTIFICATE]
    clock.advance(8 * DAY)
    assert journal.sweep(clock.now() - YEAR) == 1
    assert rows(journal, "attempts") == rows(journal, "steps") == 0


@pytest.mark.parametrize("state", [None])
def test_a_file_that_is_swept_stops_growing(journal, ended):
    def lived():
        for _ in range(2 * ALIKE):
            ended("owed", kind="deploy", owed=["reload"], output="x" * 2000)
        journal.sweep()
        with journal._database.read() as connection:
            return connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    lived()
    full = lived()
    assert [lived() for _ in range(3)] == [full] * 3
    assert rows(journal, "attempts") == ALIKE
