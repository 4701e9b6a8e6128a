"""Descriptions that are not finished: how one begins, and what it leaves open."""
