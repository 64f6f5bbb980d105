import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.report import style


@pytest.mark.fault(100)
@given(st.text())
def test_a_safe_text_is_one_printable_line_of_bounded_length(text):
    safe = style.safe(text)
    assert safe.isprintable()
    assert len(safe) <= 512


@given(st.text(st.characters(categories=["L", "N", "Zs"], exclude_characters="\xa0\u3000"), max_size=100))
def test_plain_words_stay_as_they_are(text):
    assert style.safe(text) == text or not text.isprintable()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("contoso.com", "contoso.com"),
        ("contoso.com, www.contoso.com", "contoso.com (+1)"),
        ("a,b,c", "a (+2)"),
    ],
)
def test_a_certificates_first_name_stands_for_all(name, shown):
    assert style.short_name(name) == shown


def test_colour_is_not_for_pipes_nor_for_dumb_terminals(terminal, monkeypatch):
    assert style.wants_colour(terminal)
    assert not style.wants_colour(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not style.wants_colour(terminal)


@pytest.mark.fault(100)
@given(st.text())
def test_json_says_the_same_without_anything_that_a_terminal_would_obey(text):
    shown = style.safe_json(json.dumps([text], ensure_ascii=False))
    assert shown.isprintable()
    assert json.loads(shown) == [text]


@pytest.mark.fault(100)
def test_json_that_can_be_printed_stays_as_it_is():
    assert style.safe_json('["münchen.example"]') == '["münchen.example"]'
    assert style.safe_json('["\u202e\x9b\x7f\U000e0001"]') == r'["\u202e\u009b\u007f\udb40\udc01"]'
