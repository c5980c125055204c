"""What other clients notice of clients that mean harm."""
