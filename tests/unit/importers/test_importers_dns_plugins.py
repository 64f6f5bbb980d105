"""certbot's DNS plugins: the provider and its options are named, secrets are pointed to and never copied."""

import re
import subprocess

import pytest

from renewd.config.proving import DnsProvider, Rfc2136
from renewd.config.sources import SecretSource, sources
from renewd.importers.dns_plugins import PLUGINS

A = "a.example.com"
CANARY = "CANARY+secret/=="
OPTIONS = {
    "dns-cloudflare": ("api_token",),
    "dns-digitalocean": ("token",),
    "dns-dnsimple": ("token",),
    "dns-dnsmadeeasy": ("api_key", "secret_key"),
    "dns-gandi": ("token",),
    "dns-gehirn": ("api_token", "api_secret"),
    "dns-hetzner": ("api_token",),
    "dns-linode": ("key",),
    "dns-luadns": ("email", "token"),
    "dns-nsone": ("api_key",),
    "dns-ovh": ("endpoint", "application_key", "application_secret", "consumer_key"),
    "dns-sakuracloud": ("api_token", "api_secret"),
    "dns-rfc2136": ("server", "name", "secret"),
}


def credentials(folder, plugin, **values):
    prefix = plugin.replace("-", "_")
    text = "".join(f"{prefix}_{key} = {value}\n" for key, value in values.items())
    return folder.write(f"{plugin}.ini", f"# secret\n{text}", 0o600)


@pytest.mark.parametrize("plugin", OPTIONS)
def test_each_plugin_is_a_provider_with_all_its_options(folder, plugin):
    plain = PLUGINS[plugin].plain.values()
    given = {
        key: ("192.0.2.53" if key == "server" else "plain" if key in plain else CANARY)
        for key in OPTIONS[plugin]
    }
    path = credentials(folder, plugin, **given)
    folder.lineage(
        A, "*.a.example.com", authenticator=plugin, **{f"{plugin.replace('-', '_')}_credentials": path}
    )
    challenge = folder.loaded().targets[0].challenge
    assert isinstance(challenge, DnsProvider | Rfc2136)
    assert challenge.provider == PLUGINS[plugin].provider
    said = {**dict(challenge), **(challenge.model_extra or {})}
    assert set(PLUGINS[plugin].secret) <= set(said)
    plain_options = {option for option, key in PLUGINS[plugin].plain.items() if key in given}
    assert {said[option] for option in plain_options} <= {"plain"}
    told = folder.read()
    assert "CANARY" not in told.text + " ".join(map(str, told.findings))


def test_the_lines_in_the_file_put_the_secrets_where_renewd_reads_them(folder, tmp_path):
    path = credentials(
        folder,
        "dns-rfc2136",
        server="2001:db8::53",
        port="5353",
        name="key.",
        secret=f'"{CANARY}"',
        algorithm="HMAC-SHA512",
    )
    folder.lineage(A, authenticator="dns-rfc2136", dns_rfc2136_credentials=path)
    challenge = folder.loaded().targets[0].challenge
    assert (challenge.server, challenge.key_name, challenge.algorithm) == (
        "[2001:db8::53]:5353",
        "key.",
        "hmac-sha512",
    )
    (line,) = re.findall(r"#\s+(\(umask 077; .*\))$", folder.read().text, re.MULTILINE)
    to = tmp_path / "key"
    subprocess.run(["sh", "-c", line.replace(challenge.key.file, str(to))], check=True, timeout=60)
    assert to.read_text().strip() == CANARY
    assert to.stat().st_mode & 0o777 == 0o600


def test_a_global_key_has_its_address_beside_it(folder):
    path = credentials(folder, "dns-cloudflare", email="me@example.com", api_key=CANARY)
    folder.lineage(A, authenticator="dns-cloudflare", dns_cloudflare_credentials=path)
    said = folder.loaded().targets[0].challenge.model_extra
    assert said["auth_username"] == "me@example.com"
    assert "dns_cloudflare_api_key" in folder.read().text


def test_several_credentials_of_one_provider_are_several_files(folder):
    for number, name in enumerate((A, "b.example.com")):
        path = folder.write(f"zone{number}.ini", f"dns_cloudflare_api_token = {CANARY}\n", 0o600)
        folder.lineage(name, authenticator="dns-cloudflare", dns_cloudflare_credentials=path)
    files = re.findall(r"auth_token: \{file: (\S+)\}", folder.read().text)
    assert len(set(files)) == 2


def test_a_key_without_an_algorithm_is_what_certbot_takes_it_for(folder):
    path = credentials(folder, "dns-rfc2136", server="192.0.2.53", name="key", secret=CANARY)
    folder.lineage(A, authenticator="dns-rfc2136", dns_rfc2136_credentials=path)
    assert folder.loaded().targets[0].challenge.algorithm == "hmac-md5"
    path.write_text(path.read_text() + "dns_rfc2136_algorithm = HMAC-SHA224\n")
    assert folder.loaded().targets[0].challenge.algorithm == "hmac-sha256"
    assert "does not sign with hmac-sha224" in " ".join(folder.findings())


@pytest.mark.parametrize("text", [None, f"{CANARY} 'what", f"dns_cloudflare_api_token = {CANARY}, {CANARY}"])
def test_credentials_that_cannot_be_read_are_told_without_what_is_in_them(folder, text):
    path = folder.path / "cf.ini" if text is None else folder.write("cf.ini", text, 0o600)
    folder.lineage(A, authenticator="dns-cloudflare", dns_cloudflare_credentials=path)
    assert isinstance(folder.loaded().targets[0].challenge, DnsProvider)
    told = " ".join(folder.findings())
    assert str(path) in told or text is not None
    assert "CANARY" not in told + folder.read().text


@pytest.mark.parametrize(("plugin", "hint"), [("dns-route53", "AWS credentials"), ("dns-google", "base64::")])
def test_credentials_of_another_kind_are_left_to_a_person_in_words(folder, plugin, hint):
    folder.lineage(A, authenticator=plugin)
    assert folder.loaded().targets[0].challenge.provider == PLUGINS[plugin].provider
    assert hint in folder.read().text


def test_every_secret_option_is_read_from_a_file(folder):
    folder.lineage(A, authenticator="dns-rfc2136")
    challenge = folder.loaded().targets[0].challenge
    assert [source.file for _, source in sources(challenge)] == ["/etc/renewd/rfc2136-key"]
    assert isinstance(challenge.key, SecretSource)
