"""How the files of docs/vectors are written: JSON with one entry a line."""

import json


def write(path, vectors):
    lines = []
    for name, value in vectors.items():
        if isinstance(value, list):
            inner = ",\n".join("    " + json.dumps(v) for v in value)
            lines.append(f"  {json.dumps(name)}: [\n{inner}\n  ]")
        else:
            lines.append(f"  {json.dumps(name)}: {json.dumps(value)}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
