"""Which group a process's sums go to, and how many groups there are."""

from __future__ import annotations

from nrdot.batch import Counter, Gauge, Owner
from nrdot.testing.stages.rolled_up import RolledUp


def test_three_processes_that_share_a_name_open_a_group_and_two_do_not():
    rolled = RolledUp()
    rolled.begin(3, "nginx")
    rolled.begin(2, "cron")
    rolled.baseline()
    assert rolled.members() == {"nginx": 3, "other": 2}


def test_below_three_they_join_the_group_of_their_class():
    rolled = RolledUp()
    for number, name in enumerate(("nginx", "caddy", "haproxy")):
        rolled.classes[rolled.begin(1, name)[0].pid] = 1
        assert number < 3
    rolled.begin(1, "cron")
    rolled.baseline()
    assert rolled.members() == {"web": 3, "other": 1}


def test_kernel_threads_are_one_group_from_the_first_on():
    rolled = RolledUp()
    rolled.begin(1, "kthreadd", kernel=True)
    rolled.begin(1, "kworker/0:1", kernel=True)
    rolled.begin(3, "nginx")
    rolled.baseline()
    assert rolled.members() == {"kernel": 2, "nginx": 3}


def test_there_are_never_more_groups_than_the_profile_allows():
    rolled = RolledUp(limit=6)
    for number in range(20):
        rolled.begin(3 + number, f"program-{number}")
    rolled.baseline()
    members = rolled.members()
    assert len(members) <= 6
    assert set(members) == {"program-19", "program-18", "program-17", "program-16", "other"}


def test_a_group_stays_open_until_it_has_been_empty_for_the_hold_time():
    rolled = RolledUp(hold=50.0)
    processes = rolled.begin(3, "nginx")
    rolled.begin(3, "cron")
    rolled.baseline()
    rolled.export()
    for process in processes:
        rolled.host.end(process)
    assert rolled.members() == {"nginx": 0, "cron": 3}
    for _ in range(3):
        assert "nginx" in rolled.members()
    ended = [group for group in rolled.export().groups if group.ending]
    assert [group.name for group in ended] == ["nginx"]
    assert rolled.members() == {"cron": 3}


def test_an_open_group_that_shrinks_below_three_goes_on():
    rolled = RolledUp()
    processes = rolled.begin(3, "nginx")
    rolled.baseline()
    rolled.export()
    rolled.host.end(processes[0])
    assert rolled.members() == {"nginx": 2}


def test_a_chain_takes_the_first_key_that_a_process_has():
    rolled = RolledUp(chain=("namespace", "executable"))
    rolled.begin(3, "java", owner=Owner(namespace="payments"))
    rolled.begin(3, "java")
    rolled.baseline()
    frame = rolled.export()
    assert {(group.kind, group.name) for group in frame.groups} == {
        ("namespace", "payments"),
        ("executable", "java"),
    }


def test_two_hundred_postgres_backends_sum_private_memory_beside_resident_memory():
    rolled = RolledUp()
    shared, private = 8 << 30, 12 << 20
    backends = rolled.begin(200, "postgres")
    for process in backends:
        process.rss = shared + private
    rolled.baseline()
    for process in backends:
        rolled.host.table.gauges[Gauge.SHARED, process.row] = shared
    (group,) = rolled.export().groups
    assert group.gauges[Gauge.RSS] == 200 * (shared + private)
    assert group.gauges[Gauge.PRIVATE] == 200 * private


def test_cpu_of_children_that_nobody_saw_goes_to_the_group_of_their_parent_even_when_that_is_kept():
    rolled = RolledUp()
    make, *_ = rolled.begin(4, "make")
    rolled.kept = {make.pid}
    rolled.baseline()
    rolled.host.run(make, Counter.CHILD_USER, 700)
    rolled.host.run(make, Counter.CPU_USER, 5)
    frame = rolled.export()
    (group,) = frame.groups
    assert group.counters[Counter.CPU_USER] == 700
    assert group.counters[Counter.CHILD_USER] == 0


def test_cpu_of_children_of_a_member_is_the_groups_own():
    rolled = RolledUp()
    make, *_ = rolled.begin(4, "make")
    rolled.baseline()
    rolled.host.run(make, Counter.CHILD_SYSTEM, 700)
    rolled.host.run(make, Counter.CPU_SYSTEM, 5)
    (group,) = rolled.export().groups
    assert group.counters[[Counter.CPU_USER, Counter.CPU_SYSTEM]].tolist() == [0, 705]
    assert group.counters[[Counter.CHILD_USER, Counter.CHILD_SYSTEM]].tolist() == [0, 0]


def test_what_no_member_can_read_is_unknown_and_not_zero():
    rolled = RolledUp()
    for process in rolled.begin(3, "nginx"):
        process.limited = True
    rolled.baseline()
    (group,) = rolled.export().groups
    assert group.limited
    assert group.gauges[Gauge.SWAP] == -1


def test_a_group_whose_only_member_can_not_be_read_is_limited_and_one_without_members_is_not():
    rolled = RolledUp(hold=60.0)
    alone = rolled.begin(1, "kthreadd", kernel=True)[0]
    alone.limited = True
    rolled.baseline()
    assert [group.limited for group in rolled.export().groups] == [True]
    rolled.host.end(alone)
    assert [group.limited for group in rolled.export().groups] == [False]


def test_names_of_processes_that_are_gone_do_not_fill_the_memory():
    rolled = RolledUp()
    rolled.begin(3, "nginx")
    rolled.baseline()
    for number in range(100):
        process = rolled.host.begin(5000, f"job-{number}")
        assert rolled.members()["nginx"] == 3
        rolled.host.end(process)
    assert len(rolled.groups._keys) < 50


def test_a_class_is_told_as_the_kind_of_its_group():
    rolled = RolledUp(chain=("class",))
    for process in rolled.begin(3, "nginx"):
        rolled.classes[process.pid] = 1
    for number in range(3):
        rolled.classes[rolled.begin(1, f"store-{number}")[0].pid] = 2
    rolled.baseline()
    assert {(group.kind, group.name) for group in rolled.export().groups} == {
        ("class", "web"),
        ("class", "database"),
    }


def test_those_that_join_their_classs_group_begin_it_at_the_export_before():
    rolled = RolledUp()
    for name in ("nginx", "caddy", "haproxy"):
        rolled.classes[rolled.begin(1, name)[0].pid] = 1
    rolled.baseline()
    began = rolled.host.time_ns
    (group,) = rolled.export().groups
    assert (group.kind, group.name, group.since_ns) == ("class", "web", began)


def test_classes_stay_with_their_processes_while_the_table_grows():
    rolled = RolledUp()
    for name in ("nginx", "caddy", "haproxy"):
        rolled.classes[rolled.begin(1, name)[0].pid] = 1
    rolled.baseline()
    rolled.begin(30, "cron")
    assert rolled.members() == {"web": 3, "cron": 30}


def test_kernel_threads_come_first_where_groups_are_few():
    rolled = RolledUp(limit=3)
    rolled.begin(1, "kthreadd", kernel=True)
    rolled.begin(9, "nginx")
    rolled.baseline()
    assert rolled.members() == {"kernel": 1, "other": 9}


def test_groups_that_are_open_leave_less_room_for_others():
    rolled = RolledUp(limit=4)
    rolled.begin(3, "nginx")
    rolled.begin(3, "cron")
    rolled.baseline()
    assert rolled.members() == {"nginx": 3, "cron": 3}
    rolled.begin(5, "java")
    assert rolled.members() == {"nginx": 3, "cron": 3, "other": 5}


def test_a_group_ends_when_it_has_been_empty_for_just_the_hold_time():
    rolled = RolledUp(hold=45.0)
    processes = rolled.begin(3, "nginx")
    rolled.baseline()
    rolled.export()
    for process in processes:
        rolled.host.end(process)
    ends = [[group.name for group in rolled.export().groups if group.ending] for _ in range(4)]
    assert ends == [[], [], [], ["nginx"]]


def test_a_group_that_opens_again_is_another_one():
    rolled = RolledUp(hold=15.0)
    keys = []
    for _ in range(2):
        processes = rolled.begin(3, "nginx")
        if not keys:
            rolled.baseline()
        (group,) = rolled.export().groups
        keys.append(group.key)
        for process in processes:
            rolled.host.end(process)
        while rolled.export().groups:
            pass
    assert keys[0] != keys[1]


def test_private_memory_of_a_process_that_shares_nothing_is_all_it_has():
    rolled = RolledUp()
    processes = rolled.begin(3, "nginx")
    rolled.baseline()
    rolled.host.table.gauges[Gauge.SHARED, [process.row for process in processes]] = 0
    (group,) = rolled.export().groups
    assert group.gauges[Gauge.PRIVATE] == group.gauges[Gauge.RSS] == 3 * 4096


def test_levels_that_some_members_do_not_tell_are_sums_of_the_others():
    rolled = RolledUp()
    processes = rolled.begin(3, "nginx")
    rolled.baseline()
    rows = [process.row for process in processes]
    gauges = rolled.host.table.gauges
    gauges[Gauge.SHARED, rows] = 96, -1, -1
    gauges[Gauge.SWAP, rows] = 8192, -1, 4096
    gauges[Gauge.DESCRIPTORS, rows] = 0, 0, -1
    (group,) = rolled.export().groups
    assert group.gauges[[Gauge.PRIVATE, Gauge.SWAP, Gauge.DESCRIPTORS]].tolist() == [4000, 12288, 0]


def test_what_the_only_member_left_can_not_tell_is_unknown():
    rolled = RolledUp()
    rolled.begin(1, "kthreadd", kernel=True)
    rolled.baseline()
    (group,) = rolled.export().groups
    assert group.gauges[[Gauge.SWAP, Gauge.PROCESSES]].tolist() == [-1, 1]


def test_a_group_that_ends_is_shown_beside_those_that_go_on():
    rolled = RolledUp(hold=15.0)
    processes = rolled.begin(3, "nginx")
    rolled.begin(3, "cron")
    rolled.baseline()
    rolled.export()
    for process in processes:
        rolled.host.end(process)
    rolled.export()
    assert [(group.name, group.ending) for group in rolled.export().groups] == [
        ("cron", False),
        ("nginx", True),
    ]


def test_kernel_threads_that_are_all_kept_open_no_group():
    rolled = RolledUp()
    thread = rolled.begin(1, "kthreadd", kernel=True)[0]
    rolled.kept = {thread.pid}
    rolled.begin(3, "nginx")
    rolled.baseline()
    assert rolled.members() == {"nginx": 3}


def test_processes_without_a_key_take_no_place_of_a_group():
    rolled = RolledUp(limit=3, chain=("namespace",))
    rolled.begin(5, "java")
    rolled.begin(3, "java", owner=Owner(namespace="payments"))
    rolled.baseline()
    assert rolled.members() == {"payments": 3, "other": 5}


def test_those_without_a_key_leave_the_others_when_they_are_enough_of_one_class():
    rolled = RolledUp(chain=("namespace",))
    for process in rolled.begin(2, "nginx"):
        rolled.classes[process.pid] = 1
    rolled.baseline()
    assert rolled.members() == {"other": 2}
    rolled.classes[rolled.begin(1, "caddy")[0].pid] = 1
    assert rolled.members() == {"web": 3, "other": 0}


def test_what_is_dropped_counts_from_the_export_before():
    rolled = RolledUp()
    first, *_ = rolled.begin(4, "nginx")
    rolled.baseline()
    sent = rolled.export()
    rolled.dropped = {first.pid}
    rolled.host.run(first, Counter.CPU_USER, 5)
    groups = {group.kind: group for group in rolled.export().groups}
    assert groups["dropped"].since_ns == sent.time_ns
    assert groups["dropped"].counters[Counter.CPU_USER] == 5
    assert groups["executable"].counters[Counter.CPU_USER] == 0


def test_processes_of_no_class_that_share_no_name_are_the_others_however_many():
    rolled = RolledUp()
    for name in ("cron", "atd", "sshd", "getty"):
        rolled.begin(1, name)
    rolled.baseline()
    assert [(group.kind, group.name) for group in rolled.export().groups] == [("other", "other")]


def test_a_class_that_is_asked_for_first_comes_before_the_name():
    rolled = RolledUp(chain=("class", "executable"))
    for process in rolled.begin(3, "nginx"):
        rolled.classes[process.pid] = 1
    rolled.begin(3, "cron")
    rolled.baseline()
    assert {(group.kind, group.name) for group in rolled.export().groups} == {
        ("class", "web"),
        ("executable", "cron"),
    }


def test_every_group_begins_at_the_export_before_and_goes_on_from_one_to_the_next():
    rolled = RolledUp()
    named = rolled.begin(3, "nginx")[0]
    dropped = rolled.begin(1, "cron")[0]
    lone = rolled.begin(1, "sshd")[0]
    rolled.dropped = {dropped.pid}
    rolled.baseline()
    began = rolled.host.time_ns
    keys = []
    for turn in (1, 2):
        for process in (named, dropped, lone):
            rolled.host.run(process, Counter.CPU_USER, 10)
        groups = {group.kind: group for group in rolled.export().groups}
        assert {kind: group.since_ns for kind, group in groups.items()} == dict.fromkeys(
            ("executable", "dropped", "other"), began
        )
        assert {group.counters[Counter.CPU_USER] for group in groups.values()} == {10 * turn}
        keys.append({kind: group.key for kind, group in groups.items()})
    assert keys[0] == keys[1]
    assert len(set(keys[0].values())) == 3
