"""A service's words are fit to be shown, whatever it wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.config.secrets import Secret
from renewd.issuers import words


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        pytest.param(
            b"The order was not found.", "text/plain", "The order was not found.", id="plain text as it is"
        ),
        pytest.param(
            b'{"message": "Rate limit"}', "application/json", "Rate limit", id="the message of a JSON body"
        ),
        pytest.param(b'{"error": {"Message": "No"}}', "", "No", id="the message within an error"),
        pytest.param(
            b'{"statusCode": 404, "message": "Resource not found"}',
            "",
            "Resource not found",
            id="a gateway's JSON",
        ),
        pytest.param(b'{"a": 1}', "", '{"a": 1}', id="JSON without a reason as it is"),
        pytest.param(b'{"a": ', "", '{"a":', id="broken JSON as it is"),
        pytest.param(
            b"<html><head><title>x</title></head><body><h1>502</h1><p>Bad&nbsp;Gateway</p></body>",
            "text/html",
            "502 Bad&nbsp;Gateway",
            id="a page without its tags and head",
        ),
        pytest.param(b"one\r\ntwo\tthree", "", "one two three", id="one line"),
        pytest.param(b"\x1b[31mred\x07", "", "\\x1b[31mred\\x07", id="escape sequences are shown, not sent"),
        pytest.param("a\u202eb".encode(), "", "a\\u202eb", id="text direction is shown, not changed"),
        pytest.param(b"\xff\xfe", "", "\ufffd\ufffd", id="what is no text"),
        pytest.param(
            b"see https://blob.example/a?sig=SECRET&x=1 and http://b.example/#frag",
            "",
            "see https://blob.example/a?\u2026 and http://b.example/?\u2026",
            id="the queries of URLs are left out",
        ),
        pytest.param(b"key k3y-k3y is bad", "", "key *** is bad", id="an echoed key is hidden"),
        pytest.param(b"", "", "", id="nothing"),
    ],
)
def test_what_is_said(body: bytes, kind: str, said: str):
    assert words.said(body, kind, (Secret("k3y-k3y"), Secret(""))) == said


@pytest.mark.fault(100)
def test_a_long_text_is_cut():
    assert len(words.clean("word " * 10_000)) == words.LONGEST


@pytest.mark.fault(100)
@given(st.binary(max_size=400))
def test_whatever_is_said_is_one_printable_short_line(body: bytes):
    said = words.said(body)
    assert said.isprintable()
    assert len(said) <= words.LONGEST
