from base64 import encodebytes
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from renewd.certs import facts, panic, san
from tests.certificates import Authority

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CA = Authority.new()
ISSUED = CA.issue(["WWW.Contoso.com", "contoso.com"], not_before=NOW, serial=0x4F9A)


def look(pem):
    return facts.from_pem(pem, "/live/x.pem")


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param(ISSUED.leaf_pem, id="the leaf alone"),
        pytest.param(ISSUED.fullchain_pem, id="leaf and chain"),
        pytest.param(ISSUED.key_pem + ISSUED.fullchain_pem, id="the key first"),
        pytest.param(
            b"subject=CN = contoso.com\n\n" + ISSUED.leaf_pem + b"\nnotes\xff\n",
            id="people's notes around it",
        ),
        pytest.param(ISSUED.leaf_pem.replace(b"\n", b"\r\n"), id="line ends of Windows"),
        pytest.param(ISSUED.leaf_pem.strip(), id="no line end at the end"),
    ],
)
def test_the_first_certificate_of_a_file_gives_the_facts(pem):
    assert look(pem) == facts.Facts(
        path="/live/x.pem",
        state="present",
        not_before=NOW,
        not_after=NOW + timedelta(days=90),
        serial=0x4F9A,
        domains=("contoso.com", "www.contoso.com"),
    )


@pytest.mark.parametrize(
    ("pem", "problem"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b" \n\n", "the file is empty", id="only white space"),
        pytest.param(ISSUED.key_pem, "there is no certificate in it", id="a key alone"),
        pytest.param(b"<html>404</html>", "there is no certificate in it", id="a web page"),
        pytest.param(ISSUED.leaf_pem[:300], "the certificate in it is cut off", id="cut off"),
        pytest.param(ISSUED.leaf_pem.replace(b"MII", b"MIB"), "the certificate in it is damaged", id="damaged"),
        pytest.param(ISSUED.leaf_pem.replace(b"\nM", b"\nMM"), "the certificate in it is damaged", id="not even base64"),
        pytest.param(ISSUED.leaf.public_bytes(Encoding.DER), "it is binary (DER or PFX), not PEM", id="DER"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_invalid_and_told_in_words(pem, problem):
    assert look(pem) == facts.Facts("/live/x.pem", "invalid", problem)


def test_a_placeholder_counts_as_missing():
    placeholder = CA.issue("contoso.com", serial=facts.PLACEHOLDER_SERIAL)
    assert look(placeholder.leaf_pem).state == "missing"


def test_a_certificate_whose_other_extensions_are_broken_still_has_facts():
    broken = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"), b"\x04\x03abc")
    assert look(CA.issue("contoso.com", extra=[(broken, False)]).leaf_pem).domains == ("contoso.com",)


def test_a_certificate_without_names_has_none():
    assert look(CA.issue("contoso.com", san=False).leaf_pem).domains == ()


# Some serials are no longer liked, and will be refused; then they are invalid.
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@given(
    st.one_of(
        st.binary(max_size=300),
        st.integers(0, len(ISSUED.leaf_pem)).map(
            lambda at: ISSUED.leaf_pem[:at] + b"x" + ISSUED.leaf_pem[at + 1 :]
        ),
    )
)
def test_looking_never_raises(pem):
    assert look(pem).state in ("present", "invalid")


@given(st.binary(max_size=600))
def test_looking_at_random_der_never_raises(der):

    look(b"-----BEGIN CERTIFICATE-----\n" + encodebytes(der) + b"-----END CERTIFICATE-----\n")


labels = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,20}[a-zA-Z0-9])?", fullmatch=True)
names = st.lists(st.lists(labels, min_size=2, max_size=12).map(".".join), min_size=1, max_size=100)


@given(names, st.booleans())
def test_the_quick_look_at_the_names_sees_what_a_full_parse_sees(names, critical):
    other = x509.UniformResourceIdentifier("https://x.example")
    general = [*(x509.DNSName(name) for name in names), other]
    issued = CA.issue("x.example", san=False, extra=[(x509.SubjectAlternativeName(general), critical)])
    assert look(issued.leaf_pem).domains == tuple(sorted({name.lower() for name in names}))


@pytest.mark.parametrize(
    "decoy",
    [
        pytest.param(b"\x04\x05\x06\x03\x55\x1d\x11", id="the number alone"),
        pytest.param(b"\x06\x03\x55\x1d\x11\x04\x0b\x30\x09\x82\x07evil.ex", id="a whole extension"),
    ],
)
def test_bytes_that_look_like_the_names_elsewhere_mislead_nobody(decoy):
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), decoy)
    assert look(CA.issue("contoso.com", extra=[(strange, False)]).leaf_pem).domains == ("contoso.com",)


@pytest.mark.parametrize(
    ("found", "wanted", "said"),
    [
        (("a", "b"), ("b", "a"), None),
        (("a",), ("a", "b"), "lacks b"),
        (("a", "b"), ("a",), "also has b"),
        ((), ("a", "b", "c", "d", "e"), "lacks a, b, c and 2 more"),
    ],
)
def test_a_difference_of_names_is_said_in_words(found, wanted, said):
    assert san.difference(found, wanted) == said


@pytest.mark.parametrize(
    ("serial", "shown"),
    [(0x4F9A01, "4F:9A:01"), (0xF9A01, "0F:9A:01"), (0, "00"), (0x80, "80"), (1, "01"), (-0x80, "-80")],
)
def test_a_serial_is_shown_as_browsers_show_it(serial, shown):
    assert facts.show_serial(serial) == shown


class PanicException(BaseException):
    pass


@pytest.mark.fault(43)
def test_a_parsers_panic_is_an_invalid_file(monkeypatch):
    def panicking(der):
        raise PanicException

    monkeypatch.setattr(facts, "load_der_x509_certificate", panicking)
    assert look(ISSUED.leaf_pem).problem == "the certificate in it is damaged"


def test_an_interrupt_is_no_panic():
    with pytest.raises(KeyboardInterrupt):
        panic.only(KeyboardInterrupt())
