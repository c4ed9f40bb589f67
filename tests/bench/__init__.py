"""What the orchestration costs beside a bare HTTP client, as ratios measured in one run: `make bench`."""
