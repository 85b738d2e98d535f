"""`pycouple reproduce`: the claims of the papers as experiments, each one table and one picture.

`claims` lists them, `runner` runs them, `report` writes the page of HTML; each experiment has a file, that of `list`
being `list_of_drafts`. Needs the extra "demo".
"""
