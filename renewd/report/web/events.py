"""What happens to the page."""

from dataclasses import dataclass
from typing import ClassVar

from renewd.renewal.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class PageServed(Event):
    event: ClassVar[str] = "page.served"
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFailed(Event):
    """It cannot be served or made; certificates are renewed all the same, and it is tried again each minute."""

    event: ClassVar[str] = "page.failed"
    level: ClassVar[str] = "error"
    why: str
    remedy: str
