import io
from datetime import timedelta

from renewd.journal import Failure, State, Step
from renewd.report import history


def shown(entries, now):
    return history.text(entries, now, io.StringIO())


def steps(now):
    return (
        Step(now - timedelta(hours=3), "attempt.begun", {"kind": "renewal"}),
        Step(now - timedelta(hours=3), "order.created", {"order_uri": "https://ca.example/order/1"}),
        Step(now - timedelta(hours=3), "hook.ran", {"names": ["a", "b"], "output": "two\nlines"}),
    )


def test_each_attempt_is_a_line_with_its_steps_below(attempt, now):
    failed = attempt("a.example,b.example", failure=Failure("challenge", "ChallengeFailed", "the CA saw 404"))
    renewed = attempt(outcome="renewed")
    assert shown([(failed, steps(now)), (renewed, ())], now) == (
        "2026-11-23 09:00  a.example (+1)  renewal by rcl: failed after 40 seconds\n"
        "  09:00:00  order.created        order_uri=https://ca.example/order/1\n"
        "  09:00:00  hook.ran             names=a,b output=two\\nlines\n"
        "  challenge: the CA saw 404\n"
        "2026-11-23 09:00  contoso.com  renewal by rcl: renewed in 40 seconds\n"
    )


def test_what_is_under_way_says_since_when_and_when_it_goes_on(attempt, now):
    under_way = attempt(outcome=None, ended_at=None, issuer=None, next_try_at=now + timedelta(hours=3))
    assert shown([(under_way, ())], now) == (
        "2026-11-23 09:00  contoso.com  renewal: under way since 3 hours, goes on in 3 hours\n"
    )


def test_nothing_tried_is_said(now):
    assert shown([], now) == "nothing has been tried yet\n"
    assert history.document([]) == {"schema": 1, "attempts": []}


def test_the_document_has_every_step_with_its_facts(attempt, now):
    ended = attempt(failure=Failure("order", "BadReply", "not JSON"), state=State.ORDER_INTENT, version="v1")
    (found,) = history.document([(ended, steps(now))])["attempts"]
    assert found == {
        "name": "contoso.com",
        "kind": "renewal",
        "started_at": "2026-11-23T09:00:00Z",
        "ended_at": "2026-11-23T09:00:40Z",
        "outcome": "failed",
        "state": "order_intent",
        "issuer": "rcl",
        "version": "v1",
        "failure": {"stage": "order", "message": "not JSON", "remedy": None},
        "steps": [
            {"at": "2026-11-23T09:00:00Z", "event": "attempt.begun", "kind": "renewal"},
            {
                "at": "2026-11-23T09:00:00Z",
                "event": "order.created",
                "order_uri": "https://ca.example/order/1",
            },
            {"at": "2026-11-23T09:00:00Z", "event": "hook.ran", "names": ["a", "b"], "output": "two\nlines"},
        ],
    }
