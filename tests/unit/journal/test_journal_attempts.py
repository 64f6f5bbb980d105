"""Every change of an attempt is guarded, leaves a step, and comes back as the value that is stored."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from renewd.certs.order import Token
from renewd.config.secrets import Secret
from renewd.errors import Fenced, Throttled
from renewd.journal import Failure, Journal, State


def events_of(journal, identity="contoso.com"):
    ((_, steps),) = journal.history(identity)
    return [(step.event, dict(step.facts)) for step in steps]


def test_an_attempt_begins_under_way_with_a_first_step(journal, begin, clock):
    attempt = begin(version="v1")
    assert attempt == journal.last("contoso.com")
    assert (attempt.state, attempt.outcome, attempt.under_way) == (State.DUE, None, True)
    assert attempt.started_at == attempt.changed_at == clock.now()
    assert attempt.version == "v1"
    assert events_of(journal) == [("attempt.begun", {"kind": "renewal", "issuer": "rcl", "version": "v1"})]


def test_a_move_keeps_what_is_an_attempts_field_and_tells_all(journal, begin, clock):
    attempt = begin()
    clock.advance(timedelta(seconds=5))
    sent = clock.now()
    moved = journal.move(
        attempt, State.FINALIZE_INTENT, "order.finalizing", finalize_sent_at=sent, finalizes=1, tries=2
    )
    assert (moved.state, moved.finalize_sent_at, moved.finalizes) == (State.FINALIZE_INTENT, sent, 1)
    assert moved.changed_at == sent
    told = events_of(journal)[-1]
    assert told[0] == "order.finalizing"
    assert told[1]["finalizes"] == 1
    assert told[1]["tries"] == 2
    assert told[1]["finalize_sent_at"].endswith("Z")


def test_all_that_an_attempt_may_hold_comes_back_as_it_was(journal, begin, clock):
    facts = {
        "order_uri": "https://ca.example/order/1",
        "ordered_at": clock.now(),
        "version": "v2",
        "previous": "v1",
        "owed": ("reload", "post"),
        "tokens": ({"domain": "contoso.com", "type": "http-01", "name": "n", "value": "v"},),
        "snapshot": {"live": "ab:cd", "portal": None, "nested": {"n": 1}},
    }
    moved = journal.move(begin(), State.ORDERED, "order.created", **facts)
    assert {name: getattr(moved, name) for name in facts} == facts


def test_tokens_may_be_handed_in_as_the_values_they_are(journal, begin):
    token = Token("contoso.com", "http-01", "name", "value")
    moved = journal.move(begin(), State.ORDERED, "order.created", tokens=(token,))
    assert [Token(**kept) for kept in moved.tokens] == [token]


def test_tokens_and_snapshots_stay_out_of_the_steps(journal, begin):
    journal.move(begin(), State.ORDERED, "order.created", tokens=({"name": "n"},), snapshot={"live": "x"})
    assert events_of(journal)[-1] == ("order.created", {})


def test_a_note_changes_nothing_but_the_history(journal, begin):
    attempt = begin()
    noted = journal.note(attempt, "hook.ran", hook="reload", version="not a field here", names={"b", "a"})
    assert (noted.state, noted.version) == (attempt.state, None)
    facts = {"hook": "reload", "version": "not a field here", "names": ["a", "b"]}
    assert events_of(journal)[-1] == ("hook.ran", facts)


def test_a_parked_attempt_stays_under_way_and_says_until_when_and_why(journal, begin, clock):
    until = clock.now() + timedelta(hours=1)
    parked = journal.park(begin(state=State.READY), until, "the service asked for an hour")
    assert parked.under_way
    assert parked.next_try_at == until
    assert parked.failure == Failure("ready", "Parked", "the service asked for an hour")
    assert journal.under_way() == [parked]


def test_going_on_settles_what_an_attempt_was_parked_for(journal, begin, clock):
    error = Throttled("busy", stage="finalize", remedy="wait")
    parked = journal.park(begin(), clock.now(), "busy", failure=Failure.of(error))
    assert parked.failure == Failure("finalize", "Throttled", "busy", "wait")
    moved = journal.move(parked, State.READY, "order.ready")
    assert (moved.next_try_at, moved.failure) == (None, None)


def test_an_ended_attempt_says_how_far_it_came_and_what_is_next(journal, begin, clock):
    failure = Failure("challenge", "ChallengeFailed", "the CA saw 404", "serve the file")
    clock.advance(timedelta(minutes=1))
    ended = journal.end(
        begin(state=State.VALIDATING), "failed", failure=failure, next_try_at=clock.now(), owed=()
    )
    assert (ended.state, ended.outcome, ended.failure) == (State.VALIDATING, "failed", failure)
    assert ended.ended_at == clock.now()
    told = events_of(journal)[-1][1]
    assert (told["outcome"], told["stage"], told["message"]) == ("failed", "challenge", "the CA saw 404")


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda j, a: j.move(a, State.READY, "order.ready"), id="a move"),
        pytest.param(lambda j, a: j.note(a, "hook.ran"), id="a note"),
        pytest.param(lambda j, a: j.park(a, datetime(2027, 1, 1, tzinfo=UTC), "why"), id="parking"),
        pytest.param(lambda j, a: j.end(a, "failed"), id="the end"),
    ],
)
@pytest.mark.parametrize(
    "overtake",
    [
        pytest.param(lambda j, a: j.move(a, State.ORDERED, "order.created"), id="moved on meanwhile"),
        pytest.param(lambda j, a: j.end(a, "failed"), id="ended meanwhile"),
        pytest.param(lambda j, a: j.resume(a, j.take(a.identity)), id="resumed under a newer lease"),
        pytest.param(lambda j, a: j.take(a.identity), id="a newer lease taken, nothing written yet"),
        pytest.param(lambda j, a: j.forget(a.identity, a.fence), id="forgotten meanwhile"),
    ],
)
def test_who_was_overtaken_writes_nothing_more(journal, begin, overtake, write):
    attempt = begin()
    overtake(journal, attempt)
    before = journal.history()
    with pytest.raises(Fenced):
        write(journal, attempt)
    assert journal.history() == before


def test_a_resumed_attempt_is_written_under_the_new_lease(journal, begin):
    attempt = begin(state=State.READY)
    fence = journal.take("contoso.com")
    resumed = journal.resume(attempt, fence)
    assert (resumed.fence, resumed.state) == (fence, State.READY)
    assert journal.move(resumed, State.FINALIZE_INTENT, "order.finalizing").fence == fence


def test_times_are_kept_in_utc_whatever_zone_they_come_in(journal, begin):
    there = datetime(2026, 11, 23, 13, 0, tzinfo=timezone(timedelta(hours=1)))
    moved = journal.move(begin(), State.ORDERED, "order.created", ordered_at=there)
    assert moved.ordered_at == there
    assert moved.ordered_at.tzinfo is UTC
    assert events_of(journal)[-1][1]["ordered_at"] == "2026-11-23T12:00:00Z"


@pytest.mark.parametrize("field", ["ordered_at", "in_a_step_only"])
def test_a_time_without_its_zone_is_refused_and_nothing_is_written(journal, begin, field):
    attempt = begin()
    with pytest.raises(Exception, match="without its zone"):
        journal.move(attempt, State.ORDERED, "order.created", **{field: datetime(2026, 1, 1)})  # noqa: DTZ001
    assert journal.last("contoso.com") == attempt
    assert len(events_of(journal)) == 1


def test_no_secret_is_written_even_if_one_is_handed_in(journal, begin):
    journal.note(begin(), "api.called", key=Secret("canary-1"), deep=[{"key": Secret("canary-2")}])
    with journal._database.read() as connection:
        stored = connection.exec_driver_sql("SELECT * FROM steps").all()
    assert "canary" not in repr(stored)
    assert "***" in repr(stored)


def test_a_long_output_is_cut_to_its_end(journal, begin):
    journal.note(begin(), "hook.failed", output="x" * 100_000 + "the reason")
    output = events_of(journal)[-1][1]["output"]
    assert len(output) == 4096
    assert output.startswith("…")
    assert output.endswith("the reason")


def test_what_was_written_is_there_after_opening_again(state_directory, state, journal, begin, clock):
    attempt = begin()
    journal.close()
    with Journal.open(state_directory, clock, state=state) as again:
        assert again.under_way("contoso.com") == [attempt]
        assert again.recovered is None
