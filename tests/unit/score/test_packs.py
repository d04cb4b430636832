from __future__ import annotations

import pytest

from nrdot.config.schema.scoring import Packs
from nrdot.errors import ConfigError
from nrdot.score.packs import load_packs, packs_of
from nrdot.score.rules import Kind, OwnerKind

GOOD = """
pack: mine
summary: A test.
classes:
  shop:
    score: 0.7
    programs: [shop-api, "till*"]
    patterns: ["^java .*-Dshop="]
    owners: [pod]
    requirement: [PCI-DSS]
  lang:
    score: 0.2
    kind: runtime
    programs: [lang]
"""


def written(tmp_path, text: str, name: str = "a.yaml"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_pack_becomes_rules_that_name_their_origin(tmp_path) -> None:
    shop, lang = load_packs([written(tmp_path, GOOD)])
    assert (shop.name, shop.score, shop.origin) == ("shop", 0.7, "packs.mine")
    assert (shop.programs, shop.patterns) == (("shop-api", "till*"), ("^java .*-Dshop=",))
    assert (shop.owners, shop.requirement) == (frozenset({OwnerKind.POD}), ("PCI-DSS",))
    assert (shop.kind, lang.kind) == (Kind.PROGRAM, Kind.RUNTIME)


def test_a_later_pack_of_the_same_name_takes_the_place_of_an_earlier_one(tmp_path) -> None:
    written(tmp_path, GOOD)
    written(tmp_path, GOOD.replace("0.7", "0.3"), "b.yaml")
    assert [rule.score for rule in load_packs([tmp_path])] == [0.3, 0.2]


def test_only_the_packs_that_are_named_are_used(tmp_path) -> None:
    written(tmp_path, GOOD)
    written(tmp_path, GOOD.replace("pack: mine", "pack: yours"), "b.yaml")
    assert {rule.origin for rule in load_packs([tmp_path], ["yours"])} == {"packs.yours"}
    with pytest.raises(ConfigError, match="there is no pack 'your'; did you mean `yours`"):
        load_packs([tmp_path], ["your"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            GOOD.replace("score: 0.7", "score: 1.0"),
            (
                "a.yaml: shop: a pack's score stays below 1.0, which is never filtered;"
                " put the class into process_classification instead"
            ),
        ),
        (GOOD.replace("A test.", "${env:HOME}"), "a.yaml:3:10: summary: "),
        (GOOD.replace("score: 0.7", "score: .nan"), "a.yaml:6:12: classes.shop.score"),
        (GOOD.replace("score: 0.7", "score: -1"), "classes.shop.score: must be 0 or more"),
        (GOOD.replace("^java", "(?=java)"), "packs.mine.shop: pattern '(?=java) .*-Dshop=' looks ahead"),
        (GOOD.replace("programs:", "program:"), "did you mean `programs`"),
        (GOOD.replace("[pod]", "[pods]"), "classes.shop.owners[0]"),
        (GOOD.replace("summary: A test.", ""), "`summary` is missing"),
        ("classes: [", "a.yaml"),
        ("- x", "a table of settings is wanted, not a list; begin with `pack:`"),
        ("", "`pack` is missing"),
        ("a: &a [*a]", "a.yaml"),
        ("[" * 60_000, "nested deeper than 64 levels"),
    ],
)
def test_a_pack_that_cannot_be_used_is_refused_with_its_place(tmp_path, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_packs([written(tmp_path, text)])
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_directory_that_is_not_there_is_told(tmp_path) -> None:
    with pytest.raises(ConfigError, match="no such directory of packs"):
        load_packs([tmp_path / "gone"])


def test_a_directory_that_cannot_be_looked_at_is_told_in_one_line(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"k: cannot be looked at for packs: File name too long; correct"):
        load_packs([tmp_path / ("k" * 300)])


def test_a_configurations_own_packs_lie_beside_it_and_come_after_the_shipped_ones(tmp_path) -> None:
    (tmp_path / "mine").mkdir()
    written(tmp_path / "mine", GOOD)
    rules = packs_of(Packs(directories=("mine",)), tmp_path)
    assert [rule.name for rule in rules[-2:]] == ["shop", "lang"]
    assert {"packs.databases", "packs.web"} < {rule.origin for rule in rules[:-2]}


def test_an_own_pack_takes_the_place_of_a_shipped_one_of_the_same_name(tmp_path) -> None:
    written(tmp_path, GOOD.replace("pack: mine", "pack: databases"))
    shipped = packs_of(Packs())
    rules = packs_of(Packs(directories=(str(tmp_path),)))
    assert [rule.name for rule in rules if rule.origin == "packs.databases"] == ["shop", "lang"]
    assert [rule for rule in rules if rule.origin != "packs.databases"] == [
        rule for rule in shipped if rule.origin != "packs.databases"
    ]
    assert packs_of(Packs()) == shipped  # the shipped ones themselves stay as they are


def test_shipped_packs_are_chosen_by_name_too(tmp_path) -> None:
    written(tmp_path, GOOD)
    rules = packs_of(Packs(only=("mine", "databases"), directories=(str(tmp_path),)))
    assert list(dict.fromkeys(rule.origin for rule in rules)) == ["packs.databases", "packs.mine"]
    with pytest.raises(ConfigError, match=r"there is no pack 'nothing-like-it'; known are containers, "):
        packs_of(Packs(only=("nothing-like-it",)))


def test_packs_that_are_switched_off_are_none_and_their_directories_are_not_looked_for(tmp_path) -> None:
    assert packs_of(Packs(enabled=False, directories=("gone",)), tmp_path) == ()
