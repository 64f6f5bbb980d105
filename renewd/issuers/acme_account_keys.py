"""Keys of accounts at ACME CAs: made, read as PEM or JSON, named by thumbprint, bound to an account of the CA's own."""

import json
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from renewd.config import secrets
from renewd.config.issuing import Eab

if TYPE_CHECKING:
    import josepy


def new() -> bytes:
    """A new key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def loaded(content: bytes) -> "josepy.JWK":
    """A key from PEM, or from JSON as certbot keeps it. Raises ValueError."""
    import josepy

    try:
        if content.lstrip().startswith(b"{"):
            key = josepy.JWK.json_loads(content.decode())
        else:
            key = josepy.JWK.load(content)
        _assert_signs(key)
    except (josepy.Error, AttributeError, TypeError, KeyError) as error:
        raise ValueError("this is no key") from error
    return key


def mark(key: "josepy.JWK") -> str:
    """What tells a key from others (RFC 7638), in hex."""
    return key.thumbprint().hex()


def algorithm(key: "josepy.JWK") -> Any:
    """What a key signs with (RFC 7518 §3.1)."""
    import josepy

    if isinstance(key, josepy.JWKRSA):
        return josepy.RS256
    return {256: josepy.ES256, 384: josepy.ES384, 521: josepy.ES512}[key.key.key_size]


def bound(eab: Eab, key: "josepy.JWK", url: str) -> Any:
    """The proof that the account belongs to one of the CA's own (RFC 8555 §7.3.4)."""
    import josepy
    from acme.jws import JWS

    signed = JWS.sign(
        key.public_key().json_dumps().encode(),
        key=josepy.JWKOct(key=hmac_key(eab)),
        alg=josepy.HS256,
        nonce=None,
        url=url,
        kid=eab.kid,
    )
    return json.loads(signed.json_dumps())


def changed(old: "josepy.JWK", account: str, key: "josepy.JWK", url: str) -> Any:
    """What the new key says of itself, the account and its old key (§7.3.5)."""
    from acme.jws import JWS

    inner = {"account": account, "oldKey": json.loads(old.public_key().json_dumps())}
    signed = JWS.sign(json.dumps(inner).encode(), key=key, alg=algorithm(key), nonce=None, url=url)
    return json.loads(signed.json_dumps())


def hmac_key(eab: Eab) -> bytes:
    """The key that the CA gave. Raises SecretUnusable if it cannot be read or is not written in base64url."""
    import josepy

    return bytes(josepy.b64decode(secrets.resolve(eab.hmac_key).reveal().rstrip("=")))


def _assert_signs(key: "josepy.JWK") -> None:
    """Raises ValueError for a public key, and for one of a kind that signs no requests."""
    import josepy
    from cryptography.hazmat.primitives.asymmetric import rsa

    if not isinstance(key, josepy.JWKRSA | josepy.JWKEC):
        raise ValueError("this kind of key signs nothing")  # noqa: TRY004 - the content is wrong, not the call
    private = rsa.RSAPrivateKey if isinstance(key, josepy.JWKRSA) else ec.EllipticCurvePrivateKey
    if not isinstance(getattr(key.key, "_wrapped", key.key), private):
        raise ValueError("this is a public key")  # noqa: TRY004 - as above
    key.public_key()
    if isinstance(key, josepy.JWKEC) and key.key.curve.name not in {"secp256r1", "secp384r1", "secp521r1"}:
        raise ValueError("no CA takes this curve")
