"""The `pycouple` command and all that only it uses: `parser` is its command line, `main` runs it."""
