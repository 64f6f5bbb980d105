"""Telling a running sandbox what to do, from another process."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from renewd.errors import RenewdError, UsageError
from renewd.sandbox.control import BASE

_TIMEOUT = 30.0  # seconds; an RSA key may have to be made


def tell(url: str, method: str, what: str, document: Any = None) -> dict[str, Any]:
    """What the sandbox at `url` (its origin) answers. Raises RenewdError in words if it does not do it."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise UsageError(
            f"{url!r} is no sandbox; write what it said at its start, such as http://127.0.0.1:8400"
        )
    body = None if document is None else json.dumps(document)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=_TIMEOUT)
    try:
        connection.request(method, f"{BASE}/{what}", body)
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise RenewdError(
            f"no sandbox answers at {url}: {error}", remedy="start one: renewd sandbox"
        ) from error
    finally:
        connection.close()
    if not isinstance(answer, dict) or response.status >= http.client.BAD_REQUEST:
        said = answer.get("error", answer) if isinstance(answer, dict) else answer
        raise UsageError(f"the sandbox says no: {said}")
    return answer
