"""Database URLs as the file writes them: SQLite by its path, PostgreSQL without a password."""

import re
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

POSTGRESQL = ("postgresql+psycopg", "postgresql")
NO_DRIVER = "a PostgreSQL database needs the Python package psycopg, which is not installed"
GET_DRIVER = "install renewd with its extra: pip install 'renewd[postgres]'"
_SQLITE = "sqlite"
_WRITE = "write it like postgresql+psycopg://renewd@db.example.net/renewd"
_SQLITE_PATH = re.compile(r"sqlite:///(/[^?#]+)").fullmatch
_PASSWORDS = ("password", "sslpassword")
# What libpq takes beside user and database, and does not change what renewd relies on.
_PARAMETERS = frozenset(
    [
        "host",
        "hostaddr",
        "port",
        "passfile",
        "service",
        "sslmode",
        "sslcert",
        "sslkey",
        "sslrootcert",
        "sslcrl",
        "sslcrldir",
        "sslsni",
        "sslcertmode",
        "ssl_min_protocol_version",
        "ssl_max_protocol_version",
        "sslnegotiation",
        "gssencmode",
        "krbsrvname",
        "channel_binding",
        "require_auth",
        "target_session_attrs",
        "load_balance_hosts",
        "application_name",
        "user",
        "dbname",
    ]
)


def database_url(text: str, *, password: bool = False) -> str:
    """The URL, if it names a database that renewd can use; `password` says that one may stand in it.

    Raises ValueError, which never repeats the URL.
    """
    if any(sign.isspace() or not sign.isprintable() for sign in text):
        raise ValueError(f"a space or a character that cannot be seen is in the URL; {_WRITE}")
    if text.startswith(f"{_SQLITE}:"):
        return _file_url(text)
    url = _split(text)
    parameters = dict(parse_qsl(url.query, keep_blank_values=True))
    unknown = sorted(set(parameters) - _PARAMETERS - set(_PASSWORDS))
    if unknown and not password:
        raise ValueError(f"the URL's parameter {unknown[0]!r} is not known; leave it out")
    if unknown:
        raise ValueError("a parameter of the URL is not known; leave it out")
    if not password and (url.password is not None or set(_PASSWORDS) & set(parameters)):
        raise ValueError(
            "a password is in the URL, and secrets do not stand in this file; write the URL without it and let the "
            "environment's PGPASSFILE name a password file, or read the whole URL from one: state: {file: /etc/renewd/state-url}"
        )
    return text


def sqlite_path(url: str) -> str | None:
    """The path of an SQLite URL; None if it is another database's."""
    found = _SQLITE_PATH(url)
    return None if found is None else unquote(found[1])


def _file_url(text: str) -> str:
    path = sqlite_path(text)
    if path is None or path.endswith("/") or "/../" in path or "//" in path:
        raise ValueError(
            "an SQLite URL names a file by its whole path; write it like sqlite:////var/lib/renewd/renewd.db"
        )
    return text


def _split(text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        url, port = SplitResult("", "", "", "", ""), None
    if url.scheme not in POSTGRESQL or port == 0 or url.fragment:
        raise ValueError(f"this is no URL of an SQLite or PostgreSQL database; {_WRITE}")
    if not url.path.strip("/") and "service=" not in url.query and "dbname=" not in url.query:
        raise ValueError(f"the URL names no database; {_WRITE}")
    return url
