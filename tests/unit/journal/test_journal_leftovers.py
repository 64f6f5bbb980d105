"""What could not be taken away when an attempt ended is known until it is gone."""

from datetime import timedelta

from renewd.journal.attempt import LEFT

LEAVES = {"why": "no answer in time", "left": [{"name": "_acme-challenge"}]}


def test_what_is_left_is_known_from_the_end_of_the_attempt_until_it_is_gone(journal, begin, clock):
    began = clock.now()
    attempt = journal.note(begin(), LEFT, **LEAVES)
    assert journal.left(began) == [], "it may need it yet"
    journal.end(attempt, "renewed")
    ((number, identity, step),) = journal.left(began)
    assert (number, identity, step.facts) == (attempt.id, "contoso.com", LEAVES)
    assert journal.left(clock.now() + timedelta(seconds=1)) == []
    journal.gone(number)
    assert journal.left(began) == []
    ((kept, steps),) = journal.history("contoso.com")
    assert kept.outcome == "renewed"
    assert steps[-1].event == "challenge.gone"


def test_what_one_attempt_left_is_not_gone_with_another_ones(journal, begin, clock):
    first, second = (journal.end(journal.note(begin(), LEFT, **LEAVES), "failed") for _ in range(2))
    journal.gone(first.id)
    assert [number for number, *_ in journal.left(clock.now() - timedelta(days=7))] == [second.id]
