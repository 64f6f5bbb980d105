from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.certs.facts import Facts
from renewd.config.units import RenewBefore
from renewd.planning import suggested
from renewd.planning.decision import Decision, Rules, decide
from renewd.planning.suggested import LATEST, SOONEST, USUAL, Suggestion, Window

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NAMES = ("a.example",)
UNKNOWN = Suggestion(7, "letsencrypt", NOW)
SOON = Window(NOW + DAY, NOW + 3 * DAY)


def live(left: timedelta, **facts: object) -> Facts:
    """A certificate of ninety days."""
    end = NOW + left
    usual = {"not_before": end - 90 * DAY, "not_after": end, "serial": 7, "domains": NAMES}
    return Facts("a.pem", "present", **(usual | facts))


def local(facts: Facts, now: datetime = NOW) -> Decision:
    return decide(facts, Rules(RenewBefore(), NAMES, 0.0), now)


def said(
    window: Window, before: Suggestion = UNKNOWN, now: datetime = NOW, chance: float = 0.5
) -> Suggestion:
    return suggested.learned(before, window, now, wait=None, chance=chance)


def test_a_moment_is_chosen_once_in_the_window_and_stays_until_the_window_changes():
    first = said(SOON, chance=0.25)
    assert first.moment == NOW + 1.5 * DAY
    assert said(SOON, first, chance=0.75).moment == first.moment
    later = said(Window(SOON.start + DAY, SOON.end + DAY), first, chance=0.75)
    assert later.moment == NOW + 3.5 * DAY


def test_a_page_that_is_new_is_shown_though_the_window_stays():
    after = said(Window(SOON.start, SOON.end, "https://ca.example/why"), said(SOON))
    assert after.window is not None
    assert after.window.page == "https://ca.example/why"


@pytest.mark.parametrize(
    ("wait", "pause"),
    [(None, USUAL), (timedelta(), SOONEST), (HOUR, HOUR), (30 * DAY, LATEST), (-DAY, SOONEST)],
    ids=["nothing said", "at once", "an hour", "a month", "in the past"],
)
def test_the_next_question_comes_when_the_ca_says_within_reason(wait: timedelta | None, pause: timedelta):
    assert suggested.learned(UNKNOWN, SOON, NOW, wait=wait, chance=0.5).next_at == NOW + pause


def test_a_question_that_failed_is_asked_again_ever_later_and_what_was_known_stays():
    known, pauses = said(SOON), []
    for _ in range(8):
        known = suggested.unanswered(known, NOW, "no answer")
        pauses.append(known.next_at - NOW)
    assert pauses[:3] == [timedelta(minutes=10), timedelta(minutes=20), timedelta(minutes=40)]
    assert pauses[-1] == USUAL
    assert (known.window, known.failures, known.said) == (SOON, 8, "no answer")
    assert said(SOON, known).failures == 0


def test_what_is_not_passing_is_asked_again_as_rarely_as_what_went_well():
    after = suggested.unanswered(UNKNOWN, NOW, "404", passing=False)
    assert after.next_at == NOW + USUAL
    assert suggested.unanswered(UNKNOWN, NOW, "503", wait=30 * DAY).next_at == NOW + LATEST


def test_a_renewal_is_made_earlier():
    suggestion = said(SOON)
    found = suggested.sooner(local(live(60 * DAY)), suggestion, NOW)
    assert (found.state, found.due, found.at) == ("ok", False, NOW + 2 * DAY)
    assert found.reason == (
        "renews in 2 days, as the CA suggests between 2026-11-24 12:00 UTC and 2026-11-26 12:00 UTC"
    )
    then = NOW + 2 * DAY
    found = suggested.sooner(local(live(60 * DAY), then), suggestion, then)
    assert (found.state, found.due) == ("due", True)
    assert found.reason.startswith("due: the CA suggests to renew it between ")


@pytest.mark.fault(30)
def test_and_never_later():
    decision = local(live(31 * DAY))
    far = said(Window(NOW + 20 * DAY, NOW + 25 * DAY))
    assert suggested.sooner(decision, far, NOW) is decision
    due = local(live(10 * DAY))
    assert suggested.sooner(due, far, NOW) is due


def test_it_is_about_one_certificate():
    assert suggested.meant(UNKNOWN, live(60 * DAY))
    assert not suggested.meant(UNKNOWN, live(60 * DAY, serial=8))
    assert not suggested.meant(UNKNOWN, Facts("a.pem", "missing"))


@pytest.mark.fault(30)
def test_a_window_that_was_moved_into_the_past_is_an_incident():
    past = Window(NOW - 2 * DAY, NOW - DAY)
    incident = said(past, said(SOON))
    assert incident.incident
    found = suggested.sooner(local(live(60 * DAY)), incident, NOW)
    assert (found.state, found.due, found.reason) == ("due", True, "due: the CA wants it replaced at once")
    explained = said(Window(past.start, past.end, "https://ca.example/why"))
    assert explained.incident
    found = suggested.sooner(local(live(60 * DAY)), explained, NOW)
    assert found.reason == "due: the CA wants it replaced at once: see https://ca.example/why"


def test_a_window_that_went_by_while_nobody_asked_makes_it_due_and_is_no_incident():
    late = said(Window(NOW - 2 * DAY, NOW - DAY))
    assert not late.incident
    assert suggested.sooner(local(live(60 * DAY)), late, NOW).due
    waited = said(SOON, said(SOON), NOW + 10 * DAY)
    assert not waited.incident


def test_an_incident_is_said_of_what_is_due_anyway():
    incident = said(Window(NOW - 2 * DAY, NOW - DAY, "https://ca.example/why"))
    found = suggested.sooner(local(live(29.5 * DAY), NOW), incident, NOW)
    assert found.reason.startswith("due: the CA wants it replaced at once")


@pytest.mark.parametrize(
    "facts",
    [Facts("a.pem", "missing"), Facts("a.pem", "invalid", "no"), live(-DAY)],
    ids=["missing", "invalid", "expired"],
)
def test_what_is_worse_than_due_stays_so(facts: Facts):
    decision = local(facts)
    assert suggested.sooner(decision, said(Window(NOW - 2 * DAY, NOW - DAY)), NOW) == decision


@pytest.mark.fault(30)
@pytest.mark.parametrize(
    ("span", "answer"),
    [
        (timedelta(), False),
        (-DAY, False),
        (timedelta(seconds=1), True),
        (400 * DAY, True),
        (401 * DAY, False),
    ],
)
def test_a_window_has_an_end_after_its_beginning_and_is_no_longer_than_a_certificate_lives(
    span: timedelta, answer: bool
):
    assert suggested.sensible(Window(NOW, NOW + span)) is answer


moments = st.integers(-200 * 24, 200 * 24).map(lambda hours: NOW + timedelta(hours=hours))


@pytest.mark.fault(30)
@given(left=st.integers(-10, 90), start=moments, span=st.integers(1, 1000), chance=st.floats(0, 1))
def test_whatever_is_suggested_nothing_is_renewed_later_than_by_the_local_rule(
    left: int, start: datetime, span: int, chance: float
):
    facts = live(left * DAY)
    decision, suggestion = local(facts), said(Window(start, start + span * HOUR), chance=chance)
    found = suggested.sooner(decision, suggestion, NOW)
    assert found.due or not decision.due
    assert found.at is not None
    assert decision.at is not None
    assert found.at <= decision.at
    assert found.due == (found.at <= NOW) or found.state == "expired"
    assert found.reason
