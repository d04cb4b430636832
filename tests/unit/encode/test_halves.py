from __future__ import annotations

from dataclasses import replace

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics

from nrdot.batch import Host, Identity, Owner
from nrdot.encode.attributes import Resources, serialize
from nrdot.encode.halves import REMEMBERED, Halves
from nrdot.encode.redact import CommandLines

HOST = Host(id="h1", name="host", boot="b", cpus=2, memory=1, hz=100, attributes=(("cloud.region", "eu"),))
IDENTITIES = [
    Identity("nginx", "nginx", "nginx: worker process", "/usr/sbin/nginx", 33, "www-data"),
    Identity("kworker", kernel=True),
    Identity(
        "ünïcode", owner=Owner(container="c" * 64, runtime="docker", attributes=(("k8s.node.name", "n"),))
    ),
]


def attributes(serialized):
    """What a receiver reads; in which order it stands means nothing."""
    read = ResourceMetrics.FromString(serialized).resource.attributes
    return sorted((one.key, one.value.SerializeToString()) for one in read)


RESOURCES = [
    Resources({}),
    Resources({"host.name": "shop", "team": "payments"}, CommandLines(longest=100)),
    Resources({"process.pid": "none of yours"}),
]


@pytest.mark.parametrize("resources", RESOURCES, ids=["plain", "fixed and command lines", "a pid overridden"])
@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: identity.name)
@pytest.mark.parametrize("parent", [0, 1, 4_194_304])
def test_both_halves_joined_are_the_whole_resource(resources, identity, parent):
    own, words = Halves(resources).of(HOST, identity, 12345, parent)
    whole = serialize(resources.process(HOST, identity, 12345, parent))
    assert len(own + words) == len(whole)
    assert attributes(own + words) == attributes(whole)


def test_processes_of_one_identity_share_their_words():
    halves = Halves(RESOURCES[0])
    one, other = (halves.of(HOST, replace(IDENTITIES[0]), pid, 1) for pid in (10, 11))
    assert one[0] != other[0]
    assert one[1] is other[1]


def test_a_host_that_has_another_name_is_told_anew():
    halves = Halves(RESOURCES[0])
    halves.of(HOST, IDENTITIES[0], 10, 1)
    named = replace(HOST, name="other")
    own, words = halves.of(named, IDENTITIES[0], 10, 1)
    assert own + words == serialize(RESOURCES[0].process(named, IDENTITIES[0], 10, 1))


def test_no_more_words_are_remembered_than_a_bound():
    halves = Halves(RESOURCES[0])
    for number in range(REMEMBERED + 10):
        halves.of(HOST, Identity(f"worker {number}"), number, 1)
    assert len(halves._words) <= REMEMBERED
