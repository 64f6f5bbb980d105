import pytest

from renewd.install import mounts

TEXT = r"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /srv rw - nfs4 files:/srv rw,vers=4.2
31 30 254:0 /x /srv/local rw,relatime - ext4 /dev/vda rw
32 22 0:27 / /run rw,nosuid shared:5 master:2 - tmpfs tmpfs rw
33 22 0:28 / /with\040space rw - cifs //host/share rw
34 22 0:29 / /usb rw - vfat /dev/sdb1 rw
35 22 0:30 / /layer rw - overlay overlay rw,lowerdir=a - b
36 22 0:31 / /ssh rw - fuse.sshfs host: rw
37 22 0:32 / /over rw - tmpfs tmpfs rw
38 37 254:0 /y /over rw - ext4 /dev/vda rw
39 22 0:33 / /none
"""


@pytest.mark.fault(56)
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/srv/certs", "network file system (nfs4 at /srv)"),
        ("/srv", "network file system (nfs4 at /srv)"),
        ("/with space/a", "network file system (cifs at /with space)"),
        ("/ssh/a", "network file system (fuse.sshfs at /ssh)"),
        ("/run/certs", "gone after a restart"),
        ("/usb/certs", "no links, owners and modes"),
        ("/layer/etc", "gone with the container"),
    ],
)
def test_a_doubtful_file_system_is_told_with_what_helps(path, said):
    told = mounts.warning(TEXT, path)
    assert told.startswith(f"{path} is ")
    assert said in told


@pytest.mark.parametrize("path", ["/etc/certs", "/", "/srv/local/a", "/srvx/a", "/over/a", "/none/a"])
def test_a_disk_of_linux_is_not(path):
    assert mounts.warning(TEXT, path) is None


@pytest.mark.parametrize("text", ["", "\n", "nonsense", "1 2 3 - ext4"])
def test_what_is_no_list_of_mounts_says_nothing(text):
    assert mounts.warning(text, "/etc") is None


@pytest.mark.fault(56)
def test_the_places_of_a_target_are_looked_at_where_they_really_are(home, mount):
    mount("memory", "-t", "tmpfs", "none")
    home.path("etc").symlink_to("memory")
    target = home.target({"files": {"key": "@/etc/key.pem", "cert": "@/etc/cert.pem"}})
    (told,) = home.installer.mounts(target)
    assert told.startswith(f"{home.path('memory')} is in memory")
