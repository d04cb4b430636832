from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from nrdot.config.paths import data_dirs, shipped_profiles
from nrdot.config.problem import InvalidConfigurationError
from nrdot.config.reading.load import lint, load_profile
from nrdot.config.schema.profiles import Profile


def shipped(name):
    return load_profile(name, Path(), {})


def test_three_profiles_are_shipped_and_give_no_reason_to_complain():
    paths = shipped_profiles()
    assert {"conservative", "balanced", "aggressive"} <= set(paths)
    assert [problem for path in paths.values() for problem in lint(path, {})] == []


def test_a_file_with_a_profile_is_read_by_itself_as_simulate_and_lint_of_dashboards_do(tmp_path):
    (tmp_path / "own.yaml").write_text("extends: balanced\nthreshold: 0.77\n")

    assert load_profile("own.yaml", tmp_path, {}).threshold == 0.77


def test_the_defaults_of_a_profile_are_those_of_conservative():
    assert msgspec.structs.replace(shipped("conservative"), description="") == Profile()


def test_each_shipped_profile_keeps_less_than_the_one_before():
    order = [shipped(name) for name in ("conservative", "balanced", "aggressive")]
    for more, less in pairwise(order):
        assert more.threshold < less.threshold
        assert more.export_interval <= less.export_interval
        assert more.top_n.cpu > less.top_n.cpu
        assert more.budget > less.budget
        assert more.grace > less.grace
        assert more.hold >= less.hold
    groups = [profile.roll_up.groups for profile in order]
    assert all(have <= promised for have, promised in zip(groups, (64, 16, 6), strict=True))
    assert groups == sorted(groups, reverse=True)


def test_a_profile_of_the_file_extends_a_shipped_one(good):
    configuration = good("""\
        profile: nights
        profiles:
          nights: {extends: aggressive, top_n: {cpu: 1}}
    """)
    base = shipped("aggressive")
    assert configuration.profile.top_n == msgspec.structs.replace(base.top_n, cpu=1)
    assert configuration.profile.threshold == base.threshold


def test_an_inherited_value_has_one_spelling(good):
    profile = good("""\
        profile: b
        profiles:
          a: {export_interval: 5m}
          b: {extends: a, upload_frequency: 1m}
    """).profile
    assert profile.export_interval == 60


def test_the_same_value_in_two_spellings_is_an_error(errors):
    (error,) = errors("export_interval: 60s\nupload_frequency: 5m\n")
    assert error.startswith("2:1: upload_frequency: the same as `export_interval`, which is written too")


def test_a_profile_may_lie_in_a_file_beside_the_configuration(tmp_path, good):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "ours.yaml").write_text("extends: balanced\nthreshold: 0.7\n")
    (tmp_path / "one.yaml").write_text("threshold: 0.1\n")
    configuration = good("profile: ours\nscopes: [{profile: ./one.yaml, user: root}]\n")
    assert configuration.profile.threshold == 0.7
    assert configuration.profiles["./one.yaml"].threshold == 0.1


def test_every_named_profile_must_exist(errors):
    found = errors("""\
        profile: a
        scopes: [{profile: b, user: root}]
        canary: {percent: 20, profile: c}
        event_handling: {launch: {start: "2027-01-31", profile: d, preparation: [{T-1h: {profile: e}}]}}
        follow_the_sun: [{"UTC 00:00-08:00": {region: x, profile: f}}]
        active_region_handling: {profile: g}
        profiles: {mine: {extends: h}}
    """)
    assert [error.split(": ")[1] for error in found] == [
        "profile",
        "scopes[0].profile",
        "canary.profile",
        "event_handling.launch.profile",
        'event_handling.launch.preparation[0]["T-1h"].profile',
        'follow_the_sun[0]["UTC 00:00-08:00"].profile',
        "active_region_handling.profile",
        "profiles.mine.extends",
    ]
    assert all("there are" in error for error in found)


def test_a_circle_of_profiles_is_an_error_that_shows_it(errors):
    found = errors("profiles:\n  a: {extends: b}\n  b: {extends: c}\n  c: {extends: a}\n")
    assert len(found) == 1
    assert "profiles extend each other in a circle: a -> b -> c -> a" in found[0]


def test_a_profile_that_is_missing_is_named_wherever_it_is_used(errors):
    found = errors("profile: nights\nscopes: [{profile: nights, user: root}, {profile: nights, user: www}]\n")
    assert [error.split(": ")[1] for error in found] == ["profile", "scopes[0].profile", "scopes[1].profile"]


def test_a_chain_of_a_thousand_profiles_is_refused(errors):
    chain = "".join(f"  p{number}: {{extends: p{number + 1}}}\n" for number in range(1000))
    found = errors(f"profile: p0\nprofiles:\n{chain}  p1000: {{}}\n")
    assert any("more than 32 profiles extend one another" in error for error in found)


def test_a_parent_that_is_wrong_is_named_in_its_own_file(tmp_path, examined):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "ours.yaml").write_text("threshold: 7\n")
    _, problems = examined("profile: mine\nprofiles: {mine: {extends: ours}}\n")
    assert [str(problem) for problem in problems] == [
        f"{tmp_path}/profiles/ours.yaml:1:12: threshold: must be 1 or less"
    ]


def test_extends_belongs_into_a_profile(errors):
    (error,) = errors("extends: balanced\nmode: observe\n")
    assert "write `profile: NAME`" in error


def test_lint_takes_a_profile_for_what_it_is(tmp_path):
    path = tmp_path / "ours.yaml"
    path.write_text("extends: balanced\nthreshold: 2\nheartbeat: 10m\n")
    found = [(one.line, one.path) for one in lint(path, {}) if one.severity == "error"]
    assert found == [(2, "threshold")]
    path.write_text("extends: ours\n")
    assert "in a circle: ours -> ours" in lint(path, {})[0].message


def test_an_unknown_profile_by_name_lists_what_there_is():
    with pytest.raises(InvalidConfigurationError, match="there is no profile 'nights'; there are"):
        load_profile("nights", Path(), {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("heartbeat: 3m", "write 2m or less"),
        ("metrics: []", "a profile without metrics sends nothing"),
        ("metrics: [process.cpu.tim]", "did you mean `process.cpu.time`?"),
        ("compression: {algorithm: gzip, level: 19}", "gzip takes a level from 1 to 9"),
        ("compression: extreme", "'extreme' is not one of maximum, auto, zstd, gzip, none"),
        ("drop: [{reason: x}]", "this rule would drop everything"),
        ("roll_up: {by: [pid]}", "'pid' is not one of executable"),
        ("roll_up: {groups: 0}", "must be 1 or more"),
        ("export_interval: 0s", "must be longer than nothing"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused(errors, text, message):
    (error,) = errors(text)
    assert message in error


def test_data_in_the_package_comes_before_data_in_the_repository():
    inside, beside = data_dirs("profiles")
    assert inside.parts[-3:] == ("nrdot", "_data", "profiles")
    assert beside == inside.parents[2] / "profiles"
