"""The fuzzer: random calls of every public function, each compared bit for bit with another way to the same result."""
