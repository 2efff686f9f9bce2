"""Cross Gateway Query and Retrieve (IHE ITI-38 and ITI-39, XCA): which documents are there, give me one.

Pure: facts, messages (frozen dataclasses), readers and writers of both roles.
"""
