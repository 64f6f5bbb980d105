"""Paths that another program may still write: renewd would take them over, and the two would fight."""

import os
import stat

_CERTBOT = ("/etc/letsencrypt/live/", "/etc/letsencrypt/archive/")
_CERTBOT_LINKS = ("privkey.pem", "fullchain.pem", "cert.pem", "chain.pem")
_RCL = "primaryCertificate.crt"  # what RCL's own daemon writes into a name's folder, and nobody else


def warning(path: str) -> tuple[str, str] | None:
    """What may go wrong with a path that renewd is to write, and what to do; None if nothing is to be seen."""
    if f"{path}/".startswith(_CERTBOT) or any(_leads_to_archive(each) for each in _links(path)):
        return (
            "certbot writes here too",
            "end its renewal once renewd has taken over, such as with: certbot delete",
        )
    if _is_regular(os.path.join(path, _RCL)):
        return "RCL's own daemon writes here too", "stop it once renewd has taken over"
    return None


def _links(path: str) -> tuple[str, ...]:
    return (path, *(os.path.join(path, name) for name in _CERTBOT_LINKS))


def _leads_to_archive(path: str) -> bool:
    """Whether this is a link as certbot makes them: ../../archive/NAME/privkey1.pem."""
    try:
        return "archive" in os.readlink(path).split("/")[:-1]
    except OSError:  # no link, or not there
        return False


def _is_regular(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:  # not there
        return False
