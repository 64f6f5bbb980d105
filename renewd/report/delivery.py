"""Carrying a message out: to Apprise in a process of its own, and the sign of life; both bounded in time."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from renewd.config import secrets
from renewd.config.sources import SecretSource
from renewd.errors import RenewdError, SecretUnusable
from renewd.report.message import Message

SECONDS = 60.0  # that all services may take together
REMEDY = "check the address, then: renewd notify test"
REFUSED = "did not take it"

Address = str | SecretSource


class Undelivered(RenewdError):
    """Somebody could not be told."""


def revealed(address: Address) -> str:
    """The address itself. Raises Undelivered if it cannot be read."""
    if isinstance(address, str):
        return address
    try:
        return secrets.resolve(address).reveal()
    except SecretUnusable as error:
        raise Undelivered(str(error), remedy=error.remedy) from error


def send(letters: Mapping[int, tuple[Address, Message]]) -> dict[int, str]:
    """Tell each its message; by the addresses' numbers, why some could not be told. Never names an address."""
    failed, items = {}, []
    for number, (address, message) in letters.items():
        try:
            items.append({"number": number, "url": revealed(address), **asdict(message)})
        except Undelivered as error:
            failed[number] = f"cannot be told: {error}; {error.remedy}"
    return failed | _sent(items) if items else failed


def unusable(addresses: Sequence[Address]) -> list[int]:
    """Which of them, by number, are of no service that Apprise knows, or not as that one wants them; nothing is sent.

    Raises Undelivered if that cannot be told.
    """
    failed = _sent([{"number": number, "url": revealed(each)} for number, each in enumerate(addresses)])
    for why in failed.values():
        if why != REFUSED:
            raise Undelivered(why)
    return sorted(failed)


def _sent(items: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """By Apprise, which says of each that was told when it was; who hangs holds up nobody else."""
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "renewd.report.sending"],
            input=json.dumps(items).encode(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        said = ran.stdout
        late = "cannot be told: Apprise failed" if ran.returncode else REFUSED
    except subprocess.TimeoutExpired as error:
        said, late = error.stdout or b"", f"had not answered after {SECONDS:.0f} s"
    except OSError as error:
        said, late = b"", f"cannot be told: Apprise cannot be run ({error.strerror})"
    told = {int(number) for number in said.split() if number.isdigit()}
    return {item["number"]: late for item in items if item["number"] not in told}


def words(failed: Mapping[int, str]) -> str:
    """Who could not be told, and why, for people."""
    whys = dict.fromkeys(failed.values())
    return "; ".join(
        f"{', '.join(f'notify.urls[{number}]' for number, each in failed.items() if each == why)} {why}"
        for why in whys
    )


def beat(address: Address) -> None:
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
