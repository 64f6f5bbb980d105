"""The account at an ACME CA (RFC 8555 §7.3): made once, kept 0600, found again, told of a new address, its key rolled over."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from renewd.config import secrets
from renewd.config.issuing import AcmeIssuer
from renewd.errors import BadReply, KeyRejected, NotFinal, ReplyLost, SecretUnusable, TargetError, Temporary
from renewd.issuers import acme_account_keys as account_keys
from renewd.issuers import acme_refusals, acme_wire
from renewd.issuers.acme_account_files import AccountFiles, Known
from renewd.issuers.acme_refusals import AccountShut, NoAccount
from renewd.issuers.acme_session import Session, Signer
from renewd.issuers.http import Call
from renewd.issuers.words import clean

if TYPE_CHECKING:
    import josepy


class Account:
    """The account that one issuer's orders belong to."""

    def __init__(self, settings: AcmeIssuer, session: Session, folder: str) -> None:
        self._settings = settings
        self._session = session
        self._files = AccountFiles(folder, settings.directory, session.stop)
        session.remedies = (
            acme_refusals.OF_OTHERS
            if settings.account_key is not None
            else acme_refusals.of_own(self._files.path, self._files.facts)
        )
        self._signs: tuple[Signer, tuple[int, int] | None] | None = None  # who signs, and its key's file

    def signer(self) -> Signer:
        """Who signs for the account, which is made or found where that was not done yet.

        Raises KeyRejected, with what to do, where the CA has no such account or gives none.
        """
        if (signer := self._known_signer()) is not None:
            return signer
        with self._files.locked():  # another process or thread may be about to make it
            if (signer := self._known_signer()) is None:
                self._mend()
                signer = self._opened()
                self._signs = signer, self._files.seen()
            return signer

    def _known_signer(self) -> Signer | None:
        """Who signed before, unless another process has changed the key since."""
        known = self._signs
        return known[0] if known is not None and known[1] == self._files.seen() else None

    def look(self) -> str:
        """What there is of an account, in words; nothing is made. Raises KeyRejected if it cannot be used, or will not be given."""
        with self._files.locked():
            self._mend()
            given = self._given()
            stored = None if given is not None else self._files.key()
            if given is None and stored is None:
                self._assert_possible()
                return "an account is made with the first order"
            key = given or self._stored(stored or b"")
            if self._known_of(key) is None and given is None and not self._exists(key):
                self._assert_possible()
                return "an account is made with the first order"
            return f"its account is {self._found(key)[0].account}"

    def address(self) -> str:
        """Its own, as far as that is known here without asking the CA. Raises SecretUnusable for a key that cannot be used."""
        key = self._given()
        if key is None and (stored := self._files.key()) is not None:
            key = self._stored(stored)
        known = None if key is None else self._known_of(key)
        return "" if known is None else known.url

    def roll_over(self) -> str:
        """Give the account a new key (§7.3.5); the name of the file with it. The old one is of no use any more."""
        if self._settings.account_key is not None:
            raise KeyRejected(
                "the account's key is the one that account_key names",
                stage="account",
                remedy="make a new key there, or leave account_key out, so that renewd keeps its own",
            )
        old = self.signer()
        with self._files.locked():
            pem, url = account_keys.new(), self._session.directory().key_change
            key = account_keys.loaded(pem)
            if not url:
                raise BadReply("the CA changes no keys", stage="account")
            self._files.keep_next(pem)  # before the CA knows of it
            self._signs = None
            call = Call("the change of the account's key", "account", self._session.brief, costs=True)
            try:
                self._session.post(url, account_keys.changed(old.key, old.account, key, url), call, old)
            except (ReplyLost, Temporary) as error:
                error.remedy = "The next use of the account finds out which of its keys is in force."
                raise
            except TargetError:
                self._files.drop_next()
                raise
            self._take_next(key)
        return self._files.path

    def _mend(self) -> None:
        """A change of the key whose end nobody saw: the CA is asked whether it has the new one."""
        pending = self._files.next_key()
        if pending is None:
            return
        key = self._stored(pending)
        if self._exists(key):
            self._take_next(key)
        else:
            self._files.drop_next()

    def _take_next(self, key: "josepy.JWK") -> None:
        known = self._files.known()
        self._files.take_next()
        if known is not None:
            self._keep(Signer(key, known.url), known.contact)

    def _opened(self) -> Signer:
        given = self._given()
        stored = None if given is not None else self._files.key()
        if given is None and stored is None:
            stored = account_keys.new()
            self._files.keep_key(stored)
        key = given or self._stored(stored or b"")
        known = self._known_of(key)
        if known is None:
            return self._registered(key, existing=given is not None)
        signer = Signer(key, known.url)
        if known.contact != self._contact:
            self._tell_contact(signer)
        return signer

    def _registered(self, key: "josepy.JWK", *, existing: bool) -> Signer:
        """The account of a key: one that the CA has, or, unless it must be there, a new one."""
        signer, contact = self._found(key) if existing else self._asked(key, self._wanted(key))
        if self._contact and contact is not None and contact != self._contact:
            self._tell_contact(signer)
        else:
            self._keep(signer, self._contact)
        return signer

    def _found(self, key: "josepy.JWK") -> tuple[Signer, list[str] | None]:
        return self._asked(key, {"onlyReturnExisting": True})

    def _asked(self, key: "josepy.JWK", payload: dict[str, Any]) -> tuple[Signer, list[str] | None]:
        """The account, and of one that there was before whom the CA knows it by. Raises KeyRejected if it is not valid."""
        url, call = self._session.directory().new_account, Call("newAccount", "account", self._session.brief)
        try:
            reply = self._session.post(url, payload, call, Signer(key))
        except (AccountShut, NotFinal) as error:
            if "externalAccountBinding" in payload:  # of an account that was never made
                error.remedy = "Compare eab.kid and eab.hmac_key with what the CA gave you."
            raise
        facts = self._session.said(reply, call)
        status = facts.get("status", "valid")
        if status != "valid":
            raise AccountShut(
                f"the account is {clean(str(status))}",
                stage="account",
                remedy=self._session.remedies[AccountShut],
            )
        try:
            signer = Signer(key, acme_wire.location(reply.headers, near=self._session.near))
        except ValueError as error:
            raise BadReply(f"{call.what} was answered, but not usably: {error}", stage="account") from None
        contact = facts.get("contact") or []
        before = reply.status == HTTPStatus.OK and isinstance(contact, list)
        return signer, [str(each) for each in contact] if before else None

    def _exists(self, key: "josepy.JWK") -> bool:
        """Whether the CA has a valid account of this key. Raises KeyRejected for one that is not valid."""
        try:
            self._found(key)
        except NoAccount:
            return False
        return True

    def _wanted(self, key: "josepy.JWK") -> dict[str, Any]:
        self._assert_possible()
        payload: dict[str, Any] = {"termsOfServiceAgreed": True}
        if self._contact:
            payload["contact"] = self._contact
        if self._settings.eab is not None:
            url = self._session.directory().new_account
            payload["externalAccountBinding"] = account_keys.bound(self._settings.eab, key, url)
        return payload

    def _assert_possible(self) -> None:
        """Raises KeyRejected where the CA wants more than the configuration has, SecretUnusable for a key of EAB that is none."""
        if self._settings.eab is not None:
            account_keys.hmac_key(self._settings.eab)
        elif self._session.directory().wants_eab:
            raise KeyRejected(
                "the CA gives accounts only to those who have one elsewhere with it (external account binding)",
                stage="account",
                remedy="Set `eab: {kid, hmac_key}` as the CA gave them to you.",
            )

    @property
    def _contact(self) -> list[str]:
        return [f"mailto:{self._settings.email}"] if self._settings.email else []

    def _tell_contact(self, signer: Signer) -> None:
        call = Call("the change of the account's contact", "account", self._session.brief)
        self._session.post(signer.account, {"contact": self._contact}, call, signer)
        self._keep(signer, self._contact)

    def _keep(self, signer: Signer, contact: list[str]) -> None:
        self._files.keep(Known(signer.account, contact, account_keys.mark(signer.key)))

    def _known_of(self, key: "josepy.JWK") -> Known | None:
        known = self._files.known()
        return known if known is not None and known.key == account_keys.mark(key) else None

    def _stored(self, content: bytes) -> "josepy.JWK":
        """Our own key. Raises SecretUnusable: another one in its place would be another account."""
        try:
            return account_keys.loaded(content)
        except ValueError as error:
            raise SecretUnusable(
                f"the account's key in {self._files.path} cannot be used: {error}",
                remedy="Put it back from a copy, or move it away: renewd then makes another account.",
            ) from None

    def _given(self) -> "josepy.JWK | None":
        """The key of an account that somebody has. Raises SecretUnusable if it cannot be used."""
        if self._settings.account_key is None:
            return None
        text = secrets.resolve(self._settings.account_key).reveal()
        try:
            return account_keys.loaded(text.encode())
        except ValueError:
            raise SecretUnusable(
                "account_key holds no key",
                remedy="put the account's private key there, as PEM or as JSON (JWK)",
            ) from None
