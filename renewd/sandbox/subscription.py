"""Whose certificates these are: the subscription, its key, and what everybody else is told."""

import hmac
import secrets
from urllib.parse import unquote

from renewd.sandbox.wire import Ask, Reply, text_reply

NAME = "sub_sandbox4711"


class Subscription:
    """One customer of the vendor's; `unauthorized` counts the calls that were refused."""

    def __init__(self, name: str = NAME) -> None:
        self.name = name
        self.api_key = secrets.token_urlsafe(32)
        self.unauthorized = 0

    def refusal(self, ask: Ask, segment: str) -> Reply | None:
        """Why who asks may not: another key, or another subscription in this segment of the path; None if all is well."""
        bearer = ask.headers.get("authorization", "")
        if not hmac.compare_digest(bearer.encode(), f"Bearer {self.api_key}".encode()):
            self.unauthorized += 1
            return text_reply(401, "The API key is missing or is not valid.")
        if unquote(segment) != self.name:
            self.unauthorized += 1
            return text_reply(401, "The API key is not authorized for this subscription.")
        return None
