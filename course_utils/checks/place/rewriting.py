"""A function's source, rewritten so that every sub-expression tells its value, and otherwise does the same.

``scores = q @ k.T / 2`` becomes ``scores = tell(4, tell(2, tell(0, q) @ tell(1, k).T) / tell(3, 2))``: each number
stands for one `Node`. What feeds what is known from the nesting; where a name got its value, from the assignments.
"""

import ast
from dataclasses import dataclass, field

__all__ = ["PUT", "TELL", "Book", "Node", "rewrite"]

TELL, PUT = "__place_tell__", "__place_put__"
_TOLD = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Call, ast.Tuple, ast.List, ast.ListComp,
         ast.GeneratorExp)


_GROWS = {"append", "extend", "insert"}


@dataclass
class Node:
    """One expression of a source, or one statement that writes into an array.

    Attributes
    ----------
    number : int
        Its place in the book.
    kind : str
        Name of its class in `ast`, "Given" for a parameter, "Put" for a write in place, "Return".
    source : Source
        Where it stands.
    span : tuple of int
        First line, first column, last line, last column, as `ast` counts them.
    statement : tuple of int
        First and last line of the statement to which it belongs.
    word : str
        The name, the attribute, the function or the operator.
    parts : list of int
        The expressions directly inside it.
    controls : tuple of int
        Conditions and loops that decide whether it is reached, innermost last.
    sources : tuple
        For a name: the list, still growing, of what is assigned to it in its function.
    dropped : bool
        Whether it is a statement of its own, so that nothing uses its value.
    """

    number: int
    kind: str
    source: object
    span: tuple
    statement: tuple
    word: str = ""
    parts: list = field(default_factory=list)
    controls: tuple = ()
    sources: tuple = ()
    dropped: bool = False


class Book(list):
    """All nodes of an answer and of the functions that it calls."""


class _Rewriter(ast.NodeTransformer):
    def __init__(self, book, source):
        self.book, self.source = book, source
        self.open, self.statement, self.controls = [[]], (0, 0), ()
        self.scopes = [{}]

    def new(self, node, kind, word=""):
        made = Node(len(self.book), kind, self.source,
                    (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset), self.statement, word,
                    controls=self.controls)
        self.book.append(made)
        self.open[-1].append(made.number)
        return made

    def inside(self, visit):
        """Visit, and give what was visited and the nodes found directly inside."""
        self.open.append([])
        result = visit()
        return result, self.open.pop()

    # --- expressions ---

    def visit(self, node):
        if isinstance(node, ast.stmt):
            return self.visit_statement(node)
        return super().visit(node)

    def generic_visit(self, node):
        if not isinstance(node, _TOLD) or isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
            return super().generic_visit(node)
        made = self.new(node, type(node).__name__, _word(node))
        inner, made.parts = self.inside(lambda: self._inner(node))
        return _call(TELL, made.number, inner)

    def _inner(self, node):
        if isinstance(node, ast.Call):  # the function itself is no value, but what stands before its dot is one
            if isinstance(node.func, ast.Attribute):
                node.func.value = self.visit(node.func.value)
            elif not isinstance(node.func, ast.Name):
                node.func = self.visit(node.func)
            node.args = [self.visit(each) for each in node.args]
            for keyword in node.keywords:
                keyword.value = self.visit(keyword.value)
            return node
        if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            self._comprehension(node)
            node.elt = self.visit(node.elt)
            return node
        return super().generic_visit(node)

    def _comprehension(self, node):
        for each in node.generators:
            each.iter, found = self.inside(lambda each=each: self.visit(each.iter))
            self.open[-1] += found
            self.assign(each.target, found)
            each.ifs = [self.visit(test) for test in each.ifs]

    def visit_SetComp(self, node):
        self._comprehension(node)
        node.elt = self.visit(node.elt)
        return node

    def visit_DictComp(self, node):
        self._comprehension(node)
        node.key, node.value = self.visit(node.key), self.visit(node.value)
        return node

    def _simple(self, node, word):
        if not isinstance(node.ctx, ast.Load):
            return super().generic_visit(node)
        made = self.new(node, type(node).__name__, word)
        inner, made.parts = self.inside(lambda: super(_Rewriter, self).generic_visit(node))
        return _call(TELL, made.number, inner)

    def visit_Attribute(self, node):
        return self._simple(node, node.attr)

    def visit_Subscript(self, node):
        return self._simple(node, "[]")

    def visit_Name(self, node):
        if not isinstance(node.ctx, ast.Load):
            return node
        made = self.new(node, "Name", node.id)
        made.sources = next((scope[node.id] for scope in reversed(self.scopes) if node.id in scope),
                            self.scopes[-1].setdefault(node.id, []))
        return _call(TELL, made.number, node)

    def visit_Constant(self, node):
        if type(node.value) not in (int, float, bool):
            return node
        return _call(TELL, self.new(node, "Constant", repr(node.value)).number, node)

    def visit_UnaryOp(self, node):
        if isinstance(node.op, (ast.USub, ast.UAdd)) and isinstance(node.operand, ast.Constant) and type(
                node.operand.value) in (int, float):  # a number with its sign is one number
            return _call(TELL, self.new(node, "Constant", ast.unparse(node)).number, node)
        return self.generic_visit(node)

    def visit_JoinedStr(self, node):
        return node

    def visit_NamedExpr(self, node):
        node.value, found = self.inside(lambda: self.visit(node.value))
        self.open[-1] += found
        self.assign(node.target, found)
        return node

    def visit_Lambda(self, node):
        self.scopes.append({a.arg: [] for a in _arguments(node.args)})
        node.body = self.visit(node.body)
        self.scopes.pop()
        return node

    # --- statements ---

    def assign(self, target, found):
        for each in ast.walk(target):
            if isinstance(each, ast.Name):
                self.scopes[-1].setdefault(each.id, []).extend(found)

    def visit_statement(self, node):
        before = self.statement
        last = max([node.lineno, *(n.end_lineno for n in _head(node))])
        self.statement = (node.lineno, last)
        result = getattr(self, f"visit_{type(node).__name__}", super().generic_visit)(node)
        self.statement = before
        return result

    def visit_Expr(self, node):
        node.value, found = self.inside(lambda: self.visit(node.value))
        for number in found:
            self.book[number].dropped = True
        inner = node.value.args[1] if found and isinstance(node.value, ast.Call) else node.value
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr in _GROWS:
            self.assign(_name_of(inner.func.value), found)
        names = {n.args[1].id for n in ast.walk(inner) if _is_told(n) and isinstance(n.args[1], ast.Name)}
        if isinstance(inner, ast.Call) and names:  # it may have written into what it was given
            return [node, *(self.put(node, ast.Name(name, ast.Load()), found, "touched") for name in sorted(names))]
        return node

    def visit_Return(self, node):
        if node.value is None:
            return node
        made = self.new(node, "Return")
        node.value, made.parts = self.inside(lambda: self.visit(node.value))
        node.value = _call(TELL, made.number, node.value)
        return node

    def visit_Assign(self, node):
        node.value, found = self.inside(lambda: self.visit(node.value))
        after = []
        for target in node.targets:
            if isinstance(target, (ast.Subscript, ast.Attribute)):
                after.append((target, self.visit_target(target)))
            else:
                self.visit(target)
                self.assign(target, found)
        return [node, *(self.put(node, _base(target), [*found, *inner], "item")
                        for target, inner in after if _base(target) is not None)]

    def visit_AnnAssign(self, node):
        if node.value is None:
            return node
        node.value, found = self.inside(lambda: self.visit(node.value))
        self.assign(node.target, found)
        return node

    def visit_AugAssign(self, node):
        node.value, found = self.inside(lambda: self.visit(node.value))
        if isinstance(node.target, ast.Name):
            name = node.target.id
            before = self.new(node.target, "Name", name)
            before.sources = self.scopes[-1].setdefault(name, [])
            first = ast.Expr(_call(TELL, before.number, ast.Name(name, ast.Load())))
            put = self.put(node, ast.Name(name, ast.Load()), [*found, before.number], "again", name)
            return [ast.fix_missing_locations(ast.copy_location(first, node)), node, put]
        inner = self.visit_target(node.target)
        base = _base(node.target)
        return [node, self.put(node, base, [*found, *inner], "item")] if base is not None else node

    def visit_target(self, target):
        """Visit what stands in a target (an index), and give the nodes in it."""
        _, found = self.inside(lambda: super(_Rewriter, self).generic_visit(target))
        return found

    def put(self, node, base, parts, word, name=None):
        """The statement after a write: it tells what the array holds now."""
        made = self.new(node, "Put", word)
        made.parts = parts
        told = _call(PUT, made.number, base)
        if name:
            self.scopes[-1].setdefault(name, []).append(made.number)
        statement = ast.Assign([ast.Name(name, ast.Store())], told) if name else ast.Expr(told)
        return ast.fix_missing_locations(ast.copy_location(statement, node))

    def _controlled(self, found, *bodies):
        before = self.controls
        self.controls = (*before, *found)
        done = [[each for statement in body for each in _listed(self.visit(statement))] for body in bodies]
        self.controls = before
        return done

    def visit_If(self, node):
        node.test, found = self.inside(lambda: self.visit(node.test))
        node.body, node.orelse = self._controlled(found, node.body, node.orelse)
        return node

    visit_While = visit_If

    def visit_For(self, node):
        node.iter, found = self.inside(lambda: self.visit(node.iter))
        self.visit(node.target)
        self.assign(node.target, found)
        node.body, node.orelse = self._controlled(found, node.body, node.orelse)
        return node

    def visit_FunctionDef(self, node):
        node.decorator_list, node.returns = [], None
        given = _arguments(node.args)
        self.source.defaults.update(_defaults(node.args))
        for each in given:
            each.annotation = None
        self.scopes.append({each.arg: [] for each in given})
        controls, self.controls = self.controls, ()
        node.body = [each for statement in node.body for each in _listed(self.visit(statement))]
        self.controls = controls
        self.scopes.pop()
        return node

    def visit_ClassDef(self, node):
        self.scopes.append({})
        node.body = [self.visit(each) if isinstance(each, ast.FunctionDef) else each for each in node.body]
        self.scopes.pop()
        return node

    def visit_Import(self, node):
        return node

    visit_ImportFrom = visit_Global = visit_Nonlocal = visit_Delete = visit_Import
    visit_Match = visit_AsyncFunctionDef = visit_Import


def rewrite(tree, book, source):
    """Rewrite a function or class in place.

    Parameters
    ----------
    tree : ast.FunctionDef or ast.ClassDef
    book : Book
        Gets a node for each expression.
    source : object
        What each node keeps as its `source`.

    Returns
    -------
    ast.FunctionDef or ast.ClassDef
    """
    return ast.fix_missing_locations(_Rewriter(book, source).visit(tree))


def _call(function, number, node):
    call = ast.Call(ast.Name(function, ast.Load()), [ast.Constant(number), node], [])
    return ast.fix_missing_locations(ast.copy_location(call, node))


def _is_told(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == TELL


def _word(node):
    if isinstance(node, ast.Call):
        return getattr(node.func, "attr", getattr(node.func, "id", ""))
    return type(node.op).__name__ if hasattr(node, "op") else ""


def _base(target):
    """The name of the array into which a target writes; None for an attribute of an object."""
    while isinstance(target, ast.Subscript):
        target = target.value
        if isinstance(target, ast.Call):  # it has been rewritten already
            target = target.args[1] if _is_told(target) else None
    return ast.Name(target.id, ast.Load()) if isinstance(target, ast.Name) else None


def _name_of(node):
    node = node.args[1] if _is_told(node) else node
    return ast.Name(node.id, ast.Store()) if isinstance(node, ast.Name) else ast.Tuple([], ast.Store())


def _arguments(args):
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]


def _defaults(args):
    """Where the default of each parameter stands."""
    plain = [*args.posonlyargs, *args.args]
    pairs = [*zip(plain[len(plain) - len(args.defaults):], args.defaults), *zip(args.kwonlyargs, args.kw_defaults)]
    return {a.arg: (d.lineno, d.col_offset, d.end_lineno, d.end_col_offset) for a, d in pairs if d is not None}


def _listed(result):
    return result if isinstance(result, list) else [result]


def _head(node):
    """The expressions of a statement itself, without the statements in its body."""
    return [child for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.expr)] if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) else []
