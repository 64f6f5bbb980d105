"""A working configuration for a sandbox, as YAML that a person can read and change."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import yaml

from renewd.config import targets

if TYPE_CHECKING:
    from renewd.sandbox.sandbox import Sandbox

HEADER = "# renewd on the sandbox"
_ABOUT = f"""{HEADER}: everything here is local and throwaway.
# Save it, and try: renewd --config FILE check, renew, status, history
"""
_ISSUER = """
# The sandbox plays the RCL API; what it issues chains to a root of its own.
"""
_CERTIFICATES = """
# Names as the portal shows them. The sandbox's CA asks every name for its challenge on port {http_port} of this
# machine, where renewd answers for itself. The names exist nowhere else, so renewd need not look for them first.
"""
_STATE = """
# Lock, journal, version store.
"""


def text(sandbox: "Sandbox", certificates: Sequence[str | Mapping[str, Any]], keys: Mapping[str, Any]) -> str:
    """The whole file: a certificate is a name, or an entry as it is written; `keys` are further top-level keys.

    `issuers` among them takes the place of the one that is there otherwise.
    """
    keys = {"issuers": {"sandbox": issuer(sandbox)}, **keys}
    issuers = {"issuers": keys.pop("issuers")}
    entries = [entry(sandbox, item) if isinstance(item, str) else dict(item) for item in certificates]
    rest = {"state_directory": os.path.join(sandbox.directory, "state"), **keys}
    return "".join(
        (
            _ABOUT,
            _ISSUER,
            _dump(issuers),
            _CERTIFICATES.format(http_port=sandbox.http_port),
            _dump({"certificates": entries}),
            _STATE,
            _dump(rest),
        )
    )


def issuer(sandbox: "Sandbox", *, v8: bool = False) -> dict[str, Any]:
    """The issuer's settings, for either API."""
    return {
        "type": "rcl-v8" if v8 else "rcl",
        "subscription_id": sandbox.subscription_id,
        "api_key": {"file": sandbox.api_key_path},
        "base_url": sandbox.base_url_v8 if v8 else sandbox.base_url,
        "trust": {"file": sandbox.root_pem_path},
    }


def entry(sandbox: "Sandbox", name: str) -> dict[str, Any]:
    """A certificate that needs no web server: renewd answers the challenge, and the files go below the directory."""
    plain: dict[str, Any] = {"name": name}
    if "*" not in name:
        plain["challenge"] = {
            "type": "http-01",
            "listen": f"127.0.0.1:{sandbox.http_port}",
            "self_check": "off",
        }
    return {**plain, "install": {"directory": os.path.join(sandbox.directory, "live", targets.slug(name))}}


def _dump(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=110)
