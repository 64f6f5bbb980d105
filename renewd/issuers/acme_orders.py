"""Orders and authorizations at an ACME CA as they stand (RFC 8555 §7.1): asked for, waited for, and what they want proved."""

import base64
import hashlib
from collections.abc import Callable
from datetime import timedelta

from renewd.certs.order import Order, OrderStatus, Token
from renewd.clock import Clock
from renewd.errors import ChallengeFailed, Declined, ReplyLost, TargetError, Temporary, Unreachable
from renewd.issuers import acme_refusals, acme_wire
from renewd.issuers.acme_session import Session, Signer
from renewd.issuers.acme_wire import Authorization, WireChallenge, WireOrder
from renewd.issuers.http import Call, Reply, unusable

FIRST_LOOK, SLOWER, LAST_LOOK = (
    0.05,
    1.1,
    5.0,
)  # seconds before a look, and by how much each is later than the last


class Orders:
    """Reading at one CA; safe to repeat."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._read = Call("the order", "read", session.brief)
        self._authorization = Call("the authorization", "read", session.brief)

    def shown(self, reply: Reply, call: Call) -> WireOrder:
        """The order that an answer shows. Raises ReplyLost or BadReply if it shows none."""
        try:
            return acme_wire.order(self._session.said(reply, call), near=self._session.near)
        except ValueError as error:
            raise unusable(call, str(error)) from None

    def found(self, order: Order, signer: Signer) -> WireOrder:
        """The order. Raises OrderGone or Declined, with what the CA says, for one that is invalid."""
        found = self.shown(self._session.post(order.uri, "", self._read, signer), self._read)
        if found.status is OrderStatus.INVALID and found.problem is not None:
            said = acme_refusals.problem(found.problem).said
            raise acme_refusals.ended(found.problem, f"the order is invalid: {said}", "order")
        return found

    def before(self, order: Order, signer: Signer) -> WireOrder:
        """The order before finalize. What cannot be asked now was not finalized now: nothing was sent."""
        try:
            return self.found(order, signer)
        except Temporary as error:
            raise Unreachable(str(error), retry_after=error.retry_after, stage="finalize") from error

    def to_prove(self, found: WireOrder, signer: Signer) -> list[Authorization]:
        """The names that are still to be proved."""
        every = [self.asked(url, signer) for url in found.authorizations]
        return [each for each in every if each.status == "pending"]

    def asked(self, url: str, signer: Signer) -> Authorization:
        """What is asked for one name."""
        data = self._session.ask(url, self._authorization, signer)
        try:
            return acme_wire.authorization(data, near=self._session.near)
        except ValueError as error:
            raise unusable(self._authorization, str(error)) from None

    def proof(self, asked: Authorization, challenge: WireChallenge, signer: Signer) -> Token:
        """What has to stand for a challenge (§8.1): the key authorization, or for a record its digest (§8.4)."""
        authorization = f"{challenge.token}.{base64url(signer.key.thumbprint())}"
        if challenge.type == "dns-01":
            digest = hashlib.sha256(authorization.encode()).digest()
            return Token(asked.name, challenge.type, "_acme-challenge", base64url(digest))
        return Token(asked.name, challenge.type, challenge.token, authorization)

    def answer(self, order: Order, found: WireOrder, signer: Signer, call: Call) -> None:
        """Let the CA look at what stands. Raises ChallengeFailed if it waits for other proofs than the order's tokens."""
        standing = {(token.type, token.value) for token in order.tokens}

        def stands(asked: Authorization, challenge: WireChallenge) -> bool:
            proof = self.proof(asked, challenge, signer)
            return (proof.type, proof.value) in standing

        for each in self.to_prove(found, signer):
            ours = [challenge for challenge in each.challenges if stands(each, challenge)]
            if not ours:
                raise ChallengeFailed(f"the CA waits for another proof of {each.name} than stands")
            for challenge in ours:
                if challenge.status == "pending":
                    self._session.post(challenge.url, {}, call, signer)

    def looked(
        self, order: Order, signer: Signer, waits: Callable[[OrderStatus], bool], call: Call
    ) -> WireOrder:
        """The order once it does not wait any more. Raises Temporary if that takes too long, Unreachable if renewd leaves."""
        until, pause = self._clock.monotonic() + self._session.whole, FIRST_LOOK
        while True:
            if self._clock.wait(self._session.stop, pause):
                raise Unreachable(f"{call.what} was not waited for: renewd is leaving", stage=call.stage)
            reply = self._session.post(order.uri, "", self._read, signer)
            found = self.shown(reply, self._read)
            if not waits(found.status):
                return found
            left = until - self._clock.monotonic()
            if left <= 0:
                raise Temporary(f"the CA is still busy with {call.what}", stage=call.stage)
            asked = self._session.wait(reply) or timedelta()
            pause = min(max(min(pause * SLOWER, LAST_LOOK), asked.total_seconds()), left)

    def until_issued(self, order: Order, found: WireOrder, signer: Signer, call: Call) -> WireOrder:
        """The order with its certificate. What goes wrong after finalize was taken leaves open what comes of it."""
        if found.status is not OrderStatus.PROCESSING:
            return found
        try:
            return self.looked(order, signer, lambda status: status is OrderStatus.PROCESSING, call)
        except (Temporary, TargetError) as error:
            raise ReplyLost(f"finalize was taken, and then: {error}", stage="finalize") from error

    def unproved(self, found: WireOrder, signer: Signer) -> TargetError:
        """What the CA saw, name by name; where it has no use to look again, Declined."""
        lines, problems = [], [acme_refusals.problem(found.problem)]
        for url in found.authorizations:
            asked = self.asked(url, signer)
            told = [acme_refusals.problem(each.problem) for each in asked.challenges if each.problem]
            if asked.status == "invalid":
                said = "; ".join(each.said for each in told)
                lines.append(f"{asked.name}: {said or 'the CA does not say why'}")
                problems += told
        why = "; ".join(lines) or problems[0].said or "the order is invalid"
        remedy = next((each.remedy for each in problems if each.remedy is not None), None)
        return ChallengeFailed(why) if remedy is None else Declined(why, stage="challenge", remedy=remedy)


def base64url(data: bytes) -> str:
    """Without padding: RFC 8555 §6.1."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
