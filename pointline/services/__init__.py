"""The order of effects: read, transform, check, write, record. Knows Protocols, never storage."""
