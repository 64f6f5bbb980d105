"""The DNS providers of dns-lexicon and the options of each, read from its source without running any of it."""

import ast
import importlib.util
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

PACKAGE = "lexicon._private.providers"
MISSING = ("dns-lexicon is not installed", "pip install 'renewd[dns]'")
LEFT_OUT = {"auto"}  # it picks another one by looking at the name servers; that one is to be named
_OPTIONAL = re.compile(
    r"optional|if empty|if not set|if set|only used if|alternative|might be|valid options|default",
    re.IGNORECASE,
)
# What the sources say in no way that can be read: options that are needed though not called auth_…, or not needed.
_NEEDED_TOO = {
    "azure": ("resource_group",),
    "ddns": ("ddns_server",),
    "directadmin": ("endpoint",),
    "infoblox": ("ib_host",),
    "ionos": ("api_key",),
    "localzone": ("filename",),
    "plesk": ("plesk_server",),
    "powerdns": ("pdns_server",),
    "qcloud": ("secret_id", "secret_key"),
}
# Which sets of options are enough, where there are several; an empty one: the machine itself may know.
_ENOUGH: dict[str, tuple[tuple[str, ...], ...]] = {
    "cloudflare": (("auth_token",),),
    "cloudns": (
        ("auth_id", "auth_password"),
        ("auth_subid", "auth_password"),
        ("auth_subuser", "auth_password"),
    ),
    "conoha": (("auth_token",), ("auth_username", "auth_password", "auth_tenant_id")),
    "desec": (("auth_token",), ("auth_username", "auth_password")),
    "dnsimple": (("auth_token",), ("auth_username", "auth_password")),
    "hover": (("auth_username", "auth_password"),),
    "mythicbeasts": (("auth_token",), ("auth_username", "auth_password")),
    "oci": ((),),
    "rackspace": (("auth_username", "auth_api_key"), ("auth_account", "auth_token")),
    "route53": ((),),
    "ultradns": (("auth_token",), ("auth_username", "auth_password")),
    "zonomi": (("auth_token",),),
}


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a provider, as its own command line describes it."""

    name: str
    help: str
    needed: bool


@cache
def names() -> tuple[str, ...]:
    """Every provider; none where dns-lexicon is not installed."""
    folder = _folder()
    files = os.listdir(folder) if folder else []
    found = {file.removesuffix(".py") for file in files if file.endswith(".py") and not file.startswith("_")}
    return tuple(sorted(found - LEFT_OUT))


@cache
def options(provider: str) -> tuple[Option, ...]:
    """The provider's options in the order it declares them."""
    with open(os.path.join(_folder() or "", f"{provider}.py"), encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
            return options((node.module or "").rpartition(".")[2])  # another name for that one
    declared = [call for node in ast.walk(tree) if _declares(node) for call in ast.walk(node) if _adds(call)]
    found = (_option(provider, call) for call in declared if isinstance(call, ast.Call))
    return tuple({option.name: option for option in found}.values())


def lacking(provider: str, given: set[str]) -> tuple[Option, ...]:
    """The options that are needed and not given; of several ways the one that lacks the fewest."""
    known = {option.name: option for option in options(provider)}
    usual = tuple(option.name for option in known.values() if option.needed)
    ways = _ENOUGH.get(provider, (usual,))
    return min(
        (tuple(known[name] for name in way if name not in given and name in known) for way in ways), key=len
    )


def packages(provider: str) -> tuple[str, ...]:
    """Those that this provider needs beside dns-lexicon and that are not installed."""
    from importlib import metadata

    wanted = re.compile(rf"^([\w.-]+).*;\s*extra\s*==\s*[\"']{re.escape(provider)}[\"']")
    found = [wanted.match(line) for line in metadata.requires("dns-lexicon") or ()]
    return tuple(match.group(1) for match in found if match and not _installed(match.group(1)))


def _installed(package: str) -> bool:
    from importlib import metadata

    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _folder() -> str | None:
    spec = importlib.util.find_spec("lexicon")  # which imports nothing of it
    places = spec.submodule_search_locations if spec else None
    folder = os.path.join(places[0], *PACKAGE.split(".")[1:]) if places else ""
    return folder if os.path.isdir(folder) else None


def _declares(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "configure_parser"


def _adds(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument" and bool(node.args)


def _option(provider: str, call: ast.Call) -> Option:
    said = {word.arg: word.value for word in call.keywords}
    name = next(_texts(call.args[0])).lstrip("-").replace("-", "_")
    if "dest" in said:
        name = next(_texts(said["dest"]))
    help_ = " ".join("".join(_texts(said["help"])).split()) if "help" in said else ""
    help_ = re.sub("^specify (?:the )?", "", help_, flags=re.IGNORECASE)
    settled = "default" in said or "action" in said or _OPTIONAL.search(help_) is not None
    needed = name in _NEEDED_TOO.get(provider, ()) or (name.startswith("auth_") and not settled)
    return Option(name, help_, needed)


def _texts(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value
