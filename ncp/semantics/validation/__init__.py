"""Whether a clinical document keeps the rules: own checks, XML schema, Schematron (``docs/validation.md``)."""
