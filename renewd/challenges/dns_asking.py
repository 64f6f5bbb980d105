"""Name servers as the configuration names them, and what goes wrong with asking them, in words."""

from typing import TYPE_CHECKING

from renewd import deadline, lookup
from renewd.config import addresses
from renewd.errors import Temporary

if TYPE_CHECKING:
    from dns.resolver import Resolver

_SECONDS = 10.0  # for an address of a name server


def reach(address: str | None) -> "Resolver":
    """The name server at HOST:PORT, or the system's, ready to be asked. Raises Temporary if there is none."""
    import dns.exception
    import dns.resolver

    try:
        if address is None:
            return dns.resolver.Resolver()
        host, port = addresses.split(address)
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = list(located(host, port))
        resolver.port = port
    except dns.exception.DNSException as error:  # no /etc/resolv.conf
        raise Temporary(
            f"this machine has no name service that could be asked: {error}",
            stage="challenge",
            remedy="Name one: challenge.resolver.",
        ) from error
    return resolver


def located(host: str, port: int) -> list[str]:
    """The addresses of a name server that the configuration names. Raises Temporary if there are none."""
    import httpcore

    try:
        found = lookup.look_up(host, port, _SECONDS)
    except httpcore.ConnectTimeout:
        found = []
    if not found:
        raise Temporary(f"the name server {host} has no address", stage="challenge")
    return found


def words(error: BaseException) -> str:
    """What went wrong with a question, for people."""
    import dns.exception
    import dns.rcode
    import dns.resolver

    if isinstance(error, dns.exception.Timeout):
        return "no answer in time"
    if isinstance(error, dns.resolver.NoNameservers):
        said = [response for *_, response in error.kwargs.get("errors", ()) if response is not None]
        return dns.rcode.to_text(said[-1].rcode()) if said else "no answer of use"
    if isinstance(error, OSError):
        return deadline.words(error)
    return "an answer that cannot be understood"
