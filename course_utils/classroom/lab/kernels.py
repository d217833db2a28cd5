"""Running a notebook in a kernel of its own: from top to bottom, or cell by cell as a person would."""

import contextlib
import copy
import os
import tempfile
import uuid

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from traitlets import default

__all__ = ["open_notebook", "run_notebook"]


class _ThisPython(KernelSpecManager):
    """Whatever kernel a notebook names, take the interpreter that runs now.

    A kernel called python3 that somebody once registered for all their notebooks would win otherwise.
    """

    def get_kernel_spec(self, kernel_name):
        from ipykernel.kernelspec import RESOURCES, get_kernel_dict

        return self.kernel_spec_class(resource_dir=RESOURCES, **get_kernel_dict())


class _Manager(AsyncKernelManager):
    # A port is chosen before the kernel takes it, so two kernels that start at once may choose the same.
    @default("transport")
    def _files_and_no_ports(self):
        return "tcp" if os.name == "nt" else "ipc"

    @default("ip")
    def _short_name(self):  # of a socket's file: the system allows about a hundred characters
        name = f"course-{uuid.uuid4().hex[:12]}"
        return "127.0.0.1" if os.name == "nt" else os.path.join(tempfile.gettempdir(), name)

    @default("kernel_spec_manager")
    def _this_python(self):
        return _ThisPython(parent=self)


def run_notebook(notebook, folder, *, timeout=300, env=None):
    """Execute a notebook in place, in a new kernel of this Python, and stop at the first error.

    Parameters
    ----------
    notebook : NotebookNode
        The notebook, version 4. Its outputs, execution counts and widget state are replaced.
    folder : path
        The kernel's working folder.
    timeout : float, seconds
        For one cell.
    env : mapping of str to str, optional
        Set in the kernel on top of this process's environment.

    Returns
    -------
    NotebookNode
        The same notebook.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        A cell raised an exception and has no tag ``raises-exception``.
    """
    return _client(notebook, folder, timeout).execute(env={**os.environ, **(env or {})})


@contextlib.contextmanager
def open_notebook(notebook, folder, *, timeout=300, env=None):
    """Start a notebook's kernel and run single cells in it, in any order and as often as wanted.

    Parameters
    ----------
    notebook, folder, timeout, env
        As in `run_notebook`.

    Yields
    ------
    callable
        ``run(cell) -> list of outputs``. The cell itself is left as it is, and an error is among the outputs.
    """
    client = _client(notebook, folder, timeout, allow_errors=True)
    with client.setup_kernel(env={**os.environ, **(env or {})}):
        def run(cell):
            client.nb.cells = [copy.deepcopy(cell)]
            return client.execute_cell(client.nb.cells[0], 0).outputs

        yield run


def _client(notebook, folder, timeout, **options):
    return NotebookClient(
        notebook, timeout=timeout, startup_timeout=180, record_timing=False, kernel_manager_class=_Manager,
        extra_arguments=["--log-level=ERROR"],  # else each kernel warns that loopback is not encrypted
        resources={"metadata": {"path": str(folder)}}, **options)
