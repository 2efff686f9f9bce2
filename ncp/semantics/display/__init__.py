"""A patient summary for people: ``compose`` decides what is said, ``page`` and ``plain`` write it
(``docs/display.md``).
"""
