"""`pycouple generate`: text from a real language model, with drafts and without, and whether it is the same text.

`session` runs it, `engine` is the model, `drafters` are those that need none, `detokenizer` makes text of tokens as
they come. Needs the extra "transformers".
"""
