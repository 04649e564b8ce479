"""The vocabulary: every record that crosses a topic, its contract and the table of topics; imports nothing of ours."""
