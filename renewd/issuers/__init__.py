"""Who issues certificates: one protocol, one module a service.

Not here: deciding when to issue, and judging what was issued. Read base.py first, then rcl.py.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from renewd.clock import Clock
    from renewd.config.model import Issuer as Settings
    from renewd.issuers.base import Issuer

__all__ = ["KINDS", "make"]


def _rcl(name: str, settings: Any, clock: "Clock", _state_directory: str) -> "Issuer":
    from renewd.issuers.rcl import Rcl

    return Rcl(name, settings, clock)


def _rcl_v8(name: str, settings: Any, clock: "Clock", _state_directory: str) -> "Issuer":
    from renewd.issuers.rcl_v8 import RclV8

    return RclV8(name, settings, clock)


def _acme(name: str, settings: Any, clock: "Clock", state_directory: str) -> "Issuer":
    from renewd.issuers.acme import Acme

    return Acme(name, settings, clock, state_directory)


KINDS: dict[str, Callable[[str, Any, "Clock", str], "Issuer"]] = {  # by the setting `type`
    "rcl": _rcl,
    "rcl-v8": _rcl_v8,
    "acme": _acme,
}


def make(name: str, settings: "Settings", clock: "Clock", state_directory: str) -> "Issuer":
    """The issuer that the configuration calls `name`; nothing is connected or read before its first call.

    What it has to keep itself goes below the state directory.
    """
    return KINDS[settings.type](name, settings, clock, state_directory)
