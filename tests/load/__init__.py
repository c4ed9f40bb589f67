"""What a service must bear: many clients, bad connections, and cuts."""
