"""The protocol that every kind of challenge fulfils."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from renewd.certs.order import Token
from renewd.errors import ChallengeFailed, Temporary


@dataclass(frozen=True, slots=True)
class Sight:
    """What renewd saw when it looked for its own challenge the way the CA does."""

    token: Token
    url: str
    ok: bool
    saw: str  # for people: "404 Not Found", "the right answer", "no connection: …"


class NotPlaced(ChallengeFailed):
    """The proof cannot be put where the CA looks, or is not to be seen there from here; the CA was not asked to look."""


class NotPlacedYet(Temporary):
    """It cannot be put there now, and may well be later."""

    stage = "challenge"


class Challenge(Protocol):
    """One way to prove control of names."""

    type: str  # http-01 or dns-01: the tokens it can place

    def place(self, tokens: Sequence[Token]) -> None:
        """Make every token visible. Raises ChallengeFailed if one cannot be; those placed so far are taken away."""
        ...

    def look(self, tokens: Sequence[Token]) -> Sequence[Sight]:
        """What is to be seen of each token from here, fetched as the CA would."""
        ...

    def remove(self, tokens: Sequence[Token]) -> None:
        """Take the tokens away; those that are not there are no error."""
        ...
