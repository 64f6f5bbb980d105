"""How certbot proves control of the names, and how renewd does the same."""

import os
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from renewd.importers import dns_plugins, hooks, lineages, web_servers
from renewd.importers.findings import Notes
from renewd.importers.lineages import Lineage, NotTaken
from renewd.importers.text import remarked

LISTEN = "127.0.0.1:8402"
_UNTOLD = re.compile(rb"CERTBOT_(?:AUTH_OUTPUT|REMAINING_CHALLENGES|ALL_DOMAINS|TOKEN|IDENTIFIER)")
_STOPS = re.compile(r"\b(?:stop|down|kill|pkill|killall)\b").search
_SEEN_FIRST = "With `require` no order is made before renewd sees a file of its own there; take it out once preflight does."
FORWARD = (
    "Let the server on port 80 hand the challenges over to renewd, such as in nginx:",
    f"$ location ^~ /.well-known/acme-challenge/ {{ proxy_pass http://{LISTEN}; }}",
)
_FOLDERS = {"nginx": ("nginx_server_root", "/etc/nginx"), "apache": ("apache_server_root", "/etc/apache2")}


def challenge(lineage: Lineage, notes: Notes) -> Any:
    """What stands under `challenge`. Raises NotTaken where only a person can say it."""
    plugin = lineage.text("authenticator").rpartition(":")[2]
    if plugin == "webroot":
        return _webroot(lineage, notes)
    if plugin == "standalone":
        return _standalone(lineage, notes)
    if plugin in _FOLDERS:
        return _from_server(lineage, plugin, notes)
    if plugin == "manual":
        return _manual(lineage, notes)
    if plugin in dns_plugins.PLUGINS:
        found, remarks = dns_plugins.challenge(lineage, plugin, notes)
        return remarked(found, *remarks)
    raise NotTaken(
        f"certbot proves control of the names by the plugin {plugin!r}, which renewd does not know"
        if plugin
        else "it does not say how certbot proves control of the names"
    )


def _webroot(lineage: Lineage, notes: Notes) -> Any:
    mapped, last = lineage.table("webroot_map"), lineage.texts("webroot_path")[-1:]
    roots = {name: mapped.get(name) or (last[0] if last else "") for name in lineage.domains}
    count = Counter(os.path.normpath(root) for root in roots.values() if root.startswith("/"))
    if not count:
        raise NotTaken("it names no web root")
    chosen = min(count, key=lambda root: (-count[root], root))
    if not os.path.isdir(chosen):
        notes.add(f"there is no web root {chosen} on this machine")
    other = [name for name, root in roots.items() if os.path.normpath(root) != chosen]
    if not other:
        return {"type": "http-01", "webroot": chosen}
    listed = ", ".join(f"{name} ({roots[name] or 'none'})" for name in other)
    what = f"certbot used other web roots for {listed}"
    remark = notes.add(
        f"{what}; renewd has one for a certificate: let the web server serve the challenges of all of them from {chosen}"
    )
    return remarked(_required({"type": "http-01", "webroot": chosen}), f"{remark}.", _SEEN_FIRST)


def _required(found: Mapping[str, Any]) -> dict[str, Any]:
    return {**found, "self_check": "require"}


def _standalone(lineage: Lineage, notes: Notes) -> Any:
    """A server of one's own on the port; where certbot stopped another for it, that one has to hand over."""
    first = hooks.before(lineage)
    if any(_STOPS(line) for line in first):
        notes.add(
            f"certbot freed the port for its own server; renewd's listens on {LISTEN} beside the one that runs, "
            "which has to hand the challenges over"
        )
        return remarked(_required({"type": "http-01", "listen": LISTEN}), *FORWARD, _SEEN_FIRST)
    port = lineage.text("http01_port") or "80"
    host = lineage.text("http01_address")
    listen = f"[{host}]:{port}" if ":" in host else f"{host or '0.0.0.0'}:{port}"  # noqa: S104 - as certbot does
    found = {"type": "http-01", "listen": listen}
    return remarked(_required(found), _SEEN_FIRST) if first else found


def _from_server(lineage: Lineage, plugin: str, notes: Notes) -> Any:
    """Certbot's plugins edit the server's files for a moment; renewd does not touch them."""
    key, usual = _FOLDERS[plugin]
    root = web_servers.root(plugin, lineage.text(key) or usual, lineage.domains)
    if root is not None:
        notes.add(
            f"certbot edited {plugin}'s files for a challenge; renewd puts a file into {root}: try preflight"
        )
        remark = f"Where {plugin} serves these names from, as far as its files show."
        return remarked(_required({"type": "http-01", "webroot": root}), remark, _SEEN_FIRST)
    notes.add(
        f"certbot edited {plugin}'s files for a challenge, which renewd does not: "
        f"let {plugin} hand the challenges over to {LISTEN}, or write the web root"
    )
    remark = "Or, where one folder is served for all of these names: {type: http-01, webroot: /var/www/html}"
    return remarked(_required({"type": "http-01", "listen": LISTEN}), *FORWARD, remark, _SEEN_FIRST)


def _manual(lineage: Lineage, notes: Notes) -> Any:
    present, cleanup = lineage.text("manual_auth_hook"), lineage.text("manual_cleanup_hook")
    if not present:
        raise NotTaken("a person proves control of the names by hand")
    if not any(kind.startswith("dns") for kind in lineage.texts("pref_challs")):
        raise NotTaken(
            f"{present} proves control of the names over HTTP; renewd wants a web root, or listens itself"
        )
    for line in filter(None, (present, cleanup)):
        try:
            untold = sorted({each.decode() for each in _UNTOLD.findall(lineages.content(line.split()[0]))})
        except OSError:  # no script of its own
            continue
        if untold:
            notes.add(f"{line} reads {', '.join(untold)}, which renewd does not tell it")
    found = {"type": "dns-01", "present": hooks.command(present)}
    return {**found, "cleanup": hooks.command(cleanup)} if cleanup else found
