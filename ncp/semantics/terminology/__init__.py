"""The terminology catalogue: codes, their names in every language, value sets and national mappings.

``catalogue.Catalogue`` is what documents are read with; ``importing.build_release`` makes what it reads. Only
``release_file``, ``catalogue``, ``sources`` and ``shipped`` touch files; the readers of every format are pure.
"""
