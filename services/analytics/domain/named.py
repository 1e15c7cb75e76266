"""The names that answers and files give in `definition`: formulas, and the number of how often they have changed.

Whoever changes a formula raises the number of each name that it is in; docs/statistics.md says which those are.
"""

CHANGE, PAIRED, RATES, LASTING = "change-1", "paired-1", "rates-2", "lasting-3"
SITES, EQUITY, COMPARISON = "sites-3", "equity-3", "comparison-3"
ADOPTION = "adoption-1"
RETENTION, DOSE, TREND = "retention-2", "dose-2", "trend-1"
