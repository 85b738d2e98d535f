"""Coupled sampling inside language model engines: one module per engine, and an extra for each.

Nothing here is imported unless asked for.
"""
