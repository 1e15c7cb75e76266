"""Which groups of a table stay without numbers, so that nobody can compute those of a small one from the others."""

from collections.abc import Mapping, Set


def hidden(sizes: Mapping[str, int], people_min: int) -> Set[str]:
    """The groups below the threshold, and as many of the next larger ones as it takes.

    A reader has the total, and so what all hidden groups are together: that must be at least the threshold, and of
    more than one group. Groups without anybody are shown as none.
    """
    small = {group for group, n in sizes.items() if 0 < n < people_min}
    ranked = sorted((n, group) for group, n in sizes.items() if n >= people_min)
    while small and ranked and (len(small) < 2 or sum(sizes[one] for one in small) < people_min):
        small.add(ranked.pop(0)[1])
    return small
