"""What a new certificate is compared with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509

from renewd.certs.bundle import Bundle
from renewd.config.model import Expect


@dataclass(frozen=True)
class Wanted:
    """What a bundle must be to be installed for one target."""

    domains: tuple[str, ...]
    roots: tuple[x509.Certificate, ...] | None = None  # None: no root is wanted, the chain is still checked
    live: x509.Certificate | None = None  # what runs now
    expect: Expect = field(default_factory=Expect)
    adopted: bool = False  # taken over as the issuer holds it, not issued just now
    ordered: bool = False  # by renewd itself, to take the place of `live`: it may end before it
    refused: frozenset[str] = frozenset()  # fingerprints that were refused before


Check = Callable[[Bundle, Wanted, datetime], str | None]
