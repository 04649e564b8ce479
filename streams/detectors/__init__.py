"""One detector a file: each turns events of one kind into outputs and keeps its state on a shelf; called by ``streams/detect.py``."""
