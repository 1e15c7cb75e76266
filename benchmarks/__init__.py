"""Speed, shown as ratios measured side by side in one run; never a timed test. Results: docs/performance.md."""
