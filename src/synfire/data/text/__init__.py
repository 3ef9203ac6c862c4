"""Text for language models: corpora, vocabularies, and windows of tokens."""

from synfire.data.text.corpus import Corpus, HuggingFaceText, PythonSources, TextFiles
from synfire.data.text.encoded import Encoded
from synfire.data.text.vocabulary import Bytes, Subwords, Vocabulary, Words, restore_vocabulary

__all__ = [
    "Bytes",
    "Corpus",
    "Encoded",
    "HuggingFaceText",
    "PythonSources",
    "Subwords",
    "TextFiles",
    "Vocabulary",
    "Words",
    "restore_vocabulary",
]
