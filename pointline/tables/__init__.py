"""The domain: what a row of each table is. Pure Polars; no paths, no Delta, no clock, no logging."""
