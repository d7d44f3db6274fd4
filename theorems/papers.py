"""The papers whose claims are here, in the order of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """One paper.

    Args:
        arxiv: its id.
        title: what its claims are about, in a few words.
        package: the package of `theorems` that holds them.
    """

    arxiv: str
    title: str
    package: str

    @property
    def url(self) -> str:
        """The abstract page."""
        return f"https://arxiv.org/abs/{self.arxiv}"


PAPERS = (
    Paper("2601.00276", "Task-driven kernel flows", "kernel_flow"),
    Paper("2509.25637", "Preconditioned feature learning", "preconditioning"),
    Paper("2605.17718", "Function space after one large gradient step", "function_space"),
    Paper("2605.06258", "The weight Gram matrix and feature learning", "feature_learning"),
    Paper("2606.09744", "Fields on the training set and their Gram hierarchy", "gram_hierarchy"),
)


def paper_title(arxiv: str, tag: str) -> str:
    """What a claim's paper is about; conjectures, and what every observation presupposes, are of
    none.
    """
    named = next((paper.title for paper in PAPERS if paper.arxiv == arxiv), arxiv)
    return named or ("Conjectures" if tag == "conjecture" else "Preconditions")
