"""The settings of what issues: one class a kind of service."""

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from renewd.config import addresses, near
from renewd.config.paths import AbsolutePath
from renewd.config.settings import Settings, between
from renewd.config.sources import EncodedSource, KeySource, SecretSource, unquotable
from renewd.config.units import Duration, duration

RCL_BASE_URL = (
    "https://rclapi.azure-api.net/public"  # the vendor's; its pages write it with and without /public
)
RCL_V8_BASE_URL = "https://rclapi.azure-api.net/prod/v3"
NO_ACME = "an ACME CA needs Python packages that are not installed"
GET_ACME = "install renewd with its extra: pip install 'renewd[acme]'"
ACME = ("acme", "josepy")  # packages of the extra
LETSENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
LETSENCRYPT_STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"
DIRECTORIES = {"letsencrypt": LETSENCRYPT, "letsencrypt-staging": LETSENCRYPT_STAGING}
_TEXT = re.compile(r"\S(?:.*\S)?").fullmatch
_MAIL = re.compile(r"[^\s@,?]+@[^\s@,?]+", re.ASCII).fullmatch


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


def _directory(text: str) -> str:
    """The URL of a directory; `letsencrypt` stands for its own."""
    if "/" in text:
        return addresses.directory_url(text)
    if text not in DIRECTORIES:
        meant = near.nearest(text, DIRECTORIES)
        right = (
            f"did you mean {meant}?" if meant else f"write {', '.join(DIRECTORIES)} or the directory's URL"
        )
        raise ValueError(f"{text!r} is not known here; {right}")
    return DIRECTORIES[text]


def _switch(value: Any) -> Any:
    """YAML reads a bare off as false."""
    return {False: "off", True: "on"}[value] if isinstance(value, bool) else value


def _agreed(value: Any) -> Any:
    """Nobody agrees by mistake: only `true` does."""
    if value is False:
        raise ValueError(
            "no CA issues to those who do not agree to its terms of service; write true once you do"
        )
    return value


Directory = Annotated[str, AfterValidator(_directory)]
Suggesting = Annotated[
    str,
    BeforeValidator(_switch),
    AfterValidator(lambda text: text if text == "off" else _directory(text)),
]

Mail = Annotated[str, unquotable(_MAIL, "write an address like you@example.com")] | None


class Service(Settings):
    """What every kind of issuer may say; `proves`: where a certificate has no challenge, the service proves its names."""

    proves: ClassVar[bool] = False

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


class Portal(Service):
    """A subscription at RCL, which makes keys and keeps certificates."""

    subscription_id: Annotated[str, unquotable(_TEXT, "write it as the RCL portal shows it")] = Field(
        description="As the RCL portal shows it.", examples=["sub_df45ghfh463nfhh"]
    )
    api_key: SecretSource = Field(
        description="Where the API key is read from; never the key itself.",
        examples=[{"file": "/etc/renewd/rcl-api-key"}],
    )
    download_hosts: tuple[Annotated[str, AfterValidator(addresses.host)], ...] = Field(
        (),
        description="Hosts that downloads may come from; empty: whatever host the API names.",
        examples=[["rclstorage.blob.core.windows.net"]],
    )
    ari: Suggesting = Field(
        "off",
        description="The ACME directory whose renewal information (RFC 9773) is asked: letsencrypt, a URL, or off.",
        examples=["letsencrypt"],
    )


class RclIssuer(Portal):
    """The RCL SSL Core API V7."""

    type: Literal["rcl"] = Field(description="Which service this is.", examples=["rcl"])
    base_url: Annotated[str, AfterValidator(addresses.base_url)] = Field(
        RCL_BASE_URL, description="The API; http:// for a loopback host only."
    )


class RclV8Issuer(Portal):
    """The RCL SSL API V8."""

    proves: ClassVar[bool] = True

    type: Literal["rcl-v8"] = Field(description="Which service this is.", examples=["rcl-v8"])
    base_url: Annotated[str, AfterValidator(addresses.base_url)] = Field(
        RCL_V8_BASE_URL, description="The API; http:// for a loopback host only."
    )
    email: Mail = Field(
        None,
        description="The owner's address; default: the one that the portal shows, else hostmaster@ the root domain.",
        examples=["you@example.com"],
    )
    pfx_password: SecretSource | None = Field(
        None,
        description="Where the password for the PFX is read from; default: the one that the portal shows, else one made up.",
        examples=[{"file": "/etc/renewd/pfx-password"}],
    )


class Eab(Settings):
    """External account binding (RFC 8555 §7.3.4): which account of the CA's own the ACME account belongs to."""

    kid: str = Field(description="The key identifier that the CA gave you.", examples=["kid-1"])
    hmac_key: EncodedSource = Field(
        description="Where the HMAC key, in base64url, is read from.",
        examples=[{"file": "/etc/renewd/eab-key"}],
    )


class AcmeIssuer(Service):
    """Any CA that speaks ACME (RFC 8555)."""

    type: Literal["acme"] = Field(description="Which service this is.", examples=["acme"])
    directory: Directory = Field(
        description="The CA's directory: letsencrypt, letsencrypt-staging, or a URL.",
        examples=["letsencrypt"],
    )
    agree_terms: Annotated[Literal[True], BeforeValidator(_agreed)] = Field(
        description="That you agree to the CA's terms of service.", examples=[True]
    )
    email: Mail = Field(None, description="Where the CA can reach you.", examples=["you@example.com"])
    profile: str | None = Field(
        None, description="Which of the CA's certificate profiles.", examples=["shortlived"]
    )
    key_type: Literal["ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-4096"] = Field(
        "ecdsa-p256", description="The kind of a certificate's key."
    )
    reuse_key: bool = Field(False, strict=True, description="Keep a certificate's key with the next one too.")
    eab: Eab | None = Field(None, description="External account binding, where the CA wants it.")
    account_key: KeySource | None = Field(
        None,
        description="Where the key (PEM, or JSON as certbot keeps it) of an account that you have is read from; "
        "renewd makes its own where this is absent.",
        examples=[{"file": "/etc/letsencrypt/accounts/…/private_key.json"}],
    )
    preferred_chain: str | None = Field(
        None,
        description="The common name of the root whose chain to take, where the CA offers several.",
        examples=["ISRG Root X1"],
    )
    ari: Annotated[Literal["on", "off"], BeforeValidator(_switch)] = Field(
        "on", description="Whether the CA's renewal information (RFC 9773) may make a renewal earlier."
    )
    caa: Annotated[Literal["on", "off"], BeforeValidator(_switch)] = Field(
        "on", description="Whether CAA records (RFC 8659) that do not permit this CA stop an order."
    )

    @property
    def base_url(self) -> str:
        """What the service is known by."""
        return self.directory


def _kind(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"<{kind}>" if isinstance(kind, str) else None


Issuer = Annotated[
    Annotated[RclIssuer, Tag("<rcl>")]
    | Annotated[RclV8Issuer, Tag("<rcl-v8>")]
    | Annotated[AcmeIssuer, Tag("<acme>")],
    Discriminator(_kind),
]

__all__ = [
    "RCL_BASE_URL",
    "AcmeIssuer",
    "Eab",
    "Issuer",
    "Portal",
    "RclIssuer",
    "RclV8Issuer",
    "Service",
    "Timeout",
    "TrustFile",
]
