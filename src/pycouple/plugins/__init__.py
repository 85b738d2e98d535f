"""Coupled sampling inside language model engines: one module an engine, and an extra for each.

Nothing here is imported unless asked for.
"""
