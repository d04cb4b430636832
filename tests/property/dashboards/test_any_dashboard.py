"""Any text for a query, any JSON for a dashboard: an answer, and never a fault."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from nrdot.dashboards.files import queries
from nrdot.dashboards.promql import Asked, UnreadableError, asked

TOKENS = """\
    sum ( ) by [ ] 5m $__rate_interval ${x:regex} { } = =~ "a" 'b' , + - / process_threads rate topk 1 on
    group_left offset @ end() bool and or unless absent -1e9 NaN 9e999 [[v]] \\ : 1h:5m without ignoring é
    99999999999999999999 inf 1y99999999999999w"""
WORDS = st.sampled_from(TOKENS.split())
QUERIES = st.lists(WORDS, max_size=14).map("".join) | st.lists(WORDS, max_size=14).map(" ".join) | st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | QUERIES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ("expr", "title", "panels", "targets", "query", "type", "datasource", "name", "refId")
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(QUERIES)
def test_any_text_is_read_or_refused_as_a_query(text):
    try:
        found = asked(text)
    except UnreadableError:
        return
    assert all(isinstance(one, Asked) for one in found)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_any_json_is_looked_through_for_queries(tmp_path_factory, document):
    folder = tmp_path_factory.getbasetemp() / "dashboards"
    folder.mkdir(exist_ok=True)
    (folder / "real.json").write_text('{"expr": "up"}')
    (folder / "any.json").write_text(json.dumps(document))
    lines = json.dumps(document).count("\n") + 1
    for found in queries(folder)[folder / "any.json"]:
        line = found.mark.line if hasattr(found, "mark") else found.line
        assert 0 <= line <= lines
