"""What paths in bronze say: pure string work, nothing here touches a disk."""
