from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from nrdot.batch import Batch, Host, Identity, Owner, Table
from nrdot.identify import identifier as module
from nrdot.identify.identifier import OwnerIdentifier
from nrdot.identify.labels import Facts, StaticLabels, labels_of

HOST = Host("h1", "web-1", "boot", cpus=2, memory=8 << 30, hz=100)
NGINX = "0::/system.slice/nginx.service\n"
UID = "6b6f5ab8-9a5c-4c0f-9d3e-0d7f4f3c2b1a"
POD = f"0::/kubepods/burstable/pod{UID}/{'ab' * 32}\n"


class Pods:
    """Knows pods by uid, as the Kubernetes source does, and counts how often it is asked."""

    def __init__(self, facts: dict[str, Facts]) -> None:
        self.known = facts
        self.revision = 1
        self.asked: Counter[str] = Counter()

    def facts(self, owner: Owner) -> Facts | None:
        self.asked[owner.pod_uid] += 1
        return self.known.get(owner.pod_uid)


@pytest.fixture
def table():
    return Table(4)


def add(table: Table, pid: int, cgroup: str, identity: Identity | None = None) -> int:
    row = table.open_row(pid, pid * 10)
    table.identity[row] = identity or Identity(f"p{pid}", uid=33, user="www-data")
    table.cgroup[row] = cgroup
    return row


def batch(table: Table, named: list[int]) -> Batch:
    none = np.array([], np.intp)
    return Batch(
        0, 15.0, False, table, HOST, table.living(), none, none, np.array(named, np.intp), none
    )  # fmt: skip


def test_a_named_process_gets_the_owner_that_its_cgroup_tells(table):
    row = add(table, 1, NGINX)
    OwnerIdentifier().identify(batch(table, [row]))
    identity = table.identity[row]
    assert identity.owner == Owner(unit="nginx.service", slice="system.slice")
    assert (identity.name, identity.user) == ("p1", "www-data")


def test_processes_of_one_cgroup_share_one_owner(table):
    rows = [add(table, pid, NGINX) for pid in (1, 2)]
    OwnerIdentifier().identify(batch(table, rows))
    assert table.identity[rows[0]].owner is table.identity[rows[1]].owner


def test_processes_that_are_not_named_stay_as_they_are(table):
    row, other = add(table, 1, NGINX), add(table, 2, NGINX)
    before = table.identity[other]
    OwnerIdentifier().identify(batch(table, [row]))
    assert table.identity[other] is before


def test_a_source_adds_pod_namespace_workload_labels_and_attributes(table):
    row = add(table, 1, POD)
    facts = Facts({"tier": "db"}, "shop-0", "shop", "StatefulSet/shop", {"k8s.node.name": "n1"})
    OwnerIdentifier([Pods({UID: facts})]).identify(batch(table, [row]))
    owner = table.identity[row].owner
    assert (owner.pod_uid, owner.pod, owner.namespace) == (UID, "shop-0", "shop")
    assert owner.workload == "StatefulSet/shop"
    assert owner.labels == (("tier", "db"),)
    assert owner.attributes == (("k8s.node.name", "n1"),)


def test_a_later_source_wins_over_the_configuration(table):
    row = add(table, 1, POD)
    sources = [StaticLabels({"tier": "none", "env": "prod"}), Pods({UID: Facts({"tier": "db"})})]
    OwnerIdentifier(sources).identify(batch(table, [row]))
    assert table.identity[row].owner.labels == (("env", "prod"), ("tier", "db"))


def test_labels_of_the_configuration_reach_processes_without_a_cgroup(table):
    row = add(table, 1, "")
    OwnerIdentifier([StaticLabels({"env": "prod"})]).identify(batch(table, [row]))
    assert table.identity[row].owner == Owner(labels=(("env", "prod"),))


def test_a_source_is_asked_once_for_each_cgroup(table):
    pods = Pods({})
    rows = [add(table, pid, POD) for pid in (1, 2, 3)]
    identifier = OwnerIdentifier([pods])
    identifier.identify(batch(table, rows))
    identifier.identify(batch(table, rows))
    assert pods.asked[UID] == 1


def test_what_a_source_learns_later_reaches_processes_that_nothing_else_named(table):
    row, other = add(table, 1, POD), add(table, 2, NGINX)
    pods = Pods({})
    identifier = OwnerIdentifier([pods])
    identifier.identify(batch(table, [row, other]))
    table.changed[:] = False
    pods.known[UID] = Facts({"tier": "db"})
    pods.revision += 1
    after = identifier.identify(batch(table, []))
    assert table.identity[row].owner.labels == (("tier", "db"),)
    assert after.named.tolist() == [row]  # so that its score and its group follow
    assert table.changed.tolist() == [index == row for index in range(4)]


def test_a_label_that_was_taken_away_goes(table):
    row = add(table, 1, POD)
    pods = Pods({UID: Facts({"tier": "db"})})
    identifier = OwnerIdentifier([pods])
    identifier.identify(batch(table, [row]))
    pods.known[UID] = Facts({})
    pods.revision += 1
    identifier.identify(batch(table, []))
    assert table.identity[row].owner.labels == ()


def test_a_process_that_moves_to_another_cgroup_gets_its_owner(table):
    row = add(table, 1, POD)
    identifier = OwnerIdentifier([Pods({UID: Facts({"tier": "db"}, pod="shop-0")})])
    identifier.identify(batch(table, [row]))
    table.cgroup[row] = NGINX
    table.changed[:] = False
    identifier.identify(batch(table, [row]))
    assert table.identity[row].owner == Owner(unit="nginx.service", slice="system.slice")
    assert table.changed[row]


def test_a_new_parent_alone_changes_no_identity(table):
    row = add(table, 1, NGINX)
    identifier = OwnerIdentifier()
    identifier.identify(batch(table, [row]))
    before = table.identity[row]
    table.changed[:] = False
    identifier.identify(batch(table, [row]))
    assert table.identity[row] is before
    assert not table.changed[row]


def test_what_a_capture_delivers_stands_and_the_cgroup_fills_in_the_rest(table):
    given = Owner(pod="shop-0", labels=(("tier", "frontend"),))
    row = add(table, 1, NGINX, Identity("nginx", owner=given))
    pods = Pods({"": Facts({"tier": "db", "env": "prod"}, pod="other", namespace="shop")})
    identifier = OwnerIdentifier([pods])
    identifier.identify(batch(table, [row]))
    expected = Owner(
        unit="nginx.service",
        slice="system.slice",
        pod="shop-0",
        namespace="shop",
        labels=(("env", "prod"), ("tier", "frontend")),
    )
    assert table.identity[row].owner == expected
    # What was delivered is remembered, so that what a source takes back goes.
    pods.known[""] = Facts({})
    pods.revision += 1
    identifier.identify(batch(table, []))
    assert table.identity[row].owner.labels == (("tier", "frontend"),)
    assert table.identity[row].owner.namespace == ""


def test_a_row_that_is_used_again_forgets_whom_it_belonged_to(table):
    row = add(table, 1, NGINX, Identity("nginx", owner=Owner(pod="shop-0")))
    identifier = OwnerIdentifier()
    identifier.identify(batch(table, [row]))
    table.close_row(row)
    table.release()
    assert add(table, 2, POD) == row
    identifier.identify(batch(table, [row]))
    assert table.identity[row].owner == Owner(container="ab" * 32, pod_uid=UID)


def test_what_is_remembered_of_cgroups_is_bounded(table):
    pods = Pods({})
    identifier = OwnerIdentifier([pods])
    row = add(table, 1, "")
    for number in range(module.REMEMBERED + 1):
        table.cgroup[row] = f"0::/{number}.slice\n"
        identifier.identify(batch(table, [row]))
        assert table.identity[row].owner.slice == f"{number}.slice"
    for number in (module.REMEMBERED, 0):  # the newest is remembered, the oldest is not
        table.cgroup[row] = f"0::/{number}.slice\n"
        identifier.identify(batch(table, [row]))
    assert pods.asked[""] == module.REMEMBERED + 2


def test_selectors_see_what_the_system_knows_beside_the_labels():
    owner = Owner("c1", "podman", "u1", "a.service", "a.slice", "p", "n", "Deployment/p", (("tier", "db"),))
    assert labels_of(Identity("postgres", user="pg", owner=owner)) == {
        "name": "postgres",
        "user": "pg",
        "container": "c1",
        "runtime": "podman",
        "pod_uid": "u1",
        "unit": "a.service",
        "slice": "a.slice",
        "pod": "p",
        "namespace": "n",
        "workload": "Deployment/p",
        "tier": "db",
    }


def test_what_is_unknown_has_no_key_and_kernel_threads_say_so():
    assert labels_of(Identity("kworker/0:1", kernel=True)) == {"name": "kworker/0:1", "kernel": "true"}


def test_a_label_wins_over_a_fact_of_the_same_name():
    identity = Identity("nginx", owner=Owner(labels=(("name", "shop-frontend"),)))
    assert labels_of(identity)["name"] == "shop-frontend"
