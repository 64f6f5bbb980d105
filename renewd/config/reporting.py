"""Who is told how renewd fares: the page with metrics and health for whoever asks."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from renewd.config import addresses
from renewd.config.deploying import Account
from renewd.config.paths import AbsolutePath
from renewd.config.settings import Problem, Settings, fit
from renewd.config.sources import SecretSource

NO_SERVER = "the page needs Python packages that are not installed"
GET_SERVER = "install renewd with its extra: pip install 'renewd[web]'"
PACKAGES = ("starlette", "uvicorn", "jinja2", "prometheus_client")  # of the extra
SHORTEST_TOKEN = 16  # characters


class Web(Settings):
    """The page for people, /metrics, /livez and /healthz; read-only."""

    listen: Annotated[str, AfterValidator(addresses.host_port)] = Field(
        "127.0.0.1:9473",
        description="Where it is served; not at all by TCP where only `socket` is written.",
        examples=["127.0.0.1:9473"],
    )
    socket: AbsolutePath | None = Field(
        None,
        description="A Unix socket (0660) to serve it on, for a web server in front.",
        examples=["/run/renewd/web.sock"],
    )
    group: Account | None = Field(
        None, description="Group that may use the Unix socket.", examples=["www-data"]
    )
    token: SecretSource | None = Field(
        None,
        description="What who comes by TCP must show (as a Bearer token, or as the password of any user). "
        "Beyond loopback there is no page without one.",
    )

    @model_validator(mode="after")
    def _guarded(self) -> "Web":
        problems = []
        if self.address is not None and self.token is None and not self.is_local:
            right = "write 127.0.0.1 in it, or token: {file: /etc/renewd/web-token}, or socket: instead of listen:"
            problems.append(Problem(("listen",), "anybody on the network could read the page", right))
        if self.group is not None and self.socket is None:
            problems.append(Problem(("group",), "it is about a Unix socket, and none is set", "leave it out"))
        fit(problems)
        return self

    @property
    def address(self) -> str | None:
        """HOST:PORT to listen on; None where a Unix socket alone is named."""
        return None if self.socket is not None and "listen" not in self.model_fields_set else self.listen

    @property
    def is_local(self) -> bool:
        """Whether TCP reaches it from this machine only."""
        return addresses.is_loopback(addresses.split(self.listen)[0])
