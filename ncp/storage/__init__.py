"""What the gateway has to remember between requests and share between its worker processes; nothing clinical."""
