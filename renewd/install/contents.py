"""From files to a bundle: reading back what a version or a foreign set of files holds."""

from collections.abc import Mapping
from dataclasses import replace

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from renewd.certs import bundle as bundles
from renewd.certs import keys, panic
from renewd.certs.bundle import Bundle
from renewd.config.secrets import Secret
from renewd.install import layouts

_WITH_LEAF = ("fullchain", "combined", "cert")  # kinds of files that show it without a password


def parse(files: Mapping[str, bytes], password: Secret | None = None) -> Bundle:
    """The bundle in a set of files, by kind; from the PFX where there is nothing else. Raises ValueError."""
    try:
        if "pfx" in files and not {"key", "combined"} & set(files):
            return _from_pfx(files["pfx"], password)
        leaf, *chain = certificates(files)
        key = keys.load_key(files["key"] if "key" in files else files["combined"])
    except KeyError as error:
        raise ValueError("there is no private key") from error
    except (ValueError, TypeError):
        raise
    except BaseException as error:
        panic.only(error)
        raise ValueError("the certificate library cannot read it") from error
    if not keys.matches(key, leaf):
        raise ValueError("certificate and private key do not belong together")
    return Bundle(leaf=leaf, chain=tuple(chain), key=key)


def certificates(files: Mapping[str, bytes]) -> list[x509.Certificate]:
    """The leaf and what stands after it, from the first kind of file that has any. Raises ValueError if none has."""
    for kind in _WITH_LEAF:
        if kind in files:
            found = x509.load_pem_x509_certificates(files[kind])
            if kind == "cert" and files.get("chain", b"").strip():
                found += x509.load_pem_x509_certificates(files["chain"])
            return found
    raise ValueError("there is no certificate")


def _from_pfx(data: bytes, password: Secret | None) -> Bundle:
    secret = None if password is None else password.reveal().encode()
    key, leaf, chain = pkcs12.load_key_and_certificates(data, secret)
    if leaf is None or not isinstance(key, bundles.PrivateKey):
        raise ValueError("the PFX holds no certificate with its key")
    return Bundle(leaf=leaf, chain=tuple(chain), key=key)


def leaf(files: Mapping[str, bytes], password: Secret | None = None) -> x509.Certificate | None:
    """The leaf, whatever the key; None if there is none that can be read."""
    try:
        return certificates(files)[0] if set(files) - {"pfx"} else parse(files, password).leaf
    except ValueError:
        return None
    except BaseException as error:  # noqa: BLE001 - a panic is none of Exception's; all others are raised again
        panic.only(error)
        return None


def difference(kind: str, data: bytes, fingerprint: str | None) -> str:
    """In what a file is another than the one that was installed with the leaf of this SHA-256; words to follow on "it"."""
    if not data:
        return "is empty"
    if kind not in _WITH_LEAF:
        return "has another content"
    found = leaf({kind: data})
    if found is None:
        return "holds no certificate that can be read"
    if bundles.fingerprint(found) == fingerprint:
        return "has another content around the same certificate"
    return f"holds another certificate, which ends on {found.not_valid_after_utc:%Y-%m-%d}"


def completed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same files, and the kinds that follow from them; just the same where they do not fit together."""
    try:
        found = parse(files)
    except ValueError:
        return dict(files)
    return {**made(found, None), **files}


def made(bundle: Bundle, password: Secret | None) -> dict[str, bytes]:
    """All kinds of files of a bundle, the key first; `password` is the configured one of the PFX, if there is one."""
    found = {**bundles.files(bundle if password is None else replace(bundle, pfx_password=password))}
    return {kind: found[kind] for kind in sorted(found, key=layouts.ORDER.index)}
