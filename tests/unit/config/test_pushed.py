import pytest

from nrdot.config.problem import InvalidConfigurationError, Problems
from nrdot.config.reading.load import lint, load
from nrdot.config.reading.pushed import read_pushed

HEADER = "pushed: {revision: 5, expires: 2027-01-31T00:00:00Z, controller: fleet}\n"


@pytest.fixture
def both(tmp_path):
    def load_both(local, pushed, header=HEADER):
        file, push = tmp_path / "nrdot.yaml", tmp_path / "pushed.yaml"
        file.write_text(local)
        push.write_text(header + pushed)
        problems = Problems()
        found = read_pushed(push, problems)
        assert found is not None, [str(problem) for problem in problems.sorted()]
        return load(file, {}, pushed=found).settings

    return load_both


@pytest.fixture
def complaints(tmp_path):
    def look(text):
        push = tmp_path / "pushed.yaml"
        push.write_text(text)
        problems = Problems()
        assert read_pushed(push, problems) is None
        return " | ".join(str(problem) for problem in problems.sorted())

    return look


def test_what_is_pushed_wins_over_a_local_file_without_a_revision(both):
    settings = both("profile: conservative\ntimezone: Europe/Berlin\n", "profile: aggressive\n")

    assert (settings.profile, settings.timezone) == ("aggressive", "Europe/Berlin")


@pytest.mark.parametrize(("revision", "profile"), [(4, "aggressive"), (5, "balanced"), (6, "balanced")])
def test_the_higher_revision_wins_and_the_local_one_among_equals(both, revision, profile):
    assert both(f"profile: balanced\nrevision: {revision}\n", "profile: aggressive\n").profile == profile


def test_tables_are_laid_over_each_other_key_by_key(both):
    settings = both(
        "process_classification: {a: {score: 0.5, patterns: [^a]}, b: {score: 0.5, patterns: [^b]}}\n",
        "process_classification: {b: {score: 0.1, patterns: [^b2]}, c: {score: 0.2, patterns: [^c]}}\n",
    )

    classes = settings.process_classification
    assert {name: rule.score for name, rule in classes.items()} == {"a": 0.5, "b": 0.1, "c": 0.2}
    assert classes["b"].patterns == ("^b2",)


def test_a_local_class_that_is_never_filtered_holds_as_it_stands(both):
    settings = both(
        'process_classification: {pay: {score: "1.0", patterns: [^pay]}}\n'.replace('"', ""),
        "process_classification: {pay: {score: 0.1, patterns: [^other]}}\n",
    )

    rule = settings.process_classification["pay"]
    assert (rule.score, rule.patterns) == (1.0, ("^pay",))


def test_local_force_collect_holds_beside_what_is_pushed(both):
    settings = both(
        "overrides: [{process: pay-*, force_collect: true}, {process: x, importance: 0.9}]\n"
        "active_region_handling: {overrides: [{process: game-*, force_collect: true}]}\n",
        "overrides: [{process: y, importance: 0.1}]\n"
        "active_region_handling: {overrides: [{process: z, importance: 0.1}]}\n",
    )

    assert [one.process for one in settings.overrides] == ["pay-*", "y"]
    assert [one.process for one in settings.active_region_handling.overrides] == ["game-*", "z"]


def test_a_local_file_that_wins_keeps_its_own_overrides(both):
    settings = both(
        "revision: 9\noverrides: [{process: a, force_collect: true}]\n",
        "overrides: [{process: b, importance: 0.1}]\n",
    )

    assert [one.process for one in settings.overrides] == ["a"]


@pytest.mark.parametrize(
    "key", ["export", "agent", "encryption", "auditLog", "change", "resource", "incidents"]
)
def test_a_controller_says_nothing_about_how_the_agent_runs(complaints, key):
    said = complaints(f"{HEADER}{key}: {{}}\n")

    assert f"pushed.yaml:2:1: {key}: `{key}` cannot be pushed; say it in the file of the host" in said


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("profile: balanced\n", "a pushed document says its revision and its expiry"),
        ("pushed: {expires: 2027-01-31T00:00:00Z}\n", "`revision` is missing"),
        ("pushed: {revision: 0, expires: 2027-01-31T00:00:00Z}\n", "must be 1 or more"),
        ("pushed: {revision: 1, expires: 2027-01-31}\n", "is not an RFC 3339 time with an offset"),
        ("pushed: {revision: 1, expires: soon}\n", "is not an RFC 3339 time with an offset"),
        ("pushed: {revision: 1, expires: 2027-01-31T00:00:00Z, by: me}\n", "unknown key"),
        (HEADER + "profile: ${env:HOME}\n", "the variable HOME is not set"),
        ("[", "not YAML"),
    ],
)
def test_a_pushed_document_that_is_wrong_says_why(complaints, header, words):
    assert words in complaints(header)


def test_a_pushed_document_that_does_not_fit_the_local_file_names_its_own_line(both):
    with pytest.raises(InvalidConfigurationError, match=r"pushed\.yaml:2:10: profile: there is no profile"):
        both("mode: observe\n", "profile: nowhere\n")


def test_the_document_of_both_and_the_local_one_are_told_apart(tmp_path):
    file, push = tmp_path / "nrdot.yaml", tmp_path / "pushed.yaml"
    file.write_text("profile: balanced\n")
    push.write_text(HEADER + "profile: aggressive\n")
    loaded = load(file, {}, pushed=read_pushed(push, Problems()))

    assert loaded.document.startswith("profile: aggressive\n")
    assert loaded.local_document.startswith("profile: balanced\n")


def test_a_host_that_decides_alone_is_overridden_by_nothing_that_is_pushed(both):
    local = "local_decision_making: true\nprofile: conservative\nthreshold: 0.4\n"
    pushed = "profile: aggressive\nthreshold: 0.9\nbusiness_rules: [{process: a, score: 1}]\n"
    settings = both(local, pushed)
    assert settings.profile == "conservative"
    assert [rule.process for rule in settings.business_rules] == ["a"]  # where the file is silent, it holds
    assert both(local.replace("true", "false"), pushed).profile == "aggressive"


def test_nobody_pushes_that_a_host_decides_alone(complaints):
    said = complaints(HEADER + "local_decision_making: true\n")
    assert "`local_decision_making` cannot be pushed" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEADER + "profile: aggressive\n", ""),
        (HEADER + "profile: nowhere\n", "there is no profile 'nowhere'"),
        (HEADER + "agent: {interval: 5s}\n", "`agent` cannot be pushed"),
        (HEADER + "time_based_rule: []\n", "unknown key; did you mean `time_based_rules`?"),
        ("pushed: {revision: 1}\nprofile: balanced\n", "`expires` is missing"),
    ],
)
def test_a_document_can_be_linted_before_it_is_pushed(tmp_path, text, words):
    push = tmp_path / "pushed.yaml"
    push.write_text(text)

    said = " | ".join(str(problem) for problem in lint(push, {}))
    assert (words in said) if words else said == ""


@pytest.mark.parametrize(
    "pushed",
    [
        "profile: {file}\n",
        "profile: ../{folder}/{name}\n",
        "profiles: {{own: {{extends: {file}}}}}\nprofile: own\n",
        "time_based_rules: [{{schedule: Sat-Sun, profile: {file}}}]\n",
    ],
)
def test_what_is_pushed_cannot_have_a_file_of_the_host_read(both, tmp_path, pushed):
    secret = tmp_path / "application.yaml"
    secret.write_text("export_interval: hunter2\n")
    place = {"file": secret, "folder": tmp_path.name, "name": secret.name}

    with pytest.raises(InvalidConfigurationError) as refused:
        both("profile: balanced\n", pushed.format(**place))

    assert "what is pushed names no file of the host" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_file_that_the_host_itself_names_goes_on_beside_what_is_pushed(both, tmp_path):
    (tmp_path / "own.yaml").write_text("extends: balanced\nthreshold: 0.77\n")

    settings = both("profile: own.yaml\n", "timezone: Europe/Berlin\n")

    assert settings.profile == "own.yaml"
