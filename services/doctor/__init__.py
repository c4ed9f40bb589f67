"""`teachback doctor`: looks at everything that a service needs, changes nothing, and says what to do."""
