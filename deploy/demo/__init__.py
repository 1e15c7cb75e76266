"""The two organisations of the demo. Both enter by import and by the public doors alone."""
