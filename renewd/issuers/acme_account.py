"""The account at an ACME CA (RFC 8555 §7.3): made once, kept 0600, found again, told of a new address, its key rolled over."""

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from renewd.config import secrets
from renewd.config.issuing import AcmeIssuer, Eab
from renewd.errors import BadReply, KeyRejected, SecretUnusable
from renewd.issuers import acme_wire, private_files
from renewd.issuers.acme_session import Session, Signer
from renewd.issuers.http import Call

if TYPE_CHECKING:
    import josepy

_LOCK = "account.lock"


@dataclass(frozen=True, slots=True)
class _Known:
    """What is kept of an account beside its key."""

    url: str
    contact: list[str]


class Account:
    """The account that one issuer's orders belong to."""

    def __init__(self, settings: AcmeIssuer, session: Session, folder: str) -> None:
        self._settings = settings
        self._session = session
        self._folder = folder
        mark = hashlib.sha256(settings.directory.encode()).hexdigest()[:12]
        self.file = f"account-{mark}.pem"  # another directory is another account
        self._facts = f"account-{mark}.json"
        self._lock = threading.Lock()
        self._signer: Signer | None = None

    def signer(self) -> Signer:
        """Who signs for the account, which is made or found where that was not done yet.

        Raises KeyRejected, with what to do, where the CA has no such account or gives none.
        """
        with self._lock:
            if self._signer is None:
                with private_files.locked(self._folder, _LOCK):  # another process may be about to make it
                    self._signer = self._opened()
            return self._signer

    def roll_over(self) -> str:
        """Give the account a new key (§7.3.5); the name of the file with it. The old one is of no use any more."""
        if self._settings.account_key is not None:
            raise KeyRejected(
                "the account's key is the one that account_key names",
                stage="account",
                remedy="make a new key there, or leave account_key out, so that renewd keeps its own",
            )
        old = self.signer()
        with self._lock, private_files.locked(self._folder, _LOCK):
            pem = _new()
            new = Signer(_loaded(pem))
            private_files.write(self._folder, f"{self.file}.new", pem)
            url = self._session.directory().key_change
            if not url:
                raise BadReply("the CA changes no keys", stage="account")
            inner = {"account": old.account, "oldKey": json.loads(old.key.public_key().json_dumps())}
            from acme.jws import JWS

            from renewd.issuers.acme_session import algorithm

            signed = JWS.sign(
                json.dumps(inner).encode(), key=new.key, alg=algorithm(new.key), nonce=None, url=url
            )
            payload = json.loads(signed.json_dumps())
            call = Call("the change of the account's key", "account", self._session.brief, costs=True)
            self._session.post(url, payload, call, old)
            private_files.write(self._folder, self.file, pem)
            os.unlink(os.path.join(self._folder, f"{self.file}.new"))
            self._signer = Signer(new.key, old.account)
        return os.path.join(self._folder, self.file)

    def _opened(self) -> Signer:
        given = self._given()
        stored = None if given is not None else private_files.read(self._folder, self.file)
        known = self._known() if given is None or self._matches(given) else None
        if given is None and stored is None:
            stored = _new()
            private_files.write(self._folder, self.file, stored)
            known = None
        key = given or _loaded(stored or b"")
        contact = [f"mailto:{self._settings.email}"] if self._settings.email else []
        if known is None:
            return self._registered(key, contact, existing=given is not None)
        signer = Signer(key, known.url)
        if known.contact != contact:
            self._tell_contact(signer, contact)
        return signer

    def _registered(self, key: "josepy.JWK", contact: list[str], *, existing: bool) -> Signer:
        """The account of a key: one that the CA has, or, unless it must be there, a new one."""
        url, call = self._session.directory().new_account, Call("the account", "account", self._session.brief)
        payload: dict[str, Any] = (
            {"onlyReturnExisting": True} if existing else self._wanted(key, contact, url)
        )
        reply = self._session.post(url, payload, call, Signer(key))
        status = self._session.said(reply, call).get("status", "valid")
        if status != "valid":
            raise KeyRejected(
                f"the account is {status}",
                stage="account",
                remedy=f"Move {os.path.join(self._folder, self.file)} away if renewd is to make a new account.",
            )
        try:
            signer = Signer(key, acme_wire.location(reply.headers, near=self._session.near))
        except ValueError as error:
            raise BadReply(f"{call.what} was answered, but not usably: {error}", stage="account") from None
        self._keep(signer, contact)
        return signer

    def _wanted(self, key: "josepy.JWK", contact: list[str], url: str) -> dict[str, Any]:
        payload: dict[str, Any] = {"termsOfServiceAgreed": True}
        if contact:
            payload["contact"] = contact
        if self._settings.eab is not None:
            payload["externalAccountBinding"] = _bound(self._settings.eab, key, url)
        elif self._session.directory().wants_eab:
            raise KeyRejected(
                "the CA gives accounts only to those who have one elsewhere with it",
                stage="account",
                remedy="Set `eab: {kid, hmac_key}` as the CA gave them to you.",
            )
        return payload

    def _tell_contact(self, signer: Signer, contact: list[str]) -> None:
        call = Call("the account's new contact", "account", self._session.brief)
        self._session.post(signer.account, {"contact": contact}, call, signer)
        self._keep(signer, contact)

    def _keep(self, signer: Signer, contact: list[str]) -> None:
        facts = {"url": signer.account, "contact": contact, "key": _mark(signer.key)}
        private_files.write(self._folder, self._facts, json.dumps(facts).encode())

    def _known(self) -> _Known | None:
        """What is kept; None if nothing whole is: then the CA is asked for it."""
        try:
            facts = json.loads(private_files.read(self._folder, self._facts) or b"{}")
            return _Known(str(facts["url"]), [str(each) for each in facts["contact"]])
        except (ValueError, KeyError, TypeError):
            return None

    def _matches(self, key: "josepy.JWK") -> bool:
        """Whether what is kept is of this key."""
        try:
            facts = json.loads(private_files.read(self._folder, self._facts) or b"{}")
            return bool(facts.get("key") == _mark(key))
        except (ValueError, AttributeError):
            return False

    def _given(self) -> "josepy.JWK | None":
        """The key of an account that somebody has. Raises SecretUnusable if it cannot be used."""
        if self._settings.account_key is None:
            return None
        text = secrets.resolve(self._settings.account_key).reveal()
        try:
            return _loaded(text.encode())
        except ValueError:
            raise SecretUnusable(
                "account_key holds no key",
                remedy="put the account's private key there, as PEM or as JSON (JWK)",
            ) from None


def _bound(eab: Eab, key: "josepy.JWK", url: str) -> Any:
    """The proof that the account belongs to one of the CA's own (§7.3.4)."""
    import josepy
    from acme.jws import JWS

    try:
        secret = josepy.b64decode(secrets.resolve(eab.hmac_key).reveal().rstrip("="))
    except ValueError:
        raise SecretUnusable(
            "eab.hmac_key is not base64url", remedy="write it as the CA gave it to you"
        ) from None
    public = key.public_key().json_dumps().encode()
    signed = JWS.sign(
        public, key=josepy.JWKOct(key=secret), alg=josepy.HS256, nonce=None, url=url, kid=eab.kid
    )
    return json.loads(signed.json_dumps())


def _new() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _loaded(content: bytes) -> "josepy.JWK":
    """A key from PEM, or from JSON as certbot keeps it. Raises ValueError."""
    import josepy

    try:
        if content.lstrip().startswith(b"{"):
            key = josepy.JWK.json_loads(content.decode())
        else:
            key = josepy.JWK.load(content)
        key.public_key()
    except (josepy.Error, AttributeError, TypeError, KeyError) as error:
        raise ValueError("this is no key") from error
    if not isinstance(key, josepy.JWKRSA | josepy.JWKEC):
        raise ValueError("this kind of key signs nothing")  # noqa: TRY004 - the content is wrong, not the call
    return key


def _mark(key: "josepy.JWK") -> str:
    return key.thumbprint().hex()
