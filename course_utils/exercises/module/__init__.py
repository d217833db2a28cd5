"""Exercises of lesson 08: multi-head attention as a module, and PyTorch's."""
