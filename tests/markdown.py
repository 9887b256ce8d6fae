"""Whether a text that Markdown is made of can hold data that did not go through `tubelet.reports.literal`: read from the source."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.markdown_calls import BLOCK_KEYWORDS, BLOCKS, COMMON, KEYWORDS, TEXTS

LITERAL = {"literal", "literal_block", "literal_cell", "literal_sentence"}
NUMBERS = {"len", "round", "int", "float", "sum", "min", "max", "abs"}
KEEPING = {
    "join",
    "strip",
    "capitalize",
    "format",
    "replace",
    "removesuffix",
    "lower",
    "upper",
}  # methods of text that add nothing but their arguments
UNITS = {
    "number",
    "count",
    "size",
    "duration",
    "span",
}  # of tubelet.dashboard.units: numbers beside the nouns that they are given
TYPE = "Markdown"
OURS = {
    "columns",
    "describe",
    "describe_field",
    "describe_form",
    "describe_functions",
    "format_help_table",
}  # functions that repeat texts of ours: those of `tubelet.store.schema`, of the Help page and of the options of commands
FIELDS = {
    "text",
    "markdown",
    "title",
    "label",
    "caption",
    "anchor",
    "help",
}  # of blocks, judged where a block is made


@dataclass
class Module:
    """One source file: what its constants, functions and classes are."""

    path: Path
    tree: ast.Module = field(init=False)
    functions: dict[str, ast.FunctionDef] = field(init=False)
    classes: list[ast.ClassDef] = field(init=False)
    imported: dict[str, str] = field(init=False)  # names, and the module that each comes from

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.path.read_text())
        nodes = list(ast.walk(self.tree))
        found = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
        self.imported = {
            alias.name: node.module.rpartition(".")[2] for node in found for alias in node.names
        }
        self.functions = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}
        self.classes = [node for node in nodes if isinstance(node, ast.ClassDef)]


class Checker:
    """Judges expressions within one function of a module. `known` names what is Markdown in all modules."""

    def __init__(self, module: Module, function: ast.AST, known: "Known") -> None:
        self.module, self.function, self.known = module, function, known
        self.judging: set[str] = set()

    def safe(self, node: ast.AST | None) -> bool:
        if node is None:
            return True
        judge = getattr(self, f"_{type(node).__name__.lower()}", None)
        return judge is not None and judge(node)

    def _constant(self, node: ast.Constant) -> bool:
        return True

    def _joinedstr(self, node: ast.JoinedStr) -> bool:
        return all(
            isinstance(part, ast.Constant)
            or _is_number_format(part.format_spec)
            or self.safe(part.value)
            for part in node.values
        )

    def _call(self, node: ast.Call) -> bool:
        name = _name(node.func)
        if name in LITERAL | NUMBERS:
            return True
        if self.known.returns(name, self.module):
            return True
        if self.module.imported.get(name) == "wording":  # a count beside the noun that it is given
            return all(map(self.safe, node.args[1:]))
        if isinstance(node.func, ast.Attribute):
            if _name(node.func.value) == "units" and name in UNITS:
                return name == "size" or all(
                    map(self.safe, node.args[-1:] if name == "span" else node.args[1:])
                )
            if name == "get":
                return self._of_constant(node.func.value) and all(map(self.safe, node.args[1:]))
            if name in KEEPING:
                return self.safe(node.func.value) and all(map(self.safe, node.args))
        if name in ("items", "values", "keys") and isinstance(node.func, ast.Attribute):
            return self._of_constant(node.func.value)
        if name == "map":
            return _name(node.args[0]) in LITERAL
        return name in {"list", "sorted", "dict", "tuple"} and all(map(self.safe, node.args))

    def _binop(self, node: ast.BinOp) -> bool:
        if isinstance(node.op, ast.Add):
            return self.safe(node.left) and self.safe(node.right)
        return not isinstance(node.op, ast.Mod) and (
            self.safe(node.left)
            or self.safe(node.right)
            or isinstance(node.op, ast.Sub | ast.Div | ast.FloorDiv | ast.Pow)
        )

    def _ifexp(self, node: ast.IfExp) -> bool:
        return self.safe(node.body) and self.safe(node.orelse)

    def _boolop(self, node: ast.BoolOp) -> bool:
        return all(map(self.safe, node.values))

    def _list(self, node: ast.List) -> bool:
        return all(map(self.safe, node.elts))

    _tuple = _set = _list

    def _starred(self, node: ast.Starred) -> bool:
        return self.safe(node.value)

    def _dict(self, node: ast.Dict) -> bool:
        return all(map(self.safe, (*node.keys, *node.values)))

    def _listcomp(self, node: ast.ListComp) -> bool:
        return self.safe(node.elt)

    _generatorexp = _setcomp = _listcomp

    def _compare(self, node: ast.Compare) -> bool:
        return True

    def _attribute(self, node: ast.Attribute) -> bool:
        if (
            isinstance(node.value, ast.Name)
            and node.attr in FIELDS
            and set(_annotations(self.function, node.value.id))
            & (set(BLOCKS) | {"Picture | Table"})
        ):
            return True
        return (
            node.attr in self.known.properties
            or self._of_constant(node)
            or (isinstance(node.value, ast.Name) and self.safe(node.value))
        )

    def _subscript(self, node: ast.Subscript) -> bool:
        return self._of_constant(node) or self.safe(node.value)

    def _of_constant(self, node: ast.AST) -> bool:
        """Something out of a constant of a module."""
        while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
            if isinstance(node, ast.Attribute) and node.attr.isupper():
                return True
            node = node.func if isinstance(node, ast.Call) else node.value
        return isinstance(node, ast.Name) and node.id.isupper()

    def _name(self, node: ast.Name) -> bool:
        if node.id.isupper():
            return True
        if node.id in self.judging:
            return True
        self.judging.add(node.id)
        try:
            given = list(_values(self.function, node.id))
            return bool(given) and all(value is True or self.safe(value) for value in given)
        finally:
            self.judging.discard(node.id)


def _values(function: ast.AST, name: str) -> Iterator[ast.AST | bool]:
    """Every value that a name is given in a function; True for a parameter that is Markdown or a number, a node that is not safe for others."""
    for node in ast.walk(function):
        if isinstance(node, ast.arg) and node.arg == name:
            kind = ast.unparse(node.annotation) if node.annotation else ""
            yield (
                True
                if kind in (TYPE, f"list[{TYPE}]", "int", "float", "float | None", "bool")
                else ast.Await(value=ast.Constant(0))
            )
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _bound(target, node.value, name)
        elif (
            isinstance(node, ast.AugAssign | ast.AnnAssign | ast.NamedExpr)
            and _name(node.target) == name
            and node.value is not None
        ):
            yield node.value
        elif isinstance(node, ast.For | ast.comprehension):
            yield from _looped(node.target, node.iter, name)
        elif (isinstance(node, ast.ExceptHandler) and node.name == name) or (
            isinstance(node, ast.withitem) and _name(node.optional_vars) == name
        ):
            yield ast.Await(value=ast.Constant(0))


def _bound(target: ast.AST, value: ast.AST, name: str) -> Iterator[ast.AST]:
    if _name(target) == name:
        yield value
    elif (
        isinstance(target, ast.Tuple)
        and isinstance(value, ast.Tuple)
        and len(target.elts) == len(value.elts)
    ):
        for one, other in zip(target.elts, value.elts):
            yield from _bound(one, other, name)
    elif isinstance(target, ast.Tuple) and any(_name(one) == name for one in ast.walk(target)):
        yield value


def _looped(target: ast.AST, iterated: ast.AST, name: str) -> Iterator[ast.AST]:
    if not any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(target)):
        return
    numbered = isinstance(iterated, ast.Call) and _name(iterated.func) in ("range", "enumerate")
    if numbered and (
        _name(target) == name or (isinstance(target, ast.Tuple) and _name(target.elts[0]) == name)
    ):
        yield ast.Constant(0)
    elif numbered:
        yield iterated.args[0]
    elif (
        isinstance(target, ast.Tuple)
        and isinstance(iterated, ast.Tuple)
        and all(isinstance(row, ast.Tuple) for row in iterated.elts)
    ):
        place = next(place for place, one in enumerate(target.elts) if _name(one) == name)
        yield from (row.elts[place] for row in iterated.elts)
    else:
        yield iterated


def _is_number_format(spec: ast.JoinedStr | None) -> bool:
    """A format that only numbers take: text raises there."""
    if spec is None or not all(isinstance(part, ast.Constant) for part in spec.values):
        return False
    text = "".join(part.value for part in spec.values)
    return text[-1:] in tuple("dfge%n") or text.endswith(",") or "," in text


def _name(node: ast.AST | None) -> str:
    return (
        node.id
        if isinstance(node, ast.Name)
        else node.attr
        if isinstance(node, ast.Attribute)
        else ""
    )


@dataclass(frozen=True)
class Known:
    """What is Markdown by its annotation, and so has to be: results of functions, properties, parameters."""

    functions: frozenset[str]
    properties: frozenset[str]
    parameters: dict[str, dict[str, int]]  # of a function: name and place

    @classmethod
    def of(cls, modules: list[Module]) -> "Known":
        every = [node for module in modules for node in module.functions.values()]
        made = [
            node for node in every if node.returns is not None and TYPE in ast.unparse(node.returns)
        ]
        properties = {
            node.name
            for node in made
            if any(_name(one) == "property" for one in node.decorator_list)
        }
        classes = [
            node
            for module in modules
            if module.path.parent.name != "reports"
            for node in module.classes
        ]
        fields = {node.name: _markdown_fields(node) for node in classes if _markdown_fields(node)}
        properties |= {name for named in fields.values() for name in named}
        parameters = fields | {
            f"{module.path.stem}.{name}": _markdown_parameters(node)
            for module in modules
            for name, node in module.functions.items()
            if _markdown_parameters(node)
        }
        return cls(frozenset(node.name for node in made), frozenset(properties), parameters)

    def returns(self, name: str, module: Module) -> bool:
        """A module's own function of a name comes before another's."""
        own = module.functions.get(name)
        return (
            name in self.functions
            if own is None
            else own.returns is not None and TYPE in ast.unparse(own.returns)
        )


def _markdown_parameters(function: ast.FunctionDef) -> dict[str, int]:
    return {
        arg.arg: place
        for place, arg in enumerate(function.args.args)
        if arg.annotation and TYPE in ast.unparse(arg.annotation)
    }


def _markdown_fields(made: ast.ClassDef) -> dict[str, int]:
    fields = [node for node in made.body if isinstance(node, ast.AnnAssign)]
    return {
        _name(node.target): place
        for place, node in enumerate(fields)
        if ast.unparse(node.annotation) == TYPE
    }


def _annotations(function: ast.AST, name: str) -> list[str]:
    return [
        ast.unparse(node.annotation)
        for node in ast.walk(function)
        if isinstance(node, ast.arg) and node.arg == name and node.annotation
    ]


def unsafe(module: Module, known: Known) -> Iterator[str]:
    """Every place of a module where data can become Markdown."""
    for function in _scopes(module.tree):
        checker = Checker(module, function, known)
        name = getattr(function, "name", "")
        promises = known.returns(name, module) and name not in LITERAL | OURS
        for node in _own(function):
            if isinstance(node, ast.Call):
                yield from (
                    f"{module.path.name}:{arg.lineno}: {ast.unparse(arg)}"
                    for arg in _texts(node, module, known)
                    if not checker.safe(arg)
                )
            elif isinstance(node, ast.Return) and promises and not checker.safe(node.value):
                yield f"{module.path.name}:{node.lineno}: {ast.unparse(node)}"


def _scopes(tree: ast.Module) -> Iterator[ast.AST]:
    yield tree
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions inside it."""
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef):
            waiting += ast.iter_child_nodes(node)


def _texts(call: ast.Call, module: Module, known: Known) -> list[ast.AST]:
    """The arguments of a call that are drawn as Markdown."""
    name, method = _name(call.func), isinstance(call.func, ast.Attribute)
    if not method and name in BLOCKS and module.imported.get(name) == "blocks":
        places, keywords = set(BLOCKS[name]), BLOCK_KEYWORDS
    elif method and name in TEXTS and not (name in COMMON and _name(call.func.value) != "st"):
        places, keywords = set(TEXTS[name]), KEYWORDS
    else:
        own = module.functions.get(name)
        of = _name(call.func.value) if method else module.imported.get(name, "")
        asked = (
            known.parameters.get(f"{of}.{name}") or known.parameters.get(name, {})
            if own is None or method
            else _markdown_parameters(own)
        )
        places, keywords = set(asked.values()), {"help", *asked}
    return [arg for place, arg in enumerate(call.args) if place in places] + [
        word.value for word in call.keywords if word.arg in keywords
    ]
