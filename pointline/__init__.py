"""Pointline: a folder of vendor files becomes a market-data lake of Delta tables."""
