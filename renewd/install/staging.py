"""From a bundle to a version in a site's store, and back."""

from renewd.certs.bundle import Bundle
from renewd.config import secrets
from renewd.config.model import Install
from renewd.config.secrets import Secret
from renewd.errors import InstallFailed, RenewdError
from renewd.install import attributes, contents, manifest, versions
from renewd.install.manifest import Manifest, Version
from renewd.install.sites import Site


def stage(site: Site, name: str, version: Version, files: dict[str, bytes]) -> None:
    """Write the files, by kind, as a version of the target called `name`. Raises InstallFailed."""
    shown = dict(site.files)
    described = Manifest(name, version, {kind: manifest.digest(data) for kind, data in files.items()})
    versions.stage(
        site,
        described,
        {
            kind: (data, attributes.kept(shown.get(kind, ""), site.stored_attributes(kind)))
            for kind, data in files.items()
        },
    )


def files(bundle: Bundle, settings: Install) -> dict[str, bytes]:
    """All kinds of files for one place. Raises InstallFailed if they cannot be made, or not read back as the same bundle."""
    secret = password(settings)
    try:
        made = contents.made(bundle, secret)
        same = contents.parse(made)
    except ValueError as error:
        raise InstallFailed(f"what is to be installed cannot be written as files: {error}") from error
    if same.leaf != bundle.leaf or same.chain != bundle.chain:
        raise InstallFailed("what is to be installed reads back as another certificate")
    return made


def password(settings: Install) -> Secret | None:
    """The PFX password that the configuration gives. Raises InstallFailed if it cannot be read."""
    if settings.pfx_password is None:
        return None
    try:
        return secrets.resolve(settings.pfx_password)
    except RenewdError as error:
        raise InstallFailed(f"install.pfx_password: {error}", remedy=error.remedy) from error


def load(site: Site, version: str) -> Bundle:
    """A version as a bundle, without the PFX's password. Raises InstallFailed if it is not there or not whole."""
    stored = versions.read_manifest(site.root, version)
    kinds = () if stored is None else stored.files
    found = {kind: data for kind in kinds if (data := versions.read(site.root, version, kind)) is not None}
    try:
        return contents.parse(found)
    except ValueError as error:
        raise InstallFailed(f"version {version} in {site.root} cannot be used: {error}") from error


def copy(donor: Site, site: Site, settings: Install, version: str) -> None:
    """Give a site a version that only another one has, as when a place was added to the configuration."""
    stored = versions.read_manifest(donor.root, version)
    if stored is None:
        raise InstallFailed(f"there is no whole version {version} in {donor.root}")
    made = files(load(donor, version), settings)
    if settings.pfx_password is None and (pfx := versions.read(donor.root, version, "pfx")) is not None:
        made["pfx"] = pfx  # its password is the service's, and not kept here
    stage(site, stored.name, stored.version, made)
