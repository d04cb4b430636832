"""Files with thousands of rules get their answer in seconds: no check compares each rule with all others."""

from __future__ import annotations

import pytest

from nrdot.checks.loading import lint

COUNT = 8000
RULES = {
    "overrides by part of a name": "overrides:\n" + "  - {{process: '*part{n}x*', force_collect: true}}\n",
    "labels": "label_based_scoring:\n" + "  - {{selector: 'app=a{n},b=c,d,e=f', score: 0.5}}\n",
    "classes": "process_classification:\n" + "  c{n}: {{score: 0.5, patterns: ['part{n}x']}}\n",
    "scopes": "scopes:\n" + "  - {{process: '*part{n}x*', profile: balanced}}\n",
    "drops": "drop:\n" + "  - {{process: '*part{n}x*'}}\n",
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", RULES)
def test_thousands_of_rules_that_each_count_are_read_without_a_word(tmp_path, name):
    head, _, line = RULES[name].partition("\n")
    file = tmp_path / "rules.yaml"
    file.write_text(head + "\n" + "".join(line.format(n=number) for number in range(COUNT)))
    assert lint(file) == []
