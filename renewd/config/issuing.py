"""The settings of what issues: secrets' sources, issuers, challenges."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from renewd.config import addresses
from renewd.config.paths import AbsolutePath, absolute
from renewd.config.settings import Problem, Settings, between, fit
from renewd.config.units import Duration, duration

RCL_BASE_URL = (
    "https://rclapi.azure-api.net/public"  # the vendor's; its pages write it with and without /public
)


def _unquotable(check: Callable[[str], object], right: str) -> AfterValidator:
    """A check whose message never repeats the text: people put the secret itself where its source belongs."""

    def checked(text: str) -> str:
        try:
            accepted = check(text)
        except ValueError:
            accepted = None
        if not accepted:
            raise ValueError(f"this is not right here; {right}")
        return accepted if isinstance(accepted, str) else text

    return AfterValidator(checked)


_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII).fullmatch
_CREDENTIAL = re.compile(r"(?!\.)[A-Za-z0-9_.@-]{1,255}", re.ASCII).fullmatch
_TEXT = re.compile(r"\S(?:.*\S)?").fullmatch


class SecretSource(Settings):
    """Where a secret is read from, at the moment it is needed. Exactly one of the three."""

    file: Annotated[str, _unquotable(absolute, "write an absolute path")] | None = Field(
        None,
        description="A file that holds nothing else, readable by its owner only.",
        examples=["/etc/renewd/rcl-api-key"],
    )
    env: Annotated[str, _unquotable(_VARIABLE, "write the name of an environment variable")] | None = Field(
        None, description="An environment variable of the daemon.", examples=["RCL_API_KEY"]
    )
    credential: (
        Annotated[str, _unquotable(_CREDENTIAL, "write the name that LoadCredential= gives it")] | None
    ) = Field(None, description="A systemd credential (LoadCredential=).", examples=["rcl-api-key"])
    allow_group: bool = Field(
        False, strict=True, description="Accept a file that its group may read (0440, 0640)."
    )

    @model_validator(mode="before")
    @classmethod
    def _source(cls, value: Any) -> Any:
        if isinstance(value, dict | SecretSource):
            return value
        raise ValueError(
            "a secret does not stand in this file; write where it is read from: {file: /etc/renewd/…}, {env: NAME} or {credential: NAME}"
        )

    @model_validator(mode="after")
    def _one(self) -> "SecretSource":
        said = [key for key in ("file", "env", "credential") if getattr(self, key) is not None]
        right = "write exactly one of file, env and credential"
        if len(said) != 1:
            fit([Problem((), f"{' and '.join(said)} are set" if said else "no source is set", right)])
        if self.allow_group and self.file is None:
            fit([Problem(("allow_group",), "it is about a file, and none is set", "leave it out")])
        return self


class TrustFile(Settings):
    """Roots from a file instead of the system's."""

    file: AbsolutePath = Field(
        description="A PEM file of root certificates.", examples=["/etc/renewd/roots.pem"]
    )


Trust = Annotated[
    Annotated[Literal["system", "none"], Tag("<word>")] | Annotated[TrustFile, Tag("<mapping>")],
    Discriminator(lambda value: "<mapping>" if isinstance(value, dict | TrustFile) else "<word>"),
]


class Timeout(Settings):
    """How long the issuer's API may take."""

    connect: Annotated[Duration, between("1s", "5m")] = Field(
        duration("10s"), description="For the connection.", examples=["10s"]
    )
    read: Annotated[Duration, between("1s", "1h")] = Field(
        duration("10m"), description="For a whole order or finalize call.", examples=["10m"]
    )


class RclIssuer(Settings):
    """The RCL SSL Core API V7."""

    type: Literal["rcl"] = Field(description="Which service this is.", examples=["rcl"])
    subscription_id: Annotated[str, _unquotable(_TEXT, "write it as the RCL portal shows it")] = Field(
        description="As the RCL portal shows it.", examples=["sub_df45ghfh463nfhh"]
    )
    api_key: SecretSource = Field(
        description="Where the API key is read from; never the key itself.",
        examples=[{"file": "/etc/renewd/rcl-api-key"}],
    )
    base_url: Annotated[str, AfterValidator(addresses.base_url)] = Field(
        RCL_BASE_URL, description="The API; http:// for a loopback host only."
    )
    trust: Trust = Field(
        "system", description="Roots that what is issued must chain to: system, {file: PATH} or none."
    )
    timeout: Timeout = Field(Timeout(), description="How long the API may take.")
    proxy: Annotated[str, AfterValidator(addresses.proxy)] | None = Field(
        None,
        description="An HTTP proxy for this issuer; the environment's are ignored.",
        examples=["http://proxy.example.net:3128"],
    )
    ca_file: AbsolutePath | None = Field(
        None,
        description="Roots for the API's own TLS instead of the system's.",
        examples=["/etc/renewd/api-roots.pem"],
    )
    download_hosts: tuple[Annotated[str, AfterValidator(addresses.host)], ...] = Field(
        (),
        description="Hosts that downloads may come from; empty: whatever host the API names.",
        examples=[["rclstorage.blob.core.windows.net"]],
    )


Issuer = RclIssuer  # becomes a union, discriminated by `type`, with the second kind


def _off(value: Any) -> Any:
    return "off" if value is False else value  # YAML reads a bare off as false


class Http01(Settings):
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
    self_check: Annotated[Literal["warn", "require", "off"], BeforeValidator(_off)] = Field(
        "warn",
        description="Whether renewd looks at its challenge before the CA does, and what a failed look means.",
    )

    @model_validator(mode="after")
    def _one(self) -> "Http01":
        if (self.webroot is None) == (self.listen is None):
            wrong = (
                "neither webroot nor listen is set" if self.webroot is None else "webroot and listen are set"
            )
            fit([Problem((), wrong, "write exactly one of the two")])
        return self


Challenge = Http01  # becomes a union, discriminated by `type`, with the second kind

__all__ = [
    "RCL_BASE_URL",
    "Challenge",
    "Http01",
    "Issuer",
    "RclIssuer",
    "SecretSource",
    "Timeout",
    "TrustFile",
]
