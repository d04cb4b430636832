"""A deployment plan, and the inventory that it is made from."""

from __future__ import annotations

from itertools import pairwise

import pytest

from nrdot.report.kinds.inventory import InventoryError, read_inventory
from nrdot.report.kinds.rollout import plan
from nrdot.report.pages.page import page
from nrdot.report.tables.flat import as_csv

INVENTORY = """
hosts:
  - {region: us, environment: dev, hosts: 30, criticality: low}
  - {region: us, environment: production, hosts: 601, criticality: high, compliance: [PCI-DSS]}
  - {region: eu, environment: prod, hosts: 100, compliance: [GDPR]}
"""


def test_the_plan_starts_small_and_goes_region_by_region(tmp_path):
    path = tmp_path / "inventory.yaml"
    path.write_text(INVENTORY)
    found = plan(read_inventory(path))
    names = [phase["name"] for phase in found["phases"]]
    assert names == [
        "baseline, everywhere",
        "dev and test",
        "eu: canary",
        "eu: all",
        "us: canary",
        "us: all",
        "tighter profiles",
    ]
    hosts = {phase["name"]: phase["hosts"] for phase in found["phases"]}
    assert (hosts["us: canary"], hosts["us: all"]) == (121, 480)
    assert hosts["dev and test"] == 30
    weeks = [(phase["from_week"], phase["to_week"]) for phase in found["phases"]]
    assert all(later[0] == earlier[1] + 1 for earlier, later in pairwise(weeks))
    gates = {phase["name"]: phase["gates"] for phase in found["phases"]}
    assert any("PCI-DSS validated" in gate for gate in gates["us: canary"])
    assert not any("PCI-DSS" in gate for gate in gates["eu: canary"])
    steps = {phase["name"]: phase["steps"] for phase in found["phases"]}
    assert steps["us: canary"] == ["121 of 601 production hosts (20%), chosen by a hash of host.id"]
    assert "eu: canary" in page(found, "rollout")
    assert "eu: canary" in as_csv(found, "rollout")


def test_a_region_of_a_few_hosts_of_many_kinds_has_no_rest_to_follow(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("region,environment,hosts,criticality\nus,prod,1,low\nus,production,1,high\n")
    found = plan(read_inventory(path))
    (canary,) = [phase for phase in found["phases"] if phase["name"].startswith("us: ")]
    assert canary["steps"][0].startswith("2 of 2 production hosts (20% of each of 2 groups, one at least)")


def test_a_csv_inventory_is_the_same_plan(tmp_path):
    path, other = tmp_path / "inventory.csv", tmp_path / "inventory.yaml"
    path.write_text(
        "region,environment,hosts,criticality,compliance\nus,dev,30,low,\n"
        'us,production,601,high,PCI-DSS\neu,prod,"100",,GDPR\n'
    )
    other.write_text(INVENTORY)
    assert read_inventory(path) == read_inventory(other)


@pytest.mark.parametrize("between", [";", "\t", ","])
def test_an_inventory_is_read_as_spreadsheets_write_it(tmp_path, between):
    path = tmp_path / "inventory.csv"
    lines = ["Region,Environment,Hosts", "eu,production,4500"]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).replace(",", between).encode() + b"\r\n")
    (group,) = read_inventory(path)
    assert (group.region, group.environment, group.hosts) == ("eu", "production", 4500)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "region,hosts\nus,3\n", "no column environment"),
        ("a.csv", "region,environment,hosts\nus,dev,none\n", "a.csv:2: hosts: 'none'"),
        ("a.csv", "region,environment,hosts\nus,dev,0\n", "1 or more"),
        ("a.csv", 'region,environment,hosts\nus,dev,"1,5"\n', "'1,5' is not a number of hosts"),
        ("a.csv", "region;environment;hosts\nus;dev;1.500\n", "'1.500' is not a number of hosts"),
        ("a.csv", "region,environment,hosts,criticality\nus,dev,3,huge\n", "not one of low, medium, high"),
        ("a.csv", "region,environment,hosts\n,dev,3\n", "one of them empty"),
        ("a.csv", "region,environment,hosts\n", "nothing to plan"),
        ("a.csv", "region,environment,hosts\n" + "us,dev,3\n" * 500_000, "larger than 4 MiB"),
        ("a.yaml", "hosts: []", "nothing to plan"),
        ("a.yaml", "hosts: [{region: us}]", "`environment` is missing"),
        ("a.yaml", "hosts: [{region: us, environment: dev, hosts: -4}]", "must be 1 or more"),
        ("a.yaml", "hots: []", "unknown key"),
    ],
)
def test_a_mistake_in_an_inventory_is_one_line(tmp_path, name, text, words):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InventoryError) as error:
        read_inventory(path)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
