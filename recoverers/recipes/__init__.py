"""One file per strategy: facts, plan, steps with probe and undo, verification factors."""
