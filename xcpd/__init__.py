"""Cross Gateway Patient Discovery (IHE ITI-55, XCPD): who is the person with these traits?

Pure: facts, messages (frozen dataclasses), readers and writers of both roles, and the International Search Mask.
"""
