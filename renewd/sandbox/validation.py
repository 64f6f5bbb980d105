"""The CA's look at the challenges (RFC 8555 §8.3, §8.4): fetches of names that all live on loopback, and TXT records."""

import http.client
from collections.abc import Sequence
from urllib.parse import urljoin, urlsplit

from renewd.certs.order import Token
from renewd.config import addresses

ADDRESS = "127.0.0.1"
_REDIRECTS = 10  # as Let's Encrypt
_TIMEOUT = 10.0  # seconds for a connection and for each read, as Let's Encrypt
_READ = 128  # bytes of a body that Let's Encrypt looks at are few; a key authorization is 87 long


class Unproved(Exception):
    """The proof was not found; `str()` is what the CA says."""


class Validator:
    """Fetches `http://{domain}/…` from one port of this machine, in place of port 80 of the name.

    `resolver` is the name server, HOST:PORT, that is asked for records; without one there are none.
    """

    def __init__(self, http_port: int, resolver: str | None = None) -> None:
        self.http_port = http_port
        self.resolver = resolver

    def __call__(self, tokens: Sequence[Token]) -> str | None:
        """The CA's complaint about the first proof that it does not find; None if all are there."""
        for token in tokens:
            try:
                self._prove(token)
            except Unproved as complaint:
                return str(complaint)
        return None

    def _prove(self, token: Token) -> None:
        if token.type != "http-01":
            self._prove_record(token)
            return
        url = f"http://{token.domain}/.well-known/acme-challenge/{token.name}"
        found = self._follow(url).rstrip()
        if found != token.value:
            raise Unproved(
                "The key authorization file from the server did not match this challenge. "
                f'Expected "{token.value}" (got "{found}")'
            )

    def _prove_record(self, token: Token) -> None:
        name = f"_acme-challenge.{_bare(token.domain)}"
        found = [] if self.resolver is None else _values(name, self.resolver)
        if not found:
            raise Unproved(f"DNS problem: NXDOMAIN looking up TXT for {name}")
        if token.value not in found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise Unproved(f'Incorrect TXT record "{found[0]}"{more} found at {name}')

    def _follow(self, url: str) -> str:
        first = url
        for _ in range(_REDIRECTS + 1):
            status, elsewhere, body = self._fetch(url)
            if status in (301, 302, 303, 307, 308) and elsewhere:
                url = elsewhere
                continue
            if status != http.client.OK:
                raise Unproved(f"{ADDRESS}: Invalid response from {url}: {status}")
            return body.decode("utf-8", "replace")
        raise Unproved(f"{ADDRESS}: Fetching {first}: Too many redirects")

    def _fetch(self, url: str) -> tuple[int, str | None, bytes]:
        """Status, where it redirects to, and the beginning of the body. Raises Unproved if there is no answer."""
        try:
            host, target = _checked(url)
            connection = http.client.HTTPConnection(ADDRESS, self.http_port, timeout=_TIMEOUT)
            try:
                headers = {"Host": host, "User-Agent": "renewd sandbox CA", "Accept": "*/*"}
                connection.request("GET", target, headers=headers)
                response = connection.getresponse()
                location = response.getheader("Location")
                elsewhere = urljoin(url, location) if location else None
                return response.status, elsewhere, response.read(_READ)
            finally:
                connection.close()
        except TimeoutError as error:
            why = "Timeout during connect (likely firewall problem)"
            raise Unproved(f"{ADDRESS}: Fetching {url}: {why}") from error
        except ConnectionRefusedError as error:
            raise Unproved(f"{ADDRESS}: Fetching {url}: Connection refused") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unproved(f"{ADDRESS}: Fetching {url}: Error getting validation data") from error


def _values(name: str, resolver: str) -> list[str]:
    """The TXT values of a name, after all aliases. Raises Unproved if the name server does not answer."""
    import dns.exception
    import dns.rdatatype
    import dns.resolver

    host, port = addresses.split(resolver)
    asking = dns.resolver.Resolver(configure=False)
    asking.nameservers, asking.port = [host], port
    try:
        answer = asking.resolve(name, "TXT", raise_on_no_answer=False, search=False, lifetime=_TIMEOUT)
    except dns.resolver.NXDOMAIN:
        return []
    except dns.exception.DNSException as error:
        raise Unproved(f"DNS problem: SERVFAIL looking up TXT for {name}") from error
    sets = (each for each in answer.response.answer if each.rdtype == dns.rdatatype.TXT)
    return [b"".join(record.strings).decode("utf-8", "replace") for each in sets for record in each]


def _checked(url: str) -> tuple[str, str]:
    """Host and request target of a URL that a CA would fetch. Raises Unproved for another, ValueError for none."""
    parts = urlsplit(url)
    if parts.scheme != "http":
        raise Unproved(f"{ADDRESS}: Fetching {url}: the sandbox's CA speaks no {parts.scheme}")
    if parts.port not in (None, 80):
        only = "Only ports 80 and 443 are supported"
        raise Unproved(
            f"{ADDRESS}: Fetching {url}: Invalid port in redirect target. {only}, not {parts.port}"
        )
    return parts.hostname or "", (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _bare(domain: str) -> str:
    return domain.removeprefix("*.")
