"""From bytes off the wire to a bundle: limits before parsing, strict grammar, key and leaf paired, chain in order."""

from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from renewd.certs import chain, keys, panic, pem, pfx
from renewd.certs.bundle import Bundle, Material, PrivateKey
from renewd.errors import MaterialRefused

_FORMS = 2  # of one key: PKCS #8, and PKCS #1 or SEC 1
_LONGEST_RSA = 4096  # checking a longer key's consistency can take minutes


def assemble(material: Material) -> Bundle:
    """The one bundle that the material holds. Raises MaterialRefused, in words, if it does not hold just one."""
    try:
        return _assemble(material)
    except ValueError as error:
        raise _refused(str(error)) from error
    except UnsupportedAlgorithm as error:
        raise _refused("it uses a kind of key that renewd does not know") from error
    except BaseException as error:
        panic.only(error)
        raise _refused("the parser gave up on it") from error


def _refused(problem: str) -> MaterialRefused:
    return MaterialRefused(f"what was issued cannot be used: {problem}", problems=(problem,))


def _assemble(material: Material) -> Bundle:
    certificates, key = _from_pem(material.pem) if material.pem else _from_pfx(material)
    if not certificates:
        raise ValueError("there is no certificate in it")
    fitting = [certificate for certificate in certificates if keys.matches(key, certificate)]
    if len(fitting) != 1:
        raise ValueError(
            "two different certificates in it are for the same key"
            if fitting
            else "key and certificate do not match"
        )
    leaf = fitting[0]
    if not keys.proves(key, leaf):
        raise ValueError("the private key is damaged: what it signs, its certificate does not verify")
    others = [certificate for certificate in certificates if certificate != leaf]
    return Bundle(leaf, chain.arrange(leaf, others), key, material.password)


def _from_pem(texts: Sequence[bytes]) -> tuple[list[x509.Certificate], PrivateKey]:
    if sum(map(len, texts)) > pem.WHOLE:
        raise ValueError(f"it is more than {pem.WHOLE:,} bytes long")
    found: list[pem.Block] = []
    for number, text in enumerate(texts, start=1):
        try:
            found += pem.blocks(text)
        except ValueError as error:
            which = "it" if len(texts) == 1 else f"part {number} of {len(texts)}"
            raise ValueError(f"{which} {error}") from None
    unique = list(dict.fromkeys(found))
    certificates = [block.der for block in unique if block.label == "CERTIFICATE"]
    private = [block.der for block in unique if block.label in pem.KEY_LABELS]
    _limit(certificates)
    return [_certificate(der) for der in certificates], _one_key(private)


def _from_pfx(material: Material) -> tuple[list[x509.Certificate], PrivateKey]:
    if not material.pfx:
        raise ValueError("it is empty")
    key, certificates = pfx.load(material.pfx, material.password)
    _limit([certificate.public_bytes(Encoding.DER) for certificate in certificates])
    return certificates, key


def _limit(certificates: Sequence[bytes]) -> None:
    if len(certificates) > pem.CERTIFICATES:
        raise ValueError(
            f"there are {len(certificates):,} certificates in it; {pem.CERTIFICATES} are the most"
        )
    if sum(map(len, certificates)) > pem.CERTIFICATE + pem.CHAIN:
        raise ValueError(f"the certificates in it are more than {pem.CERTIFICATE + pem.CHAIN:,} bytes long")


def _certificate(der: bytes) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(der)
        _ = (
            certificate.extensions,
            certificate.public_key(),
        )  # parsed only when asked for: judging may rely on them
    except ValueError:
        raise ValueError("a certificate in it is damaged") from None
    return certificate


def _one_key(ders: Sequence[bytes]) -> PrivateKey:
    """The key; the same one in two forms is one, and a portal may well send both."""
    if not ders:
        raise ValueError("there is no private key in it")
    if len(ders) > _FORMS:
        raise ValueError(f"there are {len(ders)} private keys in it")
    key, *others = [_key(der) for der in ders]
    if any(other.public_key() != key.public_key() for other in others):
        raise ValueError(f"there are {len(ders)} private keys in it")
    return key


def _key(der: bytes) -> PrivateKey:
    try:
        key = keys.from_der(der, quick=True)
        short = key.key_size <= _LONGEST_RSA
        full = keys.from_der(der) if short and isinstance(key, rsa.RSAPrivateKey) else key
    except ValueError as error:
        raise ValueError(f"it {error}") from None
    if not short:
        raise ValueError(f"it holds an RSA key of {key.key_size} bits; {_LONGEST_RSA} are the most")
    return full
