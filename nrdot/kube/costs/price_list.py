"""The price list of a cost report: the shipped one, with what the resource says over it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from nrdot.pricing.prices import PricingError, load_pricing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nrdot.pricing.prices import Meter, Pricing

FILE = "pricing"


class PriceLists:
    """Read once for the same text; what is refused is refused again without a second look."""

    def __init__(self) -> None:
        self._known: dict[str, Pricing | str] = {}
        self._used: set[str] = set()

    def of(self, spec: Mapping[str, Any]) -> tuple[Pricing, Meter]:
        """Prices, and the meter that is asked for. Raises PricingError in the words of `nrdot report`."""
        stated = spec.get("pricing") or {}
        key = json.dumps(stated, sort_keys=True)
        self._used.add(key)
        if key not in self._known:
            self._known[key] = _read(stated)
        found = self._known[key]
        if isinstance(found, str):
            raise PricingError(found)
        meter = found.meter(str(spec.get("meter") or found.primary))
        if meter.missing:
            raise PricingError(
                f"meter {meter.name}: no price for {', '.join(meter.missing)}; "
                f"write it under `spec.pricing.meters.{meter.name}.prices`"
            )
        return found, meter

    def forget_unused(self) -> None:
        self._known = {key: found for key, found in self._known.items() if key in self._used}
        self._used = set()


def _read(stated: Mapping[str, Any]) -> Pricing | str:
    with tempfile.TemporaryDirectory(prefix="nrdot-prices-") as folder:
        file = Path(folder) / FILE
        file.write_text(yaml.safe_dump(dict(stated), sort_keys=False, allow_unicode=True), encoding="utf-8")
        try:
            return load_pricing(file if stated else None)
        except PricingError as error:
            return str(error).replace(f"{folder}/{FILE}", "spec.pricing")
