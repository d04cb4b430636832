"""What agents are told, and under which number: pointers, and nodes that change theirs."""

from __future__ import annotations

import pytest

from nrdot.kube.compiled import NotCompiledError
from nrdot.kube.pointers import fitting
from nrdot.kube.unguided import STANDS
from nrdot.testing.clusters.nodes import node
from nrdot.testing.clusters.operated import MAPS, OURS, World


def test_a_node_that_moves_to_another_group_is_told_under_a_number_that_it_takes() -> None:
    world = World(nodes=(node("node-1", pool="a"), node("node-2", pool="b")))
    world.profile("a", nodeSelector={"pool": "a"})
    world.profile("b", nodeSelector={"pool": "b"})
    world.settle()
    world.clock.advance(60.0)
    world.profile("a", nodeSelector={"pool": "a"}, profile="aggressive")
    world.settle()
    world.clock.advance(STANDS)
    world.settle()
    told = int(world.api.objects[f"{MAPS}/nrdot-pointer-a"]["data"]["sequence"])
    assert int(world.api.objects[f"{MAPS}/nrdot-pointer-b"]["data"]["sequence"]) < told
    world.nodes = (node("node-1", pool="b"), node("node-2", pool="b"))
    world.settle()
    assert world.api.objects[f"{OURS}/nodetelemetries/node-1"]["spec"]["pointer"] == "nrdot-pointer-b"
    assert int(world.api.objects[f"{MAPS}/nrdot-pointer-b"]["data"]["sequence"]) > told


def test_nodes_that_change_places_while_both_pointers_are_written_take_what_they_find() -> None:
    """The copies know neither the new pointers nor their numbers when nodes are sent to them."""
    world = World(nodes=(node("node-1", pool="a"), node("node-2", pool="b")))
    world.profile("a", nodeSelector={"pool": "a"})
    world.profile("b", nodeSelector={"pool": "b"})
    world.settle()
    world.clock.advance(60.0)
    for name in ("a", "b"):
        world.profile(name, nodeSelector={"pool": name}, profile="aggressive")
    world.nodes = (node("node-1", pool="b"), node("node-2", pool="a"))
    world.api.writes.clear()
    world.turn()
    # What the server said, write by write: whoever follows a pointer was told no higher number before.
    numbers = dict.fromkeys(("a", "b"), 0)
    follows, taken = {"node-1": "a", "node-2": "b"}, {"node-1": 0, "node-2": 0}
    for _, path, document in world.api.writes:
        place = path.rsplit("/", 1)[-1]
        if "nrdot-pointer-" in place:
            group = place.rsplit("-", 1)[-1]
            numbers[group] = int(document["data"]["sequence"])
            for name in [name for name, at in follows.items() if at == group]:
                assert numbers[group] > taken[name], f"{name} refuses it"
                taken[name] = numbers[group]
        elif "/nodetelemetries/" in path:
            follows[place] = document["spec"]["pointer"].rsplit("-", 1)[-1]
            assert numbers[follows[place]] > taken[place], f"{place} refuses {follows[place]}"
            taken[place] = numbers[follows[place]]
    assert follows == {"node-1": "b", "node-2": "a"}


def test_a_pointer_that_nears_its_end_is_written_anew() -> None:
    world = World()
    world.profile()
    world.settle()
    world.clock.advance(200 * 86400.0)
    assert ("APPLY", f"{MAPS}/nrdot-pointer-general") in world.settle()


def test_a_rollout_that_would_not_fit_into_a_pointer_is_refused_in_words() -> None:
    nodes = [node(f"node-{n:058d}") for n in range(5000)]
    fitting("a" * 330_000, "b" * 330_000, nodes)
    with pytest.raises(NotCompiledError, match="5000 nodes"):
        fitting("a" * 450_000, "b" * 450_000, nodes)
