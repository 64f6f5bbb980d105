"""Proof of control during an attempt: placed before finalize, looked at, taken away at the end."""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from contextlib import suppress

from renewd.certs.order import Token
from renewd.challenges import http01
from renewd.challenges.base import Challenge, NotPlaced, NotPlacedYet
from renewd.config.targets import Target
from renewd.errors import NotProvable, TargetError, Temporary
from renewd.renewal import events, leftovers
from renewd.renewal.outcome import STOPPED
from renewd.renewal.work import Parked, Work


def rehearse(work: Work) -> None:
    """Place and remove tokens that nobody asked for; look at them all where renewd must see them.

    Raises NotPlaced, or NotPlacedYet, before anything is ordered.
    """
    challenge, settings = work.context.challenge(work.target), work.target.challenge
    if challenge is None or settings is None:
        return
    required = settings.self_check == "require"
    tokens = rehearsal(work.target, challenge.type)
    tokens = tokens if required else tokens[:1]
    _place(challenge, tokens)
    try:
        if required:
            _look(work, tokens)
    finally:
        leftovers.take_away(work, tokens)


def rehearsal(target: Target, kind: str) -> list[Token]:
    """A token for each name that nobody asked for: always the same, so that what a crash leaves is found again.

    Files are found by their name; what is in them is new each time, as an old one may be served from elsewhere. All look
    like a CA's (RFC 8555 §8.3, §8.4), since many a DNS API and hook takes nothing else.
    """
    tokens = []
    for domain in target.domains:
        mark = hashlib.sha256(f"{target.identity}\n{domain}".encode()).digest()
        name = f"renewd-rehearsal-{mark.hex()[:16]}"
        value = _base64url(mark) if kind == "dns-01" else f"{name}.{_base64url(secrets.token_bytes(32))}"
        tokens.append(Token(domain, kind, name, value))
    return tokens


def stand(work: Work) -> None:
    """Every token of the order stands where the CA looks. Does nothing if it stands already.

    Raises NotProvable, NotPlaced or NotPlacedYet.
    """
    tokens = work.order.tokens
    if not tokens or work.placed == tokens:
        return
    challenge = work.context.challenge(work.target)
    if challenge is None or any(token.type != challenge.type for token in tokens):
        have = "no challenge is configured" if challenge is None else f"the challenge is {challenge.type}"
        raise NotProvable(
            f"the order waits for proof and {have}; it asks for: "
            + "; ".join(_shown(token) for token in tokens),
            remedy="configure `challenge` for it, or place these by hand and run: "
            f"renewd finalize '{work.target.name}' --order-uri '{work.order.uri}'",
        )
    _place(challenge, tokens)
    work.placed = tokens
    work.tell(events.Placed, domains=tuple(token.domain for token in tokens))
    _look(work, tokens)


def keep(work: Work) -> None:
    """What a restart took away stands again, for a CA that looks later than it was told; nobody waits for it."""
    challenge, tokens = work.context.challenge(work.target), work.order.tokens
    if challenge is None or work.placed == tokens or any(token.type != challenge.type for token in tokens):
        return
    with suppress(TargetError):  # it may have looked long ago
        challenge.place(tokens)
        work.placed = tokens


def clear(work: Work) -> None:
    """Take the tokens away again, those of an earlier run among them; one that cannot be is told."""
    challenge, tokens = work.context.challenge(work.target), work.order.tokens
    if challenge is not None and tokens:
        leftovers.take_away(work, [token for token in tokens if token.type == challenge.type])
    work.placed = ()


def _place(challenge: Challenge, tokens: Sequence[Token]) -> None:
    """What goes wrong here is told apart from what goes wrong at the CA."""
    try:
        challenge.place(tokens)
    except Temporary as error:
        raise NotPlacedYet(
            str(error), retry_after=error.retry_after, stage=error.stage, remedy=error.remedy
        ) from error
    except TargetError as error:
        raise NotPlaced(str(error), stage=error.stage, remedy=error.remedy) from error


def _look(work: Work, tokens: Sequence[Token]) -> None:
    settings, challenge = work.target.challenge, work.context.challenge(work.target)
    if settings is None or challenge is None or settings.self_check == "off":
        return
    failed = []
    for sight in challenge.look(tokens):
        work.tell(events.Seen if sight.ok else events.Unseen, url=sight.url, saw=sight.saw)
        if not sight.ok:
            failed.append(sight)
    if failed and work.context.stop.is_set():  # the look was cut short
        raise Parked(work.now, STOPPED)
    if failed and settings.self_check == "require":
        shown = (
            "let every name server get the record in time (challenge.wait)"
            if challenge.type == "dns-01"
            else "make that address show the file"
        )
        raise NotPlaced(
            "; ".join(f"renewd itself sees {sight.saw} at {sight.url}" for sight in failed),
            remedy=f"{shown}, or set challenge.self_check: warn if only the CA can see it",
        )


def _shown(token: Token) -> str:
    if token.type == "dns-01":
        return f"a TXT record {token.name} (of {token.domain}) with {token.value}"
    return f"{http01.url(token)} with {token.value}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
