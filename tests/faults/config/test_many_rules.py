"""Files with thousands of rules get their answer in seconds: no check compares each rule with all others."""

from __future__ import annotations

from cProfile import Profile

import pytest

from nrdot.checks.loading import lint

COUNT = 350  # beyond the number of others that a rule is compared with at most
RULES = {
    "overrides by part of a name": "overrides:\n" + "  - {{process: '*part{n}x*', force_collect: true}}\n",
    "labels": "label_based_scoring:\n" + "  - {{selector: 'app=a{n},b=c,d,e=f', score: 0.5}}\n",
    "classes": "process_classification:\n" + "  c{n}: {{score: 0.5, patterns: ['part{n}x']}}\n",
    "scopes": "scopes:\n" + "  - {{process: '*part{n}x*', profile: balanced}}\n",
    "drops": "drop:\n" + "  - {{process: '*part{n}x*'}}\n",
}


@pytest.mark.parametrize("name", RULES)
def test_twice_the_rules_are_about_twice_the_work_and_read_without_a_word(tmp_path, name):
    """Work is counted in calls, so that a busy machine decides nothing."""
    head, _, line = RULES[name].partition("\n")
    file = tmp_path / "rules.yaml"

    def work(rules):
        file.write_text(head + "\n" + "".join(line.format(n=number) for number in range(rules)))
        profile = Profile()
        assert profile.runcall(lint, file) == []
        return sum(entry.callcount for entry in profile.getstats())

    work(1)  # loads what is needed
    around = work(1)
    # Whatever compares each with all others would do four times the work.
    assert work(2 * COUNT) - around < 3 * (work(COUNT) - around)
