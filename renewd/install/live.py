"""Looking at what is installed: lightly for every pass, closely for `check`. Neither raises for what is wrong there."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import NameOID

from renewd.certs import facts, keys
from renewd.certs.facts import Facts
from renewd.config.targets import Place, Target
from renewd.install import atomic, glance, layouts

if TYPE_CHECKING:
    from renewd.certs.bundle import PrivateKey

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe in the way does not block
_ENOUGH = 16384  # bytes: one read for any usual file
_LEAF = {layout: f"/{names['fullchain']}" for layout, names in layouts.LAYOUTS.items()}
CLOSED = "it cannot be looked at as this user; run renewd as root"
_NEVER = datetime.max.replace(tzinfo=UTC)
_RANK = {"missing": 0, "invalid": 1, "present": 2}


def look(target: Target, state_directory: str = "") -> Facts:
    """What stands in the leaf's file; closely where a file of the target is not as renewd installed it."""
    found = glimpse(target, state_directory)
    if found.state != "present" or not state_directory:
        return found
    return look_closely(target, state_directory) if _younger(target, state_directory) else found


def glimpse(target: Target, state_directory: str = "") -> Facts:
    """What stands in the leaf's file; of several places the one that is worst off.

    `state_directory` helps where a PFX is all there is, and renewd is not told its password.
    """
    places = target.places
    if (
        len(places) == 1 and (directory := places[0].directory) is not None
    ):  # the usual case, ten thousand times
        return _look_at(directory + _LEAF[places[0].settings.layout])
    return worst([_look(place, root) for place, root in _stores(target, state_directory)])


def _younger(target: Target, state_directory: str) -> bool:
    return any(glance.younger(place, root) for place, root in _stores(target, state_directory))


def look_closely(target: Target, state_directory: str = "") -> Facts:
    """Likewise, and whether the key belongs to it, who issued it, and whether all places hold the same.

    `problem` of what is present says what was changed by hand.
    """
    found = [_look_closely(place, root) for place, root in _stores(target, state_directory)]
    for one in found[1:]:
        if one.state == found[0].state == "present" and _mark(one) != _mark(found[0]):
            one.state, one.problem = "invalid", f"it is another certificate than {found[0].path}"
    what = worst(found)
    if what.state == "present" and state_directory and _younger(target, state_directory):
        gone = [path for place, root in _stores(target, state_directory) for path in glance.gone(place, root)]
        if gone:
            what.state, what.problem = "missing", f"there is no file {', '.join(gone)}"
            return what
        edited = [
            said for place, root in _stores(target, state_directory) for said in glance.edited(place, root)
        ]
        what.problem = "; ".join(edited) or None
    return what


def _mark(one: Facts) -> tuple[object, ...]:
    return one.serial, one.not_before, one.not_after, one.domains


def leaf(target: Target, state_directory: str) -> x509.Certificate | None:
    """The leaf in the first place that shows one; a placeholder is none. What is wrong there `look` tells."""
    for place, root in _stores(target, state_directory):
        kind, path = layouts.leaf(place)
        try:
            data = _read(path)
            found = facts.read(data if kind != "pfx" else _opened(data, place, root), path)[1]
        except (OSError, ValueError):
            continue
        if found is not None:
            return found
    return None


def key(target: Target, state_directory: str) -> "PrivateKey | None":
    """The key of `leaf` in the first place that shows it as PEM to this user; None where none does."""
    shown = leaf(target, state_directory)
    for place, _ in _stores(target, state_directory):
        kind, path = layouts.key(place)
        if kind == "pfx" or shown is None:
            continue
        try:
            found = keys.load_key(_read(path))
        except (OSError, ValueError):
            continue
        if keys.matches(found, shown):
            return found
    return None


def chain(target: Target, state_directory: str) -> tuple[x509.Certificate, ...] | None:
    """What stands behind `leaf` in the first place that shows it as PEM; None where none does."""
    shown = leaf(target, state_directory)
    for path in map(layouts.chain, target.places):
        try:
            found = x509.load_pem_x509_certificates(_read(path)) if path is not None else []
        except (OSError, ValueError):
            continue
        if found:
            return tuple(one for one in found if one != shown)
    return None


def worst(found: list[Facts]) -> Facts:
    """The missing before the invalid before what ends first. A target without places is missing."""
    if not found:
        return Facts("", "missing", "nothing says where it is to be installed")
    return min(found, key=lambda one: (_RANK[one.state], one.not_after or _NEVER))


def _stores(target: Target, state_directory: str) -> Iterator[tuple[Place, str]]:
    """The places, each with its store's folder; empty where the state directory is not known."""
    roots = layouts.stores(state_directory, target.slug, target.places)
    for place, root in zip(target.places, roots, strict=True):
        yield place, root if state_directory else ""


def _look(place: Place, root: str) -> Facts:
    kind, path = layouts.leaf(place)
    return _look_at(path) if kind != "pfx" else _look_into(place, path, root)


def _look_at(path: str) -> Facts:
    try:
        return facts.from_pem(_read(path), path)
    except OSError as error:
        return _unreadable(path, error)


def _read(path: str) -> bytes:
    descriptor = os.open(path, _FLAGS)
    try:
        data = os.read(descriptor, _ENOUGH)
        if len(data) == _ENOUGH:
            while part := os.read(descriptor, _ENOUGH):
                data += part
        return data
    finally:
        os.close(descriptor)


def _unreadable(path: str, error: OSError) -> Facts:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Facts(path, "missing", "there is no such file")
    if isinstance(error, PermissionError):
        return Facts(path, "invalid", CLOSED, closed=True)
    return Facts(path, "invalid", f"it cannot be read: {atomic.words(error)}")


def _look_into(place: Place, path: str, root: str) -> Facts:
    """A PFX, the only kind of file whose certificate may be locked away."""
    try:
        leaf = _opened(_read(path), place, root)
    except OSError as error:
        return _unreadable(path, error)
    except ValueError as error:
        return Facts(path, "invalid", f"it {error}")
    return facts.from_pem(leaf, path)


def _opened(data: bytes, place: Place, root: str) -> bytes:
    """The leaf in a PFX, PEM. Raises ValueError, whose words follow on "it"."""
    from renewd.install import pfx  # brings the whole version store, which looking at PEM files does without

    return pfx.leaf(data, place.settings.pfx_password, root)


def _look_closely(place: Place, root: str) -> Facts:
    kind, path = layouts.leaf(place)
    if kind == "pfx":  # its key was compared when it was opened
        return _look_into(place, path, root)
    try:
        pem = _read(path)
    except OSError as error:
        return _unreadable(path, error)
    found, leaf = facts.read(pem, path)
    if leaf is not None:
        found.issuer = _issuer(leaf)
        try:
            found.problem = _key_problem(place, root, leaf)
        except PermissionError as error:
            found.problem, found.closed = (
                f"the private key {error.filename} {CLOSED.removeprefix('it ')}",
                True,
            )
        found.state = "invalid" if found.problem else "present"
    return found


def _key_problem(place: Place, root: str, leaf: x509.Certificate) -> str | None:
    """Why the private key does not fit the leaf, as a sentence. Raises PermissionError where this user may not look."""
    kind, path = layouts.key(place)
    try:
        data = _read(path)
        if kind == "pfx":
            inside = x509.load_pem_x509_certificate(_opened(data, place, root))
            return None if inside == leaf else f"{path} holds another certificate"
        key = keys.load_key(data, quick=True)
    except PermissionError:
        raise
    except OSError as error:
        return f"the private key {path} cannot be read: {atomic.words(error)}"
    except ValueError as error:
        return f"{path} {error}"
    return None if keys.matches(key, leaf) else f"the private key {path} does not belong to the certificate"


def _issuer(leaf: x509.Certificate) -> str | None:
    """The issuer's name as people know it."""
    for part in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        if found := leaf.issuer.get_attributes_for_oid(part):
            return str(found[0].value)
    return None
