"""What commands show as documents, and documents in five formats."""
