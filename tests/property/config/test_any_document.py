from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from nrdot.testing.documents.configurations import answer, documents

FRAGMENTS = [
    path.read_text() for path in sorted((Path(__file__).parents[2] / "fixtures").glob("scenarios*/*.yaml"))
]


def test_documents_made_from_the_schema_and_from_broken_scenarios_get_an_answer(tmp_path):
    path = tmp_path / "nrdot.yaml"
    answers = [answer(path, data) for data in documents(seed=7, count=500, texts=FRAGMENTS)]
    loaded = sum(configuration is not None for configuration in answers)
    assert 25 < loaded < 475  # otherwise the fuzz sees only one side of the loader


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(), st.text(alphabet="{}[]:-,&*!|>'\"#%@`? \n\tab0.~$")))
def test_any_text_gets_an_answer(tmp_path_factory, text):
    answer(tmp_path_factory.getbasetemp() / "any.yaml", text.encode("utf-8", "replace"))


@settings(max_examples=100, deadline=None)
@given(st.binary())
def test_any_bytes_get_an_answer(tmp_path_factory, data):
    answer(tmp_path_factory.getbasetemp() / "bytes.yaml", data)
