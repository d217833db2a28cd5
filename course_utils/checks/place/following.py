"""Making an answer again from its source, rewritten, together with the functions that it calls and that are to be seen.

Defaults, closures and the notebook's names stay what they are; what a function writes into its notebook's names stays
in a copy. Where the source is not what runs, or looks at itself, there is nothing to follow.
"""

import ast
import copy
import functools
import inspect
import linecache
import types

from course_utils.checks.place.rewriting import PUT, TELL, Book, rewrite
from course_utils.checks.places import is_cell, own_files
from course_utils.checks.slips.source import definition_of, named_in, parsed

__all__ = ["Followed", "NotFollowed", "Source"]

# An answer that names one of these may do something else when it is rewritten or run again.
_LOOKS_ROUND = {"input", "open", "exec", "eval", "compile", "globals", "locals", "vars", "inspect", "sys", "gc",
                "ctypes", "threading", "Thread", "ThreadPoolExecutor", "concurrent", "multiprocessing",
                "subprocess", "socket", "traceback", "__code__", "__globals__", "__closure__", "__source__",
                "_getframe", "settrace", "breakpoint", "time", "perf_counter", "process_time", "__file__",
                "getsource", "signal", "dis", "ast", "linecache", "get_ipython", "display"}
_LONGEST = 400  # lines of one function or class


class NotFollowed(Exception):
    """Why an answer cannot be followed."""


class Source:
    """One function or class that is followed: its lines, and whether it stands in the answer's own cell."""

    def __init__(self, name, file, home):
        self.name, self.file, self.home, self.defaults = name, file, home, {}

    def line(self, number):
        return linecache.getline(self.file, number).rstrip("\n")


class Followed:
    """An answer made again so that it tells its values.

    Parameters
    ----------
    answer : callable
        A function, a class, or a partial of one.
    follows : callable, optional
        ``follows(function) -> bool``: which functions that it calls are made again too; those of a notebook's cells
        and of the answer's own file if left out.

    Attributes
    ----------
    answer : callable
        The new one.
    book : Book
    """

    def __init__(self, answer, follows=None):
        self.home = own_files(answer)
        self.follows = follows or (lambda function: is_cell(function.__code__.co_filename)
                                   or function.__code__.co_filename in self.home)
        self.book, self._made, self._names = Book(), {}, {}
        self.tell = self.put = None  # set by whoever records
        self.answer = self._again(answer, must=True)

    def _again(self, thing, must=False):
        """Make a function or class again; give back as it is what is not to be followed."""
        if id(thing) in self._made:
            return self._made[id(thing)][0]
        if isinstance(thing, functools.partial):
            return functools.partial(self._again(thing.func, must), *thing.args, **thing.keywords)
        try:
            if inspect.isfunction(thing) and (must or self.follows(inspect.unwrap(thing))):
                return self._function(thing)
            if inspect.isclass(thing) and (must or any(map(is_cell, own_files(thing)))):
                return self._class(thing)
        except NotFollowed:
            if must:
                raise
        except (OSError, SyntaxError, LookupError, TypeError) as error:
            if must:
                raise NotFollowed(str(error)) from None
        if must:
            raise NotFollowed("neither a function nor a class")
        return thing

    def _function(self, wrapped):
        function = inspect.unwrap(wrapped)
        code = function.__code__
        if code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR) or named_in(code) & _LOOKS_ROUND:
            raise NotFollowed("it looks at more than its arguments")
        tree = definition_of(parsed(code.co_filename), code)
        if tree is None or tree.end_lineno - tree.lineno > _LONGEST:
            raise NotFollowed("no source, or too long a one")
        tree = _as_function(copy.deepcopy(tree))
        plain = _code_in(copy.deepcopy(tree), code.co_freevars, code.co_filename)
        if _looks(plain) != _looks(code):
            raise NotFollowed("the source is not what runs")
        source = Source(code.co_name, code.co_filename, code.co_filename in self.home)
        new = _code_in(rewrite(tree, self.book, source), code.co_freevars, f"<place {code.co_name}>")
        cells = tuple(types.CellType() for _ in new.co_freevars)
        # Those it calls may call it: it is known before they are made.
        made = types.FunctionType(new, self._names_of(function), function.__name__, None, cells)
        self._made[id(wrapped)] = (made, wrapped)
        old = dict(zip(code.co_freevars, function.__closure__ or ()))
        for name, cell in zip(made.__code__.co_freevars, cells):
            try:
                cell.cell_contents = self._again(old[name].cell_contents)
            except ValueError:  # empty as yet
                pass
        made.__defaults__ = tuple(map(self._again, function.__defaults__ or ())) or None
        made.__kwdefaults__ = {k: self._again(v) for k, v in (function.__kwdefaults__ or {}).items()} or None
        self._follow_names(code, made.__globals__)
        return made

    def _class(self, thing):
        methods = [part for part in vars(thing).values() if inspect.isfunction(part)]
        if not methods or "<locals>" in thing.__qualname__:
            raise NotFollowed("a class without methods, or made by a function")
        if any(named_in(method.__code__) & _LOOKS_ROUND for method in methods):
            raise NotFollowed("it looks at more than its arguments")
        file = methods[0].__code__.co_filename
        found = [node for node in ast.walk(parsed(file)) if isinstance(node, ast.ClassDef)
                 and node.name == thing.__name__]
        if not found or found[-1].end_lineno - found[-1].lineno > _LONGEST:
            raise NotFollowed("no source, or too long a one")
        names = self._names_of(methods[0])
        self._made[id(thing)] = (thing, thing)
        for method in methods:
            self._follow_names(method.__code__, names)
        for base in thing.__bases__:
            names[base.__name__] = self._again(base) if base.__name__ in names else base
        tree = rewrite(copy.deepcopy(found[-1]), self.book, Source(thing.__name__, file, file in self.home))
        exec(compile(ast.Module([tree], []), f"<place {thing.__name__}>", "exec"), names)
        self._made[id(thing)] = (names[thing.__name__], thing)
        return names[thing.__name__]

    def _names_of(self, function):
        key = id(function.__globals__)
        if key not in self._names:
            self._names[key] = {**function.__globals__, TELL: lambda number, value: self.tell(number, value),
                                PUT: lambda number, value: self.put(number, value)}
        return self._names[key]

    def _follow_names(self, code, names):
        for name in sorted(named_in(code) & names.keys()):
            if inspect.isfunction(names[name]) or inspect.isclass(names[name]):
                names[name] = self._again(names[name])


def _looks(code):
    """What two codes of the same source have in common wherever they were compiled: names and constants, in order."""
    return code.co_names, code.co_varnames, [repr(each) for each in code.co_consts if not inspect.iscode(each)]


def _as_function(tree):
    if isinstance(tree, ast.FunctionDef):
        tree.decorator_list = []
        return tree
    made = ast.FunctionDef("answer", tree.args, [ast.copy_location(ast.Return(tree.body), tree.body)], [])
    return ast.fix_missing_locations(ast.copy_location(made, tree))


def _code_in(tree, free, filename):
    """Compile one function; the names that it finds in a closure are given to it by another around it."""
    tree.decorator_list = []
    body = [*([ast.Global([tree.name])] if tree.name not in free else []),  # it may call itself
            *(ast.Assign([ast.Name(name, ast.Store())], ast.Constant(None)) for name in free), tree]
    none = ast.arguments([], [], None, [], [], None, [])
    outer = ast.FunctionDef("around", none, body, [])
    module = ast.fix_missing_locations(ast.Module([ast.copy_location(outer, tree)], []))
    code = compile(module, filename, "exec", dont_inherit=True)
    around = next(c for c in code.co_consts if inspect.iscode(c))
    return next(c for c in around.co_consts if inspect.iscode(c) and c.co_name == tree.name)
