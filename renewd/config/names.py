"""Names of certificates: what may stand on one, and its one canonical form (RFC 5280 §4.2.1.6, RFC 5890 §2.3)."""

import ipaddress
import re

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.)+(?![0-9]+$){_LABEL}", re.IGNORECASE | re.ASCII)
_ALLOWED = re.compile(r"[a-z0-9.*-]+", re.IGNORECASE | re.ASCII)
LONGEST = 253  # RFC 1035 §2.3.4, without the root's dot
_LONGEST_LABEL = 63


def canonical(part: str) -> str:
    """One name in lower case, with A-labels for letters beyond ASCII; what is no name at all stays as it is."""
    if part.isascii():
        numeric = (
            ":" in part or part[-1:].isdigit()
        )  # no name ends with a digit, and most are looked at often
        return str(ipaddress.ip_address(part)) if numeric and is_address(part) else part.lower()
    import idna

    try:
        return idna.encode(part, uts46=True).decode("ascii")
    except idna.IDNAError:
        return part.lower()


def problem(name: str) -> tuple[str, str] | None:
    """What is wrong with a certificate name and what would be right; None if nothing is."""
    if "," not in name and name.isascii() and _is_plain(name):
        return None
    parts = [part.strip(" ") for part in name.split(",")]
    forms = [canonical(part) for part in parts]
    for part, form in zip(parts, forms, strict=True):
        found = _part_problem(part, form, name)
        if found is not None:
            return found
    twice = next((form for form in forms if forms.count(form) > 1), None)
    if twice is not None:
        return f"{twice} is in it twice", "write it once"
    return None


def domain_problem(name: str) -> tuple[str, str] | None:
    """What is wrong with one name or address that is to be on a certificate, and what would be right."""
    if is_address(name):
        return None
    if "," in name:
        return f"{name!r} is several names", "write each as an item of its own"
    return problem(name)


def is_address(text: str) -> bool:
    """Whether it is an IP address, which a certificate may be for as well."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_plain(name: str) -> bool:
    return len(name) <= LONGEST and _PLAIN.fullmatch(name) is not None


def _part_problem(part: str, form: str, name: str) -> tuple[str, str] | None:
    if form.isascii() and _is_plain(form):
        return None
    if not part:
        return f"{name!r} has an empty name in it", "write names with one comma between them"
    if is_address(part):
        right = f"give the certificate a name, and write domains: [{part!r}]"
        return f"{part!r} is an address", f"{right}; CAs that speak ACME may issue for it"
    return _shape_problem(part, form) or _label_problem(part, form)


def _shape_problem(part: str, form: str) -> tuple[str, str] | None:
    if "://" in part or "/" in part or ":" in part:
        return f"{part!r} is not a host name", "write the host alone, such as www.example.com"
    if not form.isascii():
        return f"{part!r} is not a name the DNS can hold", "write it as its A-label, xn--…"
    if form.endswith("."):
        return f"{part!r} ends with a dot", "write it without"
    if not _ALLOWED.fullmatch(form):
        return (
            f"{part!r} holds characters a host name cannot have",
            "letters, digits, hyphens and dots are right",
        )
    if "*" in form.removeprefix("*.") or form == "*":
        return f"{part!r} has a wildcard that is not the whole first label", "write it like *.example.com"
    return None


def _label_problem(part: str, form: str) -> tuple[str, str]:
    labels = form.removeprefix("*.").split(".")
    if len(form) > LONGEST:
        return f"the name has {len(form)} characters", f"{LONGEST} at most"
    if any(len(label) > _LONGEST_LABEL for label in labels):
        return f"{part!r} has a label of more than {_LONGEST_LABEL} characters", "shorten it"
    if all(label.isdigit() for label in labels):
        return f"{part!r} is an address", "write a host name"
    if len(labels) == 1:
        return f"{part!r} is one label only", "write the whole name, such as www.example.com"
    return (
        f"{part!r} has a label that is empty, a number at the end, or begins or ends with a hyphen",
        "correct it",
    )
