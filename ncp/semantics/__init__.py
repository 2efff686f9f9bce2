"""What a patient summary says: a document model without XML, and the readers that fill it. No I/O.

``docs/document-model.md`` shows the whole of it.
"""
