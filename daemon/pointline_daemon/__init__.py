"""The application: one process that keeps one lake.

    watcher ──hint──▶ Inbox ──▶ intake ──groups──▶ worker pool ──parts──▶ committer ──▶ silver, manifest
                        ▲      (step 1)             (step 2)              (steps 3, 4)        │
    rescanner ──────────┘ bronze anti-join manifest                     maintenance ◀─────────┘

Every box is a thread with a name, and the supervisor, on the main thread, owns them all: it starts them, stops them in
the order that keeps promises, and ends the process when one of them ends by itself. Hints may come late, double or
never; the rescanner compares the folder with the manifest, and that is the truth.

What the committer and the maintenance tell is added up in one account; the supervisor publishes it with the state of
all parts, to a file for `pointline status`, and where a port is set a thread of its own answers for it.
"""
