"""What a file seen in bronze is to the ledger: known, touched, moved, a newer version of a known path, or new.

Content hashes settle what paths, sizes and times cannot; a file is read for that only where its size leaves a doubt.
A version has left its path when the file there is gone or is another one: so a rename is told from a copy, also where
two files have changed places.
"""
