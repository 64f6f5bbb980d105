"""History, back-off and debts are questions to the attempts."""

import pytest


@pytest.fixture
def ended(journal, begin):
    """An attempt that has ended."""

    def ended(outcome, identity="contoso.com", kind="renewal", **facts):
        return journal.end(begin(identity, kind), outcome, **facts)

    return ended


def test_the_history_is_newest_first_with_its_steps_in_order(journal, begin, ended):
    first = ended("renewed")
    second = journal.note(begin("wild.example"), "hook.ran")
    found = journal.history()
    assert [attempt.id for attempt, _ in found] == [second.id, first.id]
    assert [step.event for step in found[0][1]] == ["attempt.begun", "hook.ran"]
    assert [step.event for step in found[1][1]] == ["attempt.begun", "attempt.ended"]


def test_the_history_may_be_of_one_target_and_of_so_many(journal, ended):
    numbers = [ended("failed").id for _ in range(3)]
    ended("failed", "wild.example")
    assert [attempt.id for attempt, _ in journal.history("contoso.com", 2)] == numbers[:0:-1]
    assert len(journal.history(limit=1)) == 1
    assert journal.history("unknown.example") == []


def test_the_latest_is_one_attempt_a_target(journal, begin, ended):
    ended("failed")
    newest = ended("renewed")
    other = begin("wild.example")
    assert journal.latest() == {"contoso.com": newest, "wild.example": other}
    assert journal.last("contoso.com") == newest
    assert journal.last("unknown.example") is None


def test_what_is_under_way_has_no_outcome(journal, begin, ended):
    ended("failed")
    here, there = begin(), begin("wild.example")
    assert journal.under_way() == [there, here]
    assert journal.under_way("contoso.com") == [here]


@pytest.mark.parametrize(
    ("outcomes", "failures", "debts"),
    [
        pytest.param([], 0, 0, id="nothing was tried"),
        pytest.param(["failed", "refused", "failed"], 3, 0, id="three failures in a row"),
        pytest.param(["failed", "renewed"], 0, 0, id="a success ends the row"),
        pytest.param(["failed", "renewed", "failed"], 1, 0, id="a failure after a success"),
        pytest.param(["failed", "failed", "owed"], 0, 1, id="issued at last, a hook is owed"),
        pytest.param(["put_back", "deploy:put_back", "deploy:owed"], 0, 3, id="a debt tried three times"),
        pytest.param(["owed", "deploy:deployed"], 0, 0, id="a debt that is paid"),
        pytest.param(["owed", "rollback:deployed"], 0, 0, id="put back by hand: nothing is owed"),
        pytest.param(["owed", "failed"], 1, 1, id="a failed renewal pays no debt"),
        pytest.param(["owed", "deploy:failed"], 0, 1, id="a deploy that did not get far pays no debt"),
    ],
)
def test_failures_and_debts_are_counted_since_the_last_success(journal, ended, outcomes, failures, debts):
    for text in outcomes:
        kind, _, outcome = text.rpartition(":")
        owed = ("reload",) if outcome in ("owed", "put_back") else ()
        ended(outcome, kind=kind or "renewal", owed=owed)
    assert len(journal.failures("contoso.com")) == failures
    assert len(journal.debts("contoso.com")) == debts
    assert ("contoso.com" in journal.owed()) is bool(debts)


def test_failures_come_newest_first(journal, ended):
    first, second = ended("failed"), ended("failed")
    assert journal.failures("contoso.com") == [second, first]


def test_what_is_owed_is_told_with_the_attempt_that_owes_it(journal, ended):
    ended("owed", owed=("post",))
    debt = ended("put_back", owed=("reload", "confirm"))
    ended("renewed", "wild.example")
    assert journal.owed() == {"contoso.com": debt}
    assert debt.owed == ("reload", "confirm")


def test_what_is_known_is_told_with_the_names_that_it_had(journal, ended):
    assert journal.known() == {}
    ended("failed")
    ended("renewed")
    fence = journal.take("a.example,b.example")
    journal.begin("a.example,b.example", "b.example", "renewal", issuer="rcl", fence=fence)
    journal.begin("a.example,b.example", "a.example", "renewal", issuer="rcl", fence=fence)
    assert journal.known() == {
        "contoso.com": {"contoso.com"},
        "a.example,b.example": {"a.example", "b.example"},
    }
