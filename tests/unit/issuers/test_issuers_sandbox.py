"""The RCL issuer and the challenges against the sandbox: the whole exchange, and every fault that it can play."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509

from renewd import challenges, errors, issuers
from renewd.certs.bundle import Material
from renewd.certs.order import OrderStatus
from renewd.challenges.base import Challenge
from renewd.clock import SystemClock
from renewd.config.model import Certificate, Http01, RclIssuer
from renewd.config.targets import Target
from renewd.issuers.base import Issued, Issuer
from renewd.sandbox import Sandbox
from renewd.sandbox.faults import KINDS
from tests.servers import free_port

NAMES = "contoso.com,www.contoso.com"


@dataclass
class Play:
    """One certificate in the portal, and what is needed to renew it."""

    sandbox: Sandbox
    issuer: Issuer
    target: Target
    challenge: Challenge

    def whole(self) -> Material:
        """Look, order, prove, finalize, collect; whatever happens the proof is taken away."""
        self.issuer.current(self.target)
        order = self.issuer.order(self.target)
        try:
            self.challenge.place(order.tokens)
            self.issuer.validate(self.target, order)
            issued = self.issuer.finalize(self.target, order)
        finally:
            self.challenge.remove(order.tokens)
        return self.issuer.collect(self.target, issued)


@pytest.fixture
def play() -> Iterator[Play]:
    port = free_port()
    with Sandbox(http_port=port) as sandbox:
        sandbox.seed(NAMES, days_left=3)
        settings = RclIssuer.model_validate(
            {
                "type": "rcl",
                "subscription_id": sandbox.subscription_id,
                "api_key": {"file": sandbox.api_key_path},
                "base_url": sandbox.base_url,
                "timeout": {"connect": "5s", "read": "2s"},
            }
        )
        issuer = issuers.make("sandbox", settings, SystemClock(), sandbox.directory)
        challenge = challenges.make(Http01(type="http-01", listen=f"127.0.0.1:{port}"))
        yield Play(sandbox, issuer, Target(NAMES, Certificate.model_construct(), "sandbox"), challenge)
        issuer.close()


def test_a_certificate_is_issued_once_and_collected_without_the_key(play: Play):
    before = play.issuer.current(play.target)
    material = play.whole()
    after = play.issuer.current(play.target)
    assert isinstance(before, Issued)
    assert isinstance(after, Issued)
    assert after.order_uri != before.order_uri
    leaf = x509.load_pem_x509_certificate(material.pem[0])
    assert after.expires_at is not None
    assert leaf.not_valid_after_utc.date() == after.expires_at.date()
    assert len(material.pem) == 3
    assert play.sandbox.downloads.bearer_seen == 0


def test_an_order_born_ready_needs_no_proof(play: Play):
    play.whole()
    order = play.issuer.order(play.target)
    assert order.status is OrderStatus.READY
    assert order.tokens == ()
    play.issuer.finalize(play.target, order)
    with pytest.raises(errors.AlreadyFinalized):
        play.issuer.finalize(play.target, order)


def test_a_proof_that_is_not_there_is_told_in_the_cas_words(play: Play):
    order = play.issuer.order(play.target)
    with pytest.raises(errors.ChallengeFailed):
        play.issuer.finalize(play.target, order)
    with pytest.raises(errors.OrderGone):
        play.issuer.finalize(play.target, order)


def test_a_web_root_proves_as_well(play: Play, tmp_path: Path):
    challenge = challenges.make(Http01(type="http-01", webroot=str(tmp_path)))
    order = play.issuer.order(play.target)
    challenge.place(order.tokens)
    for token in order.tokens:
        assert (tmp_path / ".well-known/acme-challenge" / token.name).read_text() == token.value
    challenge.remove(order.tokens)
    assert list(tmp_path.iterdir()) == []


FAULTS = [
    (call, kind)
    for kind, about in KINDS.items()
    for call in ("certificate", "order", "finalize", "download")
    if call in about.calls and kind not in {"delay", "delay-reply"}
]


@pytest.mark.parametrize(("call", "kind"), FAULTS, ids=["-at-".join(reversed(fault)) for fault in FAULTS])
def test_any_fault_ends_in_material_or_in_an_error_of_ours(play: Play, call: str, kind: str):
    value = {"huge": "=2", "gzip": "=2", "drip": "=0.1", "drip-head": "=0.1"}.get(kind, "")
    play.sandbox.fault(call, kind + value, None)
    with suppress(errors.TargetError):
        material = play.whole()
        assert material.pem or material.pfx
    assert play.sandbox.downloads.bearer_seen == 0
    calls = play.sandbox.state()["calls"].get(NAMES, {})
    assert calls.get("order", 0) <= 1
    assert calls.get("finalize", 0) <= 1
