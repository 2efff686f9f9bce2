"""The service that portals of the own country call: OpenNCP's client connector, its token service, our own operations.

Knows the contract of portals. Leaves to the port (``NcpB``) everything that verifies, sends or decides.
"""
