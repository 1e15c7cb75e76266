"""What all four services stand on. Without `events/` it could run a parcel company."""
