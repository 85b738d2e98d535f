"""The `pycouple` command and all that only it uses; `main` runs it."""
