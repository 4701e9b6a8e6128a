"""What arrives in bronze: watched, scanned, waited for, and closed into batches."""
