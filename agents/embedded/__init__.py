"""A real small student on a laptop: packaged weights, run by llama.cpp in a child process, spoken to over loopback."""
