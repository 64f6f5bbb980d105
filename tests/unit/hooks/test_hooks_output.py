"""What a hook said can be shown to anybody."""

from hypothesis import given
from hypothesis import strategies as st

from renewd.hooks import output
from renewd.hooks.output import Tail

KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEsecret\n-----END EC PRIVATE KEY-----"


def text(*pieces: bytes) -> str:
    tail = Tail()
    for piece in pieces:
        tail.feed(piece)
    return tail.text()


def test_letters_of_any_script_stay_and_control_characters_become_codes():
    said = "grün 漢字\tx\r\n\x1b[31mred\x1b[0m\x07 \u202e\x00 end\n".encode()
    assert text(said) == "grün 漢字\tx\n\\x1b[31mred\\x1b[0m\\x07 \\u202e\\x00 end"


def test_bytes_that_are_no_text_become_codes():
    assert text(b"a\xffb") == "a\\xffb"


def test_a_character_cut_by_a_read_is_whole_again():
    assert text(b"gr\xc3", b"\xbcn") == "grün"


def test_a_private_key_is_left_out():
    assert text(f"before\n{KEY}\nafter".encode()) == "before\n(a private key, left out)\nafter"


def test_a_private_key_without_its_end_is_left_out():
    assert text(KEY[:50].encode()) == "(a private key, left out)"


def test_a_private_key_without_its_beginning_is_left_out():
    shown = text(KEY.encode(), b"\n" + b"x" * (output.KEPT - 40))
    assert "secret" not in shown
    assert shown.startswith("(the beginning is left out)\n(a private key, left out)\nxxx")


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_whatever_is_said_shows_as_printable_lines(pieces):
    shown = text(*pieces)
    assert all(sign.isprintable() or sign in "\n\t" for sign in shown)


@given(st.integers(1, 5), st.integers(1, 3 * output.KEPT))
def test_never_more_is_kept_than_the_limit(pieces, size):
    assert len(text(*[b"\0" * size] * pieces)) <= output.KEPT + 30
