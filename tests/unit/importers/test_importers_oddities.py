"""Whatever stands in certbot's files, what is printed is a configuration, or it is told why there is none."""

import random

import pytest

from renewd.config import load
from renewd.errors import UsageError
from renewd.importers import certbot

_SIGNS = "ab.*1/ ,#'\"=[]{}\\%é:$\t-&;|<>~!\x07\u2028😀"
_KEYS = {
    "authenticator": [
        "webroot",
        "standalone",
        "nginx",
        "apache",
        "manual",
        "dns-rfc2136",
        "dns-cloudflare",
        "x:y",
    ],
    "server": [
        "https://acme-v01.api.letsencrypt.org/directory",
        "http://localhost:1/dir",
        "nonsense",
        "https://[::1]/d",
    ],
    "key_type": ["rsa", "ecdsa", "ed25519"],
    "rsa_key_size": ["2048", "3072", "many"],
    "elliptic_curve": ["secp256r1", "secp521r1", "x"],
    "account": ["../../x", "33dd41b69ffd0067fdb26d196fe9bd41", "None"],
    "pref_challs": ["dns-01", "http-01,", "dns,"],
    "webroot_path": ["/var/www,", "relative,", "/a, /b", ","],
    "http01_port": ["80", "0", "http"],
    "http01_address": ["::1", "10.0.0.1", "x y"],
    "pre_hook": ["systemctl stop nginx", "true"],
    "post_hook": ["systemctl start nginx", "{name}"],
    "renew_hook": ["systemctl reload nginx", "a && b", "'unclosed"],
    "manual_auth_hook": ["/bin/true", "a | b"],
    "manual_cleanup_hook": ["/bin/false"],
    "installer": ["nginx", "apache", "None"],
    "reuse_key": ["True", "x"],
    "preferred_chain": ["ISRG Root X1"],
    "dns_rfc2136_credentials": ["/no/such", "/etc/hostname", "relative"],
    "nginx_server_root": ["/etc", "/proc/self", "x"],
}


def quoted(chance: random.Random) -> str:
    text = "".join(chance.choice(_SIGNS) for _ in range(chance.randint(0, 12)))
    return text if chance.random() < 0.3 else f"'''{text}'''"


@pytest.mark.parametrize("seed", range(60))
def test_what_is_printed_is_always_a_configuration(folder, seed):
    chance = random.Random(seed)
    names = [
        "a.example.com",
        "b c",
        "*.d.example.com",
        f"{'x' * 70}.example.com",
        "é",
        "-",
        "e.example.com-0001",
    ]
    for name in chance.sample(names, 3):
        given = {
            key: chance.choice([*right, quoted(chance)])
            for key, right in _KEYS.items()
            if chance.random() < 0.6
        }
        domains = chance.sample(["a.example.com", "b.example.com", "*.d.example.com"], chance.randint(1, 3))
        top = f"renew_before_expiry = {quoted(chance)}" if chance.random() < 0.5 else ""
        tables = {"webroot_map": {"a.example.com": quoted(chance)}} if chance.random() < 0.3 else None
        folder.lineage(name, *domains, top=top, tables=tables, **given)
    try:
        imported = certbot.read(str(folder.path))
    except UsageError:
        return
    assert all(line.isprintable() for line in [*imported.text.splitlines(), *map(str, imported.findings)])
    path = folder.path / "config.yaml"
    path.write_text(imported.text)
    faults = [str(fault) for fault in load.examine(str(path)).faults]
    assert faults == [] or any("nothing is watched" in fault for fault in faults)
