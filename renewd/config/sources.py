"""Where secrets are read from: what the file says of them; reading them is secrets.py's."""

import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, Field, model_validator

from renewd.config.paths import absolute
from renewd.config.settings import Problem, Settings, fit
from renewd.config.spots import Path


def unquotable(check: Callable[[str], object], right: str) -> AfterValidator:
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


class SecretSource(Settings):
    """Where a secret is read from, at the moment it is needed. Exactly one of the three."""

    lines: ClassVar[bool] = False  # whether it may have white space in it, as a key in PEM or JSON has
    encoded: ClassVar[bool] = False  # whether it is octets, written in base64url

    file: Annotated[str, unquotable(absolute, "write an absolute path")] | None = Field(
        None,
        description="A file that holds nothing else, readable by its owner only.",
        examples=["/etc/renewd/rcl-api-key"],
    )
    env: Annotated[str, unquotable(_VARIABLE, "write the name of an environment variable")] | None = Field(
        None, description="An environment variable of the daemon.", examples=["RCL_API_KEY"]
    )
    credential: (
        Annotated[str, unquotable(_CREDENTIAL, "write the name that LoadCredential= gives it")] | None
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


class KeySource(SecretSource):
    """The same of a private key, in PEM or JSON."""

    lines: ClassVar[bool] = True


class EncodedSource(SecretSource):
    """The same of octets that are written in base64url."""

    encoded: ClassVar[bool] = True


def sources(settings: BaseModel, at: Path = ()) -> Iterator[tuple[Path, SecretSource]]:
    """Every source of a secret in these settings, however deep, and where it stands below `at`."""
    for key, value in settings:
        yield from _sources(value, (*at, key))


def _sources(value: Any, at: Path) -> Iterator[tuple[Path, SecretSource]]:
    if isinstance(value, SecretSource):
        yield at, value
    elif isinstance(value, BaseModel):
        yield from sources(value, at)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _sources(each, (*at, key))
    elif isinstance(value, tuple):
        for index, each in enumerate(value):
            yield from _sources(each, (*at, index))
