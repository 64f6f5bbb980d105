"""What costs is debited with its intent, and only where there is room, whoever asks and whatever comes after."""

from datetime import timedelta

import pytest

from renewd.errors import Fenced, OutOfBudget
from renewd.journal import Journal, State, spent
from renewd.planning.breaker import ALIKE
from renewd.planning.budget import Ask, What

SET, ISSUER = ("contoso.com",), "rcl"
ORDER, CERTIFICATE = Ask(What.ORDER, SET, ISSUER), Ask(What.CERTIFICATE, SET, ISSUER)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def order(journal, attempt, ask=ORDER):
    return journal.spend(attempt, State.ORDER_INTENT, spent.ORDERING, ask)


def finalize(journal, attempt, uri="order/1", ask=CERTIFICATE):
    return journal.spend(attempt, State.FINALIZE_INTENT, spent.FINALIZING, ask, order_uri=uri)


def known(journal, what=None):
    return [one.what for one in journal.spent("contoso.com", ISSUER) if what in (None, one.what)]


def test_an_intent_and_its_debit_are_one(journal, begin):
    attempt = order(journal, begin())
    assert attempt.state is State.ORDER_INTENT
    assert known(journal) == [What.ORDER]
    attempt = finalize(journal, attempt)
    assert (attempt.state, attempt.order_uri) == (State.FINALIZE_INTENT, "order/1")
    assert known(journal) == [What.ORDER, What.CERTIFICATE]


def test_what_was_spent_on_every_target_is_one_question(journal, begin):
    finalize(journal, order(journal, begin()))
    other = begin("other.example")
    journal.spend(other, State.ORDER_INTENT, spent.ORDERING, Ask(What.ORDER, ("other.example",), ISSUER))
    assert [(one.what, one.domains) for one in journal.spent_by_all()] == [
        (What.ORDER, SET),
        (What.ORDER, ("other.example",)),
        (What.CERTIFICATE, SET),
    ]


def test_what_there_is_no_room_for_changes_nothing_and_says_until_when(journal, begin, clock):
    for number in range(3):
        journal.end(finalize(journal, begin(), f"order/{number}"), "failed")
        clock.advance(DAY)
    attempt = begin()
    steps = len(journal.history("contoso.com")[0][1])
    with pytest.raises(OutOfBudget, match=r"3 of 3 automatic certificates of this week are used") as caught:
        order(journal, attempt)
    assert caught.value.until == clock.now() + timedelta(days=4)
    ((unchanged, told), *_) = journal.history("contoso.com")
    assert (unchanged, len(told)) == (attempt, steps)


def test_a_debit_needs_the_fence_as_every_change_does(journal, begin):
    attempt = begin()
    journal.take("contoso.com")
    with pytest.raises(Fenced):
        order(journal, attempt)
    assert known(journal) == []


def test_several_calls_for_one_order_count_once_and_as_the_newest(journal, begin, clock):
    attempt = finalize(journal, begin())
    clock.advance(HOUR)
    attempt = journal.move(attempt, State.READY, "order.unchanged")
    finalize(journal, attempt)
    (one,) = journal.spent("contoso.com", ISSUER)
    assert one.at == clock.now()


def test_the_same_order_by_another_attempt_is_still_one_certificate(journal, begin):
    journal.end(finalize(journal, begin()), "abandoned")
    finalize(journal, begin(kind="finalize"))
    assert known(journal, What.CERTIFICATE) == [What.CERTIFICATE]


def test_what_certainly_came_to_nothing_is_given_back(journal, begin):
    attempt = order(journal, begin())
    attempt = journal.note(attempt, spent.RETURNED, what=What.ORDER)
    attempt = finalize(journal, attempt)
    journal.note(attempt, spent.RETURNED, what=What.CERTIFICATE, order_uri="order/1")
    assert known(journal) == []


def test_an_order_that_was_given_back_is_not_taken_for_the_one_before_it(journal, begin):
    attempt = journal.move(order(journal, begin()), State.PREFLIGHT, "attempt.again")
    attempt = order(journal, attempt)
    journal.note(attempt, spent.RETURNED, what=What.ORDER)
    assert known(journal) == [What.ORDER]


@pytest.mark.fault(52)
def test_what_the_issuer_shows_counts_from_when_it_was_issued(journal, begin, clock):
    attempt = begin()
    journal.note(attempt, spent.SEEN, order_uri="of nobody here", issued_at=clock.now() - 3 * DAY)
    (one,) = journal.spent("contoso.com", ISSUER)
    assert (one.what, one.at) == (What.CERTIFICATE, clock.now() - 3 * DAY)


@pytest.mark.fault(67)
def test_finalizes_of_an_older_renewd_count_by_their_attempt(journal, begin):
    journal.move(begin(order_uri="order/old"), State.FINALIZE_INTENT, spent.FINALIZING)
    assert known(journal) == [What.CERTIFICATE]


def test_orders_of_others_at_the_same_issuer_count_for_the_issuer(journal, begin):
    for number in range(100):
        name = f"{number}.example"
        journal.spend(begin(name), State.ORDER_INTENT, spent.ORDERING, Ask(What.ORDER, (name,), ISSUER))
    with pytest.raises(OutOfBudget, match="100 of 100 orders of three hours"):
        order(journal, begin())
    elsewhere = Ask(What.ORDER, SET, "another issuer")
    assert journal.spend(begin(), State.ORDER_INTENT, spent.ORDERING, elsewhere)


def test_a_failed_proof_counts_for_every_set_with_that_name(journal, begin):
    for _ in range(3):
        attempt = begin("contoso.com,www.contoso.com")
        journal.note(attempt, spent.PROOF_FAILED, order_uri="order/1")
    with pytest.raises(OutOfBudget, match=r"3 of 3 proofs for contoso\.com failed"):
        order(journal, begin())


def test_what_was_spent_is_known_after_a_restart(journal, begin, state_directory, clock, state):
    finalize(journal, begin())
    with Journal.open(state_directory, clock, state=state) as later:
        assert known(later) == [What.CERTIFICATE]


def test_how_long_a_renewal_takes_is_the_median_of_the_last(journal, begin, clock):
    assert journal.taking("contoso.com") == timedelta()
    for minutes in (500, 3, 1, 2, 9, 4):
        attempt = begin()
        clock.advance(timedelta(minutes=minutes))
        journal.end(attempt, "renewed")
    assert journal.taking("contoso.com") == timedelta(minutes=3)


def test_what_a_person_finalized_in_vain_is_none_of_the_failures_that_back_off_counts(journal, begin):
    journal.end(begin(kind="finalize"), "failed")
    assert journal.failures("contoso.com") == []
    journal.end(begin(), "failed")
    assert len(journal.failures("contoso.com")) == 1


@pytest.mark.parametrize(
    ("reached", "finalizes", "outcome", "left"),
    [
        (State.RECONCILE, 1, "failed", 1),
        (State.RECONCILE, 1, "abandoned", 1),
        (State.RECONCILE, 0, "abandoned", 0),
        (State.FINALIZE_INTENT, 1, "abandoned", 1),
        (State.FINALIZE_INTENT, 1, "failed", 0),
        (State.ORDERED, 0, "abandoned", 0),
        (State.RECONCILE, 1, "renewed", 0),
    ],
)
def test_what_nobody_knows_the_end_of_is_remembered_until_something_is_obtained(
    journal, begin, reached, finalizes, outcome, left
):
    journal.end(begin(), outcome, state=reached, finalizes=finalizes)
    journal.end(begin(), "failed")
    assert len(journal.unresolved("contoso.com")) == left
    journal.end(begin(), "adopted")
    assert journal.unresolved("contoso.com") == []


@pytest.mark.fault(29)
def test_an_issuer_is_paused_by_what_its_own_attempts_came_to(journal, begin, clock):
    from renewd.errors import NotInSubscription
    from renewd.journal import Failure

    for number in range(ALIKE):
        assert journal.pause(ISSUER) is None
        failure = Failure.of(NotInSubscription("unknown"))
        journal.end(begin(f"{number}.example"), "failed", failure=failure)
    pause = journal.pause(ISSUER)
    assert pause is not None
    assert pause.until == clock.now() + timedelta(minutes=15)
    assert journal.pause("another issuer") is None
    clock.advance(1)
    assert journal.pause(ISSUER, since=clock.now()) is None, "what failed before a person asked"
    clock.advance(timedelta(minutes=15))
    assert journal.pause(ISSUER) is None
