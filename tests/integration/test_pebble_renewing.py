"""What ACME servers do besides what is in the plain case: Pebble does it on demand, and renewd copes."""

import os
import signal
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.contracts import Acme, Parts
from tests.faults import figures
from tests.pebble import another_second

ALL = os.environ.get("RENEWD_SWEEP") == "all"
CALLS = range(1, 17)  # of a renewal from the first one on, that makes the account too
SECRET = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


@pytest.fixture
def acme(tmp_path, nginx, nameserver, pebble):
    made = []

    def make(**options):
        made.append(Acme(Parts(tmp_path, nginx, nameserver, pebble), **options))
        return made[-1]

    yield make
    for scene in made:
        scene.close()


def common_name(name):
    return name.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


def test_a_server_that_takes_its_time_for_each_look(acme):
    scene = acme(environment={"PEBBLE_VA_NOSLEEP": "0"}, new=False)
    scene.settle()
    scene.is_settled()
    assert scene.orders == 1


def test_four_of_ten_nonces_are_refused(acme):
    scene = acme(environment={"PEBBLE_WFE_NONCEREJECT": "40"})
    scene.settle()
    scene.is_settled()
    assert scene.orders == 1


def test_an_authorization_that_is_still_valid_needs_no_challenge(acme):
    scene = acme(environment={"PEBBLE_AUTHZREUSE": "100"})
    scene.settle()
    scene.spoil()
    another_second()
    (outcome,) = scene.once(forced=True)
    assert outcome.result.well, outcome.why
    first, second = scene.issued
    assert scene.shown() == second != first
    assert scene.left() == []


def test_the_chain_of_the_preferred_root_is_taken(acme):
    scene = acme(environment={"PEBBLE_ALTERNATE_ROOTS": "2", "PEBBLE_CHAIN_LENGTH": "2"})
    roots = [scene.pebble.roots(number) for number in range(3)]
    (scene.folder / "roots.pem").write_bytes(b"".join(roots))
    wanted = common_name(x509.load_pem_x509_certificate(roots[2]).subject)
    scene.settings["preferred_chain"] = wanted
    scene.settle()
    scene.is_settled()
    chain = x509.load_pem_x509_certificates((scene.live / "fullchain.pem").read_bytes())
    assert common_name(chain[-1].issuer) == wanted


@pytest.mark.parametrize("new", [False, True], ids=["2.4", "2.10"])
def test_an_account_is_bound_to_one_that_the_ca_knows(acme, tmp_path, new):
    hmac_key = tmp_path / "eab-key"
    hmac_key.write_text(SECRET)
    hmac_key.chmod(0o600)
    eab = {"kid": "kid-1", "hmac_key": {"file": str(hmac_key)}}
    scene = acme(new=new, eab={"kid-1": SECRET}, settings={"eab": eab})
    scene.settle()
    scene.is_settled()


def test_a_ca_that_wants_an_account_bound_is_asked_for_nothing_without_it(acme):
    scene = acme(eab={"kid-1": SECRET})
    (outcome,) = scene.once()
    assert not outcome.result.well
    assert "eab" in outcome.why.lower() or "external account" in outcome.why.lower()
    assert scene.orders == 0


@pytest.mark.fault(6, 59)
@pytest.mark.parametrize("call", CALLS if ALL else CALLS[4::4])
def test_a_process_killed_while_the_server_works_for_it_is_followed_by_one_that_goes_on(acme, call):
    scene = acme()
    command = [sys.executable, "-m", "renewd", "--config", scene.write(), "renew", "--quiet"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill():
        if len(scene.between.calls) == call:
            process.send_signal(signal.SIGKILL)

    scene.between.fault(".*", before=kill, times=1000)
    status = process.wait(60)
    scene.between.faults.clear()
    assert status == -signal.SIGKILL or (status == 0 and len(scene.between.calls) < call)
    scene.settle()
    scene.is_settled()
    assert scene.orders <= 2
    figures.record("ACME calls killed", tried=1, issued_twice=0, challenges_left=0)
