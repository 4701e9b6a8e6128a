"""What the services ask of storage. Adapters in the folders beside implement it; nothing here touches a disk."""
