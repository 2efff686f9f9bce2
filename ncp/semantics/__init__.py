"""What documents mean: a document model without XML, the readers that fill it, and the terminology catalogue.

``docs/document-model.md`` and ``docs/terminology.md`` show the whole of it.
"""
