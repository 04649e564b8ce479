"""The page where people decide, its REST interface and its event stream; ``serve.py`` joins them to the gateway."""
