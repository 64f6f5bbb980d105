"""Proof of control: making a token visible where the CA looks, looking there first, and taking it away.

Not here: when that is done, and telling the CA. Read base.py first, then webroot.py; dns01.py for records.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any

from renewd.config.proving import DnsCommands, DnsProvider, Http01, Rfc2136

if TYPE_CHECKING:
    from renewd.challenges.base import Challenge
    from renewd.challenges.commands import Run
    from renewd.challenges.dns01 import Writer
    from renewd.challenges.dns_lookup import Lookup
    from renewd.config.model import Challenge as Settings
    from renewd.config.model import Dns01
    from renewd.deadline import Resolve

__all__ = ["KINDS", "Means", "make"]


@dataclass(frozen=True)
class Means:
    """What challenges get from whoever uses them."""

    run: "Run | None" = None  # a command, to its end; without it none is run
    resolve: "Resolve | None" = None  # where looks connect to instead of (host, port)
    stop: Event = field(default_factory=Event)  # ends waits


def _http01(settings: Http01, means: Means) -> "Challenge":
    from renewd.challenges.listener import Listener
    from renewd.challenges.webroot import Webroot

    if settings.webroot:
        return Webroot(settings.webroot, means.resolve)
    return Listener(settings.listen or "", means.resolve)


def _rfc2136(settings: Rfc2136, means: Means) -> "Challenge":
    from renewd.challenges.rfc2136 import Updates

    return _dns01(settings, means, lambda lookup: Updates(settings, lookup))


def _provider(settings: DnsProvider, means: Means) -> "Challenge":
    from renewd.challenges.lexicon import ProviderRecords

    return _dns01(settings, means, lambda lookup: ProviderRecords(settings, lookup))


def _commands(settings: DnsCommands, means: Means) -> "Challenge":
    from renewd.challenges.commands import CommandRecords

    if means.run is None:
        raise ValueError("commands are to write the records, and nothing was said to run them")
    run = means.run
    return _dns01(settings, means, lambda _: CommandRecords(settings, run, means.stop))


def _dns01(settings: "Dns01", means: Means, writer: "Callable[[Lookup], Writer]") -> "Challenge":
    from renewd.challenges.dns01 import Records
    from renewd.challenges.dns_lookup import Lookup

    lookup = Lookup(settings.resolver, settings.zone)
    return Records(settings, writer(lookup), lookup, means.stop)


KINDS: dict[type, Callable[[Any, Means], "Challenge"]] = {  # by what is configured
    Http01: _http01,
    Rfc2136: _rfc2136,
    DnsProvider: _provider,
    DnsCommands: _commands,
}


def make(settings: "Settings", means: Means | None = None) -> "Challenge":
    """The challenge that the settings describe."""
    return KINDS[type(settings)](settings, means or Means())
