"""How control of the names is proved: as certbot did it, or as near as renewd comes, and then no order is made unseen."""

import pytest

from renewd.config.proving import DnsCommands, Http01

A, B = "a.example.com", "b.example.com"


def test_the_web_root_of_each_name(folder):
    folder.lineage(A, A, B, tables={"webroot_map": {A: folder.web("one"), B: folder.web("one")}})
    folder.account()
    assert folder.loaded().targets[0].challenge == Http01(type="http-01", webroot=str(folder.web("one")))
    assert folder.findings() == []


def test_several_web_roots_are_one_and_no_order_is_made_before_it_is_seen(folder):
    roots = {A: folder.web("one"), B: folder.web("two"), "c.example.com": folder.web("two")}
    folder.lineage(A, *roots, tables={"webroot_map": roots})
    challenge = folder.loaded().targets[0].challenge
    assert challenge.webroot == str(folder.web("two"))
    assert challenge.self_check == "require"
    assert f"other web roots for {A} ({folder.web('one')})" in " ".join(folder.findings())
    assert f"{A} ({folder.web('one')})" in folder.read().text.replace("\n    # ", " ")


def test_a_web_root_that_is_not_there_is_told(folder):
    folder.lineage(A, webroot_path="/no/such,")
    assert "there is no web root /no/such" in " ".join(folder.findings())


def test_a_lineage_without_a_web_root_is_a_comment(folder):
    folder.lineage(A, webroot_path=None)
    assert "it names no web root; its entry is written as a comment" in " ".join(folder.findings())


@pytest.mark.parametrize(
    ("settings", "listen"),
    [
        ({}, "0.0.0.0:80"),
        ({"http01_port": "8080"}, "0.0.0.0:8080"),
        ({"http01_address": "192.0.2.1"}, "192.0.2.1:80"),
        ({"http01_address": "2001:db8::1"}, "[2001:db8::1]:80"),
    ],
)
def test_a_server_of_certbots_own_is_one_of_renewds(entry, settings, listen):
    assert entry(authenticator="standalone", **settings).challenge == Http01(type="http-01", listen=listen)


def test_where_certbot_stopped_a_server_that_one_hands_over(folder):
    folder.lineage(A, authenticator="standalone", pre_hook="service haproxy stop")
    challenge = folder.loaded().targets[0].challenge
    assert (challenge.listen, challenge.self_check) == ("127.0.0.1:8402", "require")
    assert "proxy_pass http://127.0.0.1:8402" in folder.read().text


def test_where_certbot_opened_a_port_it_has_to_be_open(folder):
    folder.lineage(A, authenticator="standalone", pre_hook="ufw allow 80")
    challenge = folder.loaded().targets[0].challenge
    assert (challenge.listen, challenge.self_check) == ("0.0.0.0:80", "require")


NGINX = """
http {{
  # server {{ server_name a.example.com; root /no; }}
  server {{ listen 80; server_name a.example.com "www.a.example.com"; return 301 https://$host$request_uri; }}
  server {{
    listen 443 ssl; server_name A.example.com www.a.example.com; root {root};
    location /x {{ root /elsewhere; }}
    if ($host = a.example.com) {{ return 301; }}
  }}
  server {{ server_name other.example.com; root /other; }}
}}
"""
APACHE = """
<VirtualHost *:80>
  ServerName a.example.com
  ServerAlias www.a.example.com  more.example.com
  # DocumentRoot /no
  DocumentRoot "{root}"
</VirtualHost>
<VirtualHost *:80>
  ServerName other.example.com
  DocumentRoot /other
</VirtualHost>
"""


@pytest.mark.parametrize(("plugin", "text"), [("nginx", NGINX), ("apache", APACHE)])
def test_a_servers_own_root_is_found_in_its_files(folder, plugin, text):
    folder.write("server/sites-enabled/a.conf", text.format(root=folder.web()))
    folder.lineage(
        A, A, f"www.{A}", authenticator=plugin, **{f"{plugin}_server_root": f"{folder.path}/server"}
    )
    challenge = folder.loaded().targets[0].challenge
    assert (challenge.webroot, challenge.self_check) == (str(folder.web()), "require")
    assert "try preflight" in " ".join(folder.findings())


@pytest.mark.parametrize(
    "text", ["", "}}}{{{;;; server {", NGINX.format(root="/no/such"), NGINX.format(root="$x")]
)
def test_where_it_is_not_to_be_seen_the_server_hands_over(folder, text):
    folder.write("server/sites-enabled/a.conf", text)
    folder.lineage(A, authenticator="nginx", nginx_server_root=f"{folder.path}/server")
    challenge = folder.loaded().targets[0].challenge
    assert (challenge.listen, challenge.self_check) == ("127.0.0.1:8402", "require")
    assert "or write the web root" in " ".join(folder.findings())
    assert "{type: http-01, webroot: /var/www/html}" in folder.read().text


def test_hooks_that_write_dns_records_go_on(folder):
    script = folder.write("auth.sh", "#!/bin/sh\necho $CERTBOT_DOMAIN $CERTBOT_ALL_DOMAINS\n", 0o755)
    folder.lineage(
        A,
        "*.a.example.com",
        authenticator="manual",
        pref_challs="dns-01,",
        manual_auth_hook=str(script),
        manual_cleanup_hook="\"/usr/bin/env X=1 sh -c 'cleanup'\"",
    )
    challenge = folder.loaded().targets[0].challenge
    assert isinstance(challenge, DnsCommands)
    assert [command.run for command in challenge.present] == [str(script)]
    assert challenge.cleanup[0].run == "/usr/bin/env X=1 sh -c 'cleanup'"
    assert f"{script} reads CERTBOT_ALL_DOMAINS, which renewd does not tell it" in " ".join(folder.findings())


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"authenticator": "manual"}, "a person proves control of the names by hand"),
        ({"authenticator": "manual", "manual_auth_hook": "/x"}, "over HTTP"),
        ({"authenticator": None}, "does not say how certbot proves control"),
        ({"authenticator": "certbot-dns-x:dns-x"}, "the plugin 'dns-x'"),
    ],
)
def test_what_renewd_cannot_do_is_left_to_a_person(folder, settings, why):
    folder.lineage(A, **settings)
    (told,) = [each for each in folder.findings() if "comment" in each]
    assert why in told
