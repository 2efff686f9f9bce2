"""Data that ships with the gateway: patients of the demonstration, search masks, labels, fonts. No code."""
