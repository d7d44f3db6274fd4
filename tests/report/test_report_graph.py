"""Relations between claims, and the graph that the report draws of them."""

from evidences import catalogue

from theorems import CLAIMS
from theorems import catalogue as contents
from theorems.related import KINDS, RELATED
from theorems.report.evidence import Run
from theorems.report.graph import GAP_Y, WIDTH, draw

NAMES = frozenset(claim.name for claim in CLAIMS)


def test_relations_are_between_claims_and_none_is_said_twice():
    assert {name for s, _, o in RELATED for name in (s, o)} <= NAMES
    assert {kind for _, kind, _ in RELATED} <= set(KINDS)
    pairs = [(kind, frozenset((s, o))) for s, kind, o in RELATED]
    assert len(set(pairs)) == len(pairs)
    assert all(s != o for s, _, o in RELATED)


def test_whatever_is_kept_as_stated_leads_to_what_holds():
    corrected = {s: o for s, kind, o in RELATED if kind == "corrected by"}
    stated = {claim.name for claim in CLAIMS if claim.expected.name == "REFUTED"}
    assert set(corrected) == stated, "add the missing ones to theorems.related"
    for name, other in getattr(contents, "CORRECTED", {}).items():
        assert (name, "corrected by", other) in RELATED


def test_what_is_used_and_what_uses_it_form_no_circle():
    import networkx as nx

    assert nx.is_directed_acyclic_graph(
        nx.DiGraph((s, o) for s, kind, o in RELATED if kind == "used by")
    )


def test_boxes_of_the_graph_do_not_overlap_and_stand_in_order():
    run = Run(catalogue())
    assert set(run.relations) == set(RELATED)
    drawn = set()
    for claims in run.papers.values():
        drawing = draw([c.name for c in claims], run.relations)
        drawn |= {(e.subject, e.kind, e.other) for e in drawing.edges}
        for i, a in enumerate(drawing.boxes):
            assert 0 <= a.x <= drawing.width - WIDTH
            assert 0 <= a.y <= drawing.height - a.height
            for b in drawing.boxes[:i]:
                assert (
                    a.column != b.column
                    or abs(a.middle - b.middle) >= (a.height + b.height) / 2 + GAP_Y - 1e-6
                )
        column = {box.name: box.column for box in drawing.boxes}
        for edge in drawing.edges:
            if edge.kind in ("used by", "corrected by"):
                assert column[edge.subject] < column[edge.other]
            if edge.kind == "special case of":
                assert column[edge.other] < column[edge.subject]
    assert drawn == set(RELATED)


def test_a_circle_of_relations_is_drawn_all_the_same():
    relations = [
        ("a", "used by", "b"),
        ("b", "used by", "c"),
        ("c", "used by", "a"),
        ("a", "rhymes with", "c"),
        ("b", "used by", "b"),
    ]
    assert len(draw(["a", "b", "c", "d"], relations[:4]).edges) == 4
    assert draw([], []).edges == []
