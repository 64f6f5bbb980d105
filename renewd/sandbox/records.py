"""What the portal writes down: the certificates of a subscription, and the orders at the CA."""

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from renewd.certs.order import OrderStatus, Token
from renewd.config import targets
from renewd.sandbox.material import Generation

_DOMAIN = re.compile(r"(\*\.)?[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_LONGEST_DOMAIN = 253  # RFC 1035 §2.3.4, as text
_LONGEST_LIFE = 3650  # days; more than any CA gives


@dataclass(slots=True)
class Holding:
    """One certificate of the subscription, under its name as written."""

    number: int
    name: str
    challenge: str = "HTTP"
    key_type: str = "ecdsa-p256"
    lifetime: timedelta = timedelta(days=90)
    validated_at: datetime | None = None
    generations: list[Generation] = field(default_factory=list)  # the last is the one that is held
    issued: int = 0  # by finalize; what was seeded does not count

    @property
    def held(self) -> Generation | None:
        """What the portal shows now; None before anything was issued."""
        return self.generations[-1] if self.generations else None


@dataclass(slots=True)
class PortalOrder:
    """An order at the CA, as the portal keeps it."""

    uri: str
    name: str
    status: OrderStatus
    tokens: tuple[Token, ...]
    expires_at: datetime


def check_name(name: str) -> None:
    """Raise ValueError in words if the CA could not issue for one of the names."""
    domains = targets.parts(name)
    if not domains:
        raise ValueError("a certificate needs a name")
    for domain in domains:
        if not _DOMAIN.fullmatch(domain) or len(domain) > _LONGEST_DOMAIN:
            raise ValueError(f"{domain!r} is no name for a certificate")


def check_days(lifetime: float, left: float | None) -> None:
    """Raise ValueError in words if a certificate cannot live so long."""
    if not 0 < lifetime <= _LONGEST_LIFE:
        raise ValueError(f"lifetime_days must be more than 0 and at most {_LONGEST_LIFE}")
    if left is not None and not abs(left) <= _LONGEST_LIFE:
        raise ValueError(f"days_left must be {_LONGEST_LIFE} at most")


def usual_challenge(name: str) -> str:
    """What a certificate of this name is validated by unless said otherwise."""
    return "DNS" if "*" in name else "HTTP"


def root_domain(name: str) -> str:
    """The registered domain of the first name, near enough for a sandbox: its last two labels."""
    return ".".join(targets.parts(name)[0].removeprefix("*.").split(".")[-2:])


def tokens(name: str, challenge: str) -> tuple[Token, ...]:
    """One proof a name: a file's name and content, or a record relative to the root domain."""
    domains = targets.parts(name)
    thumbprint = secrets.token_urlsafe(32)
    if challenge.upper() == "DNS":
        root = root_domain(name)
        return tuple(
            Token(domain, "dns-01", _record(domain, root), secrets.token_urlsafe(32)) for domain in domains
        )
    names = [secrets.token_urlsafe(32) for _ in domains]
    return tuple(
        Token(domain, "http-01", token, f"{token}.{thumbprint}")
        for domain, token in zip(domains, names, strict=True)
    )


def _record(domain: str, root: str) -> str:
    relative = domain.removeprefix("*.").removesuffix(root).rstrip(".")
    return f"_acme-challenge.{relative}" if relative else "_acme-challenge"
