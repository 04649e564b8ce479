"""The HTTP gateway: what other systems send becomes records of the In zone; ``console/serve.py`` serves it."""
