"""A configuration that takes over what RCL's own daemon does, out of its appsettings.json; the API key stays where it is told to."""

import json
import os
import re
import shlex
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from renewd import __version__
from renewd.config import issuing, names, targets
from renewd.config.secrets import Secret
from renewd.errors import UsageError
from renewd.importers import lineages, text
from renewd.importers.findings import Finding
from renewd.importers.text import remarked
from renewd.importers.writing import Imported

KEY_FILE = "/etc/renewd/rcl-api-key"
_LARGEST = 1 << 20  # bytes
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)  # .NET reads past them
_TRAILING = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])')
_CLOSE = "chmod o-w"
_PROOFS = "/.well-known/acme-challenge"
_AS_IT_WAS = (
    "RCL's daemon reloads nothing, so what it renewed was not served. Write how your web server does it, such as:",
    "hooks: {check: nginx -t, reload: nginx -s reload}",
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What was found: the file, and the API key, which is not in it."""

    imported: Imported
    api_key: Secret | None


def read(path: str, key_file: str = KEY_FILE) -> Taken:
    """The configuration for RCL's settings file. Raises UsageError if it is none, or holds nothing to take over."""
    path = os.path.abspath(path)
    settings = _settings(path)
    sdk, bot = _part(settings, "RCLSDK"), _part(settings, "CertificateBot")
    folder = _text(bot, "SaveCertificatePath")
    entries: list[Any] = []
    findings: list[Finding] = []
    seen: set[str] = set()
    for listed in _list(bot, "includeCertificates"):
        entry = _entry(listed, folder, seen, findings)
        if entry is not None:
            entries.append(entry)
    if not entries:
        raise UsageError(
            f"{path} names no certificate to take over",
            remedy="it is RCL's appsettings.json if it has CertificateBot.includeCertificates",
        )
    key = _text(sdk, "ApiKey")
    if not key:
        findings.append(Finding("RCLSDK.ApiKey", f"it is not in the file; write the key into {key_file}"))
    if _anybody_s(folder):
        findings.append(
            Finding(
                folder,
                f"everybody may write in it, so renewd installs nothing: {_CLOSE} {shlex.quote(folder)}",
            )
        )
    lines = [*text.comment(tuple(_head(path, key_file, folder))), ""]
    lines += [*text.mapping({"issuers": {"rcl": _issuer(sdk, key_file)}}), "", "certificates:"]
    lines += text.sequence(entries, "  ")
    return Taken(Imported("\n".join(lines) + "\n", tuple(findings)), Secret(key) if key else None)


def _head(path: str, key_file: str, folder: str) -> Iterator[str]:
    yield f"Made by renewd {__version__} out of {path}, the settings of RCL's daemon."
    yield f"The API key is not in here: it belongs into {key_file}, for its owner alone. With --key-to renewd puts it there."
    if _anybody_s(folder):
        yield "RCL's daemon lets everybody write where certificates are; renewd installs nothing there until that is over:"
        yield f"$ {_CLOSE} {shlex.quote(folder)}"
    yield "Then: renewd validate && renewd preflight, stop RCL's daemon, and let renewd run."
    yield "The folders stay where they are, with the same names of files; what is in them is kept as a version."


def _issuer(sdk: Mapping[str, Any], key_file: str) -> dict[str, Any]:
    url = _text(sdk, "ApiBaseUrl").rstrip("/")
    newer = url.endswith("/v3") or "/prod/" in url
    issuer: dict[str, Any] = {"type": "rcl-v8" if newer else "rcl"}
    issuer["subscription_id"] = _text(sdk, "SubscriptionId") or remarked(
        "unknown", "it is not in the file: write it as the RCL portal shows it"
    )
    issuer["api_key"] = {"file": key_file}
    if url and url not in (issuing.RCL_BASE_URL, issuing.RCL_V8_BASE_URL):
        issuer["base_url"] = url
    return issuer


def _entry(listed: Any, folder: str, seen: set[str], findings: list[Finding]) -> Any:
    """One certificate; None, with why, for what is none."""
    name = _text(listed, "certificateName") if isinstance(listed, dict) else ""
    problem = names.problem(name) if name else ("it has no name", "")
    if problem is not None:
        findings.append(Finding(name or "includeCertificates", f"{problem[0]}; it is left out"))
        return None
    if targets.identity(name) in seen:
        findings.append(Finding(name, "it is in the file twice; it is taken over once"))
        return None
    seen.add(targets.identity(name))
    entry: dict[str, Any] = {"name": name}
    root = _text(listed, "validationPath").rstrip("/").removesuffix(_PROOFS)
    if os.path.isabs(root):
        entry["challenge"] = {"type": "http-01", "webroot": root}
    else:
        findings.append(
            Finding(name, "it has no validationPath: only orders that need no proof are finalized")
        )
    place = _place(folder, name)
    if not os.path.isabs(place):
        findings.append(Finding(name, "CertificateBot.SaveCertificatePath is no whole path; it is left out"))
        return None
    entry["install"] = remarked({"directory": place, "layout": "rcl"}, *_AS_IT_WAS)
    return entry


def _anybody_s(folder: str) -> bool:
    """Whether everybody may put files there, as RCL's daemon leaves it."""
    try:
        return bool(os.stat(folder).st_mode & stat.S_IWOTH)
    except OSError:
        return False


def _place(folder: str, name: str) -> str:
    """The folder of a certificate: the one that is there, else as it is called in the settings."""
    spellings = (name, name.replace(", ", ","), ", ".join(targets.parts(name)), targets.slug(name))
    found = (os.path.join(folder, each) for each in spellings)
    return next((each for each in found if os.path.isdir(each)), os.path.join(folder, name))


def _settings(path: str) -> dict[str, Any]:
    """Raises UsageError for what is no such file."""
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {lineages.words(error)}") from error
    try:
        if len(content) > _LARGEST:
            raise ValueError("it is larger than 1 MiB")  # noqa: TRY301
        plain = _COMMENT.sub(lambda found: found[1] or "", content.decode("utf-8-sig"))
        found = json.loads(_TRAILING.sub(lambda found: found[1] or "", plain))
    except (ValueError, RecursionError):
        raise UsageError(f"{path} is no JSON", remedy="name the appsettings.json of RCL's daemon") from None
    if not isinstance(found, dict):
        raise UsageError(f"{path} is not the settings of RCL's daemon")
    return found


def _get(holder: Any, key: str) -> Any:
    """.NET's keys are the same in any case."""
    if not isinstance(holder, dict):
        return None
    return next((value for each, value in holder.items() if each.lower() == key.lower()), None)


def _part(settings: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = _get(settings, key)
    return found if isinstance(found, dict) else {}


def _list(holder: Mapping[str, Any], key: str) -> list[Any]:
    found = _get(holder, key)
    return found if isinstance(found, list) else []


def _text(holder: Mapping[str, Any], key: str) -> str:
    found = _get(holder, key)
    return found.strip() if isinstance(found, str) else ""
