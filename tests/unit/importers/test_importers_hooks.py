"""certbot's hooks: what only reloads a server is run once for all certificates, all else for each."""

import pytest

from renewd.config.deploying import Command

A = "a.example.com"
SCRIPT = '#!/bin/sh\n# installs\ncp "$RENEWED_LINEAGE/fullchain.pem" /srv/\nsystemctl restart thing\n'
RELOADS = (
    "#!/bin/sh\nset -e\n\n# a word\nsystemctl reload nginx\nsystemctl try-restart postfix.service\nexit 0\n"
)


def lines(commands: tuple[Command, ...]) -> list[str | tuple[str, bool]]:
    return [(command.run, True) if command.shell else command.run for command in commands]


@pytest.mark.parametrize(
    "line",
    [
        "systemctl reload nginx",
        "/bin/systemctl --no-block try-reload-or-restart nginx.service apache2",
        "service nginx reload",
        "/etc/init.d/apache2 force-reload",
        "nginx -s reload",
        "apachectl -k graceful",
        "postfix reload",
    ],
)
def test_a_line_that_reloads_is_a_reload(entry, line):
    hooks = entry(renew_hook=line).hooks
    assert lines(hooks.reload) == [line]
    assert not hooks.post


@pytest.mark.parametrize(
    ("line", "run"),
    [
        ("/usr/local/bin/deploy --now", "/usr/local/bin/deploy --now"),
        ("'\"/opt/my tool\" x'", ('"/opt/my tool" x', True)),
        ('"cd /srv && make"', ("cd /srv && make", True)),
        ("'cp $RENEWED_LINEAGE/*.pem /srv; true'", ("cp $RENEWED_LINEAGE/*.pem /srv; true", True)),
        ("A=1 make", ("A=1 make", True)),
        ("exit 0", ("exit 0", True)),
        ("'echo \"x\" # y'", ('echo "x" # y', True)),
    ],
)
def test_any_other_line_is_run_for_each_by_a_shell_where_it_needs_one(entry, line, run):
    hooks = entry(renew_hook=line).hooks
    assert lines(hooks.post) == [run]
    assert not hooks.reload


def test_the_folders_of_hooks_come_first_and_in_order(folder):
    folder.lineage(A, renew_hook="/usr/bin/own", post_hook="/usr/bin/last", pre_hook="/usr/bin/first")
    for name, text, mode in (
        ("deploy/20-two", SCRIPT, 0o755),
        ("deploy/10-one", RELOADS, 0o755),
        ("deploy/30-off", SCRIPT, 0o644),
        ("deploy/40-backup~", SCRIPT, 0o755),
        ("deploy/50 spaced", SCRIPT, 0o755),
        ("post/after", SCRIPT, 0o755),
        ("pre/before", SCRIPT, 0o755),
    ):
        folder.write(f"renewal-hooks/{name}", text, mode)
    hooks = folder.loaded().targets[0].hooks
    base = f"{folder.path}/renewal-hooks"
    assert [command.argv for command in hooks.pre] == [(f"{base}/pre/before",), ("/usr/bin/first",)]
    assert [command.argv for command in hooks.reload] == [(f"{base}/deploy/10-one",)]
    assert [command.argv[-1] for command in hooks.post] == [
        f"{base}/deploy/20-two",
        f"{base}/deploy/50 spaced",
        "/usr/bin/own",
        f"{base}/post/after",
        "/usr/bin/last",
    ]
    assert "certbot runs its pre-hooks before the challenge" in " ".join(folder.findings())


def test_a_hook_that_is_in_a_folder_too_is_run_once(folder):
    path = folder.write("renewal-hooks/deploy/one", SCRIPT, 0o755)
    folder.lineage(A, renew_hook=str(path))
    assert lines(folder.loaded().targets[0].entry.hooks.post) == [str(path)]


def test_certbots_installers_reload_their_server(entry):
    hooks = entry(installer="nginx", renew_hook="nginx -s reload").hooks
    assert lines(hooks.reload) == ["nginx -s reload"]
    assert lines(hooks.check) == ["nginx -t"], "what tells beforehand whether it would start"


def test_what_frees_the_port_is_not_run_and_the_server_is_reloaded_instead_of_started(folder):
    folder.lineage(
        A, authenticator="standalone", pre_hook="systemctl stop nginx", post_hook="systemctl start nginx"
    )
    other = folder.write("renewal-hooks/post/other", RELOADS, 0o755)
    folder.write("renewal-hooks/post/port", "#!/bin/sh\nufw delete allow 80\n", 0o755)
    hooks = folder.loaded().targets[0].entry.hooks
    assert lines(hooks.reload) == [str(other), "systemctl reload nginx"]
    assert not hooks.pre
    assert not hooks.post
    assert "# Before the challenge certbot ran: systemctl stop nginx" in folder.read().text
    assert "renewd runs none there" in " ".join(folder.findings())


def test_none_is_none(entry):
    hooks = entry(renew_hook="None", post_hook="").hooks
    assert [*hooks.pre, *hooks.check, *hooks.reload, *hooks.post] == []


def test_what_surrounds_a_hook_is_told_where_one_may_copy_files(folder):
    folder.lineage(A, renew_hook="/usr/local/bin/copy")
    folder.lineage("b.example.com", renew_hook="systemctl reload nginx")
    (told,) = [each for each in folder.findings() if "umask 077" in each]
    assert told.startswith(f"{A}: ")
