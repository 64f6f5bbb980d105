"""Where the state is, by the file alone: who asks for it each minute pays for no model of the rest."""

from renewd.config import document as documents
from renewd.config.document import Broken
from renewd.errors import ConfigurationError

DIRECTORY = "/var/lib/renewd"  # where the file says nothing


def directory(path: str) -> str:
    """The state directory; other faults of the file are no matter here. Raises ConfigurationError if it cannot be read."""
    try:
        document = documents.load(path)
        with documents.collector_paused():
            value, _ = document.read()
    except Broken as broken:
        raise ConfigurationError(broken.faults) from None
    found = value.get("state_directory", DIRECTORY) if isinstance(value, dict) else DIRECTORY
    if isinstance(found, str) and found.startswith("/"):
        return found
    wrong = document.fault(("state_directory",), "it is no absolute path", f"write one, such as {DIRECTORY}")
    raise ConfigurationError([wrong])
