"""Leaving RCL's own daemon: its settings become a configuration that validates, and takes over the same folders."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.programs import renewd
from tests.world import World

A, SAN = "a.example", "contoso.example,www.contoso.example"
KEY = "s3cr3t-api-key"


def settings(folder: Path, **changes: Any) -> dict[str, Any]:
    (folder / "www").mkdir(exist_ok=True)
    return {
        "RCLSDK": {
            "apibaseurl": "https://rclapi.azure-api.net/public",
            "ApiKey": KEY,
            "SubscriptionId": "sub_1",
        },
        "CertificateBot": {
            "SaveCertificatePath": str(folder / "certs"),
            "IncludeCertificates": [
                {"certificateName": A, "validationPath": str(folder / "www")},
                {
                    "CertificateName": SAN,
                    "ValidationPath": f"{folder}/www/.well-known/acme-challenge/",
                },
            ],
            **changes,
        },
    }


def imported(folder: Path, text: str, *options: str) -> Any:
    path = folder / "appsettings.json"
    path.write_text(text)
    return renewd("/nowhere", "import", "rcl", str(path), *options)


def test_what_is_printed_validates_and_renews_into_the_same_folders(world: World, tmp_path: Path):
    for name in (A, SAN):
        world.sandbox.seed(name, days_left=80)
    folder = tmp_path / "certs" / A
    folder.mkdir(parents=True)
    (folder / "fullChainCertificate.crt").write_text("an old one")
    for path, mode in ((folder.parent, 0o777), (folder, 0o777), (folder / "fullChainCertificate.crt", 0o666)):
        path.chmod(mode)  # as RCL's daemon leaves them
    text = json.dumps(settings(tmp_path)).replace(
        "https://rclapi.azure-api.net/public", world.sandbox.base_url
    )
    text = text.replace("sub_1", world.sandbox.subscription_id)
    done = imported(
        tmp_path,
        text.replace(KEY, Path(world.sandbox.api_key_path).read_text().strip()),
        "--key-to",
        str(tmp_path / "key"),
    )
    assert done.returncode == 0, done.stderr
    assert os.stat(tmp_path / "key").st_mode & 0o777 == 0o600
    whole = yaml.safe_load(done.stdout)
    whole["issuers"]["rcl"]["trust"] = {"file": world.sandbox.root_pem_path}
    whole["state_directory"] = str(tmp_path / "state")
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(whole))
    assert renewd(str(path), "validate").returncode == 0
    refused = renewd(str(path), "preflight")
    assert (refused.returncode, "everybody may write in" in refused.stdout) == (1, True)
    command = f"chmod o-w {folder.parent}"
    assert command in done.stderr
    assert f"#   {command}\n" in done.stdout
    subprocess.run(command.split(), check=True)
    assert renewd(str(path), "preflight").returncode == 0
    assert renewd(str(path), "renew").returncode == 0
    assert "BEGIN CERTIFICATE" in (folder / "fullChainCertificate.crt").read_text()
    assert (tmp_path / "certs" / SAN / "privateKey.key").is_file()
    assert not folder.stat().st_mode & 0o022


def test_no_secret_is_printed(tmp_path: Path):
    done = imported(tmp_path, json.dumps(settings(tmp_path)))
    assert done.returncode == 0
    assert KEY not in done.stdout + done.stderr
    found = yaml.safe_load(done.stdout)
    assert found["issuers"]["rcl"] == {
        "type": "rcl",
        "subscription_id": "sub_1",
        "api_key": {"file": "/etc/renewd/rcl-api-key"},
    }
    assert [each["install"]["layout"] for each in found["certificates"]] == ["rcl", "rcl"]
    assert [each["challenge"]["webroot"] for each in found["certificates"]] == [str(tmp_path / "www")] * 2


def test_comments_and_commas_as_net_takes_them(tmp_path: Path):
    text = json.dumps(settings(tmp_path)).replace('"RCLSDK"', '/* theirs */ "RCLSDK"', 1)
    done = imported(tmp_path, "\ufeff" + text[:-1] + ", // the end\n}")
    assert done.returncode == 0, done.stderr


def test_a_key_file_that_is_there_stays_as_it_is(tmp_path: Path):
    (tmp_path / "key").write_text("mine")
    done = imported(tmp_path, json.dumps(settings(tmp_path)), "--key-to", str(tmp_path / "key"))
    assert done.returncode == 1
    assert "file exists" in done.stderr
    assert (tmp_path / "key").read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("[]", "is not the settings of RCL's daemon"),
        ("{}", "names no certificate to take over"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_what_is_not_the_settings_is_told(tmp_path: Path, text: str, said: str):
    done = imported(tmp_path, text)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_what_cannot_be_taken_over_is_told_and_the_rest_is(tmp_path: Path):
    odd = [
        {"certificateName": A, "validationPath": ""},
        {"certificateName": A},
        {"certificateName": "no name"},
        7,
    ]
    done = imported(tmp_path, json.dumps(settings(tmp_path, IncludeCertificates=odd)))
    assert done.returncode == 0
    assert [each["name"] for each in yaml.safe_load(done.stdout)["certificates"]] == [A]
    for said in ("no validationPath", "twice", "left out"):
        assert said in done.stderr
