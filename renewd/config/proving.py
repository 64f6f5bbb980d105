"""The settings of challenges: how a target proves control of its names."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from renewd.config import addresses
from renewd.config.deploying import Commands
from renewd.config.paths import AbsolutePath
from renewd.config.settings import Problem, Settings, between, fit, matching
from renewd.config.sources import KeySource, SecretSource
from renewd.config.units import Duration, duration

_PROVIDER = re.compile(r"[a-z0-9][a-z0-9-]*").fullmatch
_DNS_NAME = re.compile(r"(?=.{1,254}\Z)(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?", re.ASCII).fullmatch
confidential = re.compile(  # how the options are called whose values nobody may see
    r"(?:.*_)?(?:token|secret|password|passwd|pass|psw|phrase|key|content|2fa)|.*account_info"
).fullmatch
_KEYS = {  # the options whose secrets are written on several lines, as keys in PEM and JSON are
    ("googleclouddns", "auth_service_account_info"),
    ("oci", "auth_key_content"),
    ("transip", "auth_api_key"),
}
_NAMES_A_FILE = re.compile(r"(?:file::)?/.*").fullmatch  # a few options want a path to what is secret


def _off(value: Any) -> Any:
    return "off" if value is False else value  # YAML reads a bare off as false


class Proof(Settings):
    """What every kind of challenge may say."""

    self_check: Annotated[Literal["warn", "require", "off"], BeforeValidator(_off)] = Field(
        "warn",
        description="Whether renewd looks at its challenge before the CA does, and what a failed look means.",
    )


class Http01(Proof):
    """Proof of control by a file over HTTP (RFC 8555 §8.3)."""

    type: Literal["http-01"] = Field(description="Which challenge this is.", examples=["http-01"])
    webroot: AbsolutePath | None = Field(
        None,
        description="The folder the web server serves the names from.",
        examples=["/var/www/shopeneur"],
    )
    listen: Annotated[str, AfterValidator(addresses.host_port)] | None = Field(
        None,
        description="HOST:PORT where renewd answers itself while it is needed.",
        examples=["127.0.0.1:8402"],
    )

    @model_validator(mode="after")
    def _one(self) -> "Http01":
        if (self.webroot is None) == (self.listen is None):
            wrong = (
                "neither webroot nor listen is set" if self.webroot is None else "webroot and listen are set"
            )
            fit([Problem((), wrong, "write exactly one of the two")])
        return self


class Dns01(Proof):
    """Proof of control by a TXT record (RFC 8555 §8.4), however it is written."""

    type: Literal["dns-01"] = Field(description="Which challenge this is.", examples=["dns-01"])
    wait: Annotated[Duration, between("0s", "1h")] = Field(
        duration("5m"),
        description="How long to wait until every authoritative server shows the record.",
        examples=["5m"],
    )
    resolver: Annotated[str, AfterValidator(addresses.host_port)] | None = Field(
        None,
        description="HOST:PORT of the name server that is asked for zones and CAA records; the system's by default.",
        examples=["127.0.0.1:53"],
    )
    zone: Annotated[str, matching(_DNS_NAME, "write the zone's name, such as example.com")] | None = Field(
        None,
        description="The zone that the records are written to; found by asking where it is absent.",
        examples=["example.com"],
    )
    ttl: Annotated[Duration, between("1s", "1d")] | None = Field(
        None,
        description="How long others may remember the record; default: 60s by dynamic updates, else the provider's.",
        examples=["60s"],
    )

    @model_validator(mode="before")
    @classmethod
    def _one_way(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("provider") is not None:
            right = "leave it out, or leave `provider` out"
            both = [key for key in ("present", "cleanup") if key in value]
            fit([Problem((key,), "the provider writes the records, no command", right) for key in both])
        return value


class Rfc2136(Dns01):
    """Records written by dynamic updates (RFC 2136), signed by TSIG (RFC 8945)."""

    provider: Literal["rfc2136"] = Field(description="Dynamic updates.", examples=["rfc2136"])
    server: Annotated[str, AfterValidator(addresses.host_port)] = Field(
        description="HOST:PORT of the primary name server.", examples=["192.0.2.53:53"]
    )
    key_name: Annotated[str, matching(_DNS_NAME, "write the name that the server knows the key by")] = Field(
        description="The TSIG key's name.", examples=["renewd"]
    )
    key: SecretSource = Field(
        description="Where the TSIG key, in base64, is read from.",
        examples=[{"file": "/etc/renewd/tsig-key"}],
    )
    algorithm: Literal["hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha1", "hmac-md5"] = Field(
        "hmac-sha256", description="The TSIG key's algorithm."
    )


class DnsCommands(Dns01):
    """Records written by commands of one's own."""

    present: Commands = Field(description="Makes the record.", examples=["/usr/local/bin/dns-present"])
    cleanup: Commands = Field(
        (), description="Takes the record away.", examples=["/usr/local/bin/dns-cleanup"]
    )

    @model_validator(mode="after")
    def _written(self) -> "DnsCommands":
        if not self.present:
            fit([Problem(("present",), "no command is in the list", "write what makes the record")])
        return self


def _plain(value: Any) -> str | bool:
    """A provider's option as its library takes it: a text, or yes or no."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return str(value)
    raise ValueError("a text is wanted here; write one, or {file: …} for a secret")


Option = Annotated[
    Annotated[Any, AfterValidator(_plain), WithJsonSchema({"type": ["string", "boolean"]}), Tag("<word>")]
    | Annotated[SecretSource, Tag("<mapping>")],
    Discriminator(lambda value: "<mapping>" if isinstance(value, dict | SecretSource) else "<word>"),
]


class DnsProvider(Dns01):
    """Records written through a provider's API, as dns-lexicon knows it; all other keys are the provider's options."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Option]

    provider: Annotated[str, matching(_PROVIDER, "write the provider's name as dns-lexicon does")] = Field(
        description="The provider's name.", examples=["cloudflare"]
    )

    @model_validator(mode="after")
    def _hidden(self) -> "DnsProvider":
        right = "write where it is read from: {file: /etc/renewd/…}, {env: NAME} or {credential: NAME}"
        fit(
            [
                Problem((key,), "a secret does not stand in this file", right)
                for key, value in self.options.items()
                if isinstance(value, str) and confidential(key) and not _NAMES_A_FILE(value)
            ]
        )
        return self

    @model_validator(mode="after")
    def _on_lines(self) -> "DnsProvider":
        for key, value in self.options.items():
            if (self.provider, key) in _KEYS and isinstance(value, SecretSource):
                (self.__pydantic_extra__ or {})[key] = KeySource.model_validate(value.model_dump())
        return self

    @property
    def options(self) -> dict[str, SecretSource | str | bool]:
        """The provider's own options, named as the file names them."""
        return dict(self.__pydantic_extra__ or {})


def _kind(value: Any) -> str | None:
    """Which of the settings below a mapping is meant to be."""
    said = value if isinstance(value, dict) else dict(value) if isinstance(value, Proof) else {}
    if said.get("type") != "dns-01":
        return f"<{said['type']}>" if isinstance(said.get("type"), str) else None
    if said.get("provider") is None and ("present" in said or "cleanup" in said):
        return "<commands>"
    return "<rfc2136>" if said.get("provider") == "rfc2136" else "<provider>"


Challenge = Annotated[
    Annotated[Http01, Tag("<http-01>")]
    | Annotated[Rfc2136, Tag("<rfc2136>")]
    | Annotated[DnsCommands, Tag("<commands>")]
    | Annotated[DnsProvider, Tag("<provider>")],
    Discriminator(_kind),
]

__all__ = ["Challenge", "Dns01", "DnsCommands", "DnsProvider", "Http01", "Rfc2136", "confidential"]
