"""What the RCL API may write, and what renewd makes of it."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.certs.order import OrderStatus, Token
from renewd.issuers import rcl_wire

URI = "https://acme.example/acme/order/1/2"
DOMAINS = ("contoso.com", "www.contoso.com")
TOKEN = {"tokenName": "abc_-9", "tokenValue": "abc_-9.xyz", "challengeType": "http", "domain": "contoso.com"}
ORDER = {"status": "pending", "validationTokens": [TOKEN], "orderUri": URI, "certificateUri": None}
CERTIFICATE = {
    "id": 7,
    "certificateName": "contoso.com, WWW.contoso.com",
    "orderUri": URI,
    "issueDate": "2026-11-23T08:56:27.1234567",
    "expiryDate": "2027-02-21T08:56:27.0000000",
    "password": "pw",
    "pfxString": "TUlJ",
    "certificateDownloadUrl": {
        "keyUrl": "https://blob.example/key?sig=1",
        "txtUrl": "https://blob.example/t",
        "crtUrl": None,
    },
}


def order(**changes: object):
    return rcl_wire.order({**ORDER, **changes}, DOMAINS, near=False)


def token(**changes: object):
    return order(validationTokens=[{**TOKEN, **changes}])


def certificate(**changes: object):
    return rcl_wire.certificate({**CERTIFICATE, **changes}, "contoso.com,www.contoso.com")


def test_a_certificate_is_read_with_its_dates_in_utc():
    issued = certificate()
    assert issued.issued_at == datetime(2026, 11, 23, 8, 56, 27, 123456, tzinfo=UTC)
    assert issued.expires_at == datetime(2027, 2, 21, 8, 56, 27, tzinfo=UTC)
    assert issued.order_uri == URI
    assert issued.links == {"keyUrl": "https://blob.example/key?sig=1"}
    assert issued.pfx is not None
    assert issued.pfx.reveal() == "TUlJ"


def test_any_field_of_a_certificate_may_be_null():
    issued = certificate(**(dict.fromkeys(CERTIFICATE) | {"certificateName": "www.contoso.com,contoso.com"}))
    assert (issued.order_uri, issued.issued_at, issued.links, issued.pfx, issued.password) == (
        None,
        None,
        {},
        None,
        None,
    )
    assert certificate(certificateName=None).name == "contoso.com,www.contoso.com"


def test_fields_are_found_in_any_case():
    data = {key.upper(): value for key, value in CERTIFICATE.items()}
    data["CERTIFICATEDOWNLOADURL"] = {"KEYURL": "https://blob.example/k"}
    assert rcl_wire.certificate(data, "contoso.com,www.contoso.com").links == {
        "keyUrl": "https://blob.example/k"
    }


@pytest.mark.parametrize(
    ("written", "read"),
    [
        pytest.param(
            "2026-11-23T08:56:27Z", datetime(2026, 11, 23, 8, 56, 27, tzinfo=UTC), id="a zone is honoured"
        ),
        pytest.param(
            "2026-11-23T10:56:27+02:00",
            datetime(2026, 11, 23, 8, 56, 27, tzinfo=UTC),
            id="an offset is honoured",
        ),
        pytest.param("0001-01-01T00:00:00", None, id="the date that .NET writes for none is none"),
        pytest.param("9999-12-31T23:59:59-14:00", None, id="a date beyond all reckoning is none"),
        pytest.param("soon", None, id="what is no date is none: the X.509 is the truth"),
        pytest.param("", None, id="nothing is none"),
    ],
)
def test_dates(written: str, read: datetime | None):
    assert certificate(expiryDate=written).expires_at == read


@pytest.mark.fault(18, 22)
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"certificateName": "other.com"}, id="another name"),
        pytest.param({"certificateName": "contoso.com"}, id="fewer names"),
        pytest.param({"certificateName": 5}, id="a name that is a number"),
        pytest.param(
            {"orderUri": "https://a.example/\n2026 renewed"}, id="an order URI with a line of log in it"
        ),
        pytest.param({"orderUri": "h" * 5000}, id="an endless order URI"),
        pytest.param({"orderUri": ["x"]}, id="an order URI that is a list"),
        pytest.param({"issueDate": 1764000000}, id="a date that is a number"),
        pytest.param({"password": {"a": 1}}, id="a password that is an object"),
        pytest.param({"password": "\ud800"}, id="half a surrogate pair"),
        pytest.param({"certificateDownloadUrl": "https://blob.example/"}, id="links that are a text"),
        pytest.param({"certificateDownloadUrl": {"keyUrl": 1}}, id="a link that is a number"),
    ],
)
def test_a_certificate_that_is_refused(changes: dict[str, object]):
    with pytest.raises(ValueError):
        certificate(**changes)


@pytest.mark.parametrize("data", [{}, {"message": "hello"}, {"statusCode": 200}, {"id": 3}])
def test_an_object_that_holds_nothing_of_a_certificate_is_refused(data: dict[str, object]):
    with pytest.raises(ValueError, match="nothing of a certificate"):
        rcl_wire.certificate(data, "contoso.com")


def test_an_order_is_read_with_its_tokens():
    found = order()
    assert found.status is OrderStatus.PENDING
    assert found.tokens == (Token("contoso.com", "http-01", "abc_-9", "abc_-9.xyz"),)


def test_an_order_that_is_born_ready_has_no_tokens():
    assert order(status="Ready", validationTokens=None).tokens == ()


@pytest.mark.parametrize("written", ["pending", "READY", "processing", "valid", "invalid "])
def test_every_status_of_the_acme_standard_is_known(written: str):
    assert order(status=written).status.value == written.strip().lower()


def test_a_token_without_a_domain_belongs_to_the_only_name():
    data = {**ORDER, "validationTokens": [{**TOKEN, "domain": None}]}
    assert rcl_wire.order(data, ("*.contoso.com",), near=False).tokens[0].domain == "contoso.com"


def test_a_record_is_read_for_the_name_without_its_wildcard():
    found = token(challengeType="DNS", tokenName="_acme-challenge.www", tokenValue="x" * 43)
    assert found.tokens[0].type == "dns-01"


@pytest.mark.fault(18, 22, 25)
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"status": None}, id="no status"),
        pytest.param({"status": "done"}, id="an unknown status"),
        pytest.param({"status": 1}, id="a status that is a number"),
        pytest.param({"orderUri": None}, id="no order URI"),
        pytest.param({"orderUri": "http://acme.example/1"}, id="an order URI over http"),
        pytest.param({"orderUri": "https://u:p@acme.example/1"}, id="an order URI with a password"),
        pytest.param({"orderUri": "https://acme.example/1#x"}, id="an order URI with a fragment"),
        pytest.param({"orderUri": "https://acme.example/1\r\nX: y"}, id="an order URI with a header in it"),
        pytest.param({"orderUri": "file:///etc/passwd"}, id="an order URI that is a file"),
        pytest.param({"orderUri": "/order/1"}, id="an order URI without a host"),
        pytest.param({"validationTokens": {}}, id="tokens that are an object"),
        pytest.param({"validationTokens": [None]}, id="a token that is null"),
        pytest.param({"validationTokens": ["abc"]}, id="a token that is a text"),
        pytest.param({"validationTokens": None}, id="pending with nothing to prove"),
    ],
)
def test_an_order_that_is_refused(changes: dict[str, object]):
    with pytest.raises(ValueError):
        order(**changes)


@pytest.mark.fault(22, 95)
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"tokenName": "../../etc/cron.d/x"}, id="a name that climbs"),
        pytest.param({"tokenName": "/etc/passwd"}, id="a name that is a path"),
        pytest.param({"tokenName": "%2e%2e%2fx"}, id="a name that is an encoded path"),
        pytest.param({"tokenName": "a\nb"}, id="a name of two lines"),
        pytest.param({"tokenName": "abc\n"}, id="a name with a line's end"),
        pytest.param({"tokenName": "a.php"}, id="a name with an extension"),
        pytest.param({"tokenName": "x" * 129}, id="a name that is too long"),
        pytest.param({"tokenName": ""}, id="an empty name"),
        pytest.param({"tokenName": None}, id="no name"),
        pytest.param({"tokenName": "a\0"}, id="a name with a NUL"),
        pytest.param({"tokenValue": "<?php system($_GET[0]);"}, id="a value that is a program"),
        pytest.param({"tokenValue": ""}, id="an empty value"),
        pytest.param({"tokenValue": "x" * 2000}, id="a value that is too long"),
        pytest.param({"challengeType": "tls-alpn-01"}, id="an unknown type"),
        pytest.param({"challengeType": None}, id="no type"),
        pytest.param({"domain": "other.com"}, id="another domain"),
        pytest.param({"domain": None}, id="no domain, where there are two names"),
        pytest.param({"challengeType": "dns", "tokenName": "www"}, id="a record that is no challenge's"),
    ],
)
def test_a_token_that_is_refused(changes: dict[str, object]):
    with pytest.raises(ValueError):
        token(**changes)


@pytest.mark.fault(16, 17, 18)
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b"", "application/json", id="nothing"),
        pytest.param(b" \r\n", "", id="blanks"),
        pytest.param(b"<html>hello</html>", "text/html", id="a page"),
        pytest.param(b"{}", "text/html", id="JSON that says it is a page"),
        pytest.param(b"{}", "image/png", id="JSON that says it is a picture"),
        pytest.param(b'{"a": 1', "application/json", id="cut off"),
        pytest.param(b'{"a": 1} {"a": 1}', "application/json", id="two documents"),
        pytest.param(b"[1]", "application/json", id="a list"),
        pytest.param(b"null", "application/json", id="null"),
        pytest.param(b'"ok"', "application/json", id="a text"),
        pytest.param(b'{"a": NaN}', "application/json", id="not a number"),
        pytest.param(b'{"a": -Infinity}', "application/json", id="endless"),
        pytest.param(b'{"a": 1, "a": 2}', "application/json", id="a field twice"),
        pytest.param(b'{"a": ' + b"[" * 100_000, "application/json", id="nested a hundred thousand deep"),
        pytest.param(
            b'{"a": ' + b"9" * 10_000 + b"}", "application/json", id="a number of ten thousand digits"
        ),
        pytest.param(b'{"a": "\xff"}', "application/json", id="not UTF-8"),
        pytest.param('{"a": 1}'.encode("utf-16"), "application/json", id="UTF-16"),
        pytest.param(b"{'a': 1}", "application/json", id="the wrong quotes"),
        pytest.param(b'{"a": "\n"}', "application/json", id="a bare line feed in a text"),
    ],
)
def test_an_answer_that_is_no_json_object_is_refused(body: bytes, kind: str):
    with pytest.raises(ValueError) as raised:
        rcl_wire.decode(body, kind)
    assert (
        raised.value.__suppress_context__ or raised.value.__context__ is None
    )  # which would hold the document


@pytest.mark.parametrize(
    "kind", ["", "application/json", "text/json", "application/problem+json", "text/plain"]
)
def test_an_answer_that_is_a_json_object_is_read(kind: str):
    assert rcl_wire.decode(b'\xef\xbb\xbf{"a": null}', kind) == {"a": None}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    [*CERTIFICATE, *ORDER, *TOKEN, "validationTokens", "certificateDownloadUrl", "keyUrl"]
)


@pytest.mark.fault(18)
@given(
    st.dictionaries(
        FIELDS, JSON | st.dictionaries(FIELDS, JSON) | st.lists(st.dictionaries(FIELDS, JSON), max_size=2)
    )
)
def test_any_json_is_an_order_and_a_certificate_or_refused(data: dict[str, object]):
    for read in (
        lambda: rcl_wire.order(data, DOMAINS, near=True),
        lambda: rcl_wire.certificate(data, "contoso.com,www.contoso.com"),
    ):
        try:
            read()
        except ValueError:
            continue


@pytest.mark.fault(17)
@given(st.binary(max_size=200) | JSON.map(json.dumps).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_an_object_or_refused(body: bytes):
    with suppress(ValueError):
        assert isinstance(rcl_wire.decode(body, ""), dict)


@pytest.mark.fault(95)
@given(st.text())
def test_a_token_that_is_accepted_is_one_plain_file_name(name: str):
    try:
        found = token(tokenName=name).tokens[0]
    except ValueError:
        return
    assert not set(found.name) & set("./\\%\n\0 ")
