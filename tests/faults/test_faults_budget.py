"""No more is asked of a CA than it gives, at the very edge of each limit: by renewd itself, by people, and where it is in doubt."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.journal import spent
from renewd.journal.attempt import Step
from renewd.journal.spent import Counted
from renewd.planning import budget
from renewd.planning.budget import Ask, Spent, What

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SET, HOUR, DAY = ("a.example",), timedelta(hours=1), timedelta(days=1)
CERTIFICATE = Ask(What.CERTIFICATE, SET, "rcl")
BY_HAND = Ask(What.CERTIFICATE, SET, "rcl", by_hand=True)
ORDER = Ask(What.ORDER, SET, "rcl")


def used(what: What, *ago: timedelta, domains: tuple[str, ...] = SET) -> list[Spent]:
    return [Spent(NOW - one, what, domains, "rcl", f"order {index}") for index, one in enumerate(ago)]


EDGES = {  # what was spent, what is asked for, whether there is room
    "the third of a week": (used(What.CERTIFICATE, 6 * DAY, 5 * DAY), CERTIFICATE, True),
    "the third, too soon after the second": (used(What.CERTIFICATE, 6 * DAY, 23 * HOUR), CERTIFICATE, False),
    "the fourth of a week": (used(What.CERTIFICATE, 6 * DAY, 5 * DAY, 3 * DAY), CERTIFICATE, False),
    "the fourth, as the first is a week old": (used(What.CERTIFICATE, 7 * DAY, 5 * DAY, 3 * DAY), CERTIFICATE, True),
    "the fifth, by hand": (used(What.CERTIFICATE, *[HOUR] * 4), BY_HAND, True),
    "the sixth, by hand": (used(What.CERTIFICATE, *[HOUR] * 5), BY_HAND, False),
    "an order whose certificate would have no room": (used(What.CERTIFICATE, *[3 * DAY] * 3), ORDER, False),
    "the tenth order of a day": (used(What.ORDER, *[HOUR] * 9), ORDER, True),
    "the eleventh order of a day": (used(What.ORDER, *[HOUR] * 10), ORDER, False),
    "another set's certificates": (used(What.CERTIFICATE, *[HOUR] * 5, domains=("b.example",)), CERTIFICATE, True),
    "the hundredth order at an issuer": (used(What.ORDER, *[HOUR] * 99, domains=("b.example",)), ORDER, True),
    "one more at an issuer": (used(What.ORDER, *[HOUR] * 100, domains=("b.example",)), ORDER, False),
    "after two failed proofs": (used(What.PROOF, *[HOUR / 2] * 2), ORDER, True),
    "after three failed proofs": (used(What.PROOF, *[HOUR / 2] * 3), ORDER, False),
    "after three failed proofs of another set with the name": (
        used(What.PROOF, *[HOUR / 2] * 3, domains=("a.example", "b.example")),
        ORDER,
        False,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("known", "ask", "room"), EDGES.values(), ids=EDGES)
def test_a_limit_is_met_and_not_passed(known: list[Spent], ask: Ask, room: bool):
    refused = budget.refusal(known, ask, NOW)
    assert (refused is None) is room
    if refused is not None:
        assert NOW < refused.until <= NOW + budget.WEEK
        assert "next" in refused.why or "last" in refused.why


@given(st.lists(st.tuples(st.integers(1, 60 * 24 * 4), st.booleans()), max_size=60))
def test_whatever_is_asked_for_whenever_no_week_has_too_many(asked: list[tuple[int, bool]]):
    now, known, automatic = NOW, [], []
    for minutes, by_hand in asked:
        now += timedelta(minutes=minutes)
        if budget.refusal(known, BY_HAND if by_hand else CERTIFICATE, now) is None:
            known.append(Spent(now, What.CERTIFICATE, SET, "rcl", str(len(known))))
            automatic += [] if by_hand else [now]
    times = [one.at for one in known]
    assert all(sum(at <= one < at + budget.WEEK for one in times) <= 5 for at in times)
    assert all(sum(at <= one < at + budget.WEEK for one in automatic) <= 3 for at in automatic)


def told(*steps: tuple[str, dict[str, object]]) -> list[What]:
    counted = [Counted(1, "a.example", "rcl", "uri", Step(NOW, event, facts)) for event, facts in steps]
    return sorted(one.what for one in spent.add_up(counted))


NOTHING_SENT = (spent.RETURNED, {"what": What.CERTIFICATE})
COUNTS = {
    "an answer that is not known": ([(spent.FINALIZING, {})], [What.CERTIFICATE]),
    "several calls for one order": ([(spent.FINALIZING, {})] * 3, [What.CERTIFICATE]),
    "a call that was not sent": ([(spent.FINALIZING, {}), NOTHING_SENT], []),
    "one in doubt, and one that was not sent": (
        [(spent.FINALIZING, {}), (spent.FINALIZING, {}), NOTHING_SENT],
        [What.CERTIFICATE],
    ),
    "a failed proof": ([(spent.FINALIZING, {}), (spent.PROOF_FAILED, {})], [What.PROOF]),
    "what the portal shows of the same order": (
        [(spent.FINALIZING, {}), (spent.SEEN, {"issued_at": NOW.isoformat(), "order_uri": "uri"})],
        [What.CERTIFICATE],
    ),
    "what the portal shows of another order": (
        [(spent.FINALIZING, {}), (spent.SEEN, {"issued_at": NOW.isoformat(), "order_uri": "other"})],
        [What.CERTIFICATE, What.CERTIFICATE],
    ),
}


@pytest.mark.parametrize(("steps", "counts"), COUNTS.values(), ids=COUNTS)
def test_what_is_in_doubt_counts_and_only_what_certainly_was_not_is_given_back(steps, counts):
    assert told(*steps) == counts
