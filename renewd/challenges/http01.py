"""What the ways to answer HTTP-01 share (RFC 8555 §8.3): the path, and which tokens may be answered at all."""

import re
from collections.abc import Sequence

from renewd.certs.order import Token
from renewd.errors import ChallengeFailed

TYPE = "http-01"
FOLDERS = (".well-known", "acme-challenge")
PREFIX = "/" + "/".join(FOLDERS) + "/"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")  # it becomes a file's name: no dot, no slash, nothing else


def answers(token: Token) -> bool:
    """Whether this is a token that a file can answer."""
    return token.type == TYPE and _NAME.fullmatch(token.name) is not None


def check(tokens: Sequence[Token]) -> None:
    """Raises ChallengeFailed, which shows the tokens, if one is not HTTP-01's or names more than a file."""
    others = [token for token in tokens if token.type != TYPE]
    if others:
        shown = "; ".join(f"{token.domain}: {token.name} = {token.value}" for token in others)
        raise ChallengeFailed(
            f"the order wants another proof than {TYPE}: {others[0].type}, {shown}",
            remedy="Set the certificate's challenge type in the portal to HTTP, or prove these by hand.",
        )
    for token in tokens:
        if not answers(token):
            raise ChallengeFailed(
                f"the challenge for {token.domain} has a name that none has: {token.name[:200]!a}"
            )


def url(token: Token) -> str:
    """Where the CA looks first."""
    return f"{host(token.domain)}{PREFIX}{token.name}"


def host(domain: str) -> str:
    """Where a name, or an address, answers."""
    return f"http://[{domain}]" if ":" in domain else f"http://{domain}"
