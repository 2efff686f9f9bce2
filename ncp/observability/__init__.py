"""What an operator sees of a running gateway: logs (and metrics, health)."""
