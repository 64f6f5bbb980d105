"""Asking a service what time it is, by a call that costs nothing."""

from datetime import timedelta
from typing import Protocol, runtime_checkable

from renewd.config.targets import Target
from renewd.errors import TargetError
from renewd.renewal.context import Context


@runtime_checkable
class Telling(Protocol):
    """An issuer that notes how far its service's clock was ahead of ours at its last answer."""

    skew: timedelta | None


def ask(context: Context, target: Target) -> tuple[timedelta | None, str]:
    """How far the service's clock is ahead of this machine's now; None, and why, if it did not say.

    A refusal has a date too. Raises ConfigurationError if the issuer cannot be used at all.
    """
    issuer = context.issuer(target.issuer)
    if not isinstance(issuer, Telling):
        return None, f"{issuer.name} does not tell the time"
    issuer.skew = None
    why = "its answer had no date"
    try:
        issuer.current(target)
    except TargetError as error:
        why = str(error)
    return issuer.skew, why
