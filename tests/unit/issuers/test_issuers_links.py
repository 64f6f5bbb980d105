"""Which addresses the service may name."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.issuers import links

GOOD = [
    "https://store.blob.core.windows.net/c/leaf.crt?sv=2022&sig=a%2Bb%3D",
    "https://store.blob.core.windows.net:443/x",
    "https://xn--mnchen-3ya.example/x",
]
BAD = {
    "http": "http://store.example/x",
    "a file": "file:///etc/passwd",
    "another scheme": "ftp://store.example/x",
    "no scheme": "//store.example/x",
    "a user name": "https://u@store.example/x",
    "a user name that looks like a host": "https://store.example:443@evil.example/x",
    "an empty user name": "https://@store.example/x",
    "another port": "https://store.example:8443/x",
    "a port that is none": "https://store.example:99999/x",
    "an IPv4 address": "https://93.184.216.34/x",
    "an IPv4 address as a number": "https://2130706433/x",
    "a short IPv4 address": "https://127.1/x",
    "an IPv6 address": "https://[2001:db8::1]/x",
    "the metadata service": "https://169.254.169.254/latest",
    "this machine": "https://localhost/x",
    "this machine by a longer name": "https://a.localhost/x",
    "a fragment": "https://store.example/x#y",
    "a blank": "https://store.example/a b",
    "a line feed": "https://store.example/a\nb",
    "a backslash": "https://store.example\\@evil.example/x",
    "other letters": "https://störe.example/x",
    "no host": "https:///x",
    "an open bracket": "https://[::1/x",
    "a percent in the host": "https://store%2eexample/x",
    "nothing": "",
    "no end": "https://store.example/" + "x" * 5000,
}


@pytest.mark.parametrize("url", GOOD)
def test_a_proper_link_is_allowed(url: str):
    links.check(url, (), near=False)


@pytest.mark.fault(96)
@pytest.mark.parametrize("url", BAD.values(), ids=BAD.keys())
def test_a_link_with_anything_odd_is_refused(url: str):
    with pytest.raises(ValueError) as raised:
        links.check(url + ("?sig=SECRET" if url else ""), (), near=False)
    assert "SECRET" not in str(raised.value)


@pytest.mark.fault(96)
def test_download_hosts_narrow_the_hosts():
    links.check(GOOD[0], ("STORE.blob.core.windows.net",), near=False)
    with pytest.raises(ValueError, match="download_hosts"):
        links.check(
            "https://store.blob.core.windows.net.evil.example/x", ("store.blob.core.windows.net",), near=False
        )


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/x?sig=1", "http://localhost:1/x", "https://[::1]:8443/x", *GOOD]
)
def test_a_sandbox_may_name_this_machine(url: str):
    links.check(url, (), near=True)


@pytest.mark.fault(96)
@pytest.mark.parametrize(
    "url", ["http://store.example/x", "http://10.0.0.1/x", "file:///x", "http://u@localhost/x"]
)
def test_a_sandbox_may_not_name_all(url: str):
    with pytest.raises(ValueError):
        links.check(url, (), near=True)


@pytest.mark.fault(25)
def test_an_orders_address_may_be_http_only_beside_a_sandbox():
    links.check_order("http://127.0.0.1:1/order/1", near=True)
    with pytest.raises(ValueError):
        links.check_order("http://127.0.0.1:1/order/1", near=False)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_public_addresses(address: str):
    assert links.is_public(address)


@pytest.mark.fault(96)
@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1",
        "2002:a00:1::", "not an address", "",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str):
    assert not links.is_public(address)


@pytest.mark.parametrize("url", ["http://127.0.0.1:5/x", "http://[::1]:5", "https://localhost"])
def test_an_api_on_this_machine_is_near(url: str):
    assert links.is_near(url)


@pytest.mark.parametrize(
    "url", ["https://rclapi.azure-api.net/public", "http://[::1", "", "https://localhost.example"]
)
def test_an_api_elsewhere_is_not(url: str):
    assert not links.is_near(url)


@pytest.mark.fault(96)
@given(st.text())
def test_whatever_is_allowed_is_https(url: str):
    with suppress(ValueError):
        links.check(url, (), near=False)
        assert url.lower().startswith("https://")


@pytest.mark.fault(96)
@pytest.mark.parametrize("address", ["10.1.2.3", "172.31.0.1", "192.168.0.9", "fd00::1"])
def test_addresses_of_somebodys_own_network(address: str):
    assert links.is_inside(address)


@pytest.mark.fault(96)
@pytest.mark.parametrize(
    "address", ["127.0.0.1", "169.254.169.254", "fe80::1", "::1", "93.184.216.34", "x", ""]
)
def test_addresses_of_no_such_network(address: str):
    assert not links.is_inside(address)
