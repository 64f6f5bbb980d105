"""Proof of control: making a token visible where the CA looks, looking there first, and taking it away.

Not here: when that is done, and telling the CA. Read base.py first, then webroot.py.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from renewd.config.proving import Http01

if TYPE_CHECKING:
    from renewd.challenges.base import Challenge
    from renewd.config.model import Challenge as Settings
    from renewd.deadline import Resolve

__all__ = ["KINDS", "make"]


def _http01(settings: Http01, resolve: "Resolve | None") -> "Challenge":
    from renewd.challenges.listener import Listener
    from renewd.challenges.webroot import Webroot

    return (
        Webroot(settings.webroot, resolve) if settings.webroot else Listener(settings.listen or "", resolve)
    )


KINDS: dict[type, Callable[[Any, "Resolve | None"], "Challenge"]] = {Http01: _http01}  # by what is configured


def make(settings: "Settings", *, resolve: "Resolve | None" = None) -> "Challenge":
    """The challenge that the settings describe; `resolve` says where looks connect to instead of (host, port)."""
    return KINDS[type(settings)](settings, resolve)
