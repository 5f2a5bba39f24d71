"""Changes of one operator, number, condition or call of a file's syntax tree, for benchmarks/mutation.py."""

from __future__ import annotations

import ast
import copy

BINARY = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
          ast.FloorDiv: ast.Div, ast.Mod: ast.FloorDiv, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd}  # fmt: skip
COMPARE = {ast.Lt: [ast.LtE, ast.GtE], ast.LtE: [ast.Lt, ast.Gt], ast.Gt: [ast.GtE, ast.LtE],
           ast.GtE: [ast.Gt, ast.Lt], ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.Is: [ast.IsNot],
           ast.IsNot: [ast.Is], ast.In: [ast.NotIn], ast.NotIn: [ast.In]}  # fmt: skip
CALLS = {"minimum": "maximum", "maximum": "minimum", "min": "max", "max": "min", "sin": "cos", "cos": "sin",
         "floor": "ceil", "ceil": "floor", "log1p": "log", "expm1": "exp", "any": "all", "all": "any",
         "sqrt": "square", "exp": "expm1", "log": "log1p", "sum": "prod", "cumsum": "cumprod",
         "argmax": "argmin"}  # fmt: skip
LOOK = {"lw", "ls", "ms", "mew", "mfc", "marker", "alpha", "zorder", "color", "fontsize", "figsize", "size", "pad",
        "width_ratios", "height_ratios", "bbox_to_anchor", "borderaxespad", "ncols", "columnspacing", "shrink",
        "rotation", "labelsize", "handlelength", "handletextpad", "linewidth", "elinewidth", "shrinkA", "shrinkB",
        "relpos", "va", "ha", "labelpad", "xytext"}  # fmt: skip
LOOKS = {"shade", "set_size_inches", "legend", "tick_params"}  # calls about looks alone
STYLES = {"LINES", "MARKERS", "COLOURS"}  # of plots/style.py


def sites(tree: ast.Module) -> list:
    """(node, change) of every place that can be changed.

    Left out: messages, annotations, numbers below 1e-5, and arguments that are the look of a figure alone.
    """
    skipped = set()
    for node in ast.walk(tree):
        for outer in _not_behaviour(node):
            skipped |= {id(inner) for inner in ast.walk(outer)}
    found = []
    for node in ast.walk(tree):
        if id(node) not in skipped:
            found += [(node, change) for change in changes_of(node)]
    return found


def _not_behaviour(node):
    """Parts of a node that say, declare or decorate."""
    if isinstance(node, ast.Raise | ast.JoinedStr):
        return [node]
    if isinstance(node, ast.AnnAssign):
        return [node.annotation]
    if isinstance(node, ast.keyword) and node.arg in LOOK:
        return [node]
    if isinstance(node, ast.Call) and _name(node.func) in LOOKS:
        return [node]
    if isinstance(node, ast.Assign) and _name(node.targets[0]) in STYLES:
        return [node]
    if isinstance(node, ast.Dict):
        return [v for k, v in zip(node.keys, node.values, strict=True) if getattr(k, "value", None) in LOOK]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        arguments = (*node.args.args, *node.args.kwonlyargs)
        parts = [a.annotation for a in arguments if a.annotation]
        returns = getattr(node, "returns", None)
        return parts + [returns] if returns else parts
    return []


def _name(function):
    return getattr(function, "attr", getattr(function, "id", None))


def changes_of(node: ast.AST):
    """Names of the changes of one node."""
    if isinstance(node, ast.BinOp | ast.AugAssign) and BINARY.get(type(node.op)):
        yield f"{type(node.op).__name__} → {BINARY[type(node.op)].__name__}"
    elif isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            yield from (f"{i}: {type(op).__name__} → {new.__name__}" for new in COMPARE.get(type(op), ()))
    elif isinstance(node, ast.BoolOp):
        yield "and ↔ or"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not | ast.Invert):
        yield f"without {type(node.op).__name__}"
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} → {not node.value}"
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float) and not 0 < abs(node.value) < 1e-5:
        yield f"{node.value} → {_other(node.value)}"
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
        yield f"{node.func.attr} → {CALLS[node.func.attr]}"
    elif isinstance(node, ast.IfExp | ast.If | ast.While):
        yield "condition negated"


def _other(value):
    if isinstance(value, int):
        return value + 1
    return value * 2 if value else 1.0


def changed(tree: ast.Module, number: int):
    """A copy of the tree with its `number`th change made; what it is, and its line."""
    tree = copy.deepcopy(tree)
    node, change = sites(tree)[number]
    if isinstance(node, ast.BinOp | ast.AugAssign):
        node.op = BINARY[type(node.op)]()
    elif isinstance(node, ast.Compare):
        i, _, names = change.partition(": ")
        node.ops[int(i)] = getattr(ast, names.partition(" → ")[2])()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
    elif isinstance(node, ast.UnaryOp):
        node.op = ast.UAdd()
    elif isinstance(node, ast.Constant):
        node.value = (not node.value) if isinstance(node.value, bool) else _other(node.value)
    elif isinstance(node, ast.Call):
        node.func.attr = CALLS[node.func.attr]
    else:
        node.test = ast.UnaryOp(ast.Not(), node.test)
    return ast.fix_missing_locations(tree), change, node.lineno
