"""A bare ACME client on certbot's `acme` library: what the tests' servers are tried with, and a measure of ours."""

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import josepy
from acme import challenges, client, messages
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from tests.programs import LONG

FIRST_LOOK, LAST_LOOK, SLOWER = (
    0.05,
    0.5,
    1.5,
)  # seconds before a look, and by how much each is later than the one before
TRIES = 10  # of two calls each

Prove = Callable[[str, str, str], None]  # domain, name (of a record or a file), value


class Directory(Protocol):
    """What is needed of an ACME server."""

    directory_url: str
    ca_file: Any


class _Patient(client.ClientNetwork):
    """The library's network, which tries a call whose nonce was refused more often than twice."""

    def post(self, *args: Any, **options: Any) -> Any:
        for _ in range(TRIES):
            try:
                return super().post(*args, **options)
            except messages.Error as error:
                if error.code != "badNonce":
                    raise
        raise AssertionError("every nonce was refused")


class Bare:
    """One account, and a connection for each thread that asks."""

    def __init__(self, server: Directory, *, kind: str = "http-01") -> None:
        self._server, self._kind = server, kind
        self._key = josepy.JWKEC(key=ec.generate_private_key(ec.SECP256R1()))
        self._mine = threading.local()
        terms = messages.NewRegistration.from_data(terms_of_service_agreed=True)
        self._account = self._connected().new_account(terms)

    def obtain(self, domains: Sequence[str], prove: Prove) -> str:
        """The chain (PEM) of a new certificate with a new key; `prove` makes each challenge stand."""
        acme = self._connected()
        order = acme.new_order(_request(domains))
        pending = [each for each in order.authorizations if each.body.status == messages.STATUS_PENDING]
        for authorization in pending:
            challenge = next(each for each in authorization.body.challenges if each.chall.typ == self._kind)
            prove(authorization.body.identifier.value, *self._proof(challenge.chall))
            acme.answer_challenge(challenge, challenge.response(self._key))
        for authorization in pending:
            self._until(lambda at=authorization: acme.poll(at)[0].body.status, messages.STATUS_VALID)
        begun = acme.begin_finalization(order)
        read = lambda: messages.Order.from_json(acme._post_as_get(begun.uri).json())  # noqa: E731
        self._until(lambda: read().status, messages.STATUS_VALID)
        return str(acme._post_as_get(read().certificate).text)

    def _proof(self, challenge: Any) -> tuple[str, str]:
        authorization = challenge.key_authorization(self._key)
        if isinstance(challenge, challenges.DNS01):
            digest = hashlib.sha256(authorization.encode()).digest()
            return "_acme-challenge", josepy.b64encode(digest).decode()
        return challenge.path.rpartition("/")[2], authorization

    def _until(self, read: Callable[[], Any], wanted: Any) -> None:
        pause, end = FIRST_LOOK, time.monotonic() + LONG
        while True:
            time.sleep(pause)  # another process's work can only be asked after
            status = read()
            if status == wanted:
                return
            assert status in (messages.STATUS_PENDING, messages.STATUS_PROCESSING), status
            assert time.monotonic() < end, "it never came to an end"
            pause = min(pause * SLOWER, LAST_LOOK)

    def _connected(self) -> client.ClientV2:
        """This thread's client."""
        if not hasattr(self._mine, "client"):
            trust: Any = str(self._server.ca_file)
            network = _Patient(
                self._key,
                getattr(self, "_account", None),
                alg=josepy.ES256,
                verify_ssl=trust,
                timeout=int(LONG),
            )
            directory = client.ClientV2.get_directory(self._server.directory_url, network)
            self._mine.client = client.ClientV2(directory, network)
        found: client.ClientV2 = self._mine.client
        return found


def _request(domains: Sequence[str]) -> bytes:
    """A CSR (PEM) for these names with a key nobody keeps."""
    names = x509.SubjectAlternativeName([x509.DNSName(domain) for domain in domains])
    builder = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(names, critical=False)
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), SHA256()).public_bytes(Encoding.PEM)
