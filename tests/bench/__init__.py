"""The benchmarks: what the lake costs beside the bare Polars line on the same files, in the same run.

    python -m tests.bench [NAME ...] [--quick] [--runs N] [--json FILE] [--markdown] [--profile] [--peers]
                          [--scratch DIR]

Read in this order: ``works`` (what is measured, what it must reach), ``throughput`` (the interleaved runs), ``lake`` (a
lake and its processes), ``bare`` (the line to compare with). Input is made once, by ``inputs``, which also keeps the
sums that every benchmark must find in the lake at its end.
"""
