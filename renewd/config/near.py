"""The known word that was probably meant."""

from collections.abc import Iterable


def nearest(text: str, known: Iterable[str]) -> str | None:
    """The known word that the text was probably meant to be; None if none is near."""
    import difflib

    plain = {word.lower().replace("-", "_"): word for word in known}
    found = difflib.get_close_matches(text.lower().replace("-", "_"), plain, 1)
    return plain[found[0]] if found else None
