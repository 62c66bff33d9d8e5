"""Stand-ins for other trackers, for scripts that change no more than their import."""
