"""Formulas of meters: arithmetic over named quantities, and nothing else.

    max(0, bytes / 1e9 - free) * price

Numbers, names, `+ - * /`, parentheses, and the functions `min`, `max`, `ceil`, `floor` and `tiered`, which
applies the meter's tiers. A formula is parsed by Python's own parser and walked over a closed list of nodes;
nothing in it is ever executed.
"""

from __future__ import annotations

import ast
import math
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nrdot.config.problem import MalformedError, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LONGEST = 500  # characters
_OPERATORS: dict[type[ast.operator], tuple[str, Callable[[float, float], float]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
}
_HINT = "numbers, names, + - * /, parentheses, min, max, ceil, floor and tiered are what there is"


@dataclass(frozen=True, slots=True)
class Tier:
    """Units up to `up_to` in all, those of earlier tiers included, cost `price` each; None has no end."""

    price: float
    up_to: float | None = None


def tiered(amount: float, tiers: Sequence[Tier]) -> float:
    """What `amount` units cost when each tier's units have their own price."""
    cost, below = 0.0, 0.0
    for tier in tiers:
        end = math.inf if tier.up_to is None else tier.up_to
        cost += max(0.0, min(amount, end) - below) * tier.price
        below = end
    return cost


class Formula:
    """One formula that has been read. Raises MalformedError for anything that is not one."""

    def __init__(self, text: str) -> None:
        self.text = " ".join(text.split())
        if len(self.text) > LONGEST:
            raise MalformedError(f"a formula of more than {LONGEST} characters", "split it into two meters")
        try:
            self._body = ast.parse(self.text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise MalformedError(f"'{shown(self.text)}' is not a formula", _HINT) from None
        self.names: frozenset[str] = frozenset(self._check(self._body))

    @property
    def is_tiered(self) -> bool:
        return any(
            isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tiered"
            for node in ast.walk(self._body)
        )

    def _check(self, node: ast.expr) -> set[str]:
        """The names in it."""
        match node:
            case ast.Constant(value=bool()):
                pass
            case ast.Constant(value=int() | float() as number) if math.isfinite(number):
                return set()
            case ast.Name(id=name):
                return {name}
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                return self._check(operand)
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
                return self._check(left) | self._check(right)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _ARITY:
                least, most = _ARITY[name]
                if not least <= len(arguments) <= most:
                    raise MalformedError(f"{name}() takes {_several(least, most)}", _HINT)
                return set().union(*map(self._check, arguments))
            case _:
                pass
        part = ast.get_source_segment(self.text, node) or self.text
        raise MalformedError(f"'{shown(part)}' does not belong in a formula", _HINT)

    def value(self, names: Mapping[str, float], tiers: Sequence[Tier] = ()) -> float:
        """Raises ZeroDivisionError, and OverflowError where the result is no number."""
        result = self._value(self._body, names, tiers)
        if not math.isfinite(result):
            raise OverflowError(self.text)
        return result

    def _value(self, node: ast.expr, names: Mapping[str, float], tiers: Sequence[Tier]) -> float:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name):
                return float(names[name])
            case ast.UnaryOp(op=sign, operand=operand):
                value = self._value(operand, names, tiers)
                return -value if isinstance(sign, ast.USub) else value
            case ast.BinOp(left=left, op=sign, right=right):
                _, apply = _OPERATORS[type(sign)]
                return apply(self._value(left, names, tiers), self._value(right, names, tiers))
            case ast.Call(func=ast.Name(id=name), args=arguments):
                values = [self._value(argument, names, tiers) for argument in arguments]
                return tiered(values[0], tiers) if name == "tiered" else float(_FUNCTIONS[name](*values))
            case _:
                raise AssertionError("checked when it was read")

    def filled_in(self, names: Mapping[str, float]) -> str:
        """The formula with the numbers in place of the names."""
        tree = ast.parse(self.text, mode="eval").body
        text = self.text
        places = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in names]
        for node in sorted(places, key=lambda node: node.col_offset, reverse=True):
            end = node.end_col_offset or node.col_offset
            # Offsets count UTF-8 bytes; a name that is not ASCII is no quantity, so nothing before it moves.
            text = text[: node.col_offset] + readable(names[node.id]) + text[end:]
        return text


def readable(number: float) -> str:
    """With no more digits than tell something, and without commas, which part the values of a function.

    What is shown can be pasted into any calculator, and gives the bill.
    """
    if number == int(number) and abs(number) < 1e15:
        return f"{int(number)}"
    return f"{number:.2f}" if abs(number) >= 1e6 else f"{number:.9g}"


def _several(least: int, most: int) -> str:
    return f"{least} or more values" if most > least else f"{least} value"


_FUNCTIONS: dict[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "ceil": math.ceil,
    "floor": math.floor,
}
_ARITY = {"min": (2, 20), "max": (2, 20), "ceil": (1, 1), "floor": (1, 1), "tiered": (1, 1)}
FUNCTIONS = frozenset(_ARITY)
