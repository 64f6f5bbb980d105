"""Who is told what: notifications by Apprise's URLs, and the sign of life after every healthy pass."""

import re
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from renewd.config import addresses
from renewd.config.settings import Settings
from renewd.config.sources import SecretSource, unquotable

NO_APPRISE = "notifications need the Python package apprise, which is not installed"
GET_APPRISE = "install renewd with its extra: pip install 'renewd[notify]'"
_SERVICE = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE).fullmatch


def _written(value: Any) -> str:
    return "<mapping>" if isinstance(value, dict | SecretSource) else "<word>"


def _base_url(text: str) -> str | None:
    try:
        addresses.base_url(text.partition("?")[0])
    except ValueError:
        return None
    return text


Address = Annotated[
    Annotated[str, unquotable(_SERVICE, "write an Apprise URL, such as mailto://…"), Tag("<word>")]
    | Annotated[SecretSource, Tag("<mapping>")],
    Discriminator(_written),
]
Heartbeat = Annotated[
    Annotated[str, unquotable(_base_url, "write an https:// URL"), Tag("<word>")]
    | Annotated[SecretSource, Tag("<mapping>")],
    Discriminator(_written),
]
On = Literal["failed", "overdue", "expiring", "recovered", "renewed"]


class Notify(Settings):
    """Who is told, and of what; each thing is said once, and taken back when it is well again."""

    urls: Annotated[tuple[Address, ...], Field(min_length=1)] = Field(
        description="Apprise URLs, or where each is read from: most hold a password or token.",
        examples=[[{"file": "/etc/renewd/notify-url"}]],
    )
    on: tuple[On, ...] = Field(
        ("failed", "overdue", "expiring", "recovered"),
        description="What is told.",
        examples=[["failed", "overdue", "expiring", "recovered", "renewed"]],
    )
    heartbeat: Heartbeat | None = Field(
        None, description="The same as `heartbeat` of the whole file.", examples=["https://hc.example/x"]
    )
