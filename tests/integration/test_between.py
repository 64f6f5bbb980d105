"""The proxy that cuts calls to a CA passes all others on, and cuts just those it is told to."""

import pytest
import requests
from cryptography import x509

from tests.bare import Bare
from tests.between import Between
from tests.programs import until


@pytest.fixture
def server(pebble):
    return pebble(environment={"PEBBLE_VA_ALWAYS_VALID": "1"})


@pytest.fixture
def between(server, tmp_path):
    proxy = Between(server, tmp_path)
    yield proxy
    proxy.close()


def obtained(bare):
    return x509.load_pem_x509_certificate(bare.obtain(["a.example.test"], lambda *_: None).encode())


def test_a_certificate_is_had_through_it(server, between):
    assert [obtained(Bare(between))] == server.issued
    assert between.calls[0] == "/dir"


@pytest.mark.parametrize(("lost", "issued"), [("before", 0), ("after", 1)])
def test_a_call_is_lost_before_or_after_the_server_heard_it(server, between, lost, issued):
    bare = Bare(between)
    between.fault("/finalize-order/.*", lost=lost)
    with pytest.raises(requests.ConnectionError):
        obtained(bare)
    until(lambda: len(server.issued) == issued)
    assert obtained(bare) == server.issued[-1]
    assert len(server.issued) == issued + 1


def test_a_test_hears_of_a_call_and_changes_its_answer(server, between):
    heard = []
    between.fault(
        "/certZ/.*",
        before=lambda: heard.append("asked"),
        after=lambda: heard.append("answered"),
        instead=lambda body: body.swapcase(),
    )
    assert Bare(between).obtain(["a.example.test"], lambda *_: None).startswith("-----begin certificate")
    assert heard == ["asked", "answered"]
