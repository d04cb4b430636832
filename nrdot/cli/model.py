"""`nrdot model show|evaluate`: what a trained model says of itself, and what it is worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nrdot.cli.options import Config, Json, configuration, seconds

if TYPE_CHECKING:
    from nrdot.learn.evaluation import Evaluation
    from nrdot.score.model_file import Model

FILE = "model.json"  # of the shipped one
File = Annotated[Path, typer.Argument(help="Model file.", metavar="MODEL")]


def show(
    model: Annotated[
        Path | None, typer.Argument(help="Model file; the shipped one where absent.", metavar="MODEL")
    ] = None,
    json: Json = False,
) -> None:
    """Print a model's card: on what it was trained, its size and checksum."""
    from nrdot.cli.output import console, print_json, table
    from nrdot.score.model_file import Forest

    found = _load(model or _shipped())
    estimator = found.estimator
    size = (
        {"trees": len(estimator.roots), "nodes": len(estimator.left), "depth": estimator.depth}
        if isinstance(estimator, Forest)
        else {"weights": len(estimator.weight)}
    )
    # The baseline's weights are for `evaluate`, not for people.
    card = {key: value for key, value in found.card.items() if key != "logistic"}
    document: dict[str, Any] = {"name": found.name, "sha256": found.sha256, **size, "card": card}
    if json:
        print_json(document)
        return
    shown = table("field", "value")
    for key, value in {**document, **card}.items():
        if key != "card":
            shown.add_row(key, _text(value))
    console().print(shown)


def evaluate(
    model: File,
    captures: Annotated[
        list[Path], typer.Argument(help="Captures that it was not trained on.", metavar="CAPTURE")
    ],
    horizon: Annotated[
        float,
        typer.Option(
            help="How far ahead is asked; 10m where absent.",
            parser=seconds,
            show_default=False,
            metavar="TIME",
        ),
    ] = 600.0,
    config: Config = None,
    json: Json = False,
) -> None:
    """Print average precision on captures, beside three baselines."""
    from nrdot.cli.output import print_json, progress
    from nrdot.learn.evaluation import evaluate as run
    from nrdot.learn.examples import examples
    from nrdot.learn.history import read_history

    found, trained = configuration(config), _load(model)
    with progress(f"evaluating on {len(captures)} captures", quiet=json):
        histories = [read_history(capture, found) for capture in captures]
        results = {history.host: run(trained, examples([history], horizon)) for history in histories}
        if len(histories) > 1:
            results["all"] = run(trained, examples(histories, horizon))
    if json:
        print_json({name: _document(one) for name, one in results.items()})
        return
    _table(results)


def _load(model: Path) -> Model:
    """Here nothing scores afterwards, so what an agent would do then is left unsaid. Raises UsageError."""
    from nrdot.errors import ConfigError, UsageError
    from nrdot.score.model_file import GOES_ON, load_model

    try:
        return load_model(model)
    except ConfigError as error:
        raise UsageError(str(error).removesuffix(f"; {GOES_ON}")) from None


def _shipped() -> Path:
    from nrdot.config.paths import data_dirs

    return next(path for place in data_dirs("classifiers") if (path := place / FILE).is_file())


def _document(one: Evaluation) -> dict[str, Any]:
    return {
        "examples": one.examples,
        "share_that_mattered": round(one.share, 4),
        "average_precision": {
            name: round(value, 4) for name, value in (("model", one.model), *one.baselines.items())
        },
        "better_than_every_baseline": one.better,
    }


def _table(results: dict[str, Evaluation]) -> None:
    from nrdot.cli.output import console, table

    baselines = list(next(iter(results.values())).baselines)
    columns = ("host", "examples", "mattered", "model", *baselines, "better")
    shown = table(*columns, right=set(columns[1:-1]), title="average precision")
    for name, one in results.items():
        shown.add_row(
            name,
            f"{one.examples:,}",
            f"{one.share:.1%}",
            f"{one.model:.3f}",
            *(f"{one.baselines[key]:.3f}" for key in baselines),
            "yes" if one.better else "no",
        )
    console().print(shown)


def _text(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(map(_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {inner}" for key, inner in value.items())
    return str(value)
