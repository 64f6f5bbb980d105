"""What a refusal means."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd import errors
from renewd.config.secrets import Secret
from renewd.issuers import rcl_refusals
from renewd.issuers.http import Call, Reply

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
READ = Call("the certificate call", "api", 60)
ORDER = Call("the order call", "order", 600, costs=True)
FINALIZE = Call("the finalize call", "finalize", 600, costs=True)


def reply(
    status: int, body: str = "", kind: str = "text/plain", retry_after: str = "", date: str = ""
) -> Reply:
    return Reply(status, kind, date, retry_after, body.encode())


@pytest.mark.fault(13)
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("The certificate was not found.", errors.NotInSubscription),
        ("The order was not found.", errors.OrderGone),
        ("the order was not found", errors.OrderGone),
        ("The order is invalid. Create a new order.", errors.OrderGone),
        ("The order was already finalized.", errors.AlreadyFinalized),
        ("DNS problem: NXDOMAIN looking up A for x.example", errors.ChallengeFailed),
        (
            "93.184.216.34: Invalid response from http://x.example/.well-known/acme-challenge/t: 404",
            errors.ChallengeFailed,
        ),
        (
            "The key authorization file from the server did not match this challenge [x]",
            errors.ChallengeFailed,
        ),
        ('Invalid response from http://x: "The order was not found."', errors.ChallengeFailed),
        ("93.184.216.34: Fetching http://x.example/y: Timeout during connect", errors.ChallengeFailed),
        ("Something else", errors.NotFinal),
        ("", errors.NotFinal),
    ],
)
@pytest.mark.parametrize(
    "dressed",
    [
        lambda text: reply(400, text),
        lambda text: reply(400, json.dumps({"statusCode": 400, "message": text})),
        lambda text: reply(400, f"<html><body><p>{text}</p></body></html>", "text/html"),
    ],
    ids=["plain", "JSON", "a page"],
)
def test_the_reasons_of_400_that_are_known(dressed, text: str, kind: type[errors.TargetError]):
    error = rcl_refusals.refusal(dressed(text), FINALIZE, NOW)
    assert type(error) is kind
    assert "400" in str(error)


@pytest.mark.fault(12, 14, 15)
@pytest.mark.parametrize(
    ("status", "call", "kind", "stage"),
    [
        (401, READ, errors.KeyRejected, "api"),
        (403, FINALIZE, errors.KeyRejected, "api"),
        (404, READ, errors.NotInSubscription, "api"),
        (410, ORDER, errors.NotInSubscription, "api"),
        (405, READ, errors.NotFinal, "api"),
        (418, FINALIZE, errors.NotFinal, "finalize"),
        (408, FINALIZE, errors.Temporary, "finalize"),
        (429, FINALIZE, errors.Throttled, "finalize"),
        (500, READ, errors.Temporary, "api"),
        (500, ORDER, errors.Temporary, "order"),
        (502, FINALIZE, errors.Temporary, "finalize"),
        (503, READ, errors.Throttled, "api"),
        (503, ORDER, errors.Temporary, "order"),
        (503, FINALIZE, errors.Temporary, "finalize"),
        (504, READ, errors.Temporary, "api"),
        (504, ORDER, errors.ReplyLost, "order"),
        (504, FINALIZE, errors.ReplyLost, "finalize"),
        (202, FINALIZE, errors.ReplyLost, "finalize"),
        (204, READ, errors.BadReply, "api"),
        (301, READ, errors.BadReply, "api"),
        (302, FINALIZE, errors.BadReply, "finalize"),
        (599, READ, errors.Temporary, "api"),
        (999, READ, errors.BadReply, "api"),
    ],
)
def test_statuses(status: int, call: Call, kind: type[errors.TargetError], stage: str):
    error = rcl_refusals.refusal(reply(status), call, NOW)
    assert type(error) is kind
    assert error.stage == stage


def test_200_is_no_refusal():
    assert rcl_refusals.refusal(reply(200), READ, NOW) is None
    assert rcl_refusals.storage(reply(200), READ, NOW) is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, errors.BadReply), (429, errors.Throttled), (500, errors.Temporary), (301, errors.BadReply)],
)
def test_a_storage_has_no_say_in_orders(status: int, kind: type[errors.TargetError]):
    error = rcl_refusals.storage(reply(status, "The order was not found. sig=SECRET"), READ, NOW)
    assert type(error) is kind
    assert "SECRET" not in str(error)


@pytest.mark.fault(98)
def test_the_key_is_never_quoted():
    error = rcl_refusals.refusal(reply(400, "bad key k3y!"), READ, NOW, (Secret("k3y!"),))
    assert "k3y!" not in str(error)


@pytest.mark.fault(11)
@pytest.mark.parametrize(
    ("written", "waited"),
    [
        pytest.param("120", timedelta(seconds=120), id="seconds"),
        pytest.param("0", timedelta(0), id="none"),
        pytest.param("315360000", timedelta(hours=24), id="ten years are a day"),
        pytest.param("9" * 5000, timedelta(hours=24), id="an endless number is a day"),
        pytest.param("Mon, 23 Nov 2026 12:05:00 GMT", timedelta(minutes=5), id="a date"),
        pytest.param("Mon, 23 Nov 2026 11:00:00 GMT", timedelta(0), id="a date that is over"),
        pytest.param("Mon, 23 Nov 2036 12:00:00 GMT", timedelta(hours=24), id="a date in ten years"),
        pytest.param("-5", None, id="a negative number"),
        pytest.param("soon", None, id="garbage"),
        pytest.param("1.5", None, id="a fraction"),
        pytest.param("٣", None, id="another script's digit"),
        pytest.param("", None, id="nothing"),
        pytest.param("120, 60", None, id="two"),
    ],
)
def test_how_long_to_wait(written: str, waited: timedelta | None):
    error = rcl_refusals.refusal(reply(429, retry_after=written), READ, NOW)
    assert isinstance(error, errors.Throttled)
    assert error.retry_after == waited


@pytest.mark.fault(11)
def test_a_date_is_read_against_the_services_own_clock():
    answer = reply(503, retry_after="Mon, 23 Nov 2026 09:01:00 GMT", date="Mon, 23 Nov 2026 09:00:00 GMT")
    assert rcl_refusals.wait(answer, NOW) == timedelta(minutes=1)


@pytest.mark.fault(11)
@given(st.text(), st.text())
def test_any_header_is_a_wait_or_none(retry_after: str, date: str):
    waited = rcl_refusals.wait(Reply(429, "", date, retry_after, b""), NOW)
    assert waited is None or timedelta(0) <= waited <= rcl_refusals.LONGEST_WAIT


@given(st.integers(100, 999), st.binary(max_size=100), st.sampled_from([READ, ORDER, FINALIZE]))
def test_every_answer_but_200_is_an_error_in_words(status: int, body: bytes, call: Call):
    error = rcl_refusals.refusal(Reply(status, "", "", "", body), call, NOW)
    assert (error is None) == (status == 200)
    if error is not None:
        assert str(status) in str(error)
        assert str(error).isprintable()
