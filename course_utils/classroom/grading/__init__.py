"""Grading homework: the judge reads and compares, a child runs; they exchange arrays and nothing else.

What a child can do is compute. On Linux (x86-64, 64-bit ARM) it cannot start a process or a thread, open a
connection, signal anybody, write any file, or read one that is not Python's own; it has limits for processor time,
time and memory; it has never seen a test, a reference or another submission. `Zygote.fences` says which of these
stand on this machine:

- "system calls": a filter (seccomp); without it, a child could start processes and connections within its limits,
  and send signals;
- "files": Landlock, or bubblewrap where it is installed; without it, only Python's own import and open are fenced,
  which code that means harm gets round: keep source notebooks and exercises from being readable to others then;
- "unprivileged user": where grading runs as root; otherwise children run as whoever grades;
- where there is no fork (Windows, macOS) each child is an interpreter of its own, with time limits and little more,
  and several jobs are done one after the other.

What it does not promise: that the kernel has no hole, that an input a student has seen is not learnt by heart (draw
inputs with `Exercise.drawn`), or that an answer comes from who handed it in.
"""
