"""Row 49: a model that was tampered with, or is none, is refused; scoring goes on by rules alone."""

from __future__ import annotations

import json
import pickle
from hashlib import sha256

import numpy as np
import pytest

from nrdot.errors import ConfigError
from nrdot.score.features import FEATURES
from nrdot.score.model_file import GOES_ON, load_model, save_model
from nrdot.testing.recordings.models import CARD, save_stump, stump

COUNT = len(FEATURES)


def refused(path) -> str:
    with pytest.raises(ConfigError) as error:
        load_model(path)
    said = str(error.value)
    assert said.startswith(f"model {path}: ")
    assert said.endswith(GOES_ON)
    assert "\n" not in said
    return said


def written(path, body: dict | str, **header: object):
    """A file whose checksum is right, whatever its body."""
    text = (body if isinstance(body, str) else json.dumps(body)).encode()
    digest = sha256(text).hexdigest()
    first = {"format": "nrdot-model", "version": 1, "sha256": digest, **header}
    path.write_bytes(json.dumps(first).encode() + b"\n" + text + b"\n")
    return path


def body(**changed: object) -> dict:
    whole = {"name": "x", "features": list(FEATURES), "typical": [0.0] * COUNT, "card": CARD,
             "trees": stump("cpu_lately", 0.5, -1.0, 1.0)}  # fmt: skip
    return {key: value for key, value in {**whole, **changed}.items() if value is not None}


def trees(**changed: object) -> dict:
    return body(trees={**stump("cpu_lately", 0.5, -1.0, 1.0), **changed})


def logistic(**changed: object) -> dict:
    numbers = {"mean": [0.0] * COUNT, "scale": [1.0] * COUNT, "weight": [0.0] * COUNT, "bias": 0.0}
    return body(trees=None, logistic={**numbers, **changed})


def deep(depth: int, root: int = 0) -> dict:
    """A tree in which at each level the left child is a leaf and the right one, of even number, asks on."""
    size = 2 * depth + 1
    zeros = [0.0] * size
    left = [node + 1 if node % 2 == 0 else node for node in range(size)]
    left[-1] = size - 1
    given = {"roots": [root], "feature": [0] * size, "threshold": zeros, "left": left, "value": zeros}
    return body(trees={**given, "bias": 0.0})


def test_a_byte_that_changed_anywhere_is_noticed(tmp_path) -> None:
    path = tmp_path / "m.json"
    save_stump(path)
    data = path.read_bytes()
    lines = np.zeros((1, COUNT))
    honest = load_model(path).predict(lines)
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes((data[at] ^ 0x20,)) + data[at + 1 :])
        try:
            changed = load_model(path)
        except ConfigError:
            continue
        # White space may differ around the header's words and at the end; what loads is the honest model.
        assert changed.predict(lines) == honest
        assert data[at : at + 1].isspace(), at


def test_a_file_that_was_cut_anywhere_is_refused(tmp_path) -> None:
    path = tmp_path / "m.json"
    save_stump(path)
    data = path.read_bytes()
    for length in range(len(data) - 1):
        path.write_bytes(data[:length])
        refused(path)


class Bomb:
    def __reduce__(self):
        return (print, ("executed",))


def test_a_pickle_is_refused_unread(tmp_path, capsys) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps(Bomb()))
    assert "is a pickle, which is never loaded" in refused(path)
    path.write_bytes(pickle.dumps(Bomb(), protocol=0))
    assert "is not a model of NRDOT's" in refused(path)
    np.savez(tmp_path / "m.npz", a=np.zeros(3))
    assert "is not a model of NRDOT's" in refused(tmp_path / "m.npz")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"{}", b"{}\n{}", b"\0" * 100, b"[1]\n", b'{"format":1}\n', b"[" * 100_000, b"\xff\xfe"],
)
def test_a_foreign_file_is_refused(tmp_path, data: bytes) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(data)
    assert "is not a model of NRDOT's" in refused(path)


def test_a_file_that_is_not_there_or_is_a_directory_is_told(tmp_path) -> None:
    assert "cannot be read" in refused(tmp_path / "gone.json")
    assert "cannot be read" in refused(tmp_path)


def test_a_huge_file_is_not_read_to_its_end(tmp_path) -> None:
    path = tmp_path / "m.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    assert "has more than 16777216 bytes" in refused(path)


def test_another_format_version_and_another_models_checksum_are_refused(tmp_path) -> None:
    path = tmp_path / "m.json"
    assert "is nrdot-model 2, not nrdot-model 1" in refused(written(path, body(), version=2))
    assert f": is {'f' * 40} 1, not nrdot-model 1; " in refused(written(path, body(), format="f" * 50))
    assert "has a wrong checksum" in refused(written(path, body(), sha256="0" * 64))
    save_stump(path)
    with pytest.raises(
        ConfigError, match=r"m\.json: has the checksum [0-9a-f]{12}\.{3}, and model\.sha256 names"
    ):
        load_model(path, sha256="0" * 64)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (body(features=list(FEATURES[1:])), "trained on other features"),
        (body(trees=None), "either trees or logistic"),
        (body(logistic={"mean": [], "scale": [], "weight": [], "bias": 0.0}), "either trees or logistic"),
        (body(typical=[0.0]), "typical has 1 numbers"),
        (body(extra=1), "unknown field"),
        (body(name=7), "str"),
        (trees(left=[0, 1, 2, 3]), "lists of different lengths"),
        (trees(left=[], feature=[], threshold=[], value=[], roots=[]), "lists of different lengths, or none"),
        (trees(left=[1, 0, 2]), "children stand before it or outside"),
        (trees(left=[2, 1, 2]), "children stand before it or outside"),
        (trees(left=[-5, 1, 2]), "Expected `int` >= 0 - at `$.trees.left[0]`"),
        (trees(feature=[COUNT, 0, 0]), "a feature that does not exist"),
        (trees(feature=[-1, 0, 0]), "Expected `int` >= 0 - at `$.trees.feature[0]`"),
        (trees(left=[10**30, 1, 2]), "at `$.trees.left[0]`"),
        (trees(feature=[2**63, 0, 0]), "at `$.trees.feature[0]`"),
        (trees(roots=[2**64]), "at `$.trees.roots[0]`"),
        (trees(roots=[-(2**64)]), "at `$.trees.roots[0]`"),
        (trees(roots=[3]), "a tree has no root"),
        (trees(roots=[]), "a tree has no root"),
        (trees(roots=[0] * 1001), "more than 1000 trees"),
        (trees(value=[0.0, 1e400, 0.0]), "finite|malformed|number"),
        (trees(bias="x"), "float"),
    ],
)
def test_numbers_that_make_no_model_are_refused_for_all_their_checksum(
    tmp_path, wrong: dict, says: str
) -> None:
    said = refused(written(tmp_path / "m.json", wrong))
    assert any(word in said for word in says.split("|")), said


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (body(features=["x"]), "it was trained on other features than this version computes"),
        (body(trees=None), "it holds either trees or logistic, one of them"),
        (body(logistic=logistic()["logistic"]), "it holds either trees or logistic, one of them"),
        (body(typical=[0.0]), f"typical has 1 numbers, not {COUNT}"),
        (logistic(scale=[0.0] * COUNT), "a scale is not positive"),
        (logistic(scale=[1.0] * (COUNT - 1) + [-1.0]), "a scale is not positive"),
        (logistic(scale=[]), f"scale has 0 numbers, not {COUNT}"),
        (logistic(mean=[]), f"mean has 0 numbers, not {COUNT}"),
        (logistic(weight=[]), f"weight has 0 numbers, not {COUNT}"),
        (trees(left=[]), "its trees have lists of different lengths, or none"),
        (trees(feature=[0]), "its trees have lists of different lengths, or none"),
        (trees(threshold=[0.5]), "threshold has 1 numbers, not 3"),
        (trees(value=[0.5]), "value has 1 numbers, not 3"),
        (trees(left=[1, 0, 2]), "a node's children stand before it or outside"),
        (trees(left=[1, 1, 3]), "a node's children stand before it or outside"),
        (trees(left=[1, 2, 2]), "a node's children stand before it or outside"),
        (trees(feature=[COUNT, 0, 0]), "a node asks for a feature that does not exist"),
        (trees(roots=[0] * 1001), "it has more than 1000 trees"),
        (trees(roots=[]), "a tree has no root"),
        (trees(roots=[0, 3]), "a tree has no root"),
        (trees(roots=[0, -1]), "Expected `int` >= 0 - at `$.trees.roots[1]`"),
        (deep(33), "a tree is deeper than 32"),
    ],
)
def test_what_makes_no_model_is_told_by_what_is_wrong(tmp_path, wrong: dict, why: str) -> None:
    path = written(tmp_path / "m.json", wrong)
    assert refused(path) == f"model {path}: cannot be used: {why}; {GOES_ON}"


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity", "-Infinity", f"1{'0' * 400}"])
@pytest.mark.parametrize("given", [trees(bias=0.125), trees(value=[0.0, 0.125, 0.0]), logistic(bias=0.125)])
def test_a_number_that_is_not_finite_makes_no_model(tmp_path, given: dict, number: str) -> None:
    text = json.dumps(given)
    load_model(written(tmp_path / "good.json", text))
    said = refused(written(tmp_path / "m.json", text.replace("0.125", number)))
    assert "Number out of range" in said or "JSON is malformed" in said


@pytest.mark.parametrize("given", [deep(32), deep(33, root=2), trees(roots=[0] * 1000), logistic()])
def test_what_is_just_within_the_limits_is_a_model(tmp_path, given: dict) -> None:
    model = load_model(written(tmp_path / "m.json", given))
    assert model.predict(np.zeros((2, COUNT))).shape == (2,)


def test_a_file_may_be_as_large_as_its_limit_and_no_larger(tmp_path) -> None:
    path = written(tmp_path / "m.json", body())
    size = path.stat().st_size
    assert load_model(path, size_limit=size).name == "x"
    with pytest.raises(ConfigError, match=f"m.json: has more than {size - 1} bytes; "):
        load_model(path, size_limit=size - 1)


def test_a_name_is_cut_before_it_fills_a_line(tmp_path) -> None:
    assert load_model(written(tmp_path / "m.json", body(name="n" * 81))).name == "n" * 80


def test_a_model_that_would_be_refused_is_not_written_over_a_good_one(tmp_path) -> None:
    path = tmp_path / "m.json"
    digest = save_stump(path)
    with pytest.raises(ConfigError):
        save_model(path, name="x", typical=[0.0], card=CARD, trees=stump("cpu_lately", 0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="Out of range"):
        save_model(
            path,
            name="x",
            typical=[float("nan")] * COUNT,
            card=CARD,
            trees=stump("cpu_lately", 0.0, 0.0, 0.0),
        )
    assert load_model(path).sha256 == digest
