"""Proof of control during an attempt: placed before finalize, looked at, taken away at the end."""

import hashlib
import secrets
from contextlib import suppress

from renewd.certs.order import Token
from renewd.config.targets import Target
from renewd.errors import ChallengeFailed, NotProvable, TargetError
from renewd.renewal import events
from renewd.renewal.outcome import STOPPED
from renewd.renewal.work import Parked, Work


def rehearse(work: Work) -> None:
    """Place and remove a token that nobody asked for. Raises ChallengeFailed if that does not work."""
    challenge = work.context.challenge(work.target)
    if challenge is None:
        return
    tokens = rehearsal(work.target, challenge.type)[:1]
    challenge.place(tokens)
    challenge.remove(tokens)


def rehearsal(target: Target, kind: str) -> list[Token]:
    """A token for each name that nobody asked for: always the same, so that what a crash leaves is found again.

    Files are found by their name; what is in them is new each time, as an old one may be served from elsewhere.
    """
    tokens = []
    for domain in target.domains:
        mark = hashlib.sha256(f"{target.identity}\n{domain}".encode()).hexdigest()[:32]
        value = mark if kind == "dns-01" else secrets.token_hex(16)
        tokens.append(Token(domain, kind, f"renewd-rehearsal-{mark[:16]}", value))
    return tokens


def stand(work: Work) -> None:
    """Every token of the order stands where the CA looks. Raises ChallengeFailed; does nothing if it stands already."""
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
    challenge.place(tokens)
    work.placed = tokens
    work.tell(events.Placed, domains=tuple(token.domain for token in tokens))
    _look(work)


def keep(work: Work) -> None:
    """What a restart took away stands again, for a CA that looks later than it was told; nobody waits for it."""
    challenge, tokens = work.context.challenge(work.target), work.order.tokens
    if challenge is None or work.placed == tokens or any(token.type != challenge.type for token in tokens):
        return
    with suppress(TargetError):  # it may have looked long ago
        challenge.place(tokens)
        work.placed = tokens


def clear(work: Work) -> None:
    """Take the tokens away again, those of an earlier run among them."""
    challenge, tokens = work.context.challenge(work.target), work.order.tokens
    if challenge is not None and tokens:
        challenge.remove([token for token in tokens if token.type == challenge.type])
    work.placed = ()


def _look(work: Work) -> None:
    settings, challenge = work.target.challenge, work.context.challenge(work.target)
    if settings is None or challenge is None or settings.self_check == "off":
        return
    failed = []
    for sight in challenge.look(work.placed):
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
        raise ChallengeFailed(
            "; ".join(f"renewd itself sees {sight.saw} at {sight.url}" for sight in failed),
            remedy=f"{shown}, or set challenge.self_check: warn if only the CA can see it",
        )


def _shown(token: Token) -> str:
    if token.type == "dns-01":
        return f"a TXT record {token.name} (of {token.domain}) with {token.value}"
    return f"http://{token.domain}/.well-known/acme-challenge/{token.name} with {token.value}"
