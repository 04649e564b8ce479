"""The log shipper: follows growing files and sends them to a gateway, whole and once."""
