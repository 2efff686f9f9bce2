"""The program's own rules of a patient summary; ``ncp.semantics.validation.own.run`` applies them."""
