"""Exact arithmetic on what is written: numbers, expressions and the equations in somebody's notes."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

_SMALL: Final = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
WORDS: Final = {
    **{w: n for n, w in enumerate(f"{_SMALL} seventeen eighteen nineteen".split())},
    **{w: n * 10 for n, w in enumerate(re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety"), 2)},
    "hundred": 100,
    "dozen": 12,
    "twice": 2,
    "half": 2,
}
NUMBER: Final = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_EXPRESSION: Final = re.compile(
    rf"(?<![\w.])[(\s]*(?:{NUMBER})(?:[)\s]*(?:[-+*/×·÷−]|\bx\b|\btimes\b|\bplus\b|\bminus\b|\bdivided by\b)[(\s]*"
    rf"(?:{NUMBER}))+\s*\)*",
)
_SIGNS: Final = {"×": "*", "·": "*", "÷": "/", "−": "-", "x": "*", "times": "*", "plus": "+", "minus": "-"}
_WORDED: Final = re.compile(r"[×·÷−]|\bx\b|\btimes\b|\bplus\b|\bminus\b|\bdivided by\b")
_EQUATION: Final = re.compile(rf"=\s*(?:about )?[$€£]?\s*(-?(?:{NUMBER}))")
_OPERATORS: Final[dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@dataclass(frozen=True, slots=True)
class Equation:
    """`left = right` as somebody wrote it, and the value the left side really has (None: not an expression)."""

    left: str
    right: Fraction
    value: Fraction | None
    end: int

    @property
    def holds(self) -> bool:
        """Whether both sides are equal."""
        return self.value is not None and self.value == self.right


def number(text: str) -> Fraction | None:
    """The value of one number in digits ("1,250.5") or one number word, or None."""
    bare = text.strip().lower()
    if re.fullmatch(rf"-?(?:{NUMBER})", bare):
        return Fraction(bare.replace(",", ""))
    if bare in WORDS:
        return Fraction(WORDS[bare])
    tens, dash, ones = bare.partition("-")
    return Fraction(WORDS[tens] + WORDS[ones]) if dash and tens in WORDS and ones in WORDS else None


def numbers(text: str) -> list[Fraction]:
    """The numbers a text has in digits, in order, signs left out."""
    return [Fraction(n.replace(",", "")) for n in re.findall(rf"(?<![\w.])(?:{NUMBER})(?![\d])", text)]


def show(value: Fraction) -> str:
    """A number as people write it: whole, as a decimal that ends within four places, or else rounded to two."""
    if value.denominator == 1:
        return str(value.numerator)
    places = next((p for p in range(1, 5) if (value * 10**p).denominator == 1), 2)
    return f"{float(value):.{places}f}"


def evaluate(expression: str) -> Fraction | None:
    """The exact value of an expression of numbers, + - * / and brackets; None for anything else, as 1/0 is."""
    text = _WORDED.sub(lambda m: _SIGNS.get(m.group(), "/"), expression.replace(",", ""))
    if len(text) > 200:
        return None
    try:
        return _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, KeyError, RecursionError):
        return None


def _value(node: ast.expr) -> Fraction:
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_value(node.left), _value(node.right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return Fraction(str(node.value))
    raise ValueError("not arithmetic")


def expression_in(text: str) -> str | None:
    """The longest expression that a text spells out, or None. "1939-1945" is a span of years, not a subtraction."""
    found = [m.group().strip() for m in _EXPRESSION.finditer(text)]
    found = [e for e in found if not re.fullmatch(r"\d{4}\s*[-−]\s*\d{2,4}", e) and evaluate(e) is not None]
    best = max(found, key=len, default=None)
    return best.strip("() ") if best and best.count("(") != best.count(")") else best


def steps_of(expression: str) -> list[tuple[str, Fraction, str]]:
    """How an expression is worked out, innermost and strongest first: (part, its value, what remains), to the end."""
    text = _WORDED.sub(lambda m: _SIGNS.get(m.group(), "/"), expression.replace(",", ""))
    text = re.sub(r"\s*([-+*/])\s*", r" \1 ", text)
    steps = []
    while (part := _next_part(text)) is not None:
        value = evaluate(part)
        if value is None:
            return []
        before, after = text.split(part, 1)
        if before.endswith("(") and after.startswith(")"):
            before, after = before[:-1], after[1:]
        text = f"{before}{show(value)}{after}"
        steps.append((part, value, text))
    return steps


def _next_part(text: str) -> str | None:
    inner = re.findall(r"\(([^()]*)\)", text)
    scope = inner[0] if inner else text
    for signs in (r"[*/]", r"[-+]"):
        found = re.search(rf"(?:{NUMBER}) {signs} (?:{NUMBER})", scope)
        if found:
            return found.group()
    return None


def equations(text: str) -> list[Equation]:
    """Every equation in a text, in order, with what its left side is really worth. Units and currency do not matter."""
    found = []
    for match in _EQUATION.finditer(text):
        before = re.split(r"[=\n;:]|(?<=[a-z])\.\s|,\s", text[: match.start()])[-1]
        bare = re.sub(r"[$€£]", "", before)
        worded = re.sub(r"(?<![\w.])(?!(?:x|times|plus|minus)\b)[A-Za-z][A-Za-z'’-]*", " ", bare)
        left = expression_in(" ".join(worded.split())) or ""
        found.append(Equation(left, Fraction(match.group(1).replace(",", "")), evaluate(left), match.end()))
    return found
