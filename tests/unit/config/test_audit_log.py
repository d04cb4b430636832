import pytest

from nrdot.config.reading.load import examine


@pytest.mark.parametrize(
    ("destination", "words"),
    [
        ("s3://trails/prod/", ""),
        ("/var/backups/trail", ""),
        (
            "ftp://host/x",
            "ftp:// is no place for copies of the trail; write s3://bucket/prefix/ or a directory",
        ),
        ("s3:///", "the destination names no bucket"),
    ],
)
def test_a_destination_for_copies_is_checked_with_the_file(tmp_path, destination, words):
    file = tmp_path / "nrdot.yaml"
    file.write_text(f"auditLog: {{destination: {destination}}}\n")

    said = " | ".join(str(problem) for problem in examine(file, {})[1])
    assert (words in said) if words else said == ""
