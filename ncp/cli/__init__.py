"""The command line: ``ncp serve``, ``ncp demo``, ``ncp config check`` and the rest; see ``ncp --help``."""
