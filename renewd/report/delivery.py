"""Carrying a message out: to Apprise in a process of its own, and the sign of life; both bounded in time."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

from renewd.config import secrets
from renewd.config.sources import SecretSource
from renewd.errors import RenewdError, SecretUnusable
from renewd.report.message import Message

SECONDS = 60.0  # that all services may take together
LARGEST = 1 << 16  # bytes that are read of an answer to a sign of life


class Undelivered(RenewdError):
    """Somebody could not be told."""


def revealed(address: str | SecretSource) -> str:
    """The address itself. Raises Undelivered if it cannot be read."""
    if isinstance(address, str):
        return address
    try:
        return secrets.resolve(address).reveal()
    except SecretUnusable as error:
        raise Undelivered(str(error), remedy=error.remedy) from error


def send(addresses: Sequence[str | SecretSource], message: Message) -> None:
    """Tell everybody. Raises Undelivered, which names addresses by their number only, if somebody could not be."""
    wanted = {
        "urls": [revealed(address) for address in addresses],
        "title": message.title,
        "body": message.body,
        "kind": message.kind,
    }
    failed = _failed(wanted)
    if failed:
        numbers = ", ".join(f"notify.urls[{number}]" for number in failed)
        raise Undelivered(f"{numbers} did not take it", remedy=_REMEDY)


def unusable(addresses: Sequence[str | SecretSource]) -> list[int]:
    """Which of them, by number, are of no service that Apprise knows, or not as that one wants them; nothing is sent.

    Raises Undelivered if that cannot be told.
    """
    return _failed({"urls": [revealed(address) for address in addresses]})


def _failed(wanted: Mapping[str, object]) -> list[int]:
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "renewd.report.sending"],
            input=json.dumps(wanted),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        failed: list[int] = json.loads(ran.stdout)["failed"]
    except subprocess.TimeoutExpired:
        raise Undelivered(
            f"notify.urls: no service had answered after {SECONDS:.0f} s", remedy=_REMEDY
        ) from None
    except (OSError, ValueError, KeyError) as error:
        raise Undelivered(
            f"notify: Apprise could not be run ({type(error).__name__})", remedy=_REMEDY
        ) from None
    return failed


_REMEDY = "check the address, then: renewd notify test"


def beat(address: str | SecretSource) -> None:
    """Give the sign of life. Raises Undelivered if nobody took it."""
    import ssl

    import httpx

    from renewd import deadline

    url = revealed(address)
    try:
        network = deadline.Deadline(SECONDS)
        request = httpx.Request(
            "GET", url, headers={"Connection": "close"}, extensions={"timeout": {"connect": 10.0}}
        )
        response = deadline.Transport(network, ssl.create_default_context(), None).handle_request(request)
        status = response.status_code
        response.close()
    except Exception as error:  # noqa: BLE001 - of many libraries, and it stops nothing
        raise Undelivered(f"heartbeat: {deadline.words(error)}", remedy="check its address") from None
    if not httpx.codes.is_success(status):
        raise Undelivered(f"heartbeat: it was answered with {status}", remedy="check its address")
