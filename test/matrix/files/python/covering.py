"""A few combinations instead of all: rows such that every pair of values of two factors occurs in one of them."""

from itertools import combinations


def covering(factors: dict[str, list], is_valid=lambda row: True) -> list[dict]:
    """Greedy and without chance: the same factors give the same rows. Pairs that no valid row holds are left out."""
    names = list(factors)
    open_pairs = {
        (one, a, other, b)
        for one, other in combinations(names, 2)
        for a in factors[one]
        for b in factors[other]
    }
    rows = []
    for pair in sorted(open_pairs, key=repr):
        if pair not in open_pairs:
            continue
        row = _extended({pair[0]: pair[1], pair[2]: pair[3]}, names, factors, open_pairs, is_valid)
        if row is None:
            open_pairs.discard(pair)
            continue
        rows.append({name: row[name] for name in names})
        open_pairs -= _pairs(row, names)
    return rows


def _pairs(row: dict, names: list[str]) -> set:
    return {(a, row[a], b, row[b]) for a, b in combinations([n for n in names if n in row], 2)}


def _extended(row: dict, names, factors, open_pairs, is_valid) -> dict | None:
    """The row with all factors, which covers as many open pairs as can be seen one factor at a time; or None."""
    missing = [name for name in names if name not in row]
    if not missing:
        return row if is_valid(row) else None
    name = missing[0]
    gain = lambda value: len(_pairs({**row, name: value}, names) & open_pairs)
    for value in sorted(factors[name], key=lambda value: -gain(value)):
        found = _extended({**row, name: value}, names, factors, open_pairs, is_valid)
        if found is not None:
            return found
    return None
