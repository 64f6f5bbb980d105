"""The configuration as frozen models; each field's description is what the schema and the docs say.

Here is the watch list and what is about the whole file; issuing.py and deploying.py hold the rest. What spans
several entries is checked in faults.py, what needs the machine (programs, owners, files) in machine.py.
"""

import re
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    WithJsonSchema,
    model_validator,
)

from renewd.config import names as naming
from renewd.config import state
from renewd.config.databases import database_url
from renewd.config.deploying import Command, Commands, Confirm, Expect, Hooks, Install
from renewd.config.issuing import (
    RCL_BASE_URL,
    AcmeIssuer,
    Issuer,
    Portal,
    RclIssuer,
    RclV8Issuer,
    Service,
    Timeout,
    TrustFile,
)
from renewd.config.notifying import Heartbeat, Notify
from renewd.config.paths import AbsolutePath
from renewd.config.proving import Challenge, Dns01, DnsCommands, DnsProvider, Http01, Rfc2136
from renewd.config.reporting import Web
from renewd.config.settings import OneOrMany, Problem, Settings, between, fit, listed, matching
from renewd.config.sources import SecretSource
from renewd.config.units import Duration, RenewBefore, duration, renew_before

_ISSUER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII).fullmatch
_PATTERN = re.compile(r"[^\x00-\x1f\x7f]+").fullmatch

RenewalRule = Annotated[
    RenewBefore,
    BeforeValidator(renew_before),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": "^([0-9]+[smhd]|[0-9]+/[0-9]+)$"}),
]


State = Annotated[
    Annotated[str, AfterValidator(database_url), Tag("<word>")] | Annotated[SecretSource, Tag("<mapping>")],
    Discriminator(lambda value: "<mapping>" if isinstance(value, dict | SecretSource) else "<word>"),
]


class Options(Settings):
    """What a certificate entry and `defaults` both may say."""

    issuer: Annotated[tuple[str, ...], listed, OneOrMany()] = Field(
        (),
        description="Which of `issuers`, or several to be tried in order; may be left out where there is one.",
        examples=["rcl", ["rcl", "letsencrypt"]],
    )
    renew_before: RenewalRule = Field(
        RenewBefore(), description="A share of the lifetime or a duration.", examples=["1/3", "30d"]
    )
    challenge: Challenge | None = Field(
        None,
        description="How control is proved; absent: rcl-v8 proves it by itself, others use only orders that are born ready.",
    )
    install: Annotated[tuple[Install, ...], listed, OneOrMany()] = Field(
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
        None,
        description="Many names; {name} in a path or hook stands for each.",
        examples=[["one.example.com", "two.example.com"]],
    )

    domains: tuple[str, ...] = Field(
        (),
        description="For ACME: the names on the certificate; just `name` where this is absent.",
        examples=[["example.com", "*.example.com"]],
    )

    @model_validator(mode="after")
    def _named(self) -> "Certificate":
        if (self.name is None) == (self.names is None):
            wrong = "it has no name" if self.name is None else "name and names are set"
            fit([Problem((), wrong, "write exactly one of name and names")])
        if self.names is not None and not self.names:
            fit([Problem(("names",), "the list is empty", "write at least one name")])
        fit(_name_problems(self.name, self.names or ()))
        fit(
            [
                Problem(("domains", index), *problem)
                for index, each in enumerate(self.domains)
                if (problem := naming.domain_problem(each)) is not None
            ]
        )
        return self

    @property
    def all_names(self) -> tuple[str, ...]:
        """The names, each to become a target, as written."""
        return (self.name,) if self.name is not None else self.names or ()


def _name_problems(name: str | None, names: tuple[str, ...]) -> list[Problem]:
    found = [
        Problem(("names", index), *problem)
        for index, each in enumerate(names)
        if (problem := naming.problem(each)) is not None
    ]
    if name is not None and (problem := naming.problem(name)) is not None:
        found.append(Problem(("name",), *problem))
    return found


class Schedule(Settings):
    """When renewd looks, and how much it does at once."""

    every: Annotated[Duration, between("5s", "30d")] = Field(
        duration("12h"), description="From pass to pass; 5s at least."
    )
    jitter: Annotated[Duration, between("0s", "1d")] = Field(
        duration("10m"), description="Up to this much is added to each, at random."
    )
    concurrency: int = Field(
        8, ge=1, le=256, strict=True, description="Renewals that are obtained side by side."
    )


class Log(Settings):
    """What the log looks like."""

    format: Literal["json", "console"] | None = Field(
        None, description="Default: console on a terminal, JSON elsewhere.", examples=["json"]
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least that is logged."
    )


class Included(Settings):
    """A file that `include` names."""

    certificates: tuple[Certificate, ...] = Field((), description="What is watched.")


class Configuration(Settings):
    """The whole file."""

    model_config = ConfigDict(json_schema_extra={"required": ["issuers"]})

    issuers: dict[
        Annotated[str, matching(_ISSUER_NAME, "letters, digits, hyphens, dots and underscores make a name")],
        Issuer,
    ] = Field({}, description="Who issues, each by a name of yours.")
    certificates: tuple[Certificate, ...] = Field((), description="What is watched.")
    defaults: Options = Field(
        Options(), description="Any key of a certificate, for those that do not say it."
    )
    include: tuple[Annotated[str, matching(_PATTERN, "write it like conf.d/*.yaml")], ...] = Field(
        (), description="More `certificates`, from files beside this one.", examples=[["conf.d/*.yaml"]]
    )
    schedule: Schedule = Field(Schedule(), description="When renewd looks.")
    state_directory: AbsolutePath = Field(
        state.DIRECTORY, description="Lock, journal, version store, quarantine."
    )
    state: State | None = Field(
        None,
        description="The journal's database: a URL without a password, or where the whole URL is read from. "
        "Absent: the file renewd.db in `state_directory`.",
        examples=["postgresql+psycopg://renewd@db.example.net/renewd"],
    )
    log: Log = Field(Log(), description="What the log looks like.")
    web: Web | None = Field(
        None, description="A page, metrics and health, for whoever asks; absent: none.", examples=[{}]
    )
    notify: Notify | None = Field(None, description="Who is told when something is not well; absent: nobody.")
    heartbeat: Heartbeat | None = Field(
        None,
        description="A URL fetched after every healthy pass, so that silence alarms somebody; or where it is read from.",
        examples=["https://hc.example.net/renewd"],
    )


__all__ = [
    "RCL_BASE_URL",
    "AcmeIssuer",
    "Certificate",
    "Challenge",
    "Command",
    "Commands",
    "Configuration",
    "Confirm",
    "Dns01",
    "DnsCommands",
    "DnsProvider",
    "Expect",
    "Hooks",
    "Http01",
    "Included",
    "Install",
    "Issuer",
    "Log",
    "Notify",
    "Options",
    "Portal",
    "RclIssuer",
    "RclV8Issuer",
    "Rfc2136",
    "Schedule",
    "SecretSource",
    "Service",
    "Settings",
    "State",
    "Timeout",
    "TrustFile",
    "Web",
]
