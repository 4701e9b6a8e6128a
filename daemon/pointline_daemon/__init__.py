"""The application: one process that keeps one lake.

    watcher ──hint──▶ Inbox ──▶ intake ──groups──▶ worker pool ──parts──▶ committer ──▶ silver, manifest
                        ▲      (step 1)             (step 2)              (steps 3, 4)        │
    rescanner ──────────┘ bronze anti-join manifest                     maintenance ◀─────────┘

Every box is a thread with a name, and the supervisor, on the main thread, owns them all: it starts them, stops them in
the order that keeps promises, and ends the process when one of them ends by itself. Hints may come late, double or
never; the rescanner compares the folder with the manifest, and that is the truth. How the boxes are connected is in
``process/components.py``, which thread runs which in ``process/threads.py``.

What the committer and the maintenance tell is added up in one account; the supervisor publishes it with the state of
all parts, to a file for `pointline status`, and where a port is set a thread of its own answers for it.

The way of one file is in five files, in this order:

1. ``arrival/intake.py`` here: a path becomes a file version, and versions a batch.
2. ``pointline/vendors/feeds.py``: which description a path is of, and what it says of the rows.
3. ``pointline/services/loading/rows_load.py``: bytes become typed rows in data files that nobody sees yet.
4. ``pointline/services/ingest/effects.py``: what becomes of each file of a batch, and the order of effects.
5. ``pointline/io/delta/table/writer.py``: one commit makes the rows visible, and the ledger follows.
"""
