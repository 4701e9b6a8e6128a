"""What is in a file of bronze: unpacked, as blocks of lines, with the hash of the bytes that were read."""
