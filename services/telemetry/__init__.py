"""What an operator hears of the service: traces, metrics, and what ties them and the logs together."""
