"""Certbot's DNS plugins, and what renewd calls the same: providers, their options, and the secrets among them."""

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from renewd.importers import ini, lineages
from renewd.importers.findings import Notes
from renewd.importers.lineages import Lineage

SECRETS = "/etc/renewd"  # where secrets are to lie, beside the configuration
_ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha1", "hmac-md5")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A provider as dns-lexicon calls it; of its options, which of certbot's credentials each one is."""

    provider: str
    secret: Mapping[str, str]
    plain: Mapping[str, str] = field(default_factory=dict)


PLUGINS = {
    "dns-cloudflare": Plugin("cloudflare", {"auth_token": "api_token api_key"}, {"auth_username": "email"}),
    "dns-digitalocean": Plugin("digitalocean", {"auth_token": "token"}),
    "dns-dnsimple": Plugin("dnsimple", {"auth_token": "token"}),
    "dns-dnsmadeeasy": Plugin("dnsmadeeasy", {"auth_username": "api_key", "auth_token": "secret_key"}),
    "dns-gandi": Plugin("gandi", {"auth_token": "token api_key"}),
    "dns-gehirn": Plugin("gehirn", {"auth_token": "api_token", "auth_secret": "api_secret"}),
    "dns-hetzner": Plugin("hetzner", {"auth_token": "api_token"}),
    "dns-linode": Plugin("linode4", {"auth_token": "key"}),
    "dns-luadns": Plugin("luadns", {"auth_token": "token"}, {"auth_username": "email"}),
    "dns-nsone": Plugin("nsone", {"auth_token": "api_key"}),
    "dns-ovh": Plugin(
        "ovh",
        {
            "auth_application_key": "application_key",
            "auth_application_secret": "application_secret",
            "auth_consumer_key": "consumer_key",
        },
        {"auth_entrypoint": "endpoint"},
    ),
    "dns-rfc2136": Plugin("rfc2136", {"key": "secret"}, {"key_name": "name"}),
    "dns-route53": Plugin("route53", {"auth_access_key": "", "auth_access_secret": ""}),
    "dns-sakuracloud": Plugin("sakuracloud", {"auth_token": "api_token", "auth_secret": "api_secret"}),
    "dns-google": Plugin("googleclouddns", {"auth_service_account_info": ""}),
}


def challenge(lineage: Lineage, plugin: str, notes: Notes) -> tuple[dict[str, object], tuple[str, ...]]:
    """The challenge for one of PLUGINS, and what a person has to do for it: `$ ` begins a command."""
    known = PLUGINS[plugin]
    prefix = plugin.replace("-", "_")
    path = lineage.text(f"{prefix}_credentials")
    given = _credentials(path, prefix, notes) if path else {}
    found: dict[str, object] = {"type": "dns-01", "provider": known.provider}
    if plugin == "dns-rfc2136":
        found["server"] = _server(given)
    for option, names in known.plain.items():
        value = next((given[name] for name in names.split() if given.get(name)), "")
        if value:
            found[option] = value
    remarks: list[str] = []
    for option, names in known.secret.items():
        name = next((name for name in names.split() if name in given), names.partition(" ")[0])
        file = f"{SECRETS}/{_called(known.provider, path)}-{option.removeprefix('auth_').replace('_', '-')}"
        found[option] = {"file": file}
        remarks += _copying(plugin, f"{prefix}_{name}", path, file)
    if plugin == "dns-rfc2136":
        _algorithm(found, given, notes)
    notes.add("secrets are not copied: the lines above `challenge` put them into files of their own")
    return found, tuple(remarks)


def _credentials(path: str, prefix: str, notes: Notes) -> dict[str, str]:
    """What the plugin's file says, by names without their prefix."""
    try:
        written = ini.read(lineages.content(path).decode())
    except OSError as error:
        notes.add(f"certbot's credentials {path} cannot be read: {lineages.words(error)}")
    except ValueError:  # what stands in it is secret, the message about it too
        notes.add(f"certbot's credentials {path} are not in the form that certbot reads")
    else:
        return {
            name.removeprefix(f"{prefix}_"): value
            for name, value in written.items()
            if isinstance(value, str) and name.startswith(f"{prefix}_")
        }
    return {}


def _called(provider: str, path: str) -> str:
    """Several files of credentials for one provider are told apart by their names."""
    base = re.sub(r"[^A-Za-z0-9_.-]+", "-", os.path.splitext(os.path.basename(path))[0]).strip("-.")
    return provider if not base or provider.rstrip("0123456789") in base else f"{provider}-{base}"


def _copying(plugin: str, name: str, path: str, file: str) -> tuple[str, ...]:
    if plugin == "dns-route53":
        return (
            f"Put this part of the AWS credentials, which certbot found by itself, into {file} (chmod 600).",
        )
    to = shlex.quote(file)
    if plugin == "dns-google":
        what = f"(printf base64::; base64 -w0 {shlex.quote(path or 'ACCOUNT.json')})"
        return ("Copy the service account's key, as root:", f"$ (umask 077; {what} > {to})")
    cut = shlex.quote(rf"s/^[[:space:]]*{name}[[:space:]]*=[[:space:]]*//p")
    read = f'sed -n {cut} {shlex.quote(path or "CREDENTIALS.ini")} | tr -d "\\"\' \\r"'
    return ("Copy the secret, as root:", f"$ (umask 077; {read} > {to})")


def _server(given: Mapping[str, str]) -> str:
    host, port = given.get("server") or "127.0.0.1", given.get("port") or "53"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _algorithm(found: dict[str, object], given: Mapping[str, str], notes: Notes) -> None:
    written = (given.get("algorithm") or "hmac-md5").lower()  # certbot's default
    if written not in _ALGORITHMS:
        notes.add(f"renewd does not sign with {written}; the key needs another algorithm in the name server")
        written = "hmac-sha256"
    found.setdefault("key_name", "renewd")
    found["algorithm"] = written
