"""The log in a stream of NATS JetStream: published there, and read from there. `client` alone needs nats-py."""
