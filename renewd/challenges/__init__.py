"""Proof of control: making a token visible where the CA looks, looking there first, and taking it away.

Not here: when that is done, and telling the CA. Read base.py first, then webroot.py.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from renewd.challenges.base import Challenge
    from renewd.config.model import Challenge as Settings
    from renewd.deadline import Resolve

__all__ = ["KINDS", "make"]


def _webroot(settings: "Settings", resolve: "Resolve | None") -> "Challenge":
    from renewd.challenges.webroot import Webroot

    return Webroot(settings.webroot or "", resolve)


def _listener(settings: "Settings", resolve: "Resolve | None") -> "Challenge":
    from renewd.challenges.listener import Listener

    return Listener(settings.listen or "", resolve)


KINDS: dict[
    str, Callable[["Settings", "Resolve | None"], "Challenge"]
] = {  # by the setting that names the place
    "webroot": _webroot,
    "listen": _listener,
}


def make(settings: "Settings", *, resolve: "Resolve | None" = None) -> "Challenge":
    """The challenge that the settings describe; `resolve` says where looks connect to instead of (host, port)."""
    kind = next(name for name in KINDS if getattr(settings, name) is not None)
    return KINDS[kind](settings, resolve)
