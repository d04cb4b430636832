"""Paths as real hosts have them; ids are made up."""

from __future__ import annotations

import pytest

from nrdot.batch import NOBODY, Owner
from nrdot.identify.container import parse_cgroup

ID = "4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970"
OTHER = "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d"
UID = "6b6f5ab8-9a5c-4c0f-9d3e-0d7f4f3c2b1a"
UNDERSCORED = UID.replace("-", "_")
MISMATCHED = f"kubepods-burstable-pod{UNDERSCORED}.slice:cri-containerd:{ID}"
HASH = "0b4266006a96c35af4502b47111353fd"  # a static pod's
BURSTABLE = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UNDERSCORED}.slice"
BEST_EFFORT = "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod"
USER = "/user.slice/user-1000.slice/user@1000.service"


def docker(**more: str) -> Owner:
    return Owner(container=ID, runtime="docker", **more)


def containerd(**more: str) -> Owner:
    return Owner(container=ID, runtime="containerd", **more)


def crio(**more: str) -> Owner:
    return Owner(container=ID, runtime="cri-o", **more)


def podman(**more: str) -> Owner:
    return Owner(container=ID, runtime="podman", **more)


PATHS = {
    # systemd
    "/": NOBODY,
    "/init.scope": Owner(unit="init.scope"),
    "/system.slice/nginx.service": Owner(unit="nginx.service", slice="system.slice"),
    "/system.slice/nginx.service (deleted)": Owner(unit="nginx.service", slice="system.slice"),
    "/system.slice/system-getty.slice/getty@tty1.service": Owner(
        unit="getty@tty1.service", slice="system-getty.slice"
    ),
    "/system.slice/postgresql.service/workers/7": Owner(unit="postgresql.service", slice="system.slice"),
    r"/system.slice/dev-disk-by\x2duuid.service": Owner(
        unit=r"dev-disk-by\x2duuid.service", slice="system.slice"
    ),
    "/system.slice/_cpu.service": Owner(unit="cpu.service", slice="system.slice"),
    "/system.slice/containerd.service": Owner(unit="containerd.service", slice="system.slice"),
    "/user.slice/user-1000.slice/session-3.scope": Owner(unit="session-3.scope", slice="user-1000.slice"),
    f"{USER}/init.scope": Owner(unit="init.scope", slice="user-1000.slice"),
    f"{USER}/app.slice/app-gnome-firefox-1234.scope": Owner(
        unit="app-gnome-firefox-1234.scope", slice="app.slice"
    ),
    f"{USER}/app.slice/app-foo.slice/app-foo@1.service": Owner(
        unit="app-foo@1.service", slice="app-foo.slice"
    ),
    r"/machine.slice/machine-qemu\x2d1\x2dvm.scope/libvirt/emulator": Owner(
        unit=r"machine-qemu\x2d1\x2dvm.scope", slice="machine.slice"
    ),
    # Docker
    f"/docker/{ID}": docker(),
    f"/system.slice/docker-{ID}.scope": docker(slice="system.slice"),
    f"/system.slice/docker-{ID}.scope/init.scope": docker(unit="init.scope", slice="system.slice"),
    f"/docker/{ID}/system.slice/sshd.service": docker(unit="sshd.service", slice="system.slice"),
    f"{USER}/app.slice/docker-{ID}.scope": docker(slice="app.slice"),
    "/docker/buildkit/xw7yplrcvkb1ywu3m6jbzwaq0": NOBODY,
    f"/{ID}": Owner(container=ID),
    # containerd
    f"/system.slice/nerdctl-{ID}.scope": containerd(slice="system.slice"),
    f"/default/{ID}": containerd(),
    f"{BURSTABLE}/cri-containerd-{ID}.scope": (containerd(pod_uid=UID, slice="kubepods-burstable.slice")),
    f"/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/cri-containerd-{ID}.scope": containerd(
        pod_uid=UID, slice="kubepods.slice"
    ),
    f"{BEST_EFFORT}{HASH}.slice/cri-containerd-{ID}.scope": (
        containerd(pod_uid=HASH, slice="kubepods-besteffort.slice")
    ),
    f"/kubepods/besteffort/pod{UID}/{ID}": Owner(container=ID, pod_uid=UID),
    f"/kubepods/pod{UID}/{ID}": Owner(container=ID, pod_uid=UID),
    f"/kubepods/burstable/pod{HASH}/{ID}": Owner(container=ID, pod_uid=HASH),
    f"/system.slice/containerd.service/{MISMATCHED}": containerd(pod_uid=UID, slice="system.slice"),
    f"/{MISMATCHED}": containerd(pod_uid=UID),
    # A pod's own slice, with no container in it
    f"/kubepods.slice/kubepods-pod{UNDERSCORED}.slice": Owner(pod_uid=UID, slice="kubepods.slice"),
    # kind: a node is a container, its pods are containers in it
    f"/docker/{OTHER}/kubelet/kubepods/burstable/pod{UID}/{ID}": Owner(container=ID, pod_uid=UID),
    f"/system.slice/docker-{OTHER}.scope/kubelet.slice/kubelet-kubepods.slice/"
    f"kubelet-kubepods-pod{UNDERSCORED}.slice/cri-containerd-{ID}.scope": containerd(
        pod_uid=UID, slice="kubelet-kubepods.slice"
    ),
    # CRI-O
    f"{BURSTABLE}/crio-{ID}.scope": crio(pod_uid=UID, slice="kubepods-burstable.slice"),
    f"/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/crio-{ID}.scope/container": crio(
        pod_uid=UID, slice="kubepods.slice"
    ),
    f"/kubepods/burstable/pod{UID}/crio-{ID}": crio(pod_uid=UID),
    f"/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/crio-conmon-{ID}.scope": Owner(
        pod_uid=UID, slice="kubepods.slice"
    ),
    # Podman
    f"/machine.slice/libpod-{ID}.scope": podman(slice="machine.slice"),
    f"/machine.slice/libpod-{ID}.scope/container": podman(slice="machine.slice"),
    f"/machine.slice/libpod-conmon-{ID}.scope": Owner(slice="machine.slice"),
    f"/machine.slice/machine-libpod_pod_{OTHER}.slice/libpod-{ID}.scope": podman(slice="machine.slice"),
    f"/libpod_parent/libpod-{ID}": podman(),
    f"{USER}/user.slice/libpod-{ID}.scope/container": podman(slice="user.slice"),
    f"/system.slice/web.service/libpod-payload-{ID}": podman(unit="web.service", slice="system.slice"),
    f"{USER}/app.slice/web.service/libpod-payload-{ID}": podman(unit="web.service", slice="app.slice"),
    "/system.slice/web.service/runtime": Owner(unit="web.service", slice="system.slice"),
    # ECS and Fargate
    f"/ecs/{HASH}/{ID}": Owner(container=ID),
    f"/ecstasks.slice/ecstasks-{HASH}.slice/docker-{ID}.scope": docker(slice=f"ecstasks-{HASH}.slice"),
    f"/ecs/{HASH}/{HASH}-265927825": Owner(container=f"{HASH}-265927825"),
    # LXC, LXD, Proxmox, nspawn
    "/lxc/web": Owner(container="web", runtime="lxc"),
    "/lxc/101/ns/system.slice/ssh.service": Owner(
        container="101", runtime="lxc", unit="ssh.service", slice="system.slice"
    ),
    "/lxc.payload.web/init.scope": Owner(container="web", runtime="lxc", unit="init.scope"),
    "/lxc.payload/web": Owner(container="web", runtime="lxc"),
    "/lxc.monitor.web": NOBODY,
    "/machine.slice/systemd-nspawn@web.service/payload/system.slice/nginx.service": Owner(
        container="web", runtime="systemd-nspawn", unit="nginx.service", slice="system.slice"
    ),
    "/machine.slice/systemd-nspawn@web.service/payload": Owner(
        container="web", runtime="systemd-nspawn", unit="systemd-nspawn@web.service", slice="machine.slice"
    ),
    # Seen from inside another cgroup namespace
    "/../../system.slice/nginx.service": Owner(unit="nginx.service", slice="system.slice"),
    f"/../cri-containerd-{ID}.scope": containerd(),
    f"/../../kubepods-besteffort-pod{UNDERSCORED}.slice/cri-containerd-{ID}.scope": containerd(pod_uid=UID),
    f"/../../burstable/pod{UID}/{ID}": Owner(container=ID, pod_uid=UID),
    f"/../{ID}": Owner(container=ID),
    "/..": NOBODY,
}


@pytest.mark.parametrize(("path", "owner"), PATHS.items())
def test_a_path_tells_container_pod_and_unit(path, owner):
    assert parse_cgroup(f"0::{path}\n") == owner


@pytest.mark.parametrize(("path", "owner"), PATHS.items())
def test_a_bare_path_of_a_capture_tells_the_same(path, owner):
    assert parse_cgroup(path) == owner


@pytest.mark.parametrize(("path", "owner"), PATHS.items())
def test_v1_with_a_line_for_each_controller_tells_the_same(path, owner):
    lines = ["12:pids", "11:cpu,cpuacct", "10:memory", "1:name=systemd"]
    assert parse_cgroup("".join(f"{line}:{path}\n" for line in lines)) == owner


def test_on_a_hybrid_the_hierarchy_that_knows_the_container_wins():
    daemon = "/system.slice/docker.service"
    text = f"4:memory:/docker/{ID}\n1:name=systemd:{daemon}\n0::{daemon}\n"
    assert parse_cgroup(text) == docker()


def test_on_a_hybrid_systemd_knows_the_unit_before_controllers_do():
    text = (
        "5:memory:/system.slice\n2:cpu:/\n1:name=systemd:/system.slice/nginx.service\n0::/x.slice/y.service\n"
    )
    assert parse_cgroup(text) == Owner(unit="nginx.service", slice="system.slice")


def test_a_unit_is_worth_more_than_a_slice_that_comes_first():
    assert parse_cgroup("1:name=systemd:/user.slice\n0::/system.slice/a.service\n").unit == "a.service"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "garbage",
        "0::",
        "0::relative\n",
        ":::\n",
        "0::/a:b/c\n",
        "0::/\n" * 3,
        f"0::/docker/{ID[:-1]}\n",
    ],
)
def test_text_that_tells_nothing_belongs_to_nobody(text):
    assert parse_cgroup(text) is NOBODY


def test_a_colon_in_a_path_is_part_of_the_path():
    assert parse_cgroup("0::/a.slice/b:c.service\n") == Owner(unit="b:c.service", slice="a.slice")
