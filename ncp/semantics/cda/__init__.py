"""The parts of the CDA R2 reader; ``ncp.semantics.read_cda`` is the way in."""
