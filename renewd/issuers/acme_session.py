"""Talking to an ACME CA (RFC 8555 §6): its directory, nonces, and requests signed by the `acme` and `josepy` libraries."""

import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from renewd.clock import Clock
from renewd.config.issuing import AcmeIssuer
from renewd.errors import BadReply, TargetError, Temporary
from renewd.issuers import acme_account_keys, acme_refusals, acme_wire, links, rcl_refusals, words
from renewd.issuers.acme_wire import Directory
from renewd.issuers.http import Call, Reply, unusable
from renewd.issuers.lines import Lines
from renewd.issuers.rcl_wire import decode

if TYPE_CHECKING:
    import josepy

BRIEF = 60.0  # seconds at most for a call that only asks
BELIEVED = 86400.0  # seconds that a directory is not asked for again
NONCES = 3  # times that a call is repeated whose nonce was refused (§6.5)
KEPT = 32  # nonces
_ASKED = ""  # what POST-as-GET carries (§6.3)


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs: an account, by its address, or a key alone where there is no account yet."""

    key: "josepy.JWK" = field(repr=False)
    account: str = ""


class Session:
    """One CA; safe for many threads. `skew` is how far its clock was ahead of ours at its last answer."""

    def __init__(self, settings: AcmeIssuer, clock: Clock) -> None:
        self.settings = settings
        self.skew: timedelta | None = None
        self.near = links.is_near(settings.directory)
        self.stop = threading.Event()
        self.remedies: dict[type[TargetError], str] = {}  # for what a refusal of the account's means
        self._clock = clock
        self._lines = Lines(settings)
        self._nonces: deque[str] = deque(maxlen=KEPT)
        self._found: tuple[Directory, float] | None = None
        self._lock = threading.Lock()
        self._looking_up = threading.Lock()
        self.whole = settings.timeout.read.total_seconds()
        self.brief = min(BRIEF, self.whole)

    def directory(self) -> Directory:
        """Where each call goes (§7.1.1). Raises BadReply, in words, for an address that is no directory."""
        with self._looking_up:
            if self._found is not None and self._clock.monotonic() - self._found[1] < BELIEVED:
                return self._found[0]
            call = Call("the directory", "api", self.brief, public=True)
            reply = self._lines.send("GET", self.settings.directory, call, {})
            try:
                self._checked(reply, call)
                found = acme_wire.directory(decode(reply.body, reply.kind), near=self.near)
            except Temporary:
                raise
            except (TargetError, ValueError) as error:
                raise self._no_directory(reply, error) from None
            self._found = found, self._clock.monotonic()
            return found

    def _no_directory(self, reply: Reply, error: Exception) -> BadReply:
        moved = words.clean(reply.headers.get("location", ""))
        if isinstance(error, TargetError):
            why = f"it answers {reply.status}" + (f" and leads to {moved}" if moved else "")
        else:
            why = str(error)
        return BadReply(
            f"{self.settings.directory} is no ACME directory: {why}",
            stage="api",
            remedy="Write the address of the CA's directory, with its last slash if it has one, or letsencrypt.",
        )

    def hello(self) -> None:
        """One call that costs nothing: its date tells the CA's time, and its nonce is used by the next one."""
        self._keep(self._new_nonce())

    def ask(self, url: str, call: Call, signer: Signer) -> dict[str, Any]:
        """What stands at an address of the CA's: POST-as-GET. Safe to repeat."""
        return self.said(self.post(url, _ASKED, call, signer), call)

    def post(
        self, url: str, payload: Mapping[str, Any] | str, call: Call, signer: Signer, accept: str = ""
    ) -> Reply:
        """The answer of 2xx to a signed request; a refused nonce costs a few more tries. Raises what a refusal means."""
        links_check(url, self.near)
        text = payload if isinstance(payload, str) else json.dumps(payload)
        headers = {"Content-Type": "application/jose+json", **({"Accept": accept} if accept else {})}
        for _ in range(1 + NONCES):
            reply = self._lines.send("POST", url, call, headers, self._signed(url, text, signer))
            self._keep(_nonce_of(reply))
            if not _nonce_refused(reply):
                break
        return self._checked(reply, call)

    def said(self, reply: Reply, call: Call) -> dict[str, Any]:
        """The answer's document. Raises ReplyLost or BadReply if it is none."""
        try:
            return decode(reply.body, reply.kind)
        except ValueError as error:
            raise unusable(call, str(error)) from None

    def wait(self, reply: Reply) -> timedelta | None:
        """How long the CA asks to be left alone."""
        return rcl_refusals.wait(reply, self._clock.now())

    def close(self) -> None:
        """End the calls and waits under way, and let none begin."""
        self.stop.set()
        self._lines.close()

    def _signed(self, url: str, text: str, signer: Signer) -> bytes:
        from acme.jws import JWS

        nonce = self._nonce()
        options: dict[str, Any] = {"kid": signer.account} if signer.account else {}
        signed = JWS.sign(
            text.encode(),
            key=signer.key,
            alg=acme_account_keys.algorithm(signer.key),
            nonce=nonce,
            url=url,
            **options,
        )
        return str(signed.json_dumps()).encode()

    def _nonce(self) -> bytes:
        """One that was not used yet. Raises BadReply if the CA gives none."""
        import josepy

        with self._lock:
            text = self._nonces.pop() if self._nonces else ""
        text = text or self._new_nonce()  # for this caller alone: other threads take those that are kept
        if not text:
            raise BadReply("the CA gives no nonce", stage="api")
        try:
            return bytes(josepy.b64decode(text))
        except ValueError:
            raise BadReply("the CA gives a nonce that is none", stage="api") from None

    def _new_nonce(self) -> str:
        call = Call("the nonce", "api", self.brief)
        return _nonce_of(self._checked(self._lines.send("HEAD", self.directory().new_nonce, call, {}), call))

    def _keep(self, nonce: str) -> None:
        if nonce:
            with self._lock:
                self._nonces.append(nonce)

    def _checked(self, reply: Reply, call: Call) -> Reply:
        served = rcl_refusals.date(reply.date)
        if served is not None:
            self.skew = served - self._clock.now()
        error: TargetError | None = acme_refusals.refusal(reply, call, self._clock.now())
        if error is not None:
            error.remedy = error.remedy or self.remedies.get(type(error), "")
            raise error
        return reply


def links_check(url: str, near: bool) -> None:
    """Raises BadReply for an address that is not to be called."""
    try:
        links.check_call(url, near=near)
    except ValueError as error:
        raise BadReply(f"the CA names an address that is not called: {error}", stage="api") from None


def _nonce_of(reply: Reply) -> str:
    return reply.headers.get("replay-nonce", "")


def _nonce_refused(reply: Reply) -> bool:
    return reply.status == HTTPStatus.BAD_REQUEST and acme_refusals.of_reply(reply).type == "badNonce"
