"""A trained model as plain numbers. `docs/formats/model.md` is the reader's page.

Two lines of JSON. The first holds the format's name, its version and the SHA-256 of the second line's bytes;
the second holds everything else, so one flipped bit anywhere is noticed. Nothing in it is ever executed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import numpy as np

from nrdot.batch import distinct
from nrdot.errors import ConfigError
from nrdot.score.features import FEATURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nrdot.batch import Floats, Ints

FORMAT: Final = "nrdot-model"
VERSION: Final = 1
SIZE_LIMIT: Final = 16 << 20  # bytes of a file
HEADER_LIMIT: Final = 4096  # bytes of its first line
DEPTH_LIMIT: Final = 32
TREES_LIMIT: Final = 1000
ROWS_AT_ONCE: Final = 256  # bounds the working memory: trees x rows x 8 bytes, a few times
GOES_ON: Final = "scoring goes on by rules alone"
LOWEST: Final = -60.0  # log odds; of much lower ones the exponential is infinite

Place = Annotated[int, msgspec.Meta(ge=0, le=SIZE_LIMIT)]  # of a node or a feature among others


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    version: int
    sha256: str


class _Trees(msgspec.Struct, forbid_unknown_fields=True):
    roots: list[Place]
    feature: list[Place]
    threshold: list[float]
    left: list[Place]
    value: list[float]
    bias: float


class _Logistic(msgspec.Struct, forbid_unknown_fields=True):
    mean: list[float]
    scale: list[float]
    weight: list[float]
    bias: float


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    features: list[str]
    typical: list[float]
    card: dict[str, Any]
    trees: _Trees | None = None
    logistic: _Logistic | None = None


@dataclass(frozen=True, slots=True)
class Forest:
    """Gradient-boosted trees as one array of nodes.

    A row goes from node n to `left[n]` where its feature is at most the threshold, else to `left[n] + 1`. A
    leaf has an infinite threshold and itself on its left, so every row may take the same number of steps.
    """

    roots: Ints
    feature: Ints
    threshold: Floats
    left: Ints
    value: Floats
    bias: float
    depth: int

    def raw(self, lines: Floats) -> Floats:
        parts = [self._raw(lines[at : at + ROWS_AT_ONCE]) for at in range(0, len(lines), ROWS_AT_ONCE)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _raw(self, lines: Floats) -> Floats:
        width = lines.shape[1]
        flat = np.ascontiguousarray(lines).ravel()
        offsets = np.repeat(np.arange(len(lines)) * width, self.roots.size)
        # Every row begins at the same nodes, so the first step needs no look at each row's own.
        feature, left, threshold = self.feature, self.left, self.threshold
        seen = lines.take(feature[self.roots], axis=1)
        nodes = (left[self.roots] + (seen > threshold[self.roots])).ravel()
        for _ in range(self.depth - 1):
            seen = flat.take(offsets + feature.take(nodes))
            nodes = left.take(nodes) + (seen > threshold.take(nodes))
        total: Floats = self.value.take(nodes).reshape(len(lines), self.roots.size).sum(axis=1) + self.bias
        return total


@dataclass(frozen=True, slots=True)
class Logistic:
    mean: Floats
    scale: Floats
    weight: Floats
    bias: float

    def raw(self, lines: Floats) -> Floats:
        raw: Floats = ((lines - self.mean) / self.scale) @ self.weight + self.bias
        return raw


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    features: tuple[str, ...]
    typical: Floats  # the median of each feature in training, for explanations
    card: Mapping[str, Any]
    sha256: str
    estimator: Forest | Logistic

    def predict(self, lines: Floats) -> Floats:
        """Probabilities, one for each line of a feature matrix."""
        raw = np.maximum(self.estimator.raw(lines), LOWEST)
        probabilities: Floats = 1.0 / (1.0 + np.exp(-raw))
        return probabilities


def load_model(path: Path, sha256: str = "", size_limit: int = SIZE_LIMIT) -> Model:
    """Raises ConfigError whose message ends in what happens next: rules-only scoring goes on.

    `sha256` pins the model: the digest that its card was published with.
    """
    try:
        with path.open("rb") as file:
            data = file.read(size_limit + 1)
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}") from error
    if len(data) > size_limit:
        raise _refused(path, f"has more than {size_limit} bytes")
    first, _, body = data.partition(b"\n")
    body = body.removesuffix(b"\n")
    try:
        header = msgspec.json.decode(first[:HEADER_LIMIT], type=_Header)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        pickled = data[:1] == b"\x80"
        what = "is a pickle, which is never loaded" if pickled else "is not a model of NRDOT's"
        raise _refused(path, what) from error
    if (header.format, header.version) != (FORMAT, VERSION):
        raise _refused(path, f"is {header.format[:40]} {header.version}, not {FORMAT} {VERSION}")
    digest = hashlib.sha256(body).hexdigest()
    if digest != header.sha256:
        raise _refused(path, "has a wrong checksum: it was damaged or changed")
    if sha256 and digest != sha256.lower():
        raise _refused(path, f"has the checksum {digest[:12]}..., and model.sha256 names another")
    try:
        return _model(msgspec.json.decode(body, type=_Body), digest)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise _refused(path, f"cannot be used: {error}") from error


def save_model(
    path: Path,
    *,
    name: str,
    typical: Sequence[float],
    card: Mapping[str, Any],
    trees: Mapping[str, Any] | None = None,
    logistic: Mapping[str, Any] | None = None,
) -> str:
    """Write a model over the current features and return its checksum. It is read back before it counts."""
    estimator = {key: value for key, value in (("trees", trees), ("logistic", logistic)) if value is not None}
    document = {"name": name, "features": FEATURES, "typical": list(typical), "card": card, **estimator}
    body = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    digest = hashlib.sha256(body).hexdigest()
    header = json.dumps({"format": FORMAT, "version": VERSION, "sha256": digest}).encode()
    draft = path.with_name(f"{path.name}.new")
    draft.write_bytes(header + b"\n" + body + b"\n")
    load_model(draft)
    draft.replace(path)
    return digest


def _refused(path: Path, why: str) -> ConfigError:
    return ConfigError(f"model {path}: {why}; {GOES_ON}")


def _model(body: _Body, digest: str) -> Model:
    if tuple(body.features) != FEATURES:
        raise ValueError("it was trained on other features than this version computes")
    count = len(FEATURES)
    estimator: Forest | Logistic
    if body.trees is not None and body.logistic is None:
        estimator = _forest(body.trees, count)
    elif body.logistic is not None and body.trees is None:
        estimator = _logistic(body.logistic, count)
    else:
        raise ValueError("it holds either trees or logistic, one of them")
    typical = _numbers("typical", body.typical, count)
    return Model(body.name[:80], FEATURES, typical, body.card, digest, estimator)


def _logistic(given: _Logistic, count: int) -> Logistic:
    scale = _numbers("scale", given.scale, count)
    if not (scale > 0).all():
        raise ValueError("a scale is not positive")
    mean, weight = _numbers("mean", given.mean, count), _numbers("weight", given.weight, count)
    return Logistic(mean, scale, weight, given.bias)


def _forest(given: _Trees, count: int) -> Forest:
    """Check that every path ends: children stand after their parent and inside the array."""
    size = len(given.left)
    left = np.array(given.left, np.int64)
    nodes = np.arange(size)
    feature = np.array(given.feature, np.int64)
    if not (size and len(given.feature) == size):
        raise ValueError("its trees have lists of different lengths, or none")
    threshold, value = _numbers("threshold", given.threshold, size), _numbers("value", given.value, size)
    leaf = left == nodes
    if ((left < nodes) | (left + ~leaf >= size)).any():
        raise ValueError("a node's children stand before it or outside")
    if (feature >= count).any():
        raise ValueError("a node asks for a feature that does not exist")
    roots = np.array(given.roots, np.int64)
    if roots.size > TREES_LIMIT:
        raise ValueError(f"it has more than {TREES_LIMIT} trees")
    if not roots.size or (roots >= size).any():
        raise ValueError("a tree has no root")
    depth = _depth(roots, left, leaf)
    return Forest(roots, feature, np.where(leaf, np.inf, threshold), left, value, given.bias, depth)


def _depth(roots: Ints, left: Ints, leaf: Any) -> int:
    level = distinct(left.size, roots)
    for depth in range(DEPTH_LIMIT + 1):
        level = level[~leaf[level]]
        if not level.size:
            return depth
        level = distinct(left.size, np.concatenate((left[level], left[level] + 1)))
    raise ValueError(f"a tree is deeper than {DEPTH_LIMIT}")


def _numbers(what: str, values: Sequence[float], size: int) -> Floats:
    """Finite ones, because no others can be written in JSON."""
    if len(values) != size:
        raise ValueError(f"{what} has {len(values)} numbers, not {size}")
    return np.array(values, np.float64)
