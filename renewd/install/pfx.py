"""A PFX as found on the disk: opened without a password, with the configured one, or recognised by its hash."""

from cryptography.hazmat.primitives.serialization import Encoding

from renewd.config import secrets
from renewd.config.model import SecretSource
from renewd.config.secrets import Secret
from renewd.errors import InstallFailed, RenewdError
from renewd.install import contents, manifest, versions


def leaf(data: bytes, password: SecretSource | None, root: str) -> bytes:
    """The leaf, PEM. `root` is the store that the file may come from, or empty.

    Raises ValueError, whose words follow on "it": a password that only the service knows opens no file that renewd
    did not write itself.
    """
    if root and (known := _recognised(data, root)) is not None:
        return known
    for secret in _passwords(password):
        try:
            return contents.parse({"pfx": data}, secret).leaf.public_bytes(Encoding.PEM)
        except ValueError:
            continue
    raise ValueError("cannot be opened with the passwords known to renewd; set install.pfx_password")


def _passwords(source: SecretSource | None) -> list[Secret | None]:
    if source is None:
        return [None, Secret("")]
    try:
        return [secrets.resolve(source), None]
    except RenewdError as error:
        raise ValueError(f"cannot be opened: {error}") from error


def _recognised(data: bytes, root: str) -> bytes | None:
    """The leaf of the live version, if the file is that version's."""
    version = versions.current(root)
    stored = None if version is None else versions.read_manifest(root, version)
    if version is None or stored is None or stored.files.get("pfx") != manifest.digest(data):
        return None
    try:
        return versions.read(root, version, "cert")
    except InstallFailed:  # the store was changed; the file itself may still be opened
        return None
