"""What an answer needs from its notebook: its own cell, and what its names lead to in other cells.

Not the whole notebook is run: a stray cell, an endless one or one that breaks costs nothing. From other cells come
the imports, functions, classes and values that the answer names, directly or through each other.
"""

import ast
import builtins
import functools
import inspect
import re

__all__ = ["Step", "statements_in", "steps", "used_by"]

_MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)


class Step:
    """A piece of code that is run at once.

    Attributes
    ----------
    cell : str
        Name of the cell, for line numbers.
    code : code object
    must : bool
        Whether an error in it is an error of the answer.
    """

    def __init__(self, cell, statements, must):
        self.cell, self.must = cell, must
        self.code = compile(ast.Module(list(statements), []), f"<{cell}>", "exec")

    def names(self, module, code=None):
        """Whether it imports a module, or something in it, or reads an attribute of that name."""
        code = code or self.code
        return (any(name.split(".")[0] == module for name in code.co_names)
                or any(self.names(module, inner) for inner in code.co_consts if inspect.iscode(inner)))


def steps(wanted, answer, given, others):
    """Choose what is run for one answer, in order.

    Parameters
    ----------
    wanted : str
        Name of the function or class that is asked for.
    answer : str or None
        Source of the answer cell; None if there is none.
    given : sequence of str
        Code cells of the assignment itself, as they were released.
    others : sequence of str
        The student's other code cells.

    Returns
    -------
    list of Step

    Raises
    ------
    SyntaxError
        If the answer cell is no Python.
    """
    own = _statements("answer", answer) if answer is not None else []
    known = set(dir(builtins)).union(*(_bound(statement) for statement in own))
    missing = ({wanted} - known).union(*(used_by(statement) for statement in own)) - known
    # What the assignment gives comes first: a student who rebinds it elsewhere has changed nothing.
    pools = [_pool("given", given), _pool("cell", [source for source in others if source not in given])]
    taken = [set(), set()]
    while missing:
        more = set()
        for pool, mine in zip(pools, taken):
            found = {i for i, (_, statement, bound) in enumerate(pool) if bound & missing} - mine
            mine |= found
            known |= missing & set().union(*(pool[i][2] for i in found))
            missing -= known
            more |= set().union(*(used_by(pool[i][1]) for i in found))
        missing = more - known
    chosen = [pool[i] for pool, mine in zip(pools, taken) for i in sorted(mine)]
    return [*(Step(cell, [statement], False) for cell, statement, _ in chosen), Step("answer", own, True)]


def _pool(name, sources):
    return [(f"{name} {i}", *found) for i, source in enumerate(sources) for found in statements_in(source)]


def _statements(name, source):
    try:
        return ast.parse(source, f"<{name}>").body
    except SyntaxError:
        plain = _MAGIC.sub(r"\1pass", source)  # %timeit and !ls are for IPython; line numbers stay
        if plain == source:
            raise
        return ast.parse(plain, f"<{name}>").body


@functools.lru_cache(60)  # a child loads several answers out of the same cells, and the judge has many students
def statements_in(source):
    """Read a cell: its statements with the names that each gives a meaning to; none if it is no Python."""
    try:
        return [(statement, _bound(statement)) for statement in _statements("cell", source)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _bound(statement):
    """Names that a statement at the top of a cell gives a meaning to."""
    names, todo = set(), [statement]
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            continue
        todo.extend(ast.iter_child_nodes(node))
    return names


def used_by(statement):
    """Names that a statement looks up outside itself, now or when what it defines is called.

    Locals of a function are none of them, unless they are called like an attribute that is read there.
    """
    written = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    try:
        return written & _looked_up(compile(ast.Module([statement], []), "<statement>", "exec", dont_inherit=True))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return written


def _looked_up(code):
    """Names of globals and of attributes, in a piece of code and in all that it holds."""
    return set(code.co_names).union(*(_looked_up(inner) for inner in code.co_consts if inspect.iscode(inner)))
