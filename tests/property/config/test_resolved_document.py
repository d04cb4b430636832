from nrdot.config.reading.load import examine
from nrdot.testing.documents.configurations import ENVIRON, documents

COUNT = 2000


def test_whatever_loads_means_the_same_when_its_document_is_loaded(tmp_path):
    loaded = 0
    for number, data in enumerate(documents(seed=7, count=COUNT)):
        file, kept = tmp_path / "nrdot.yaml", tmp_path / "kept.yaml"
        file.write_bytes(data)
        before, _ = examine(file, ENVIRON)
        if before is None:
            continue
        loaded += 1
        kept.write_text(before.document)
        after, problems = examine(kept, ENVIRON)
        assert after is not None, (number, data, [str(problem) for problem in problems])
        assert after.revision == before.revision, (number, data)
    assert loaded > COUNT / 100
