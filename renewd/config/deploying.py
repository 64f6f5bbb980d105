"""The settings of going live: places, hooks, what is expected of a certificate, and where it must be served."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from renewd.config import addresses, commands
from renewd.config.paths import AbsolutePath
from renewd.config.settings import OneOrMany, Problem, Settings, between, fit, listed, matching
from renewd.config.sources import SecretSource
from renewd.config.units import Duration, duration, mode

Kind = Literal["fullchain", "key", "cert", "chain", "combined", "pfx"]
WITH_KEY = ("key", "combined", "pfx")  # the kinds of files that hold the private key
WITH_LEAF = ("fullchain", "cert", "combined", "pfx")  # and those that hold the certificate itself
_USAGES = ("serverAuth", "clientAuth", "codeSigning", "emailProtection", "timeStamping", "OCSPSigning")
_USAGE = re.compile("|".join(_USAGES) + r"|[0-2](?:\.(?:0|[1-9][0-9]*)){1,30}", re.ASCII).fullmatch
_ACCOUNT = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.@-]{0,255}\$?", re.ASCII).fullmatch

Account = Annotated[str, matching(_ACCOUNT, "write the name of a user or group of this machine")]
FileMode = Annotated[
    int,
    BeforeValidator(mode),
    PlainSerializer("{:04o}".format),
    WithJsonSchema({"type": "string", "pattern": "^0?[0-7]{3}$", "examples": ["0600", "0640"]}),
]


class Install(Settings):
    """One place where the certificate goes: a versioned folder, or fixed paths."""

    directory: AbsolutePath | None = Field(
        None, description="A versioned folder.", examples=["/etc/renewd/live/{name}"]
    )
    layout: Literal["renewd", "rcl"] = Field(
        "renewd", description="The file names inside `directory`: renewd's, or those of RCL's own daemon."
    )
    files: dict[Kind, AbsolutePath] | None = Field(
        None,
        description="Fixed paths instead of a folder; a private key and the certificate must be among them.",
        examples=[{"combined": "/etc/haproxy/certs/{name}.pem"}],
    )
    owner: Account | None = Field(
        None,
        description="Owner of the private parts; default: whoever renewd runs as.",
        examples=["root"],
    )
    group: Account | None = Field(None, description="Group of the private parts.", examples=["ssl-cert"])
    mode: FileMode = Field(
        0o600,
        description='Mode of the private parts, quoted: "0640".',
        json_schema_extra={"default": "0600"},
    )
    placeholder: bool = Field(
        False,
        strict=True,
        description="Put a self-signed certificate where none is yet, so that the web server can start.",
    )
    pfx_password: SecretSource | None = Field(
        None, description="The password of the PFX; default: the one the service gave, or none."
    )

    @model_validator(mode="after")
    def _one(self) -> "Install":
        if (self.directory is None) == (self.files is None):
            wrong = (
                "neither directory nor files is set" if self.files is None else "directory and files are set"
            )
            fit([Problem((), wrong, "write exactly one of the two")])
        if self.files is not None:
            fit(list(self._file_problems(self.files)))
        return self

    def _file_problems(self, files: dict[Kind, str]) -> list[Problem]:
        found = []
        if not any(kind in files for kind in WITH_KEY):
            right = "write a path for key, combined or pfx as well"
            found.append(Problem(("files",), "no private key is among them", right))
        elif not any(kind in files for kind in WITH_LEAF):
            right = "write a path for fullchain, cert, combined or pfx as well"
            found.append(Problem(("files",), "no certificate is among them", right))
        if self.layout != "renewd":
            right = "leave it out; layout is about directory"
            found.append(Problem(("layout",), "fixed paths have no layout", right))
        kinds: dict[str, Kind] = {}
        for kind, path in files.items():
            if kinds.setdefault(path, kind) != kind:
                right = "each kind needs a path of its own"
                found.append(Problem(("files", kind), f"the same path as {kinds[path]}", right))
        return found


class Command(Settings):
    """A hook's command line."""

    run: str = Field(
        description="The command line, split like a shell does and run without one.",
        examples=["nginx -s reload"],
    )
    shell: bool = Field(False, strict=True, description="Give the line to /bin/sh instead.")
    timeout: Annotated[Duration, between("1s", "10m")] = Field(
        duration("60s"), description="Then it is ended, with its children; 10m at most."
    )
    user: Account | None = Field(
        None, description="Run as this user instead of renewd's own.", examples=["www-data"]
    )

    @model_validator(mode="after")
    def _line(self) -> "Command":
        problem = commands.problem(self.run, shell=self.shell)
        if problem is not None:
            fit([Problem(("run",), *problem)])
        return self


Commands = Annotated[tuple[Command, ...], BeforeValidator(commands.lines), OneOrMany(({"type": "string"},))]


class Hooks(Settings):
    """Commands around going live."""

    pre: Commands = Field((), description="Before a target's files are switched; a target each.")
    check: Commands = Field(
        (),
        description="After the switch, before the reload; once for all that share it.",
        examples=["nginx -t"],
    )
    reload: Commands = Field(
        (),
        description="Makes the server load the new files; once for all that share it.",
        examples=["nginx -s reload"],
    )
    post: Commands = Field((), description="After it is served; a target each.")


class Expect(Settings):
    """What a new certificate must have, beyond what renewd always asks."""

    issuer: str | None = Field(
        None,
        min_length=1,
        description="A text that the issuer's name must contain.",
        examples=["Let's Encrypt"],
    )
    eku: tuple[Annotated[str, matching(_USAGE, f"write {', '.join(_USAGES)} or an OID")], ...] | None = Field(
        None, description="Extended key usages it must have.", examples=[["serverAuth"]]
    )
    key_type: Literal["ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096"] | None = Field(
        None, description="The key type it must have.", examples=["ecdsa-p256"]
    )


class Confirm(Settings):
    """Where the new certificate must be served: looked at after every reload, and with every pass."""

    connect: Annotated[
        tuple[Annotated[str, AfterValidator(addresses.host_port)], ...],
        listed,
        OneOrMany(),
        Field(min_length=1),
    ] = Field(
        description="HOST:PORT to connect to, or a list of them: each must serve it.",
        examples=["127.0.0.1:443", ["192.0.2.1:443", "192.0.2.2:443"]],
    )
    starttls: Literal["smtp", "imap", "pop3", "ldap", "postgres"] | None = Field(
        None, description="What is spoken before TLS begins, where that is not at once.", examples=["smtp"]
    )
    server_name: Annotated[str, AfterValidator(addresses.host)] | None = Field(
        None,
        description="The name asked for (SNI); default: the certificate's first name.",
        examples=["www.example.com"],
    )
    within: Annotated[Duration, between("1s", "10m")] = Field(
        duration("30s"), description="How long the server may take to show it."
    )
