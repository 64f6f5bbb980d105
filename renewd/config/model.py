"""The configuration as frozen models; each field's description is what the schema and the docs say.

What spans several fields or needs the machine (programs, owners, files) is not checked here: see faults.py.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from renewd.config.units import Duration, RenewBefore, duration, mode, renew_before

RCL_BASE_URL = (
    "https://rclapi.azure-api.net/public"  # the vendor's; its pages write it with and without /public
)


class Settings(BaseModel):
    """What every part of the file shares: unknown keys are errors, and nothing changes after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class SecretSource(Settings):
    """Where a secret is read from, at the moment it is needed. Exactly one of the three."""

    file: str | None = Field(None, description="A file that holds nothing else, readable by its owner only.")
    env: str | None = Field(None, description="An environment variable of the daemon.")
    credential: str | None = Field(None, description="A systemd credential (LoadCredential=).")
    allow_group: bool = Field(False, description="Accept a file that its group may read (0640).")


class TrustFile(Settings):
    """Roots from a file instead of the system's."""

    file: str = Field(description="A PEM file of root certificates.")


class Timeout(Settings):
    """How long the issuer's API may take."""

    connect: Duration = Field(duration("10s"), description="For the connection.", examples=["10s"])
    read: Duration = Field(
        duration("10m"), description="For a whole order or finalize call.", examples=["10m"]
    )


class RclIssuer(Settings):
    """The RCL SSL Core API V7."""

    type: Literal["rcl"] = Field(description="Which service this is.")
    subscription_id: str = Field(description="As the RCL portal shows it.", examples=["sub_df45ghfh463nfhh"])
    api_key: SecretSource = Field(description="Where the API key is read from; never the key itself.")
    base_url: str = Field(RCL_BASE_URL, description="The API; http:// for a loopback host only.")
    trust: Literal["system", "none"] | TrustFile = Field(
        "system", description="Roots that what is issued must chain to: system, {file: PATH} or none."
    )
    timeout: Timeout = Field(Timeout(), description="How long the API may take.")
    proxy: str | None = Field(
        None, description="An HTTP proxy for this issuer; the environment's are ignored."
    )
    ca_file: str | None = Field(None, description="Roots for the API's own TLS instead of the system's.")
    download_hosts: tuple[str, ...] = Field(
        (), description="Hosts that downloads may come from; empty: whatever host the API names."
    )


Issuer = RclIssuer  # becomes a union, discriminated by `type`, with the second kind


class Http01(Settings):
    """Proof of control by a file over HTTP (RFC 8555 §8.3)."""

    type: Literal["http-01"] = Field(description="Which challenge this is.")
    webroot: str | None = Field(None, description="The folder the web server serves the names from.")
    listen: str | None = Field(None, description="HOST:PORT where renewd answers itself while it is needed.")
    self_check: Literal["warn", "require", "off"] = Field(
        "warn",
        description="Whether renewd looks at its challenge before the CA does, and what a failed look means.",
    )


Challenge = Http01  # becomes a union, discriminated by `type`, with the second kind


class Install(Settings):
    """One place where the certificate goes: a versioned folder, or fixed paths."""

    directory: str | None = Field(
        None, description="A versioned folder.", examples=["/etc/renewd/live/{name}"]
    )
    layout: Literal["renewd", "rcl"] = Field("renewd", description="The file names inside `directory`.")
    files: dict[Literal["fullchain", "key", "cert", "chain", "combined", "pfx"], str] | None = Field(
        None, description="Fixed paths instead of a folder; a private key must be among them."
    )
    owner: str | None = Field(
        None, description="Owner of the private parts; default: whoever renewd runs as."
    )
    group: str | None = Field(None, description="Group of the private parts.")
    mode: Annotated[int, BeforeValidator(mode)] = Field(
        0o600, description='Mode of the private parts, quoted: "0640".'
    )
    placeholder: bool = Field(
        False,
        description="Put a self-signed certificate where none is yet, so that the web server can start.",
    )
    pfx_password: SecretSource | None = Field(
        None, description="The password of the PFX; default: the one the service gave, or none."
    )


class Command(Settings):
    """A hook's command line."""

    run: str = Field(description="The command line, split like a shell does and run without one.")
    shell: bool = Field(False, description="Give the line to /bin/sh instead.")
    timeout: Duration = Field(
        duration("60s"), description="Then it is ended, with its children; 10m at most."
    )
    user: str | None = Field(None, description="Run as this user instead of renewd's own.")


def _commands(value: Any) -> Any:
    """One line, one mapping or a list of either, as a list of mappings."""
    items = value if isinstance(value, list | tuple) else [value]
    return tuple({"run": item} if isinstance(item, str) else item for item in items)


Commands = Annotated[tuple[Command, ...], BeforeValidator(_commands)]


class Hooks(Settings):
    """Commands around going live."""

    pre: Commands = Field((), description="Before a target's files are switched; a target each.")
    check: Commands = Field(
        (), description="After the switch, before the reload; once for all that share it."
    )
    reload: Commands = Field(
        (), description="Makes the server load the new files; once for all that share it."
    )
    post: Commands = Field((), description="After it is served; a target each.")


class Expect(Settings):
    """What a new certificate must have, beyond what renewd always asks."""

    issuer: str | None = Field(None, description="A text that the issuer's name must contain.")
    eku: tuple[str, ...] | None = Field(
        None, description="Extended key usages it must have.", examples=[["serverAuth"]]
    )
    key_type: Literal["ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096"] | None = Field(
        None, description="The key type it must have."
    )


class Confirm(Settings):
    """Where the new certificate must be served after the reload."""

    connect: str = Field(description="HOST:PORT to connect to.", examples=["127.0.0.1:443"])
    server_name: str | None = Field(
        None, description="The name asked for (SNI); default: the certificate's first name."
    )
    within: Duration = Field(duration("30s"), description="How long the server may take to show it.")


def _places(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


class Options(Settings):
    """What a certificate entry and `defaults` both may say."""

    issuer: str | None = Field(None, description="Which of `issuers`; may be left out where there is one.")
    renew_before: Annotated[RenewBefore, BeforeValidator(renew_before)] = Field(
        RenewBefore(), description="A share of the lifetime or a duration.", examples=["1/3", "30d"]
    )
    challenge: Challenge | None = Field(
        None, description="How control is proved; absent: only ready orders are used."
    )
    install: Annotated[tuple[Install, ...], BeforeValidator(_places)] = Field(
        (), description="One place, or a list of places switched together."
    )
    hooks: Hooks = Field(Hooks(), description="Commands around going live.")
    expect: Expect = Field(Expect(), description="What a new certificate must have.")
    confirm: Confirm | None = Field(None, description="Where the new certificate must be served.")


class Certificate(Options):
    """An entry of the watch list: one name, or many names that share the rest."""

    name: str | None = Field(
        None, description="As the RCL portal shows it.", examples=["contoso.com,www.contoso.com"]
    )
    names: tuple[str, ...] | None = Field(
        None, description="Many names; {name} in a path or hook stands for each."
    )


class Schedule(Settings):
    """When renewd looks, and how much it does at once."""

    every: Duration = Field(duration("12h"), description="From pass to pass; 5s at least.")
    jitter: Duration = Field(duration("10m"), description="Up to this much is added to each, at random.")
    concurrency: int = Field(8, ge=1, le=256, description="Renewals that are obtained side by side.")


class Log(Settings):
    """What the log looks like."""

    format: Literal["json", "console"] | None = Field(
        None, description="Default: console on a terminal, JSON elsewhere."
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least that is logged."
    )


class Configuration(Settings):
    """The whole file."""

    issuers: dict[str, Issuer] = Field(description="Who issues, each by a name of yours.")
    certificates: tuple[Certificate, ...] = Field((), description="What is watched.")
    defaults: Options = Field(
        Options(), description="Any key of a certificate, for those that do not say it."
    )
    include: tuple[str, ...] = Field((), description="More `certificates`, from files beside this one.")
    schedule: Schedule = Field(Schedule(), description="When renewd looks.")
    state_directory: str = Field("/var/lib/renewd", description="Lock, journal, version store, quarantine.")
    log: Log = Field(Log(), description="What the log looks like.")
